//! Messages of more than one frame.

mod support;

use rpc_core::client;
use rpc_core::frame::{Answer, Cancel, Checksum, Chunk, Kind, Reply, Request};
use rpc_core::limits::{CHUNK_LEN, CHUNK_LEN_MIN, TRANSMIT_LEN};
use rpc_core::server::{self, Completion, Lane};
use rpc_core::{Code, Execution};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

/// Bytes of which no two chunks are alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect()
}

fn with_limits(client: usize, server: usize) -> (Pair, client::BindingId) {
    let (mut ours, mut theirs) = (client::Config::default(), server::Config::default());
    (ours.limits.message_max, theirs.limits.message_max) = (client, server);
    let mut pair = Pair::with(ours, theirs, vec![&HALL]);
    let hall = pair.bind(&HALL);
    (pair, hall)
}

#[test]
fn messages_around_the_length_of_a_chunk_travel_whole_in_both_directions() {
    for length in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 2 * CHUNK_LEN, 2 * CHUNK_LEN + 1] {
        let (mut pair, hall) = Pair::ready();
        let sent = pattern(length);
        assert_eq!(payload(&pair.call(hall, SELL, &sent)), sent, "{length} bytes");
        assert_eq!(pair.executed[0].execute.payload, sent);
        let chunks = length.div_ceil(CHUNK_LEN).max(1) - 1;
        assert_eq!(of_kind(&pair.wire().up.sent, Kind::Chunk).len(), chunks, "{length} bytes");
        assert_eq!(of_kind(&pair.wire().down.sent, Kind::Chunk).len(), chunks, "{length} bytes");
    }
}

#[test]
fn several_messages_of_5_mib_travel_side_by_side_with_small_calls() {
    let (mut pair, hall) = Pair::ready();
    pair.latency = MS;
    let large: Vec<_> = (0..3u8)
        .map(|n| {
            let mut sent = pattern(5 << 20);
            sent[0] = n;
            (pair.start(hall, SELL, &sent), sent)
        })
        .collect();
    let small: Vec<_> = (0..20u8).map(|n| (pair.start(hall, FREE, &[n]), vec![n])).collect();
    for (key, sent) in large.into_iter().chain(small) {
        assert!(payload(&pair.end_of(key)) == sent, "the bytes of one call are its own");
    }
}

#[test]
fn a_small_reply_leaves_before_the_rest_of_a_large_one() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let (large, small) = (pair.start(hall, SELL, b"large"), pair.start(hall, SELL, b"small"));
    pair.wire().down.blocked = true;
    pair.complete(id(0, 1), Completion::Ok(pattern(5 << 20)));
    let mut first = Vec::new();
    let now = pair.now;
    assert!(pair.session().poll_transmit(now, Lane(0), &mut first));
    assert!(first.len() <= TRANSMIT_LEN + CHUNK_LEN + 100, "{} bytes in one go", first.len());
    pair.complete(id(1, 1), Completion::Ok(b"quick".to_vec()));
    let mut second = Vec::new();
    assert!(pair.session().poll_transmit(now, Lane(0), &mut second));
    assert_eq!(kinds(&second)[..2], [Kind::Reply, Kind::Chunk]);
    assert_eq!(reply(&frames(&second)[0].1).id, id(1, 1));
    pair.inject_down(&first);
    pair.inject_down(&second);
    assert!(pair.has_ended(small) && !pair.has_ended(large));
    pair.wire().down.blocked = false;
    assert_eq!(payload(&pair.end_of(large)), pattern(5 << 20));
}

#[test]
fn a_request_over_this_clients_limit_is_refused_before_it_is_sent() {
    let (mut pair, hall) = with_limits(1000, 16 << 20);
    let sent = pair.wire().up.sent.len();
    let error = failure(pair.call(hall, SELL, &[0; 1001]));
    assert_eq!(
        error.to_string(),
        "Hall.sell: the request has 1001 bytes, but this client's limit is 1000 (not executed)"
    );
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::ResourceExhausted));
    assert_eq!(pair.wire().up.sent.len(), sent);
    pair.call(hall, SELL, &[0; 1000]).expect("just within the limit");
}

