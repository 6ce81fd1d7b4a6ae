//! Frames that arrived at a device and reached no worker, by reason.

use crate::port::Loss;
use nfos_sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counted on the way from a device to its workers. Any thread may count; it is rare. Relaxed:
/// numbers by themselves, read in the end by who has joined the workers.
#[derive(Debug, Default)]
pub(super) struct Losses {
    worker_full: AtomicU64,
    too_long: AtomicU64,
    malformed: AtomicU64,
    left_behind: AtomicU64,
}

impl Losses {
    /// The lane to their worker was full.
    #[inline]
    pub(super) fn worker_full(&self, frames: u64) {
        count(&self.worker_full, frames);
    }

    /// They are longer than a frame may be.
    pub(super) fn too_long(&self) {
        count(&self.too_long, 1);
    }

    /// The driver gave them a length that their buffer does not have.
    pub(super) fn malformed(&self) {
        count(&self.malformed, 1);
    }

    /// They were on their way to their worker when the run ended.
    pub(super) fn left_behind(&self, frames: u64) {
        count(&self.left_behind, frames);
    }

    /// All that is not 0.
    pub(super) fn list(&self, of_device: &dpdk_sys::rte_eth_stats) -> Vec<Loss> {
        let all = [
            ("device_missed", of_device.imissed),
            ("device_receive_errors", of_device.ierrors),
            ("worker_full", self.worker_full.load(Relaxed)),
            ("frame_too_long", self.too_long.load(Relaxed)),
            ("malformed_by_driver", self.malformed.load(Relaxed)),
            ("left_at_end", self.left_behind.load(Relaxed)),
        ];
        let some = all.into_iter().filter(|(_, frames)| *frames > 0);
        some.map(|(reason, frames)| Loss { reason, frames }).collect()
    }
}

#[inline]
fn count(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.fetch_add(by, Relaxed);
    }
}
