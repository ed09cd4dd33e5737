//! The test vectors of `docs/protocol.md` are what this crate writes and reads, so the page cannot drift.

use rpc_core::codec::{CodecId, Encoder};
use rpc_core::frame::*;
use rpc_core::schema::{Excerpt, Schema, Types, Variant};
use rpc_core::{Code, Domain, Hop, Incarnation, Metadata, Offer, ProtocolError, SessionId, SlotId, Token};
use std::any::TypeId;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The vectors of the page, by name.
fn vectors() -> BTreeMap<String, Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");
    let page = std::fs::read_to_string(path).expect("docs/protocol.md");
    let mut found = BTreeMap::new();
    let mut rest = page.as_str();
    while let Some((_, block)) = rest.split_once("\n```vector ") {
        let (name, block) = block.split_once('\n').expect("a name and a line end");
        let (block, behind) = block.split_once("```").expect("the end of the block");
        rest = behind;
        assert!(found.insert(name.to_owned(), bytes(block)).is_none(), "{name} stands there twice");
    }
    found
}

fn bytes(block: &str) -> Vec<u8> {
    let digits = block.lines().filter_map(|line| line.split('#').next()).flat_map(str::split_whitespace);
    digits.map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
}

/// The vectors that have not been compared yet.
struct Page(BTreeMap<String, Vec<u8>>);

impl Page {
    fn take(&mut self, name: &str, written: &[u8]) -> Vec<u8> {
        let vector = self.0.remove(name).unwrap_or_else(|| panic!("{name} is not on the page"));
        assert_eq!(vector, written, "{name}: left is the page, right is the code");
        vector
    }

    /// A frame that is always checked whole.
    fn frame<T: PartialEq + Debug>(
        &mut self,
        name: &str,
        frame: T,
        write: fn(&T, &mut Vec<u8>),
        read: fn(&Header, &[u8]) -> Result<T, ProtocolError>,
    ) {
        let mut written = Vec::new();
        write(&frame, &mut written);
        let vector = self.take(name, &written);
        let (header, body) = only(&vector, Checksum::HeaderOnly);
        assert_eq!(read(&header, body), Ok(frame), "{name}");
    }

    fn request(&mut self, name: &str, request: &Request<'_>, checksum: Checksum) {
        let mut written = Vec::new();
        request.write(&mut written, checksum);
        let vector = self.take(name, &written);
        let (header, body) = only(&vector, checksum);
        assert_eq!(Request::read(&header, body), Ok(*request), "{name}");
    }

    fn reply(&mut self, name: &str, reply: &Reply<'_>) {
        let mut written = Vec::new();
        reply.write(&mut written, Checksum::Whole);
        let vector = self.take(name, &written);
        let (header, body) = only(&vector, Checksum::Whole);
        assert_eq!(Reply::read(&header, body), Ok(*reply), "{name}");
    }
}

fn only(vector: &[u8], checksum: Checksum) -> (Header, &[u8]) {
    let (header, body) = split(vector, checksum).expect("a legal frame").expect("a whole frame");
    assert_eq!(header.length as usize, vector.len());
    (header, body)
}

const SESSION: SessionId = SessionId(0x1122_3344_5566_7788);
const CALL: SlotId = SlotId { slot: 5, sequence: 1 };

fn token() -> Token {
    Token(std::array::from_fn(|at| at as u8))
}

fn tenant() -> EncodedMetadata {
    let metadata: Metadata = [("tenant", "hall")].into_iter().collect();
    EncodedMetadata::new(&metadata).expect("it fits")
}

fn handshake(page: &mut Page) {
    let software = || "carnegie 0.1.0".to_owned();
    let hello = Hello { codecs: vec![1, 2], slots: 1024, software: software(), ..Hello::default() };
    page.frame("hello", hello, Hello::write, Hello::read);
    let resume = Hello {
        checksum: Checksum::HeaderOnly,
        message_max: 1 << 20,
        slots: 64,
        connection: 3,
        session: SessionWish::Resume { id: SESSION, token: token() },
        credentials: Credentials(b"secret".to_vec()),
        ..Hello::default()
    };
    page.frame("hello-resume", resume, Hello::write, Hello::read);
    let welcome = Welcome {
        protocol: 1,
        codec: 1,
        checksum: Checksum::Whole,
        message_max: 16 << 20,
        slots: 1024,
        session: SESSION,
        token: token(),
        incarnation: Incarnation(7),
        domain: Domain(std::array::from_fn(|at| 0x10 + at as u8)),
        lease_ms: 60_000,
        resumed: false,
        software: software(),
    };
    page.frame("welcome", welcome, Welcome::write, Welcome::read);
    let reject = Reject {
        code: RejectCode::TooMany,
        protocol_min: 1,
        protocol_max: 1,
        retry_after_ms: 500,
        reason: "16384 connections".to_owned(),
    };
    page.frame("reject", reject, Reject::write, Reject::read);
}

