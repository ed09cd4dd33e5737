//! How sessions end: by their lease, by their client's word, by misuse, with their server. And who is let in meanwhile.

mod support;

use rpc_core::frame::{self, Answer, Checksum, Close, CloseCode, Hello, Kind, Reject, RejectCode, Welcome};
use rpc_core::server::{Completion, Config};
use support::host::*;
use support::services::*;
use support::wire::*;
use support::{MS, SECOND};

const LEASE: u32 = 600;

fn reject(host: &mut Host, at: At) -> Reject {
    let said = host.said(at);
    let (header, body) = frame::split(&said, Checksum::Whole).expect("sound").expect("whole");
    Reject::read(&header, body).expect("a reject")
}

fn close(code: CloseCode) -> Vec<u8> {
    written(|out| Close { code, reason: "a test".into() }.write(out))
}

/// Whether the session can still be resumed; if so, that connection is cut again.
fn lives(host: &mut Host, welcome: &Welcome) -> bool {
    let at = host.connect(&resuming(welcome, 9));
    let resumed = host.welcome(at).resumed;
    if resumed {
        host.cut(at);
    }
    resumed
}

/// A session with a queued request, an at-most-once handler and an idempotent one that run, and two connections.
fn busy() -> (Host, Welcome, At, At) {
    busy_with(Config::default())
}

fn busy_with(config: Config) -> (Host, Welcome, At, At) {
    let mut host = Host::with(config);
    let (one, welcome) = host.open();
    let other = host.resume(&welcome, 2);
    host.send(one, &[ask(id(1, 1), SELL, b""), ask(id(2, 1), FREE, b"")].concat());
    assert_eq!(host.begin().len(), 2);
    host.send(one, &ask(FIRST, SELL, b""));
    (host, welcome, one, other)
}

/// All of a [`busy`] session has gone in one step.
fn has_ended(host: &mut Host, welcome: &Welcome) {
    assert_eq!(host.begin(), [], "what was queued never starts");
    assert_eq!(host.stopped, [(id(1, 1), false), (id(2, 1), true)]);
    host.complete(welcome, id(1, 1), Completion::Ok(b"unheard".to_vec()));
    let at = host.connect(&resuming(welcome, 10));
    let new = host.welcome(at);
    assert!(!new.resumed && new.session != welcome.session && new.token != welcome.token);
}

#[test]
fn a_session_is_there_until_its_lease_has_ended() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    assert_eq!(welcome.lease_ms, LEASE * 1000);
    host.cut(one);
    host.pass(LEASE * SECOND - MS);
    assert!(lives(&mut host, &welcome), "and that gives it all of its lease again");
    host.pass(LEASE * SECOND - MS);
    assert!(lives(&mut host, &welcome));
    host.pass(LEASE * SECOND);
    assert!(!lives(&mut host, &welcome));
}

#[test]
fn the_lease_does_not_run_while_any_connection_is_attached() {
    let mut config = Config::default();
    (config.limits.lease, config.limits.keep_alive) = (SECOND, 3600 * SECOND);
    let mut host = Host::with(config);
    let (one, welcome) = host.open();
    let other = host.resume(&welcome, 2);
    host.cut(one);
    host.pass(50 * SECOND);
    assert!(host.is_open(other));
    host.cut(other);
    host.pass(SECOND - MS);
    assert!(lives(&mut host, &welcome));
}

#[test]
fn a_server_that_was_paused_ends_no_session_that_had_time_left() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.cut(one);
    host.pass((LEASE / 2) * SECOND);
    host.pause(3600 * SECOND);
    assert!(lives(&mut host, &welcome));
    host.pause(3600 * SECOND);
    host.pass((LEASE - 2 * LEASE / 16) * SECOND - MS);
    assert!(lives(&mut host, &welcome), "the pause has cost two periods of its lease");
    host.pause(3600 * SECOND);
    host.pass((LEASE - 2 * LEASE / 16) * SECOND);
    assert!(!lives(&mut host, &welcome));
}

