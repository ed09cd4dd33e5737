//! The lock file: what clients and servers of a service agreed on, as a text to be committed, and what a change of the
//! trait does to those that are already deployed.
//!
//! ```text
//! service BoxOffice 1.1
//!
//! fn free_seats(section: Section) -> u32, idempotent
//! fn sell(order: u64, section: Section, holder: String) -> Result<Ticket, Refused>
//! fn refund(ticket: Ticket) -> Result<(), Refused>, since 1.1
//!
//! enum Refused {
//!     SoldOut,
//! }
//! ..
//! ```
//!
//! One line a method, in the order of the trait, then the types, in the order of their names. A type is `()`, a name of
//! [`LEAVES`](crate::schema::LEAVES), `Option<T>`, `Vec<T>`, `Map<K, V>`, `Result<T, E>`, `(T, U)`, `[T; 4]`,
//! `opaque "Name"`, `leaf "Name"`, or the name of a type below; the second type of a name is `Name#2`. `type Name = ..`
//! stands for a type without a name that holds itself. Names that are not words stand in quotation marks. Lines that
//! begin with `#` are comments, which are kept when the file is written anew; those with `##` are written every time.

mod changes;
mod parse;
mod salvage;
#[cfg(test)]
mod tests;
mod tokens;
mod write;

pub use changes::{Change, Changes, Effect, Other};
pub use parse::Damaged;

use crate::schema::{Node, NodeId, Signature, Types};
use crate::service::Descriptor;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What clients and servers of one service agree on: the content of a lock file.
///
/// [`Lock::of`] makes it of a trait, [`Lock::parse`] of a text; `Display` writes the text. Documentation, timeouts and
/// whether a handler blocks are not in it: they do not cross the wire.
#[derive(Clone, Debug)]
pub struct Lock {
    service: String,
    version: (u16, u16),
    methods: Vec<Method>,
    /// The types of all methods, in one graph.
    nodes: Arc<[Node]>,
    /// A person's comments, by what stands below them.
    comments: BTreeMap<String, Vec<String>>,
}

/// One method.
#[derive(Clone, Debug)]
struct Method {
    name: String,
    idempotent: bool,
    since: Option<(u16, u16)>,
    arguments: Vec<(String, NodeId)>,
    returns: NodeId,
}

impl Lock {
    /// What the trait says now.
    pub fn of(service: &Descriptor) -> Self {
        let mut types = Types::default();
        let mut methods = Vec::new();
        for method in service.methods {
            let (arguments, returns) = method.describe(&mut types);
            let (name, idempotent, since) = (method.name.to_owned(), method.idempotent, method.since);
            methods.push(Method { name, idempotent, since, arguments, returns });
        }
        Self {
            service: service.name.to_owned(),
            version: service.version,
            methods,
            nodes: types.into_nodes().into(),
            comments: BTreeMap::new(),
        }
    }

    /// Takes over the comments of a file that is to be written anew.
    #[must_use]
    pub fn with_comments_of(mut self, older: Lock) -> Self {
        self.comments = older.comments;
        self
    }

    /// The service's name on the wire.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Major and minor version of the service.
    pub fn version(&self) -> (u16, u16) {
        self.version
    }

    /// The methods' names, in order, each with the structure of its types.
    pub fn signatures(&self) -> impl Iterator<Item = (&str, Signature)> {
        self.methods.iter().map(|method| (method.name.as_str(), self.signature(method)))
    }

    /// Whether the method may run more than once for one call. `None`: there is no such method.
    pub fn is_idempotent(&self, method: &str) -> Option<bool> {
        self.methods.iter().find(|one| one.name == method).map(|one| one.idempotent)
    }

    fn signature(&self, method: &Method) -> Signature {
        Signature::new(self.nodes.clone(), method.arguments.clone(), method.returns)
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }
}
