//! The structure of one method.

use super::{Node, NodeId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most nodes that a signature from a peer may have.
pub const NODES_MAX: usize = 16 << 10;

/// The structure of a method's arguments and of its result. The methods of a service share their nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub(super) nodes: Arc<[Node]>,
    pub(super) arguments: Vec<(String, NodeId)>,
    pub(super) returns: NodeId,
}

impl Signature {
    pub(crate) fn new(nodes: Arc<[Node]>, arguments: Vec<(String, NodeId)>, returns: NodeId) -> Self {
        Self { nodes, arguments, returns }
    }

    /// Whether every reference leads to a node and there are at most [`NODES_MAX`] of them. To be asked of a signature
    /// that a peer sent, before anything else.
    pub fn is_sound(&self) -> bool {
        let known = |id: &NodeId| self.node(*id).is_some();
        self.nodes.len() <= NODES_MAX
            && self.arguments.iter().all(|(_, id)| known(id))
            && known(&self.returns)
            && self.nodes.iter().all(|node| node.references().iter().all(known))
    }

    /// The names and structures of the arguments, in order.
    pub fn arguments(&self) -> impl ExactSizeIterator<Item = (&str, NodeId)> {
        self.arguments.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The structure of the result.
    pub fn returns(&self) -> NodeId {
        self.returns
    }

    /// The node that an id of this signature refers to; `None` only in a signature that is not sound.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }
}
