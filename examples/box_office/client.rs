//! A client, a process of its own: takes its share of the orders and prints every answer as it comes, last what it counted.

use crate::answer::{Answer, Execution, Outcome};
use crate::counts::Counts;
use crate::desk::{Desk, Sale};
use crate::orders::{self, Order};
use crate::process::{line_of_stdin, stdin_closed};
use crate::service::Refused;
use crate::{Plan, Result};
use carnegie::CallError;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long an order is asked for again and again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two askings, for one may fail at once.
const PAUSE: Duration = Duration::from_millis(20);

/// Client `number` of several serves every so-manieth order. It says `ready`, waits for a line, then starts.
pub(crate) async fn buy(address: &str, number: u32, plan: &Plan) -> Result<()> {
    let all = orders::read(&plan.orders)?.good;
    let mine: Vec<Order> = all.into_iter().skip(number as usize).step_by(plan.clients as usize).collect();
    let desk = Desk::connect(address, plan).await?;
    println!("ready");
    line_of_stdin().await?;
    let buyer = Arc::new(Buyer { desk, waiting: Mutex::new(mine.into_iter()), asked_again: 0.into() });
    let mut workers = JoinSet::new();
    for _ in 0..plan.in_flight {
        let buyer = buyer.clone();
        workers.spawn(async move { buyer.work().await });
    }
    let done = async {
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Result::Ok(())
    };
    tokio::select! {
        done = done => done?,
        () = stdin_closed() => return Err("the process that started this client is gone".into()),
    }
    let asked_again = buyer.asked_again.load(Ordering::Relaxed);
    println!("{}", Counts { asked_again, ..buyer.desk.stats().into() });
    Ok(())
}

/// What all workers of a client share.
struct Buyer {
    desk: Desk,
    waiting: Mutex<std::vec::IntoIter<Order>>,
    asked_again: AtomicU64,
}

impl Buyer {
    /// Serves one order after the other.
    async fn work(&self) -> Result<()> {
        loop {
            let next = self.waiting.lock().expect("nobody panics with it").next();
            let Some(order) = next else { return Ok(()) };
            let start = Instant::now();
            let sale = self.serve(&order, start + PATIENCE).await;
            let micros = start.elapsed().as_micros() as u64;
            let answer = Answer { order: order.number, micros, outcome: outcome(sale) };
            writeln!(std::io::stdout(), "{answer}")?;
        }
    }

    /// Asks until it is known what came of the order. It is asked for again only where the last call was not executed and
    /// never will be, so nobody is sold two seats.
    async fn serve(&self, order: &Order, until: Instant) -> Sale {
        loop {
            let sale = self.desk.sell(order).await;
            let Err(CallError::Failed(error)) = sale else { return sale };
            if let Some(sale) = self.desk.became_of(&error).await {
                return sale;
            }
            if Instant::now() >= until {
                return Err(CallError::Failed(error));
            }
            self.asked_again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn outcome(sale: Sale) -> Outcome {
    match sale {
        Ok(ticket) => Outcome::Sold { section: ticket.section.to_string(), seat: ticket.seat },
        Err(CallError::Application(Refused::SoldOut)) => Outcome::SoldOut,
        Err(CallError::Failed(error)) => Outcome::Failed {
            execution: match error.execution() {
                carnegie::Execution::NotExecuted => Execution::NotExecuted,
                carnegie::Execution::Executed => Execution::Executed,
                carnegie::Execution::Unknown => Execution::Unknown,
            },
            kind: error.code().to_string(),
            message: error.to_string(),
        },
    }
}
