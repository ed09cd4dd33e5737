//! A type as serde writes it. Reading never fails: what makes no sense is kept, and `check` refuses it.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Generics, Ident, Path, Type, WherePredicate, parse_quote};

use super::attr::{Attrs, Level};
use super::rename::Rule;
use crate::errors::Errors;
use crate::text::{bare, spelled, unraw};

/// The type that derives.
pub(super) struct Container<'a> {
    pub(super) ident: &'a Ident,
    pub(super) generics: &'a Generics,
    pub(super) krate: Path,
    /// The name in error messages of the comparison.
    pub(super) name: String,
    pub(super) attrs: Attrs,
    pub(super) body: Body<'a>,
}

/// What the type consists of.
pub(super) enum Body<'a> {
    Unit,
    Tuple(Vec<Field<'a>>),
    Named(Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
    Union(syn::token::Union),
}

/// One variant of an enum.
pub(super) struct Variant<'a> {
    pub(super) ident: &'a Ident,
    pub(super) name: String,
    pub(super) attrs: Attrs,
    pub(super) body: Body<'a>,
}

/// One field. The name of an unnamed one is its position.
pub(super) struct Field<'a> {
    pub(super) name: String,
    pub(super) ty: &'a Type,
    pub(super) attrs: Attrs,
}

/// How the structure of something is found.
pub(super) enum Describe<'a> {
    /// By its type.
    Type(&'a Type),
    /// Not at all: only this name is compared.
    Opaque(String),
}

impl<'a> Container<'a> {
    pub(super) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let attrs = Attrs::read(&input.attrs, Level::Container, errors);
        let body = match &input.data {
            Data::Struct(data) => Body::read(&data.fields, attrs.rename_all, errors),
            Data::Enum(data) => {
                let variants = data.variants.iter().map(|variant| Variant::read(variant, &attrs, errors));
                Body::Enum(variants.collect())
            }
            Data::Union(data) => Body::Union(data.union_token),
        };
        Self {
            ident: &input.ident,
            generics: &input.generics,
            krate: attrs.krate.clone().unwrap_or_else(|| parse_quote!(::carnegie)),
            name: attrs.rename.clone().unwrap_or_else(|| unraw(&input.ident)),
            attrs,
            body,
        }
    }

    /// The types whose structure becomes part of this one's.
    pub(super) fn described(&self) -> Vec<&Type> {
        if self.attrs.opaque.is_some() {
            return Vec::new();
        }
        if let Some(instead) = self.attrs.described_as.as_ref().or(self.converted()) {
            return vec![instead];
        }
        match &self.body {
            Body::Enum(variants) => variants.iter().flat_map(Variant::types).collect(),
            body => body.fields().iter().filter_map(Field::described_type).collect(),
        }
    }

    pub(super) fn variants(&self) -> &[Variant<'a>] {
        match &self.body {
            Body::Enum(variants) => variants,
            _ => &[],
        }
    }

    /// All fields, those of variants too.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        self.variants().iter().flat_map(|variant| variant.body.fields()).chain(self.body.fields())
    }

    /// What serde's `bound` asks for, wherever it stands.
    pub(super) fn bounds(&self) -> impl Iterator<Item = &WherePredicate> {
        let variants = self.variants().iter().map(|variant| &variant.attrs);
        let fields = self.fields().map(|field| &field.attrs);
        [&self.attrs].into_iter().chain(variants).chain(fields).flat_map(|attrs| &attrs.bounds)
    }

    /// `from` and `into` of one type: serde writes that type instead.
    pub(super) fn converted(&self) -> Option<&Type> {
        let (from, into) = (self.attrs.from.as_ref()?, self.attrs.into.as_ref()?);
        (spelled(from) == spelled(into)).then_some(from)
    }

    /// The field that is all serde writes of a newtype or a transparent struct.
    pub(super) fn only_field(&self) -> Option<&Field<'a>> {
        match &self.body {
            Body::Tuple(fields) if fields.len() == 1 => fields.first(),
            Body::Tuple(fields) | Body::Named(fields) if self.attrs.transparent => {
                fields.iter().find(|field| !field.attrs.is_skipped() && !field.is_phantom())
            }
            _ => None,
        }
    }
}

