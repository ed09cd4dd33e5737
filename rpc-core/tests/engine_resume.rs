//! Sessions that outlive their connections: what is kept, who is answered, and what a copy over another connection meets.

mod support;

use rpc_core::frame::{Answer, Checksum, Chunk, Hello, Kind, Release, Request, Welcome};
use rpc_core::server::{Completion, Config};
use rpc_core::{Code, SlotId};
use std::time::Duration;
use support::SECOND;
use support::host::*;
use support::services::*;
use support::wire::*;

/// A session with a request that runs, and its two connections: the one that brought it is the first.
fn running(method: u16) -> (Host, Welcome, At, At) {
    let (mut host, welcome, one, other) = queued(method);
    assert_eq!(host.begin(), [FIRST]);
    host.said(one);
    (host, welcome, one, other)
}

/// The same, before the handler's turn has come.
fn queued(method: u16) -> (Host, Welcome, At, At) {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let other = host.resume(&welcome, 2);
    host.send(one, &ask(FIRST, method, b"seat"));
    (host, welcome, one, other)
}

fn ok(payload: &[u8]) -> Completion {
    Completion::Ok(payload.to_vec())
}

#[test]
fn a_resumed_session_is_the_same_and_nothing_is_bound_again() {
    let mut config = Config { checksum: Checksum::HeaderOnly, ..Config::default() };
    config.limits.slots = 7;
    let mut host = Host::with(config);
    let hello = Hello { checksum: Checksum::HeaderOnly, ..opening() };
    let one = host.connect(&hello);
    let first = host.welcome(one);
    assert!(!first.resumed);
    host.send(one, &bind(0, 0));
    host.cut(one);
    // What it asks for now does not matter: the session has it already.
    let two = host.connect(&Hello { slots: 900, ..resuming(&first, 2) });
    let again = host.welcome(two);
    assert_eq!(again, Welcome { resumed: true, ..first.clone() });
    assert_eq!((again.slots, again.checksum, again.lease_ms), (7, Checksum::HeaderOnly, 600_000));
    assert_eq!(host.session(&first).stats().resumed, 1, "the first connection took up nothing");
    let mut bytes = Vec::new();
    let sell = Request { id: FIRST, method: SELL, deadline: 60_000, payload: b"seat", ..Default::default() };
    sell.write(&mut bytes, Checksum::HeaderOnly);
    host.send(two, &bytes);
    assert_eq!(host.begin(), [FIRST], "the table of methods is kept");
}

#[test]
fn a_number_without_its_token_and_a_session_that_is_not_known_give_a_new_session() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.cut(one);
    let mut guessed = welcome.clone();
    guessed.token.0[15] ^= 1;
    let mut unknown = welcome.clone();
    unknown.session.0 += 1000;
    for wrong in [guessed, unknown] {
        let at = host.connect(&resuming(&wrong, 2));
        let new = host.welcome(at);
        assert!(!new.resumed && new.session != welcome.session && new.session != wrong.session);
        assert_eq!(new.domain, welcome.domain, "it settles what became of the old one");
        host.send(at, &ask(FIRST, SELL, b""));
        assert_eq!(host.answers(at), [(FIRST, Answer::Refused)], "nothing is bound in it");
    }
    host.resume(&welcome, 3);
}

#[test]
fn a_client_without_the_sessions_codec_is_rejected_and_the_session_lives_on() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.cut(one);
    let at = host.connect(&Hello { codecs: vec![2], ..resuming(&welcome, 2) });
    assert_eq!(host.kinds(at), [Kind::Reject]);
    host.resume(&welcome, 3);
}

#[test]
fn a_copy_over_another_connection_attaches_and_both_are_answered() {
    let (mut host, welcome, one, other) = running(SELL);
    host.send(other, &ask(FIRST, SELL, b"seat"));
    assert_eq!(host.begin(), [], "it runs once");
    host.complete(&welcome, FIRST, ok(b"ticket"));
    let read = |host: &mut Host, at| {
        host.read(at, |reply| (reply.answer, reply.attached, reply.payload == b"ticket"))
    };
    assert_eq!(read(&mut host, one), [(Answer::Ok, false, true)]);
    assert_eq!(read(&mut host, other), [(Answer::Ok, true, true)]);
}