fn binding(page: &mut Page) {
    let method = |name: &str, fingerprint, idempotent, since| {
        let name = name.to_owned();
        BindMethod { name, fingerprint, idempotent, since }
    };
    let methods = vec![
        method("free_seats", 0x0123_4567_89ab_cdef, true, None),
        method("sell", 0xfedc_ba98_7654_3210, false, None),
        method("refund", 0x1111_1111_2222_2222, false, Some((1, 1))),
    ];
    let bind = Bind { number: 0, base: 0, service: "BoxOffice".to_owned(), version: (1, 1), methods };
    page.frame("bind", bind, Bind::write, Bind::read);

    let mut types = Types::default();
    let order = u64::describe(&mut types);
    let section = types.enumeration(
        TypeId::of::<()>(),
        "Section",
        &[("Stalls", Variant::Unit), ("Box", Variant::Tuple(&[<u8 as Schema>::describe]))],
    );
    let result = <Result<u32, String>>::describe(&mut types);
    let arguments = vec![("order".to_owned(), order), ("section".to_owned(), section)];
    let mut excerpt = Excerpt::default();
    let structure = excerpt.add(&types.signature(arguments, result)).expect("it fits");
    let types = excerpt.into_types();
    let suggestion = Some(Suggestion { name: "give_back".to_owned(), same_types: true });
    let methods = vec![
        BoundMethod::Usable,
        BoundMethod::Differs { runs_once: false, structure },
        BoundMethod::Missing { suggestion },
        BoundMethod::Missing { suggestion: None },
        BoundMethod::RunsOnce,
    ];
    let accepted = Bound { number: 0, result: BoundResult::Accepted { version: (1, 0), methods, types } };
    page.frame("bound", accepted, Bound::write, Bound::read);
    let part = vec![6, 0, 3, b'u'];
    page.frame(
        "bound-types",
        Bound { number: 0, result: BoundResult::Types { part } },
        Bound::write,
        Bound::read,
    );
    let offer = |name: &str, version| Offer { name: name.to_owned(), version };
    let offered = vec![offer("Bank", (1, 2))];
    let not_found = Bound { number: 1, result: BoundResult::NotFound { offered } };
    page.frame("bound-not-found", not_found, Bound::write, Bound::read);
    let offered = vec![offer("BoxOffice", (2, 0)), offer("BoxOffice", (3, 1))];
    let other_version = Bound { number: 2, result: BoundResult::OtherVersion { offered } };
    page.frame("bound-other-version", other_version, Bound::write, Bound::read);
}

fn requests(page: &mut Page) {
    let arguments = [0xfb, 0x67, 0x12, 0, 3, b'A', b'd', b'a'];
    let sell = Request { id: CALL, method: 1, deadline: 2000, payload: &arguments, ..Request::default() };
    page.request("request", &sell, Checksum::Whole);
    page.request("request-header-only", &sell, Checksum::HeaderOnly);
    let tenant = tenant();
    let free_seats = Request {
        id: SlotId { slot: 0, sequence: 2 },
        deadline: 10_000,
        resent: true,
        idempotent: true,
        metadata: Some(tenant.as_ref()),
        payload: &[0],
        ..Request::default()
    };
    page.request("request-metadata", &free_seats, Checksum::Whole);

    let id = SlotId { slot: 5, sequence: 2 };
    let (start, end) = arguments.split_at(5);
    let first = Request { id, total: Some(8), payload: start, ..sell };
    page.request("request-chunked", &first, Checksum::Whole);
    let mut written = Vec::new();
    Chunk { id, payload: end }.write(&mut written, Checksum::Whole);
    let vector = page.take("chunk", &written);
    let (header, body) = only(&vector, Checksum::Whole);
    assert_eq!(Chunk::read(&header, body), Ok(Chunk { id, payload: end }));

    page.frame("cancel", Cancel { id: CALL, want_reply: true }, Cancel::write, Cancel::read);
}

