//! Each fault over real sockets, between a plain client and a plain server: what the two ends see.

use rpc_testing::{Chaos, Direction, Fault, Proxy};
use std::future::IntoFuture;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// Fails a test that would else hang. Long, for a busy machine may let a test wait for its turn.
async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what.into_future()).await.expect("it ends within a minute")
}

/// Returns once `holds` does; the events that lead there wake other tasks, not this one.
async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A server's socket with a proxy before it.
struct World {
    server: TcpListener,
    proxy: Proxy,
}

impl World {
    async fn new() -> World {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().to_string()).await.unwrap();
        World { server, proxy }
    }

    /// Both ends of a connection over which a byte has passed each way.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let mut client = soon(TcpStream::connect(self.proxy.address())).await.unwrap();
        let (mut served, _) = soon(self.server.accept()).await.unwrap();
        pass(&mut client, &mut served, b"<").await;
        pass(&mut served, &mut client, b">").await;
        (client, served)
    }
}

async fn read(from: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    soon(from.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// All that comes until the end of the stream.
async fn rest(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    soon(from.read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

async fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    soon(from.write_all(bytes)).await.unwrap();
    assert_eq!(read(to, bytes.len()).await, bytes);
}

/// Nothing has come, though there was time for it.
async fn is_silent(from: &mut TcpStream) -> bool {
    let mut byte = [0];
    tokio::time::timeout(Duration::from_millis(50), from.read(&mut byte)).await.is_err()
}

#[tokio::test]
async fn without_orders_everything_passes_and_both_ends_learn_of_the_end() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    let large: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    let (sent, received) = tokio::join!(client.write_all(&large), read(&mut served, large.len()));
    sent.unwrap();
    assert!(received == large);
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut served).await.unwrap(), b"");
    pass(&mut served, &mut client, b"the other way is open").await;
    drop(served);
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    until(|| world.proxy.connections() == 0).await;
    assert_eq!(world.proxy.counts().to_string(), "1 connections, no faults");
}

#[tokio::test]
async fn a_reset_passes_too() {
    let world = World::new().await;
    let (client, mut served) = world.connect().await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(rest(&mut served).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_ends_both_streams_and_loses_what_was_on_its_way() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.delay(Direction::ToServer, Duration::from_secs(3600));
    client.write_all(b"lost").await.unwrap();
    until(|| world.proxy.on_the_way(Direction::ToServer) == 4).await;
    world.proxy.cut();
    assert_eq!(rest(&mut served).await.unwrap(), b"");
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    assert_eq!((world.proxy.connections(), world.proxy.counts().of(Fault::Cut)), (0, 1));
}

#[tokio::test]
async fn an_end_that_goes_on_sending_reads_the_end_of_a_cut_stream_and_no_reset() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    served.write_all(&vec![7; 1 << 20]).await.unwrap();
    world.proxy.black_hole(Direction::ToClient);
    client.write_all(&vec![7; 100_000]).await.unwrap();
    world.proxy.cut();
    rest(&mut client).await.unwrap();
    rest(&mut served).await.unwrap();
}

