//! Room for the events, frames and states of a burst, where a host can find it: a burst without a
//! call of `cabi_realloc` for each.
//!
//! A host that finds the record may put a burst here, and then calls no post-return function: that
//! what the burst before has allocated is not needed any more, [`is`] tells. Any other host, and a
//! burst that is too large, goes the way of the canonical ABI.

#![allow(unsafe_code, reason = "an exported symbol: the host finds the record by its name")]

use std::sync::atomic::AtomicU64;

/// 64 KiB: a burst of 32 whole frames of Ethernet, and of states as they are.
const WORDS: usize = 1 << 13;

/// In atomics, since it is written from outside; aligned to 8 as the host expects it.
type Block = [AtomicU64; WORDS];

static BLOCK: Block = [const { AtomicU64::new(0) }; WORDS];

/// Where the block is, and how many bytes it has.
#[repr(C)]
struct Room {
    at: &'static Block,
    bytes: u32,
}

/// The record, found by its name.
// SAFETY: no other symbol has this name.
#[unsafe(export_name = "nfos_room")]
static ROOM: Room = Room { at: &BLOCK, bytes: size_of::<Block>() as u32 };

/// Whether events that lie there lie in the room.
#[inline]
pub(crate) fn is(events: *mut u8) -> bool {
    std::ptr::addr_eq(events, ROOM.at)
}
