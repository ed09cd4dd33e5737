//! Servers that are told to end by signals, as processes of their own: restarted in turn under load, stopped twice, killed.

use crate::box_office::OfficeClient;
use crate::process::{Office, Setup, start};
use crate::support::{patient, soon, until};
use carnegie::{Client, Error, Execution, connect};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};

/// How often each of the two servers is restarted. More by this variable, for a longer look.
const RESTARTS: usize = 3;
const RESTARTS_BY: &str = "CARNEGIE_TEST_RESTARTS";

const CLIENTS: usize = 4;
/// Calls that each of them has under way.
const AT_ONCE: usize = 8;

const LISTENING: Setup<'static> =
    Setup { address: None, doors_open: true, handshake_seconds: None, grace_seconds: Some(30), before: "" };

/// A server whose lines are read all the time.
struct Till {
    address: SocketAddr,
    /// Its process, for signals.
    process: u32,
    lines: JoinHandle<Vec<String>>,
}

impl Till {
    async fn start(address: Option<SocketAddr>) -> Till {
        let office = start(Setup { address, ..LISTENING }).await;
        let (address, process) = (office.address, office.process());
        Till { address, process, lines: tokio::spawn(office.ended()) }
    }

    /// Ends it in an orderly way, and starts its successor. What it has told goes into the journal.
    async fn restart(&mut self, journal: &mut Vec<String>) {
        Office::signal_to(self.process, "-TERM").await;
        let next = soon(&mut self.lines).await.unwrap();
        journal.extend(next);
        *self = Till::start(Some(self.address)).await;
    }
}

/// What the clients share.
#[derive(Default)]
struct Load {
    orders: AtomicU64,
    over: AtomicBool,
}

/// Calls of every kind, one after the other, until the load is over.
async fn buy(office: OfficeClient, load: Arc<Load>) -> Vec<(u64, Duration, Result<u64, Error>)> {
    let mut results = Vec::new();
    while !load.over.load(Relaxed) {
        let order = load.orders.fetch_add(1, Relaxed);
        let begin = Instant::now();
        let result = match order % 4 {
            0 => office.sell(order, "Ada").await.map(|ticket| ticket.order),
            1 => office.sell_slowly(order).await,
            2 => office.look().await.map(|_| order),
            _ => office.look_slowly(order).await,
        };
        results.push((order, begin.elapsed(), result));
        // Not as many as there could be: it is the restarts that are looked at.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    results
}

#[tokio::test]
async fn two_servers_that_are_restarted_in_turn_under_load_lose_no_call_and_run_none_twice() {
    let restarts = std::env::var(RESTARTS_BY).map_or(RESTARTS, |text| text.parse().expect("a number"));
    let mut servers = [Till::start(None).await, Till::start(None).await];
    let (load, mut callers) = (Arc::new(Load::default()), JoinSet::new());
    for client in 0..CLIENTS {
        let mut addresses = servers.each_ref().map(|server| server.address);
        addresses.rotate_left(client % 2);
        let connecting = connect(addresses).limits(patient()).timeout(Duration::from_secs(60));
        let office: OfficeClient = soon(connecting).await.unwrap();
        for _ in 0..AT_ONCE {
            callers.spawn(buy(office.clone(), load.clone()));
        }
    }
    let (mut journal, mut longest) = (Vec::new(), Duration::ZERO);
    for _ in 0..restarts {
        for server in &mut servers {
            let begin = Instant::now();
            server.restart(&mut journal).await;
            longest = longest.max(begin.elapsed());
            // Some calls go there before the other one is restarted.
            let before = load.orders.load(Relaxed);
            until(|| load.orders.load(Relaxed) > before + 200).await;
        }
    }
    load.over.store(true, Relaxed);
    let results: Vec<_> = soon(callers.join_all()).await.into_iter().flatten().collect();
    for server in servers {
        Office::signal_to(server.process, "-TERM").await;
        journal.extend(soon(server.lines).await.unwrap());
    }
    let mut ran: HashMap<u64, u32> = HashMap::new();
    for line in &journal {
        if let Some((_, order)) = line.split_once(' ').filter(|(what, _)| what.starts_with("sell")) {
            *ran.entry(order.parse().unwrap()).or_default() += 1;
        }
    }
    let slowest = results.iter().map(|(_, took, _)| *took).max().unwrap_or_default();
    let (calls, restarts) = (results.len(), 2 * restarts);
    println!(
        "{calls} calls over {restarts} restarts; the longest restart took {longest:?}, the longest call {slowest:?}"
    );
    assert!(calls > 200 * restarts);
    for (order, _, result) in results {
        let times = if order % 4 < 2 { ran.remove(&order) } else { None };
        match result {
            Ok(answer) => assert_eq!((answer, times), (order, (order % 4 < 2).then_some(1))),
            Err(error) => panic!("call {order}, which ran {times:?} times: {error}"),
        }
    }
    assert!(ran.is_empty(), "nobody has asked for these: {ran:?}");
}

/// A server with a call that runs until the doors open, which they never do, told to end. It says so.
async fn draining() -> (Office, JoinHandle<Result<u64, Error>>, OfficeClient) {
    let mut server = start(Setup { doors_open: false, grace_seconds: Some(600), ..LISTENING }).await;
    let office: OfficeClient =
        soon(connect(server.address).limits(patient()).timeout(Duration::from_secs(5))).await.unwrap();
    let call = tokio::spawn(office.sell_later(1).timeout(Duration::from_secs(60)).into_owned());
    assert_eq!(server.next().await, "sell_later 1");
    server.signal("-TERM").await;
    assert_eq!(server.next().await, "draining: 1 clients are connected, 1 calls run or wait grace=600s");
    // The client has heard it, and takes its next call elsewhere.
    until(|| office.channel().server_address().is_none()).await;
    (server, call, office)
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_at_once_whichever_it_is() {
    for second in ["-TERM", "-INT"] {
        let (server, call, _office) = draining().await;
        server.signal(second).await;
        let error = soon(call).await.unwrap().unwrap_err();
        assert_eq!(error.execution(), Execution::Unknown, "{error}");
        assert_eq!(server.ended().await.last().unwrap(), "left", "its own end, not the signal's");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_drains_leaves_its_calls_unknown_and_nothing_else() {
    let (server, call, office) = draining().await;
    let address = server.address;
    // It takes no new calls, so this one is for its successor.
    let next = tokio::spawn(office.sell(2, "Ada").timeout(Duration::from_secs(60)).into_owned());
    assert!(!server.kill().await.iter().any(|line| line.starts_with("sell")));
    let successor = start(Setup { address: Some(address), ..LISTENING }).await;
    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    assert_eq!(soon(next).await.unwrap().unwrap().order, 2);
    assert_eq!(successor.kill().await, ["sell 2"]);
    assert_eq!(office.channel().stats().unknown, 1);
}