#[test]
fn a_request_over_the_servers_limit_is_refused_before_it_is_sent() {
    let (mut pair, hall) = with_limits(16 << 20, 100 << 10);
    let error = failure(pair.call(hall, SELL, &vec![0; (100 << 10) + 1]));
    assert_eq!(
        error.to_string(),
        "Hall.sell: the request has 102401 bytes, but the server's limit is 102400 (not executed)"
    );
    pair.call(hall, SELL, &vec![0; 100 << 10]).expect("just within the limit");
}

#[test]
fn metadata_beyond_its_limit_is_refused_before_it_is_sent() {
    let (mut pair, hall) = Pair::ready();
    let mut metadata = rpc_core::Metadata::default();
    metadata.insert("key", "v".repeat(8 << 10));
    let call = client::NewCall {
        binding: hall,
        method: SELL,
        deadline: pair.now + SECOND,
        timeout: SECOND,
        metadata: Some(Box::new(metadata)),
        payload: Vec::new(),
        fail_fast: false,
    };
    let key = pair.client.start(pair.now, call);
    let error = failure(pair.end_of(key));
    assert!(error.to_string().contains("the metadata has 8199 bytes"), "{error}");
    assert_eq!(error.execution(), Execution::NotExecuted);
}

#[test]
fn a_reply_over_the_clients_limit_fails_that_call_alone_as_executed() {
    let (mut pair, hall) = with_limits(1000, 16 << 20);
    pair.handler = Box::new(|_| Some(Completion::Ok(vec![0; 2000])));
    let error = failure(pair.call(hall, SELL, b""));
    assert_eq!((error.execution(), error.code()), (Execution::Executed, Code::ResourceExhausted));
    assert!(
        error.to_string().contains("the reply has 2000 bytes, but the client's limit is 1000"),
        "{error}"
    );
    pair.echo();
    pair.call(hall, SELL, b"").expect("the connection lives");
}

#[test]
fn a_reply_over_the_servers_limit_fails_that_call_alone_as_executed() {
    let (mut pair, hall) = with_limits(16 << 20, 1000);
    pair.handler = Box::new(|_| Some(Completion::Ok(vec![0; 2000])));
    let error = failure(pair.call(hall, SELL, b""));
    assert!(
        error.to_string().contains("the reply has 2000 bytes, but this server's limit is 1000"),
        "{error}"
    );
}

#[test]
fn what_a_tiny_limit_leaves_no_room_for_is_still_told_apart() {
    let (mut pair, hall) = with_limits(4, 16 << 20);
    pair.handler = Box::new(|_| {
        Some(Completion::NotStarted {
            code: rpc_core::Code::InvalidArgument,
            reason: "no seat of that name".into(),
        })
    });
    assert_eq!(failure(pair.call(hall, SELL, b"")).execution(), Execution::NotExecuted);
    pair.handler = Box::new(|_| Some(Pair::panicked("index out of bounds")));
    assert!(failure(pair.call(hall, SELL, b"")).to_string().contains("index out of bounds"));
}

#[test]
fn a_cancel_in_the_middle_of_an_upload_stops_it_and_nothing_runs() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let key = pair.start(hall, SELL, &pattern(5 << 20));
    let mut first = Vec::new();
    let connection = client::ConnectionId(pair.newest());
    pair.client.poll_transmit(pair.now, connection, &mut first);
    pair.inject_up(&first);
    pair.give_up(key);
    pair.wire().up.blocked = false;
    pair.pump();
    assert_eq!(kinds(&pair.wire().up.sent)[2..], [Kind::Ping, Kind::Cancel], "no further chunk");
    assert!(pair.executed.is_empty());
    assert_eq!(reply(&of_kind(&pair.wire().down.sent, Kind::Reply)[0]).answer, Answer::Fenced);
    assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
    assert_eq!(pair.executed[0].execute.at, id(0, 2), "in the same slot");
}