#[test]
fn a_copy_of_a_queued_request_over_another_connection_waits_with_it() {
    for method in [SELL, FREE] {
        let (mut host, welcome, one, other) = queued(method);
        host.send(other, &ask(FIRST, method, b"seat"));
        assert_eq!(host.begin(), [FIRST]);
        host.complete(&welcome, FIRST, ok(b""));
        assert_eq!(host.answers(one), [(FIRST, Answer::Ok)]);
        assert_eq!(host.answers(other), [(FIRST, Answer::Ok)]);
    }
}

#[test]
fn a_call_whose_connection_is_lost_while_it_runs_is_answered_over_the_next_one() {
    for method in [SELL, FREE] {
        let mut host = Host::new();
        let (one, welcome) = host.open();
        host.send(one, &ask(FIRST, method, b"seat"));
        assert_eq!(host.begin(), [FIRST]);
        host.cut(one);
        assert_eq!(host.stopped, [], "it runs on");
        let two = host.resume(&welcome, 2);
        host.send(two, &ask(FIRST, method, b"seat"));
        host.complete(&welcome, FIRST, ok(b"ticket"));
        assert_eq!(host.read(two, |reply| (reply.attached, reply.payload == b"ticket")), [(true, true)]);
    }
}

#[test]
fn what_was_queued_when_the_last_connection_was_lost_starts_and_its_reply_is_kept() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.send(one, &ask(FIRST, SELL, b"seat"));
    host.cut(one);
    assert_eq!(host.begin(), [FIRST]);
    host.complete(&welcome, FIRST, ok(b"ticket"));
    let two = host.resume(&welcome, 2);
    assert_eq!(host.kinds(two), [], "nobody waits on it yet");
    host.send(two, &ask(FIRST, SELL, b"seat"));
    assert_eq!(host.read(two, |reply| (reply.replayed, reply.payload == b"ticket")), [(true, true)]);
}

/// The bytes of a call's reply, without the mark of the replay: the header's first bytes are length and checksum.
fn bare(frames: Vec<(Kind, Vec<u8>)>) -> Vec<(Kind, Vec<u8>)> {
    let bare = |(kind, mut frame): (Kind, Vec<u8>)| {
        frame[4..8].fill(0);
        if kind == Kind::Reply {
            frame[9] &= !8;
        }
        (kind, frame)
    };
    frames.into_iter().map(bare).collect()
}

#[test]
fn a_reply_is_replayed_byte_for_byte_after_a_resume() {
    for size in [0, 1, 257, 64 << 10, 200 << 10] {
        let mut host = Host::new();
        let (one, welcome) = host.open();
        let reply: Vec<u8> = (0..size).map(|at| at as u8).collect();
        host.call(one, &welcome, FIRST, SELL, &reply);
        let first = bare(frames(&host.said(one)));
        for connection in 2..4 {
            let at = host.resume(&welcome, connection);
            host.send(at, &ask(FIRST, SELL, b"seat"));
            assert_eq!(bare(frames(&host.said(at))), first, "{size}");
        }
    }
}

#[test]
fn a_late_copy_on_an_old_connection_meets_the_same_rules_as_any_other() {
    let (mut host, welcome, one, other) = running(SELL);
    host.complete(&welcome, FIRST, ok(b"first"));
    host.said(one);
    host.send(other, &ask(SECOND_CALL, SELL, b"seat"));
    assert_eq!(host.begin(), [SECOND_CALL]);
    host.send(one, &ask(FIRST, SELL, b"seat"));
    assert_eq!((host.begin(), host.kinds(one)), (vec![], vec![]), "an older number is dropped");
    host.send(one, &ask(SECOND_CALL, SELL, b"seat"));
    assert_eq!(host.begin(), []);
    host.complete(&welcome, SECOND_CALL, ok(b"second"));
    assert_eq!(host.answers(one), [(SECOND_CALL, Answer::Ok)]);
    assert_eq!(host.answers(other), [(SECOND_CALL, Answer::Ok)]);
}

