//! `burst`: where one event ends and the next begins.

use wasmtime::{Linker, Result};

use super::{Call, Host};
use crate::services::Services;

const INTERFACE: &str = "nfos:nf/burst@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "begin", begin::<S>)?;
    Ok(())
}

fn begin<S: Services>(mut call: Call<S>, event: u32) -> Result<u32> {
    Ok(call.data_mut().services.begin(event)?.into())
}
