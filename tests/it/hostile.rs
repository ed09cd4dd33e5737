//! A client that means harm. Its call or its connection fails, with a reason; the server lives, its memory stays within
//! limits, and good clients notice nothing. The server is a process of its own, so that its memory can be seen.

use crate::box_office::OfficeClient;
use crate::process::{Office, Setup, start};
use crate::raw::{Raw, hello, index, length};
use crate::support::{patient, soon};
use carnegie::Code;
use rpc_core::SlotId;
use rpc_core::frame::{self, Answer, Checksum, Chunk, Flags, Kind, Refusal, Reply, Request};

/// A server and a good client of it.
struct World {
    office: Office,
    good: OfficeClient,
    #[cfg(target_os = "linux")]
    memory: u64,
}

async fn world() -> World {
    world_of(Setup::default()).await
}

async fn world_of(setup: Setup<'_>) -> World {
    let office = start(Setup { doors_open: true, ..setup }).await;
    let good: OfficeClient = soon(carnegie::connect(office.address).limits(patient())).await.unwrap();
    soon(good.look()).await.unwrap();
    World {
        #[cfg(target_os = "linux")]
        memory: office.memory_peak(),
        office,
        good,
    }
}

impl World {
    async fn stranger(&self) -> Raw {
        Raw::connect(self.office.address).await
    }

    async fn bound(&self) -> Raw {
        Raw::bound::<OfficeClient>(self.office.address).await
    }

    /// The good client is served on its old connection and on a new one, and nothing else has run.
    async fn stays_well(mut self) {
        #[cfg(target_os = "linux")]
        {
            let grown = self.office.memory_peak() - self.memory;
            assert!(grown < 100, "the server's memory grew by {grown} MiB");
        }
        assert_eq!(soon(self.good.sell(1, "Ada")).await.unwrap().order, 1);
        let other: OfficeClient =
            soon(carnegie::connect(self.office.address).limits(patient())).await.unwrap();
        assert_eq!(soon(other.sell(2, "Bob")).await.unwrap().order, 2);
        for ran in ["look 0", "sell 1", "sell 2"] {
            assert_eq!(self.office.next().await, ran);
        }
    }
}

/// A call whose payload is hostile is refused with this reason, and the connection lives on.
async fn is_refused(raw: &mut Raw, method: &str, payload: &[u8], code: Code, said: &str) {
    let id = raw.request::<OfficeClient>(method, payload).await;
    raw.reply(|reply| {
        assert_eq!((reply.id, reply.answer), (id, Answer::Refused));
        let refusal = Refusal::read(reply.payload).unwrap();
        assert_eq!((refusal.code, refusal.reason.as_str()), (code, said));
    })
    .await;
}

#[tokio::test]
async fn a_box_nested_a_million_deep_fails_its_call() {
    let world = world().await;
    let mut raw = world.bound().await;
    let said = "values nest more than 128 deep";
    is_refused(&mut raw, "chain", &[1; 1_000_000], Code::InvalidArgument, said).await;
    is_refused(&mut raw, "chain", &[1; 10_000_000], Code::InvalidArgument, said).await;
    world.stays_well().await;
}

#[tokio::test]
async fn lengths_beyond_reason_fail_their_calls() {
    let world = world().await;
    let mut raw = world.bound().await;
    let said = "9223372036854775808 elements are announced, but only 0 bytes are left";
    is_refused(&mut raw, "units", &length(1 << 63), Code::InvalidArgument, said).await;
    let said = "65537 elements are announced, but only 0 bytes are left";
    is_refused(&mut raw, "units", &length(65_537), Code::InvalidArgument, said).await;
    let said = "1099511627776 elements are announced, but only 0 bytes are left";
    is_refused(&mut raw, "numbers", &length(1 << 40), Code::InvalidArgument, said).await;
    let said = "a length of 1099511627776 bytes is announced, but only 0 bytes are left";
    is_refused(&mut raw, "store", &length(1 << 40), Code::InvalidArgument, said).await;
    is_refused(&mut raw, "store", &[1, 7, 7, 7], Code::InvalidArgument, "2 bytes too many").await;
    world.stays_well().await;
}

