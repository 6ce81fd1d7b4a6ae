//! The observation log: what a burst has seen and must still be so when it commits.

use nfos_sync::limit;

use crate::cell::{Provenance, Version, Word};
use crate::failure::Reason;
use crate::history::Lost;
use crate::log::Log;
use crate::memory::CellId;
use crate::standing::Begun;
use crate::write_log::Mutator;

/// Who observes, for the record of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observer {
    /// The structure's number.
    pub object: u16,
    /// The kind of operation, in the words of the layer above; below 128.
    pub kind: u8,
}

/// An observer as an observation has it, for who names the same one again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed(u64);

impl Observer {
    /// The same in other form.
    #[inline(always)]
    #[must_use]
    pub const fn packed(self) -> Packed {
        Packed((self.object as u64) << OBJECT | (self.kind as u64) << KIND)
    }
}

/// One entry. A plain one holds while the cell's newest version is the one seen; a predicate also
/// holds as long as the layer above says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation {
    /// The cell (32 bits), the observer's structure (16) and kind (7), a bit that marks a
    /// predicate, whose arguments are the next in the side log, and the [event](Begun) (8).
    site: u64,
    /// The word of the version seen, free.
    seen: Word,
}

const OBJECT: u32 = 32;
const KIND: u32 = 48;
const PREDICATE: u64 = 1 << 55;

impl Observation {
    #[inline(always)]
    pub(crate) fn version(cell: CellId, seen: Word, begun: Begun, by: Packed) -> Self {
        Self { site: by.0 | u64::from(cell.raw()) | begun.bits(), seen }
    }

    #[inline(always)]
    pub(crate) fn predicate(cell: CellId, seen: Word, begun: Begun, by: Packed) -> Self {
        let Self { site, seen } = Self::version(cell, seen, begun, by);
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
        Begun::event_of(self.site)
    }

    /// The timestamp of the version seen.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.timestamp()
    }

    /// Whether the version seen is the newest, by the cell's word, and nobody else is at the cell.
    #[inline(always)]
    pub(crate) fn is_newest(&self, word: Word, me: usize) -> bool {
        word == self.seen || word == self.seen.taken_by(me)
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
///
/// Those of the events before the first writer are of no use once their event has ended. They go
/// when there is a first writer, or when they would be looked through.
#[derive(Debug)]
pub(crate) struct ObservationLog<P> {
    pub(crate) entries: Log<Observation>,
    pub(crate) predicates: Vec<P>,
}

impl<P> ObservationLog<P> {
    pub(crate) const LIMIT: usize = limit(65_536, 512);

    pub(crate) fn new() -> Self {
        Self { entries: Log::new(Self::LIMIT), predicates: Vec::with_capacity(Self::LIMIT) }
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.predicates.clear();
    }

    /// Adds an entry, or answers `false`: the log is full.
    #[inline(always)]
    pub(crate) fn push(&mut self, observation: Observation) -> bool {
        self.entries.push(observation)
    }

    /// Forgets what events before `event` have observed; whether that was anything.
    #[cold]
    pub(crate) fn forget_before(&mut self, event: usize) -> bool {
        let newer = |observation: &&Observation| observation.event() >= event;
        let kept = self.entries.iter().rev().take_while(newer);
        let (kept, predicates) = kept.fold((0, 0), |(entries, predicates), observation| {
            (entries + 1, predicates + usize::from(observation.is_predicate()))
        });
        let all = self.entries.len();
        self.entries.keep_last(kept);
        self.predicates.drain(..self.predicates.len() - predicates);
        kept < all
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_events_observed_is_forgotten_with_its_predicates() {
        let by = Observer { object: 3, kind: 9 }.packed();
        let mut log = ObservationLog::new();
        let mut begun = Begun::NONE;
        for event in 0..4u64 {
            begun.next();
            let cell = CellId::from_raw(event as u32);
            assert!(log.push(Observation::version(cell, Word::free(event), begun, by)));
            let predicate = Observation::predicate(cell, Word::free(event), begun, by);
            assert!(log.push_predicate(predicate, event));
        }
        assert!(log.forget_before(2) && !log.forget_before(2));
        assert_eq!(log.predicates, [2, 3]);
        let seen = |o: &Observation| (o.event(), o.cell().raw(), o.seen(), o.is_predicate());
        let kept: Vec<_> = log.entries.iter().map(seen).collect();
        let event = |e: u8| [false, true].map(|p| (e.into(), e.into(), e.into(), p));
        assert_eq!(kept, [event(2), event(3)].concat());
        assert_eq!(log.entries[0].observer(), Observer { object: 3, kind: 9 });
    }
}
