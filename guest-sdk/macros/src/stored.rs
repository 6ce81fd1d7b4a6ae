//! Structs that are stored as bytes: states, cells, keys.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Result, Type};

pub(crate) fn named_fields(item: &DeriveInput) -> Result<Vec<Field>> {
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "goes on a struct without parameters"));
    }
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().cloned().collect()),
            _ => Err(Error::new_spanned(&item.ident, "goes on a struct with named fields")),
        },
        _ => Err(Error::new_spanned(&item.ident, "goes on a struct")),
    }
}

pub(crate) fn state(item: DeriveInput) -> Result<TokenStream> {
    let (name, stored) = (&item.ident, stored(&item)?);
    Ok(quote! {
        #stored

        impl ::nfos::layout::State for #name {}

        const _: () = ::core::assert!(
            <#name as ::nfos::layout::Stored>::SIZE <= 4096,
            "packet-set state has at most 4,096 bytes",
        );
    })
}

pub(crate) fn cell(item: DeriveInput) -> Result<TokenStream> {
    let (name, fields) = (&item.ident, named_fields(&item)?);
    let (stored, merged) = (stored(&item)?, merged(name, &fields)?);
    let words = fields.iter().filter(|field| is_word(&field.ty)).map(|field| {
        let ident = field.ident.as_ref();
        let constant = ident.map(|ident| format_ident!("{}", ident.to_string().to_uppercase()));
        let offset = ident.map(offset_name);
        let docs = format!("The word `{}`.", ident.map(Ident::to_string).unwrap_or_default());
        let visibility = &item.vis;
        quote! {
            #[doc = #docs]
            #[allow(dead_code)]
            #visibility const #constant: ::nfos::cell::Word<Self> =
                ::nfos::cell::Word::at(Self::#offset);
        }
    });
    Ok(quote! {
        #stored

        impl #name {
            #(#words)*
        }

        impl ::nfos::cell::Cell for #name {}

        const _: () = ::core::assert!(
            <#name as ::nfos::layout::Stored>::SIZE <= 48,
            "a cell has 48 bytes",
        );

        #merged
    })
}

fn is_word(of: &Type) -> bool {
    matches!(of, Type::Path(path) if path.path.is_ident("u64") || path.path.is_ident("i64"))
}

fn merged(name: &Ident, fields: &[Field]) -> Result<TokenStream> {
    let mut merges = Vec::new();
    for field in fields {
        let mut attributes = field.attrs.iter();
        let Some(merge) = attributes.find(|attribute| attribute.path().is_ident("merge")) else {
            continue;
        };
        if !is_word(&field.ty) {
            return Err(Error::new_spanned(field, "what is merged is a `u64` or an `i64`"));
        }
        let merge = merge.parse_args::<Ident>()?;
        merges.push(match merge.to_string().as_str() {
            "sum" => quote!(Sum),
            "max" => quote!(Max),
            "min" => quote!(Min),
            "or" => quote!(Or),
            _ => return Err(Error::new_spanned(merge, "a merge is sum, max, min or or")),
        });
    }
    if merges.is_empty() {
        return Ok(TokenStream::new());
    }
    if merges.len() != fields.len() {
        return Err(Error::new_spanned(name, "either all fields have a merge or none"));
    }
    Ok(quote! {
        impl ::nfos::structures::Merged for #name {
            const MERGES: &'static [::nfos::structures::Merge] =
                &[#(::nfos::structures::Merge::#merges),*];
        }
    })
}

fn offset_name(field: &Ident) -> Ident {
    format_ident!("OFFSET_OF_{}", field.to_string().to_uppercase())
}

/// `Stored`, with a private constant for the offset of each field.
fn stored(item: &DeriveInput) -> Result<TokenStream> {
    let (name, fields) = (&item.ident, named_fields(item)?);
    let idents: Vec<_> = fields.iter().filter_map(|field| field.ident.clone()).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let offsets: Vec<_> = idents.iter().map(offset_name).collect();
    let ends = std::iter::once(quote!(0)).chain(
        types
            .iter()
            .zip(&offsets)
            .map(|(of, offset)| quote!(Self::#offset + <#of as ::nfos::layout::Stored>::SIZE)),
    );
    let ends: Vec<_> = ends.collect();
    let starts = &ends[..types.len()];
    let end = &ends[types.len()];
    Ok(quote! {
        impl #name {
            #(
                const #offsets: usize = ::nfos::layout::place(
                    #starts,
                    <#types as ::nfos::layout::Stored>::ALIGN,
                );
            )*
        }

        impl ::nfos::layout::Stored for #name {
            const SIZE: usize = ::nfos::layout::place(#end, Self::ALIGN);
            const ALIGN: usize = {
                let mut most = 1;
                #(
                    if <#types as ::nfos::layout::Stored>::ALIGN > most {
                        most = <#types as ::nfos::layout::Stored>::ALIGN;
                    }
                )*
                most
            };

            #[inline]
            fn load(bytes: &[u8]) -> Self {
                Self { #(#idents: ::nfos::layout::Stored::load(&bytes[Self::#offsets..])),* }
            }

            #[inline]
            fn store(&self, bytes: &mut [u8]) {
                #(::nfos::layout::Stored::store(&self.#idents, &mut bytes[Self::#offsets..]);)*
            }
        }
    })
}

pub(crate) fn key(item: DeriveInput) -> Result<TokenStream> {
    let (name, fields) = (&item.ident, named_fields(&item)?);
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    Ok(quote! {
        impl ::nfos::key::Key for #name {
            const SIZE: usize = 0 #(+ <#types as ::nfos::key::Key>::SIZE)*;

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                let at = 0;
                #(
                    ::nfos::key::Key::write(&self.#idents, &mut bytes[at..]);
                    let at = at + <#types as ::nfos::key::Key>::SIZE;
                )*
                let _ = at;
            }

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                let at = 0;
                #(
                    let #idents = ::nfos::key::Key::read(&bytes[at..]);
                    let at = at + <#types as ::nfos::key::Key>::SIZE;
                )*
                let _ = at;
                Self { #(#idents),* }
            }

            #[inline]
            fn with_bytes<R>(&self, use_it: impl FnOnce(&[u8]) -> R) -> R {
                let mut bytes = [0; <Self as ::nfos::key::Key>::SIZE];
                ::nfos::key::Key::write(self, &mut bytes);
                use_it(&bytes)
            }
        }
    })
}
