//! Holds the tree to every rule.

use nfos_tidy::{File, Finding, Tree, documents, guarantees, layout, names, rust, text, told};

fn assert_tidy(findings: impl IntoIterator<Item = Finding>) {
    let findings: Vec<Finding> = findings.into_iter().collect();
    assert!(findings.is_empty(), "{}", told(&findings));
}

/// Every file against one rule.
fn each<F: IntoIterator<Item = Finding>>(rule: impl Fn(&File) -> F) {
    let tree = Tree::read();
    assert!(tree.files.len() > 100, "the tree is there");
    assert_tidy(tree.files.iter().flat_map(rule));
}

#[test]
fn files_are_short() {
    each(text::length);
}

#[test]
fn lines_are_narrow() {
    each(text::width);
}

#[test]
fn nothing_is_left_for_later() {
    each(text::leftovers);
}

#[test]
fn no_folder_of_one_machine_is_named() {
    each(text::homes);
}

#[test]
fn modules_say_what_they_are() {
    each(rust::module_docs);
}

#[test]
fn functions_are_short() {
    each(rust::function_length);
}

#[test]
fn tests_can_fail() {
    assert_tidy(rust::tests_without_assertion(&Tree::read().files));
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    each(rust::unsafety);
    assert_tidy(rust::needless_permission(&Tree::read().files));
}

#[test]
fn names_mean_something() {
    each(names::files);
    each(names::types);
}

#[test]
fn crates_describe_themselves_and_obey_the_lints() {
    each(layout::manifest);
}

#[test]
fn network_functions_have_the_same_files() {
    let root = Tree::read().root;
    let functions = layout::network_functions(&root);
    assert!(functions.len() >= 3, "{functions:?}");
    assert_tidy(functions.iter().flat_map(|folder| layout::network_function(&root, folder)));
}

#[test]
fn scripts_begin_alike() {
    each(layout::script);
}

#[cfg(unix)]
#[test]
fn scripts_can_be_run() {
    let root = Tree::read().root;
    each(|file| layout::executable(&root, file));
}

#[test]
fn links_lead_somewhere() {
    let root = Tree::read().root;
    each(|file| documents::links(&root, file));
}

#[test]
fn measurements_stand_beside_their_command() {
    each(documents::measurements);
}

#[test]
fn guarantees_name_tests_that_are_there() {
    let tree = Tree::read();
    assert_tidy(guarantees::tests_exist(&tree));
    let document = tree.file("docs/guarantees.md").expect("the rule before has found it");
    assert_tidy(guarantees::complete(document));
}
