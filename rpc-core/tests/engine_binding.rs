//! What goes over the wire where two sides differ, and what a client makes of it: also if the server has made it up.

mod support;

use proptest::prelude::*;
use rpc_core::frame::{Answer, Bound, BoundMethod, BoundResult, Checksum, Kind, Request};
use rpc_core::schema::{Describe, Excerpt, Schema, Types, Variant};
use rpc_core::service::{Argument, Descriptor, Method};
use rpc_core::{Code, Error, Execution};
use std::any::TypeId;
use support::services::*;
use support::wire::*;
use support::{Pair, SECOND, failure, payload};

/// `Stalls` and `Box`, to which later `Balcony` was appended.
struct Section;
struct LaterSection;

const OLD: Describe = |types| {
    types.enumeration(
        TypeId::of::<Section>(),
        "Section",
        &[("Stalls", Variant::Unit), ("Box", Variant::Unit)],
    )
};
const LATER: Describe = |types| {
    types.enumeration(
        TypeId::of::<LaterSection>(),
        "Section",
        &[("Stalls", Variant::Unit), ("Box", Variant::Unit), ("Balcony", Variant::Unit)],
    )
};
/// Too large for any answer.
const HUGE: Describe = |types| types.opaque(&"x".repeat(300_000));

const fn sell(section: &'static [Argument], idempotent: bool) -> Method {
    Method {
        name: "sell",
        path: "Hall.sell",
        idempotent,
        blocking: false,
        timeout: None,
        since: None,
        arguments: section,
        returns: |types| types.leaf("u32"),
    }
}

static OLD_HALL: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 0),
    methods: &[sell(&[Argument { name: "section", describe: OLD }], false)],
};
static LATER_HALL: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 1),
    methods: &[sell(&[Argument { name: "section", describe: LATER }], false)],
};
static REPEATING_LATER_HALL: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 1),
    methods: &[sell(&[Argument { name: "section", describe: LATER }], true)],
};
static HUGE_HALL: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 1),
    methods: &[sell(&[Argument { name: "section", describe: HUGE }], false)],
};

const STALLS: &[u8] = &[0];
const BALCONY: &[u8] = &[2];

fn served_by(service: &'static Descriptor) -> Pair {
    Pair::with(Default::default(), Default::default(), vec![service])
}

#[test]
fn a_method_that_differs_costs_no_further_round_trip() {
    let mut pair = served_by(&OLD_HALL);
    let hall = pair.bind(&LATER_HALL);
    pair.call(hall, SELL, STALLS).expect("a value that both know");
    assert_eq!(kinds(&pair.wire().up.sent), [Kind::Hello, Kind::Bind, Kind::Request]);
    assert_eq!(kinds(&pair.wire().down.sent), [Kind::Welcome, Kind::Bound, Kind::Reply]);
}

#[test]
fn a_value_that_the_server_does_not_know_is_not_written() {
    let mut pair = served_by(&OLD_HALL);
    let hall = pair.bind(&LATER_HALL);
    let error = failure(pair.call(hall, SELL, BALCONY));
    assert_eq!(
        error.to_string(),
        "Hall.sell: the server at hall:7000 does not know Section::Balcony (argument 1 (section)); it knows 2 \
         variants of Section (not executed)"
    );
    assert!(of_kind(&pair.wire().up.sent, Kind::Request).is_empty());
    assert_eq!((pair.client.stats().calls, pair.executed.len()), (1, 0));
}

#[test]
fn a_call_that_waits_is_judged_by_the_server_that_it_is_sent_to() {
    let mut pair = served_by(&LATER_HALL);
    let hall = pair.bind(&LATER_HALL);
    pair.call(hall, SELL, BALCONY).expect("both know it");
    pair.unreachable = true;
    pair.restart(Default::default(), vec![&OLD_HALL]);
    let (stalls, balcony) = (pair.start(hall, SELL, STALLS), pair.start(hall, SELL, BALCONY));
    pair.unreachable = false;
    pair.run_for(SECOND);
    assert_eq!(payload(&pair.end_of(stalls)), STALLS);
    let error = failure(pair.end_of(balcony));
    assert!(matches!(error, Error::UnknownVariant { execution: Execution::NotExecuted, .. }), "{error}");
    pair.restart(Default::default(), vec![&LATER_HALL]);
    pair.call(hall, SELL, BALCONY).expect("both know it again");
}

