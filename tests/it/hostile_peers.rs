//! Peers that take what they can get, from an address of their own: each is cut off, refused or held at a limit, while calls of
//! another client go on, and new clients are let in. Only Linux has such addresses without being told.

use crate::raw::{Raw, index};
use crate::support::{Running, patient, run, soon, until};
use carnegie::{Limits, Server, connect, service};
use rpc_core::SlotId;
use rpc_core::frame::{Cancel, Checksum, Request};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const HOSTILE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const HOUR: Duration = Duration::from_secs(3600);

#[service]
trait Desk {
    async fn add(&self, one: u32) -> u32;
    async fn fetch(&self, bytes: u32) -> Vec<u8>;
    #[rpc(idempotent)]
    async fn endless(&self);
}

#[derive(Default)]
struct Clerk {
    fetched: Arc<AtomicUsize>,
}

impl Desk for Clerk {
    async fn add(&self, one: u32) -> u32 {
        one + 1
    }
    async fn fetch(&self, bytes: u32) -> Vec<u8> {
        self.fetched.fetch_add(1, SeqCst);
        vec![7; bytes as usize]
    }
    async fn endless(&self) {
        std::future::pending().await
    }
}

/// A server, a client of it that behaves, and how many replies of a size were made.
struct World {
    server: Running,
    good: DeskClient,
    fetched: Arc<AtomicUsize>,
}

async fn world(limits: Limits) -> World {
    let clerk = Clerk::default();
    let fetched = clerk.fetched.clone();
    let server = run(Server::new().add(DeskServer::new(clerk)).limits(limits)).await;
    let good = server.client().await;
    World { server, good, fetched }
}

impl World {
    async fn stranger(&self) -> Raw {
        Raw::connect_from(HOSTILE, self.server.address).await
    }

    async fn bound(&self) -> Result<Raw, String> {
        self.stranger().await.binding::<DeskClient>().await
    }

    /// A call of the client that was there before.
    async fn calls_on(&self) {
        assert_eq!(soon(self.good.add(1)).await.unwrap(), 2);
    }

    /// And one of a client that comes now.
    async fn lets_others_in(&self) {
        self.calls_on().await;
        let client: DeskClient = soon(connect(self.server.address).limits(patient())).await.unwrap();
        assert_eq!(soon(client.add(2)).await.unwrap(), 3);
    }
}

fn request(slot: u32, sequence: u64, method: &str, payload: &[u8]) -> Vec<u8> {
    let (id, method) = (SlotId { slot, sequence }, index::<DeskClient>(method));
    let idempotent = method == index::<DeskClient>("endless");
    let mut out = Vec::new();
    Request { id, method, idempotent, deadline: 60_000, payload, ..Default::default() }
        .write(&mut out, Checksum::Whole);
    out
}

/// A number as bincode writes it.
fn number(number: u32) -> Vec<u8> {
    let mut bytes = vec![252];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes
}

#[tokio::test]
async fn peers_that_send_a_byte_at_a_time_are_cut_off_while_others_call() {
    let limits = Limits::default().frame_within(Duration::from_millis(300)).keep_alive(HOUR);
    let world = world(limits).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(world.bound().await.unwrap());
    }
    let frame = request(0, 1, "fetch", &[7; 60_000]);
    for byte in frame.chunks(1) {
        for raw in &mut slow {
            raw.send(byte).await;
        }
        world.calls_on().await;
        if world.server.server.stats().connections == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for mut raw in slow {
        // Whoever wrote on after the end may have lost why.
        let why = raw.end().await;
        assert!(why.is_empty() || why.contains("a frame was not complete within 300ms"), "{why}");
    }
    assert_eq!(world.server.server.stats().connections, 1);
    world.lets_others_in().await;
    assert_eq!(world.fetched.load(SeqCst), 0);
}

