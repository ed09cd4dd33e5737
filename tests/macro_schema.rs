//! `#[derive(Schema)]` describes what serde writes: what differs on the wire differs here, and nothing else does.

use carnegie::__private::{Describe, Types};
use carnegie::Schema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// Where two types differ as the argument `x` of a method `m`.
fn difference<A: Schema, B: Schema>() -> Option<String> {
    let signature = |describe: Describe| {
        let mut types = Types::default();
        let arguments = vec![("x".to_owned(), describe(&mut types))];
        let returns = <()>::describe(&mut types);
        types.signature(arguments, returns)
    };
    signature(A::describe).difference(&signature(B::describe), "m").map(|found| found.to_string())
}

/// What is written of an `A`, read as a `B`.
fn reread<A: Schema, B: Schema>(value: &A) -> B {
    let mut bytes = Vec::new();
    bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard()).unwrap();
    let (value, read) = bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).unwrap();
    assert_eq!(read, bytes.len());
    value
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Seat(u32);

#[test]
fn fields_and_variants_differ_by_name_type_and_order() {
    macro_rules! versions {
        ($($module:ident: $item:item)*) => { $(mod $module {
            #[derive(serde::Serialize, serde::Deserialize, carnegie::Schema)]
            $item
        })* };
    }
    versions! {
        a: pub(super) struct T { x: u8, y: u8 }
        b: pub(super) struct T { x: u8, y: u16 }
        c: pub(super) struct T { y: u8, x: u8 }
        d: pub(super) struct T(u8, u8);
        e: pub(super) enum E { A, B(u8), C { x: u8 } }
        f: pub(super) enum E { A, B(u8), C { x: i8 } }
        g: pub(super) enum E { A, C { x: u8 } }
        h: pub(super) struct Renamed { x: u8, y: u8 }
    }
    assert!(difference::<a::T, b::T>().is_some_and(|d| d.contains(".y: u8 here, u16 there")));
    assert!(difference::<a::T, c::T>().is_some_and(|d| d.contains("x before y here, y before x there")));
    assert!(difference::<a::T, d::T>().is_some());
    assert!(difference::<e::E, f::E>().is_some_and(|d| d.contains(".C.x: u8 here, i8 there")));
    assert!(difference::<e::E, g::E>().is_some_and(|d| d.contains(".B: variant 2 here, nothing there")));
    assert!(difference::<a::T, e::E>().is_some());
    assert_eq!(difference::<a::T, h::Renamed>(), None);
}

#[test]
fn a_newtype_is_what_it_holds() {
    #[derive(Debug, Serialize, Deserialize, Schema)]
    #[serde(transparent)]
    struct Wrapped {
        inner: Seat,
        #[serde(skip)]
        cache: Option<Duration>,
    }
    assert_eq!(difference::<Seat, u32>(), None);
    assert_eq!(difference::<Wrapped, u32>(), None);
    let wrapped: Wrapped = reread(&300_u32);
    assert_eq!((wrapped.inner, wrapped.cache), (Seat(300), None));
}

#[derive(Serialize, Deserialize, Schema)]
struct Tree {
    value: u32,
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}
#[derive(Serialize, Deserialize, Schema)]
enum Even {
    Zero,
    More(Box<Odd>),
}
#[derive(Serialize, Deserialize, Schema)]
struct Odd {
    less: Even,
}
#[derive(Serialize, Deserialize, Schema)]
struct List(Option<Box<List>>);
#[derive(Serialize, Deserialize, Schema)]
struct Endless(Box<Endless>);
#[derive(Serialize, Deserialize, Schema)]
struct Generic<T, const N: usize>
where
    T: Clone,
{
    value: T,
    next: Option<Box<Generic<T, N>>>,
    named: BTreeMap<String, Vec<T>>,
}

#[test]
fn a_recursive_type_is_described_in_bounded_time() {
    assert_eq!(difference::<Tree, Tree>(), None);
    assert_eq!(difference::<Even, Even>(), None);
    assert_eq!(difference::<List, List>(), None);
    assert_eq!(difference::<Endless, Endless>(), None);
    assert!(difference::<Tree, Even>().is_some());
}

#[test]
fn a_generic_type_differs_by_its_arguments() {
    assert_eq!(difference::<Generic<u8, 1>, Generic<u8, 2>>(), None);
    assert!(
        difference::<Generic<u8, 1>, Generic<i8, 1>>()
            .is_some_and(|d| d.contains(".value: u8 here, i8 there"))
    );
}

mod millis {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(duration.as_millis() as u64)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// A type of another crate: it knows serde alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Foreign {
    degrees: i16,
}

