//! Addresses of what a guest keeps for the host in its memory, which it exports as constants.

use wasmtime::{ExternType, Instance, Module, Mutability, Store};

use super::Host;

/// Why an export of a module, if it is there, is no address.
pub(super) fn check(module: &Module, name: &str) -> Result<(), String> {
    match module.get_export(name) {
        None => Ok(()),
        Some(ExternType::Global(ty))
            if ty.content().is_i32() && ty.mutability() == Mutability::Const =>
        {
            Ok(())
        }
        Some(_) => Err(format!("its core module exports `{name}` as no constant of 32 bits")),
    }
}

/// The address that an instance exports. Nothing of it is known but that it is one.
pub(super) fn exported<S>(
    store: &mut Store<Host<S>>,
    instance: Instance,
    name: &str,
) -> Option<u32> {
    let global = instance.get_global(&mut *store, name)?;
    global.get(store).i32().map(i32::cast_unsigned)
}
