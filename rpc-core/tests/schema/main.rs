//! Structures, fingerprints and differences. The derive is in another crate, so its tables are written by hand here.
// Types that cross the wire, not state of an engine.
#![allow(clippy::disallowed_types)]

use rpc_core::schema::{Describe, Schema, Signature, Types};

/// What `#[derive(Schema)]` writes for a structure.
macro_rules! structure {
    ($name:ident as $shown:literal { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[allow(dead_code)] // described, not used
        struct $name { $($field: $type),* }
        impl rpc_core::schema::Schema for $name {
            type Kind = rpc_core::service::Plain;
            fn describe(types: &mut rpc_core::schema::Types) -> rpc_core::schema::NodeId {
                types.structure(std::any::TypeId::of::<Self>(), $shown, const { &[
                    $((stringify!($field), <$type as rpc_core::schema::Schema>::describe as rpc_core::schema::Describe)),*
                ] })
            }
        }
    };
}

/// What `#[derive(Schema)]` writes for an enum.
macro_rules! choice {
    ($name:ident as $shown:literal { $($variant:ident $(($($type:ty),*))? $({$($field:ident: $named:ty),*})?),* $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[allow(dead_code)] // described, not used
        enum $name { $($variant $(($($type),*))? $({$($field: $named),*})?),* }
        impl rpc_core::schema::Schema for $name {
            type Kind = rpc_core::service::Plain;
            fn describe(types: &mut rpc_core::schema::Types) -> rpc_core::schema::NodeId {
                types.enumeration(std::any::TypeId::of::<Self>(), $shown, const { &[
                    $((stringify!($variant), choice!(@ $(($($type),*))? $({$($field: $named),*})?))),*
                ] })
            }
        }
    };
    (@) => { rpc_core::schema::Variant::Unit };
    (@ ($($type:ty),*)) => {
        rpc_core::schema::Variant::Tuple(&[$(<$type as rpc_core::schema::Schema>::describe as rpc_core::schema::Describe),*])
    };
    (@ {$($field:ident: $type:ty),*}) => {
        rpc_core::schema::Variant::Struct(&[
            $((stringify!($field), <$type as rpc_core::schema::Schema>::describe as rpc_core::schema::Describe)),*
        ])
    };
}

/// What `#[derive(Schema)]` writes for a newtype.
macro_rules! newtype {
    ($name:ident($type:ty)) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[allow(dead_code)] // described, not used
        struct $name($type);
        impl rpc_core::schema::Schema for $name {
            type Kind = rpc_core::service::Plain;
            fn describe(types: &mut rpc_core::schema::Types) -> rpc_core::schema::NodeId {
                let key = std::any::TypeId::of::<Self>();
                types.transparent(key, stringify!($name), <$type as rpc_core::schema::Schema>::describe)
            }
        }
    };
}

mod appended;
mod differences;
mod fingerprints;
mod hostile;
mod std_types;

fn signature(arguments: &[(&str, Describe)], returns: Describe) -> Signature {
    let mut types = Types::default();
    let arguments = arguments.iter().map(|(name, d)| ((*name).to_owned(), d(&mut types))).collect();
    let returns = returns(&mut types);
    types.signature(arguments, returns)
}

fn with<T: Schema>() -> Signature {
    signature(&[("ticket", T::describe)], <()>::describe)
}

/// The first difference of two arguments, in words. Equal fingerprints must mean that there is none.
fn compare<A: Schema, B: Schema>() -> Option<String> {
    let (a, b) = (with::<A>(), with::<B>());
    let found = a.difference(&b, "sell").map(|difference| difference.to_string());
    if a.fingerprint() == b.fingerprint() {
        assert_eq!(found, None);
    }
    assert_eq!(found.is_some(), b.difference(&a, "sell").is_some(), "the other direction disagrees");
    found
}

/// The same, where only the place and the two sides are of interest.
fn differ<A: Schema, B: Schema>(expected: &str) {
    let found = compare::<A, B>().unwrap_or_default();
    assert_eq!(found, format!("sell: argument 1 (ticket){expected}"));
}

fn same<A: Schema, B: Schema>() {
    assert_eq!(compare::<A, B>(), None);
}