#[test]
fn an_upload_that_was_not_begun_is_given_up_without_a_word() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let start = pair.now;
    let key = pair.start_within(hall, SELL, &pattern(5 << 20), 300 * MS);
    let error = failure(pair.end_of(key));
    assert_eq!((error.execution(), pair.now), (Execution::NotExecuted, start + 300 * MS));
    let sent = pair.wire().up.sent.len();
    pair.wire().up.blocked = false;
    pair.pump();
    assert_eq!(pair.wire().up.sent.len(), sent);
}

/// Starts a call whose reply of 5 MiB is cut short by `after`, and gives it up then.
fn abandoned_download(pair: &mut Pair, hall: client::BindingId, method: u16) {
    let size = pair.executed.len();
    let key = pair.start(hall, method, b"");
    let at = pair.executed[size].execute.at;
    pair.wire().down.blocked = true;
    pair.complete(at, Completion::Ok(pattern(5 << 20)));
    let mut first = Vec::new();
    let now = pair.now;
    pair.session().poll_transmit(now, Lane(0), &mut first);
    pair.inject_down(&first);
    pair.give_up(key);
    pair.wire().down.blocked = false;
    pair.pump();
}

#[test]
fn a_cancel_in_the_middle_of_a_download_stops_it_and_frees_the_slot() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    abandoned_download(&mut pair, hall, SELL);
    let after = kinds(&pair.wire().down.sent)[2..].to_vec();
    assert_eq!(after, [Kind::Reply], "the outcome, and no further chunk");
    pair.echo();
    assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
    assert_eq!(pair.executed[1].execute.at, id(0, 2));
}

#[test]
fn downloads_that_were_given_up_leave_nothing_behind() {
    let mut config = client::Config::default();
    config.limits.gathering_max = 16 << 20;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    for method in [SELL, FREE, SELL, FREE, SELL, FREE, SELL, FREE] {
        abandoned_download(&mut pair, hall, method);
    }
    pair.handler = Box::new(|_| Some(Completion::Ok(pattern(12 << 20))));
    assert_eq!(payload(&pair.call(hall, SELL, b"")).len(), 12 << 20, "all of the room is there");
}

#[test]
fn the_late_large_outcome_of_a_call_that_was_given_up_frees_its_slot() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    pair.give_up(key);
    pair.complete(id(0, 1), Completion::Ok(pattern(5 << 20)));
    pair.echo();
    assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
    assert_eq!(pair.executed[1].execute.at, id(0, 2), "the slot is not lost");
}

#[test]
fn copies_of_a_request_in_the_middle_of_its_large_reply_do_not_mix_up_the_bytes() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    pair.wire().down.blocked = true;
    pair.complete(id(0, 1), Completion::Ok(pattern(2 << 20)));
    let mut first = Vec::new();
    let now = pair.now;
    pair.session().poll_transmit(now, Lane(0), &mut first);
    pair.inject_down(&first);
    pair.inject_up(&request);
    pair.inject_up(&request);
    pair.wire().down.blocked = false;
    assert!(payload(&pair.end_of(key)) == pattern(2 << 20), "the bytes are those that were sent");
}

fn head(at: rpc_core::SlotId, total: u32, part: &[u8]) -> Vec<u8> {
    let request = Request {
        id: at,
        method: SELL,
        deadline: 10_000,
        total: Some(total),
        payload: part,
        ..Request::default()
    };
    written(|out| request.write(out, Checksum::Whole))
}

fn chunk(at: rpc_core::SlotId, part: &[u8]) -> Vec<u8> {
    written(|out| Chunk { id: at, payload: part }.write(out, Checksum::Whole))
}

