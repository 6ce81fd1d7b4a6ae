//! Enums whose variants are names to the operator.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Result};

pub(crate) fn choice(item: DeriveInput) -> Result<TokenStream> {
    let names = choice_names(&item)?;
    let (name, variants) = (&item.ident, variants(&item)?);
    let places: Vec<_> = (0..variants.len()).collect();
    Ok(quote! {
        impl ::nfos::parameters::Choice for #name {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn at(index: usize) -> ::core::option::Option<Self> {
                match index {
                    #(#places => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }

            fn index(&self) -> usize {
                match self { #(Self::#variants => #places),* }
            }
        }
    })
}

/// What the operator writes: the variant's name, or what `#[choice("…")]` says instead.
fn choice_names(item: &DeriveInput) -> Result<Vec<String>> {
    let Data::Enum(data) = &item.data else { return Ok(Vec::new()) };
    let written = |variant: &syn::Variant| {
        let mut attributes = variant.attrs.iter();
        match attributes.find(|attribute| attribute.path().is_ident("choice")) {
            Some(choice) => Ok(choice.parse_args::<LitStr>()?.value()),
            None => Ok(separated(&variant.ident, '-')),
        }
    };
    data.variants.iter().map(written).collect()
}

pub(crate) fn reason(item: DeriveInput) -> Result<TokenStream> {
    let (name, variants) = (&item.ident, variants(&item)?);
    let names = variants.iter().map(|variant| separated(variant, '_'));
    let places = 0_u16..;
    Ok(quote! {
        impl ::nfos::reasons::Reason for #name {
            const NAMES: &'static [&'static str] = &[#(#names),*];
        }

        impl ::core::convert::From<#name> for ::nfos::reasons::Dropped {
            #[inline]
            fn from(reason: #name) -> Self {
                Self::own(match reason { #(#name::#variants => #places),* })
            }
        }
    })
}

pub(crate) fn event(item: DeriveInput) -> Result<TokenStream> {
    let (name, variants) = (&item.ident, variants(&item)?);
    let names = variants.iter().map(|variant| separated(variant, '_'));
    let places = 0_u32..;
    Ok(quote! {
        impl ::nfos::reasons::Event for #name {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            #[inline]
            fn index(&self) -> u32 {
                match self { #(Self::#variants => #places),* }
            }
        }
    })
}

fn variants(item: &DeriveInput) -> Result<Vec<Ident>> {
    let Data::Enum(data) = &item.data else {
        return Err(Error::new_spanned(&item.ident, "goes on an enum"));
    };
    let plain = |variant: &syn::Variant| match variant.fields {
        Fields::Unit => Ok(variant.ident.clone()),
        _ => Err(Error::new_spanned(variant, "a variant here has no fields")),
    };
    data.variants.iter().map(plain).collect()
}

/// `NoSyn` as `no_syn` or `no-syn`.
fn separated(name: &Ident, separator: char) -> String {
    let mut text = String::new();
    for letter in name.to_string().chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(separator);
        }
        text.extend(letter.to_lowercase());
    }
    text
}
