//! The guest's linear memory, as host calls see it.
//!
//! A pointer from a guest is an allegation until [`GuestBytes`] has found it to lie in memory; all
//! access of the direct engine goes through it. Looking a memory up with Wasmtime costs several
//! times what an import may cost, so its base and length are kept in the store's data: the base
//! never changes, and the length only grows. A length that is out of date errs on the safe side,
//! and the limiter, which is asked before memory grows, has it read again.

// JUSTIFICATION: the bench `crossings`: a host call that reads a key through the kept base costs
// less than half of one that asks Wasmtime for the memory.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use wasmtime::{AsContext, AsContextMut, Caller, Memory, Store};

use super::{Host, progress};
use crate::fault::GuestFault;
use crate::services::{Cell, MapEntry, Services};

/// Where a guest's memory lies in ours.
#[derive(Debug)]
pub(super) struct LinearMemory {
    memory: Option<Memory>,
    base: NonNull<u8>,
    length: usize,
    /// Where the guest counts the events that it has begun; [`NONE_BEGUN`] if it does not.
    begun: NonNull<u32>,
}

/// Read instead of a count that a guest does not keep.
static NONE_BEGUN: u32 = 0;

// SAFETY: the pointers are only followed by whoever holds the store's data mutably, and the
// memory behind them belongs to that store, which moves between threads with its data.
unsafe impl Send for LinearMemory {}
// SAFETY: through a shared reference nothing follows the pointers.
unsafe impl Sync for LinearMemory {}

impl LinearMemory {
    /// No memory: every range but the empty one lies outside.
    pub(super) fn none() -> Self {
        let begun = NonNull::from_ref(&NONE_BEGUN);
        Self { memory: None, base: NonNull::dangling(), length: 0, begun }
    }

    /// Keeps the memory of the instance that lives in `store`.
    pub(super) fn attach<S: Services>(store: &mut Store<Host<S>>, memory: Memory) {
        store.data_mut().memory.memory = Some(memory);
        refresh(store.as_context_mut());
    }
}

/// From now on [`begun`] reads the count at this address.
pub(super) fn count_at<S>(host: &mut Host<S>, pointer: u32) -> Result<(), GuestFault> {
    split(host).1.record::<4>(pointer, align_of::<u32>() as u32)?;
    // SAFETY: four bytes lie there, as was just found, so the address is within the memory.
    host.memory.begun = unsafe { host.memory.base.add(pointer as usize).cast() };
    Ok(())
}

/// How many events the guest says it has begun; 0 if it does not say.
#[inline(always)]
pub(super) fn begun<S>(host: &mut Host<S>) -> u32 {
    // SAFETY: the pointer is that of a constant, or `count_at` has found four aligned bytes there,
    // in the memory of the store that owns `host`; why they are still there, and that nothing
    // writes them while `host` is borrowed, is told in `split`.
    unsafe { host.memory.begun.read() }.to_le()
}

/// Reads base and length again.
#[cold]
fn refresh<S: Services>(mut store: wasmtime::StoreContextMut<'_, Host<S>>) {
    let Some(memory) = store.data().memory.memory else { return };
    let length = memory.data_size(store.as_context());
    let base = memory.data_ptr(store.as_context());
    let host = store.data_mut();
    if let Some(base) = NonNull::new(base) {
        host.memory.base = base;
        host.memory.length = length;
    }
    host.limits.clear_growth();
}

/// The services and the memory of the guest that calls, with the event begun that it is in.
///
/// # Errors
/// [`GuestFault::OutOfTurn`] if the guest's own record says what cannot be.
#[inline]
pub(super) fn reach<'a, S: Services>(
    caller: &'a mut Caller<'_, Host<S>>,
) -> Result<(&'a mut S, GuestBytes<'a>), GuestFault> {
    progress::follow(caller.data_mut())?;
    if caller.data().limits.grown() {
        refresh(caller.as_context_mut());
    }
    Ok(split(caller.data_mut()))
}

