//! How far the guest is in its burst, where a host can read it: `burst.begin` without a call for
//! each event.
//!
//! A host that reads the record writes an order into it before each burst, and follows when an
//! import is called or the burst is over. Any other host leaves the order as it is here.

#![allow(unsafe_code, reason = "an exported symbol: the host finds the record by its name")]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::bindings::nfos::nf;

const GO_ON: u32 = 0;
const STOP: u32 = 1;
const CALL: u32 = 2;

/// Events begun, and the host's order. As aligned and as long as the host expects it.
#[repr(C)]
struct Progress {
    begun: AtomicU32,
    order: AtomicU32,
}

/// The record, found by its name.
// SAFETY: no other symbol has this name.
#[unsafe(export_name = "nfos_progress")]
static PROGRESS: Progress = Progress { begun: AtomicU32::new(0), order: AtomicU32::new(CALL) };

/// Begins an event; `false` if its run would be in vain.
#[inline]
pub(crate) fn begin(event: u32) -> bool {
    if PROGRESS.order.load(Relaxed) == GO_ON {
        PROGRESS.begun.store(event + 1, Relaxed);
        return true;
    }
    begin_otherwise(event)
}

/// Apart, so that this is a comparison in the loop over a burst, not a table of branches.
#[cold]
#[inline(never)]
fn begin_otherwise(event: u32) -> bool {
    PROGRESS.order.load(Relaxed) != STOP && nf::burst::begin(event)
}
