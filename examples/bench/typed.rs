//! JSON, written as the types of a lock file: by serde, so whatever codec reads it finds what a stub would have written.

use carnegie::__dynamic::{Content, Node, NodeId, Signature};
use serde::de::DeserializeOwned;
use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleVariant, Serializer,
};
use serde_json::Value;
use std::ffi::CString;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Stands for the number of the call, in a text or, alone in one, as a number.
const NUMBER: &str = "{n}";

/// A type without a name: serde asks for one, and the codecs write none.
const NAMELESS: &str = "";

/// A value of the type `ty`, in JSON as serde writes it.
#[derive(Clone, Copy)]
pub(crate) struct Typed<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) ty: NodeId,
    pub(crate) json: &'a Value,
    /// The number of the call.
    pub(crate) number: u64,
}

/// Whether the value is another one in every call.
pub(crate) fn is_numbered(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains(NUMBER),
        Value::Array(all) => all.iter().any(is_numbered),
        Value::Object(all) => all.iter().any(|(key, value)| key.contains(NUMBER) || is_numbered(value)),
        _ => false,
    }
}

impl<'a> Typed<'a> {
    /// Another value, of another type of the same signature.
    fn part(&self, ty: NodeId, json: &'a Value) -> Typed<'a> {
        Typed { ty, json, ..*self }
    }

    fn elements<E: Error>(&self, length: Option<u64>) -> Result<&'a [Value], E> {
        let Value::Array(all) = self.json else { return Err(self.wanted("an array")) };
        match length {
            Some(length) if all.len() as u64 != length => {
                Err(E::custom(format_args!("an array of {length} is wanted, not of {}", all.len())))
            }
            _ => Ok(all),
        }
    }

    #[cold]
    fn wanted<E: Error>(&self, what: &str) -> E {
        let json = self.json.to_string();
        let cut: String = json.chars().take(60).collect();
        let more = if cut.len() < json.len() { ".." } else { "" };
        E::custom(format_args!("{what} is wanted, not {cut}{more}"))
    }

