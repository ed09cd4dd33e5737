//! Methods that can be called although their types are not the same: one side has appended variants to an enum. A value of
//! such a variant is found in the payload, by walking it beside both structures.
//!
//! The walk is exact where it can see. Where it cannot (behind a type whose structure is not known, or too far on) it lets
//! the value pass: then whoever decodes it refuses it.

use super::difference::{Comparison, Side, Step, shown, written};
use super::{Content, Node, NodeId, Signature};
use crate::codec::{Coding, Decoder, Malformed};
use crate::service::Verdict;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Values that are looked at in the arguments of one call. It bounds the work of the engine.
const ARGUMENT_VALUES_MAX: usize = 1 << 14;

/// Values that are looked at in a result that could not be decoded.
const RESULT_VALUES_MAX: usize = 1 << 20;

/// Levels of nesting that are looked at: the walk is recursive.
const DEPTH_MAX: usize = 128;

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

/// A value of a variant that one side has and the other does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariant {
    /// The enum.
    pub name: String,
    /// The variant.
    pub variant: String,
    /// Where the value is: `argument 2 (section)`, `result.seats[]`, `error`.
    pub place: String,
    /// How many variants of the enum the other side knows.
    pub known: usize,
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
    pub(crate) fn unknown_argument(&self, payload: &[u8], coding: Coding) -> Option<Box<UnknownVariant>> {
        if !self.more_here {
            return None;
        }
        let from = Decoder::new(payload, coding);
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
    pub(crate) fn unknown_result(
        &self,
        verdict: Verdict,
        payload: &[u8],
        coding: Coding,
    ) -> Option<Box<UnknownVariant>> {
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
        let from = Decoder::new(payload, coding);
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
    Unknown(Box<UnknownVariant>),
    /// It does not see what comes next.
    Blind,
}

impl Stop {
    fn unknown(self) -> Option<Box<UnknownVariant>> {
        match self {
            Stop::Unknown(unknown) => Some(unknown),
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
        self.left = self.left.checked_sub(1).filter(|_| place.depth <= DEPTH_MAX).ok_or(Stop::Blind)?;
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
            let place = place.written();
            return Err(Stop::Unknown(Box::new(UnknownVariant { name, variant, place, known })));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CodecId, Encoder};
    use crate::schema::{Describe, Schema, Types, Variant};
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use std::any::TypeId;
    use std::collections::BTreeMap;

    /// The writer knows three variants, the reader the first two of them.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Shape {
        Empty,
        Many(Vec<Shape>),
        Third(u8),
    }
    struct Fewer;

    impl Schema for Shape {
        type Kind = crate::service::Plain;

        fn describe(types: &mut Types) -> NodeId {
            types.enumeration(
                TypeId::of::<Self>(),
                "Shape",
                const {
                    &[
                        ("Empty", Variant::Unit),
                        ("Many", Variant::Tuple(&[<Vec<Shape> as Schema>::describe])),
                        ("Third", Variant::Tuple(&[<u8 as Schema>::describe])),
                    ]
                },
            )
        }
    }

    impl Fewer {
        fn describe(types: &mut Types) -> NodeId {
            fn many(types: &mut Types) -> NodeId {
                types.composite(TypeId::of::<Vec<Fewer>>(), &|types| Node::Seq(Fewer::describe(types)))
            }
            types.enumeration(
                TypeId::of::<Self>(),
                "Shape",
                const { &[("Empty", Variant::Unit), ("Many", Variant::Tuple(&[many as Describe]))] },
            )
        }
    }

    fn signature(describe: &[Describe]) -> Signature {
        let mut types = Types::default();
        let arguments = describe.iter().map(|describe| ("a".to_owned(), describe(&mut types))).collect();
        let unit = <()>::describe(&mut types);
        types.signature(arguments, unit)
    }

    fn evolved(before: &[Describe]) -> Evolution {
        let (here, there) = (
            signature(&[before, &[Shape::describe as Describe]].concat()),
            signature(&[before, &[Fewer::describe as Describe]].concat()),
        );
        let compared = here.compare(&there, "m");
        assert_eq!(compared.differences, []);
        Evolution::new(here, there, &compared, "hall:7000")
    }

    fn found(evolution: &Evolution, write: impl Fn(&mut Encoder<'_>), shape: &Shape) -> Option<String> {
        let mut all = CodecId::AVAILABLE.iter().map(|codec| {
            let mut payload = Vec::new();
            let mut encoder = Encoder::new(&mut payload, *codec);
            write(&mut encoder);
            encoder.value(shape).expect("it can be written");
            evolution.unknown_argument(&payload, (*codec).into()).map(|unknown| {
                assert_eq!((&*unknown.name, &*unknown.variant, unknown.known), ("Shape", "Third", 2));
                unknown.place
            })
        });
        let first = all.next().expect("a codec");
        assert!(all.all(|other| other == first), "the codecs do not agree");
        first
    }

    macro_rules! passed_over {
        ($($value:expr => $type:ty;)*) => { $(
            let evolution = evolved(&[<$type as Schema>::describe as Describe]);
            let value: $type = $value;
            let write = |out: &mut Encoder<'_>| out.value(&value).expect("it can be written");
            let name = stringify!($value);
            assert_eq!(found(&evolution, write, &Shape::Third(1)).as_deref(), Some("argument 2 (a)"), "{name}");
            assert_eq!(found(&evolution, write, &Shape::Empty), None, "{name}");
        )* };
    }

    #[test]
    #[allow(clippy::disallowed_types)] // values, not a clock
    fn values_of_all_kinds_are_passed_over() {
        use std::time::{Duration, SystemTime};
        passed_over! {
            () => ();
            true => bool;
            'ü' => char;
            "ü".to_owned() => String;
            c"abc".to_owned() => std::ffi::CString;
            "/a/b".into() => std::path::PathBuf;
            250 => u8; 300 => u16; 70_000 => u32; u64::MAX => u64; u128::MAX => u128; 9 => usize;
            -100 => i8; -300 => i16; -70_000 => i32; i64::MIN => i64; i128::MIN => i128; -9 => isize;
            1.5 => f32; 1.5 => f64;
            std::num::NonZeroU64::MAX => std::num::NonZeroU64;
            Duration::new(300, 7) => Duration;
            SystemTime::UNIX_EPOCH + Duration::new(1 << 40, 9) => SystemTime;
            "10.0.0.7".parse().expect("an address") => std::net::IpAddr;
            "::1".parse().expect("an address") => std::net::Ipv6Addr;
            "10.0.0.7:7000".parse().expect("an address") => std::net::SocketAddr;
            "[::1]:7000".parse().expect("an address") => std::net::SocketAddrV6;
            vec![1, 2, 3] => Vec<u8>;
            vec![-1, 300] => Vec<i32>;
            [1, 300, 70_000] => [u64; 3];
            (1, "x".to_owned(), Some(2)) => (u16, String, Option<u8>);
            None => Option<u8>;
            Err("no".to_owned()) => Result<u8, String>;
            Ok(3) => Result<u8, String>;
            BTreeMap::from([(1, vec![Some(1)]), (500, vec![])]) => BTreeMap<u16, Vec<Option<u32>>>;
            std::ops::Bound::Excluded(7) => std::ops::Bound<u32>;
            1..=300 => std::ops::RangeInclusive<u32>;
        }
    }

    #[test]
    fn behind_a_type_without_a_structure_nothing_is_seen() {
        fn opaque(types: &mut Types) -> NodeId {
            types.opaque("Foreign")
        }
        let evolution = evolved(&[opaque]);
        let write = |out: &mut Encoder<'_>| out.value(&7_u8).expect("a number");
        assert_eq!(found(&evolution, write, &Shape::Third(1)), None);
    }

    #[test]
    fn no_more_values_are_looked_at_than_are_allowed() {
        let shape = |many| Shape::Many([vec![Shape::Empty; many], vec![Shape::Third(1)]].concat());
        let place = found(&evolved(&[]), |_| (), &shape(ARGUMENT_VALUES_MAX / 2));
        assert_eq!(place.as_deref(), Some("argument 1 (a).Many[]"));
        assert_eq!(found(&evolved(&[]), |_| (), &shape(ARGUMENT_VALUES_MAX)), None);
    }

    #[test]
    fn a_payload_that_claims_more_than_it_holds_ends_the_walk() {
        let evolution = evolved(&[<Vec<()> as Schema>::describe as Describe]);
        let claim = |out: &mut Encoder<'_>| out.value(&u64::MAX).expect("a number");
        assert_eq!(found(&evolution, claim, &Shape::Third(1)), None);
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let leaf = prop_oneof![9 => Just(Shape::Empty), 1 => any::<u8>().prop_map(Shape::Third)];
        leaf.prop_recursive(5, 40, 6, |inner| proptest::collection::vec(inner, 0..6).prop_map(Shape::Many))
    }

    fn has_third(shape: &Shape) -> bool {
        match shape {
            Shape::Empty => false,
            Shape::Many(all) => all.iter().any(has_third),
            Shape::Third(_) => true,
        }
    }

    proptest! {
        #[test]
        fn exactly_the_values_with_a_variant_that_is_not_known_are_found(shape in shapes()) {
            prop_assert_eq!(found(&evolved(&[]), |_| (), &shape).is_some(), has_third(&shape));
        }

        #[test]
        fn any_bytes_end_the_walk(payload: Vec<u8>) {
            for codec in CodecId::AVAILABLE {
                evolved(&[<Vec<String> as Schema>::describe as Describe]).unknown_argument(&payload, (*codec).into());
            }
        }
    }
}
