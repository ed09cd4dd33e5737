//! A client, a process of its own: takes its share of the orders and prints every answer as it comes.

use crate::answer::{Answer, Execution, Outcome};
use crate::orders::{self, Order};
use crate::process::{line_of_stdin, stdin_closed};
use crate::service::{BoxOfficeClient, Refused, Ticket};
use crate::{Plan, Result};
use carnegie::CallError;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::task::JoinSet;

/// Client `number` of several serves every so-manieth order. It says `ready`, waits for a line, then starts.
pub(crate) async fn buy(address: &str, number: u32, plan: &Plan) -> Result<()> {
    let all = orders::read(&plan.orders)?.good;
    let mine: Vec<Order> = all.into_iter().skip(number as usize).step_by(plan.clients as usize).collect();
    let office: BoxOfficeClient = carnegie::connect(address).await?;
    println!("ready");
    line_of_stdin().await?;
    let waiting = Arc::new(Mutex::new(mine.into_iter()));
    let mut workers = JoinSet::new();
    for _ in 0..plan.in_flight {
        workers.spawn(work(office.clone(), waiting.clone()));
    }
    let done = async {
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok(())
    };
    tokio::select! {
        done = done => done,
        () = stdin_closed() => Err("the process that started this client is gone".into()),
    }
}

/// Serves one order after the other.
async fn work(office: BoxOfficeClient, waiting: Arc<Mutex<std::vec::IntoIter<Order>>>) -> Result<()> {
    loop {
        let next = waiting.lock().expect("nobody panics with it").next();
        let Some(order) = next else { return Ok(()) };
        let start = Instant::now();
        let answer = office.sell(order.number, order.section, &order.holder).await;
        let micros = start.elapsed().as_micros() as u64;
        let answer = Answer { order: order.number, micros, outcome: outcome(answer) };
        writeln!(std::io::stdout(), "{answer}")?;
    }
}

fn outcome(answer: std::result::Result<Ticket, CallError<Refused>>) -> Outcome {
    match answer {
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
