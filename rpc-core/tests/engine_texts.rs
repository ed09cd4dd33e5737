//! What a client's errors make of what a server says, which may be anything.

mod support;

use rpc_core::client::BindingId;
use rpc_core::frame::{
    Answer, Bound, BoundMethod, BoundResult, Close, CloseCode, Failure, Kind, Refusal, Reject, RejectCode,
    Suggestion,
};
use rpc_core::schema::{Difference, Excerpt, Signature, Types};
use rpc_core::service::{Argument, Descriptor, Method};
use rpc_core::{BindError, Code, Error, Hop, Offer};
use support::services::*;
use support::wire::*;
use support::{Pair, SECOND, failure};

/// Clears a screen, ends a line, turns the text around, and goes on for long.
fn nasty() -> String {
    format!("\x1b[2J\r\n\u{202e}{}", "x".repeat(3900))
}

/// One line, of what a person can see, and no longer than that.
fn assert_tame(text: &str, most: usize) {
    let plain = |c: char| !c.is_control() && c != '\u{202e}';
    assert!(text.chars().all(plain) && text.contains(r"\u{1b}[2J\r\n\u{202e}xxx"), "{text}");
    assert!(text.len() <= most, "{} bytes: {text}", text.len());
}

/// A client of the hall that has said hello.
fn greeting() -> (Pair, BindingId) {
    let retry = rpc_core::client::Retry::default().attempts(1);
    let config = rpc_core::client::Config { retry, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    (pair, id)
}

fn refused(mut frames: impl FnMut(&mut Vec<u8>)) -> BindError {
    let (mut pair, id) = greeting();
    pair.inject_down(&written(&mut frames));
    pair.outcome_of(id).expect("it has ended").expect_err("it is refused")
}

fn bound(result: BoundResult) -> Vec<u8> {
    written(|out| {
        welcome(8).write(out);
        Bound { number: 0, result }.write(out);
    })
}

fn accepted(first: BoundMethod, types: Vec<u8>) -> Vec<u8> {
    let methods = vec![first, BoundMethod::Usable, BoundMethod::Usable];
    bound(BoundResult::Accepted { version: (1, 1), methods, types })
}

/// What `sell` says when the server has answered so.
fn judged(first: BoundMethod, types: Vec<u8>) -> Error {
    let (mut pair, hall) = greeting();
    pair.inject_down(&accepted(first, types));
    failure(pair.call(hall, SELL, b""))
}

fn differs(structure: Vec<u8>) -> BoundMethod {
    BoundMethod::Differs { runs_once: false, structure }
}

/// What the first call says when it is answered so.
fn answered(answer_with: Answer, payload: &[u8]) -> Error {
    let (mut pair, hall) = greeting();
    pair.inject_down(&accepted(BoundMethod::Usable, Vec::new()));
    let key = pair.start(hall, SELL, b"");
    pair.pump();
    let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    let reply = answer(support::wire::request(&request).id, answer_with, payload);
    pair.inject_down(&reply);
    failure(pair.end_of(key))
}

#[test]
fn offers_are_escaped_cut_and_not_all_of_them_listed() {
    let offered: Vec<Offer> = (0..15).map(|major| Offer { name: nasty(), version: (major, 0) }).collect();
    let text = refused(|out| {
        out.extend(bound(BoundResult::NotFound { offered: offered.clone() }));
    });
    assert_tame(&text.to_string(), 2500);
    let offered: Vec<Offer> =
        (0..3000).map(|major| Offer { name: "Bank".to_owned(), version: (major, 0) }).collect();
    for result in [
        BoundResult::NotFound { offered: offered.clone() },
        BoundResult::OtherVersion { offered: offered.clone() },
    ] {
        let text = refused(|out| out.extend(bound(result.clone()))).to_string();
        assert!(text.ends_with("Bank 18.0; Bank 19.0; and 2980 more"), "{text}");
    }
}

#[test]
fn a_suggestion_is_escaped_and_cut() {
    for same_types in [false, true] {
        let suggestion = Some(Suggestion { name: nasty(), same_types });
        assert_tame(&judged(BoundMethod::Missing { suggestion }, Vec::new()).to_string(), 400);
    }
}

#[test]
fn the_names_of_types_and_arguments_are_escaped_and_cut() {
    static NASTY: &str = "\x1b[2J\r\n\u{202e}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    const fn sell(arguments: &'static [Argument]) -> Method {
        Method { arguments, ..HALL.methods[0] }
    }
    static LEAF: Descriptor = Descriptor {
        name: "Hall",
        version: (1, 1),
        methods: &[sell(&[Argument { name: "seat", describe: |types: &mut Types| types.leaf(NASTY) }])],
    };
    static NAME: Descriptor = Descriptor {
        name: "Hall",
        version: (1, 1),
        methods: &[sell(&[Argument { name: NASTY, describe: |types: &mut Types| types.leaf("u32") }])],
    };
    for there in [&LEAF, &NAME] {
        let mut excerpt = Excerpt::default();
        let signatures: Vec<Signature> = there.signatures();
        let structure = excerpt.add(&signatures[0]).expect("it fits");
        let error = judged(differs(structure), excerpt.into_types());
        assert_tame(&error.to_string(), 400);
    }
}

