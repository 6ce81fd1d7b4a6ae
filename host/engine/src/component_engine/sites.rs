//! Call sites: the imports that have to do with structures, once more, and then where they were
//! called from, if that is wanted. The others have no store at hand.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut, WasmBacktrace};

use super::Host;
use crate::bindings::nfos::nf::{allocator, distributed_object, hash_map, types, vector};
use crate::site::CallSite;

fn note(mut store: StoreContextMut<'_, Host>) {
    if store.data().services.wants_site() {
        let site = CallSite::of(&WasmBacktrace::force_capture(&store));
        store.data_mut().services.site(site);
    }
}

/// Defines the methods of a resource again, with their call sites noted: those that answer
/// something, and those that do not.
macro_rules! note_sites {
    ($linker:expr, $interface:literal, $module:ident::$host:ident of $kind:ident:
     { $($name:literal $method:ident($($argument:ident: $ty:ty),*);)* }
     { $($silent:literal $silent_method:ident($($of:ident: $of_ty:ty),*);)* }) => {{
        let mut instance = $linker.instance(concat!("nfos:nf/", $interface, "@0.1.0"))?;
        $(instance.func_wrap(
            concat!("[method]", $interface, ".", $name),
            |mut store: StoreContextMut<'_, Host>,
             (this, $($argument,)*): (Resource<$module::$kind>, $($ty,)*)| {
                let answer = $module::$host::$method(store.data_mut(), this, $($argument),*)?;
                note(store);
                Ok((answer,))
            },
        )?;)*
        $(instance.func_wrap(
            concat!("[method]", $interface, ".", $silent),
            |mut store: StoreContextMut<'_, Host>,
             (this, $($of,)*): (Resource<$module::$kind>, $($of_ty,)*)| {
                $module::$host::$silent_method(store.data_mut(), this, $($of),*)?;
                note(store);
                Ok(())
            },
        )?;)*
    }};
}

pub(super) fn link(linker: &mut Linker<Host>) -> Result<()> {
    linker.allow_shadowing(true);
    note_sites!(linker, "vector", vector::HostVector of Vector:
        { "read" read(index: u32); }
        {
            "write" write(index: u32, value: types::Cell);
            "add" add(index: u32, word: u8, delta: i64);
        }
    );
    note_sites!(linker, "hash-map", hash_map::HostHashMap of HashMap:
        {
            "get" get(key: Vec<u8>);
            "set" set(key: Vec<u8>, value: types::Cell);
            "remove" remove(key: Vec<u8>);
            "len" len();
            "next" next(at: u64);
        }
        {}
    );
    note_sites!(linker, "allocator", allocator::HostAllocator of Allocator:
        {
            "allocate" allocate(duration: u64);
            "refresh" refresh(id: u32, duration: u64);
            "is-live" is_live(id: u32);
            "next-expired" next_expired();
        }
        { "free" free(id: u32); }
    );
    note_sites!(linker, "distributed-object",
        distributed_object::HostDistributedObject of DistributedObject:
        {
            "read" read();
            "part" part(index: u32);
            "own-part" own_part();
        }
        {
            "update" update(word: u8, operand: i64);
            "set-part" set_part(value: types::Cell);
        }
    );
    linker.allow_shadowing(false);
    Ok(())
}
