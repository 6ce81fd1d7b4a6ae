//! The commit protocol of the NFOS prototype, for the oracle and the checker to fail.
//!
//! A harness that passes it is broken. It takes a cell at its first write and gives up where it is
//! taken; it validates *before* it draws its timestamp, and takes every holder for a conflict; it
//! publishes cell by cell while readers look at no holder; it keeps no prefix of what has written,
//! queues nowhere and retries at once. So a read-only run can see a state that no order produces,
//! or half a commit, and two writers can abort each other.

use crate::cell::Provenance;
use crate::commit::Outcome;
use crate::failure::{Failure, Reason};
use crate::memory::CellId;
use crate::observe::Observer;
use crate::structures::Structures;
use crate::transaction::Transaction;
use crate::write_log::Mutator;

impl<P: Copy> Transaction<P> {
    /// Takes a cell for the write that follows, or dooms the event.
    pub(crate) fn hold_originally(&mut self, cell: CellId) {
        if self.order.contains(&cell) {
            return;
        }
        if self.memory.cell(cell).try_hold(self.me) {
            self.order.push(cell);
        } else {
            let event = self.event;
            let reason = self.met(cell, Observer { object: 0, kind: 0 });
            self.doom(Failure { event, cell, reason });
        }
    }

    pub(crate) fn commit_originally<S: Structures<Predicate = P>>(
        &mut self,
        end: usize,
        structures: &mut S,
    ) -> Outcome {
        let writes = end > self.first_writer;
        let failure = self.doomed.or_else(|| writes.then(|| self.invalid(end)).flatten());
        let committed = if failure.is_some() { end.min(self.first_writer) } else { end };
        if writes && failure.is_none() {
            let timestamp = self.memory.draw();
            self.committed_at = Some(timestamp);
            self.install(timestamp, end);
        }
        for cell in self.order.drain(..) {
            let place = self.memory.cell(cell);
            if place.word() == place.word().held_by(self.me) {
                place.release();
            }
        }
        structures.finish(committed, self.committed_at);
        self.retry.failures = if failure.is_some() { self.retry.failures + 1 } else { 0 };
        self.reset();
        Outcome { committed, failure }
    }

    fn invalid(&self, end: usize) -> Option<Failure> {
        let observations = self.observations.entries.iter();
        let mut changed = observations.filter(|observation| {
            let word = self.memory.cell(observation.cell()).word();
            observation.event() < end && !observation.is_newest(word, self.me)
        });
        let found = changed.next()?;
        let reason = self.met(found.cell(), found.observer());
        Some(Failure { event: found.event(), cell: found.cell(), reason })
    }

    /// What a cell shows of whoever changed or holds it.
    fn met(&self, cell: CellId, observer: Observer) -> Reason {
        let version = self.memory.cell(cell).held_version();
        let Provenance { participant, object, origin, kind, .. } =
            Provenance::unpack(version.provenance);
        let seen = self.observations.entries.iter().find(|o| o.cell() == cell);
        Reason::Observed {
            observer,
            mutator: Mutator { object, kind },
            participant,
            origin,
            seen: seen.map_or(version.timestamp, |observation| observation.seen()),
            changed: version.timestamp,
        }
    }
}
