//! The short form of a signature.

use super::{Content, Node, NodeId, Signature};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// The version of the canonical form below. Another one would make all fingerprints differ, which costs a look at the
/// structures and nothing else.
const FORM: u8 = 1;

impl Signature {
    /// The xxh3-64 (seed 0) of the signature's canonical form. Names of types are left out, since renaming a type is
    /// harmless; names of arguments, fields and variants are in.
    ///
    /// Equal prints mean equal structures. Unequal prints may still be one structure that is spread over types in
    /// another way; then [`Signature::differences`] finds nothing, and the method is usable.
    ///
    /// The canonical form: the byte 1; the number of arguments, and for each its name and its reference; the reference of
    /// the result; then the nodes in the order in which they are first referred to. A reference is the place of the
    /// node in that order. Numbers are `u32`, little endian; a name is its length and its bytes. A node is a byte for its
    /// kind and then: leaf (1) and opaque (2) their name; option (3) and sequence (4) a reference; map (5) two; tuple (6)
    /// a number and as many references; struct (7) a number and as many names with references; enum (8) a number and
    /// as many names, each with its content: 0 for none, or as tuple or struct; array (9) a reference and its length as
    /// `u64`; result (10) two references.
    pub fn fingerprint(&self) -> u64 {
        xxh3_64(&self.canonical_form())
    }

    pub(super) fn canonical_form(&self) -> Vec<u8> {
        let mut form = Form { bytes: vec![FORM], places: BTreeMap::new(), order: Vec::new() };
        form.named(&self.arguments);
        form.reference(self.returns);
        // Writing a node may append to the order: this is a walk in breadth, and each node is in it once.
        let mut next = 0;
        while let Some(id) = form.order.get(next) {
            if let Some(node) = self.node(*id) {
                form.node(node);
            }
            next += 1;
        }
        form.bytes
    }
}

struct Form {
    bytes: Vec<u8>,
    places: BTreeMap<NodeId, u32>,
    order: Vec<NodeId>,
}

impl Form {
    fn number(&mut self, number: usize) {
        self.bytes.extend_from_slice(&(number as u32).to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        self.number(name.len());
        self.bytes.extend_from_slice(name.as_bytes());
    }

    fn reference(&mut self, id: NodeId) {
        let place = *self.places.entry(id).or_insert_with(|| {
            self.order.push(id);
            self.order.len() as u32 - 1
        });
        self.bytes.extend_from_slice(&place.to_le_bytes());
    }

    fn unnamed(&mut self, parts: &[NodeId]) {
        self.number(parts.len());
        parts.iter().for_each(|id| self.reference(*id));
    }

    fn named(&mut self, parts: &[(String, NodeId)]) {
        self.number(parts.len());
        for (name, id) in parts {
            self.name(name);
            self.reference(*id);
        }
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Unit => self.bytes.push(0),
            Content::Tuple(parts) => {
                self.bytes.push(6);
                self.unnamed(parts);
            }
            Content::Struct(fields) => {
                self.bytes.push(7);
                self.named(fields);
            }
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Leaf(name) => {
                self.bytes.push(1);
                self.name(name);
            }
            Node::Opaque(name) => {
                self.bytes.push(2);
                self.name(name);
            }
            Node::Option(inner) => {
                self.bytes.push(3);
                self.reference(*inner);
            }
            Node::Seq(inner) => {
                self.bytes.push(4);
                self.reference(*inner);
            }
            Node::Map(key, value) => {
                self.bytes.push(5);
                self.reference(*key);
                self.reference(*value);
            }
            Node::Tuple(parts) => {
                self.bytes.push(6);
                self.unnamed(parts);
            }
            Node::Struct { fields, .. } => {
                self.bytes.push(7);
                self.named(fields);
            }
            Node::Enum { variants, .. } => {
                self.bytes.push(8);
                self.number(variants.len());
                for (name, content) in variants {
                    self.name(name);
                    self.content(content);
                }
            }
            Node::Array(inner, length) => {
                self.bytes.push(9);
                self.reference(*inner);
                self.bytes.extend_from_slice(&length.to_le_bytes());
            }
            Node::Result(ok, error) => {
                self.bytes.push(10);
                self.reference(*ok);
                self.reference(*error);
            }
        }
    }
}
