//! `event`: things worth counting.

use wasmtime::{Linker, Result};

use super::memory::services;
use super::{Call, Host};
use crate::services::Services;

const INTERFACE: &str = "nfos:nf/event@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "emit", emit::<S>)?;
    Ok(())
}

fn emit<S: Services>(mut call: Call<S>, event: u32, value: u64) -> Result<()> {
    Ok(services(&mut call)?.emit(event, value)?)
}