#[test]
fn serdes_attributes_are_followed_on_fields() {
    #[derive(Serialize, Deserialize, Schema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Here {
        #[serde(rename = "row", default)]
        seat_row: u32,
        #[serde(alias = "name")]
        holder_name: String,
        #[serde(skip)]
        cache: u64,
        #[serde(with = "millis")]
        #[schema(as = "u64")]
        held: Duration,
        #[schema(opaque)]
        place: Foreign,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    struct There {
        row: u32,
        #[serde(rename = "holderName")]
        name: String,
        held: u64,
        #[schema(opaque = "Foreign")]
        place: Foreign,
    }
    assert_eq!(difference::<Here, There>(), None);
    let place = Foreign { degrees: 7 };
    let here = Here {
        seat_row: 1,
        holder_name: "Ada".into(),
        cache: 9,
        held: Duration::from_millis(5),
        place: place.clone(),
    };
    assert_eq!(reread::<_, There>(&here), There { row: 1, name: "Ada".into(), held: 5, place });
    assert_eq!(here.cache, 9);
}

#[test]
fn serdes_attributes_are_followed_on_variants() {
    #[derive(Serialize, Deserialize, Schema)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
    enum Here {
        TooLate {
            by_how_much: u8,
        },
        Cached(#[serde(skip)] u64),
        #[serde(rename = "pair", alias = "two")]
        Two(u8, #[serde(skip)] u8, u8),
        #[serde(with = "millis")]
        #[schema(as = "u64")]
        Held(Duration),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    enum There {
        #[serde(rename = "TOO_LATE")]
        Late {
            #[serde(rename = "byHowMuch")]
            by: u8,
        },
        #[serde(rename = "CACHED")]
        Cached,
        #[serde(rename = "pair")]
        Pair(u8, u8),
        #[serde(rename = "HELD")]
        Held(u64),
    }
    assert_eq!(difference::<Here, There>(), None);
    assert_eq!(reread::<_, There>(&Here::TooLate { by_how_much: 3 }), There::Late { by: 3 });
    assert_eq!(reread::<_, There>(&Here::Cached(3)), There::Cached);
    assert_eq!(reread::<_, There>(&Here::Two(1, 2, 3)), There::Pair(1, 3));
    assert_eq!(reread::<_, There>(&Here::Held(Duration::from_millis(4))), There::Held(4));
}

#[test]
fn a_converted_type_is_what_it_is_converted_to() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    #[serde(try_from = "u16", into = "u16")]
    struct Small(u32);
    impl TryFrom<u16> for Small {
        type Error = String;
        fn try_from(n: u16) -> Result<Self, String> {
            if n < 1000 { Ok(Small(n.into())) } else { Err(format!("{n} is too large")) }
        }
    }
    impl From<Small> for u16 {
        fn from(small: Small) -> Self {
            small.0 as u16
        }
    }
    assert_eq!(difference::<Small, u16>(), None);
    assert_eq!(reread::<_, u16>(&Small(700)), 700);
}

#[test]
fn an_opaque_type_is_compared_by_its_name() {
    #[derive(Serialize, Deserialize, Schema)]
    #[schema(opaque = "geo.Point")]
    struct Here(i16);
    #[derive(Serialize, Deserialize, Schema)]
    struct There(#[schema(opaque = "geo.Point")] Foreign);
    #[derive(Serialize, Deserialize, Schema)]
    struct Elsewhere(#[schema(opaque)] Foreign);
    assert_eq!(difference::<Here, There>(), None);
    assert!(difference::<Here, Elsewhere>().is_some());
}

#[test]
fn an_opaque_variant_is_compared_by_the_types_that_it_holds() {
    use Foreign as Elsewhere;
    #[derive(Serialize, Deserialize, Schema)]
    enum Here {
        #[schema(opaque)]
        At(Foreign),
        #[schema(opaque)]
        Between { from: Foreign, to: Foreign },
    }
    #[derive(Serialize, Deserialize, Schema)]
    enum Field {
        At(#[schema(opaque)] Foreign),
        #[schema(opaque = "{from:Foreign,to:Foreign}")]
        Between {
            from: Foreign,
            to: Foreign,
        },
    }
    #[derive(Serialize, Deserialize, Schema)]
    enum OtherType {
        #[schema(opaque)]
        At(Elsewhere),
    }
    #[derive(Serialize, Deserialize, Schema)]
    enum OtherOrder {
        #[schema(opaque)]
        At(Foreign),
        #[schema(opaque)]
        Between { to: Foreign, from: Foreign },
    }
    assert_eq!(difference::<Here, Field>(), None);
    let found = difference::<Here, OtherType>().unwrap();
    assert!(found.contains(".At: opaque Foreign here, opaque Elsewhere there"), "{found}");
    let found = difference::<Here, OtherOrder>().unwrap();
    assert!(found.contains(".Between: opaque"), "{found}");
}

#[test]
fn what_is_written_as_nothing_is_described_as_nothing() {
    #[derive(Serialize, Deserialize, Schema)]
    struct Unit;
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    struct Empty {}
    #[derive(Serialize, Deserialize, Schema)]
    enum Here {
        Unit,
        Tuple,
        Named,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    enum There {
        Unit,
        Tuple(),
        Named {},
    }
    assert_eq!(difference::<Unit, Empty>(), None);
    assert_eq!(difference::<Empty, ()>(), None);
    assert_eq!(difference::<Here, There>(), None);
    assert_eq!(reread::<_, Empty>(&Unit), Empty {});
    assert_eq!(reread::<_, There>(&Here::Tuple), There::Tuple());
    assert_eq!(reread::<_, There>(&Here::Named), There::Named {});
}

/// Neither serde nor the schema knows it.
#[derive(Debug, PartialEq)]
struct Marked;

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(bound = "")]
struct Id<T: 'static> {
    number: u64,
    of: std::marker::PhantomData<fn() -> T>,
}

#[test]
fn what_a_phantom_marks_needs_no_schema() {
    #[derive(Serialize, Deserialize, Schema)]
    struct Plain {
        number: u64,
        of: (),
    }
    assert_eq!(difference::<Id<Marked>, Plain>(), None);
    let id: Id<Marked> = reread(&Plain { number: 7, of: () });
    assert_eq!(id.number, 7);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Defaulted<T> {
    held: u8,
    #[serde(skip)]
    cache: Option<T>,
    #[serde(default)]
    value: T,
}

/// What `T` must be for serde is said by hand, a lifetime of serde's included, and reaches the types that hold it.
#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de> + Default"))]
struct Bounded<T> {
    all: Vec<Defaulted<T>>,
}

#[test]
fn a_generic_type_asks_of_its_parameters_what_serde_asks() {
    assert_eq!(difference::<Bounded<u16>, Bounded<u16>>(), None);
    assert!(
        difference::<Bounded<u16>, Bounded<u8>>()
            .is_some_and(|d| d.contains(".all[].value: u16 here, u8 there"))
    );
    let all = || Bounded { all: vec![Defaulted { held: 1, cache: None, value: 3_u16 }] };
    assert_eq!(reread::<_, Bounded<u16>>(&all()), all());
}

#[test]
fn a_variant_that_is_never_written_keeps_its_number() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    enum Reader {
        Now,
        #[serde(skip_serializing)]
        Old(u8),
        Late,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    enum Writer {
        Now,
        Old(u8),
        Late,
    }
    assert_eq!(difference::<Reader, Writer>(), None);
    assert_eq!(reread::<_, Reader>(&Writer::Old(5)), Reader::Old(5));
    assert_eq!(reread::<_, Writer>(&Reader::Late), Writer::Late);
    assert_eq!(reread::<_, Writer>(&Reader::Now), Writer::Now);
}

#[cfg(any(unix, windows))]
#[test]
fn a_name_of_the_operating_system_is_described_as_serde_writes_it() {
    use std::ffi::OsString;
    #[derive(Serialize, Deserialize, Schema)]
    enum Written {
        Unix(Vec<u8>),
        Windows(Vec<u16>),
    }
    assert_eq!(difference::<OsString, Written>(), None);
    let written: Written = reread(&OsString::from("hall"));
    let units: Vec<u16> = match written {
        Written::Unix(bytes) => bytes.into_iter().map(u16::from).collect(),
        Written::Windows(units) => units,
    };
    assert_eq!(String::from_utf16(&units).unwrap(), "hall");
}

/// The facade under another name, as a crate that re-exports it has it.
mod reexported {
    pub(super) mod rpc {
        pub(crate) use carnegie::*;
    }

    #[derive(serde::Serialize, serde::Deserialize, carnegie::Schema)]
    #[schema(crate = "crate::reexported::rpc")]
    pub(super) struct Seat<T> {
        pub(super) number: T,
        #[schema(opaque)]
        pub(super) place: super::Foreign,
    }

    #[carnegie::service(crate = "crate::reexported::rpc")]
    pub(super) trait Hall {
        async fn seat(&self, seat: Seat<u8>) -> Seat<u16>;
    }
}

#[test]
fn the_facade_may_have_another_name() {
    use carnegie::Client;
    assert_eq!(reexported::HallClient::descriptor().methods[0].arguments[0].name, "seat");
    assert!(difference::<reexported::Seat<u8>, reexported::Seat<u16>>().is_some());
}