    /// The values of the fields, in the order of the wire. One that is not there is as good as `null`.
    fn fields<E: Error>(&self, fields: &'a [(String, NodeId)]) -> Result<Vec<(&'a str, Typed<'a>)>, E> {
        const ABSENT: &Value = &Value::Null;
        let names = || fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let Value::Object(given) = self.json else {
            return Err(self.wanted(&format!("an object with the fields {}", names())));
        };
        if let Some(other) = given.keys().find(|key| fields.iter().all(|(name, _)| name != *key)) {
            return Err(E::custom(format_args!("there is no field {other}; the fields are {}", names())));
        }
        let value = |(name, ty): &'a (String, NodeId)| {
            (name.as_str(), self.part(*ty, given.get(name).unwrap_or(ABSENT)))
        };
        Ok(fields.iter().map(value).collect())
    }

    /// Which variant, and the JSON of what it holds.
    fn variant<'v, E: Error>(
        &self,
        variants: &'v [(String, Content)],
    ) -> Result<(u32, &'v str, &'v Content, &'a Value), E> {
        const NOTHING: &Value = &Value::Null;
        let (name, json) = match self.json {
            Value::String(name) => (name, NOTHING),
            Value::Object(one) if one.len() == 1 => {
                one.iter().next().ok_or_else(|| self.wanted("a variant"))?
            }
            _ => return Err(self.wanted("a variant: \"Name\", or {\"Name\": what it holds}")),
        };
        let place = variants.iter().position(|(known, _)| known == name).ok_or_else(|| {
            let known = variants.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            E::custom(format_args!("there is no variant {name}; the variants are {known}"))
        })?;
        let (name, content) = &variants[place];
        Ok((place as u32, name, content, json))
    }

    fn serialize_variant<S: Serializer>(
        &self,
        serializer: S,
        variants: &'a [(String, Content)],
    ) -> Result<S::Ok, S::Error> {
        let (index, name, content, json) = self.variant(variants)?;
        match content {
            Content::Unit => serializer.serialize_unit_variant(NAMELESS, index, NAMELESS),
            Content::Tuple(parts) if parts.len() == 1 => {
                let inner = self.part(parts[0], json);
                serializer.serialize_newtype_variant(NAMELESS, index, NAMELESS, &inner).map_err(at(name))
            }
            Content::Tuple(parts) => {
                let all =
                    self.part(self.ty, json)
                        .elements(Some(parts.len() as u64))
                        .map_err(at::<S::Error>(name))?;
                let mut out = serializer.serialize_tuple_variant(NAMELESS, index, NAMELESS, parts.len())?;
                for (place, (ty, json)) in parts.iter().zip(all).enumerate() {
                    out.serialize_field(&self.part(*ty, json)).map_err(at(format_args!("{name}.{place}")))?;
                }
                out.end()
            }
            Content::Struct(fields) => {
                let all = self.part(self.ty, json).fields(fields).map_err(at::<S::Error>(name))?;
                let mut out = serializer.serialize_struct_variant(NAMELESS, index, NAMELESS, all.len())?;
                for (field, value) in all {
                    out.serialize_field(NAMELESS, &value).map_err(at(format_args!("{name}.{field}")))?;
                }
                out.end()
            }
        }
    }

    fn serialize_map<S: Serializer>(
        &self,
        serializer: S,
        key: NodeId,
        value: NodeId,
    ) -> Result<S::Ok, S::Error> {
        let Value::Object(all) = self.json else { return Err(self.wanted("an object")) };
        let mut out = serializer.serialize_map(Some(all.len()))?;
        for (name, json) in all {
            // In JSON keys are texts, whatever they are here.
            let text = Value::String(name.clone());
            let bare = serde_json::from_str(name).unwrap_or(Value::Null);
            let is_text = matches!(self.signature.node(key), Some(Node::Leaf(leaf)) if leaf == "String");
            let plain = is_text || !(bare.is_number() || bare.is_boolean());
            out.serialize_key(&self.part(key, if plain { &text } else { &bare })).map_err(at(name))?;
            out.serialize_value(&self.part(value, json)).map_err(at(name))?;
        }
        out.end()
    }

    fn serialize_elements<S: Serializer>(
        &self,
        serializer: S,
        types: impl Iterator<Item = NodeId>,
        length: u64,
    ) -> Result<S::Ok, S::Error> {
        let all = self.elements(Some(length))?;
        let mut out = serializer.serialize_tuple(all.len())?;
        for (place, (ty, json)) in types.zip(all).enumerate() {
            out.serialize_element(&self.part(ty, json)).map_err(at(place))?;
        }
        out.end()
    }

    fn serialize_sequence<S: Serializer>(&self, serializer: S, ty: NodeId) -> Result<S::Ok, S::Error> {
        let bytes = matches!(self.signature.node(ty), Some(Node::Leaf(leaf)) if leaf == "u8");
        if let (true, Value::String(text)) = (bytes, self.json) {
            return serializer.serialize_bytes(text.as_bytes());
        }
        let all = self.elements(None)?;
        let mut out = serializer.serialize_seq(Some(all.len()))?;
        for (place, json) in all.iter().enumerate() {
            out.serialize_element(&self.part(ty, json)).map_err(at(place))?;
        }
        out.end()
    }

    /// By the type itself: it reads JSON, and knows how it looks in a codec.
    fn serialize_as<T, S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: DeserializeOwned + Serialize,
        S: Serializer,
    {
        let read = match self.json {
            Value::String(text) if text.contains(NUMBER) => {
                let text = text.replace(NUMBER, &self.number.to_string());
                let number = serde_json::from_str(&text).ok();
                serde_json::from_value(Value::String(text)).or_else(|wrong| number.ok_or(wrong))
            }
            other => T::deserialize(other),
        };
        read.map_err(S::Error::custom)?.serialize(serializer)
    }

    fn serialize_leaf<S: Serializer>(&self, serializer: S, name: &str) -> Result<S::Ok, S::Error> {
        macro_rules! leaves {
            ($($leaf:literal => $type:ty,)*) => {
                match name {
                    $($leaf => self.serialize_as::<$type, S>(serializer),)*
                    other => Err(S::Error::custom(format_args!("the type {other} is not known here"))),
                }
            };
        }
        leaves! {
            "()" => (), "bool" => bool, "char" => char, "String" => String,
            "u8" => u8, "u16" => u16, "u32" => u32, "u64" => u64, "u128" => u128,
            "i8" => i8, "i16" => i16, "i32" => i32, "i64" => i64, "i128" => i128,
            "f32" => f32, "f64" => f64,
            "NonZeroU8" => NonZeroU8, "NonZeroU16" => NonZeroU16, "NonZeroU32" => NonZeroU32,
            "NonZeroU64" => NonZeroU64, "NonZeroU128" => NonZeroU128,
            "NonZeroI8" => NonZeroI8, "NonZeroI16" => NonZeroI16, "NonZeroI32" => NonZeroI32,
            "NonZeroI64" => NonZeroI64, "NonZeroI128" => NonZeroI128,
            "Duration" => Duration, "SystemTime" => SystemTime,
            "IpAddr" => IpAddr, "Ipv4Addr" => Ipv4Addr, "Ipv6Addr" => Ipv6Addr,
            "SocketAddr" => SocketAddr, "SocketAddrV4" => SocketAddrV4, "SocketAddrV6" => SocketAddrV6,
            "CString" => CString, "PathBuf" => PathBuf,
        }
    }
}

/// Puts the place in front of the error.
fn at<E: Error>(place: impl Display) -> impl FnOnce(E) -> E {
    move |error| E::custom(format_args!("{place}: {error}"))
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(node) = self.signature.node(self.ty) else {
            return Err(S::Error::custom("a type that is not described"));
        };
        match node {
            Node::Leaf(name) => self.serialize_leaf(serializer, name),
            Node::Opaque(name) => Err(S::Error::custom(format_args!(
                "the type {name} is opaque: the lock file does not say how it is written"
            ))),
            Node::Option(_) if self.json.is_null() => serializer.serialize_none(),
            Node::Option(inner) => serializer.serialize_some(&self.part(*inner, self.json)),
            Node::Seq(element) => self.serialize_sequence(serializer, *element),
            Node::Map(key, value) => self.serialize_map(serializer, *key, *value),
            Node::Tuple(parts) => {
                self.serialize_elements(serializer, parts.iter().copied(), parts.len() as u64)
            }
            Node::Array(element, length) => {
                self.serialize_elements(serializer, std::iter::repeat(*element), *length)
            }
            Node::Struct { fields, .. } => {
                let all = self.fields(fields)?;
                let mut out = serializer.serialize_struct(NAMELESS, all.len())?;
                for (name, value) in all {
                    out.serialize_field(NAMELESS, &value).map_err(at(name))?;
                }
                out.end()
            }
            Node::Enum { variants, .. } => self.serialize_variant(serializer, variants),
            Node::Result(ok, error) => {
                let variants = [("Ok", ok), ("Err", error)]
                    .map(|(name, ty)| (name.to_owned(), Content::Tuple(vec![*ty])));
                Typed { ..*self }.serialize_variant(serializer, &variants)
            }
        }
    }
}
