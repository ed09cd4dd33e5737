//! The command line: one call, its answer on standard output, what went wrong on standard error and as exit code.

use crate::service::KeyValueClient;
use crate::store::Written;
use carnegie::{Call, CallError, Client, Execution, Resolution};
use clap::Subcommand;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// How long it waits for what became of a call.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call to be made.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Prints the value of a key.
    Get { key: String },
    /// Sets a key. Prints the value that it had.
    Put { key: String, value: String },
    /// Sets a key that is not there.
    Create { key: String, value: String },
    /// Sets a key whose value is OLD to NEW.
    Cas { key: String, old: String, new: String },
    /// Adds to the end of a key's value. Prints the value that it had.
    Append { key: String, more: String },
    /// Removes a key. Prints the value that it had.
    Delete { key: String },
}

/// How it ended.
enum End {
    Done(Option<String>),
    /// The store was asked, and changed nothing.
    No(String),
    Failed(Execution, String),
}

/// Calls the store at `address`, or at the first one that serves of several with commas between.
pub(crate) async fn run(command: &Command, address: String) -> ExitCode {
    let end = match carnegie::connect(address).await {
        Ok(store) => call(command, &store).await,
        Err(error) => End::Failed(error.execution(), format!("{error} (not executed)")),
    };
    match end {
        End::Done(value) => {
            value.into_iter().for_each(|value| println!("{value}"));
            ExitCode::SUCCESS
        }
        End::No(why) => {
            eprintln!("kv: {why}; nothing was changed");
            ExitCode::from(1)
        }
        End::Failed(execution, why) => {
            eprintln!("kv: {why}");
            ExitCode::from(match execution {
                Execution::NotExecuted => 3,
                Execution::Unknown => 4,
                Execution::Executed => 5,
            })
        }
    }
}

async fn call(command: &Command, store: &KeyValueClient) -> End {
    match command {
        Command::Get { key } => match store.get(key).await {
            Ok(Some(value)) => End::Done(Some(value)),
            Ok(None) => End::No("there is no such key".into()),
            Err(error) => End::Failed(error.execution(), error.to_string()),
        },
        Command::Put { key, value } => write(store, store.put(key, value)).await,
        Command::Create { key, value } => write(store, store.compare_and_set(key, None, value)).await,
        Command::Cas { key, old, new } => {
            write(store, store.compare_and_set(key, Some(old.clone()), new)).await
        }
        Command::Append { key, more } => write(store, store.append(key, more)).await,
        Command::Delete { key } => write(store, store.delete(key)).await,
    }
}

/// Makes a call that must not run twice. If it ends without it being known whether it ran, the store is asked.
async fn write(store: &KeyValueClient, call: Call<'_, Written>) -> End {
    let error = match call.await {
        Ok(before) => return End::Done(before),
        Err(CallError::Application(refused)) => return End::No(refused.to_string()),
        Err(CallError::Failed(error)) => error,
    };
    let (Execution::Unknown, Some(call)) = (error.execution(), error.request_id()) else {
        return End::Failed(error.execution(), error.to_string());
    };
    match timeout(PATIENCE, store.resolve::<Written>(call)).await {
        Ok(Resolution::Executed(Some(Ok(before)))) => End::Done(before),
        Ok(Resolution::Executed(Some(Err(CallError::Application(refused))))) => End::No(refused.to_string()),
        Ok(Resolution::Executed(_)) => {
            End::Failed(Execution::Executed, format!("{error}; meanwhile: executed"))
        }
        Ok(Resolution::NotExecuted) => End::Failed(
            Execution::NotExecuted,
            format!("{error}; meanwhile: not executed, and it never will be"),
        ),
        Ok(Resolution::Unknown { .. }) | Err(_) => End::Failed(Execution::Unknown, error.to_string()),
    }
}