#[test]
fn tiny_chunks_end_the_connection() {
    let part = vec![0; CHUNK_LEN_MIN];
    for tiny in [
        head(id(0, 1), 100_000, &part[..CHUNK_LEN_MIN - 1]),
        [head(id(0, 1), 100_000, &part), chunk(id(0, 1), b"x")].concat(),
    ] {
        let (mut pair, _) = Pair::ready();
        pair.inject_up(&tiny);
        assert!(pair.wire().is_closed());
        assert!(pair.faults[0].to_string().contains("the least is 4096"), "{:?}", pair.faults);
    }
}

#[test]
fn the_last_chunk_may_be_tiny() {
    let (mut pair, _) = Pair::ready();
    let part = vec![0; CHUNK_LEN_MIN];
    pair.inject_up(&[head(id(0, 1), CHUNK_LEN_MIN as u32 + 1, &part), chunk(id(0, 1), b"x")].concat());
    assert_eq!(pair.executed[0].execute.payload.len(), CHUNK_LEN_MIN + 1);
}

#[test]
fn more_bytes_than_were_announced_end_the_connection() {
    let (mut pair, _) = Pair::ready();
    let part = vec![0; CHUNK_LEN_MIN];
    pair.inject_up(&[head(id(0, 1), 5000, &part), chunk(id(0, 1), &part)].concat());
    assert!(pair.wire().is_closed());
    assert!(
        pair.faults[0].to_string().contains("4096 bytes come where 904 are missing"),
        "{:?}",
        pair.faults
    );
}

