//! Counters of what slows workers down without making any of them run again.

use nfos_records::ContentionCount;
use nfos_stm::Reservation;
use nfos_sync::atomic::{AtomicU64, Ordering};

use crate::object::{OBJECTS_MAX, Object, Objects};

/// What is counted, by participant and structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    /// Observations that still held although their cell had changed.
    Avoided,
    /// Commits that waited for a cell.
    Waited,
    /// Of these: for a lease that they refresh.
    LeaseWaited,
    /// Merges within a handler.
    Merged,
    /// Merges before a handler needed one.
    MergedAhead,
}

const TALLIES: usize = 5;

/// The counters of one participant, written by it alone.
#[derive(Debug)]
pub(crate) struct Tallies(Reservation<AtomicU64>);

impl Tallies {
    pub(crate) fn new() -> Self {
        Self(Reservation::new(OBJECTS_MAX * TALLIES))
    }

    fn counter(&self, object: u16, tally: Tally) -> &AtomicU64 {
        &self.0[usize::from(object) * TALLIES + tally as usize]
    }

    #[cold]
    pub(crate) fn count(&self, object: u16, tally: Tally) {
        let counter = self.counter(object, tally);
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// The structures of which there is something to tell, in the order of their opening.
pub(crate) fn report(participants: &[Tallies], objects: &Objects) -> Vec<ContentionCount> {
    let of = |object: &Object| {
        let number = object.described.id.raw() as u16;
        let sum = |tally| -> u64 {
            let counts = participants.iter().map(|one| one.counter(number, tally));
            counts.map(|counter| counter.load(Ordering::Relaxed)).sum()
        };
        let thefts = object.thefts();
        ContentionCount {
            object: object.described.name.clone(),
            avoided: sum(Tally::Avoided),
            waits: sum(Tally::Waited),
            lease_waits: sum(Tally::LeaseWaited),
            thefts: thefts.in_need,
            thefts_ahead: thefts.ahead,
            stolen: thefts.stolen,
            merges: sum(Tally::Merged),
            merges_ahead: sum(Tally::MergedAhead),
        }
    };
    let counts = objects.iter().map(of);
    counts.filter(|count| *count != ContentionCount::named(&count.object)).collect()
}
