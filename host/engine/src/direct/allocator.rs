//! `allocator`: a set of ids handed out for a time.

use wasmtime::{Linker, Result};

use super::memory::{reach, services};
use super::{Call, Host, answered, opening};
use crate::services::{Handle, Services};

const INTERFACE: &str = "nfos:nf/allocator@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker
        .func_wrap(INTERFACE, "[static]allocator.open", open::<S>)?
        .func_wrap(INTERFACE, "[method]allocator.allocate", allocate::<S>)?
        .func_wrap(INTERFACE, "[method]allocator.refresh", refresh::<S>)?
        .func_wrap(INTERFACE, "[method]allocator.free", free::<S>)?
        .func_wrap(INTERFACE, "[method]allocator.is-live", is_live::<S>)?
        .func_wrap(INTERFACE, "[method]allocator.next-expired", next_expired::<S>)?
        .func_wrap(INTERFACE, "[resource-drop]allocator", |_: Handle| {})?;
    Ok(())
}

fn open<S: Services>(
    mut call: Call<S>,
    name: u32,
    name_length: u32,
    capacity: u32,
    refresh_interval_ns: u64,
) -> Result<Handle> {
    opening(&mut call, |services, memory| {
        let name = memory.text(name, name_length)?;
        Ok(services.open_allocator(name, capacity, refresh_interval_ns)?)
    })
}

fn allocate<S: Services>(
    mut call: Call<S>,
    allocator: Handle,
    duration_ns: u64,
    answer: u32,
) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let id = services.allocate(allocator, duration_ns)?;
    // option<u32>
    let to: &mut [u8; 8] = memory.record(answer, 4)?;
    to[0] = u8::from(id.is_some());
    if let (Some(id), Some(to)) = (id, to.last_chunk_mut()) {
        *to = id.to_le_bytes();
    }
    answered(&mut call)
}

fn refresh<S: Services>(
    mut call: Call<S>,
    allocator: Handle,
    id: u32,
    duration_ns: u64,
) -> Result<u32> {
    let held = services(&mut call)?.refresh(allocator, id, duration_ns)?;
    answered(&mut call)?;
    Ok(held.into())
}

fn free<S: Services>(mut call: Call<S>, allocator: Handle, id: u32) -> Result<()> {
    services(&mut call)?.free(allocator, id)?;
    answered(&mut call)
}

fn is_live<S: Services>(mut call: Call<S>, allocator: Handle, id: u32) -> Result<u32> {
    let live = services(&mut call)?.is_live(allocator, id)?;
    answered(&mut call)?;
    Ok(live.into())
}

fn next_expired<S: Services>(mut call: Call<S>, allocator: Handle, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let lease = services.next_expired(allocator)?;
    // option<expired-lease>: the flag, then the deadline at 8 and the id at 16.
    let to: &mut [u8; 24] = memory.record(answer, 8)?;
    to[0] = u8::from(lease.is_some());
    if let Some(lease) = lease {
        to[8..16].copy_from_slice(&lease.deadline.to_le_bytes());
        to[16..20].copy_from_slice(&lease.id.to_le_bytes());
    }
    answered(&mut call)
}
