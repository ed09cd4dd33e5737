//! The library's own proxy before a service: what its faults cost a call, which is nothing.

use crate::box_office::{Events, OfficeClient, hall};
use crate::support::{CODEC, Running, patient, run, soon, until};
use carnegie::testing::{Chaos, Direction, Fault, Line, Proxy, ProxyBuilder, is_resumption};
use carnegie::{Client, Limits, Server};
use std::time::Duration;

struct World {
    server: Running,
    events: Events,
    proxy: Proxy,
    office: OfficeClient,
}

async fn world(limits: Limits) -> World {
    with(limits, |proxy| proxy).await
}

async fn with(limits: Limits, configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> World {
    let (office, events) = hall();
    let server = run(Server::new().add(office)).await;
    let proxy = configure(Proxy::builder(server.address.to_string())).start().await.unwrap();
    println!("seed {}", proxy.seed());
    let connecting = carnegie::connect(proxy.address()).limits(limits).codec(CODEC);
    let office = soon(connecting.timeout(Duration::from_secs(60))).await.unwrap();
    World { server, events, proxy, office }
}

impl World {
    /// Sells one ticket over a line that is to break; it is sold once.
    async fn sell(&mut self) {
        assert_eq!(soon(self.office.sell(7, "Ada")).await.unwrap().order, 7);
        assert_eq!(self.events.so_far(), [("sell", 7)]);
        assert_eq!(self.office.channel().stats().retried, 0);
    }
}

#[tokio::test]
async fn a_call_whose_frames_are_cut_in_their_middle_goes_on_over_the_next_connection() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        for bytes in [0, 1, 10, 24, 25] {
            // With no byte the connection is cut before the request, which is new on the next one.
            let replayed = u64::from(direction == Direction::ToClient && bytes > 0);
            let mut world = world(patient()).await;
            world.proxy.cut_after(direction, bytes);
            world.sell().await;
            assert_eq!(world.proxy.counts().of(Fault::Cut), 1);
            let stats = world.office.channel().stats();
            assert_eq!((stats.resumed, stats.replayed), (1, replayed), "{direction:?} {bytes}");
        }
    }
}

#[tokio::test]
async fn a_call_on_a_connection_that_is_reset_goes_on_over_the_next_one() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let mut world = world(patient()).await;
        world.proxy.reset_after(direction, 10);
        world.sell().await;
        assert_eq!((world.proxy.counts().of(Fault::Reset), world.office.channel().stats().resumed), (1, 1));
    }
}

#[tokio::test]
async fn a_call_goes_on_when_either_direction_is_half_closed() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let mut world = world(patient()).await;
        world.proxy.half_close(direction);
        world.sell().await;
        assert_eq!(world.office.channel().stats().resumed, 1);
    }
}

#[tokio::test]
async fn a_bit_that_flips_is_noticed_and_its_call_gets_its_one_result() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        // In the header, in its checksum, in the payload.
        for byte in [0, 9, 22, 25] {
            let mut world = world(patient()).await;
            world.proxy.corrupt(direction, byte);
            world.sell().await;
            assert_eq!(world.proxy.counts().of(Fault::Corruption), 1);
            assert_eq!(world.office.channel().stats().resumed, 1, "{direction:?} {byte}");
        }
    }
}

#[tokio::test]
async fn a_black_hole_is_noticed_by_probing_whichever_way_it_swallows() {
    // Late answers on a busy machine cost further connections, and no call.
    let limits = Limits::default().probe_after(Duration::from_millis(50));
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        let mut world = world(limits.clone()).await;
        world.proxy.black_hole(direction);
        world.sell().await;
        assert_eq!(world.proxy.counts().of(Fault::BlackHole), 1);
        assert!(world.office.channel().stats().resumed >= 1);
    }
}

#[tokio::test]
async fn a_request_that_arrives_after_its_copy_runs_nothing_again() {
    let mut world = world(patient()).await;
    world.proxy.hold(Direction::ToServer);
    let call = tokio::spawn(world.office.sell(7, "Ada").into_owned());
    until(|| world.proxy.on_the_way(Direction::ToServer) > 0).await;
    world.proxy.cut();
    assert_eq!(soon(call).await.unwrap().unwrap().order, 7);
    let before = world.server.server.stats();
    world.proxy.release(Direction::ToServer);
    // The late one has come: it is answered as a copy is, though nobody listens.
    until(|| world.server.server.stats().replayed > before.replayed).await;
    assert_eq!(world.events.so_far(), [("sell", 7)]);
}

#[tokio::test]
async fn replayed_bytes_of_a_client_that_has_come_back_run_nothing_again() {
    let mut world = with(patient(), |proxy| proxy.replayable(is_resumption)).await;
    assert_eq!(world.proxy.replay(), 0, "these would open a session of their own");
    world.proxy.cut();
    world.sell().await;
    let before = world.server.server.stats();
    assert!(world.proxy.replay() > 0);
    until(|| world.server.server.stats().replayed > before.replayed).await;
    assert_eq!(world.proxy.counts().of(Fault::Replay), 1);
    assert_eq!(world.events.so_far(), []);
    // And the client goes on.
    world.sell().await;
}

#[tokio::test]
async fn calls_over_a_line_that_breaks_in_every_way_run_once_each() {
    let millis = |from, to| Duration::from_millis(from)..Duration::from_millis(to);
    let chaos = Chaos::seeded(4).weight(Fault::Replay, 1).bytes(0..3_000).lasts(millis(1, 50));
    let mut world = with(patient(), |proxy| proxy.replayable(is_resumption)).await;
    world.proxy.unleash(chaos);
    let mut calls = 0;
    while world.proxy.counts().faults() < 30 {
        calls += 1;
        assert_eq!(soon(world.office.sell(calls, "Ada")).await.unwrap().order, calls);
    }
    let counts = world.proxy.counts();
    world.proxy.heal();
    let sold: Vec<_> = (1..=calls).map(|order| ("sell", order)).collect();
    assert_eq!(world.events.so_far(), sold, "{counts}");
}

#[tokio::test]
async fn a_line_inside_the_process_breaks_as_one_over_sockets_does() {
    let (office, mut events) = hall();
    let server = Server::new().add(office).start().unwrap();
    let line = Line::new();
    let (served, between) = (server.clone(), line.clone());
    let dialer = move || {
        let (client, far) = between.pair();
        served.serve_stream(far, "a test");
        async { Ok(client) }
    };
    let connecting = carnegie::connect_with(dialer).limits(patient()).codec(CODEC);
    let office: OfficeClient = soon(connecting).await.unwrap();
    line.cut_after(Direction::ToClient, 10);
    assert_eq!(soon(office.sell(1, "Ada")).await.unwrap().order, 1);
    line.corrupt(Direction::ToServer, 25);
    assert_eq!(soon(office.sell(2, "Bob")).await.unwrap().order, 2);
    assert_eq!(events.so_far(), [("sell", 1), ("sell", 2)]);
    assert_eq!(line.counts().to_string(), "3 connections, 1 cut, 1 corrupted");
    soon(server.stop()).await;
}