#[test]
fn a_fence_over_another_connection_answers_all_who_wait_and_nothing_starts() {
    for method in [SELL, FREE] {
        let (mut host, _, one, other) = queued(method);
        host.send(other, &cancel(FIRST, true));
        assert_eq!(host.answers(one), [(FIRST, Answer::Fenced)]);
        assert_eq!(host.answers(other), [(FIRST, Answer::Fenced)]);
        assert_eq!(host.begin(), []);
        host.send(one, &ask(FIRST, method, b"seat"));
        assert_eq!((host.answers(one), host.begin()), (vec![(FIRST, Answer::Fenced)], vec![]));
    }
}

#[test]
fn a_fence_of_a_number_that_has_not_come_holds_for_the_copy_on_the_old_connection() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let other = host.resume(&welcome, 2);
    host.send(other, &cancel(FIRST, true));
    host.cut(other);
    let third = host.resume(&welcome, 3);
    host.send(one, &ask(FIRST, SELL, b"seat"));
    host.send(third, &ask(FIRST, SELL, b"seat"));
    assert_eq!(host.begin(), []);
    assert_eq!(host.answers(one), [(FIRST, Answer::Fenced)]);
    assert_eq!(host.answers(third), [(FIRST, Answer::Fenced)]);
}

#[test]
fn a_cancel_over_another_connection_of_a_running_call_brings_both_its_outcome() {
    let (mut host, welcome, one, other) = running(SELL);
    host.send(other, &cancel(FIRST, true));
    assert_eq!(host.stopped, [(FIRST, false)]);
    host.complete(&welcome, FIRST, ok(b"ticket"));
    assert_eq!(host.answers(one), [(FIRST, Answer::Ok)]);
    assert_eq!(host.answers(other), [(FIRST, Answer::Ok)]);
}

#[test]
fn a_cancel_over_another_connection_of_a_running_idempotent_call_tells_both_that_nobody_knows() {
    let (mut host, _, one, other) = running(FREE);
    host.send(other, &cancel(FIRST, true));
    assert_eq!(host.stopped, [(FIRST, true)]);
    assert_eq!(host.answers(one), [(FIRST, Answer::Unknown)]);
    assert_eq!(host.answers(other), [(FIRST, Answer::Unknown)]);
}

#[test]
fn a_copy_of_a_call_whose_reply_was_released_learns_that_it_was_executed() {
    let (mut host, welcome, one, other) = running(SELL);
    host.complete(&welcome, FIRST, ok(b"ticket"));
    host.send(one, &written(|out| Release { ids: vec![FIRST] }.write(out)));
    host.send(other, &ask(FIRST, SELL, b"seat"));
    host.send(other, &cancel(FIRST, true));
    assert_eq!(host.answers(other), [(FIRST, Answer::Executed); 2]);
    assert_eq!(host.begin(), []);
}

#[test]
fn a_late_release_on_an_old_connection_does_not_cost_a_later_call_its_reply() {
    let (mut host, welcome, one, other) = running(SELL);
    host.complete(&welcome, FIRST, ok(b"first"));
    host.call(other, &welcome, SECOND_CALL, SELL, b"second");
    host.said(other);
    host.send(one, &written(|out| Release { ids: vec![FIRST] }.write(out)));
    host.send(other, &ask(SECOND_CALL, SELL, b"seat"));
    assert_eq!(host.read(other, |reply| reply.payload.to_vec()), [b"second"]);
}

#[test]
fn a_refusal_answers_the_copy_that_it_is_said_to_and_no_other() {
    let (mut host, welcome, one, other) = queued(SELL);
    // It cannot even be looked up: its method is not bound.
    let elsewhere = ask_with(FIRST, 77, b"seat", |_| {});
    host.send(other, &elsewhere);
    assert_eq!(host.answers(other), [(FIRST, Answer::Refused)]);
    assert_eq!(host.begin(), [FIRST]);
    host.send(other, &elsewhere);
    assert_eq!((host.answers(other), host.kinds(one)), (vec![(FIRST, Answer::Refused)], vec![]));
    host.complete(&welcome, FIRST, ok(b""));
    assert_eq!(host.answers(one), [(FIRST, Answer::Ok)]);
    assert_eq!(host.kinds(other), []);
}

