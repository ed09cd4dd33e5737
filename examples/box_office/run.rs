//! The parent: starts office and clients, gathers the answers, has them judged.

use crate::answer::Answer;
use crate::counts::Counts;
use crate::judge::{self, Case, Verdict};
use crate::orders::{self, Orders};
use crate::process::{Output, Process};
use crate::progress::Progress;
use crate::report::{self, Summary};
use crate::service::{BoxOfficeClient, Section};
use crate::{Plan, Result};
use carnegie::testing::{self, Chaos, Fault, Proxy, is_resumption};
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
    let sale =
        sale.map_err(|e| format!("{e}\nwhat was written until then is kept in {}", folder.path.display()))?;
    let verdict = judged(&orders, &sale.answers, &folder)?;
    let summary = Summary { plan, orders: &orders, sale: &sale, verdict: &verdict };
    report::print(&summary);
    if summary.is_good() {
        folder.remove()?;
    } else {
        println!("the journal and the answers are kept in {}", folder.path.display());
    }
    Ok(summary.is_good())
}

/// What came of the processes.
pub(crate) struct Sale {
    pub(crate) answers: Vec<Answer>,
    /// From the word to begin to the last answer.
    pub(crate) took: Duration,
    /// The office's own count at the end.
    pub(crate) free: Vec<(Section, u32)>,
    /// What all clients together counted, and the office.
    pub(crate) clients: Counts,
    pub(crate) office: Counts,
    /// What was done to the line between them; `None` for one without faults.
    pub(crate) faults: Option<testing::Counts>,
}

/// What the clients said.
struct Gathered {
    answers: Vec<Answer>,
    took: Duration,
    counts: Counts,
}

/// Every process that is started here is killed if this future is dropped or fails.
async fn sell(plan: &Plan, orders: &Orders, folder: &Folder) -> Result<Sale> {
    let mut arguments: Vec<OsString> = vec!["office".into(), "--journal".into(), folder.journal().into()];
    arguments.extend(plan.faulty().then(|| "--slow".into()));
    let (mut office, mut says) = Process::start("the office".into(), arguments)?;
    let address = office.first_line(&mut says).await?;
    let proxy = match plan.faulty() {
        true => Some(faulty_line(&address, plan.seed).await?),
        false => None,
    };
    let line = proxy.as_ref().map_or(address.clone(), |proxy| proxy.address().to_string());
    let mut clients = Vec::new();
    for number in 0..plan.clients {
        clients.push(Process::start(format!("client {number}"), client_arguments(&line, number, plan))?);
    }
    let gathered = tokio::select! {
        gathered = gather(clients, orders.good.len(), folder) => gathered?,
        died = office.died() => return Err(died.into()),
    };
    let free = free_seats(&address).await?;
    office.stop().await?;
    let office = says.next_line().await?.ok_or("the office did not say what it counted")?.parse()?;
    let Gathered { answers, took, counts } = gathered;
    let faults = proxy.map(|proxy| proxy.counts());
    Ok(Sale { answers, took, free, clients: counts, office, faults })
}

/// Breaks in every way there is; what is replayed is the bytes of clients that have come back, as anybody on the way may do.
async fn faulty_line(office: &str, seed: u64) -> Result<Proxy> {
    let chaos = Chaos::seeded(seed).weight(Fault::Replay, 1);
    Ok(Proxy::builder(office).chaos(chaos).replayable(is_resumption).start().await?)
}

async fn free_seats(address: &str) -> Result<Vec<(Section, u32)>> {
    let client: BoxOfficeClient = carnegie::connect(address).await?;
    let mut free = Vec::new();
    for section in Section::ALL {
        free.push((section, client.free_seats(section).await?));
    }
    Ok(free)
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
    for (name, is_set) in [("--faults", plan.faults), ("--without-dedup", plan.without_dedup)] {
        arguments.extend(is_set.then(|| name.into()));
    }
    arguments
}

/// Lets all clients begin at once, and takes their answers until each has ended well.
async fn gather(mut clients: Vec<(Process, Output)>, orders: usize, folder: &Folder) -> Result<Gathered> {
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
    let mut counts = Counts::default();
    while let Some(said) = receive.recv().await {
        match said? {
            Said::Counts(of_one) => counts += of_one,
            Said::Answer(answer) => {
                took = start.elapsed();
                writeln!(kept, "{answer}")?;
                progress.answered(&answer);
                answers.push(answer);
            }
        }
    }
    kept.flush()?;
    Ok(Gathered { answers, took, counts })
}

/// A line from a client.
enum Said {
    Answer(Answer),
    Counts(Counts),
}

fn understand(line: &str) -> std::result::Result<Said, String> {
    match line.parse() {
        Ok(counts) => Ok(Said::Counts(counts)),
        Err(_) => line.parse().map(Said::Answer),
    }
}

/// Passes one client's answers on, and last that it did not end well.
async fn follow(mut client: Process, mut output: Output, send: mpsc::Sender<Result<Said>>) {
    let followed = async {
        while let Some(line) = output.next_line().await? {
            let said = understand(&line)
                .map_err(|e| format!("{} says what nobody understands: {e}", client.name))?;
            if send.send(Ok(said)).await.is_err() {
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