#[test]
fn values_are_judged_by_the_server_that_is_there_though_it_was_not_asked_in_its_handshake() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&OLD_HALL, &BANK]);
    let (hall, bank) = (pair.bind(&LATER_HALL), pair.bind(&BANK));
    pair.client.unbind(hall);
    pair.restart(Default::default(), vec![&LATER_HALL, &BANK]);
    pair.call(bank, 0, b"").expect("over a new connection");
    assert_eq!(payload(&pair.call(hall, SELL, BALCONY)), BALCONY);
}

#[test]
fn a_value_is_looked_at_when_its_call_gets_a_slot() {
    let mut config = rpc_core::server::Config::default();
    config.limits.slots = 1;
    let mut pair = Pair::with(Default::default(), config, vec![&OLD_HALL]);
    let hall = pair.bind(&LATER_HALL);
    pair.hold();
    let (stalls, balcony) = (pair.start(hall, SELL, STALLS), pair.start(hall, SELL, BALCONY));
    assert!(!pair.has_ended(balcony));
    pair.complete(id(0, 1), rpc_core::server::Completion::Ok(Vec::new()));
    assert!(pair.has_ended(stalls) && pair.has_ended(balcony));
    let error = failure(pair.end_of(balcony));
    assert!(matches!(error, Error::UnknownVariant { .. }), "{error}");
}

#[test]
fn a_repeated_call_that_the_next_server_does_not_know_may_have_run_on_the_one_before() {
    let mut pair = served_by(&REPEATING_LATER_HALL);
    let hall = pair.bind(&REPEATING_LATER_HALL);
    pair.hold();
    let key = pair.start(hall, SELL, BALCONY);
    static OLD_REPEATING: Descriptor = Descriptor {
        name: "Hall",
        version: (1, 0),
        methods: &[sell(&[Argument { name: "section", describe: OLD }], true)],
    };
    pair.restart(Default::default(), vec![&OLD_REPEATING]);
    pair.run_for(SECOND);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn a_recorded_reply_that_the_client_could_not_read_stays_recorded() {
    let mut pair = served_by(&LATER_HALL);
    let hall = pair.bind(&OLD_HALL);
    pair.call(hall, SELL, STALLS).expect("whatever the stub makes of it");
    let copy = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    pair.inject_up(&copy);
    assert_eq!((pair.executed.len(), pair.server_stats().replayed), (1, 1));
}

#[test]
fn types_that_are_too_large_to_send_disable_their_method_and_say_so() {
    let mut pair = served_by(&HUGE_HALL);
    let hall = pair.bind(&LATER_HALL);
    let error = failure(pair.call(hall, SELL, STALLS));
    assert_eq!(
        error.to_string(),
        "Hall.sell: the types differ, but the server did not say where (here: this client, there: the \
         server at hall:7000) (not executed)"
    );
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::FailedPrecondition));
}

fn request() -> Vec<u8> {
    let request = Request { id: id(0, 1), method: 0, deadline: 5000, payload: STALLS, ..Default::default() };
    written(|out| request.write(out, Checksum::Whole))
}

#[test]
fn a_request_whose_method_the_client_could_not_compare_is_refused() {
    for (service, answer) in [(&HUGE_HALL, Answer::Refused), (&OLD_HALL, Answer::Ok)] {
        let mut pair = served_by(service);
        pair.bind(&LATER_HALL);
        pair.inject_up(&request());
        let replies = of_kind(&pair.wire().down.sent, Kind::Reply);
        assert_eq!(reply(&replies[0]).answer, answer);
    }
}

