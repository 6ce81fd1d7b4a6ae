//! The record of an abort: who observed what, and who changed it.

use crate::memory::CellId;
use crate::observe::Observer;
use crate::write_log::Mutator;

/// Why an event has to run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A commit changed what the event had observed.
    Observed {
        /// The event's operation.
        observer: Observer,
        /// The first change that made the observation wrong.
        mutator: Mutator,
        /// Who made it.
        participant: u16,
        /// What its layer above said of the event that made it; see
        /// [`Transaction::set_origin`](crate::Transaction::set_origin).
        origin: u8,
        /// The timestamp that the event had seen.
        seen: u64,
        /// The timestamp of the change.
        changed: u64,
    },
    /// The snapshot is older than the history that is kept.
    SnapshotLost {
        /// The event's operation.
        observer: Observer,
    },
    /// Something interchangeable, an id for instance, was left but in the hands of events that
    /// have not committed.
    Short {
        /// The event's operation.
        observer: Observer,
    },
}

impl Reason {
    /// The operation that has to run again.
    #[must_use]
    pub fn observer(&self) -> Observer {
        match *self {
            Self::Observed { observer, .. }
            | Self::SnapshotLost { observer }
            | Self::Short { observer } => observer,
        }
    }
}

/// An event that has to run again, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its index in the burst.
    pub event: usize,
    /// The cell it fell over.
    pub cell: CellId,
    /// What happened there.
    pub reason: Reason,
}
