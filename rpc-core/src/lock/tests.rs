//! Locks of arbitrary types, which no trait could have, and arbitrary texts.

use super::{Lock, Method};
use crate::schema::{Comparison, Content, LEAVES, Node, NodeId, Types};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        Just("Option".to_owned()),
        Just("opaque".to_owned()),
        Just("Nested".to_owned()),
        Just("u8".to_owned()),
        Just(String::new()),
        "[a\" \\\\#\n\u{2028}\u{7f}<-]{1,4}",
    ]
}

/// A node that refers to any of the nodes below `count`.
fn node(count: usize) -> impl Strategy<Value = Node> {
    let id = move || (0..count).prop_map(NodeId::at);
    let ids = move |least: usize| prop::collection::vec(id(), least..4);
    // The derive refuses two of one name.
    let named = move || prop::collection::btree_map(name(), id(), 0..4).prop_map(Vec::from_iter);
    let content =
        prop_oneof![Just(Content::Unit), ids(0).prop_map(Content::Tuple), named().prop_map(Content::Struct),];
    let variants = prop::collection::btree_map(name(), content, 0..4).prop_map(Vec::from_iter);
    prop_oneof![
        (0..LEAVES.len()).prop_map(|index| Node::Leaf(LEAVES[index].to_owned())),
        name().prop_map(Node::Leaf),
        name().prop_map(Node::Opaque),
        id().prop_map(Node::Option),
        id().prop_map(Node::Seq),
        (id(), id()).prop_map(|(key, value)| Node::Map(key, value)),
        // One without parts is written as the leaf that it is on the wire.
        ids(1).prop_map(Node::Tuple),
        (id(), any::<u64>()).prop_map(|(inner, length)| Node::Array(inner, length)),
        (id(), id()).prop_map(|(value, error)| Node::Result(value, error)),
        (name(), named()).prop_map(|(name, fields)| Node::Struct { name, fields }),
        (name(), variants).prop_map(|(name, variants)| Node::Enum { name, variants }),
    ]
}

fn lock() -> impl Strategy<Value = Lock> {
    let nodes = (1..12_usize).prop_flat_map(|count| prop::collection::vec(node(count), count));
    nodes.prop_flat_map(|nodes| {
        let count = nodes.len();
        let id = move || (0..count).prop_map(NodeId::at);
        let arguments = prop::collection::btree_map(name(), id(), 0..3).prop_map(Vec::from_iter);
        let since = prop::option::of((1..3_u16, any::<u16>()));
        let method = (arguments, id(), any::<bool>(), since);
        (Just(nodes), name(), any::<(u16, u16)>(), prop::collection::vec(method, 0..4)).prop_map(make)
    })
}

type MadeMethod = (Vec<(String, NodeId)>, NodeId, bool, Option<(u16, u16)>);

fn make((nodes, service, version, methods): (Vec<Node>, String, (u16, u16), Vec<MadeMethod>)) -> Lock {
    let methods = methods.into_iter().enumerate().map(|(index, (arguments, returns, idempotent, since))| {
        Method { name: format!("m{index}"), idempotent, since, arguments, returns }
    });
    Lock { service, version, methods: methods.collect(), nodes: nodes.into(), comments: BTreeMap::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_the_same_signatures(lock in lock()) {
        let text = lock.to_string();
        let read = Lock::parse(&text).map_err(|damaged| TestCaseError::fail(format!("{damaged}\n{text}")))?;
        prop_assert!(lock.changes(&read).is_empty(), "{}\n{}", lock.changes(&read), text);
        prop_assert!(read.changes(&lock).is_empty(), "{}\n{}", read.changes(&lock), text);
        for ((name, signature), (other, again)) in lock.signatures().zip(read.signatures()) {
            prop_assert_eq!(name, other);
            prop_assert_eq!(signature.compare(&again, name), Comparison::default());
        }
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn a_signature_that_is_included_is_the_same(lock in lock()) {
        for (name, signature) in lock.signatures() {
            let mut types = Types::default();
            let arguments = signature.arguments().map(|(name, id)| (name.to_owned(), types.include(&signature, id)));
            let arguments = arguments.collect();
            let returns = types.include(&signature, signature.returns());
            let included = types.signature(arguments, returns);
            prop_assert!(included.is_sound());
            prop_assert_eq!(included.compare(&signature, name), Comparison::default());
        }
    }

    #[test]
    fn a_damaged_text_is_an_error_or_another_lock(lock in lock(), at in any::<prop::sample::Index>(), other in "\\PC{0,3}") {
        let mut text: Vec<char> = lock.to_string().chars().collect();
        let at = at.index(text.len());
        text.splice(at..(at + 1), other.chars());
        let text: String = text.into_iter().collect();
        match Lock::parse(&text) {
            Ok(read) => drop(read.to_string()),
            Err(damaged) => prop_assert!(damaged.line <= text.lines().count() + 1),
        }
    }

    #[test]
    fn an_arbitrary_text_does_no_harm(text in "[a-c(){}<>,:;#\"\\-\\[\\]=.0-9 \n]{0,80}") {
        let _ = Lock::parse(&format!("service S 1.0\n{text}"));
    }
}

#[test]
fn a_type_that_goes_very_deep_is_written_in_pieces() {
    let mut nodes: Vec<_> = (1..5000).map(|next| Node::Option(NodeId::at(next))).collect();
    nodes.push(Node::Leaf("u8".into()));
    let method = (Vec::new(), NodeId::at(0), false, None);
    let lock = make((nodes, "S".into(), (1, 0), vec![method]));
    let read = Lock::parse(&lock.to_string()).unwrap();
    assert!(lock.changes(&read).is_empty());
}

#[test]
fn a_type_without_a_name_that_holds_itself_gets_one() {
    let nodes = vec![Node::Option(NodeId::at(0))];
    let lock = make((nodes, "S".into(), (1, 0), vec![(Vec::new(), NodeId::at(0), false, None)]));
    let text = lock.to_string();
    assert!(text.ends_with("fn m0() -> Nested\n\ntype Nested = Option<Nested>\n"), "{text}");
    assert!(lock.changes(&Lock::parse(&text).unwrap()).is_empty());
}

#[test]
fn types_of_one_name_keep_their_numbers_when_the_text_is_read_and_written() {
    // The pair stands in its own first part: whoever goes down first numbers the types behind it in another order once
    // the text, in which the pair is written twice, has made two nodes of it.
    let node = |fields: &[(&str, usize)]| Node::Struct {
        name: "S".into(),
        fields: fields.iter().map(|(name, id)| ((*name).to_owned(), NodeId::at(*id))).collect(),
    };
    let nodes = vec![
        Node::Tuple(vec![NodeId::at(1), NodeId::at(2)]),
        node(&[("pair", 0), ("other", 3)]),
        node(&[("second", 4)]),
        node(&[("third", 4)]),
        Node::Leaf("u8".into()),
    ];
    let lock = make((nodes, "S".into(), (1, 0), vec![(Vec::new(), NodeId::at(0), false, None)]));
    let text = lock.to_string();
    assert_eq!(Lock::parse(&text).unwrap().to_string(), text);
}
