//! `vector`: an array of cells.

use wasmtime::{Linker, Result};

use super::memory::{put_cell, reach, services};
use super::{Call, Host, answered, opening};
use crate::services::{Handle, Services};

const INTERFACE: &str = "nfos:nf/vector@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker
        .func_wrap(INTERFACE, "[static]vector.open", open::<S>)?
        .func_wrap(INTERFACE, "[method]vector.read", read::<S>)?
        .func_wrap(INTERFACE, "[method]vector.write", write::<S>)?
        .func_wrap(INTERFACE, "[method]vector.add", add::<S>)?
        .func_wrap(INTERFACE, "[resource-drop]vector", |_: Handle| {})?;
    Ok(())
}

fn open<S: Services>(
    mut call: Call<S>,
    name: u32,
    name_length: u32,
    length: u32,
) -> Result<Handle> {
    opening(&mut call, |services, memory| {
        Ok(services.open_vector(memory.text(name, name_length)?, length)?)
    })
}

fn read<S: Services>(mut call: Call<S>, vector: Handle, index: u32, answer: u32) -> Result<()> {
    let (services, mut memory) = reach(&mut call)?;
    let to = memory.record(answer, 8)?;
    services.vector_read_then(vector, index, |cell| put_cell(to, cell))?;
    answered(&mut call)
}

#[expect(clippy::too_many_arguments, reason = "a cell is flattened into six parameters")]
fn write<S: Services>(
    mut call: Call<S>,
    vector: Handle,
    index: u32,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
    w4: u64,
    w5: u64,
) -> Result<()> {
    let services = services(&mut call)?;
    services.vector_write(vector, index, [w0, w1, w2, w3, w4, w5])?;
    answered(&mut call)
}

fn add<S: Services>(
    mut call: Call<S>,
    vector: Handle,
    index: u32,
    word: u32,
    delta: i64,
) -> Result<()> {
    // The canonical ABI takes a `u8` modulo 256.
    services(&mut call)?.vector_add(vector, index, word as u8, delta)?;
    answered(&mut call)
}
