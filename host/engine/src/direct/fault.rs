//! `fault`: a guest's last words before it traps. They end here: the services never see them.

use wasmtime::{Linker, Result};

use super::memory::reach;
use super::{Call, Host};
use crate::last_words::MESSAGE_BYTES_MAX;
use crate::services::Services;

const INTERFACE: &str = "nfos:nf/fault@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "report", report::<S>)?;
    Ok(())
}

/// Of a guest in distress: what is not UTF-8 is replaced rather than a second fault.
fn report<S: Services>(mut call: Call<S>, message: u32, message_length: u32) -> Result<()> {
    let (_, memory) = reach(&mut call)?;
    let kept = memory.bytes(message, message_length)?;
    let mut copy = [0; MESSAGE_BYTES_MAX];
    let length = kept.len().min(MESSAGE_BYTES_MAX);
    copy[..length].copy_from_slice(&kept[..length]);
    call.data_mut().last_words.keep(&copy[..length]);
    Ok(())
}
