//! Room for bursts that a guest keeps in its own memory.
//!
//! A burst that is handed over as the canonical ABI has it takes a call into the guest for each of
//! its buffers, and another when the host has read what the guest returned: four of five calls. A
//! guest may keep a block of memory for them instead, whose record it exports as the constant
//! [`EXPORT`], the address of two words that never change:
//!
//! - `at`: where the block lies, a multiple of 8,
//! - `bytes`: how long it is.
//!
//! A burst that fits lies there: the events first, then the frames, then the states from a multiple
//! of 8 on. The guest is asked for no buffer, and its post-return function is not called: it knows
//! by the address of the events that it may forget, before it handles them, what it allocated for
//! an earlier burst. Any other burst, and any other guest, goes the way of the canonical ABI.

use wasmtime::{Instance, Module, Store};

use super::memory::reach_store;
use super::{Host, address};
use crate::exchange::{EVENT_SIZE, Layout};
use crate::fault::GuestFault;
use crate::services::Services;

/// The exported address.
const EXPORT: &str = "nfos_room";

const ALIGN: u32 = 8;

/// The block that a guest keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    at: u32,
    bytes: u32,
}

impl Room {
    /// Where events, frames and states lie, if there is room for them.
    #[inline]
    pub(super) fn place(self, layout: Layout) -> Option<[u32; 3]> {
        let frames = u64::from(layout.events) * EVENT_SIZE as u64;
        let states = (frames + u64::from(layout.frames)).next_multiple_of(ALIGN.into());
        let end = states + u64::from(layout.states);
        // No address overflows: those of the whole block lie in memory.
        (end <= self.bytes.into()).then(|| [0, frames, states].map(|from| self.at + from as u32))
    }
}

/// Why the record of a module cannot be one: it is exported, but not as an address.
pub(super) fn check_export(module: &Module) -> Result<(), String> {
    address::check(module, EXPORT)
}

/// Finds the block of the instance, whose memory is attached.
pub(super) fn find<S: Services>(
    store: &mut Store<Host<S>>,
    instance: Instance,
) -> Result<Option<Room>, GuestFault> {
    let Some(record) = address::exported(store, instance, EXPORT) else { return Ok(None) };
    let (_, mut memory) = reach_store(store);
    let record = memory.record::<8>(record, 4)?;
    let [at, bytes] = [0, 1].map(|word| u32::from_le_bytes(record.as_chunks().0[word]));
    memory.bytes(at, bytes)?;
    if !at.is_multiple_of(ALIGN) {
        return Err(GuestFault::BadPointer { pointer: at, length: bytes.into() });
    }
    Ok(Some(Room { at, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_lies_there_in_order_and_aligned() {
        let layout = Layout { events: 2, frames: 13, states: 8 };
        for bytes in [72, 80, 1 << 16] {
            assert_eq!(Room { at: 800, bytes }.place(layout), Some([800, 848, 864]));
        }
        assert_eq!(Room { at: 800, bytes: 71 }.place(layout), None);
    }

    #[test]
    fn no_size_overflows() {
        let most = u32::MAX;
        let layout = Layout { events: most, frames: most, states: most };
        assert_eq!(Room { at: 8, bytes: most - 8 }.place(layout), None);
    }
}
