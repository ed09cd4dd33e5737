//! The parent: starts office and clients, gathers the answers, has them judged.

use crate::answer::Answer;
use crate::judge::{self, Case, Verdict};
use crate::orders::{self, Orders};
use crate::process::{Output, Process};
use crate::progress::Progress;
use crate::report::{self, Summary};
use crate::service::{BoxOfficeClient, Section};
use crate::{Plan, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Runs all of it, prints the summary, and says whether the judge found no fault.
pub(crate) async fn run(plan: &Plan) -> Result<bool> {
    let orders = orders::read(&plan.orders)?;
    if orders.good.is_empty() {
        return Err(format!("{} has not one good order", plan.orders.display()).into());
    }
    let folder = Folder::create()?;
    eprintln!("the journal is in {}", folder.path.display());
    let sale = tokio::select! {
        sale = sell(plan, &orders, &folder) => sale,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            folder.remove()?;
            return Err("stopped; no judgement was made".into());
        }
    };
    let Sale { answers, took, free } =
        sale.map_err(|e| format!("{e}\nwhat was written until then is kept in {}", folder.path.display()))?;
    let verdict = judged(&orders, &answers, &folder)?;
    let summary = Summary { plan, orders: &orders, answers: &answers, took, free, verdict: &verdict };
    report::print(&summary);
    if verdict.faults.is_empty() {
        folder.remove()?;
    } else {
        println!("the journal and the answers are kept in {}", folder.path.display());
    }
    Ok(verdict.faults.is_empty())
}

/// What came of the processes.
struct Sale {
    answers: Vec<Answer>,
    /// From the word to begin to the last answer.
    took: Duration,
    /// The office's own count at the end.
    free: Vec<(Section, u32)>,
}

/// Every process that is started here is killed if this future is dropped or fails.
async fn sell(plan: &Plan, orders: &Orders, folder: &Folder) -> Result<Sale> {
    let journal: [OsString; 3] = ["office".into(), "--journal".into(), folder.journal().into()];
    let (mut office, mut says) = Process::start("the office".into(), journal)?;
    let address = office.first_line(&mut says).await?;
    let mut clients = Vec::new();
    for number in 0..plan.clients {
        clients.push(Process::start(format!("client {number}"), client_arguments(&address, number, plan))?);
    }
    let gathered = tokio::select! {
        gathered = gather(clients, orders.good.len(), folder) => gathered?,
        died = office.died() => return Err(died.into()),
    };
    let client: BoxOfficeClient = carnegie::connect(&address).await?;
    let mut free = Vec::new();
    for section in Section::ALL {
        free.push((section, client.free_seats(section).await?));
    }
    drop(client);
    office.stop().await?;
    let (answers, took) = gathered;
    Ok(Sale { answers, took, free })
}

fn client_arguments(address: &str, number: u32, plan: &Plan) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["client".into(), "--orders".into(), plan.orders.clone().into()];
    for (name, value) in [
        ("--address", address.to_owned()),
        ("--number", number.to_string()),
        ("--clients", plan.clients.to_string()),
        ("--in-flight", plan.in_flight.to_string()),
    ] {
        arguments.extend([name.into(), value.into()]);
    }
    arguments
}

/// Lets all clients begin at once, and takes their answers until each has ended well.
async fn gather(
    mut clients: Vec<(Process, Output)>,
    orders: usize,
    folder: &Folder,
) -> Result<(Vec<Answer>, Duration)> {
    for (client, output) in &mut clients {
        client.first_line(output).await?;
    }
    let start = Instant::now();
    let mut took = Duration::ZERO;
    let (send, mut receive) = mpsc::channel(1024);
    let mut followers = JoinSet::new();
    for (mut client, output) in clients {
        client.go().await?;
        followers.spawn(follow(client, output, send.clone()));
    }
    drop(send);
    let mut progress = Progress::new(orders as u64);
    let mut answers: Vec<Answer> = Vec::with_capacity(orders);
    let mut kept = BufWriter::new(File::create(folder.path.join("answers.csv"))?);
    while let Some(answer) = receive.recv().await {
        let answer = answer?;
        took = start.elapsed();
        writeln!(kept, "{answer}")?;
        progress.answered(&answer);
        answers.push(answer);
    }
    kept.flush()?;
    Ok((answers, took))
}

/// Passes one client's answers on, and last that it did not end well.
async fn follow(mut client: Process, mut output: Output, send: mpsc::Sender<Result<Answer>>) {
    let followed = async {
        while let Some(line) = output.next_line().await? {
            let answer =
                line.parse().map_err(|e| format!("{} says what nobody understands: {e}", client.name))?;
            if send.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
        }
        match client.ended().await? {
            status if status.success() => Ok(()),
            status => Err(format!("{} died before its work was done ({status})", client.name).into()),
        }
    };
    let followed: Result<()> = followed.await;
    if let Err(error) = followed {
        // The receiver has gone if another client failed first.
        let _ = send.send(Err(error)).await;
    }
}

fn judged(orders: &Orders, answers: &[Answer], folder: &Folder) -> Result<Verdict> {
    let journal = std::fs::read(folder.journal())?;
    let asked: BTreeMap<u64, &str> = orders.good.iter().map(|o| (o.number, o.section.name())).collect();
    let hall = Section::ALL.map(|section| (section.name(), section.seats()));
    Ok(judge::judge(&Case { hall: &hall, asked: &asked, journal: &journal, answers }))
}

/// A folder of this run's own under the system's temporary one.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create() -> Result<Folder> {
        let started = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis();
        let path = std::env::temp_dir().join(format!("carnegie-box-office-{}-{started}", std::process::id()));
        std::fs::create_dir(&path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
        Ok(Folder { path })
    }

    fn journal(&self) -> PathBuf {
        self.path.join("journal.csv")
    }

    fn remove(&self) -> Result<()> {
        let removed = std::fs::remove_dir_all(&self.path);
        removed.map_err(|e| format!("cannot remove {}: {e}", self.path.display()).into())
    }
}
