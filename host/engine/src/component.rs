//! Components: making one of a core module, and looking for the core module in one.

use wasmparser::{CanonicalOption, Parser, Payload};
use wit_component::ComponentEncoder;

use crate::contract;
use crate::last_words::one_line;
use crate::load::LoadError;

/// What a file holds, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Component,
    CoreModule,
}

pub(crate) fn kind(bytes: &[u8]) -> Result<Kind, LoadError> {
    if Parser::is_component(bytes) {
        Ok(Kind::Component)
    } else if Parser::is_core_wasm(bytes) {
        Ok(Kind::CoreModule)
    } else {
        Err(LoadError::NotWasm)
    }
}

/// A component made of a core module that has the contract's type in a custom section.
///
/// # Errors
/// [`LoadError`] for bytes that are no such module.
pub fn encode(core_module: &[u8]) -> Result<Vec<u8>, LoadError> {
    match kind(core_module)? {
        Kind::CoreModule => check_core_module(core_module)?,
        Kind::Component => return Err(LoadError::Invalid("it is a component already".to_owned())),
    }
    ComponentEncoder::default()
        .validate(true)
        .module(core_module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| LoadError::OtherWorld(one_line(&format!("{error:#}"), 512)))
}

/// Looks for what can be said better than by the encoder.
fn check_core_module(module: &[u8]) -> Result<(), LoadError> {
    let mut has_world = false;
    let mut unknown = None;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(invalid)? {
            Payload::CustomSection(section) => {
                has_world |= section.name().starts_with("component-type");
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    if !contract::admits(import.module) {
                        let name = format!("{} {}", import.module, import.name);
                        unknown.get_or_insert_with(|| contract::unknown_import(&name));
                    }
                }
            }
            _ => {}
        }
    }
    match unknown {
        _ if !has_world => Err(LoadError::NoWorld),
        Some(unknown) => Err(unknown),
        None => Ok(()),
    }
}

/// The one core module of a component that does anything: the only one that has to do with
/// memory. The others that `wit-component` makes only pass calls on, or start that one.
pub(crate) fn core_module(component: &[u8]) -> Result<&[u8], LoadError> {
    let mut modules = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { unchecked_range, .. } if depth == 0 => {
                depth += 1;
                let module = component.get(unchecked_range).unwrap_or_default();
                if touches_memory(module)? {
                    modules.push(module);
                }
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentCanonicalSection(section) if depth == 0 => {
                for function in section {
                    check_options(&function.map_err(invalid)?)?;
                }
            }
            _ => {}
        }
    }
    match modules[..] {
        [module] => Ok(module),
        _ => Err(LoadError::NotDirect(format!(
            "it has {} core modules with memory; the direct engine takes one",
            modules.len()
        ))),
    }
}

fn touches_memory(module: &[u8]) -> Result<bool, LoadError> {
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(invalid)? {
            Payload::MemorySection(section) if section.count() > 0 => return Ok(true),
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if matches!(import.map_err(invalid)?.ty, wasmparser::TypeRef::Memory(_)) {
                        return Ok(true);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

/// The direct engine reads strings as UTF-8, and calls no one asynchronously.
fn check_options(function: &wasmparser::CanonicalFunction) -> Result<(), LoadError> {
    use wasmparser::CanonicalFunction::{Lift, Lower};
    let (Lift { options, .. } | Lower { options, .. }) = function else { return Ok(()) };
    let odd = options.iter().any(|option| {
        matches!(
            option,
            CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 | CanonicalOption::Async
        )
    });
    if odd {
        return Err(LoadError::NotDirect("it has strings that are not UTF-8".to_owned()));
    }
    Ok(())
}

fn invalid(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Invalid(one_line(&error.to_string(), 512))
}
