//! `clock`: time.

use wasmtime::{Linker, Result};

use super::memory::services;
use super::{Call, Host};
use crate::services::Services;

const INTERFACE: &str = "nfos:nf/clock@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "now", now::<S>)?;
    Ok(())
}

fn now<S: Services>(mut call: Call<S>) -> Result<u64> {
    Ok(services(&mut call)?.now()?)
}
