//! The macros of the guest SDK; `nfos` re-exports them, and documents the traits that they write.

use proc_macro::TokenStream;
use syn::parse_macro_input;

mod export;
mod names;
mod parameters;
mod stored;

/// Exports a network function: goes on its `impl NetworkFunction for …` block.
///
/// It fills in what the block leaves out: `NAME` and `SUMMARY` (the package's name and
/// description), `PORTS` (1), the types `Parameters`, `State`, `Reason` and `Event` (none), and
/// notes which handlers there are.
#[proc_macro_attribute]
pub fn export(arguments: TokenStream, block: TokenStream) -> TokenStream {
    let nothing = parse_macro_input!(arguments as syn::parse::Nothing);
    let _ = nothing;
    answer(export::expand(parse_macro_input!(block as syn::ItemImpl)))
}

/// Writes `nfos::parameters::Parameters` for a struct.
///
/// The doc comment of a field is its help. `#[default(…)]` is its default, a text or a value of
/// its type, `Default` without; `#[range(…)]` the numbers that it takes, as `1..=64`.
#[proc_macro_derive(Parameters, attributes(default, range, relaxes))]
pub fn parameters(item: TokenStream) -> TokenStream {
    answer(parameters::expand(parse_macro_input!(item as syn::DeriveInput)))
}

/// Writes `nfos::parameters::Choice` for an enum without fields.
///
/// A word is the variant's name in lower case and hyphens, or what `#[choice("…")]` says.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(item: TokenStream) -> TokenStream {
    answer(names::choice(parse_macro_input!(item as syn::DeriveInput)))
}

/// Writes `nfos::reasons::Reason` for an enum without fields.
#[proc_macro_derive(Reason)]
pub fn reason(item: TokenStream) -> TokenStream {
    answer(names::reason(parse_macro_input!(item as syn::DeriveInput)))
}

/// Writes `nfos::reasons::Event` for an enum without fields.
#[proc_macro_derive(Event)]
pub fn event(item: TokenStream) -> TokenStream {
    answer(names::event(parse_macro_input!(item as syn::DeriveInput)))
}

/// Writes `nfos::layout::State` for a struct.
#[proc_macro_derive(State)]
pub fn state(item: TokenStream) -> TokenStream {
    answer(stored::state(parse_macro_input!(item as syn::DeriveInput)))
}

/// Writes `nfos::cell::Cell` for a struct of at most 48 bytes, with a `Word` constant for each
/// `u64` and `i64`. With `#[merge(sum)]`, `max`, `min` or `or` on each field, all of them `u64`,
/// it writes `nfos::structures::Merged` too.
#[proc_macro_derive(Cell, attributes(merge))]
pub fn cell(item: TokenStream) -> TokenStream {
    answer(stored::cell(parse_macro_input!(item as syn::DeriveInput)))
}

/// Writes `nfos::key::Key` for a struct.
#[proc_macro_derive(Key)]
pub fn key(item: TokenStream) -> TokenStream {
    answer(stored::key(parse_macro_input!(item as syn::DeriveInput)))
}

fn answer(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