/// A client of [`LATER_HALL`] whose server answers this, with so many bytes of the types ahead.
fn answered(method: BoundMethod, mut types: Vec<u8>, ahead: usize) -> (Pair, Result<(), Error>) {
    let mut pair = Pair::new();
    pair.raw = true;
    let hall = pair.client.bind(pair.now, &LATER_HALL);
    pair.pump();
    let part: Vec<u8> = types.drain(..ahead).collect();
    let result = BoundResult::Accepted { version: (1, 0), methods: vec![method], types };
    pair.inject_down(&written(|out| {
        welcome(8).write(out);
        Bound { number: 0, result: BoundResult::Types { part } }.write(out);
        Bound { number: 0, result }.write(out);
    }));
    let supported = pair.client.supports(hall, SELL);
    (pair, supported)
}

#[test]
fn a_method_that_differs_in_both_ways_says_both() {
    let mut pair = served_by(&HALL_ONCE);
    let hall = pair.bind(&HALL_WIDE);
    let error = failure(pair.call(hall, FREE, b""));
    assert_eq!(
        error.to_string(),
        "Hall.free: argument 1 (seat): u64 here, u32 there; idempotent here, at most once there (here: this \
         client, there: the server at hall:7000) (not executed)"
    );
    // Appended variants are harmless, a second run is not.
    let mut pair = served_by(&OLD_HALL);
    let hall = pair.bind(&REPEATING_LATER_HALL);
    let error = failure(pair.call(hall, SELL, STALLS));
    assert_eq!(
        error.to_string(),
        "Hall.sell: idempotent here, at most once there (here: this client, there: the server at hall:7000) (not executed)"
    );
}

#[test]
fn one_structure_spread_over_types_in_another_way_is_usable() {
    struct Links;
    const ONE: Describe = |types| {
        fn links(types: &mut Types) -> rpc_core::schema::NodeId {
            types.structure(TypeId::of::<Links>(), "Links", &[("a", <u8 as Schema>::describe)])
        }
        types.tuple(TypeId::of::<(Links,)>(), &[links, links])
    };
    const TWO: Describe = |types| {
        fn links(types: &mut Types) -> rpc_core::schema::NodeId {
            types.structure(TypeId::of::<(Links, u8)>(), "Links", &[("a", <u8 as Schema>::describe)])
        }
        fn others(types: &mut Types) -> rpc_core::schema::NodeId {
            types.structure(TypeId::of::<(Links, u16)>(), "Others", &[("a", <u8 as Schema>::describe)])
        }
        types.tuple(TypeId::of::<(Links, u32)>(), &[links, others])
    };
    static HERE: Descriptor = Descriptor {
        name: "Hall",
        version: (1, 0),
        methods: &[sell(&[Argument { name: "links", describe: ONE }], false)],
    };
    static THERE: Descriptor = Descriptor {
        name: "Hall",
        version: (1, 0),
        methods: &[sell(&[Argument { name: "links", describe: TWO }], false)],
    };
    assert_ne!(HERE.methods[0].fingerprint(), THERE.methods[0].fingerprint());
    let mut pair = served_by(&THERE);
    let hall = pair.bind(&HERE);
    pair.call(hall, SELL, b"\x01\x02").expect("the bytes are the same");
}

/// What an honest server would answer: types, and the structure of `sell`.
fn honest(service: &'static Descriptor) -> (Vec<u8>, Vec<u8>) {
    let mut excerpt = Excerpt::default();
    let structure = excerpt.add(&service.signatures()[0]).expect("it fits");
    (excerpt.into_types(), structure)
}

proptest! {
    #[test]
    fn a_client_survives_arbitrary_structures(
        made_up in any::<bool>(),
        types in prop::collection::vec(any::<u8>(), 1..300),
        structure in prop::collection::vec(any::<u8>(), 0..60),
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        ahead in 0..1000_usize,
        payload in prop::collection::vec(0..4_u8, 0..60),
    ) {
        let (mut types, structure) = if made_up { (types, structure) } else { honest(&OLD_HALL) };
        for (at, with) in flips {
            let at = at % types.len();
            types[at] ^= with;
        }
        let ahead = ahead.min(types.len());
        let (mut pair, supported) = answered(BoundMethod::Differs { runs_once: false, structure }, types, ahead);
        let key = pair.start(rpc_core::client::BindingId(0), SELL, &payload);
        let sent = !of_kind(&pair.wire().up.sent, Kind::Request).is_empty();
        prop_assert!(sent != pair.has_ended(key));
        prop_assert!(supported.is_ok() || !sent);
        if !sent {
            prop_assert_eq!(failure(pair.end_of(key)).execution(), Execution::NotExecuted);
        }
    }
}

