//! `distributed-object`: one cell that every worker updates on its own and reads merged.

use wasmtime::{Linker, Result};

use super::memory::reach;
use super::{Call, Host};
use crate::fault::GuestFault;
use crate::services::{Handle, Merge, Services};

const INTERFACE: &str = "nfos:nf/distributed-object@0.1.0";

/// More merges than a cell has words are the services' to refuse; far more are not read.
const MERGES_MAX: u32 = 64;

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker
        .func_wrap(INTERFACE, "[static]distributed-object.open", open::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.update", update::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.read", read::<S>)?
        .func_wrap(INTERFACE, "[resource-drop]distributed-object", |_: Handle| {})?;
    Ok(())
}

fn open<S: Services>(
    mut call: Call<S>,
    name: u32,
    name_length: u32,
    merges: u32,
    merge_count: u32,
    staleness_ns: u64,
) -> Result<Handle> {
    let (services, memory) = reach(&mut call);
    let merges = memory.bytes(merges, merge_count)?;
    if merge_count > MERGES_MAX {
        return Err(GuestFault::BadArgument(format!("{merge_count} merges; 1 to 6")).into());
    }
    let merges: Vec<Merge> =
        merges.iter().map(|&merge| lift_merge(merge)).collect::<Result<_, _>>()?;
    Ok(services.open_distributed(memory.text(name, name_length)?, &merges, staleness_ns)?)
}

fn lift_merge(from: u8) -> Result<Merge, GuestFault> {
    match from {
        0 => Ok(Merge::Sum),
        1 => Ok(Merge::Max),
        2 => Ok(Merge::Min),
        3 => Ok(Merge::Or),
        _ => Err(GuestFault::BadValue("a merge that does not exist")),
    }
}

fn update<S: Services>(mut call: Call<S>, object: Handle, word: u32, operand: i64) -> Result<()> {
    // The canonical ABI takes a `u8` modulo 256.
    Ok(call.data_mut().services.distributed_update(object, word as u8, operand)?)
}

fn read<S: Services>(mut call: Call<S>, object: Handle, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call);
    let cell = services.distributed_read(object)?;
    Ok(memory.store_cell(answer, &cell)?)
}
