//! Faults that are drawn, over real sockets.

mod support;

use rpc_testing::{Chaos, Direction, Fault, Proxy, pair};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{HOUR, echo, pass, read, soon, talk, until};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A fault of each kind within a second or two.
fn wild(seed: u64) -> Chaos {
    let millis = |from, to| Duration::from_millis(from)..Duration::from_millis(to);
    Chaos::seeded(seed).weight(Fault::Replay, 1).calm(millis(0, 20)).lasts(millis(0, 20))
}

#[tokio::test]
async fn drawn_faults_are_counted_and_told_and_end_when_the_line_is_healed() {
    let told = Arc::new(AtomicU64::new(0));
    let telling = told.clone();
    let builder = Proxy::builder(echo().await).chaos(wild(11)).on_fault(move |_| {
        telling.fetch_add(1, Ordering::Relaxed);
    });
    let proxy = builder.start().await.unwrap();
    println!("seed {}", proxy.seed());
    let every = || Fault::ALL.iter().all(|fault| proxy.counts().of(*fault) > 0);
    soon(async {
        while !every() {
            // However it ends.
            let _ = talk(proxy.address(), every).await;
        }
    })
    .await;
    proxy.heal();
    assert!(told.load(Ordering::Relaxed) >= Fault::ALL.len() as u64);
    let faults = || proxy.counts().faults() - proxy.counts().of(Fault::Replay);
    let (before, rounds) = (faults(), Cell::new(0));
    let enough = || {
        rounds.set(rounds.get() + 1);
        rounds.get() > 200
    };
    soon(talk(proxy.address(), enough)).await.unwrap();
    assert_eq!(faults(), before);
}

#[tokio::test]
async fn chaos_that_is_let_loose_hits_present_connections_and_what_is_scripted_goes_on_beside_it() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut client = soon(TcpStream::connect(proxy.address())).await.unwrap();
    client.write_all(b"<").await.unwrap();
    assert_eq!(read(&mut client, 1).await, b"<");
    let delay = Duration::from_millis(50);
    proxy.delay(Direction::ToClient, delay);
    proxy.unleash(wild(3).weight(Fault::Refusal, 0));
    until(|| proxy.counts().faults() > 3).await;
    soon(async { while talk(proxy.address(), || proxy.counts().faults() > 20).await.is_err() {} }).await;
    proxy.unleash(Chaos::quiet(3));
    let begin = Instant::now();
    let mut client = soon(TcpStream::connect(proxy.address())).await.unwrap();
    client.write_all(b"<").await.unwrap();
    assert_eq!(read(&mut client, 1).await, b"<");
    assert!(begin.elapsed() >= delay);
}

#[tokio::test]
async fn what_was_drawn_for_long_ends_when_something_else_is_drawn_from() {
    let (mut client, mut server, line) = pair();
    let chaos = Chaos::quiet(1).weight(Fault::BlackHole, 1).calm(Duration::ZERO..Duration::ZERO);
    line.unleash(chaos.lasts(HOUR..HOUR));
    until(|| line.counts().of(Fault::BlackHole) == 1).await;
    line.unleash(Chaos::quiet(1));
    pass(&mut client, &mut server, b"to the server").await;
    pass(&mut server, &mut client, b"to the client").await;
}

#[tokio::test]
async fn a_seed_draws_the_same_faults_again() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let kept = drawn.clone();
        // One kind at a time, so that none is overtaken by the end of its connection.
        let chaos = Chaos::quiet(5).weight(Fault::Cut, 1).weight(Fault::Reset, 1).weight(Fault::Refusal, 1);
        let builder = Proxy::builder(echo().await).chaos(chaos.bytes(1..5_000).calm(HOUR..HOUR));
        let builder = builder.on_fault(move |happened| kept.lock().unwrap().push(happened));
        let proxy = builder.start().await.unwrap();
        for _ in 0..30 {
            soon(talk(proxy.address(), || false)).await.unwrap_err();
        }
        drop(proxy);
        runs.push(drawn.lock().unwrap().clone());
    }
    assert_eq!(runs[0].len(), 30);
    assert_eq!(runs[0], runs[1]);
}
