//! Each guarantee names tests that are there.
//!
//! `docs/guarantees.md` has a numbered paragraph per guarantee. A line of it with a path of a Rust
//! file in backticks names tests: the other words in backticks behind the path are functions of
//! that file. A guarantee without such a line says "Not yet shown".

use std::collections::BTreeMap;

use crate::{File, Finding, Tree};

const DOCUMENT: &str = "docs/guarantees.md";
/// How many guarantees there are.
const COUNT: usize = 37;
const NOT_SHOWN: &str = "Not yet shown";

/// Each guarantee is there once, and has tests or says that it has none.
pub fn complete(file: &File) -> Vec<Finding> {
    let mut shown: BTreeMap<usize, bool> = BTreeMap::new();
    let mut current = None;
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        if let Some(guarantee) = number_of(line) {
            current = Some(guarantee);
            if shown.insert(guarantee, false).is_some() {
                findings
                    .push(file.finding(number, format!("guarantee {guarantee} is there twice")));
            }
        } else if line.starts_with('#') {
            current = None;
        }
        let says = line.contains(NOT_SHOWN) || tests_of(line).is_some();
        if let Some(state) = current.and_then(|guarantee| shown.get_mut(&guarantee)) {
            *state |= says;
        }
    }
    for guarantee in 1..=COUNT {
        match shown.get(&guarantee) {
            None => findings.push(file.finding(0, format!("has no guarantee {guarantee}"))),
            Some(false) => {
                let what = format!("guarantee {guarantee} has neither a test nor \"{NOT_SHOWN}\"");
                findings.push(file.finding(0, what));
            }
            Some(true) => {}
        }
    }
    findings
}

/// Each test that a guarantee names is a test of the file that it names.
pub fn tests_exist(tree: &Tree) -> Vec<Finding> {
    let Some(document) = tree.file(DOCUMENT) else {
        return vec![File::new(DOCUMENT, "").finding(0, "is not there")];
    };
    let mut findings = Vec::new();
    for (number, line) in document.lines() {
        let Some((path, tests)) = tests_of(line) else { continue };
        let Some(source) = tree.file(path) else {
            findings.push(document.finding(number, format!("{path} is not there")));
            continue;
        };
        let missing = tests.iter().filter(|test| !has_test(source, test));
        findings.extend(
            missing.map(|test| document.finding(number, format!("{path} has no test {test}"))),
        );
        if tests.is_empty() {
            findings.push(document.finding(number, format!("names no test of {path}")));
        }
    }
    findings
}

/// The number of the guarantee that begins in this line: `7. …`.
fn number_of(line: &str) -> Option<usize> {
    line.split_once(". ")?.0.parse().ok()
}

/// The Rust file that a line names in backticks, and what it names behind it.
fn tests_of(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = line.split('`').skip(1).step_by(2);
    let path = quoted.find(|word| word.ends_with(".rs"))?;
    Some((path, quoted.collect()))
}

/// Whether a file defines a function of that name behind a test attribute.
fn has_test(source: &File, name: &str) -> bool {
    let definition = format!("fn {name}(");
    let Some(at) = source.text.find(&definition) else { return false };
    let before = source.text[..at].rsplit('\n').skip(1);
    let attributes = before.take_while(|line| !line.trim().is_empty() && line.trim() != "}");
    attributes.into_iter().any(|line| line.trim().starts_with("#[test]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Tree {
        let source = "    #[test]\n    fn it_holds() {}\n\nfn it_does_not() {}\n";
        let files = vec![File::new(DOCUMENT, text), File::new("a/b.rs", source)];
        Tree { root: "/".into(), files }
    }

    #[test]
    fn only_tests_that_are_there_pass() {
        assert!(tests_exist(&document("1. It.\n   `a/b.rs`: `it_holds`\n")).is_empty());
        for bad in
            ["`a/b.rs`: `it_might`", "`a/c.rs`: `it_holds`", "`a/b.rs`", "`a/b.rs`: `it_does_not`"]
        {
            assert_eq!(tests_exist(&document(bad)).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_guarantee_without_a_word_on_its_test_is_found() {
        let all: String = (1..=COUNT)
            .map(|number| format!("{number}. It holds.\n   Not yet shown.\n\n"))
            .collect();
        assert!(complete(&File::new(DOCUMENT, &all)).is_empty());
        let silent = all.replacen("   Not yet shown.\n", "", 1);
        assert_eq!(complete(&File::new(DOCUMENT, &silent)).len(), 1);
        let missing = all.replace("12. It", "It");
        assert_eq!(complete(&File::new(DOCUMENT, &missing)).len(), 1);
        let twice = all.replace("12. It", "11. It");
        assert_eq!(complete(&File::new(DOCUMENT, &twice)).len(), 2);
    }
}
