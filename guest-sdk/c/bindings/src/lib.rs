//! The bindings of the C SDK, generated from the contract.
//!
//! What comes out lies in `guest-sdk/c/generated/`, so that authors need a C compiler and nothing
//! else. `cargo run -p nfos-c-bindings` writes it anew; a test holds it to the contract.
//!
//! The generator gives the contract's type as an object file. Here it becomes a C file that any
//! compiler puts into the same section: text, which a reviewer can see to have changed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wasmparser::{Parser, Payload};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// The object file with the contract's type, as the generator names it.
const TYPE_OBJECT: &str = "nf_component_type.o";
/// What it becomes.
const TYPE_SOURCE: &str = "nf_component_type.c";

/// A file of the bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Its name, without a folder.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Where the bindings lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../generated")
}

/// The bindings of the contract in `wit/`.
///
/// # Errors
/// A contract that is none, or that the generator cannot express in C.
pub fn generate() -> anyhow::Result<Vec<Generated>> {
    let mut resolve = Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit");
    let (package, _) = resolve.push_path(contract)?;
    let world = resolve.select_world(&[package], Some("nf"))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    files.iter().map(|(name, content)| file(name, content)).collect()
}

fn file(name: &str, content: &[u8]) -> anyhow::Result<Generated> {
    if name == TYPE_OBJECT {
        return Ok(Generated { name: TYPE_SOURCE.to_owned(), text: type_source(content)? });
    }
    let text = std::str::from_utf8(content).with_context(|| format!("{name} is no text"))?;
    Ok(Generated { name: name.to_owned(), text: text.to_owned() })
}

/// A C file that puts the contract's type where the object file has it.
fn type_source(object: &[u8]) -> anyhow::Result<String> {
    let (section, content) = type_section(object)?;
    let mut text = String::from(
        "// The type of the contract, for the custom section from which a component is made.\n\
         // Written by nfos-c-bindings. DO NOT EDIT!\n\n",
    );
    write!(text, "__asm__(\n    \".section \\\".custom_section.{section}\\\",\\\"\\\",@\\n\"\n")?;
    for line in content.chunks(24) {
        let bytes: Vec<_> = line.iter().map(u8::to_string).collect();
        writeln!(text, "    \".byte {}\\n\"", bytes.join(","))?;
    }
    text.push_str(
        ");\n\nextern void __component_type_object_force_link_nf(void);\n\
         void __component_type_object_force_link_nf(void) {\n}\n",
    );
    Ok(text)
}

fn type_section(object: &[u8]) -> anyhow::Result<(String, Vec<u8>)> {
    for payload in Parser::new(0).parse_all(object) {
        if let Payload::CustomSection(section) = payload?
            && section.name().starts_with("component-type")
        {
            return Ok((section.name().to_owned(), section.data().to_vec()));
        }
    }
    anyhow::bail!("the generator's object file has no section `component-type`")
}