#[tokio::test]
async fn a_reset_is_an_error_at_both_ends() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.reset();
    assert_eq!(rest(&mut client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(rest(&mut served).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(world.proxy.counts().of(Fault::Reset), 1);
}

#[tokio::test]
async fn a_cut_after_some_bytes_lets_exactly_those_pass() {
    let world = World::new().await;
    for (bytes, passed) in [(0, ""), (3, "fra"), (5, "frame")] {
        let (mut client, mut served) = world.connect().await;
        world.proxy.cut_after(Direction::ToServer, bytes);
        client.write_all(b"frame one, frame two").await.unwrap();
        assert_eq!(rest(&mut served).await.unwrap(), passed.as_bytes());
        assert_eq!(rest(&mut client).await.unwrap(), b"");
    }
    assert_eq!(world.proxy.counts().of(Fault::Cut), 3);
}

#[tokio::test]
async fn a_reset_after_some_bytes_resets_both_ends() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.reset_after(Direction::ToClient, 3);
    served.write_all(b"frame").await.unwrap();
    let mut read = [0; 5];
    // A reset may take along what was not read yet.
    while soon(client.read(&mut read)).await.is_ok_and(|count| count > 0) {}
    assert_eq!(rest(&mut served).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((world.proxy.counts().of(Fault::Reset), world.proxy.counts().of(Fault::Cut)), (1, 0));
}

#[tokio::test]
async fn a_half_closed_direction_ends_and_the_other_goes_on() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.half_close(Direction::ToServer);
    assert_eq!(rest(&mut served).await.unwrap(), b"");
    // As much as it likes.
    soon(client.write_all(&vec![7; 8 << 20])).await.unwrap();
    pass(&mut served, &mut client, b"still there").await;
    drop(served);
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    world.proxy.half_close(Direction::ToServer);
    assert_eq!(world.proxy.counts().of(Fault::HalfClose), 1);
    drop(client);
    until(|| world.proxy.connections() == 0).await;
}

#[tokio::test]
async fn a_black_hole_delivers_nothing_refuses_nothing_and_gives_it_back_when_it_is_healed() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.black_hole(Direction::ToServer);
    client.write_all(b"late").await.unwrap();
    pass(&mut served, &mut client, b"the other way").await;
    assert!(is_silent(&mut served).await);
    // Others pass.
    let (_other, _served) = world.connect().await;
    world.proxy.heal();
    assert_eq!(read(&mut served, 4).await, b"late");
    assert_eq!(world.proxy.counts().of(Fault::BlackHole), 1);
}

#[tokio::test]
async fn in_a_black_hole_nobody_learns_that_the_other_end_is_gone() {
    let world = World::new().await;
    let (client, mut served) = world.connect().await;
    world.proxy.black_hole(Direction::Both);
    client.set_zero_linger().unwrap();
    drop(client);
    assert!(is_silent(&mut served).await);
    served.write_all(b"anybody there?").await.unwrap();
    assert!(is_silent(&mut served).await);
    assert_eq!(world.proxy.connections(), 1);
    world.proxy.heal();
    assert!(rest(&mut served).await.map_or(true, |bytes| bytes.is_empty()));
}

#[tokio::test]
async fn one_way_of_a_black_hole_hides_an_end_that_is_gone_though_bytes_are_sent_to_it() {
    let world = World::new().await;
    let (client, mut served) = world.connect().await;
    world.proxy.black_hole(Direction::ToServer);
    drop(client);
    for _ in 0..3 {
        served.write_all(b"anybody there?").await.unwrap();
        assert!(is_silent(&mut served).await);
    }
    world.proxy.heal();
    assert!(rest(&mut served).await.map_or(true, |bytes| bytes.is_empty()));
}

#[tokio::test]
async fn the_sender_into_a_black_hole_has_to_wait_in_the_end() {
    let world = World::new().await;
    let (mut client, _served) = world.connect().await;
    world.proxy.black_hole(Direction::ToServer);
    let endless = async {
        loop {
            client.write_all(&[7; 1 << 16]).await.unwrap();
        }
    };
    let mut sent = std::pin::pin!(endless);
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut sent).await.is_err());
    assert!(world.proxy.on_the_way(Direction::Both) <= 256 << 10);
}

#[tokio::test]
async fn corruption_changes_one_bit_of_the_byte_that_was_named() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.corrupt(Direction::ToServer, 5);
    for part in [&b"0123"[..], b"4567", b"89"] {
        client.write_all(part).await.unwrap();
    }
    let mut read = read(&mut served, 10).await;
    assert_eq!((read[5] ^ b'5').count_ones(), 1);
    read[5] = b'5';
    assert_eq!(read, b"0123456789");
    assert_eq!(world.proxy.counts().of(Fault::Corruption), 1);
    pass(&mut client, &mut served, b"0123456789").await;
}

