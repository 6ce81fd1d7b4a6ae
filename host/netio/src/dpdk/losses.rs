//! Frames that arrived at a device and reached no worker, by reason.

use crate::port::Loss;
use nfos_sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counted on the way from a device to its workers. Any thread may count; it is rare. Relaxed:
/// numbers by themselves, read in the end by who has joined the workers.
#[derive(Debug, Default)]
pub(super) struct Losses {
    too_long: AtomicU64,
    malformed: AtomicU64,
}

impl Losses {
    /// They are longer than a frame may be.
    pub(super) fn too_long(&self) {
        count(&self.too_long, 1);
    }

    /// The driver gave them a length that their buffer does not have.
    pub(super) fn malformed(&self) {
        count(&self.malformed, 1);
    }

    /// All that is not 0, with those for whose worker the lane was full, and those that were on
    /// their way to it when the run ended.
    pub(super) fn list(
        &self,
        of_device: &dpdk_sys::rte_eth_stats,
        full: u64,
        left_behind: u64,
    ) -> Vec<Loss> {
        let all = [
            ("device_missed", of_device.imissed),
            ("device_receive_errors", of_device.ierrors),
            ("worker_full", full),
            ("frame_too_long", self.too_long.load(Relaxed)),
            ("malformed_by_driver", self.malformed.load(Relaxed)),
            ("left_at_end", left_behind),
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
