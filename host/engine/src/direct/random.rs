//! `random`: randomness that a re-run repeats.

use wasmtime::{Linker, Result};

use super::memory::services;
use super::{Call, Host};
use crate::services::Services;

const INTERFACE: &str = "nfos:nf/random@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "next", next::<S>)?;
    Ok(())
}

fn next<S: Services>(mut call: Call<S>) -> Result<u64> {
    Ok(services(&mut call)?.random()?)
}
