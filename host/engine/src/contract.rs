//! The contract as names: what a network function may import and must export.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::component_engine::is_wasi;
use crate::last_words::one_line;
use crate::load::LoadError;

/// The interface that a network function exports.
const HANDLERS: &str = "nfos:nf/handlers@0.1.0";

/// The functions of [`HANDLERS`].
const HANDLER_FUNCTIONS: [&str; 4] = ["describe", "init", "handle", "exit"];

/// The interfaces that it may import: the files of `wit/`, but `handlers`.
const IMPORTS: [&str; 13] = [
    "nfos:nf/types@0.1.0",
    "nfos:nf/burst@0.1.0",
    "nfos:nf/parameters@0.1.0",
    "nfos:nf/vector@0.1.0",
    "nfos:nf/hash-map@0.1.0",
    "nfos:nf/allocator@0.1.0",
    "nfos:nf/distributed-object@0.1.0",
    "nfos:nf/send@0.1.0",
    "nfos:nf/clock@0.1.0",
    "nfos:nf/random@0.1.0",
    "nfos:nf/log@0.1.0",
    "nfos:nf/event@0.1.0",
    "nfos:nf/fault@0.1.0",
];

/// Bytes of a name of a guest in a message.
const NAME_BYTES_MAX: usize = 128;

/// Whether a network function may import an interface of this name: one of the contract, or one of
/// WASI, of which it may be granted nothing.
pub(crate) fn admits(interface: &str) -> bool {
    IMPORTS.contains(&interface) || is_wasi(interface)
}

/// Checks a component's imports and exports by name, and answers the interfaces that it imports.
/// Their types are checked when it is linked.
pub(crate) fn check(component: &Component) -> Result<Vec<String>, LoadError> {
    let engine = component.engine();
    let ty = component.component_type();
    let mut imports = Vec::new();
    for (name, _) in ty.imports(engine) {
        if !admits(name) {
            return Err(unknown_import(name));
        }
        imports.push(name.to_owned());
    }
    let exports = || {
        let names: Vec<_> = ty.exports(engine).map(|(name, _)| format!("`{name}`")).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    let handlers = match ty.get_export(engine, HANDLERS).map(|export| export.ty) {
        Some(ComponentItem::ComponentInstance(handlers)) => handlers,
        _ => {
            let exports = one_line(&exports(), 2 * NAME_BYTES_MAX);
            return Err(LoadError::OtherWorld(format!("exports {exports}, not `{HANDLERS}`")));
        }
    };
    for function in HANDLER_FUNCTIONS {
        if handlers.get_export(engine, function).is_none() {
            return Err(LoadError::OtherWorld(format!("`{HANDLERS}` lacks `{function}`")));
        }
    }
    Ok(imports)
}

/// The error for an import that the contract does not have.
pub(crate) fn unknown_import(name: &str) -> LoadError {
    let advice = if name.starts_with("wasi") {
        "; a network function has no files, sockets or environment: build it for \
         wasm32-unknown-unknown, or as a component of WASI 0.2"
    } else if name.starts_with("nfos:nf/") {
        "; its version of the contract is nfos:nf@0.1.0"
    } else if name.starts_with("env") {
        "; a symbol was left undefined when it was linked"
    } else {
        "; a network function imports nothing but nfos:nf@0.1.0"
    };
    LoadError::UnknownImport { import: one_line(name, NAME_BYTES_MAX), advice }
}
