//! Names and types in the words of a difference.

use super::difference::{Step, shown};
use super::{Content, Node, NodeId, Signature};
use std::collections::BTreeMap;

/// Names in the words on another order.
const ORDER_MAX: usize = 6;

/// What has a name: an argument or field, or a variant.
pub(super) trait Part {
    /// What stands in this place of its list.
    fn title(&self, signature: &Signature, index: usize) -> String;
}

impl Part for NodeId {
    fn title(&self, signature: &Signature, _: usize) -> String {
        title(signature, *self)
    }
}

impl Part for Content {
    fn title(&self, _: &Signature, index: usize) -> String {
        format!("variant {}", index + 1)
    }
}

/// Of what a list of names is.
#[derive(Clone, Copy)]
pub(super) enum List {
    Arguments,
    Fields,
    Variants,
}

impl List {
    pub(super) fn word(self) -> &'static str {
        match self {
            List::Arguments => "argument",
            List::Fields => "field",
            List::Variants => "variant",
        }
    }

    pub(super) fn step(self, index: usize, name: &str) -> Step<'_> {
        match self {
            List::Arguments => Step::Argument(index + 1, name),
            List::Fields | List::Variants => Step::Named(name),
        }
    }
}

/// Where each name stands.
pub(super) fn places<T>(list: &[(String, T)]) -> BTreeMap<&str, usize> {
    list.iter().enumerate().map(|(index, (name, _))| (name.as_str(), index)).collect()
}

/// Those of the names that stand in another order, in both orders.
pub(super) fn in_order(mine: &[&str], other: &[&str]) -> (String, String) {
    let moved: Vec<(&str, &str)> =
        mine.iter().copied().zip(other.iter().copied()).filter(|(a, b)| a != b).collect();
    let words = |of: fn(&(&str, &str)) -> String| {
        let all: Vec<String> = moved.iter().take(ORDER_MAX).map(of).collect();
        format!("{}{}", all.join(" before "), if moved.len() > ORDER_MAX { " .." } else { "" })
    };
    (words(|(name, _)| shown(name)), words(|(_, name)| shown(name)))
}

pub(super) fn kind(content: &Content) -> &'static str {
    match content {
        Content::Unit => "no content",
        Content::Tuple(_) => "unnamed fields",
        Content::Struct(_) => "named fields",
    }
}

/// A type in the words of a person.
pub(super) fn title(signature: &Signature, id: NodeId) -> String {
    let short = |id: &NodeId| match signature.node(*id) {
        Some(Node::Leaf(name) | Node::Opaque(name) | Node::Struct { name, .. } | Node::Enum { name, .. }) => {
            shown(name)
        }
        Some(Node::Option(_)) => "Option<..>".into(),
        Some(Node::Seq(_)) => "Vec<..>".into(),
        Some(Node::Result(..)) => "Result<..>".into(),
        _ => "..".into(),
    };
    match signature.node(id) {
        Some(Node::Leaf(name)) => shown(name),
        Some(Node::Opaque(name)) => format!("opaque {}", shown(name)),
        Some(Node::Option(inner)) => format!("Option<{}>", short(inner)),
        Some(Node::Seq(inner)) => format!("Vec<{}>", short(inner)),
        Some(Node::Map(key, value)) => format!("Map<{}, {}>", short(key), short(value)),
        Some(Node::Tuple(parts)) => format!("a tuple of {}", parts.len()),
        Some(Node::Array(inner, length)) => format!("[{}; {length}]", short(inner)),
        Some(Node::Struct { name, .. }) => format!("struct {}", shown(name)),
        Some(Node::Enum { name, .. }) => format!("enum {}", shown(name)),
        Some(Node::Result(ok, error)) => format!("Result<{}, {}>", short(ok), short(error)),
        None => "an unknown type".into(),
    }
}
