//! The table of a service's methods, which the macro writes as a constant.

use crate::schema::{Describe, NodeId, Signature, Types};
use std::time::Duration;

/// A service: its name, its version, its methods.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// The name under which servers offer it.
    pub name: &'static str,
    /// Major and minor version. Majors must agree; any minor binds.
    pub version: (u16, u16),
    /// Its methods, in the order of the trait. A method's place here is its index on the wire.
    pub methods: &'static [Method],
}

/// A method of a service.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name in the trait.
    pub name: &'static str,
    /// The service's name, a dot, and its own: how errors and logs name it.
    pub path: &'static str,
    /// Whether it may run more than once for one call: then it is retried freely and never recorded.
    pub idempotent: bool,
    /// Whether its handler blocks, and therefore runs on the pool for such.
    pub blocking: bool,
    /// How long a call of it may take, unless the call says otherwise. `None` for the channel's default.
    pub timeout: Option<Duration>,
    /// The version of the service that it came with. `None` if it was there from the start.
    pub since: Option<(u16, u16)>,
    /// Its arguments, in order.
    pub arguments: &'static [Argument],
    /// Describes its result.
    pub returns: Describe,
}

/// An argument of a method.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name in the trait.
    pub name: &'static str,
    /// Describes its type.
    pub describe: Describe,
}

impl Descriptor {
    /// The structures of all methods' types, in the order of the methods; they share the types that they have in common.
    /// Made anew at each call of this.
    pub fn signatures(&self) -> Vec<Signature> {
        let mut types = Types::default();
        let methods = self.methods.iter().map(|method| method.describe(&mut types)).collect();
        types.signatures(methods)
    }
}

impl Method {
    /// The structure of the method's types, which is made anew at each call of this.
    pub fn signature(&self) -> Signature {
        let mut types = Types::default();
        let (arguments, returns) = self.describe(&mut types);
        types.signature(arguments, returns)
    }

    pub(crate) fn describe(&self, types: &mut Types) -> (Vec<(String, NodeId)>, NodeId) {
        let arguments = self.arguments.iter().map(|a| (a.name.to_owned(), (a.describe)(types))).collect();
        (arguments, (self.returns)(types))
    }

    /// The fingerprint of [`Method::signature`]: neither the method's name nor whether it is idempotent is in it.
    pub fn fingerprint(&self) -> u64 {
        self.signature().fingerprint()
    }
}
