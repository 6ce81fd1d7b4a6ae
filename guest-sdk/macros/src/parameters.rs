//! `#[derive(Parameters)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, DeriveInput, Error, Expr, ExprLit, ExprRange, Field, Lit, Meta, RangeLimits, Result,
};

use crate::stored::named_fields;

pub(crate) fn expand(item: DeriveInput) -> Result<TokenStream> {
    let (name, fields) = (&item.ident, named_fields(&item)?);
    let described = fields.iter().map(describe).collect::<Result<Vec<_>>>()?;
    let idents = fields.iter().map(|field| &field.ident);
    let texts = fields.iter().map(text);
    Ok(quote! {
        impl ::nfos::parameters::Parameters for #name {
            fn describe() -> ::std::vec::Vec<::nfos::contract::Parameter> {
                ::std::vec![#(#described),*]
            }

            fn read() -> Self {
                Self { #(#idents: ::nfos::parameters::read(#texts)),* }
            }
        }
    })
}

fn describe(field: &Field) -> Result<TokenStream> {
    let (name, of) = (text(field), &field.ty);
    let help = help(&field.attrs);
    if help.is_empty() {
        let wanted = "a parameter has a doc comment: it is the operator's help";
        return Err(Error::new_spanned(field, wanted));
    }
    let default = default(field)?;
    let constraint = constraint(field)?;
    Ok(quote! {
        ::nfos::contract::Parameter {
            name: #name.to_owned(),
            help: #help.to_owned(),
            default: <#of as ::nfos::parameters::ParameterType>::to_value(&#default),
            constraint: #constraint,
        }
    })
}

fn text(field: &Field) -> String {
    field.ident.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn default(field: &Field) -> Result<TokenStream> {
    let of = &field.ty;
    let Some(attribute) = named(&field.attrs, "default") else {
        return Ok(quote!(<#of as ::core::default::Default>::default()));
    };
    Ok(match attribute.parse_args::<Expr>()? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            quote!(::nfos::parameters::from_text::<#of>(#text))
        }
        value => quote!({ let value: #of = #value; value }),
    })
}

fn constraint(field: &Field) -> Result<TokenStream> {
    let of = &field.ty;
    let Some(attribute) = named(&field.attrs, "range") else {
        return Ok(quote!(<#of as ::nfos::parameters::ParameterType>::constraint()));
    };
    let range = attribute.parse_args::<ExprRange>()?;
    let (Some(first), Some(last), RangeLimits::Closed(_)) =
        (&range.start, &range.end, range.limits)
    else {
        return Err(Error::new_spanned(range, "a range names its first and its last: `1..=64`"));
    };
    Ok(quote!(::nfos::contract::Constraint::Range((#first, #last))))
}

fn named<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.path().is_ident(name))
}

/// The doc comment on one line.
fn help(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ").trim().to_owned()
}
