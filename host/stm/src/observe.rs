//! The observation log: what a burst has seen and must still be so when it commits.

use nfos_sync::limit;

use crate::cell::{Provenance, Version, Word};
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
    /// The cell (32 bits), the observer's structure (16), the event (8) and the observer's kind
    /// (7); the top bit marks a predicate, whose arguments are the next in the side log.
    site: u64,
    /// The word of the version seen, free.
    seen: Word,
}

const OBJECT: u32 = 32;
const EVENT: u32 = 48;
const KIND: u32 = 56;
const PREDICATE: u64 = 1 << 63;

impl Observation {
    #[inline(always)]
    pub(crate) fn version(cell: CellId, seen: Word, event: usize, observer: Observer) -> Self {
        let by = u64::from(observer.object) << OBJECT | u64::from(observer.kind) << KIND;
        Self { site: by | u64::from(cell.raw()) | (event as u64) << EVENT, seen }
    }

    #[inline(always)]
    pub(crate) fn predicate(cell: CellId, seen: Word, event: usize, observer: Observer) -> Self {
        let Self { site, seen } = Self::version(cell, seen, event, observer);
        Self { site: site | PREDICATE, seen }
    }

    #[inline(always)]
    pub(crate) fn is_predicate(&self) -> bool {
        self.site & PREDICATE != 0
    }

    #[inline(always)]
    pub(crate) fn cell(&self) -> CellId {
        CellId::from_raw(self.site as u32)
    }

    #[inline(always)]
    pub(crate) fn event(&self) -> usize {
        (self.site >> EVENT) as usize & 0xff
    }

    /// The timestamp of the version seen.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.timestamp()
    }

    /// Whether the version seen is the newest, by the cell's word, and nobody else is at the cell.
    #[inline(always)]
    pub(crate) fn is_newest(&self, word: Word, me: usize) -> bool {
        word == self.seen || word == self.seen.held_by(me)
    }

    /// The record of its end by `change`.
    pub(crate) fn failed(&self, change: Result<Version, Lost>) -> Reason {
        let observer = self.observer();
        match change {
            Err(Lost) => Reason::SnapshotLost { observer },
            Ok(version) => {
                let Provenance { participant, object, origin, kind, .. } =
                    Provenance::unpack(version.provenance);
                Reason::Observed {
                    observer,
                    mutator: Mutator { object, kind },
                    participant,
                    origin,
                    seen: self.seen(),
                    changed: version.timestamp,
                }
            }
        }
    }

    pub(crate) fn observer(&self) -> Observer {
        Observer { object: (self.site >> OBJECT) as u16, kind: (self.site >> KIND) as u8 & 0x7f }
    }
}

/// Observations in the order of their events, and the arguments of predicates in the same order.
#[derive(Debug)]
pub(crate) struct ObservationLog<P> {
    pub(crate) entries: Vec<Observation>,
    pub(crate) predicates: Vec<P>,
}

impl<P> ObservationLog<P> {
    pub(crate) const LIMIT: usize = limit(65_536, 512);

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

    /// Adds an entry, or answers `false`: the log is full.
    #[inline(always)]
    pub(crate) fn push(&mut self, observation: Observation) -> bool {
        // In terms of the capacity, so that the vector needs no code to grow.
        let room = self.entries.len() < self.entries.capacity();
        if room {
            self.entries.push(observation);
        }
        room
    }

    /// The same for a predicate and its arguments.
    #[inline(always)]
    pub(crate) fn push_predicate(&mut self, observation: Observation, arguments: P) -> bool {
        let room = self.predicates.len() < self.predicates.capacity();
        if !room || !self.push(observation) {
            return false;
        }
        self.predicates.push(arguments);
        true
    }
}
