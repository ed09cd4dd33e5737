//! Signatures that a peer made up.

use crate::{signature, with};
use rpc_core::codec::{CodecId, Decoder, Encoder};
use rpc_core::schema::{NODES_MAX, Node, Schema, Signature};
use serde::Serialize;

/// A signature as its parts, to be written with references of one's own choice.
#[derive(Serialize)]
struct Made {
    nodes: Vec<MadeNode>,
    arguments: Vec<(String, u32)>,
    returns: u32,
}
#[derive(Clone, Serialize)]
#[allow(dead_code)] // they hold the places of those that are used
enum MadeNode {
    Leaf(String),
    Opaque(String),
    Option(u32),
    Seq(u32),
    Map(u32, u32),
    Tuple(Vec<u32>),
}

fn received(made: &impl Serialize) -> Signature {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, CodecId::Bincode).plain(made).unwrap();
    Decoder::new(&bytes, CodecId::Bincode).value().unwrap()
}

fn chain(length: u32) -> Made {
    let mut nodes: Vec<_> = (1..length).map(MadeNode::Option).collect();
    nodes.push(MadeNode::Leaf("u8".into()));
    Made { nodes, arguments: vec![], returns: 0 }
}

#[test]
fn a_reference_to_nowhere_is_unsound() {
    let leaf = || MadeNode::Leaf("u8".into());
    assert!(received(&Made { nodes: vec![leaf()], arguments: vec![], returns: 0 }).is_sound());
    assert!(!received(&Made { nodes: vec![leaf()], arguments: vec![], returns: 1 }).is_sound());
    assert!(
        !received(&Made { nodes: vec![leaf()], arguments: vec![("a".into(), 7)], returns: 0 }).is_sound()
    );
    for node in [MadeNode::Option(9), MadeNode::Map(0, 9), MadeNode::Tuple(vec![0, 9])] {
        assert!(!received(&Made { nodes: vec![leaf(), node], arguments: vec![], returns: 0 }).is_sound());
    }
}

#[test]
fn a_signature_of_too_many_nodes_is_unsound() {
    assert!(received(&chain(NODES_MAX as u32)).is_sound());
    assert!(!received(&chain(NODES_MAX as u32 + 1)).is_sound());
}

#[test]
fn even_an_unsound_signature_is_compared_without_harm() {
    let broken = received(&Made { nodes: vec![], arguments: vec![], returns: 5 });
    let here = signature(&[], u8::describe);
    assert_eq!(
        here.difference(&broken, "m").unwrap().to_string(),
        "m: result: u8 here, an unknown type there"
    );
    assert!(broken.difference(&here, "m").is_some());
    broken.fingerprint();
    received(&chain(200_000)).fingerprint();
}

#[test]
fn the_deepest_signature_is_walked_without_recursion() {
    let (a, b) = (received(&chain(200_000)), received(&chain(200_000)));
    // more pairs than are compared: said, not hidden
    let found = a.difference(&b, "m").unwrap();
    assert_eq!(found.there, "a type too large to compare");
    assert!(found.path.len() < 100, "{}", found.path);
    let (a, b) = (received(&chain(4000)), received(&chain(4096)));
    let found = a.difference(&b, "m").unwrap();
    assert_eq!(found.path, "m: result???????????????..????????????????");
    assert_eq!((found.here.as_str(), found.there.as_str()), ("u8", "Option<Option<..>>"));
}

#[test]
fn circles_of_all_lengths_end() {
    let circle = |length: u32| {
        let nodes = (0..length).map(|n| MadeNode::Seq((n + 1) % length)).collect();
        received(&Made { nodes, arguments: vec![], returns: 0 })
    };
    // the pairs run through the least common multiple of both lengths, or give up
    assert_eq!(circle(1).difference(&circle(4096), "m"), None);
    assert_eq!(circle(100).difference(&circle(200), "m"), None);
    assert_eq!(circle(4096).difference(&circle(4095), "m").unwrap().there, "a type too large to compare");
}

#[test]
fn a_wide_signature_is_walked_in_a_moment() {
    // every pair of the two would be compared, each time for all their parts
    let wide = |n: u32| {
        let parts = MadeNode::Tuple((0..n).collect());
        received(&Made { nodes: vec![parts; n as usize], arguments: vec![], returns: 0 })
    };
    assert_eq!(wide(300).difference(&wide(300), "m"), None);
}

#[test]
fn a_signature_can_be_read_node_by_node() {
    let signature = with::<Result<u8, Option<bool>>>();
    let (name, id) = signature.arguments().next().unwrap();
    assert_eq!(name, "ticket");
    let Some(Node::Result(ok, error)) = signature.node(id) else { panic!("no result") };
    assert_eq!(signature.node(*ok), Some(&Node::Leaf("u8".into())));
    assert!(matches!(signature.node(*error), Some(Node::Option(_))));
    assert_eq!(signature.node(signature.returns()), Some(&Node::Leaf("()".into())));
}
