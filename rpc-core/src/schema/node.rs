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
        let named = |fields: &[(String, NodeId)]| fields.iter().map(|(_, id)| *id).collect();
        match self {
            Node::Leaf(_) | Node::Opaque(_) => Vec::new(),
            Node::Option(inner) | Node::Seq(inner) | Node::Array(inner, _) => vec![*inner],
            Node::Map(key, value) => vec![*key, *value],
            Node::Tuple(parts) => parts.clone(),
            Node::Struct { fields, .. } => named(fields),
            Node::Enum { variants, .. } => variants
                .iter()
                .flat_map(|(_, content)| match content {
                    Content::Unit => Vec::new(),
                    Content::Tuple(parts) => parts.clone(),
                    Content::Struct(fields) => named(fields),
                })
                .collect(),
        }
    }
}
