//! A small key-value store: what it has acknowledged outlives `kill -9`, and no write runs twice.
//!
//! ```sh
//! cargo run --release --example kv                                    # a short demonstration
//! cargo run --release --example kv -- serve --file store.log          # a store at 127.0.0.1:7001, until Ctrl-C or SIGTERM
//! cargo run --release --example kv -- put conductor Tchaikovsky
//! cargo run --release --example kv -- cas conductor Tchaikovsky Damrosch
//! cargo run --release --example kv -- get conductor --at 127.0.0.1:7001
//! ```
//!
//! The exit code of a call: 0 done; 1 refused by the store, which changed nothing (no such key, another value); 2 a mistake in
//! the command line; 3 not executed, so it may be called again; 4 unknown whether it was executed; 5 executed, but the answer is lost.
//! A store ends with 0 when it is stopped, with 1 when it cannot serve.

#[path = "kv/command.rs"]
mod command;
#[path = "kv/demonstration.rs"]
mod demonstration;
#[path = "kv/log.rs"]
mod log;
#[path = "kv/service.rs"]
mod service;
#[path = "kv/store.rs"]
mod store;

use carnegie::Server;
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Any error, in words for the person at the keyboard.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Where a store listens and is looked for, if nothing else is said.
const ADDRESS: &str = "127.0.0.1:7001";

/// A key-value store and its client. Without a command: a short demonstration.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// The address of the store that is called, or several with commas between.
    #[arg(long, value_name = "ADDRESS", default_value = ADDRESS, global = true)]
    at: String,
}

#[derive(Subcommand)]
enum Role {
    /// Serves a store until Ctrl-C or SIGTERM.
    Serve {
        /// The log that the store lives in. It is made if it is not there.
        #[arg(long)]
        file: PathBuf,
        #[arg(long, value_name = "ADDRESS", default_value = ADDRESS)]
        listen: String,
        /// Waits for the disk at each write, so that power cuts do no harm either.
        #[arg(long)]
        sync: bool,
    },
    #[command(flatten)]
    Call(command::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { role, at } = Arguments::parse();
    let done = match role {
        None => demonstration::show().await,
        Some(Role::Serve { file, listen, sync }) => serve(&file, listen, sync).await,
        Some(Role::Call(command)) => return command::run(&command, at).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kv: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(file: &Path, listen: String, sync: bool) -> Result<()> {
    let store = store::Store::open(file, sync)?;
    let server = Server::new().add(service::KeyValueServer::new(store.clone())).bind(listen).await?;
    println!("{} keys in {}, at {}", store.len(), file.display(), server.local_addresses().join(", "));
    server.run_until(carnegie::stop_signal()).await?;
    Ok(())
}