/// A service of many methods alike: `sell_17(order: u64, section: Section, holder: String) -> Result<Ticket, Refused>`.
fn office(methods: usize, later: impl Fn(usize) -> bool) -> &'static Descriptor {
    const TICKET: Describe = |types| {
        types.structure(
            TypeId::of::<u8>(),
            "Ticket",
            &[
                ("section", OLD),
                ("seat", <u32 as Schema>::describe),
                ("holder", <String as Schema>::describe),
            ],
        )
    };
    const REFUSED: Describe = |types| {
        types.enumeration(
            TypeId::of::<u16>(),
            "Refused",
            &[("SoldOut", Variant::Unit), ("NotOnSaleYet", Variant::Unit)],
        )
    };
    const RESULT: Describe = |types| types.tuple(TypeId::of::<(u8, u16)>(), &[TICKET, REFUSED]);
    const fn arguments(section: Describe) -> [Argument; 3] {
        [
            Argument { name: "order", describe: <u64 as Schema>::describe },
            Argument { name: "section", describe: section },
            Argument { name: "holder", describe: <String as Schema>::describe },
        ]
    }
    static OLD_ARGUMENTS: [Argument; 3] = arguments(OLD);
    static LATER_ARGUMENTS: [Argument; 3] = arguments(LATER);
    let method = |index: usize| {
        let name: &'static str = format!("sell_{index}").leak();
        let path: &'static str = format!("BoxOffice.sell_{index}").leak();
        let arguments: &'static [Argument] = if later(index) { &LATER_ARGUMENTS } else { &OLD_ARGUMENTS };
        Method { name, path, arguments, returns: RESULT, ..sell(&[], false) }
    };
    let methods: Vec<Method> = (0..methods).map(method).collect();
    Box::leak(Box::new(Descriptor { name: "BoxOffice", version: (1, 0), methods: methods.leak() }))
}

/// The bytes of `Bind` and of `Bound`.
fn bytes_of(client: &'static Descriptor, server: &'static Descriptor) -> (usize, usize) {
    let mut pair = served_by(server);
    let office = pair.bind(client);
    assert!((0..client.methods.len()).all(|method| pair.client.supports(office, method as u16).is_ok()));
    let of = |stream: &[u8], kind| of_kind(stream, kind).iter().map(Vec::len).sum();
    (of(&pair.wire().up.sent, Kind::Bind), of(&pair.wire().down.sent, Kind::Bound))
}

#[test]
fn structures_are_sent_only_where_they_differ_and_types_only_once() {
    for methods in [10, 100, 300] {
        let (bind, alike) = bytes_of(office(methods, |_| false), office(methods, |_| false));
        let (_, one) = bytes_of(office(methods, |_| false), office(methods, |index| index == 3));
        let (_, all) = bytes_of(office(methods, |_| false), office(methods, |_| true));
        println!(
            "{methods} methods: Bind {bind} bytes; Bound {alike}, {one} if one differs, {all} if all differ"
        );
        assert_eq!(alike, 24 + 1 + 4 + 2 + methods + 4, "one byte a method");
        assert!(one - alike < 300, "{one} bytes if one differs");
        assert!(all - one < 40 * methods, "{all} bytes if all differ");
    }
}

/// A structure that no other method has, of some 250 bytes, with an enum that all have.
fn own<const N: usize, const LATER_ON: bool>(types: &mut Types) -> rpc_core::schema::NodeId {
    const FIELDS: [(&str, Describe); 12] = [
        ("section", OLD),
        ("number_of_the_order", <u64 as Schema>::describe),
        ("name_of_the_customer", <String as Schema>::describe),
        ("street_of_the_customer", <String as Schema>::describe),
        ("town_of_the_customer", <String as Schema>::describe),
        ("country_of_the_customer", <String as Schema>::describe),
        ("number_of_the_row", <u32 as Schema>::describe),
        ("number_of_the_seat", <u32 as Schema>::describe),
        ("price_in_cents", <u64 as Schema>::describe),
        ("discount_in_cents", <u64 as Schema>::describe),
        ("wants_a_receipt", <bool as Schema>::describe),
        ("remarks_of_the_seller", <Option<String> as Schema>::describe),
    ];
    const LATER_FIELDS: [(&str, Describe); 12] = {
        let mut fields = FIELDS;
        fields[0].1 = LATER;
        fields
    };
    let fields: &'static [(&str, Describe)] = if LATER_ON { &LATER_FIELDS } else { &FIELDS };
    types.structure(TypeId::of::<[u8; N]>(), &format!("OrderOfKind{N}"), fields)
}

