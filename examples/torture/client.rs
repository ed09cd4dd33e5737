//! What the clients have in common: they begin when they are told, work in several tasks until they are told to finish, say
//! how far they are, and end with the process that started them.

use crate::Result;
use crate::process::{line_of_stdin, stdin_closed};
use crate::tally::Book;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How often a client says how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// Whether the work is to come to its end.
#[derive(Clone, Default)]
pub(crate) struct Finish(Arc<AtomicBool>);

impl Finish {
    pub(crate) fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Each of `workers` works until `finish` is told, and then to the end of what it has begun.
pub(crate) async fn work<W>(workers: Vec<W>, book: Arc<Book>, finish: Finish) -> Result<()>
where
    W: Future<Output = Result<()>> + Send + 'static,
{
    println!("ready");
    line_of_stdin().await?;
    let mut tasks: JoinSet<Result<()>> = workers.into_iter().collect();
    let words = async {
        line_of_stdin().await?;
        finish.0.store(true, Ordering::Relaxed);
        stdin_closed().await;
        Result::Ok(())
    };
    tokio::pin!(words);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => ended??,
                None => break,
            },
            words = &mut words => {
                words?;
                return Err("the process that started this one is gone".into());
            }
            _ = ticks.tick() => say(&book)?,
        }
    }
    say(&book)
}

fn say(book: &Book) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(&book.total())?)?)
}
