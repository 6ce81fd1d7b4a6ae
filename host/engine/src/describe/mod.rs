//! Asking a network function what it is.
//!
//! `describe` runs once, in an instance of its own, through Wasmtime's component linker: the
//! description is deep and need not be fast. Linking checks every import and export against the
//! types of the contract. The imports are there and refuse, since `describe` calls none; but
//! `fault.report` works, so that a panic is told.

mod lift;
mod refuse;
mod rules;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::description::Description;
use crate::engine::Engine;
use crate::last_words::LastWords;
use crate::limits::{self, Limited, Limits};
use crate::load::{LoadError, one_line};
use crate::trap;

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract by Wasmtime"
)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "nf",
        imports: { default: trappable },
    });
}

/// Bytes of the host that lifting a description may take. Lists inside lists may name the same
/// bytes of the guest again and again.
const LIFTED_BYTES_MAX: usize = 1 << 20;

/// The data of a describing instance's store.
struct Host {
    limits: Limits,
    last_words: LastWords,
}

impl Limited for Host {
    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }
}

/// The description of a component, checked.
pub(crate) fn describe(engine: &Engine, component: &Component) -> Result<Description, LoadError> {
    let other_world = |error: wasmtime::Error| LoadError::OtherWorld(one_line(&error));
    let mut linker = Linker::new(engine.wasmtime());
    bindings::Nf::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host)
        .expect("the contract's names are distinct");
    let linked = linker.instantiate_pre(component).map_err(other_world)?;

    let host = Host { limits: Limits::new(engine.settings()), last_words: LastWords::default() };
    let mut store = Store::new(engine.wasmtime(), host);
    store.set_hostcall_fuel(LIFTED_BYTES_MAX);
    limits::impose(&mut store);
    limits::begin_call(&mut store);
    let instance = linked.instantiate(&mut store).map_err(|error| fault(error, &store))?;
    let nf = bindings::Nf::new(&mut store, &instance).map_err(other_world)?;
    let described = nf.nfos_nf_handlers().call_describe(&mut store);
    let described = described.map_err(|error| fault(error, &store))?;
    let description = lift::description(described);
    rules::check(&description)?;
    Ok(description)
}

fn fault(error: wasmtime::Error, store: &Store<Host>) -> LoadError {
    let Host { limits, last_words } = store.data();
    LoadError::Describe(trap::fault_of(error, limits, last_words))
}
