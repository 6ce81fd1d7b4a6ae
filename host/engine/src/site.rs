//! Where a guest called from, and whose source that is: the author's own, or of the SDK and of
//! libraries.

use wasmtime::WasmBacktrace;

/// Frames of a call site. An import is called from behind a function or two of the SDK that were
/// not inlined; a trap is in the innermost, and a panic brings its own place along.
pub(crate) const FRAMES_MAX: usize = 8;

/// Where an import was called from: positions in the code of a guest, of which
/// [`NetworkFunction::sites`](crate::NetworkFunction::sites) makes [`Site`]s. Cost of taking one: a
/// few microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallSite {
    /// Innermost first; none behind the first 0, since code begins with a header.
    positions: [u32; FRAMES_MAX],
}

impl CallSite {
    /// Of positions, innermost first, as tests make them up.
    #[must_use]
    pub fn at(innermost_first: &[u32]) -> Self {
        let mut positions = [0; FRAMES_MAX];
        positions.iter_mut().zip(innermost_first).for_each(|(to, position)| *to = *position);
        Self { positions }
    }

    pub(crate) fn of(backtrace: &WasmBacktrace) -> Self {
        let mut positions = [0; FRAMES_MAX];
        let found = backtrace.frames().iter().filter_map(|frame| frame.module_offset());
        for (to, position) in positions.iter_mut().zip(found) {
            *to = position as u32;
        }
        Self { positions }
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        let positions = self.positions.iter().take_while(|position| **position > 0);
        positions.map(|position| *position as usize)
    }
}

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

/// Whether a function of this name, mangled or not, is of the SDK or of the bindings.
pub(crate) fn is_plumbing(name: &str) -> bool {
    let name = demangled(name);
    ["nfos::", "<nfos::", "core::", "<core::", "alloc::", "std::", "nfos:", "cabi_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// A Rust name without its hash; other names as they are.
pub(crate) fn demangled(name: &str) -> String {
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
