//! A client of the offices, a process of its own: orders one ticket after the other and prints each answer as it comes.

use crate::answer::{Answer, Execution, Outcome};
use crate::client::{Finish, work};
use crate::dice::Dice;
use crate::hall::{BoxOfficeClient, CarelessBoxOfficeClient, Refused, Section, Ticket};
use crate::tally::{Book, End};
use crate::{Plan, Result};
use carnegie::{Call, CallError, Client, Error, Resolution};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a client waits for its first connection, which may break too.
const PATIENCE: Duration = Duration::from_secs(30);

/// What calls are given, so that some run out of it.
const HURRY: std::ops::Range<Duration> = Duration::from_millis(100)..Duration::from_secs(3);

/// Before an order is asked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// The orders of client `n` are numbered from `n` times this.
pub(crate) const ORDERS: u64 = 1_000_000_000;

/// What an order is for.
pub(crate) fn section(order: u64) -> Section {
    Section::ALL[(order % Section::ALL.len() as u64) as usize]
}

pub(crate) async fn buy(addresses: &str, number: u32, plan: &Plan) -> Result<()> {
    let desk = match plan.without_dedup {
        false => Desk::AtMostOnce(carnegie::connect(addresses).wait_for_server(PATIENCE).await?),
        true => Desk::Careless(carnegie::connect(addresses).wait_for_server(PATIENCE).await?),
    };
    let (book, finish) = (Arc::new(Book::default()), Finish::default());
    let buyer = Arc::new(Buyer {
        desk,
        next: AtomicU64::new(u64::from(number) * ORDERS),
        pace: Duration::from_secs(1) * plan.in_flight / plan.rate,
        seed: plan.seed,
        book: book.clone(),
        finish: finish.clone(),
    });
    let workers = (0..plan.in_flight).map(|_| buyer.clone().work()).collect();
    work(workers, book, finish).await
}

/// The offices, under the promise that was chosen.
enum Desk {
    AtMostOnce(BoxOfficeClient),
    /// Its `sell` is marked idempotent, which is not true.
    Careless(CarelessBoxOfficeClient),
}

/// What came of a call.
type Sale = std::result::Result<Ticket, CallError<Refused>>;

impl Desk {
    fn sell(&self, order: u64) -> Call<'_, std::result::Result<Ticket, Refused>> {
        match self {
            Desk::AtMostOnce(office) => office.sell(order, section(order), "Ada"),
            Desk::Careless(office) => office.sell(order, section(order), "Ada"),
        }
    }

    async fn resolve(&self, error: &Error) -> Resolution<Sale> {
        match (self, error.request_id()) {
            (Desk::AtMostOnce(office), Some(call)) => {
                office.resolve::<std::result::Result<Ticket, Refused>>(call).await
            }
            (Desk::AtMostOnce(_), None) => Resolution::Unknown { settled: false },
            // It may have run, and the trait says that once more does no harm.
            (Desk::Careless(_), _) => Resolution::NotExecuted,
        }
    }
}

/// What all workers of a client share.
struct Buyer {
    desk: Desk,
    next: AtomicU64,
    /// The least time between the beginnings of two orders of a worker.
    pace: Duration,
    seed: u64,
    book: Arc<Book>,
    finish: Finish,
}

impl Buyer {
    async fn work(self: Arc<Self>) -> Result<()> {
        while !self.finish.is_told() {
            let order = self.next.fetch_add(1, Ordering::Relaxed);
            self.book.count(|tally| tally.wanted += 1);
            let start = Instant::now();
            let outcome = self.serve(order).await?;
            self.book.took(start);
            let answer = Answer { order, micros: start.elapsed().as_micros() as u64, outcome };
            writeln!(std::io::stdout(), "{answer}")?;
            sleep(self.pace.saturating_sub(start.elapsed())).await;
        }
        Ok(())
    }

    /// Asks until it is known what came of the order, or certain that nobody knows. It is asked for again only where the last
    /// call was not executed and never will be, so nobody is sold two seats.
    async fn serve(&self, order: u64) -> Result<Outcome> {
        let mut dice = Dice::new(self.seed, order);
        loop {
            self.book.count(|tally| tally.calls += 1);
            let error = match self.desk.sell(order).timeout(dice.time(HURRY)).await {
                Err(CallError::Failed(error)) => error,
                sale => {
                    self.book.count(|tally| tally.acknowledged += 1);
                    return Ok(outcome(sale));
                }
            };
            match self.book.failed(&error, self.desk.resolve(&error)).await {
                End::Answered(sale) => return Ok(outcome(sale)),
                End::Executed => return Ok(failed(Execution::Executed, &error)),
                End::Unknown => return Ok(failed(Execution::Unknown, &error)),
                End::NotExecuted => {
                    // A careless client only acts as if it knew.
                    if let (Desk::AtMostOnce(_), Some(request)) = (&self.desk, error.request_id()) {
                        writeln!(std::io::stdout(), "never,{order},{request}")?;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

fn outcome(sale: Sale) -> Outcome {
    match sale {
        Ok(ticket) => Outcome::Sold { section: ticket.section.to_string(), seat: ticket.seat },
        Err(CallError::Application(Refused::SoldOut)) => Outcome::SoldOut,
        // A handler that ran and failed.
        Err(CallError::Failed(error)) => failed(Execution::Executed, &error),
    }
}

fn failed(execution: Execution, error: &Error) -> Outcome {
    Outcome::Failed { execution, kind: error.code().to_string(), message: error.to_string() }
}
