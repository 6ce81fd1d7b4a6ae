//! The observation log: what a burst has seen and must still be so when it commits.

use crate::cell::{Provenance, Version};
use crate::failure::Reason;
use crate::history::Lost;
use crate::memory::CellId;
use crate::write_log::Mutator;

/// Who observes, for the record of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observer {
    /// The structure's number.
    pub object: u16,
    /// The kind of operation, in the words of the layer above; below 128.
    pub kind: u8,
}

/// One entry. A plain one holds while the cell's newest version is the one seen; a predicate also
/// holds as long as the layer above says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation {
    pub(crate) cell: CellId,
    pub(crate) object: u16,
    pub(crate) event: u8,
    /// The observer's kind; the top bit marks a predicate, whose arguments are the next in the
    /// side log.
    kind: u8,
    pub(crate) seen: u64,
}

const PREDICATE: u8 = 0x80;

impl Observation {
    #[inline(always)]
    pub(crate) fn version(cell: CellId, seen: u64, event: u8, observer: Observer) -> Self {
        Self { cell, object: observer.object, event, kind: observer.kind, seen }
    }

    #[inline(always)]
    pub(crate) fn predicate(cell: CellId, seen: u64, event: u8, observer: Observer) -> Self {
        Self { cell, object: observer.object, event, kind: observer.kind | PREDICATE, seen }
    }

    #[inline(always)]
    pub(crate) fn is_predicate(&self) -> bool {
        self.kind & PREDICATE != 0
    }

    /// The record of its end by `change`.
    pub(crate) fn failed(&self, change: Result<Version, Lost>) -> Reason {
        let observer = self.observer();
        match change {
            Err(Lost) => Reason::SnapshotLost { observer },
            Ok(version) => {
                let Provenance { participant, object, kind, .. } =
                    Provenance::unpack(version.provenance);
                Reason::Observed {
                    observer,
                    mutator: Mutator { object, kind },
                    participant,
                    seen: self.seen,
                    changed: version.timestamp,
                }
            }
        }
    }

    fn observer(&self) -> Observer {
        Observer { object: self.object, kind: self.kind & !PREDICATE }
    }
}

/// Observations in the order of their events, and the arguments of predicates in the same order.
#[derive(Debug)]
pub(crate) struct ObservationLog<P> {
    pub(crate) entries: Vec<Observation>,
    pub(crate) predicates: Vec<P>,
}

impl<P> ObservationLog<P> {
    pub(crate) const LIMIT: usize = 65_536;

    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::with_capacity(Self::LIMIT),
            predicates: Vec::with_capacity(Self::LIMIT),
        }
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.predicates.clear();
    }

    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() == Self::LIMIT
    }
}
