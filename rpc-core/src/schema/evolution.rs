//! Methods that can be called although their types are not the same: one side has appended variants to an enum. A value of
//! such a variant is found in the payload, by walking it beside both structures.
//!
//! The walk is exact where it can see. Where it cannot (behind a type whose structure is not known, or too far on) it lets
//! the value pass: then whoever decodes it refuses it.

use super::difference::{Comparison, Side, Step, shown, written};
use super::{Content, Node, NodeId, Signature};
use crate::codec::{CodecId, Decoder, Malformed};
use crate::limits::NESTING_MAX;
use crate::service::Verdict;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Values that are looked at in the arguments of one call. It bounds the work of the engine.
const ARGUMENT_VALUES_MAX: usize = 1 << 16;

/// Values that are looked at in a result that could not be decoded.
const RESULT_VALUES_MAX: usize = 1 << 20;

/// A method whose two structures differ in appended variants alone.
#[derive(Debug)]
pub struct Evolution {
    here: Signature,
    there: Signature,
    address: Arc<str>,
    /// This side has variants that the other lacks, and the other way round.
    more_here: bool,
    more_there: bool,
}

/// A variant that one side has and the other does not.
#[derive(Debug, PartialEq)]
pub(crate) struct Unknown {
    /// The enum.
    pub(crate) name: String,
    /// The variant.
    pub(crate) variant: String,
    /// `argument 2 (section)`
    pub(crate) place: String,
    /// How many variants of the enum the other side knows.
    pub(crate) known: usize,
}

impl Evolution {
    /// `compared` has no differences. `address` is the server's.
    pub(crate) fn new(here: Signature, there: Signature, compared: &Comparison, address: &str) -> Self {
        let (more_here, more_there) = (compared.has_appended(Side::Here), compared.has_appended(Side::There));
        Self { here, there, address: address.into(), more_here, more_there }
    }

    /// The server.
    pub(crate) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// The first value among the arguments that the server does not know.
    pub(crate) fn unknown_argument(&self, payload: &[u8], codec: CodecId) -> Option<Unknown> {
        if !self.more_here {
            return None;
        }
        let from = Decoder::new(payload, codec);
        let mut walk = Walk { writer: &self.here, reader: &self.there, from, left: ARGUMENT_VALUES_MAX };
        let (mine, theirs) = (self.here.arguments(), self.there.arguments());
        for (index, ((name, x), (_, y))) in mine.zip(theirs).enumerate() {
            let place = Place { parent: None, step: Step::Argument(index + 1, name), depth: 0 };
            if let Err(stop) = walk.value(&place, x, y) {
                return stop.unknown();
            }
        }
        None
    }

    /// The first value in a reply that this client does not know.
    pub(crate) fn unknown_result(&self, verdict: Verdict, payload: &[u8], codec: CodecId) -> Option<Unknown> {
        if !self.more_there {
            return None;
        }
        let (mine, theirs) = (self.here.node(self.here.returns), self.there.node(self.there.returns));
        let (step, x, y) = match (mine, theirs, verdict) {
            (Some(Node::Result(y, _)), Some(Node::Result(x, _)), Verdict::Ok) => (Step::Result, *x, *y),
            (Some(Node::Result(_, y)), Some(Node::Result(_, x)), Verdict::Application) => {
                (Step::Error, *x, *y)
            }
            _ => (Step::Result, self.there.returns, self.here.returns),
        };
        let from = Decoder::new(payload, codec);
        let mut walk = Walk { writer: &self.there, reader: &self.here, from, left: RESULT_VALUES_MAX };
        walk.value(&Place { parent: None, step, depth: 0 }, x, y).err()?.unknown()
    }
}

/// Where a value is, as links to where it is held.
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
    depth: usize,
}

impl Place<'_> {
    fn within<'b>(&'b self, step: Step<'b>) -> Place<'b> {
        Place { parent: Some(self), step, depth: self.depth + 1 }
    }

    fn written(&self) -> String {
        let (mut steps, mut at) = (vec![self.step], self.parent);
        while let Some(place) = at {
            steps.push(place.step);
            at = place.parent;
        }
        steps.reverse();
        written(&steps).trim_start_matches(": ").to_owned()
    }
}

/// Why a walk ends early.
enum Stop {
    Unknown(Box<Unknown>),
    /// It does not see what comes next.
    Blind,
}

impl Stop {
    fn unknown(self) -> Option<Unknown> {
        match self {
            Stop::Unknown(unknown) => Some(*unknown),
            Stop::Blind => None,
        }
    }
}

impl From<Malformed> for Stop {
    fn from(_: Malformed) -> Self {
        Stop::Blind
    }
}

