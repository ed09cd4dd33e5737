//! What the programs of this folder have in common: processes on CPUs of their own, a server to load, calls that are sent at
//! their time whatever became of those before.

pub mod attack;
pub mod host;
pub mod open_loop;
pub mod outcome;
pub mod serve;
pub mod service;
pub mod stats;

/// What any part of a program can fail with; it only ever ends in a message.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The program's exit code: 1 if something that was to be checked was missed, 2 for an error.
pub fn exit(outcome: Result<bool, Failure>) -> std::process::ExitCode {
    match outcome {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            std::process::ExitCode::from(2)
        }
    }
}