#[test]
fn a_session_without_a_lease_ends_with_its_last_connection() {
    let mut config = Config::default();
    config.limits.lease = std::time::Duration::ZERO;
    let mut host = Host::with(config);
    let (one, welcome) = host.open();
    assert_eq!(welcome.lease_ms, 0);
    let other = host.resume(&welcome, 2);
    host.send(one, &ask(FIRST, SELL, b""));
    host.cut(one);
    assert!(host.sessions.contains_key(&welcome.session));
    host.cut(other);
    assert_eq!(host.begin(), []);
    assert!(!lives(&mut host, &welcome));
}

#[test]
fn the_end_of_a_lease_takes_everything_in_one_step() {
    let mut config = Config::default();
    config.limits.lease = SECOND;
    let (mut host, welcome, one, other) = busy_with(config);
    host.cut(one);
    host.cut(other);
    host.pass(SECOND - MS);
    assert_eq!(host.stopped, []);
    host.pass(MS);
    has_ended(&mut host, &welcome);
}

#[test]
fn a_queued_request_whose_session_has_ended_never_starts() {
    let mut config = Config::default();
    config.limits.lease = SECOND;
    let mut host = Host::with(config);
    let (one, welcome) = host.open();
    host.send(one, &ask(FIRST, SELL, b""));
    host.cut(one);
    host.pass(SECOND);
    assert_eq!(host.begin(), [], "though its own time is not over");
    assert_eq!(host.endpoint.stats().calls, 0);
    assert!(!lives(&mut host, &welcome));
}

#[test]
fn a_client_that_goes_away_ends_its_session_and_all_of_its_connections() {
    let (mut host, welcome, one, other) = busy();
    host.send(one, &close(CloseCode::GoingAway));
    assert!(!host.is_open(one) && !host.is_open(other));
    assert_eq!(host.kinds(other), [Kind::Close]);
    has_ended(&mut host, &welcome);
}

#[test]
fn any_other_close_is_about_the_connection_alone() {
    for code in [CloseCode::ProtocolError, CloseCode::Timeout, CloseCode::Misuse, CloseCode::Other(77)] {
        let (mut host, welcome, one, other) = busy();
        host.send(one, &close(code));
        assert!(!host.is_open(one) && host.is_open(other), "{code:?}");
        host.send(other, &close(code));
        assert_eq!((host.begin(), host.stopped.len()), (vec![FIRST], 0), "{code:?}");
        assert!(lives(&mut host, &welcome), "{code:?}");
    }
}

#[test]
fn misuse_on_one_connection_ends_the_session_and_all_of_its_connections() {
    let (mut host, welcome, one, other) = busy();
    host.send(other, &ask(id(1, 1), SELL, b"another payload"));
    assert!(!host.is_open(one) && !host.is_open(other));
    for at in [one, other] {
        let said = host.said(at);
        let (header, body) = frame::split(&said, Checksum::Whole).expect("sound").expect("whole");
        assert_eq!(Close::read(&header, body).expect("a close").code, CloseCode::Misuse);
    }
    has_ended(&mut host, &welcome);
}

#[test]
fn a_server_that_closes_a_session_ends_it_in_one_step() {
    let (mut host, welcome, one, other) = busy();
    let now = host.now;
    host.session(&welcome).close(now, "enough");
    host.drain();
    assert_eq!((host.kinds(one), host.kinds(other)), (vec![Kind::Close], vec![Kind::Close]));
    has_ended(&mut host, &welcome);
}

#[test]
fn a_session_that_has_ended_since_its_client_was_let_in_gives_way_to_a_new_one() {
    let mut config = Config::default();
    config.limits.lease = SECOND;
    let mut host = Host::with(config);
    let (one, welcome) = host.open();
    host.cut(one);
    // Its lease ends, and nobody has told the endpoint yet.
    for _ in 0..16 {
        host.now = host.now + 100 * MS;
        let now = host.now;
        host.session(&welcome).handle_timeout(now);
    }
    assert!(host.session(&welcome).is_over());
    assert!(host.endpoint.knows(welcome.session));
    assert!(!lives(&mut host, &welcome));
    assert!(!host.endpoint.knows(welcome.session));
}