#[tokio::test]
async fn a_million_tiny_chunks_end_the_connection_at_the_first() {
    let world = world().await;
    let mut raw = world.bound().await;
    let id = SlotId { slot: 0, sequence: 1 };
    let mut out = Vec::new();
    let part = [7; 4096];
    Request {
        id,
        method: index::<OfficeClient>("store"),
        deadline: 60_000,
        total: Some(2_000_000),
        payload: &part,
        ..Default::default()
    }
    .write(&mut out, Checksum::Whole);
    raw.send(&out).await;
    let mut out = Vec::new();
    for _ in 0..10_000 {
        Chunk { id, payload: b"7" }.write(&mut out, Checksum::Whole);
    }
    for _ in 0..100 {
        raw.send(&out).await;
    }
    assert_eq!(
        raw.end().await,
        "the peer exceeded a limit: a chunk of 1 bytes that is not its message's last; the least is 4096"
    );
    world.stays_well().await;
}

#[tokio::test]
async fn large_messages_that_are_announced_and_not_sent_hold_no_memory() {
    let world = world().await;
    let mut raw = world.bound().await;
    let part = vec![7; 65_536];
    let mut out = Vec::new();
    for slot in 0..300 {
        let id = SlotId { slot, sequence: 1 };
        Request {
            id,
            method: index::<OfficeClient>("store"),
            deadline: 60_000,
            total: Some(16 << 20),
            payload: &part,
            ..Default::default()
        }
        .write(&mut out, Checksum::Whole);
    }
    raw.send(&out).await;
    // Eight of them fill what one connection may have in gathering.
    for slot in 8..300 {
        raw.reply(|reply| {
            assert_eq!((reply.id.slot, reply.answer), (slot, Answer::Refused));
            let refusal = Refusal::read(reply.payload).unwrap();
            assert_eq!(
                (refusal.code, refusal.reason.as_str()),
                (
                    Code::ResourceExhausted,
                    "unfinished large messages of this connection would hold more than 134217728 bytes"
                )
            );
        })
        .await;
    }
    let too_large = vec![7; 20 << 20];
    let mut raw = world.bound().await;
    let said = "the request has 20971520 bytes, but the limit here is 16777216";
    is_refused(&mut raw, "store", &too_large, Code::ResourceExhausted, said).await;
    world.stays_well().await;
}

#[tokio::test]
async fn a_length_of_four_gibibytes_ends_the_connection() {
    let world = world().await;
    let mut raw = world.bound().await;
    raw.send(&[0xff; 64]).await;
    assert_eq!(raw.end().await, "a frame of 4294967295 bytes is announced; the least is 24, the most 73758");
    let mut raw = world.stranger().await;
    raw.send(&[0xff; 64]).await;
    let said = raw.end().await;
    assert!(
        said.starts_with("the peer does not speak Carnegie's protocol: its first bytes are ff ff ff ff"),
        "{said}"
    );
    world.stays_well().await;
}

