//! Each fault over real sockets, between a plain client and a plain server: what the two ends see.

mod support;

use rpc_testing::{Direction, Fault, Proxy};
use std::io::ErrorKind;
use std::time::Duration;
use support::{HOUR, World, is_silent, pass, read, rest, soon, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

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
    world.proxy.delay(Direction::ToServer, HOUR);
    client.write_all(b"lost").await.unwrap();
    until(|| world.proxy.on_the_way(Direction::ToServer) == 4).await;
    world.proxy.cut();
    assert_eq!(rest(&mut served).await.unwrap(), b"");
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    assert_eq!((world.proxy.connections(), world.proxy.counts().of(Fault::Cut)), (0, 1));
}

#[tokio::test]
async fn an_end_may_go_on_sending_for_a_moment_after_its_stream_was_cut() {
    let world = World::new().await;
    let (mut client, _served) = world.connect().await;
    world.proxy.cut();
    let begin = Instant::now();
    assert_eq!(rest(&mut client).await.unwrap(), b"");
    for _ in 0..3 {
        let sent = client.write_all(b"anybody there?").await;
        // A reset is the answer to the write before. After a second it may be.
        assert!(sent.is_ok() || begin.elapsed() > Duration::from_millis(500), "{sent:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
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

/// More than the system takes by itself.
const LARGE: usize = 64 << 20;

#[tokio::test]
async fn the_sender_into_a_black_hole_has_to_wait_in_the_end() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.black_hole(Direction::ToServer);
    let large = vec![7; LARGE];
    let mut sent = std::pin::pin!(client.write_all(&large));
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut sent).await.is_err());
    assert!(world.proxy.on_the_way(Direction::Both) <= 256 << 10);
    world.proxy.heal();
    let (sent, _) = tokio::join!(sent, read(&mut served, LARGE));
    sent.unwrap();
}

#[tokio::test]
async fn an_unplugged_line_swallows_connections_to_come_too() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.unplug();
    let mut late = soon(TcpStream::connect(world.proxy.address())).await.unwrap();
    for stream in [&mut client, &mut served, &mut late] {
        stream.write_all(b"late").await.unwrap();
    }
    let (mut served_late, _) = soon(world.server.accept()).await.unwrap();
    for stream in [&mut client, &mut served, &mut served_late] {
        assert!(is_silent(stream).await);
    }
    assert_eq!(world.proxy.counts().of(Fault::BlackHole), 2);
    world.proxy.heal();
    for stream in [&mut client, &mut served, &mut served_late] {
        assert_eq!(read(stream, 4).await, b"late");
    }
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
    world.proxy.delay(Direction::ToServer, HOUR);
    client.write_all(b"late").await.unwrap();
    until(|| world.proxy.on_the_way(Direction::ToServer) == 4).await;
    assert!(is_silent(&mut served).await);
    world.proxy.heal();
    assert_eq!(read(&mut served, 4).await, b"late");
}

#[tokio::test]
async fn a_delay_line_is_bounded() {
    let world = World::new().await;
    let (mut client, mut served) = world.connect().await;
    world.proxy.delay(Direction::ToServer, HOUR);
    let large = vec![7; LARGE];
    let mut sent = std::pin::pin!(client.write_all(&large));
    let full = until(|| world.proxy.on_the_way(Direction::ToServer) == 256 << 10);
    tokio::select! {
        _ = &mut sent => panic!("it is taken without end"),
        () = full => {}
    }
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut sent).await.is_err());
    assert_eq!(world.proxy.on_the_way(Direction::ToServer), 256 << 10);
    world.proxy.heal();
    let (sent, _) = tokio::join!(sent, read(&mut served, LARGE));
    sent.unwrap();
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
