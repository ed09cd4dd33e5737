//! A server that is killed: what its clients learn, and what they do by themselves. The server is a process of its own, and
//! is killed as `kill -9` does it.

use crate::box_office::OfficeClient;
use crate::process::{Setup, start};
use crate::support::{closed_address, patient, soon};
use carnegie::{BindError, Client, Code, Error, Execution};
use std::time::Duration;

/// Its calls have time enough for another process to start.
async fn client(office: &crate::process::Office) -> OfficeClient {
    let connecting = carnegie::connect(office.address).limits(patient()).timeout(Duration::from_secs(60));
    soon(connecting).await.unwrap()
}

#[tokio::test]
async fn an_at_most_once_call_to_a_server_that_is_killed_ends_as_unknown_and_is_not_sent_to_its_successor() {
    let mut first = start(Setup::default()).await;
    let (address, office) = (first.address, client(&first).await);
    let call = tokio::spawn(office.sell_later(1).into_owned());
    assert_eq!(first.next().await, "sell_later 1");
    assert_eq!(first.kill().await, [""; 0]);
    // Its reply cache is gone with it, and that is what the one that is started in its place tells the client.
    let mut second = start(Setup { address: Some(address), doors_open: true, ..Setup::default() }).await;
    let error = soon(call).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::ConnectionLost { .. }), "{error}");
    assert_eq!((error.code(), error.execution()), (Code::Unavailable, Execution::Unknown));
    let (text, id) = (error.to_string(), error.request_id().expect("it was sent"));
    let start_of_it = format!(
        "Office.sell_later: the connection to {address} is lost: the server does not know the session any more \
         (execution unknown) (request {id}); attempts: {address}: the connection is lost: "
    );
    assert!(text.starts_with(&start_of_it), "{text}");
    assert!(!error.is_retryable());

    assert_eq!(soon(office.sell(2, "Ada")).await.unwrap().order, 2);
    assert_eq!(second.next().await, "sell 2", "the first call was not sent again");
    assert_eq!(second.kill().await, [""; 0]);
    let stats = office.channel().stats();
    assert_eq!((stats.unknown, stats.retried), (1, 0));
}

#[tokio::test]
async fn an_idempotent_call_to_a_server_that_is_killed_is_sent_again_to_its_successor() {
    let mut first = start(Setup::default()).await;
    let (address, office) = (first.address, client(&first).await);
    let call = tokio::spawn(office.look_later().into_owned());
    assert_eq!(first.next().await, "look_later 0");
    first.kill().await;
    let mut second = start(Setup { address: Some(address), doors_open: true, ..Setup::default() }).await;
    assert_eq!(soon(call).await.unwrap().unwrap(), 7);
    assert_eq!(second.next().await, "look_later 0");
    let stats = office.channel().stats();
    assert_eq!((stats.unknown, stats.retried), (0, 1));
}

#[tokio::test]
async fn an_idempotent_call_that_finds_no_successor_ends_as_unknown_at_its_deadline() {
    let mut first = start(Setup::default()).await;
    let office = client(&first).await;
    let call = tokio::spawn(office.look_later().timeout(Duration::from_secs(1)).into_owned());
    assert_eq!(first.next().await, "look_later 0");
    first.kill().await;
    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.execution()), (Code::DeadlineExceeded, Execution::Unknown), "{error}");
}

#[tokio::test]
async fn a_call_that_was_never_written_waits_for_the_servers_successor_and_runs_once() {
    let first = start(Setup::default()).await;
    let (address, office) = (first.address, client(&first).await);
    first.kill().await;
    let calls: Vec<_> = (1..=3).map(|order| tokio::spawn(office.sell(order, "Ada").into_owned())).collect();
    tokio::task::yield_now().await;
    let second = start(Setup { address: Some(address), doors_open: true, ..Setup::default() }).await;
    let (mut sold, mut unknown) = (Vec::new(), Vec::new());
    for (order, call) in (1..=3).zip(calls) {
        match soon(call).await.unwrap() {
            Ok(ticket) => sold.push(format!("sell {}", ticket.order)),
            // The loss had not been noticed when this one was written.
            Err(error) => {
                assert_eq!(error.execution(), Execution::Unknown, "{error}");
                unknown.push(order);
            }
        }
    }
    let mut ran = second.kill().await;
    ran.sort();
    assert_eq!(ran, sold, "unknown: {unknown:?}");
}

#[tokio::test]
async fn every_ticket_of_many_calls_over_a_kill_was_sold_at_most_once() {
    let first = start(Setup { doors_open: true, ..Setup::default() }).await;
    let (address, office) = (first.address, client(&first).await);
    let mut calls = tokio::task::JoinSet::new();
    for order in 0..400_u64 {
        let call = office.sell(order, "Ada").into_owned();
        calls.spawn(async move { (order, call.await) });
    }
    // Some are answered, some are not, some are not even written.
    let (_, early) = soon(calls.join_next()).await.unwrap().unwrap();
    early.unwrap();
    let mut ran = first.kill().await;
    let second = start(Setup { address: Some(address), doors_open: true, ..Setup::default() }).await;
    let results = soon(calls.join_all()).await;
    ran.extend(second.kill().await);
    let times = |order: u64| ran.iter().filter(|line| **line == format!("sell {order}")).count();
    for (order, result) in results {
        match result {
            Ok(ticket) => assert_eq!((ticket.order, times(order)), (order, 1)),
            Err(error) if error.execution() == Execution::NotExecuted => {
                assert_eq!(times(order), 0, "{error}")
            }
            Err(error) => assert!(times(order) <= 1, "{error}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_starts_later_is_waited_for() {
    let (_held, address) = closed_address();
    let waiting = carnegie::connect::<OfficeClient>(address).wait_for_server(Duration::from_secs(50));
    let connecting = tokio::spawn(waiting.into_future());
    tokio::task::yield_now().await;
    let _office = start(Setup { address: Some(address), ..Setup::default() }).await;
    let office = soon(connecting).await.unwrap().unwrap();
    assert_eq!(soon(office.look()).await.unwrap(), 7);
}

#[tokio::test]
async fn a_server_that_never_starts_is_waited_for_no_longer_than_was_said() {
    let (_held, address) = closed_address();
    let begin = std::time::Instant::now();
    let window = Duration::from_millis(200);
    let error = soon(carnegie::connect::<OfficeClient>(address).wait_for_server(window)).await.unwrap_err();
    assert!(matches!(error, BindError::Unreachable { .. }), "{error}");
    // By default it would wait for 5 s.
    let took = begin.elapsed();
    assert!(took >= window / 2 && took < Duration::from_millis(4_500), "{took:?}");
}

#[tokio::test]
async fn a_server_that_has_no_descriptors_left_keeps_its_port_and_serves_when_it_has_some_again() {
    let mut office = start(Setup { before: "ulimit -n 24", ..Setup::default() }).await;
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(tokio::net::TcpStream::connect(office.address).await.unwrap());
    }
    assert_eq!(office.next().await, "cannot accept");
    drop(strangers);
    let client = client(&office).await;
    assert_eq!(soon(client.sell(1, "Ada")).await.unwrap().order, 1);
}