/// The services of the guest that calls, with the event begun that it is in.
///
/// # Errors
/// As [`reach`].
#[inline]
pub(super) fn services<'a, S: Services>(
    caller: &'a mut Caller<'_, Host<S>>,
) -> Result<&'a mut S, GuestFault> {
    let host = caller.data_mut();
    progress::follow(host)?;
    Ok(&mut host.services)
}

/// The services and the memory of the guest in `store`, which is not running.
#[inline]
pub(super) fn reach_store<S: Services>(store: &mut Store<Host<S>>) -> (&mut S, GuestBytes<'_>) {
    if store.data().limits.grown() {
        refresh(store.as_context_mut());
    }
    split(store.data_mut())
}

/// The services and the memory of a guest that is not running, as long as it was last seen.
#[inline]
pub(super) fn split<S>(host: &mut Host<S>) -> (&mut S, GuestBytes<'_>) {
    let LinearMemory { base, length, .. } = host.memory;
    // SAFETY: `base` and `length` are those of a memory of the store that owns `host`
    // (`refresh`; a store's data starts with `none`, an empty slice), taken when it had at least
    // this size: a memory never shrinks, and never moves, since the engine is configured with
    // `memory_may_move(false)`. The bytes are initialised, as all Wasm memory is. Nothing else
    // touches them while the slice lives: it borrows the store's data mutably, so the guest does
    // not run and Wasmtime is not asked for the memory; no thread shares the memory
    // (`check_exports` refuses one that may be); and the data itself (`services`) lies elsewhere.
    let bytes = unsafe { std::slice::from_raw_parts_mut(base.as_ptr(), length) };
    (&mut host.services, GuestBytes { bytes })
}

/// A guest's memory. Pointers and lengths are the guest's: each method checks them.
pub(super) struct GuestBytes<'a> {
    bytes: &'a mut [u8],
}

