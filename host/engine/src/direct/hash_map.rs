//! `hash-map`: a map from short byte strings to cells.

use wasmtime::{Linker, Result};

use super::memory::{put_option, reach, services};
use super::{Call, Host, answered, opening};
use crate::fault::GuestFault;
use crate::services::{Handle, Hashing, Services, SetOutcome};

const INTERFACE: &str = "nfos:nf/hash-map@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker
        .func_wrap(INTERFACE, "[static]hash-map.open", open::<S>)?
        .func_wrap(INTERFACE, "[static]hash-map.open-with", open_with::<S>)?
        .func_wrap(INTERFACE, "[method]hash-map.get", get::<S>)?
        .func_wrap(INTERFACE, "[method]hash-map.set", set::<S>)?
        .func_wrap(INTERFACE, "[method]hash-map.remove", remove::<S>)?
        .func_wrap(INTERFACE, "[method]hash-map.len", len::<S>)?
        .func_wrap(INTERFACE, "[method]hash-map.next", next::<S>)?
        .func_wrap(INTERFACE, "[resource-drop]hash-map", |_: Handle| {})?;
    Ok(())
}

fn open<S: Services>(
    mut call: Call<S>,
    name: u32,
    name_length: u32,
    capacity: u32,
    key_size: u32,
) -> Result<Handle> {
    opening(&mut call, |services, memory| {
        Ok(services.open_map(memory.text(name, name_length)?, capacity, key_size)?)
    })
}

fn open_with<S: Services>(
    mut call: Call<S>,
    name: u32,
    name_length: u32,
    capacity: u32,
    key_size: u32,
    hashing: u32,
) -> Result<Handle> {
    let hashing = match hashing {
        0 => Hashing::Keyed,
        1 => Hashing::Plain,
        _ => return Err(GuestFault::BadValue("a hashing that does not exist").into()),
    };
    opening(&mut call, |services, memory| {
        let name = memory.text(name, name_length)?;
        Ok(services.open_map_with(name, capacity, key_size, hashing)?)
    })
}

fn get<S: Services>(
    mut call: Call<S>,
    map: Handle,
    key: u32,
    key_length: u32,
    answer: u32,
) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    match memory.bytes_and_option((key, key_length), answer) {
        Some((key, to)) => services.map_get_then(map, key, |cell| put_option(to, cell))?,
        None => {
            let cell = services.map_get(map, memory.bytes(key, key_length)?)?;
            memory.store_option(answer, cell.as_ref())?;
        }
    }
    answered(&mut call)
}

#[expect(clippy::too_many_arguments, reason = "a cell is flattened into six parameters")]
fn set<S: Services>(
    mut call: Call<S>,
    map: Handle,
    key: u32,
    key_length: u32,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
    w4: u64,
    w5: u64,
) -> Result<u32> {
    let (services, memory) = reach(&mut call)?;
    let key = memory.bytes(key, key_length)?;
    let outcome = services.map_set(map, key, [w0, w1, w2, w3, w4, w5])?;
    answered(&mut call)?;
    Ok(match outcome {
        SetOutcome::Ok => 0,
        SetOutcome::Full => 1,
    })
}

fn remove<S: Services>(mut call: Call<S>, map: Handle, key: u32, key_length: u32) -> Result<u32> {
    let (services, memory) = reach(&mut call)?;
    let present = services.map_remove(map, memory.bytes(key, key_length)?)?;
    answered(&mut call)?;
    Ok(present.into())
}

fn len<S: Services>(mut call: Call<S>, map: Handle) -> Result<u32> {
    let len = services(&mut call)?.map_len(map)?;
    answered(&mut call)?;
    Ok(len)
}

fn next<S: Services>(mut call: Call<S>, map: Handle, at: u64, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let entry = services.map_next(map, at)?;
    memory.store_entry(answer, entry.as_ref())?;
    answered(&mut call)
}
