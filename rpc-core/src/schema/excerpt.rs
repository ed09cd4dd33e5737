//! Types on their way to the other side: of a service's types those that the methods in question reach, each type once.
//!
//! Written in bincode, whatever the codec of the session: the types are a sequence of [`Node`]s, the structure of a method
//! is its arguments' names and references and the reference of its result.

use super::{NODES_MAX, Node, NodeId, Signature};
use crate::codec::{CodecId, Decoder, Encoder};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most bytes of types in one answer. What goes beyond is left out, method by method. There is room for about a thousand
/// structures of a dozen fields; whoever reads them needs many times as much memory.
pub(crate) const TYPES_MAX: usize = 256 << 10;

/// Methods that may fail to fit before no further one is tried: a client chooses how many methods are asked for.
const MISFITS_MAX: usize = 16;

/// Collects the types of several methods of one service.
#[derive(Debug)]
pub struct Excerpt {
    most: usize,
    places: BTreeMap<NodeId, NodeId>,
    misfits: usize,
    /// The nodes, encoded.
    bytes: Vec<u8>,
}

impl Default for Excerpt {
    fn default() -> Self {
        Self::within(TYPES_MAX)
    }
}

impl Excerpt {
    /// One of at most so many bytes, and never more than one answer may hold (256 KiB, the default).
    pub fn within(most: usize) -> Self {
        let (places, bytes) = (BTreeMap::new(), Vec::new());
        Self { most: most.min(TYPES_MAX), places, misfits: 0, bytes }
    }

    /// Adds what a method needs, and gives its structure. All methods must come from one
    /// [`Descriptor::signatures`](crate::service::Descriptor::signatures). `None`: it does not fit, and nothing was added.
    pub fn add(&mut self, signature: &Signature) -> Option<Vec<u8>> {
        if self.misfits >= MISFITS_MAX {
            return None;
        }
        let (mut fresh, before) = (Vec::new(), self.bytes.len());
        let arguments: Vec<(&str, NodeId)> =
            signature.arguments().map(|(name, id)| (name, self.place(id, &mut fresh))).collect();
        let returns = self.place(signature.returns(), &mut fresh);
        let mut next = 0;
        while let Some(id) = fresh.get(next).copied() {
            next += 1;
            let node = signature.node(id).map(|node| node.mapped(&mut |id| self.place(id, &mut fresh)));
            let written = node.is_some_and(|node| encode(&node, &mut self.bytes));
            if !written || self.bytes.len() > self.most || self.places.len() > NODES_MAX {
                for id in &fresh {
                    self.places.remove(id);
                }
                self.bytes.truncate(before);
                self.misfits += 1;
                return None;
            }
        }
        let mut structure = Vec::new();
        encode(&(arguments, returns), &mut structure).then_some(structure)
    }

    /// The types of all methods that were added; empty if there are none.
    pub fn into_types(self) -> Vec<u8> {
        let mut types = Vec::new();
        if !self.places.is_empty() {
            encode(&(self.places.len() as u64), &mut types);
            types.extend(self.bytes);
        }
        types
    }

    fn place(&mut self, id: NodeId, fresh: &mut Vec<NodeId>) -> NodeId {
        let next = NodeId(self.places.len() as u32);
        *self.places.entry(id).or_insert_with(|| {
            fresh.push(id);
            next
        })
    }
}

fn encode<T: serde::Serialize>(value: &T, to: &mut Vec<u8>) -> bool {
    Encoder::new(to, CodecId::Bincode).plain(value).is_ok()
}

/// The types that a peer sent. `None`: they cannot be read, or refer to types that are not there.
pub fn read_types(bytes: &[u8]) -> Option<Arc<[Node]>> {
    let mut from = Decoder::new(bytes, CodecId::Bincode);
    let count = from.plain::<u64>().ok().filter(|count| *count <= NODES_MAX as u64)?;
    let nodes: Vec<Node> = (0..count).map(|_| from.plain().ok()).collect::<Option<_>>()?;
    from.end().ok()?;
    let known = |id: &NodeId| (id.0 as usize) < nodes.len();
    nodes.iter().all(|node| node.references().iter().all(known)).then(|| nodes.into())
}