#[tokio::test]
async fn a_delay_keeps_bytes_for_its_time_and_in_their_order() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    let delay = Duration::from_millis(80);
    world.proxy.delay(Direction::ToServer, delay);
    world.proxy.jitter(Direction::ToServer, Duration::from_millis(20));
    let begin = Instant::now();
    for byte in 0..50_u8 {
        client.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(read(&mut served, 50).await, (0..50).collect::<Vec<u8>>());
    assert!(begin.elapsed() >= delay);
    assert_eq!(world.proxy.counts().of(Fault::Delay), 1);
    // For connections to come, and their ends, too.
    let (begin, (other, mut served)) = (Instant::now(), world.connect().await);
    assert!(begin.elapsed() >= delay);
    let begin = Instant::now();
    drop(other);
    rest(&mut served).await.unwrap();
    assert!(begin.elapsed() >= delay);
    assert_eq!(world.proxy.counts().of(Fault::Delay), 2);
}

#[tokio::test]
async fn healing_ends_a_delay_for_what_is_on_its_way() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.delay(Direction::ToServer, Duration::from_secs(3600));
    client.write_all(b"late").await.unwrap();
    until(|| world.proxy.on_the_way(Direction::ToServer) == 4).await;
    assert!(is_silent(&mut served).await);
    world.proxy.heal();
    assert_eq!(read(&mut served, 4).await, b"late");
}

#[tokio::test]
async fn a_delay_line_is_bounded() {
    let world = World::new().await;
    let (mut client, _served) = world.connect().await;
    world.proxy.delay(Direction::ToServer, Duration::from_secs(3600));
    let endless = async {
        loop {
            client.write_all(&[7; 1 << 16]).await.unwrap();
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(500), endless).await.is_err());
    assert_eq!(world.proxy.on_the_way(Direction::ToServer), 256 << 10);
}

#[tokio::test]
async fn a_bandwidth_is_not_exceeded() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.bandwidth(Direction::ToServer, 100_000);
    let begin = Instant::now();
    client.write_all(&[7; 30_000]).await.unwrap();
    read(&mut served, 30_000).await;
    // The first piece goes at once.
    assert!(begin.elapsed() >= Duration::from_millis(270), "{:?}", begin.elapsed());
    world.proxy.bandwidth(Direction::ToServer, None);
    pass(&mut client, &mut served, &[7; 100_000]).await;
    assert_eq!(world.proxy.counts().of(Fault::Bandwidth), 1);
}

#[tokio::test]
async fn what_is_held_outlives_a_cut_and_arrives_after_what_a_later_connection_has_sent() {
    let world = World::new().await;
    let (mut client, mut first) = world.connect().await;
    world.proxy.hold(Direction::ToServer);
    client.write_all(b"sent before").await.unwrap();
    until(|| world.proxy.on_the_way(Direction::ToServer) == 11).await;
    world.proxy.cut();
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    let (mut again, mut second) = world.connect().await;
    pass(&mut again, &mut second, b"sent after").await;
    assert!(is_silent(&mut first).await);
    world.proxy.release(Direction::ToServer);
    assert_eq!(rest(&mut first).await.unwrap(), b"sent before");
    assert_eq!(world.proxy.counts().of(Fault::Reorder), 1);
}