fn replies(page: &mut Page) {
    let plain = Reply { id: CALL, ..Reply::default() };
    page.reply("reply", &Reply { payload: &[0, 0x11, 3, b'A', b'd', b'a'], ..plain });
    let tenant = tenant();
    let metadata = Some(tenant.as_ref());
    let sold_out = Reply { answer: Answer::Application, replayed: true, metadata, payload: &[0], ..plain };
    page.reply("reply-replayed", &sold_out);

    let hop = Hop { method: "Bank.pay".to_owned(), address: "10.0.0.7:7001".to_owned() };
    let failure = Failure { code: Code::Unavailable, message: "no answer".to_owned(), hops: vec![hop] };
    let mut payload = Vec::new();
    failure.write(&mut payload);
    assert_eq!(Failure::read(&payload), Ok(failure));
    let failed = Reply { answer: Answer::Failed, attached: true, payload: &payload, ..plain };
    page.reply("reply-failed", &failed);

    let refusal = Refusal { code: Code::ResourceExhausted, reason: "overloaded".to_owned() };
    let mut payload = Vec::new();
    refusal.write(&mut payload);
    assert_eq!(Refusal::read(&payload), Ok(refusal));
    let refused = Reply { answer: Answer::Refused, retry_after: 50, payload: &payload, ..plain };
    page.reply("reply-refused", &refused);
    page.reply("reply-fenced", &Reply { answer: Answer::Fenced, ..plain });
    let id = SlotId { slot: 5, sequence: 3 };
    page.reply("reply-busy", &Reply { id, answer: Answer::Busy, retry_after: 20, ..plain });
}

fn the_rest(page: &mut Page) {
    page.frame("ping", Ping { number: 9 }, Ping::write, Ping::read);
    page.frame("pong", Pong { number: 9 }, Pong::write, Pong::read);
    let go_away = GoAway { reason: "shutting down".to_owned() };
    page.frame("go-away", go_away, GoAway::write, GoAway::read);
    let last = SlotId { slot: SlotId::SLOT_MAX, sequence: SlotId::SEQUENCE_MAX };
    page.frame("release", Release { ids: vec![CALL, last] }, Release::write, Release::read);
    let close = Close { code: CloseCode::ProtocolError, reason: "frame kind 15".to_owned() };
    page.frame("close", close, Close::write, Close::read);
}

#[test]
fn the_page_and_the_code_agree_on_every_vector() {
    let mut page = Page(vectors());
    handshake(&mut page);
    binding(&mut page);
    requests(&mut page);
    replies(&mut page);
    the_rest(&mut page);
    assert!(page.0.is_empty(), "nothing compares these: {:?}", page.0.keys());
}

#[test]
fn the_payloads_of_the_page_are_what_the_codec_writes() {
    let mut arguments = Vec::new();
    let mut encoder = Encoder::new(&mut arguments, CodecId::Bincode);
    let orchestra = 0_u32;
    encoder.value(&4711_u64).expect("a number can be encoded");
    encoder.value(&orchestra).expect("a variant is its index");
    encoder.str("Ada").expect("a text can be encoded");
    assert!(vectors()["request"].ends_with(&arguments));
    let mut result = Vec::new();
    let ticket = (orchestra, 17_u32, "Ada".to_owned());
    Encoder::new(&mut result, CodecId::Bincode).value(&ticket).expect("a ticket can be encoded");
    assert!(vectors()["reply"].ends_with(&result));
}

#[test]
fn every_kind_has_a_vector() {
    let kinds: Vec<u8> = vectors().values().map(|vector| vector[8]).collect();
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind.to_wire()), "{kind:?}");
    }
}

#[test]
fn the_limits_that_the_page_names_are_those_of_the_code() {
    use rpc_core::limits::*;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");
    let page = std::fs::read_to_string(path).expect("docs/protocol.md");
    let (_, limits) = page.split_once("## 12. Limits").expect("the section");
    let limits = limits.split("\n## ").next().unwrap_or(limits);
    let named = [
        ("header |", HEADER_LEN),
        ("payload in one frame |", CHUNK_LEN),
        ("part of a large message, except for the last | at least", CHUNK_LEN_MIN),
        ("metadata of one message |", METADATA_MAX),
        ("frame |", FRAME_MAX),
        ("text |", TEXT_MAX),
        ("credentials |", CREDENTIALS_MAX),
        ("methods of a service |", METHODS_MAX),
        ("method table of a session |", METHOD_TABLE_MAX),
        ("types in one binding |", rpc_core::schema::NODES_MAX),
        ("hops |", HOPS_MAX),
        ("calls in one `Release` |", RELEASE_MAX),
        ("connections of a session |", CONNECTIONS_PER_SESSION),
    ];
    // 65,536 stands in the page with commas; names may have some too.
    let limits = limits.replace(',', "");
    for (name, value) in named {
        let name = name.replace(',', "");
        assert!(limits.contains(&format!("\n| {name} {value} ")), "{name} is {value}");
    }
}
