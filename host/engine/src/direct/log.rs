//! `log`: words for the operator.

use wasmtime::{Linker, Result};

use super::memory::reach;
use super::{Call, Host};
use crate::fault::GuestFault;
use crate::services::{LogLevel, Services};

const INTERFACE: &str = "nfos:nf/log@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "write", write::<S>)?;
    Ok(())
}

fn write<S: Services>(
    mut call: Call<S>,
    level: u32,
    message: u32,
    message_length: u32,
) -> Result<()> {
    let (services, memory) = reach(&mut call)?;
    Ok(services.log(lift_level(level)?, memory.text(message, message_length)?)?)
}

fn lift_level(from: u32) -> Result<LogLevel, GuestFault> {
    match from {
        0 => Ok(LogLevel::Error),
        1 => Ok(LogLevel::Warning),
        2 => Ok(LogLevel::Information),
        3 => Ok(LogLevel::Detail),
        _ => Err(GuestFault::BadValue("a log level that does not exist")),
    }
}
