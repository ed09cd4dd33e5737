//! The same faults between two ends inside a process.

mod support;

use rpc_testing::{Chaos, Direction, Fault, Line, pair};
use std::time::Duration;
use support::{is_silent, pass, read, rest, soon, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

#[tokio::test]
async fn without_orders_everything_passes_with_both_ends() {
    let (mut client, mut server, line) = pair();
    pass(&mut client, &mut server, b"to the server").await;
    pass(&mut server, &mut client, b"to the client").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await.unwrap(), b"");
    drop(server);
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    until(|| line.connections() == 0).await;
    assert_eq!(line.counts().to_string(), "1 connections, no faults");
}

#[tokio::test]
async fn what_is_ordered_at_once_holds_for_the_first_byte() {
    let (mut client, mut server, line) = pair();
    line.corrupt(Direction::ToServer, 0);
    line.cut_after(Direction::ToServer, 3);
    client.write_all(b"frame").await.unwrap();
    let passed = rest(&mut server).await.unwrap();
    assert_eq!((passed.len(), passed[0] == b'f', &passed[1..]), (3, false, &b"ra"[..]));
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    assert_eq!((line.counts().of(Fault::Cut), line.counts().of(Fault::Corruption)), (1, 1));
}

#[tokio::test]
async fn a_direction_is_half_closed_and_a_black_hole_healed() {
    let (mut client, mut server, line) = pair();
    line.black_hole(Direction::ToClient);
    server.write_all(b"late").await.unwrap();
    assert!(is_silent(&mut client).await);
    line.half_close(Direction::ToServer);
    assert_eq!(rest(&mut server).await.unwrap(), b"");
    line.heal();
    assert_eq!(read(&mut client, 4).await, b"late");
}

/// Time is the runtime's, so a test need not wait for it.
#[tokio::test(start_paused = true)]
async fn delays_and_bandwidths_follow_the_clock_of_the_runtime() {
    let (mut client, mut server, line) = pair();
    let delay = Duration::from_secs(50);
    line.delay(Direction::ToServer, delay);
    let begin = Instant::now();
    pass(&mut client, &mut server, b"late").await;
    assert!(begin.elapsed() >= delay);
    line.delay(Direction::ToServer, Duration::ZERO);
    line.bandwidth(Direction::ToServer, 1);
    let begin = Instant::now();
    pass(&mut client, &mut server, b"slowly").await;
    assert!(begin.elapsed() >= Duration::from_secs(5), "the first byte goes at once");
}

/// How late single bytes are that are sent one after the other.
async fn lateness(seed: u64, jitter: Duration) -> Vec<Duration> {
    let line = Line::seeded(seed);
    let (mut client, mut server) = line.pair();
    line.jitter(Direction::ToServer, jitter);
    let mut all = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        pass(&mut client, &mut server, b"x").await;
        all.push(begin.elapsed());
    }
    all
}

#[tokio::test(start_paused = true)]
async fn jitter_is_drawn_from_the_seed() {
    let jitter = Duration::from_millis(1000);
    let (one, other) = (lateness(1, jitter).await, lateness(2, jitter).await);
    assert_eq!(one, lateness(1, jitter).await);
    assert_ne!(one, other);
    // Timers tick by the millisecond.
    let most = jitter + Duration::from_millis(1);
    assert!(one.iter().all(|late| *late <= most) && one.iter().max() > one.iter().min(), "{one:?}");
}

#[tokio::test]
async fn what_is_held_arrives_after_what_a_later_pair_has_sent() {
    let line = Line::new();
    let (mut client, mut first) = line.pair();
    line.hold(Direction::ToServer);
    client.write_all(b"sent before").await.unwrap();
    line.cut();
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    let (mut again, mut second) = line.pair();
    pass(&mut again, &mut second, b"sent after").await;
    assert!(is_silent(&mut first).await);
    line.release(Direction::ToServer);
    assert_eq!(rest(&mut first).await.unwrap(), b"sent before");
}

#[tokio::test]
async fn faults_are_drawn_for_pairs_too() {
    let line = Line::new();
    line.unleash(Chaos::seeded(1).weight(Fault::Reset, 0));
    soon(async {
        while line.counts().of(Fault::Cut) < 3 {
            let (mut client, mut server) = line.pair();
            let mut bytes = [7; 100];
            while client.write_all(&bytes).await.is_ok() {
                if tokio::time::timeout(Duration::from_secs(1), server.read_exact(&mut bytes))
                    .await
                    .is_ok_and(|read| read.is_err())
                {
                    break;
                }
            }
        }
    })
    .await;
    assert_eq!(line.counts().of(Fault::Refusal), 0);
}

#[tokio::test]
async fn a_dropped_line_ends_its_connections() {
    let (mut client, mut server, line) = pair();
    let other = line.clone();
    drop(line);
    pass(&mut client, &mut server, b"there is a clone").await;
    other.black_hole(Direction::Both);
    drop(other);
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    assert_eq!(rest(&mut server).await.unwrap(), b"");
}
