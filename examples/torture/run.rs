//! The parent: starts servers and clients, torments, gathers, has all of it judged.

use crate::answer::Answer;
use crate::buyer::section;
use crate::dice::Dice;
use crate::gathering::{Client, Gathered, Kind};
use crate::hall::Section;
use crate::history::Operation;
use crate::judge::{self, Case, Verdict};
use crate::linearizable::{self, Findings};
use crate::never;
use crate::office::OFFICES;
use crate::progress::Progress;
use crate::report::Report;
use crate::trouble::{Server, Troubles};
use crate::{Plan, Result};
use carnegie::testing::{Counts, Line};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What the servers are called, and what they are: two offices, and a store.
const SERVERS: [&str; 3] = ["office A", "office B", "the store"];

/// How long clients may take to finish what they have begun, once nothing is broken any more.
const FINISHING: Duration = Duration::from_secs(90);

/// How long the histories may be checked.
const CHECKING: Duration = Duration::from_secs(120);

/// Runs all of it, prints the report, and says whether every promise was kept.
pub(crate) async fn run(plan: &Plan) -> Result<bool> {
    let folder = Folder::create()?;
    eprintln!("seed {}; journals and histories are in {}", plan.seed, folder.0.display());
    let done = tokio::select! {
        done = torture(plan, &folder) => done,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            folder.remove()?;
            return Err("stopped; no judgement was made".into());
        }
    };
    let report = done.map_err(|e| {
        format!("{e}\nseed {}; what was written is kept in {}", plan.seed, folder.0.display())
    })?;
    report.print();
    if report.is_good() {
        folder.remove()?;
    } else {
        folder.keep(&report.gathered.answers)?;
        println!("seed {}; journals, answers and histories are kept in {}", plan.seed, folder.0.display());
    }
    Ok(report.is_good())
}

/// Every process that is started here is killed if this future is dropped or fails.
async fn torture<'a>(plan: &'a Plan, folder: &Folder) -> Result<Report<'a>> {
    let servers = start_servers(plan, folder).await?;
    let lines: Vec<Line> = servers.iter().map(|server| server.proxy.line().clone()).collect();
    let mut gathered = Gathered::new(start_clients(plan, folder, &servers).await?);
    gathered.go().await?;
    let troubles = Arc::new(Troubles::default());
    let (end, ends) = watch::channel(false);
    let mut tormentors = JoinSet::new();
    for (stream, server) in (0..).zip(servers) {
        let (dice, troubles, ends) = (Dice::new(plan.seed, stream), troubles.clone(), ends.clone());
        tormentors.spawn(async move { server.torment(dice, &troubles, ends).await });
    }

    let start = Instant::now();
    let duration = Duration::from_secs_f64(plan.minutes * 60.0);
    let mut progress = Progress::new(duration);
    let over = sleep(duration);
    tokio::pin!(over);
    // The end is in order: first all servers are let alone and run, then what the clients have begun comes to its end.
    let mut untormented = Vec::new();
    while !tormentors.is_empty() {
        tokio::select! {
            more = gathered.next() => match more? {
                true => progress.show(start.elapsed(), &troubles, faults(&lines), &gathered),
                false => return Err("the clients ended before the time was over".into()),
            },
            Some(server) = tormentors.join_next() => untormented.push(server??),
            () = &mut over, if !*end.borrow() => drop(end.send_replace(true)),
        }
    }
    let took = start.elapsed();
    drop(progress);

    lines.iter().for_each(Line::heal);
    timeout(FINISHING, gathered.finish())
        .await
        .map_err(|_| format!("the clients have not finished after {FINISHING:?}"))??;
    let faults = faults(&lines);
    for server in untormented {
        server.end().await?;
    }
    eprintln!("the time is over, all have ended; judging");
    let verdict = judged(&gathered, folder)?;
    let findings = checked(plan, folder)?;
    Ok(Report { plan, took, troubles, faults, gathered, verdict, findings })
}

/// What was done to all lines.
fn faults(lines: &[Line]) -> Counts {
    lines.iter().fold(Counts::default(), |mut sum, line| {
        sum += line.counts();
        sum
    })
}

