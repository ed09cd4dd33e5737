//! Ranges and bounds. A range that includes its end says so by the name of that field: the wire looks the same.

use super::{Describe, Node, NodeId, Schema, Types};
use crate::service::Plain;
use std::any::TypeId;
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};

fn range(types: &mut Types, key: TypeId, name: &str, fields: &[(&str, Describe)]) -> NodeId {
    types.composite(key, &|types| Node::Struct {
        name: name.to_owned(),
        fields: fields.iter().map(|(name, describe)| ((*name).to_owned(), describe(types))).collect(),
    })
}

macro_rules! ranges {
    ($($range:ident: $($field:literal)+;)*) => { $(
        impl<T: Schema> Schema for $range<T> {
            type Kind = Plain;

            fn describe(types: &mut Types) -> NodeId {
                range(types, TypeId::of::<Self>(), stringify!($range), &[$(($field, T::describe)),+])
            }
        }
    )* };
}
ranges! {
    Range: "start" "end";
    RangeInclusive: "start" "end_inclusive";
    RangeFrom: "start";
    RangeTo: "end";
}

impl<T: Schema> Schema for Bound<T> {
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        use super::Content::{Tuple, Unit};
        types.composite(TypeId::of::<Self>(), &|types| {
            let inner = T::describe(types);
            let variants = vec![
                ("Unbounded".to_owned(), Unit),
                ("Included".to_owned(), Tuple(vec![inner])),
                ("Excluded".to_owned(), Tuple(vec![inner])),
            ];
            Node::Enum { name: "Bound".into(), variants }
        })
    }
}
