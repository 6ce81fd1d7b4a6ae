//! The page of conflicts is what the table says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conflicts.md")
}

#[test]
fn the_page_of_conflicts_is_that_of_the_table() {
    let written = std::fs::read_to_string(path()).unwrap();
    let write_anew = "cargo test -p nfos-state --test conflicts_page -- --ignored";
    assert!(written == nfos_state::rules::page(), "out of date: {write_anew}");
}

#[test]
#[ignore = "writes the page anew"]
fn write_the_page() {
    std::fs::write(path(), nfos_state::rules::page()).unwrap();
}