fn judged(gathered: &Gathered, folder: &Folder) -> Result<Verdict> {
    let mut journal = Vec::new();
    for number in 0..OFFICES {
        journal.extend(std::fs::read(folder.journal(number))?);
    }
    std::fs::write(folder.0.join("journal.csv"), &journal)?;
    let orders = gathered.orders().map(|order| (order, section(order).name()));
    let asked: BTreeMap<u64, &str> = orders.collect();
    let hall = Section::ALL.map(|section| (section.name(), u32::MAX));
    let case = Case { hall: &hall, asked: &asked, journal: &journal, answers: &gathered.answers };
    let mut verdict = judge::judge(&case);
    verdict.faults.extend(never::executed(&gathered.never, &journal));
    Ok(verdict)
}

fn checked(plan: &Plan, folder: &Folder) -> Result<Findings> {
    let mut operations: Vec<Operation> = Vec::new();
    for number in 0..plan.keepers {
        for line in BufReader::new(File::open(folder.history(number))?).lines() {
            operations.push(serde_json::from_str(&line?)?);
        }
    }
    let findings = linearizable::check(operations, CHECKING);
    match findings.undecided.as_slice() {
        [] => Ok(findings),
        some => {
            Err(format!("the histories of {} keys are too hard to check: {}", some.len(), some.join(", "))
                .into())
        }
    }
}

async fn start_servers(plan: &Plan, folder: &Folder) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for (name, number) in SERVERS.into_iter().zip(0..) {
        let mut arguments: Vec<OsString> = Vec::new();
        if number < OFFICES {
            arguments.extend(["office".into(), "--number".into(), number.to_string().into()]);
            arguments.extend(["--journal".into(), folder.journal(number).into()]);
        } else {
            arguments.extend(["store".into(), "--file".into(), folder.0.join("store.log").into()]);
            arguments.extend(plan.stale_reads.then(|| "--stale".into()));
        }
        servers.push(Server::start(name, arguments, plan.seed.wrapping_add(u64::from(number))).await?);
    }
    Ok(servers)
}

/// All of them, ready.
async fn start_clients(plan: &Plan, folder: &Folder, servers: &[Server]) -> Result<Vec<Client>> {
    let [a, b, store] = [0, 1, 2].map(|server: usize| servers[server].proxy.address());
    let mut clients = Vec::new();
    for number in 0..plan.buyers {
        // Each of the offices is the first choice of some.
        let offices = if number % 2 == 0 { format!("{a}, {b}") } else { format!("{b}, {a}") };
        let arguments = ["buyer".into(), "--addresses".into(), offices.into()];
        clients.push(Client::start(Kind::Buyer, number, arguments.into(), plan)?);
    }
    for number in 0..plan.keepers {
        let mut arguments = vec!["keeper".into(), "--address".into(), store.to_string().into()];
        arguments.extend(["--history".into(), folder.history(number).into()]);
        clients.push(Client::start(Kind::Keeper, number, arguments, plan)?);
    }
    for client in &mut clients {
        client.ready().await?;
    }
    Ok(clients)
}

/// A folder of this run's own under the system's temporary one.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Folder> {
        let started = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis();
        let path = std::env::temp_dir().join(format!("carnegie-torture-{}-{started}", std::process::id()));
        std::fs::create_dir(&path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
        Ok(Folder(path))
    }

    fn journal(&self, office: u32) -> PathBuf {
        self.0.join(format!("journal-{office}.csv"))
    }

    fn history(&self, keeper: u32) -> PathBuf {
        self.0.join(format!("history-{keeper}.jsonl"))
    }

    /// What only this process knows, for whoever looks into it.
    fn keep(&self, answers: &[Answer]) -> Result<()> {
        let mut file = BufWriter::new(File::create(self.0.join("answers.csv"))?);
        for answer in answers {
            writeln!(file, "{answer}")?;
        }
        Ok(file.flush()?)
    }

    fn remove(&self) -> Result<()> {
        let removed = std::fs::remove_dir_all(&self.0);
        removed.map_err(|e| format!("cannot remove {}: {e}", self.0.display()).into())
    }
}