#[test]
fn a_request_that_is_dropped_from_the_queue_is_refused_on_all_connections() {
    let (mut host, welcome, one, other) = queued(SELL);
    host.send(other, &ask(FIRST, SELL, b"seat"));
    host.now = host.now + 61 * SECOND;
    assert_eq!(host.begin(), []);
    assert_eq!(host.answers(one), [(FIRST, Answer::Refused)]);
    assert_eq!(host.answers(other), [(FIRST, Answer::Refused)]);
    assert!(host.session(&welcome).is_idle());
}

#[test]
fn arguments_that_cannot_be_read_are_refused_on_all_connections() {
    let (mut host, welcome, one, other) = running(SELL);
    host.send(other, &ask(FIRST, SELL, b"seat"));
    host.complete(
        &welcome,
        FIRST,
        Completion::NotStarted { code: Code::InvalidArgument, reason: "?".into() },
    );
    assert_eq!(host.answers(one), [(FIRST, Answer::Refused)]);
    assert_eq!(host.answers(other), [(FIRST, Answer::Refused)]);
}

#[test]
fn a_fence_that_waits_for_a_handler_which_is_not_entered_is_kept() {
    let (mut host, welcome, one, other) = running(SELL);
    host.send(other, &cancel(FIRST, true));
    let refusal = Completion::NotStarted { code: Code::Unavailable, reason: "closed".into() };
    host.complete(&welcome, FIRST, refusal);
    assert_eq!(host.answers(other), [(FIRST, Answer::Fenced)], "a fence is never refused");
    assert_eq!(host.answers(one), [(FIRST, Answer::Fenced)]);
    host.send(other, &ask(FIRST, SELL, b"seat"));
    assert_eq!(host.begin(), [], "a late copy does not run");
    assert_eq!(host.answers(other), [(FIRST, Answer::Fenced)]);
}

#[test]
fn a_late_bind_of_an_earlier_connection_is_no_fault() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let two = host.resume(&welcome, 2);
    host.send(two, &bind(2, 6));
    host.send(one, &bind(2, 3));
    assert_eq!(host.kinds(one), [], "the client has asked again since");
    host.send(one, &ask(FIRST, SELL, b"seat"));
    assert_eq!(host.begin(), [FIRST], "the connection goes on");
    host.send(two, &bind(3, 3));
    assert_eq!(host.kinds(two), [Kind::Bound, Kind::Close], "on the newest connection it is one");
}

#[test]
fn a_new_connection_in_the_place_of_a_lost_one_gets_no_answer_that_it_did_not_ask_for() {
    let (mut host, welcome, one, other) = running(SELL);
    host.send(other, &ask(FIRST, SELL, b"seat"));
    host.cut(one);
    let third = host.resume(&welcome, 3);
    host.complete(&welcome, FIRST, ok(b"ticket"));
    assert_eq!(host.kinds(third), []);
    assert_eq!(host.answers(other), [(FIRST, Answer::Ok)]);
}

#[test]
fn a_binding_whose_answer_was_lost_leaves_a_gap_and_the_next_one_stands_behind_it() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.cut(one);
    let two = host.resume(&welcome, 2);
    host.send(two, &bind(2, 6));
    assert_eq!(host.kinds(two), [Kind::Bound]);
    host.send(two, &ask(FIRST, 6 + SELL, b"seat"));
    assert_eq!(host.begin(), [FIRST]);
    host.send(two, &ask(id(1, 1), 3 + SELL, b"seat"));
    assert_eq!(host.answers(two), [(id(1, 1), Answer::Refused)]);
}

#[test]
fn parts_of_a_large_request_count_for_the_connection_that_brought_them() {
    let (mut host, _, one, other) = queued(FREE);
    let large = vec![7; 100 << 10];
    let (head, tail) = large.split_at(64 << 10);
    let at = id(5, 1);
    let begin = ask_with(at, SELL, head, |request| request.total = Some(100 << 10));
    let rest = written(|out| Chunk { id: at, payload: tail }.write(out, Checksum::Whole));
    host.send(one, &begin);
    host.send(other, &rest);
    host.begin();
    assert_eq!(host.queued, []);
    host.send(other, &begin);
    host.send(other, &rest);
    assert_eq!(host.begin(), [at]);
}