#[test]
fn counts_of_a_session_are_added_up_once() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.call(one, &welcome, FIRST, SELL, b"");
    let mut session = {
        host.send(one, &close(CloseCode::GoingAway));
        assert_eq!(host.endpoint.stats().calls, 1);
        let (_, other) = host.open();
        host.sessions.remove(&other.session).expect("it lives")
    };
    let now = host.now;
    session.close(now, "");
    host.endpoint.handle_session_over(&session);
    host.endpoint.handle_session_over(&session);
    let stats = host.endpoint.stats();
    assert_eq!((stats.calls, stats.bytes_in > 0), (1, true));
    let before = stats.bytes_in;
    host.endpoint.handle_session_over(&session);
    assert_eq!(host.endpoint.stats().bytes_in, before);
}

#[test]
fn beyond_the_limit_of_sessions_new_ones_are_refused_and_none_that_lives_is_given_up() {
    let mut config = Config::default();
    config.limits.sessions_max = 2;
    let mut host = Host::with(config);
    let (one, first) = host.open();
    let (_, second) = host.open();
    host.cut(one);
    let mut unknown = first.clone();
    unknown.token.0[0] ^= 1;
    for hello in [opening(), resuming(&unknown, 2)] {
        let at = host.connect(&hello);
        let reject = reject(&mut host, at);
        assert_eq!((reject.code, reject.retry_after_ms > 0), (RejectCode::TooMany, true));
        assert_eq!(reject.reason, "2 sessions are open already");
    }
    host.resume(&first, 2);
    host.resume(&second, 2);
}

#[test]
fn a_session_that_has_ended_makes_room_for_another() {
    let mut config = Config::default();
    (config.limits.sessions_max, config.limits.lease) = (1, SECOND);
    let mut host = Host::with(config);
    for closes in [true, false, true] {
        let (at, _) = host.open();
        match closes {
            true => host.send(at, &close(CloseCode::GoingAway)),
            false => {
                host.cut(at);
                host.pass(SECOND);
            }
        }
    }
}

#[test]
fn a_draining_server_lets_known_sessions_in_and_tells_them_that_it_goes() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    host.send(one, &ask(FIRST, SELL, b""));
    host.begin();
    host.cut(one);
    host.endpoint.drain();
    let now = host.now;
    host.session(&welcome).drain(now, "a new version is rolled out");
    let two = host.resume(&welcome, 2);
    assert_eq!(host.kinds(two), [Kind::GoAway]);
    host.send(two, &ask(FIRST, SELL, b""));
    host.complete(&welcome, FIRST, Completion::Ok(Vec::new()));
    assert_eq!(host.answers(two), [(FIRST, Answer::Ok)], "a started call is not refused");
}

#[test]
fn a_draining_server_opens_no_session_and_knows_none_that_it_does_not_have() {
    let mut host = Host::new();
    let (_, welcome) = host.open();
    host.endpoint.drain();
    let at = host.connect(&opening());
    let draining = reject(&mut host, at);
    assert_eq!((draining.code, draining.retry_after_ms > 0), (RejectCode::Draining, true));
    let mut unknown = welcome;
    unknown.session.0 += 1000;
    let at = host.connect(&resuming(&unknown, 2));
    assert_eq!(reject(&mut host, at).code, RejectCode::NoSession);
}

#[test]
fn beyond_the_limit_of_connections_a_client_that_comes_back_has_to_wait_and_its_session_lives() {
    let mut config = Config::default();
    config.limits.connections_max = 2;
    let mut host = Host::with(config);
    let (_, first) = host.open();
    let (two, _) = host.open();
    let at = host.connect(&resuming(&first, 2));
    let refused = reject(&mut host, at);
    assert_eq!((refused.code, refused.retry_after_ms > 0), (RejectCode::TooMany, true));
    host.cut(two);
    host.resume(&first, 3);
}

#[test]
fn a_token_stands_in_no_text_that_is_logged() {
    let mut host = Host::new();
    let (_, welcome) = host.open();
    let hello: Hello = resuming(&welcome, 2);
    for text in [format!("{welcome:?}"), format!("{hello:?}")] {
        assert!(text.contains("Token(..)") && !text.contains("[1, 1"), "{text}");
    }
}