#[test]
fn the_reason_of_a_rejection_or_a_close_is_escaped_and_cut() {
    for code in [RejectCode::TooMany, RejectCode::Codec, RejectCode::Protocol] {
        let error = refused(|out| Reject { code, reason: nasty(), ..Reject::default() }.write(out));
        assert_tame(&error.to_string(), 1300);
    }
    let error = refused(|out| Close { code: CloseCode::GoingAway, reason: nasty() }.write(out));
    assert_tame(&error.to_string(), 1300);
}

#[test]
fn the_reason_of_a_refusal_or_a_failure_is_escaped_and_cut() {
    let refusal = written(|out| Refusal { code: Code::Unavailable, reason: nasty() }.write(out));
    let error = answered(Answer::Refused, &refusal);
    assert_tame(&error.to_string(), 1300);
    assert!(error.to_string().contains(".. (not executed) (request "), "{error}");
    let failure = Failure { code: Code::Internal, message: nasty(), hops: Vec::new() };
    assert_tame(&answered(Answer::Failed, &written(|out| failure.write(out))).to_string(), 1300);
    let hop = Hop { method: nasty(), address: nasty() };
    let failure = Failure { code: Code::Internal, message: "?".into(), hops: vec![hop] };
    assert_tame(&answered(Answer::Failed, &written(|out| failure.write(out))).to_string(), 600);
}

#[test]
fn a_place_deep_in_a_type_is_cut() {
    let (here, there) = ("u8".to_owned(), "u16".to_owned());
    let path = format!("sell: argument 1 (seat){}", ".inner".repeat(1000));
    let (differences, address) = (vec![Difference { path, here, there }], "hall:7000".into());
    let error = Error::SignatureMismatch {
        method: "Hall.sell",
        address,
        differences,
        untold: None,
        runs_once: false,
    };
    let text = error.to_string();
    assert!(text.contains("..: u8 here, u16 there") && text.len() < 600, "{text}");
}

#[test]
fn a_difference_that_the_server_does_not_explain_is_not_called_too_large() {
    let mut excerpt = Excerpt::default();
    excerpt.add(&HALL_WIDE.signatures()[1]).expect("it fits");
    let types = excerpt.into_types();
    for (structure, types, why) in [
        (vec![], vec![], "the server did not say where"),
        (vec![], types.clone(), "the server did not say where"),
        (vec![0xff; 9], types, "what the server says of its types cannot be read"),
        (vec![1], vec![0xff; 9], "what the server says of its types cannot be read"),
    ] {
        assert_eq!(
            judged(differs(structure), types).to_string(),
            format!(
                "Hall.sell: the types differ, but {why} (here: this client, there: the server at hall:7000) \
                 (not executed)"
            )
        );
    }
}

#[test]
fn a_service_that_is_taken_for_another_major_version_is_no_agreement() {
    let methods = vec![BoundMethod::Usable; 3];
    let result = BoundResult::Accepted { version: (2, 0), methods, types: Vec::new() };
    let error = refused(|out| out.extend(bound(result.clone())));
    assert_eq!(
        error.to_string(),
        "no common protocol with hall:7000: Hall 1.1 was asked for, and taken for its Hall 2.0"
    );
    assert!(matches!(error, BindError::ProtocolMismatch { .. }));
}

#[test]
fn a_stranger_that_says_too_little_is_quoted_when_its_time_is_over() {
    let (mut pair, id) = greeting();
    pair.inject_down(b"hi\n");
    pair.run_for(5 * SECOND);
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("it has ended") };
    assert_eq!(
        error.to_string(),
        "the connection to hall:7000 ended before the binding was agreed: no answer to the handshake within 5.0s; \
         the peer's first bytes are \"hi\\n\""
    );
}

#[test]
fn a_stranger_that_says_too_little_and_leaves_is_quoted() {
    let (mut pair, id) = greeting();
    pair.inject_down(b"hi\n");
    pair.cut();
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("it has ended") };
    assert!(error.to_string().ends_with("; the peer's first bytes are \"hi\\n\""), "{error}");
}
