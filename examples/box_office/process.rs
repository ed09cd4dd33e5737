//! Child processes: this program again, in another role. They live no longer than their parent, because each ends when
//! its standard input is closed, which the system does even for a parent that was killed.

use crate::Result;
use std::ffi::OsStr;
use std::io::{Read, stdin};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a child may take to start, and to end once it is told to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A child with its pipes. Dropping it kills the process.
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) child: Child,
    stdin: ChildStdin,
}

/// The lines that a child prints.
pub(crate) type Output = Lines<BufReader<ChildStdout>>;

impl Process {
    /// Starts this program in another role.
    pub(crate) fn start(
        name: String,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<(Process, Output)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C on a terminal goes to a whole process group; the parent alone is to hear it, and ends the others.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|e| format!("cannot start {name}: {e}"))?;
        let stdin = child.stdin.take().ok_or("a child without standard input")?;
        let stdout = child.stdout.take().ok_or("a child without standard output")?;
        Ok((Process { name, child, stdin }, BufReader::new(stdout).lines()))
    }

    /// The first line that it prints, which says that it has started.
    pub(crate) async fn first_line(&mut self, output: &mut Output) -> Result<String> {
        let line = timeout(PATIENCE, output.next_line()).await;
        if let Some(line) = line.map_err(|_| format!("{} is not ready after {PATIENCE:?}", self.name))?? {
            return Ok(line);
        }
        let status = self.ended().await?;
        Err(format!("{} ended before it was ready ({status})", self.name).into())
    }

    /// Gives it the word that it waits for.
    pub(crate) async fn go(&mut self) -> Result<()> {
        self.stdin.write_all(b"go\n").await.map_err(|e| format!("{} does not listen: {e}", self.name).into())
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus> {
        let status = timeout(PATIENCE, self.child.wait()).await;
        Ok(status.map_err(|_| format!("{} does not end", self.name))??)
    }

    /// Waits for as long as it lives.
    pub(crate) async fn died(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("{} died ({status})", self.name),
            Err(error) => format!("{} cannot be watched: {error}", self.name),
        }
    }

    /// Closes its standard input and waits for its end, which is to be a success.
    pub(crate) async fn stop(self) -> Result<()> {
        let Process { name, mut child, stdin } = self;
        drop(stdin);
        let status = timeout(PATIENCE, child.wait()).await.map_err(|_| format!("{name} does not end"))??;
        if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})").into()) }
    }
}

/// In a child: the next line of standard input, which is the word to begin.
pub(crate) async fn line_of_stdin() -> Result<()> {
    let read = tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await??;
    if read == 0 { Err("the process that started this one is gone".into()) } else { Ok(()) }
}

/// In a child: the end of standard input. On a thread of its own, since the runtime waits for its own blocking threads.
pub(crate) async fn stdin_closed() {
    let (closed, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while stdin().read(&mut buffer).is_ok_and(|n| n > 0) {}
        // Nobody waits if the child was done first.
        let _ = closed.send(());
    });
    let _ = wait.await;
}
