//! The bindings that authors get are those of the contract.

use nfos_c_bindings::{folder, generate};

#[test]
fn the_bindings_of_the_c_sdk_are_those_of_the_contract() {
    let files = generate().expect("the contract can be expressed in C");
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["nf.c", "nf.h", "nf_component_type.c"]);
    for file in &files {
        let there = std::fs::read_to_string(folder().join(&file.name)).unwrap_or_default();
        assert!(
            there == file.text,
            "guest-sdk/c/generated/{} is not what the contract gives; \
             cargo run --release -p nfos-c-bindings writes it anew",
            file.name
        );
    }
}
