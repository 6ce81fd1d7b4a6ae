//! The author's own place in a backtrace, among frames of the SDK and of libraries.

use wasmtime::{FrameSymbol, WasmBacktrace};

/// A place in a guest's source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Site {
    /// As the compiler named it; empty without debug information.
    pub file: String,
    /// From 1; 0 without debug information.
    pub line: u32,
    /// From 1; 0 without debug information.
    pub column: u32,
    /// The function's name; empty if it has none.
    pub function: String,
}

/// Parts of the paths of source files that authors of network functions do not write: the
/// compiler's own, dependencies from a registry or a repository, and the SDKs of this tree.
const FOREIGN: [&str; 6] =
    ["/rustc/", "/registry/src/", "/git/checkouts/", "/library/core/", "guest-sdk/", "wit-bindgen"];

/// Whether a source file is the author's.
pub(crate) fn is_own(file: &str) -> bool {
    !FOREIGN.iter().any(|part| file.contains(part))
}

/// The innermost place of the author's own source. Without debug information: the innermost
/// function that has a name. Inlined functions count as called.
pub(crate) fn own_site(backtrace: &WasmBacktrace) -> Site {
    let mut symbols = backtrace.frames().iter().flat_map(|frame| frame.symbols());
    if let Some(symbol) = symbols.find(|symbol| symbol.file().is_some_and(is_own)) {
        return site(symbol);
    }
    let names = || backtrace.frames().iter().filter_map(|frame| frame.func_name());
    let own = names().find(|name| !is_plumbing(name)).or_else(|| names().next());
    Site { function: own.map(demangled).unwrap_or_default(), ..Site::default() }
}

fn site(symbol: &FrameSymbol) -> Site {
    Site {
        file: symbol.file().unwrap_or_default().to_owned(),
        line: symbol.line().unwrap_or(0),
        column: symbol.column().unwrap_or(0),
        function: symbol.name().map(demangled).unwrap_or_default(),
    }
}

/// Whether a function of this name, mangled or not, is of the SDK or of the bindings.
fn is_plumbing(name: &str) -> bool {
    let name = demangled(name);
    ["nfos::", "<nfos::", "core::", "<core::", "alloc::", "std::", "nfos:", "cabi_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// A Rust name without its hash; other names as they are.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_and_libraries_are_not_the_authors_own() {
        for foreign in [
            "/rustc/5980/library/core/src/option.rs",
            "/x/.cargo/registry/src/index-1/hash-1.0/src/lib.rs",
            "/x/nfos/guest-sdk/rust/src/structures.rs",
            "guest-sdk/c/nfos.h",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
        assert!(is_own("/x/quota/src/lib.rs") && is_own("guests/bridge/src/lib.rs"));
    }

    #[test]
    fn names_lose_their_hash_and_plumbing_is_known() {
        let mangled = "_ZN4nfos10structures3Map3get17h05af221e174051e9E";
        assert_eq!(demangled(mangled), "nfos::structures::Map::get");
        assert!(is_plumbing(mangled) && !is_plumbing("_ZN5quota5Quota6packet17h05af221e174051e9E"));
        assert_eq!(demangled("handle_packet"), "handle_packet");
    }
}
