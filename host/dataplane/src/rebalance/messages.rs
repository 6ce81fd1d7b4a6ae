//! What the control loop and the workers tell each other about entries that move.

use super::policy::Shift;
use crate::packet_set::moving::Moved;
use std::sync::Arc;

/// To a worker.
#[derive(Debug)]
pub(crate) enum Order {
    /// These entries are to move: keep packets back of those that come, find the sets of those that
    /// go, and say [`Answer::Ready`].
    Prepare(Arc<[Shift]>),
    /// The table is changed: hand over once the last packet has come.
    HandOver,
    /// From another worker: sets of the entries that come from there.
    TakeIn {
        /// Which worker.
        from: usize,
        /// Some of what it had.
        sets: Moved,
        /// Whether there are more.
        rest: Rest,
    },
    /// The table is as it was, and a port may have steered otherwise for a while: nothing moves.
    Forget,
}

/// To the control loop.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Prepared.
    Ready,
    /// One worker has taken in what another sent.
    TakenIn {
        /// Sets.
        sets: u64,
        /// Packets that had waited for them.
        parked: u64,
        /// Whether there are more.
        rest: Rest,
    },
}

/// Whether more sets come from the same worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Some do.
    Comes,
    /// These are the last.
    Nothing,
}