/// 300 methods, each with a structure of its own.
fn wide<const LATER_ON: bool>() -> &'static Descriptor {
    macro_rules! all {
        ($($ten:literal)*) => { [$(all!(@ $ten, 0 1 2 3 4 5 6 7 8 9)),*].concat() };
        (@ $ten:literal, $($one:literal)*) => { [$(own::<{ 10 * $ten + $one }, LATER_ON> as Describe),*] };
    }
    let all: Vec<Describe> =
        all!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29);
    let method = |(index, describe): (usize, Describe)| {
        let name: &'static str = format!("sell_{index}").leak();
        let path: &'static str = format!("BoxOffice.sell_{index}").leak();
        let arguments: &'static [Argument] = vec![Argument { name: "order", describe }].leak();
        Method { name, path, arguments, ..sell(&[], false) }
    };
    let methods: Vec<Method> = all.into_iter().enumerate().map(method).collect();
    Box::leak(Box::new(Descriptor { name: "BoxOffice", version: (1, 0), methods: methods.leak() }))
}

#[test]
fn an_appended_variant_disables_none_of_three_hundred_methods_with_types_of_their_own() {
    let (_, bytes) = bytes_of(wide::<false>(), wide::<true>());
    println!("300 methods with types of their own: Bound {bytes} bytes");
    assert!(bytes > rpc_core::limits::TABLE_FRAME_MAX, "{bytes} bytes: one frame would do");
}

#[test]
fn types_may_come_in_parts() {
    let (types, structure) = honest(&OLD_HALL);
    for ahead in [0, 1, types.len() - 1] {
        let structure = structure.clone();
        let (_, supported) =
            answered(BoundMethod::Differs { runs_once: false, structure }, types.clone(), ahead);
        supported.expect("the later hall has appended a variant");
    }
}

#[test]
fn types_that_never_end_end_the_connection() {
    let mut pair = Pair::new();
    pair.raw = true;
    pair.client.bind(pair.now, &LATER_HALL);
    pair.pump();
    let part = |length| Bound { number: 0, result: BoundResult::Types { part: vec![0; length] } };
    pair.inject_down(&written(|out| {
        welcome(8).write(out);
        (0..4).for_each(|_| part(64 << 10).write(out));
    }));
    assert_eq!(of_kind(&pair.wire().up.sent, Kind::Close).len(), 0, "so much is allowed");
    pair.inject_down(&written(|out| part(64 << 10).write(out)));
    assert_eq!(of_kind(&pair.wire().up.sent, Kind::Close).len(), 1);
}

#[test]
fn what_a_session_is_sent_of_types_is_bounded_over_all_its_bindings() {
    let service = wide::<true>();
    let mut pair = Pair::with(Default::default(), Default::default(), vec![service]);
    pair.bind(service);
    let method = |method: &Method| rpc_core::frame::BindMethod {
        name: method.name.to_owned(),
        fingerprint: 0,
        idempotent: false,
        since: None,
    };
    let methods: Vec<_> = service.methods.iter().map(method).collect();
    let bind = |number: u16| rpc_core::frame::Bind {
        number: number.into(),
        base: 300 * number,
        service: service.name.to_owned(),
        version: service.version,
        methods: methods.clone(),
    };
    // All at once: the client would end the connection at the first answer that it has not asked for.
    pair.inject_up(&written(|out| (1..50).for_each(|number| bind(number).write(out))));
    let bytes: usize = of_kind(&pair.wire().down.sent, Kind::Bound).iter().map(Vec::len).sum();
    assert!((1 << 20..3 << 19).contains(&bytes), "{bytes}");
}