#[test]
fn chunks_of_a_message_that_nobody_knows_are_dropped() {
    let (mut pair, hall) = Pair::ready();
    pair.inject_up(&chunk(id(3, 1), &[0; 5000]));
    pair.inject_down(&chunk(id(3, 1), &[0; 5000]));
    pair.call(hall, SELL, b"").expect("the connection lives");
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_large_message_of_a_fenced_call_is_dropped() {
    let (mut pair, hall) = Pair::once();
    let part = vec![0; CHUNK_LEN_MIN];
    pair.inject_up(&head(id(0, 1), 8192, &part));
    pair.inject_up(&written(|out| Cancel { id: id(0, 1), want_reply: false }.write(out)));
    pair.inject_up(&chunk(id(0, 1), &part));
    assert!(pair.executed.is_empty());
    pair.call(hall, FREE, b"").expect_err("the client's own slot 0 was fenced by the test");
    pair.call(hall, FREE, b"").expect("and goes on with the next number");
}

#[test]
fn the_servers_room_for_unfinished_messages_fails_that_call_alone() {
    const LENGTH: usize = 1600 << 10;
    let mut config = server::Config::default();
    (config.limits.gathering_max, config.limits.message_max) = (4 << 20, 4 << 20);
    let mut pair = Pair::with(client::Config::default(), config, vec![&HALL]);
    pair.bind(&HALL);
    // A client that sends them side by side: this one sends one after the other.
    let part = [7; CHUNK_LEN];
    for slot in 0..3 {
        pair.inject_up(&head(id(slot, 1), LENGTH as u32, &part));
    }
    for _ in 1..LENGTH / CHUNK_LEN {
        for slot in 0..3 {
            pair.inject_up(&chunk(id(slot, 1), &part));
        }
    }
    assert_eq!(pair.executed.len(), 2);
    assert!(pair.executed.iter().all(|done| done.execute.payload == vec![7; LENGTH]));
    let sent = of_kind(&pair.wire().down.sent, Kind::Reply);
    let refused: Vec<_> =
        sent.iter().map(|frame| reply(frame)).filter(|r| r.answer == Answer::Refused).collect();
    assert_eq!(refused.len(), 1);
    let why = String::from_utf8_lossy(refused[0].payload);
    assert!(why.contains("4194304 bytes"), "{why}");
}

#[test]
fn metadata_of_unfinished_messages_counts_against_their_room() {
    let mut server = server::Config::default();
    server.limits.gathering_max = 64 << 20;
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    pair.bind(&HALL);
    let metadata: rpc_core::Metadata = (0..1600).map(|_| ("a", "")).collect();
    let metadata = rpc_core::frame::EncodedMetadata::new(&metadata).expect("it fits");
    let part = vec![0; CHUNK_LEN_MIN];
    for sequence in 1..=1000 {
        let request = Request {
            id: id(0, sequence),
            method: SELL,
            deadline: 10_000,
            total: Some(CHUNK_LEN_MIN as u32 + 1),
            metadata: Some(metadata.as_ref()),
            payload: &part,
            ..Request::default()
        };
        pair.inject_up(&written(|out| request.write(out, Checksum::Whole)));
    }
    let taken = 1000 - of_kind(&pair.wire().down.sent, Kind::Reply).len();
    assert!(taken <= 330, "{taken} unfinished messages of 200 KB each are held");
}

#[test]
fn a_reply_in_chunks_to_nobody_is_dropped() {
    let (mut pair, hall) = Pair::ready();
    let part = vec![0; CHUNK_LEN_MIN];
    let head = Reply { id: id(0, 1), total: Some(8192), payload: &part, ..Reply::default() };
    pair.inject_down(&written(|out| head.write(out, Checksum::Whole)));
    pair.inject_down(&chunk(id(0, 1), &part));
    pair.call(hall, SELL, b"").expect("the connection lives");
}

#[test]
fn the_deadline_of_a_large_request_is_right_though_a_ping_comes_before_its_first_part() {
    let mut config = client::Config::default();
    config.limits.keep_alive = 3600 * SECOND;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    pair.run_for(29 * SECOND);
    pair.wire().up.blocked = true;
    let deadline = pair.now + 2 * SECOND;
    pair.start_within(hall, SELL, &pattern(1 << 20), 2 * SECOND);
    // Within the patience of the server, whose ping comes meanwhile.
    pair.run_for(1200 * MS);
    assert_eq!(of_kind(&pair.wire().down.sent, Kind::Ping).len(), 1);
    pair.wire().up.blocked = false;
    pair.pump();
    let there = pair.executed[0].execute.deadline;
    assert!((deadline - there) < 5 * MS && (there - deadline) < 5 * MS, "{there:?} instead of {deadline:?}");
}

#[test]
fn the_rest_of_a_large_request_is_not_sent_once_its_first_part_was_refused() {
    let (mut pair, hall) = Pair::once();
    pair.wire().up.blocked = true;
    let key = pair.start(hall, SELL, &pattern(5 << 20));
    let mut first = Vec::new();
    let connection = client::ConnectionId(pair.newest());
    pair.client.poll_transmit(pair.now, connection, &mut first);
    let mut refusal = Vec::new();
    rpc_core::frame::Refusal { code: Code::Unavailable, reason: "overload".into() }.write(&mut refusal);
    pair.inject_down(&answer(id(0, 1), Answer::Refused, &refusal));
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::NotExecuted);
    let mut rest = Vec::new();
    pair.client.poll_transmit(pair.now, connection, &mut rest);
    assert_eq!(kinds(&rest), [Kind::Ping], "which measures the line");
    assert!(!pair.client.has_outgoing(connection));
}

#[test]
fn more_large_replies_at_once_than_the_client_has_room_for_all_arrive() {
    let (mut pair, hall) = with_limits(1 << 20, 1 << 20);
    pair.hold();
    let keys: Vec<_> = (0..40).map(|_| pair.start(hall, SELL, b"")).collect();
    let running: Vec<_> = pair.executed.iter().map(|executed| executed.execute.at).collect();
    let sent = pattern(1 << 20);
    for at in running {
        pair.complete(at, Completion::Ok(sent.clone()));
    }
    for key in keys {
        assert_eq!(payload(&pair.end_of(key)).len(), sent.len());
    }
}
