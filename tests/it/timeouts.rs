//! Deadlines: where they come from, what the error says, and what does not start once they have passed.

use crate::box_office::{OfficeClient, hall};
use crate::raw::Raw;
use crate::support::{Running, patient, run, said, soon};
use carnegie::{Code, Error, Execution, Limits, Server};
use rpc_core::frame::{Answer, Cancel, Checksum, Refusal, Request};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

async fn office() -> (Running, OfficeClient, crate::box_office::Events) {
    let (office, events) = hall();
    let server = run(Server::new().add(office)).await;
    let client = server.client().await;
    (server, client, events)
}

#[tokio::test]
async fn a_call_has_ten_seconds_if_nothing_else_is_said() {
    let (_server, office, _events) = office().await;
    let patience = soon(office.patience()).await.unwrap();
    assert!((6_000..=10_001).contains(&patience), "{patience} ms");
    assert_eq!(Limits::default().call_timeout, Duration::from_secs(10));
}

#[tokio::test]
async fn the_methods_timeout_goes_before_the_channels_and_the_calls_before_both() {
    let (office, _events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient =
        soon(carnegie::connect(server.address).limits(patient()).timeout(Duration::from_secs(30)))
            .await
            .unwrap();
    let channel = soon(office.patience()).await.unwrap();
    assert!((11_000..=30_001).contains(&channel), "{channel} ms");
    let method = soon(office.hurried_patience()).await.unwrap();
    assert!((1..=5_001).contains(&method), "{method} ms");
    let call = soon(office.hurried_patience().timeout(Duration::from_secs(90))).await.unwrap();
    assert!((31_000..=90_001).contains(&call), "{call} ms");
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_says_how_long_it_waited() {
    let (_server, office, mut events) = office().await;
    let begin = Instant::now();
    let timeout = Duration::from_secs(1);
    let error = soon(office.sell_later(1).timeout(timeout)).await.unwrap_err();
    assert!(begin.elapsed() >= timeout);
    assert_eq!(said(&error), "Office.sell_later: no answer within 1s (execution unknown)");
    assert_eq!((error.code(), error.execution()), (Code::DeadlineExceeded, Execution::Unknown));
    let id = error.request_id().expect("it was sent");
    assert_eq!(id.at.sequence, 1);
    assert_eq!(events.so_far()[0], ("sell_later", 1));
}

#[tokio::test]
async fn many_calls_with_many_deadlines_end_each_at_its_own() {
    let (_server, office, _events) = office().await;
    let last = tokio::spawn(office.sell_later(50).timeout(Duration::from_secs(600)).into_owned());
    let mut calls = tokio::task::JoinSet::new();
    for order in 0..50_u64 {
        let call =
            office.sell_later(order).timeout(Duration::from_millis(10 + 3 * (order * 7 % 50))).into_owned();
        calls.spawn(async move {
            let begin = Instant::now();
            match call.await.unwrap_err() {
                Error::DeadlineExceeded { after, .. } => Some((after, begin.elapsed())),
                // On a busy machine it may come too late to be started.
                error => {
                    assert!(matches!(error, Error::Refused { code: Code::DeadlineExceeded, .. }), "{error}");
                    None
                }
            }
        });
    }
    for (after, took) in soon(calls.join_all()).await.into_iter().flatten() {
        assert!(took >= after, "{took:?} of {after:?}");
    }
    assert!(!last.is_finished());
}

#[tokio::test]
async fn a_request_whose_time_is_over_when_it_comes_is_not_started() {
    let (server, _office, mut events) = office().await;
    let mut raw = Raw::bound::<OfficeClient>(server.address).await;
    // The connection is older than a millisecond when this one comes.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let id = rpc_core::SlotId { slot: 0, sequence: 1 };
    let mut out = Vec::new();
    Request { id, method: 0, deadline: 1, payload: b"\x01\x03Ada", ..Default::default() }
        .write(&mut out, Checksum::Whole);
    raw.send(&out).await;
    raw.reply(|reply| {
        assert_eq!((reply.id, reply.answer), (id, Answer::Refused));
        let refusal = Refusal::read(reply.payload).unwrap();
        assert_eq!(refusal.code, Code::DeadlineExceeded);
        assert_eq!(refusal.reason, "the call's time was over before it could start");
    })
    .await;
    assert_eq!(events.so_far(), []);
}

#[tokio::test]
async fn a_request_that_was_fenced_before_it_came_is_not_started() {
    let (server, _office, mut events) = office().await;
    let mut raw = Raw::bound::<OfficeClient>(server.address).await;
    let id = rpc_core::SlotId { slot: 0, sequence: 1 };
    let mut out = Vec::new();
    Cancel { id, want_reply: false }.write(&mut out);
    Request { id, method: 0, deadline: 60_000, payload: b"\x01\x03Ada", ..Default::default() }
        .write(&mut out, Checksum::Whole);
    raw.send(&out).await;
    for _ in 0..2 {
        raw.reply(|reply| assert_eq!((reply.id, reply.answer), (id, Answer::Fenced))).await;
    }
    assert_eq!(events.so_far(), []);
}

#[tokio::test]
async fn an_unreachable_server_does_not_make_a_call_outlive_its_deadline() {
    let (server, office, _events) = office().await;
    server.stop().await;
    let error = soon(office.sell(1, "Ada").timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!((error.code(), error.execution()), (Code::Unavailable, Execution::NotExecuted), "{error}");
    assert!(error.to_string().contains("refused"), "it says why there is no server: {error}");
    assert!(error.is_retryable());
}

/// Carries bytes from one stream to another, the first ones late.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut bytes = vec![0; 1 << 16];
    let mut late = Duration::from_millis(60);
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(std::mem::take(&mut late)).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// The server counts from when it sent its welcome, so its deadlines pass earlier by the time that took.
#[tokio::test]
async fn after_a_slow_handshake_a_call_that_runs_out_of_time_says_so_whether_it_is_idempotent_or_not() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let (near, middle) = tokio::io::duplex(1 << 16);
    let (from_client, to_client) = tokio::io::split(middle);
    let (from_server, to_server) = TcpStream::connect(server.address).await.unwrap().into_split();
    tokio::spawn(carry(from_client, to_server));
    tokio::spawn(carry(from_server, to_client));
    let office: OfficeClient = soon(carnegie::connect_over(near).limits(patient())).await.unwrap();
    for round in 0..10 {
        let timeout = Duration::from_millis(150 + 7 * round);
        let error = match round % 2 {
            0 => soon(office.look_later().timeout(timeout)).await.unwrap_err(),
            _ => soon(office.sell_later(round).timeout(timeout)).await.unwrap_err(),
        };
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        // On a busy machine it may come too late to be started, and only then may it be called so.
        let started = events.so_far().iter().any(|(what, _)| *what != "look_later dropped");
        assert!(error.execution() == Execution::Unknown || !started, "{error}");
    }
}