#[tokio::test]
async fn a_peer_that_opens_connection_after_connection_gets_so_many_and_others_are_let_in() {
    let world = world(Limits::default().connections_per_peer(16).handshake(HOUR)).await;
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(world.stranger().await);
        // 16, and an eighth and 16 more that are told.
        assert!(world.server.server.stats().connections <= 1 + 16 + 18);
    }
    world.lets_others_in().await;
    let (mut told, mut dropped) = (0, 0);
    let held = all.drain(..16).collect::<Vec<_>>();
    for mut raw in all {
        match &*raw.end().await {
            "" => dropped += 1,
            why => {
                assert_eq!(why, "16 connections of this client are open already");
                told += 1;
            }
        }
    }
    assert!(told >= 18 && told + dropped == 84, "{told} were told, {dropped} were not");
    world.lets_others_in().await;
    drop(held);
    until(|| world.server.server.stats().connections == 1).await;
    assert!(world.bound().await.is_ok(), "it may come again when it has left");
}

#[tokio::test]
async fn a_peer_that_opens_session_after_session_gets_so_many_and_others_are_let_in() {
    let world = world(Limits::default().sessions_per_peer(8)).await;
    for _ in 0..8 {
        // Whoever leaves without a word keeps the session.
        drop(world.bound().await.unwrap());
    }
    let refused = world.bound().await.err().expect("that was its last one");
    assert_eq!(refused, "8 sessions of this client are open already");
    world.lets_others_in().await;
}

#[tokio::test]
async fn a_peer_that_acknowledges_nothing_fills_its_own_part_of_the_room_and_others_are_let_in() {
    let mut limits = Limits::default().replies_max(64 << 10);
    (limits.replies_all_max, limits.replies_per_peer) = (256 << 10, 128 << 10);
    let world = world(limits).await;
    let mut sessions = 0;
    let refused = loop {
        let mut raw = match world.bound().await {
            Ok(raw) => raw,
            Err(refused) => break refused,
        };
        sessions += 1;
        for slot in 0..100 {
            raw.send(&request(slot, 1, "fetch", &number(1000))).await;
            raw.reply(|_| ()).await;
        }
        world.lets_others_in().await;
    };
    assert_eq!(refused, "the replies of this client's sessions take all the room that one client may have");
    assert!((2..=4).contains(&sessions), "{sessions}");
    world.lets_others_in().await;
}

#[tokio::test]
async fn a_peer_that_cancels_everything_leaves_nothing_behind() {
    let world = world(Limits::default()).await;
    let mut raw = world.bound().await.unwrap();
    for sequence in 1..=20 {
        let mut out = Vec::new();
        for slot in 0..200 {
            out.extend(request(slot, sequence, "endless", &[]));
            Cancel { id: SlotId { slot, sequence }, want_reply: false }.write(&mut out);
        }
        raw.send(&out).await;
        world.calls_on().await;
        for _ in 0..200 {
            raw.reply(|_| ()).await;
        }
    }
    until(|| {
        let stats = world.server.server.stats();
        (stats.executing, stats.queued, stats.bytes_held) == (0, 0, 0)
    })
    .await;
    world.lets_others_in().await;
}

/// All of it on one thread, so that the order is the runtime's.
#[tokio::test]
async fn what_a_peer_has_left_behind_does_not_run_in_one_go_while_others_wait() {
    const LEFT: usize = 1000;
    let world = world(Limits::default()).await;
    let mut raw = world.bound().await.unwrap();
    let requests: Vec<u8> =
        (0..LEFT).flat_map(|slot| request(slot as u32, 1, "fetch", &number(64 << 10))).collect();
    raw.send(&requests).await;
    // It does not read, so most of them wait.
    until(|| world.server.server.stats().queued > 0 && world.fetched.load(SeqCst) > 0).await;
    for _ in 0..20 {
        world.calls_on().await;
    }
    let before = world.fetched.load(SeqCst);
    assert!(before < LEFT / 2, "{before} have run already");
    drop(raw);
    let mut calls = 0;
    while world.fetched.load(SeqCst) < LEFT {
        let ran = world.fetched.load(SeqCst);
        world.calls_on().await;
        calls += usize::from(ran > before && world.fetched.load(SeqCst) < LEFT);
    }
    assert!(calls > 0, "no call was served while they ran");
    assert_eq!(world.fetched.load(SeqCst), LEFT);
}
