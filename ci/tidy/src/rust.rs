//! Module docs, length of functions, tests that can fail, where `unsafe` may be.

use crate::{File, Finding};

/// Where `unsafe` may be, and why it must.
const UNSAFE: [(&str, &str); 29] = [
    ("bench/peers/src/program.rs", "compiled eBPF, to compare with, runs unchecked"),
    ("bench/src/allocations.rs", "an allocator that counts"),
    ("bench/src/native.rs", "the native engine uses a burst where it lies, as a guest does"),
    ("guest-sdk/rust/src/answers.rs", "verdicts are written to room that is not yet in use"),
    ("guest-sdk/rust/src/arena.rs", "the allocator of a guest"),
    ("guest-sdk/rust/src/export.rs", "the exports, which get addresses"),
    ("guest-sdk/rust/src/host/progress.rs", "exports a symbol"),
    ("guest-sdk/rust/src/raw.rs", "the exports' macro"),
    ("guest-sdk/rust/src/room.rs", "exports a symbol"),
    ("guests/test/core-module-without-world/src/lib.rs", "exports a symbol of its own"),
    ("guests/test/imports-unknown/src/lib.rs", "imports what no host has"),
    ("guests/test/pointers-beyond-memory/src/lib.rs", "passes addresses that are wrong"),
    ("host/dataplane/tests/steady_state.rs", "an allocator that counts"),
    ("host/engine/src/cache.rs", "maps compiled code that this host wrote"),
    ("host/engine/src/direct/memory.rs", "the memory of a guest"),
    ("host/engine/tests/allocation.rs", "an allocator that counts"),
    ("host/netio/src/dpdk/buffers.rs", "pools are DPDK's, and may lie in memory made here"),
    ("host/netio/src/dpdk/device.rs", "calls DPDK's devices"),
    ("host/netio/src/dpdk/eal.rs", "starts DPDK"),
    ("host/netio/src/dpdk/packet.rs", "packets lie in buffers of DPDK's"),
    ("host/netio/src/dpdk/scaling.rs", "hands DPDK a key and a table"),
    ("host/netio/src/dpdk/whole.rs", "frames lie in buffers of DPDK's"),
    ("host/netio/tests/allocation.rs", "an allocator that counts"),
    ("host/state/tests/allocations.rs", "an allocator that counts"),
    ("host/stm/src/cell.rs", "a promise that a cell of zeros is one"),
    ("host/stm/src/log.rs", "entries go to room that is not yet in use"),
    ("host/stm/src/reservation.rs", "memory that is zero without being written"),
    ("host/sync/src/huge_pages.rs", "advice to the kernel that takes an address"),
    ("host/sync/src/prefetch.rs", "an instruction that takes an address"),
];

/// Functions are split before they are longer.
const FUNCTION_LINES_MAX: usize = 70;
/// Longer ones, each with its reason.
const LONG_FUNCTIONS: [(&str, &str, &str); 1] = [(
    "host/netio/tests/captures.rs",
    "each_bad_capture_gets_one_line_that_says_what_would_be_right",
    "a table of captures and lines",
)];

/// A file of Rust says first what it is.
pub fn module_docs(file: &File) -> Option<Finding> {
    (file.is(&[".rs"]) && !file.text.starts_with("//! "))
        .then(|| file.finding(1, "begins without module docs (//! …)"))
}

/// `unsafe` is where the list above says, and nowhere else.
pub fn unsafety(file: &File) -> Option<Finding> {
    let listed = UNSAFE.iter().any(|(path, _)| *path == file.path);
    if !file.is(&[".rs"]) || listed {
        return None;
    }
    let (number, _) = file.lines().find(|(_, line)| is_unsafe(line))?;
    Some(file.finding(number, "unsafe, and not on the list in ci/tidy/src/rust.rs"))
}

/// What the list has and the tree does not need.
pub fn needless_permission(files: &[File]) -> Vec<Finding> {
    let needs = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.is_some_and(|file| file.lines().any(|(_, line)| is_unsafe(line)))
    };
    UNSAFE
        .iter()
        .filter(|(path, _)| !needs(path))
        .map(|(path, _)| File::new(path, "").finding(0, "has a permission that it does not need"))
        .collect()
}

fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
    code.match_indices("unsafe").any(|(at, word)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// Tests that assert nothing, each with what makes it fail all the same.
const SILENT_TESTS: [(&str, &str, &str); 0] = [];

/// A function has at most 70 lines.
pub fn function_length(file: &File) -> Vec<Finding> {
    let excepted =
        |name: &str| LONG_FUNCTIONS.iter().any(|long| long.0 == file.path && long.1 == name);
    functions(file)
        .into_iter()
        .filter(|function| function.lines > FUNCTION_LINES_MAX && !excepted(function.name))
        .map(|Function { first, name, lines, .. }| {
            file.finding(first, format!("fn {name} has {lines} lines"))
        })
        .collect()
}

/// A test asserts something, itself or through a function of its file or of the tests beside it.
pub fn tests_without_assertion(files: &[File]) -> Vec<Finding> {
    let shared: Vec<Function<'_>> = files
        .iter()
        .filter(|file| file.path.contains("/tests/") || file.path.contains("/testing/"))
        .flat_map(functions)
        .collect();
    let shared = asserting(&shared, &[]);
    let without = |file: &File| {
        let functions = functions(file);
        let known = asserting(&functions, &shared);
        let tests = functions.into_iter().filter(|function| function.is_test);
        tests
            .filter(|test| !asserts(test.body, &known))
            .filter(|test| !SILENT_TESTS.iter().any(|s| s.0 == file.path && s.1 == test.name))
            .map(|test| file.finding(test.first, format!("{} asserts nothing", test.name)))
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(without).collect()
}

/// The names of those that assert, given others that do.
fn asserting<'a>(functions: &[Function<'a>], others: &[&'a str]) -> Vec<&'a str> {
    let mut names = others.to_vec();
    loop {
        let more: Vec<&str> = functions
            .iter()
            .filter(|function| !names.contains(&function.name) && asserts(function.body, &names))
            .map(|function| function.name)
            .collect();
        if more.is_empty() {
            return names;
        }
        names.extend(more);
    }
}

fn asserts(body: &str, asserting: &[&str]) -> bool {
    let says = |word: &str| body.contains(word);
    says("assert") || says("panic!(") || asserting.iter().any(|name| says(&format!("{name}(")))
}

/// A function in the text of a file.
struct Function<'a> {
    first: usize,
    lines: usize,
    name: &'a str,
    /// What comes behind its first line.
    body: &'a str,
    is_test: bool,
}

/// The functions of a file, outermost ones only. Formatted code closes one with a brace in the
/// column where it began.
fn functions(file: &File) -> Vec<Function<'_>> {
    let mut all = Vec::new();
    // First line, column, name, where its text goes on, whether it is a test.
    let mut open: Option<(usize, usize, &str, usize, bool)> = None;
    let (mut at, mut is_test) = (0, false);
    for (number, line) in file.lines().filter(|_| file.is(&[".rs"])) {
        at += line.len() + 1;
        let indent = line.len() - line.trim_start().len();
        match open {
            None => {
                is_test |= line.trim() == "#[test]";
                open = function_name(line).map(|name| (number, indent, name, at, is_test));
                is_test &= open.is_none() && !line.trim().is_empty();
            }
            Some((_, column, ..)) if indent == column && line.trim_end().ends_with(';') => {
                open = None;
            }
            Some((first, column, name, from, is_test))
                if indent == column && line.trim() == "}" =>
            {
                let lines = number + 1 - first;
                let body = file.text.get(from..at).unwrap_or_default();
                all.push(Function { first, lines, name, body, is_test });
                open = None;
            }
            Some(_) => {}
        }
    }
    all
}

/// The name of the function that begins in this line and does not end there.
fn function_name(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let at = if code.starts_with("fn ") { 3 } else { code.find(" fn ")? + 4 };
    let words = code[..at].split_whitespace();
    let qualifiers = ["pub", "const", "unsafe", "async", "extern", "\"C\"", "fn"];
    let mut others = words.filter(|word| !qualifiers.contains(word) && !word.starts_with("pub("));
    let begins = others.next().is_none() && !code.ends_with('}') && !code.ends_with(';');
    begins.then(|| code[at..].split(['(', '<']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_docs_is_found() {
        assert!(module_docs(&File::new("a.rs", "use std::fmt;\n")).is_some());
        assert!(module_docs(&File::new("a.rs", "//! Says what it is.\n")).is_none());
    }

    #[test]
    fn unsafe_code_is_found_and_talk_of_it_is_not() {
        for code in ["? { x }", "pub ? fn f()", "#[?(no_mangle)]"] {
            let code = code.replace('?', "unsafe");
            assert!(unsafety(&File::new("a.rs", &code)).is_some(), "{code}");
        }
        for talk in ["#![forbid(unsafe_code)]", "// unsafe", "undocumented_unsafe_blocks"] {
            assert!(unsafety(&File::new("a.rs", talk)).is_none(), "{talk}");
        }
    }

    #[test]
    fn a_permission_that_nobody_needs_is_found() {
        let all: Vec<File> = UNSAFE.iter().map(|(path, _)| File::new(path, "unsafe {}")).collect();
        assert!(needless_permission(&all).is_empty());
        assert_eq!(needless_permission(&all[1..]).len(), 1);
    }

    #[test]
    fn a_test_that_cannot_fail_is_found() {
        let text = |body: &str| format!("#[test]\nfn it_holds() {{\n    {body};\n}}\n");
        let count = |body: &str, more: &str| {
            let beside = File::new("x/tests/support.rs", "fn beside() {\n    assert!(x);\n}\n");
            tests_without_assertion(&[File::new("x/a.rs", &(text(body) + more)), beside]).len()
        };
        assert_eq!(count("println!(\"look\")", ""), 1);
        assert_eq!(count("assert_eq!(a, b)", ""), 0);
        assert_eq!(count("through()", "\nfn through() {\n    deep();\n}\n"), 1);
        let deep = "\nfn through() {\n    deep();\n}\n\nfn deep() {\n    panic!(\"no\");\n}\n";
        assert_eq!(count("through()", deep), 0);
        assert_eq!(count("beside()", ""), 0);
    }

    #[test]
    fn a_long_function_is_found_wherever_it_begins() {
        let function = |indent: &str, body: usize| {
            let body = format!("{indent}    x;\n").repeat(body);
            File::new(
                "a.rs",
                &format!("{indent}pub(crate) fn f(\n{indent}) {{\n{body}{indent}}}\n"),
            )
        };
        assert!(function_length(&function("", FUNCTION_LINES_MAX - 3)).is_empty());
        assert_eq!(function_length(&function("    ", FUNCTION_LINES_MAX - 2)).len(), 1);
        assert_eq!(function_name("    pub(crate) const fn open<T>(x: T) {"), Some("open"));
        assert_eq!(function_name("let f: fn(u8) = g;"), None);
        assert_eq!(function_name("fn short() {}"), None);
    }
}