/// The structure of a method that a peer sent along with types. `None` as in [`read_types`].
pub fn read_signature(types: &Arc<[Node]>, structure: &[u8]) -> Option<Signature> {
    let mut from = Decoder::new(structure, CodecId::Bincode);
    let (arguments, returns): (Vec<(String, NodeId)>, NodeId) = from.plain().ok()?;
    from.end().ok()?;
    let known = |id: &NodeId| (id.0 as usize) < types.len();
    let sound = known(&returns) && arguments.iter().all(|(_, id)| known(id));
    sound.then(|| Signature { nodes: types.clone(), arguments, returns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Schema, Types};
    use proptest::prelude::*;

    type Tree = std::collections::BTreeMap<String, Vec<Option<(u8, Result<u16, String>)>>>;

    fn two_methods() -> Vec<Signature> {
        let mut types = Types::default();
        let unit = <()>::describe(&mut types);
        let plain = u8::describe(&mut types);
        let tree = Tree::describe(&mut types);
        types.signatures(vec![
            (vec![("tree".to_owned(), tree)], unit),
            (vec![("n".to_owned(), plain), ("again".to_owned(), tree)], plain),
        ])
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let both = two_methods();
        let mut excerpt = Excerpt::default();
        let structures: Vec<_> = both.iter().map(|one| excerpt.add(one).expect("it fits")).collect();
        let types = read_types(&excerpt.into_types()).expect("types");
        for (signature, structure) in both.iter().zip(&structures) {
            let read = read_signature(&types, structure).expect("a structure");
            assert_eq!(read.fingerprint(), signature.fingerprint());
            assert_eq!(signature.compare(&read, "m"), Default::default());
        }
    }

    #[test]
    fn a_type_that_two_methods_share_is_written_once() {
        let both = two_methods();
        let mut excerpt = Excerpt::default();
        excerpt.add(&both[0]);
        let before = excerpt.bytes.len();
        excerpt.add(&both[1]);
        assert_eq!(excerpt.bytes.len(), before, "the tree holds a u8 already");
    }

    #[test]
    fn a_method_that_does_not_fit_leaves_nothing_behind() {
        let mut types = Types::default();
        let small = u8::describe(&mut types);
        let large = types.opaque(&"x".repeat(TYPES_MAX));
        let all = types.signatures(vec![(vec![], large), (vec![], small)]);
        let mut excerpt = Excerpt::default();
        assert_eq!(excerpt.add(&all[0]), None);
        let structure = excerpt.add(&all[1]).expect("it fits");
        let types = read_types(&excerpt.into_types()).expect("types");
        assert_eq!(types.len(), 1);
        assert_eq!(
            read_signature(&types, &structure).map(|read| read.fingerprint()),
            Some(all[1].fingerprint())
        );
    }

    #[test]
    fn after_many_methods_that_did_not_fit_no_further_one_is_tried() {
        let mut types = Types::default();
        let small = u8::describe(&mut types);
        let large = types.opaque(&"x".repeat(TYPES_MAX));
        let all = types.signatures(vec![(vec![], large), (vec![], small)]);
        let mut excerpt = Excerpt::default();
        assert!((0..MISFITS_MAX).all(|_| excerpt.add(&all[0]).is_none()));
        assert_eq!(excerpt.add(&all[1]), None);
        assert!(excerpt.into_types().is_empty());
    }

    #[test]
    fn references_to_nowhere_are_refused() {
        let nodes = |all: &[Node]| {
            let mut bytes = Vec::new();
            encode(&all, &mut bytes);
            bytes
        };
        let leaf = || Node::Leaf("u8".into());
        assert!(read_types(&nodes(&[leaf()])).is_some());
        assert!(read_types(&nodes(&[leaf(), Node::Option(NodeId(2))])).is_none());
        assert!(read_types(&nodes(&vec![leaf(); NODES_MAX + 1])).is_none());
        let types = read_types(&nodes(&[leaf()])).expect("types");
        let mut structure = Vec::new();
        encode(&(vec![("n", NodeId(1))], NodeId(0)), &mut structure);
        assert!(read_signature(&types, &structure).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_what_is_read_is_compared(bytes: Vec<u8>, structure: Vec<u8>, flips: Vec<(usize, u8)>) {
            let both = two_methods();
            let mut excerpt = Excerpt::default();
            let honest = excerpt.add(&both[1]).expect("it fits");
            let mut flipped = excerpt.into_types();
            for (at, with) in flips {
                let at = at % flipped.len();
                flipped[at] ^= with;
            }
            for bytes in [&bytes, &flipped] {
                let Some(types) = read_types(bytes) else { continue };
                for structure in [&structure, &honest] {
                    if let Some(read) = read_signature(&types, structure) {
                        let compared = both[1].compare(&read, "m");
                        prop_assert_eq!(read.compare(&both[1], "m").differences.is_empty(), compared.differences.is_empty());
                        read.fingerprint();
                    }
                }
            }
        }
    }
}