#[tokio::test]
async fn other_protocols_are_turned_away_with_their_own_first_bytes() {
    let world = world().await;
    for (first, named) in [
        (
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            r#"speaks HTTP/2, not Carnegie's protocol: its first bytes are "PRI * HTTP/2.0"#,
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "speaks TLS, not Carnegie's protocol: its first bytes are 16 03 01 02",
        ),
        (
            b"SSH-2.0-OpenSSH_9.6\r\n",
            r#"speaks SSH, not Carnegie's protocol: its first bytes are "SSH-2.0-OpenSSH"#,
        ),
        (b"EHLO hall\r\n", r#"does not speak Carnegie's protocol: its first bytes are "EHLO"#),
    ] {
        let mut raw = world.stranger().await;
        raw.send(first).await;
        let said = raw.end().await;
        assert!(said.starts_with(&format!("the peer {named}")), "{said}");
    }
    world.stays_well().await;
}

#[tokio::test]
async fn a_client_of_another_protocol_version_is_told_both_ranges() {
    let world = world().await;
    let mut raw = world.stranger().await;
    let mut out = Vec::new();
    let mut later = hello();
    (later.protocol_min, later.protocol_max) = (7, 9);
    later.write(&mut out);
    raw.send(&out).await;
    let said = raw.end().await;
    assert_eq!(said, "the peer speaks versions 7 to 9 of the protocol, this side 1 to 1");
    let mut raw = world.stranger().await;
    let mut out = Vec::new();
    let mut foreign = hello();
    foreign.codecs = vec![99];
    foreign.write(&mut out);
    raw.send(&out).await;
    assert!(raw.end().await.starts_with("no common codec: the client offers [99], the server has Bincode"));
    world.stays_well().await;
}

/// Numbers that look random (xorshift64*), from a seed that a failed test has printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let given = std::env::var("CARNEGIE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or(now | 1);
        println!("CARNEGIE_TEST_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn bytes(&mut self, most: u64) -> Vec<u8> {
        let len = 1 + self.next() % most;
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

#[tokio::test]
async fn random_bytes_end_the_connection_whether_it_was_bound_or_not() {
    let world = world().await;
    let mut random = Random::new();
    for round in 0..60 {
        let mut raw = if round % 2 == 0 { world.bound().await } else { world.stranger().await };
        let mut bytes = random.bytes(3_000);
        // Long enough for a header that says how the rest is to be read.
        bytes.extend_from_slice(&[0xff; 100_000]);
        raw.send(&bytes).await;
        let said = raw.end().await;
        assert!(!said.is_empty(), "an end without a reason");
    }
    world.stays_well().await;
}

#[tokio::test]
async fn frames_with_a_right_checksum_and_random_contents_never_run_anything() {
    let world = world().await;
    let mut random = Random::new();
    for _ in 0..200 {
        let mut raw = world.bound().await;
        let mut out = Vec::new();
        for _ in 0..20 {
            // Not a request: one of those might be right by accident.
            let kinds: Vec<_> = Kind::ALL.iter().filter(|kind| **kind != Kind::Request).collect();
            let kind = *kinds[random.next() as usize % kinds.len()];
            let id = SlotId::from_wire(random.next());
            let (method, deadline) = (random.next() as u16 % 3, random.next() as u32 % 2);
            let start = frame::begin(&mut out, kind, Flags::NONE, method, deadline, id);
            out.extend_from_slice(&random.bytes(200));
            frame::seal(&mut out, start, Checksum::Whole);
        }
        raw.send(&out).await;
        let said = raw.end().await;
        assert!(!said.is_empty(), "an end without a reason");
    }
    world.stays_well().await;
}

#[tokio::test]
async fn half_a_handshake_and_then_silence_ends_after_the_handshakes_time() {
    // Long enough for the good clients' handshakes.
    let world = world_of(Setup { handshake_seconds: Some(2), ..Setup::default() }).await;
    let mut out = Vec::new();
    hello().write(&mut out);
    let mut strangers = Vec::new();
    for part in [0, 3, 30, out.len() - 1] {
        let mut raw = world.stranger().await;
        raw.send(&out[..part]).await;
        strangers.push(raw);
    }
    for mut raw in strangers {
        assert_eq!(raw.end().await, "no Hello came in time");
    }
    world.stays_well().await;
}

#[tokio::test]
async fn half_a_request_and_then_silence_ends_when_a_probe_is_not_answered() {
    let (office, mut events) = crate::box_office::hall();
    let limits = carnegie::Limits::default()
        .keep_alive(std::time::Duration::from_millis(50))
        .pong_wait_min(std::time::Duration::from_millis(50));
    let server = crate::support::run(carnegie::Server::new().add(office).limits(limits)).await;
    let mut raw = Raw::bound::<OfficeClient>(server.address).await;
    let mut out = Vec::new();
    let id = SlotId { slot: 0, sequence: 1 };
    Request { id, method: 0, deadline: 60_000, payload: b"\x09\x03Eve", ..Default::default() }
        .write(&mut out, Checksum::Whole);
    raw.send(&out[..26]).await;
    assert_eq!(raw.end().await, "a Ping frame");
    crate::support::until(|| server.server.stats().connections == 0).await;
    assert_eq!(events.so_far(), []);
}

#[tokio::test]
async fn half_a_request_and_then_the_end_runs_nothing() {
    let world = world().await;
    for part in [4, 23, 24, 28] {
        let mut raw = world.bound().await;
        let mut out = Vec::new();
        let id = SlotId { slot: 0, sequence: 1 };
        Request { id, method: 0, deadline: 60_000, payload: b"\x09\x03Eve", ..Default::default() }
            .write(&mut out, Checksum::Whole);
        assert_eq!(out.len(), 29);
        raw.send(&out[..part]).await;
        drop(raw);
    }
    world.stays_well().await;
}

#[tokio::test]
async fn a_flipped_bit_ends_the_connection_and_runs_nothing() {
    let world = world().await;
    for bit in [4 * 8, 8 * 8, 11 * 8 + 3, 20 * 8, 25 * 8 + 7, 28 * 8] {
        let mut raw = world.bound().await;
        let mut out = Vec::new();
        let id = SlotId { slot: 0, sequence: 1 };
        Request { id, method: 0, deadline: 60_000, payload: b"\x09\x03Eve", ..Default::default() }
            .write(&mut out, Checksum::Whole);
        out[bit / 8] ^= 1 << (bit % 8);
        raw.send(&out).await;
        let said = raw.end().await;
        assert!(said.starts_with("the checksum of a "), "{said}");
    }
    world.stays_well().await;
}

#[tokio::test]
async fn the_same_request_id_with_another_payload_ends_the_session() {
    let mut world = world().await;
    let mut raw = world.bound().await;
    let id = SlotId { slot: 0, sequence: 1 };
    for (payload, goes) in
        [(&b"\x09\x03Eve"[..], true), (&b"\x09\x03Eve"[..], true), (&b"\x09\x03Bob"[..], false)]
    {
        let mut out = Vec::new();
        Request { id, method: 0, deadline: 60_000, payload, ..Default::default() }
            .write(&mut out, Checksum::Whole);
        raw.send(&out).await;
        if goes {
            raw.reply(|reply| assert_eq!(reply.answer, Answer::Ok)).await;
        }
    }
    assert_eq!(raw.end().await, "request 0-1 came again with another payload");
    for ran in ["look 0", "sell 9"] {
        assert_eq!(world.office.next().await, ran, "the copy was answered from the reply cache");
    }
    assert_eq!(soon(world.good.sell(1, "Ada")).await.unwrap().order, 1);
    assert_eq!(world.office.next().await, "sell 1");
}

/// Requests for replies of 1 MiB each, one in each of so many slots.
fn fetches(slots: u32) -> Vec<u8> {
    let mut payload = vec![252];
    payload.extend_from_slice(&(1_u32 << 20).to_le_bytes());
    let mut out = Vec::new();
    for slot in 0..slots {
        let id = SlotId { slot, sequence: 1 };
        let method = index::<OfficeClient>("fetch");
        Request { id, method, deadline: 60_000, payload: &payload, ..Default::default() }
            .write(&mut out, Checksum::Whole);
    }
    out
}

#[tokio::test]
async fn a_client_that_does_not_read_its_replies_makes_the_server_hold_few_of_them() {
    let mut world = world().await;
    let mut raw = world.bound().await;
    assert_eq!(world.office.next().await, "look 0");
    raw.send(&fetches(300)).await;
    assert_eq!(world.office.next().await, "fetch 1048576");
    for _ in 0..3 {
        soon(world.good.look()).await.unwrap();
        while world.office.next().await != "look 0" {}
    }
    #[cfg(target_os = "linux")]
    assert!(world.office.memory_peak() - world.memory < 100);
    drop(raw);
    soon(world.good.look()).await.unwrap();
}

#[tokio::test]
async fn the_replies_that_a_session_keeps_are_bounded_and_that_they_ran_is_kept_of_all() {
    let world = world().await;
    let mut raw = world.bound().await;
    raw.send(&fetches(300)).await;
    let mut answered = 0;
    while answered < 300 {
        let (header, body) = raw.frame().await.expect("the connection lives on");
        if header.kind == Kind::Reply {
            assert_eq!(Reply::read(&header, &body).unwrap().answer, Answer::Ok);
            answered += 1;
        }
    }
    #[cfg(target_os = "linux")]
    {
        let grown = world.office.memory_peak() - world.memory;
        assert!(grown < 100, "the server's memory grew by {grown} MiB");
    }
    // The first and the last again: neither runs a second time, and only the replies that came last are there.
    let all = fetches(300);
    let (first, last) = (&all[..all.len() / 300], &all[all.len() / 300 * 299..]);
    for (request, expected) in [(first, Answer::Executed), (last, Answer::Ok)] {
        raw.send(request).await;
        let answer = loop {
            let (header, body) = raw.frame().await.expect("the connection lives on");
            if header.kind == Kind::Reply {
                break Reply::read(&header, &body).unwrap().answer;
            }
        };
        assert_eq!(answer, expected);
    }
    let mut ran = world.office.kill().await;
    ran.retain(|line| line.starts_with("fetch"));
    assert_eq!(ran.len(), 300);
}
