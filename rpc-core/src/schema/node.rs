//! The graph that describes types.

use serde::{Deserialize, Serialize};

/// Refers to a [`Node`] of the same signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// The id of the node at this place of its graph.
    pub(crate) fn at(index: usize) -> Self {
        Self(index as u32)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The structure of one type. Two nodes describe the same bytes if they are equal but for the names of types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A type without parts: `u32`, `String`, `Duration`. Compared by name.
    Leaf(String),
    /// A type whose structure is not known. Compared by name.
    Opaque(String),
    /// A value or none.
    Option(NodeId),
    /// Any number of elements.
    Seq(NodeId),
    /// Any number of keys with their values.
    Map(NodeId, NodeId),
    /// Parts without names: tuples and tuple structures.
    Tuple(Vec<NodeId>),
    /// So many elements.
    Array(NodeId, u64),
    /// Parts with names.
    Struct {
        /// The name of the type, which is not compared.
        name: String,
        /// Its fields, in the order of the wire.
        fields: Vec<(String, NodeId)>,
    },
    /// One of several contents.
    Enum {
        /// The name of the type, which is not compared.
        name: String,
        /// Its variants, in the order of the wire.
        variants: Vec<(String, Content)>,
    },
    /// A value or an error. A kind of its own: as a method's result it is written in another way than an enum, because the
    /// frame says which of the two it is.
    Result(NodeId, NodeId),
}

/// What a variant of an enum holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Nothing.
    Unit,
    /// Parts without names.
    Tuple(Vec<NodeId>),
    /// Parts with names.
    Struct(Vec<(String, NodeId)>),
}

impl Node {
    /// Everything that this node refers to, in order.
    pub(crate) fn references(&self) -> Vec<NodeId> {
        let mut all = Vec::new();
        self.mapped(&mut |id| {
            all.push(id);
            id
        });
        all
    }

    /// The same node with other references, which are asked for in order.
    pub(super) fn mapped(&self, to: &mut impl FnMut(NodeId) -> NodeId) -> Node {
        match self {
            Node::Leaf(name) => Node::Leaf(name.clone()),
            Node::Opaque(name) => Node::Opaque(name.clone()),
            Node::Option(inner) => Node::Option(to(*inner)),
            Node::Seq(inner) => Node::Seq(to(*inner)),
            Node::Map(key, value) => Node::Map(to(*key), to(*value)),
            Node::Tuple(parts) => Node::Tuple(parts.iter().map(|id| to(*id)).collect()),
            Node::Array(inner, length) => Node::Array(to(*inner), *length),
            Node::Struct { name, fields } => Node::Struct { name: name.clone(), fields: named(fields, to) },
            Node::Enum { name, variants } => {
                let each = |(name, content): &(String, Content)| {
                    let content = match content {
                        Content::Unit => Content::Unit,
                        Content::Tuple(parts) => Content::Tuple(parts.iter().map(|id| to(*id)).collect()),
                        Content::Struct(fields) => Content::Struct(named(fields, to)),
                    };
                    (name.clone(), content)
                };
                Node::Enum { name: name.clone(), variants: variants.iter().map(each).collect() }
            }
            Node::Result(ok, error) => Node::Result(to(*ok), to(*error)),
        }
    }
}

fn named(fields: &[(String, NodeId)], to: &mut impl FnMut(NodeId) -> NodeId) -> Vec<(String, NodeId)> {
    fields.iter().map(|(name, id)| (name.clone(), to(*id))).collect()
}