impl<'a> Body<'a> {
    fn read(fields: &'a syn::Fields, rule: Option<Rule>, errors: &mut Errors) -> Self {
        let read = fields.iter().enumerate().map(|(i, field)| Field::read(field, i, rule, errors)).collect();
        match fields {
            syn::Fields::Unit => Self::Unit,
            syn::Fields::Unnamed(_) => Self::Tuple(read),
            syn::Fields::Named(_) => Self::Named(read),
        }
    }
}

impl<'a> Body<'a> {
    pub(super) fn fields(&self) -> &[Field<'a>] {
        match self {
            Self::Tuple(fields) | Self::Named(fields) => fields,
            Self::Unit | Self::Enum(_) | Self::Union(_) => &[],
        }
    }

    /// What opaque content is compared by: the names of its types, as at an opaque field.
    fn opaque_name(&self) -> String {
        let written = self.fields().iter().filter(|field| !field.attrs.is_skipped());
        match self {
            Self::Tuple(fields) if fields.len() == 1 => written.map(Field::opaque_name).collect(),
            Self::Named(_) => {
                let each = written.map(|field| format!("{}:{}", field.name, field.opaque_name()));
                format!("{{{}}}", each.collect::<Vec<_>>().join(","))
            }
            _ => format!("({})", written.map(Field::opaque_name).collect::<Vec<_>>().join(",")),
        }
    }
}

impl<'a> Variant<'a> {
    fn read(variant: &'a syn::Variant, container: &Attrs, errors: &mut Errors) -> Self {
        let attrs = Attrs::read(&variant.attrs, Level::Variant, errors);
        let body = Body::read(&variant.fields, attrs.rename_all.or(container.rename_all_fields), errors);
        let plain = unraw(&variant.ident);
        let ruled = container.rename_all.map_or_else(|| plain.clone(), |rule| rule.variant(&plain));
        Self { ident: &variant.ident, name: attrs.rename.clone().unwrap_or(ruled), attrs, body }
    }

    fn types(&self) -> Vec<&Type> {
        match self.described() {
            Some(Describe::Type(ty)) => vec![ty],
            Some(Describe::Opaque(_)) => Vec::new(),
            None => self.body.fields().iter().filter_map(Field::described_type).collect(),
        }
    }

    /// What the whole content is described as, if that was said.
    pub(super) fn described(&self) -> Option<Describe<'_>> {
        match (&self.attrs.opaque, &self.attrs.described_as) {
            (Some(opaque), _) => {
                Some(Describe::Opaque(opaque.name.clone().unwrap_or_else(|| self.body.opaque_name())))
            }
            (None, Some(ty)) => Some(Describe::Type(ty)),
            (None, None) => None,
        }
    }
}

impl<'a> Field<'a> {
    fn read(field: &'a syn::Field, position: usize, rule: Option<Rule>, errors: &mut Errors) -> Self {
        let attrs = Attrs::read(&field.attrs, Level::Field, errors);
        let plain = field.ident.as_ref().map_or_else(|| position.to_string(), unraw);
        let ruled = rule.map_or_else(|| plain.clone(), |rule| rule.field(&plain));
        Self { name: attrs.rename.clone().unwrap_or(ruled), ty: &field.ty, attrs }
    }

    pub(super) fn described(&self) -> Describe<'_> {
        match (&self.attrs.opaque, &self.attrs.described_as) {
            (Some(opaque), _) => Describe::Opaque(opaque.name.clone().unwrap_or_else(|| bare(self.ty))),
            (None, Some(ty)) => Describe::Type(ty),
            (None, None) => Describe::Type(self.ty),
        }
    }

    fn opaque_name(&self) -> String {
        match self.described() {
            Describe::Opaque(name) => name,
            Describe::Type(ty) => bare(ty),
        }
    }

    fn described_type(&self) -> Option<&Type> {
        match self.described() {
            Describe::Type(ty) if !self.attrs.is_skipped() => Some(ty),
            _ => None,
        }
    }

    fn is_phantom(&self) -> bool {
        matches!(self.ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"))
    }

    pub(super) fn span(&self) -> proc_macro2::Span {
        self.ty.to_token_stream().span()
    }
}