impl GuestBytes<'_> {
    /// The `length` bytes at `pointer`.
    #[inline]
    pub(super) fn bytes(&self, pointer: u32, length: u32) -> Result<&[u8], GuestFault> {
        let start = pointer as usize;
        self.bytes
            .get(start..start + length as usize)
            .ok_or_else(|| outside(pointer, u64::from(length)))
    }

    /// The `length` bytes at `pointer`, to be written.
    pub(super) fn bytes_mut(&mut self, pointer: u32, length: u32) -> Result<&mut [u8], GuestFault> {
        let start = pointer as usize;
        self.bytes
            .get_mut(start..start + length as usize)
            .ok_or_else(|| outside(pointer, u64::from(length)))
    }

    /// The string of `length` bytes at `pointer`.
    #[inline]
    pub(super) fn text(&self, pointer: u32, length: u32) -> Result<&str, GuestFault> {
        std::str::from_utf8(self.bytes(pointer, length)?)
            .map_err(|_| GuestFault::BadValue("a string that is not UTF-8"))
    }

    /// The `count` records of `N` bytes, aligned to 4, at `pointer`.
    #[inline]
    pub(super) fn records<const N: usize>(
        &self,
        pointer: u32,
        count: u32,
    ) -> Result<&[[u8; N]], GuestFault> {
        let length = u64::from(count) * N as u64;
        let bytes = u32::try_from(length)
            .ok()
            .filter(|_| pointer.is_multiple_of(4))
            .ok_or_else(|| outside(pointer, length))
            .and_then(|length| self.bytes(pointer, length))?;
        Ok(bytes.as_chunks().0)
    }

    /// The record of `N` bytes at `pointer`, which must be a multiple of `align`.
    #[inline]
    pub(super) fn record<const N: usize>(
        &mut self,
        pointer: u32,
        align: u32,
    ) -> Result<&mut [u8; N], GuestFault> {
        let start = pointer as usize;
        if !pointer.is_multiple_of(align) {
            return Err(outside(pointer, N as u64));
        }
        self.bytes
            .get_mut(start..start + N)
            .and_then(|bytes| bytes.first_chunk_mut())
            .ok_or_else(|| outside(pointer, N as u64))
    }

    /// The three buffers that a guest allocated, which must not overlap.
    #[inline]
    pub(super) fn buffers(&mut self, at: [(u32, u32); 3]) -> Result<[&mut [u8]; 3], GuestFault> {
        let range = |(pointer, length): (u32, u32)| {
            let start = pointer as usize;
            start..start + length as usize
        };
        self.bytes.get_disjoint_mut(at.map(range)).map_err(|_| {
            let (pointer, length) =
                *at.iter().max_by_key(|at| at.0 as u64 + at.1 as u64).unwrap_or(&at[0]);
            outside(pointer, u64::from(length))
        })
    }

    /// Stores a cell, aligned to 8.
    #[inline]
    pub(super) fn store_cell(&mut self, pointer: u32, cell: &Cell) -> Result<(), GuestFault> {
        let to: &mut [u8; 48] = self.record(pointer, 8)?;
        put_cell(to, cell);
        Ok(())
    }

    /// Stores an `option<cell>`, aligned to 8.
    #[inline]
    pub(super) fn store_option(
        &mut self,
        pointer: u32,
        cell: Option<&Cell>,
    ) -> Result<(), GuestFault> {
        put_option(self.record(pointer, 8)?, cell);
        Ok(())
    }

    /// The `length` bytes at `pointer`, and apart from them where an `option<cell>` is to be
    /// stored. `None`: one of both is not as it should be, or they are not apart.
    #[inline]
    pub(super) fn bytes_and_option(
        &mut self,
        (pointer, length): (u32, u32),
        answer: u32,
    ) -> Option<(&[u8], &mut [u8; 56])> {
        let (start, length, to) = (pointer as usize, length as usize, answer as usize);
        if !answer.is_multiple_of(8) {
            return None;
        }
        // Which comes first is the guest's compiler's choice, and for one call always the same.
        if start < to {
            let (before, behind) = self.bytes.split_at_mut_checked(to)?;
            Some((before.get(start..start + length)?, behind.first_chunk_mut()?))
        } else {
            let (before, behind) = self.bytes.split_at_mut_checked(start)?;
            Some((behind.get(..length)?, before.get_mut(to..to + 56)?.first_chunk_mut()?))
        }
    }

    /// Stores an `option<entry>` of a map, aligned to 8.
    pub(super) fn store_entry(
        &mut self,
        pointer: u32,
        entry: Option<&MapEntry>,
    ) -> Result<(), GuestFault> {
        // The case; at 8 the key in eight words, its length and a gap; the value; the next place.
        let to: &mut [u8; 136] = self.record(pointer, 8)?;
        to[0] = u8::from(entry.is_some());
        if let Some(MapEntry { key, key_length, value, next }) = entry {
            to[8..72].copy_from_slice(key);
            to[72..76].copy_from_slice(&key_length.to_le_bytes());
            put_cell((&mut to[80..128]).try_into().expect("48 bytes"), value);
            to[128..].copy_from_slice(&next.to_le_bytes());
        }
        Ok(())
    }
}

/// Writes an `option<cell>`.
#[inline]
pub(super) fn put_option(to: &mut [u8; 56], cell: Option<&Cell>) {
    to[0] = u8::from(cell.is_some());
    if let (Some(cell), Some(to)) = (cell, to.last_chunk_mut()) {
        put_cell(to, cell);
    }
}

/// Writes a cell.
#[inline]
pub(super) fn put_cell(to: &mut [u8; 48], cell: &Cell) {
    for (to, word) in to.as_chunks_mut::<8>().0.iter_mut().zip(cell) {
        *to = word.to_le_bytes();
    }
}

#[cold]
fn outside(pointer: u32, length: u64) -> GuestFault {
    GuestFault::BadPointer { pointer, length }
}