#[test]
fn a_reply_that_the_client_does_not_take_is_told_so_even_if_it_is_not_there_when_the_handler_ends() {
    let mut host = Host::new();
    let one = host.connect(&Hello { message_max: 100, ..opening() });
    let welcome = host.welcome(one);
    host.send(one, &bind(0, 0));
    host.send(one, &ask(FIRST, SELL, b"seat"));
    host.begin();
    host.cut(one);
    host.complete(&welcome, FIRST, ok(&[0; 101]));
    let two = host.resume(&welcome, 2);
    host.send(two, &ask(FIRST, SELL, b"seat"));
    assert_eq!(host.answers(two), [(FIRST, Answer::Failed)]);
}

#[test]
fn a_fifth_connection_takes_the_place_of_the_oldest() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.send(one, &ask(FIRST, SELL, b"seat"));
    host.begin();
    let later: Vec<At> = [9, 3, 4, 5].map(|number| host.resume(&welcome, number)).to_vec();
    assert!(!host.is_open(one) && later.iter().all(|at| host.is_open(*at)));
    host.resume(&welcome, 6);
    assert_eq!([0, 1, 2, 3].map(|at| host.is_open(later[at])), [true, false, true, true]);
    host.complete(&welcome, FIRST, ok(b""));
    assert!(later.iter().all(|at| host.kinds(*at).is_empty()), "who had asked is gone");
    assert_eq!(host.endpoint.stats().connections, 4);
}

#[test]
fn a_hello_that_comes_late_does_not_close_a_later_connection() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let others = [5, 6, 7].map(|number| host.resume(&welcome, number));
    for late in [0, 1] {
        let at = host.connect(&resuming(&welcome, late));
        assert_eq!(host.kinds(at), [Kind::Reject]);
        assert!(host.is_open(one) && others.iter().all(|at| host.is_open(*at)));
    }
    host.cut(others[1]);
    let at = host.connect(&resuming(&welcome, 0));
    assert!(host.welcome(at).resumed, "there is a place for it");
    assert_eq!(host.endpoint.stats().connections, 4);
}

#[test]
fn a_connection_that_breaks_the_protocol_ends_alone() {
    let (mut host, welcome, one, other) = running(SELL);
    host.send(other, &ask(FIRST, SELL, b"seat"));
    host.send(one, &written(|out| opening().write(out)));
    assert_eq!(host.kinds(one), [Kind::Close]);
    host.complete(&welcome, FIRST, ok(b""));
    assert_eq!(host.answers(other), [(FIRST, Answer::Ok)]);
    host.resume(&welcome, 3);
}

#[test]
fn numbers_and_their_answers_are_those_of_one_session() {
    let mut host = Host::new();
    let (one, first) = host.open();
    let (two, second) = host.open();
    host.call(one, &first, FIRST, SELL, b"first");
    host.call(two, &second, FIRST, SELL, b"second");
    for (welcome, expected) in [(&first, b"first".as_slice()), (&second, b"second")] {
        let at = host.resume(welcome, 2);
        host.send(at, &ask(FIRST, SELL, b"seat"));
        assert_eq!(host.read(at, |reply| reply.payload.to_vec()), [expected]);
    }
}

#[test]
fn an_idempotent_handler_runs_on_without_a_connection_until_its_deadline() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let at: [SlotId; 2] = [id(0, 1), id(1, 1)];
    host.send(one, &[ask(at[0], FREE, b""), ask(at[1], SELL, b"")].concat());
    assert_eq!(host.begin(), at);
    host.cut(one);
    host.pass(Duration::from_secs(59));
    assert_eq!(host.stopped, []);
    host.pass(Duration::from_secs(2));
    assert_eq!(host.stopped, [(at[0], true), (at[1], false)]);
    host.complete(&welcome, at[1], ok(b"late"));
    let two = host.resume(&welcome, 2);
    host.send(two, &ask(at[1], SELL, b""));
    assert_eq!(host.answers(two), [(at[1], Answer::Ok)], "what runs at most once is heard whenever it ends");
}
