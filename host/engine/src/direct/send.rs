//! `send`: packets other than the one of the event.

use wasmtime::{Linker, Result};

use super::memory::reach;
use super::{Call, Host};
use crate::services::Services;

const INTERFACE: &str = "nfos:nf/send@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "send", send::<S>)?;
    Ok(())
}

fn send<S: Services>(mut call: Call<S>, port: u32, frame: u32, frame_length: u32) -> Result<()> {
    let (services, memory) = reach(&mut call)?;
    // The canonical ABI takes a `u16` modulo 65,536.
    Ok(services.send(port as u16, memory.bytes(frame, frame_length)?)?)
}
