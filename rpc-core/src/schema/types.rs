//! Describing types, one after the other, into one graph.

use super::{Content, Node, NodeId, Signature};
use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `<T as Schema>::describe`, as a value.
pub type Describe = fn(&mut Types) -> NodeId;

/// Named parts, as the derive writes them: tables instead of code.
pub type Fields = &'static [(&'static str, Describe)];

/// What a variant holds, as the derive writes it.
#[derive(Clone, Copy, Debug)]
pub enum Variant {
    /// Nothing.
    Unit,
    /// Parts without names.
    Tuple(&'static [Describe]),
    /// Parts with names.
    Struct(Fields),
}

/// Collects the types that one method's signature reaches.
#[derive(Debug, Default)]
pub struct Types {
    nodes: Vec<Node>,
    seen: BTreeMap<Key, NodeId>,
    /// The newtypes that are being described, outermost first.
    passing: Vec<TypeId>,
}

/// What makes two types one node: types without parts are one if they have one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Type(TypeId),
    Leaf(String),
    Opaque(String),
    Included(NodeId),
}

impl Types {
    /// The id is known before the node is, so that the node may refer to itself. `fill` is no type parameter: this would be
    /// compiled anew for every type that is described.
    fn define(&mut self, key: Key, fill: &dyn Fn(&mut Types) -> Node) -> NodeId {
        if let Some(id) = self.seen.get(&key) {
            return *id;
        }
        let index = self.nodes.len();
        let id = NodeId(index as u32);
        self.nodes.push(Node::Leaf(String::new()));
        self.seen.insert(key, id);
        let node = fill(self);
        if let Some(place) = self.nodes.get_mut(index) {
            *place = node;
        }
        id
    }

    pub(super) fn composite(&mut self, key: TypeId, fill: &dyn Fn(&mut Types) -> Node) -> NodeId {
        self.define(Key::Type(key), fill)
    }

    /// A type without parts. Types of one name are one.
    pub fn leaf(&mut self, name: &str) -> NodeId {
        self.define(Key::Leaf(name.to_owned()), &|_| Node::Leaf(name.to_owned()))
    }

    /// A type whose structure is not known. Types of one name are taken for one.
    pub fn opaque(&mut self, name: &str) -> NodeId {
        self.define(Key::Opaque(name.to_owned()), &|_| Node::Opaque(name.to_owned()))
    }

    /// A structure with named fields; `key` is its own `TypeId`. Without fields it is the same as `()`.
    pub fn structure(&mut self, key: TypeId, name: &str, fields: Fields) -> NodeId {
        if fields.is_empty() {
            return self.leaf("()");
        }
        self.composite(key, &|types| Node::Struct { name: name.to_owned(), fields: types.fields(fields) })
    }

    /// A tuple or tuple structure; without parts it is the same as `()`.
    pub fn tuple(&mut self, key: TypeId, parts: &[Describe]) -> NodeId {
        if parts.is_empty() {
            return self.leaf("()");
        }
        self.composite(key, &|types| Node::Tuple(types.parts(parts)))
    }

    /// An enum, its variants in the order of their declaration.
    pub fn enumeration(
        &mut self,
        key: TypeId,
        name: &str,
        variants: &'static [(&'static str, Variant)],
    ) -> NodeId {
        self.composite(key, &|types| Node::Enum {
            name: name.to_owned(),
            variants: variants
                .iter()
                .map(|(name, variant)| ((*name).to_owned(), types.content(variant)))
                .collect(),
        })
    }

    /// A newtype, which looks on the wire as what it holds.
    ///
    /// `struct List(Option<Box<List>>)` comes back here once and then finds its `Option` described;
    /// `struct Endless(Box<Endless>)` would come back for ever, so the third time it is opaque.
    pub fn transparent(&mut self, key: TypeId, name: &str, inner: Describe) -> NodeId {
        if self.passing.iter().filter(|passing| **passing == key).count() > 1 {
            return self.opaque(name);
        }
        self.passing.push(key);
        let id = inner(self);
        self.passing.pop();
        id
    }

    fn parts(&mut self, parts: &[Describe]) -> Vec<NodeId> {
        parts.iter().map(|describe| describe(self)).collect()
    }

    fn fields(&mut self, fields: Fields) -> Vec<(String, NodeId)> {
        fields.iter().map(|(name, describe)| ((*name).to_owned(), describe(self))).collect()
    }

    /// Without parts, all variants are the same bytes: their number.
    fn content(&mut self, variant: &Variant) -> Content {
        match variant {
            Variant::Unit | Variant::Tuple([]) | Variant::Struct([]) => Content::Unit,
            Variant::Tuple(parts) => Content::Tuple(self.parts(parts)),
            Variant::Struct(fields) => Content::Struct(self.fields(fields)),
        }
    }

    /// A type that is described already, in a lock file's graph: `id` of `signature`. All that one `Types` includes is of one graph.
    pub fn include(&mut self, signature: &Signature, id: NodeId) -> NodeId {
        match signature.node(id) {
            Some(Node::Leaf(name)) => self.leaf(name),
            Some(Node::Opaque(name)) => self.opaque(name),
            Some(node) => self
                .define(Key::Included(id), &|types| node.mapped(&mut |part| types.include(signature, part))),
            None => self.opaque(""),
        }
    }

    /// The signature of a method with these arguments and this result, all of which were described here.
    pub fn signature(self, arguments: Vec<(String, NodeId)>, returns: NodeId) -> Signature {
        Signature { nodes: self.nodes.into(), arguments, returns }
    }

    /// The signatures of several methods, all of whose types were described here. They share their nodes.
    pub fn signatures(self, methods: Vec<(Vec<(String, NodeId)>, NodeId)>) -> Vec<Signature> {
        let nodes: Arc<[Node]> = self.nodes.into();
        let signature = |(arguments, returns)| Signature { nodes: nodes.clone(), arguments, returns };
        methods.into_iter().map(signature).collect()
    }

    /// All that was described here, as one graph.
    pub(crate) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }
}

/// Describes a type of another crate by a name alone: `#[rpc(opaque)]`, `#[schema(opaque)]`.
pub fn describe_opaque(types: &mut Types, name: &str) -> NodeId {
    types.opaque(name)
}