#[tokio::test]
async fn what_is_held_outlives_its_sender_and_a_reset() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.hold(Direction::ToServer);
    client.write_all(b"sent before").await.unwrap();
    drop(client);
    world.proxy.release(Direction::ToServer);
    assert_eq!(rest(&mut served).await.unwrap(), b"sent before");
    let (mut client, mut served) = world.connect().await;
    world.proxy.hold(Direction::ToServer);
    client.write_all(b"sent before").await.unwrap();
    world.proxy.reset();
    assert_eq!(rest(&mut client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    world.proxy.heal();
    assert_eq!(rest(&mut served).await.unwrap(), b"sent before");
    until(|| world.proxy.connections() == 0).await;
}

#[tokio::test]
async fn refused_connections_are_reset_and_present_ones_stay() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.refuse(true);
    let mut refused = soon(TcpStream::connect(world.proxy.address())).await.unwrap();
    assert_eq!(rest(&mut refused).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    pass(&mut client, &mut served, b"here").await;
    world.proxy.refuse(false);
    world.connect().await;
    let counts = world.proxy.counts();
    assert_eq!((counts.of(Fault::Refusal), counts.connections()), (1, 3));
}

#[tokio::test]
async fn connections_to_come_are_led_to_another_server() {
    let mut world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.proxy.retarget(world.server.local_addr().unwrap().to_string());
    let (mut other, mut served_there) = world.connect().await;
    pass(&mut client, &mut served, b"here").await;
    pass(&mut other, &mut served_there, b"there").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_reset() {
    let world = World::new().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    world.proxy.retarget(closed.to_string());
    let mut client = soon(TcpStream::connect(world.proxy.address())).await.unwrap();
    assert_eq!(rest(&mut client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_replay_sends_what_a_client_has_sent_on_a_connection_of_its_own() {
    let world = World::new().await;
    assert_eq!(world.proxy.replay(), 0);
    let (mut client, mut served) = world.connect().await;
    pass(&mut client, &mut served, b"sell one").await;
    assert_eq!(world.proxy.replay(), 9);
    let (mut again, _) = soon(world.server.accept()).await.unwrap();
    assert_eq!(read(&mut again, 9).await, b"<sell one");
    until(|| world.proxy.counts().of(Fault::Replay) == 1).await;
    assert!(is_silent(&mut client).await);
}

#[tokio::test]
async fn only_what_may_be_replayed_is() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let builder = Proxy::builder(address).capture(4).replayable(|bytes| bytes.starts_with(b"again"));
    let proxy = builder.start().await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"again and again").await.unwrap();
    read(&mut server.accept().await.unwrap().0, 15).await;
    assert_eq!(proxy.replay(), 0, "four bytes of it are not enough");
}

#[tokio::test]
async fn a_dropped_proxy_ends_its_connections() {
    let World { server, proxy } = World::new().await;
    let world = World { server, proxy };
    let (mut client, mut served) = world.connect().await;
    let (mut held, mut served_late) = world.connect().await;
    world.proxy.hold(Direction::ToServer);
    let address = world.proxy.address();
    drop(world.proxy);
    for stream in [&mut client, &mut served, &mut held, &mut served_late] {
        assert!(rest(stream).await.map_or(true, |bytes| bytes.is_empty()));
    }
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn drawn_faults_are_counted_and_told_and_end_when_the_line_is_healed() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = server.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    let told = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let telling = told.clone();
    let millis = |from, to| Duration::from_millis(from)..Duration::from_millis(to);
    let chaos = Chaos::seeded(11).weight(Fault::Replay, 1).calm(millis(0, 20)).lasts(millis(0, 20));
    let proxy = Proxy::builder(target)
        .chaos(chaos)
        .on_fault(move |_| {
            telling.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        })
        .start()
        .await
        .unwrap();
    println!("seed {}", proxy.seed());
    let every = || Fault::ALL.iter().all(|fault| proxy.counts().of(*fault) > 0);
    let talk = async || -> io::Result<()> {
        let mut client = TcpStream::connect(proxy.address()).await?;
        let mut read = [0; 1000];
        loop {
            client.write_all(&read).await?;
            client.read_exact(&mut read).await?;
            if every() {
                return Ok(());
            }
        }
    };
    soon(async {
        while !every() {
            // However it ends.
            let _ = talk().await;
        }
    })
    .await;
    proxy.heal();
    let counts = proxy.counts();
    assert!(
        counts.of(Fault::Replay) > 0 && told.load(std::sync::atomic::Ordering::Relaxed) >= counts.faults()
    );
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let mut echo = [0; 5];
    for _ in 0..100 {
        soon(client.write_all(b"whole")).await.unwrap();
        soon(client.read_exact(&mut echo)).await.unwrap();
        assert_eq!(&echo, b"whole");
    }
}
