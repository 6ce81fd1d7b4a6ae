//! `#[nfos::export]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, ImplItem, ItemImpl, Result, parse_quote};

/// The handlers in the order of `types.event-kind`.
const HANDLERS: [&str; 5] =
    ["init_packet_set", "packet", "expired_packet_set", "orphan_packet", "periodic"];

pub(crate) fn expand(mut block: ItemImpl) -> Result<TokenStream> {
    let is_network_function = block.trait_.as_ref().is_some_and(|(_, path, _)| {
        path.segments.last().is_some_and(|last| last.ident == "NetworkFunction")
    });
    if !is_network_function {
        let wanted = "goes on an `impl NetworkFunction for …` block";
        return Err(Error::new_spanned(&block.self_ty, wanted));
    }
    let kinds = (0_u8..).zip(HANDLERS).filter(|(_, name)| has(&block, name)).map(|(kind, _)| kind);
    let handles =
        kinds.fold(quote!(::nfos::function::Handles::NONE), |set, kind| quote!(#set.and(#kind)));
    block.items.push(parse_quote!(
        const HANDLES: ::nfos::function::Handles = #handles;
    ));
    fill_in(&mut block);
    let function = &block.self_ty;
    Ok(quote! {
        #[allow(refining_impl_trait)]
        #block

        ::nfos::export_raw!(::nfos::Sequential<#function>);
    })
}

fn fill_in(block: &mut ItemImpl) {
    let texts = [("NAME", "CARGO_PKG_NAME"), ("SUMMARY", "CARGO_PKG_DESCRIPTION")];
    for (name, variable) in texts {
        if !has(block, name) {
            let name = format_ident!("{name}");
            block.items.push(parse_quote!(const #name: &'static str = ::core::env!(#variable);));
        }
    }
    if !has(block, "PORTS") {
        block.items.push(parse_quote!(
            const PORTS: u16 = 1;
        ));
    }
    for name in ["Parameters", "State", "Event"] {
        if !has(block, name) {
            let name = format_ident!("{name}");
            block.items.push(parse_quote!(type #name = ();));
        }
    }
    if !has(block, "Reason") {
        block.items.push(parse_quote!(
            type Reason = ::nfos::reasons::FrameReason;
        ));
    }
}

fn has(block: &ItemImpl, name: &str) -> bool {
    block.items.iter().any(|item| match item {
        ImplItem::Const(item) => item.ident == name,
        ImplItem::Fn(item) => item.sig.ident == name,
        ImplItem::Type(item) => item.ident == name,
        _ => false,
    })
}
