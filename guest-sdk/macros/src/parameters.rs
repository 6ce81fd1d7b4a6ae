//! `#[derive(Parameters)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, DeriveInput, Error, Expr, ExprLit, ExprRange, Field, Lit, LitStr, Meta,
    MetaNameValue, Path, RangeLimits, Result, Token,
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
    let relaxes = relaxes(field)?;
    Ok(quote! {
        ::nfos::contract::Parameter {
            name: #name.to_owned(),
            help: #help.to_owned(),
            default: <#of as ::nfos::parameters::ParameterType>::to_value(&#default),
            constraint: #constraint,
            relaxes: ::std::vec![#(#relaxes),*],
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

/// `#[relaxes(staleness = "counters", capacity = ["flows", "flows_leases"])]`
fn relaxes(field: &Field) -> Result<Vec<TokenStream>> {
    let mut relaxations = Vec::new();
    let attributes = field.attrs.iter().filter(|attribute| attribute.path().is_ident("relaxes"));
    for attribute in attributes {
        let ties =
            attribute.parse_args_with(Punctuated::<MetaNameValue, Token![,]>::parse_terminated)?;
        for MetaNameValue { path, value, .. } in ties {
            let setting = setting(&path)?;
            for structure in structures(value)? {
                relaxations.push(quote! {
                    ::nfos::contract::Relaxation {
                        setting: ::nfos::contract::Setting::#setting,
                        structure: #structure.to_owned(),
                    }
                });
            }
        }
    }
    Ok(relaxations)
}

fn setting(path: &Path) -> Result<TokenStream> {
    let name = path.get_ident().map(ToString::to_string).unwrap_or_default();
    Ok(match name.as_str() {
        "capacity" => quote!(Capacity),
        "duration" => quote!(Duration),
        "refresh_interval" => quote!(RefreshInterval),
        "staleness" => quote!(Staleness),
        "write_interval" => quote!(WriteInterval),
        "method" => quote!(Method),
        _ => {
            let wanted = "a setting is capacity, duration, refresh_interval, staleness, \
                          write_interval or method";
            return Err(Error::new_spanned(path, wanted));
        }
    })
}

/// One structure's name, or several in brackets.
fn structures(value: Expr) -> Result<Vec<LitStr>> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => Ok(vec![name]),
        Expr::Array(names) => {
            let names = names.elems.into_iter().map(structures).collect::<Result<Vec<_>>>()?;
            Ok(names.into_iter().flatten().collect())
        }
        value => {
            let wanted = "structures go by the names that they are opened under: `\"flows\"`";
            Err(Error::new_spanned(value, wanted))
        }
    }
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