/// The payload beside the structure that it was written by and the one that it will be read by.
struct Walk<'a, 'de> {
    writer: &'a Signature,
    reader: &'a Signature,
    from: Decoder<'de>,
    /// Values that may still be looked at. A peer may have written structure and payload.
    left: usize,
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self, place: &Place<'_>, x: NodeId, y: NodeId) -> Result<(), Stop> {
        self.left = self.left.checked_sub(1).filter(|_| place.depth <= NESTING_MAX).ok_or(Stop::Blind)?;
        match (self.writer.node(x), self.reader.node(y)) {
            (Some(Node::Leaf(name)), Some(Node::Leaf(_))) => self.leaf(name),
            (Some(Node::Option(x)), Some(Node::Option(y))) => match self.read::<u8>()? {
                0 => Ok(()),
                _ => self.value(&place.within(Step::Some), *x, *y),
            },
            (Some(Node::Seq(x)), Some(Node::Seq(y))) => self.elements(place, *x, *y),
            (Some(Node::Array(x, length)), Some(Node::Array(y, _))) => {
                (0..*length).try_for_each(|_| self.value(&place.within(Step::Element), *x, *y))
            }
            (Some(Node::Map(k, v)), Some(Node::Map(l, w))) => {
                for _ in 0..self.read::<u64>()? {
                    self.value(&place.within(Step::Key), *k, *l)?;
                    self.value(&place.within(Step::Value), *v, *w)?;
                }
                Ok(())
            }
            (Some(Node::Tuple(x)), Some(Node::Tuple(y))) => self.unnamed(place, x, y),
            (Some(Node::Struct { fields: x, .. }), Some(Node::Struct { fields: y, .. })) => {
                self.named(place, x, y)
            }
            (Some(Node::Enum { name, variants: x }), Some(Node::Enum { variants: y, .. })) => {
                self.variant(place, name, x, y)
            }
            (Some(Node::Result(x, e)), Some(Node::Result(y, f))) => match self.read::<u32>()? {
                0 => self.value(&place.within(Step::Named("Ok")), *x, *y),
                _ => self.value(&place.within(Step::Named("Err")), *e, *f),
            },
            _ => Err(Stop::Blind),
        }
    }

    fn elements(&mut self, place: &Place<'_>, x: NodeId, y: NodeId) -> Result<(), Stop> {
        if matches!(self.writer.node(x), Some(Node::Leaf(name)) if name == "u8") {
            self.from.bytes()?;
            return Ok(());
        }
        (0..self.read::<u64>()?).try_for_each(|_| self.value(&place.within(Step::Element), x, y))
    }

    fn unnamed(&mut self, place: &Place<'_>, x: &[NodeId], y: &[NodeId]) -> Result<(), Stop> {
        let mut pairs = x.iter().zip(y).enumerate();
        pairs.try_for_each(|(index, (x, y))| self.value(&place.within(Step::Part(index)), *x, *y))
    }

    fn named(
        &mut self,
        place: &Place<'_>,
        x: &[(String, NodeId)],
        y: &[(String, NodeId)],
    ) -> Result<(), Stop> {
        let mut pairs = x.iter().zip(y);
        pairs.try_for_each(|((name, x), (_, y))| self.value(&place.within(Step::Named(name)), *x, *y))
    }

    fn variant(
        &mut self,
        place: &Place<'_>,
        name: &str,
        x: &'a [(String, Content)],
        y: &'a [(String, Content)],
    ) -> Result<(), Stop> {
        let index = self.read::<u32>()? as usize;
        let Some((variant, content)) = x.get(index) else { return Err(Stop::Blind) };
        let Some((_, other)) = y.get(index) else {
            let (name, variant, known) = (shown(name), shown(variant), y.len());
            return Err(Stop::Unknown(Box::new(Unknown { name, variant, place: place.written(), known })));
        };
        let inside = place.within(Step::Named(variant));
        match (content, other) {
            (Content::Unit, Content::Unit) => Ok(()),
            (Content::Tuple(x), Content::Tuple(y)) => match (&x[..], &y[..]) {
                ([x], [y]) => self.value(&inside, *x, *y),
                _ => self.unnamed(&inside, x, y),
            },
            (Content::Struct(x), Content::Struct(y)) => self.named(&inside, x, y),
            _ => Err(Stop::Blind),
        }
    }

    fn read<T: DeserializeOwned>(&mut self) -> Result<T, Stop> {
        Ok(self.from.plain()?)
    }

    fn skip<T: DeserializeOwned>(&mut self) -> Result<(), Stop> {
        self.read::<T>().map(drop)
    }

    /// Passes over a value of a type without parts, which is known by its name.
    fn leaf(&mut self, name: &str) -> Result<(), Stop> {
        use std::net::*;
        match name {
            "()" => Ok(()),
            "bool" => self.skip::<bool>(),
            "char" => self.skip::<char>(),
            "String" | "CString" | "PathBuf" => Ok(self.from.bytes().map(drop)?),
            "u8" | "NonZeroU8" => self.skip::<u8>(),
            "u16" | "NonZeroU16" => self.skip::<u16>(),
            "u32" | "NonZeroU32" => self.skip::<u32>(),
            "u64" | "NonZeroU64" => self.skip::<u64>(),
            "u128" | "NonZeroU128" => self.skip::<u128>(),
            "i8" | "NonZeroI8" => self.skip::<i8>(),
            "i16" | "NonZeroI16" => self.skip::<i16>(),
            "i32" | "NonZeroI32" => self.skip::<i32>(),
            "i64" | "NonZeroI64" => self.skip::<i64>(),
            "i128" | "NonZeroI128" => self.skip::<i128>(),
            "f32" => self.skip::<f32>(),
            "f64" => self.skip::<f64>(),
            // seconds and nanoseconds, both
            "Duration" | "SystemTime" => self.skip::<(u64, u32)>(),
            "IpAddr" => self.skip::<IpAddr>(),
            "Ipv4Addr" => self.skip::<Ipv4Addr>(),
            "Ipv6Addr" => self.skip::<Ipv6Addr>(),
            "SocketAddr" => self.skip::<SocketAddr>(),
            "SocketAddrV4" => self.skip::<SocketAddrV4>(),
            "SocketAddrV6" => self.skip::<SocketAddrV6>(),
            _ => Err(Stop::Blind),
        }
    }
}
