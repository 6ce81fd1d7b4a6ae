//! What ports count.
//!
//! Each queue has counters of its own on cache lines of their own, written by its worker with
//! plain loads and stores and read by whoever shows them. Relaxed everywhere: each counter is a
//! number by itself, and the readers of a final sum have joined the writers before.

use nfos_sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Frames and bytes since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames handed over.
    pub received: u64,
    /// Bytes of them, as captured.
    pub received_bytes: u64,
    /// Frames taken.
    pub transmitted: u64,
    /// Bytes of them.
    pub transmitted_bytes: u64,
    /// Frames that arrived and were never handed over: no room for them.
    pub missed: u64,
}

impl PortCounters {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.received_bytes += other.received_bytes;
        self.transmitted += other.transmitted;
        self.transmitted_bytes += other.transmitted_bytes;
        self.missed += other.missed;
    }
}

/// The counters of one queue, with one writer.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct QueueCounters {
    received: AtomicU64,
    received_bytes: AtomicU64,
    transmitted: AtomicU64,
    transmitted_bytes: AtomicU64,
    missed: AtomicU64,
}

impl QueueCounters {
    #[inline]
    pub(crate) fn count_received(&self, frames: u64, bytes: u64) {
        raise(&self.received, frames);
        raise(&self.received_bytes, bytes);
    }

    #[inline]
    pub(crate) fn count_transmitted(&self, frames: u64, bytes: u64) {
        raise(&self.transmitted, frames);
        raise(&self.transmitted_bytes, bytes);
    }

    #[inline]
    pub(crate) fn count_missed(&self, frames: u64) {
        raise(&self.missed, frames);
    }

    pub(crate) fn read(&self) -> PortCounters {
        PortCounters {
            received: self.received.load(Relaxed),
            received_bytes: self.received_bytes.load(Relaxed),
            transmitted: self.transmitted.load(Relaxed),
            transmitted_bytes: self.transmitted_bytes.load(Relaxed),
            missed: self.missed.load(Relaxed),
        }
    }
}

/// Adds without a locked instruction: there is one writer.
#[inline]
fn raise(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(by), Relaxed);
}
