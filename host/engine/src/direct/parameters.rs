//! `parameters`: the values that the operator gave.

use wasmtime::{Extern, Linker, Result};

use super::memory::reach;
use super::{Call, Host, REALLOC, ReallocParameters};
use crate::fault::GuestFault;
use crate::services::{Services, Value};

const INTERFACE: &str = "nfos:nf/parameters@0.1.0";

pub(super) fn link<S: Services>(linker: &mut Linker<Host<S>>) -> Result<()> {
    linker.func_wrap(INTERFACE, "get", get::<S>)?;
    Ok(())
}

fn get<S: Services>(mut call: Call<S>, name: u32, name_length: u32, answer: u32) -> Result<()> {
    let (services, memory) = reach(&mut call)?;
    let value = services.parameter(memory.text(name, name_length)?)?;
    // variant value: the case, then its payload at 8.
    let (case, payload) = match value {
        Value::Unsigned(number) => (0, number.to_le_bytes()),
        Value::Boolean(yes) => (1, u64::from(yes).to_le_bytes()),
        Value::Text(text) => (2, lower_text(&mut call, &text)?),
    };
    let (_, mut memory) = reach(&mut call)?;
    let to: &mut [u8; 16] = memory.record(answer, 8)?;
    to[0] = case;
    match case {
        1 => to[8] = payload[0],
        _ => to[8..].copy_from_slice(&payload),
    }
    Ok(())
}

/// Copies a string into memory that the guest allocates for it: its pointer and length.
fn lower_text<S: Services>(call: &mut Call<S>, text: &str) -> Result<[u8; 8]> {
    let length = u32::try_from(text.len())
        .map_err(|_| GuestFault::Limit("a parameter longer than 4 GiB".to_owned()))?;
    let pointer = if length == 0 { 1 } else { allocate(call, length)? };
    let (_, mut memory) = reach(call)?;
    memory.bytes_mut(pointer, length)?.copy_from_slice(text.as_bytes());
    let [p, l] = [pointer.to_le_bytes(), length.to_le_bytes()];
    Ok([p[0], p[1], p[2], p[3], l[0], l[1], l[2], l[3]])
}

/// Looked up anew each time: parameters are read in `init` only.
fn allocate<S: Services>(call: &mut Call<S>, length: u32) -> Result<u32> {
    let realloc = call
        .get_export(REALLOC)
        .and_then(Extern::into_func)
        .ok_or(GuestFault::BadValue("no allocator for a text parameter"))?
        .typed::<ReallocParameters, u32>(&mut *call)?;
    realloc.call(&mut *call, (0, 0, 1, length))
}
