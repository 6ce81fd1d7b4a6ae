//! `distributed-object`: one cell that every worker updates on its own and reads merged.

use wasmtime::{Linker, Result};

use super::memory::{put_cell, reach, services};
use super::{Call, Host, answered};
use crate::fault::GuestFault;
use crate::services::{Handle, Merge, Services};

const INTERFACE: &str = "nfos:nf/distributed-object@0.1.0";

/// More merges than a cell has words are the services' to refuse; far more are not read.
const MERGES_MAX: u32 = 64;

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker
        .func_wrap(INTERFACE, "[static]distributed-object.open", open::<S>)?
        .func_wrap(INTERFACE, "[static]distributed-object.open-parts", open_parts::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.update", update::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.read", read::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.parts", parts::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.part", part::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.own-part", own_part::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.set-part", set_part::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.published", published::<S>)?
        .func_wrap(INTERFACE, "[method]distributed-object.publish", publish::<S>)?
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
    let (services, memory) = reach(&mut call)?;
    let merges = memory.bytes(merges, merge_count)?;
    if merge_count > MERGES_MAX {
        return Err(GuestFault::BadArgument(format!("{merge_count} merges; 1 to 6")).into());
    }
    let merges: Vec<Merge> =
        merges.iter().map(|&merge| lift_merge(merge)).collect::<Result<_, _>>()?;
    Ok(services.open_distributed(memory.text(name, name_length)?, &merges, staleness_ns)?)
}

fn open_parts<S: Services>(
    mut call: Call<S>,
    name: u32,
    name_length: u32,
    staleness_ns: u64,
) -> Result<Handle> {
    let (services, memory) = reach(&mut call)?;
    Ok(services.open_parts(memory.text(name, name_length)?, staleness_ns)?)
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
    services(&mut call)?.distributed_update(object, word as u8, operand)?;
    answered(&mut call)
}

fn read<S: Services>(mut call: Call<S>, object: Handle, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let to = memory.record(answer, 8)?;
    services.distributed_read_then(object, |cell| put_cell(to, cell))?;
    answered(&mut call)
}

fn parts<S: Services>(mut call: Call<S>, object: Handle) -> Result<u32> {
    Ok(services(&mut call)?.parts(object)?)
}

fn part<S: Services>(mut call: Call<S>, object: Handle, index: u32, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let cell = services.part(object, index)?;
    memory.store_cell(answer, &cell)?;
    answered(&mut call)
}

fn own_part<S: Services>(mut call: Call<S>, object: Handle, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let cell = services.own_part(object)?;
    memory.store_cell(answer, &cell)?;
    answered(&mut call)
}

#[expect(clippy::too_many_arguments, reason = "a cell is flattened into six parameters")]
fn set_part<S: Services>(
    mut call: Call<S>,
    object: Handle,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
    w4: u64,
    w5: u64,
) -> Result<()> {
    services(&mut call)?.set_part(object, [w0, w1, w2, w3, w4, w5])?;
    answered(&mut call)
}

fn published<S: Services>(mut call: Call<S>, object: Handle, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let cell = services.published(object)?;
    memory.store_option(answer, cell.as_ref())?;
    answered(&mut call)
}

#[expect(clippy::too_many_arguments, reason = "a cell is flattened into six parameters")]
fn publish<S: Services>(
    mut call: Call<S>,
    object: Handle,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
    w4: u64,
    w5: u64,
) -> Result<()> {
    Ok(services(&mut call)?.publish(object, [w0, w1, w2, w3, w4, w5])?)
}
