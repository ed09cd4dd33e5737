//! A client of the store, a process of its own: works on few keys, which others work on too, and writes down what it did and saw.

use crate::client::{Finish, work};
use crate::clock::now;
use crate::dice::Dice;
use crate::history::{Action, Answer, Operation};
use crate::service::{KeyValueClient, Refused};
use crate::store::Written;
use crate::tally::{Book, End};
use crate::{Plan, Result};
use carnegie::{Call, CallError, Client, Resolution};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(30);
const HURRY: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_secs(2);
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(5)..Duration::from_millis(25);

/// So many keys are worked on at a time, so long; then others, lest the history of one become too long to be checked.
const KEYS: u64 = 4;
const GENERATION: u64 = 2_000_000_000;

pub(crate) async fn keep(address: &str, number: u32, history: &Path, plan: &Plan) -> Result<()> {
    let store: KeyValueClient = carnegie::connect(address).wait_for_server(PATIENCE).await?;
    let (book, finish) = (Arc::new(Book::default()), Finish::default());
    let history = Arc::new(Mutex::new(BufWriter::new(File::create(history)?)));
    let keeper = |task: u32| Keeper {
        store: store.clone(),
        name: format!("{number}.{task}"),
        dice: Dice::new(plan.seed, u64::from(number) << 32 | u64::from(task)),
        done: 0,
        seen: None,
        history: history.clone(),
        book: book.clone(),
    };
    let workers = (0..plan.in_flight).map(|task| keeper(task).work(finish.clone())).collect();
    work(workers, book.clone(), finish).await?;
    Ok(history.lock().expect("nobody panics with it").flush()?)
}

/// One task of a client: does one thing after the other.
struct Keeper {
    store: KeyValueClient,
    /// In all that it writes, so that no two write the same.
    name: String,
    dice: Dice,
    done: u64,
    /// What it saw last, of whichever key.
    seen: Option<String>,
    history: Arc<Mutex<BufWriter<File>>>,
    book: Arc<Book>,
}

impl Keeper {
    async fn work(mut self, finish: Finish) -> Result<()> {
        while !finish.is_told() {
            let start = Instant::now();
            self.book.count(|tally| tally.wanted += 1);
            let key = format!("{}.{}", now() / GENERATION, self.dice.below(KEYS));
            let action = self.draw();
            let called = now();
            let end = self.carry_out(&key, &action).await?;
            let ended = now();
            self.book.took(start);
            let (ended, answer) = match end {
                End::Answered(answer) => (Some(ended), Some(answer)),
                End::Executed => (Some(ended), None),
                End::Unknown => (None, None),
                // If it is seen all the same, nobody has written it, and the checker will say so.
                End::NotExecuted => continue,
            };
            if let Some(Answer::Value(value) | Answer::Differs { found: value }) = &answer {
                self.seen.clone_from(value);
            }
            let line = serde_json::to_string(&Operation { key, called, ended, action, answer })?;
            writeln!(self.history.lock().expect("nobody panics with it"), "{line}")?;
            sleep(self.dice.time(PAUSE)).await;
        }
        Ok(())
    }

    fn draw(&mut self) -> Action {
        self.done += 1;
        let new = format!("{}.{} ", self.name, self.done);
        match self.dice.below(20) {
            0..8 => Action::Get,
            8..11 => Action::Put(new),
            11..16 => Action::CompareAndSet { old: self.seen.clone(), new },
            16..19 => Action::Append(new),
            _ => Action::Delete,
        }
    }

    async fn carry_out(&mut self, key: &str, action: &Action) -> Result<End<Answer>> {
        let timeout = self.dice.time(HURRY);
        self.book.count(|tally| tally.calls += 1);
        let call = match action {
            Action::Get => {
                // Whether a read ran that brought nothing back makes no difference.
                let read = self.store.get(key).timeout(timeout).await;
                self.book.count(|tally| tally.acknowledged += u64::from(read.is_ok()));
                return Ok(read.map_or(End::NotExecuted, |value| End::Answered(Answer::Value(value))));
            }
            Action::Put(value) => self.store.put(key, value),
            Action::CompareAndSet { old, new } => self.store.compare_and_set(key, old.clone(), new),
            Action::Append(more) => self.store.append(key, more),
            Action::Delete => self.store.delete(key),
        };
        self.write(call.timeout(timeout)).await
    }

    async fn write(&self, call: Call<'_, Written>) -> Result<End<Answer>> {
        let error = match call.await {
            Err(CallError::Failed(error)) => error,
            written => {
                self.book.count(|tally| tally.acknowledged += 1);
                return answer(written);
            }
        };
        let asking = async {
            match error.request_id() {
                Some(call) => self.store.resolve::<Written>(call).await,
                None => Resolution::Unknown { settled: false },
            }
        };
        match self.book.failed(&error, asking).await {
            End::Answered(written) => answer(written),
            End::Executed => Ok(End::Executed),
            End::NotExecuted => Ok(End::NotExecuted),
            End::Unknown => Ok(End::Unknown),
        }
    }
}

fn answer(written: std::result::Result<Option<String>, CallError<Refused>>) -> Result<End<Answer>> {
    match written {
        Ok(before) => Ok(End::Answered(Answer::Value(before))),
        Err(CallError::Application(Refused::Differs { found })) => {
            Ok(End::Answered(Answer::Differs { found }))
        }
        Err(error) => Err(error.into()),
    }
}
