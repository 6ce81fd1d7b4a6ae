//! The commit protocol of the NFOS prototype: for the oracle and the checker to fail, and for the
//! simulator to compare with.
//!
//! A harness that passes it is broken. It takes a cell at its first write and gives up where it is
//! taken; its snapshot never moves; it validates *before* it draws its timestamp, and takes every
//! holder for a conflict; it publishes cell by cell while readers look at no holder; it keeps no
//! prefix of what has written, queues nowhere and retries at once. So a read-only run can see a
//! state that no order produces, or half a commit, and two writers can abort each other.
//!
//! Played on one thread ([`Transaction::follow_original`]), events are whole, and so is a commit:
//! there it aborts as it would, and the two anomalies cannot show.

use crate::cell::Provenance;
use crate::commit::Outcome;
use crate::failure::{Failure, Reason};
use crate::memory::CellId;
use crate::observe::Observer;
use crate::standing::Standing;
use crate::structures::{Pending, Structures};
use crate::transaction::Transaction;
use crate::write_log::Mutator;

impl<P: Copy> Transaction<P> {
    /// For simulations: commits follow that protocol from now on. The whole burst is one unit, and
    /// whoever runs it calls [`Self::hold_written`] after each event.
    pub fn follow_original(&mut self) {
        self.original = true;
        // Nothing of a burst is final before its end.
        self.unwritten = (0, Standing::NOT_BEGUN.or(Standing::WRITES));
    }

    /// Under that protocol: takes the cells that the burst has come to write, or dooms it. A burst
    /// that is doomed ends at the first access that conflicts, and holds nothing from then on.
    pub fn hold_written(&mut self) {
        for at in 0..self.writes.targets.len() {
            self.hold_originally(self.writes.targets[at].cell);
            if self.doomed.is_some() {
                return self.give_back();
            }
        }
    }

    /// Takes a cell for the write that follows, or dooms the event.
    pub(crate) fn hold_originally(&mut self, cell: CellId) {
        let place = self.memory.cell(cell);
        if place.word().is_held_by(self.me) {
            return;
        }
        if place.try_hold(self.me) {
            self.order.push(cell);
        } else {
            let event = self.event();
            let reason = self.met(cell, None);
            self.doom(Failure { event, cell, reason });
        }
    }

    /// The snapshot is older than what is newest, and stays so: the burst fails if it writes.
    #[cold]
    pub(crate) fn note_outdated(&mut self, cell: CellId, observer: Observer) {
        if self.stale.is_none() {
            let reason = self.met(cell, Some(observer));
            self.set_stale(Failure { event: self.event(), cell, reason });
        }
    }

    #[cold]
    pub(crate) fn commit_originally<S: Structures<Predicate = P>>(
        &mut self,
        mut end: usize,
        structures: &mut S,
    ) -> Outcome {
        let writes = end > self.first_writer && self.wrote != 0;
        let mut failure = self.doomed.or(self.stale.filter(|_| writes));
        if writes && failure.is_none() {
            self.hold_written();
            failure = self.doomed;
        }
        if writes && failure.is_none() {
            let begun_at = self.begun_at;
            let mut pending = Pending::new(&self.memory, &mut self.writes, self.me, begun_at);
            (end, failure) = structures.resolve(end, &mut pending);
        }
        if writes && failure.is_none() {
            failure = self.invalid(end);
        }
        let committed = if failure.is_some() { end.min(self.first_writer) } else { end };
        if writes && failure.is_none() {
            let timestamp = self.memory.draw();
            self.committed_at = Some(timestamp);
            structures.announce(end);
            self.install(timestamp, end);
        }
        self.give_back();
        structures.finish(committed, self.committed_at);
        self.end_reservations();
        self.retry.failures = if failure.is_some() { self.retry.failures + 1 } else { 0 };
        self.reset();
        Outcome { committed, failure }
    }

    /// Gives every cell back that is still held: by this protocol, or by what was resolved.
    fn give_back(&mut self) {
        let resolved = self.writes.targets.iter().map(|target| target.cell);
        for cell in self.order.drain(..).chain(resolved) {
            let place = self.memory.cell(cell);
            if place.word().is_held_by(self.me) {
                place.release();
            }
        }
    }

    fn invalid(&self, end: usize) -> Option<Failure> {
        let observations = self.observations.entries.iter();
        let mut changed = observations.filter(|observation| {
            let word = self.memory.cell(observation.cell()).word();
            observation.event() < end && !observation.is_newest(word, self.me)
        });
        let found = changed.next()?;
        let reason = self.met(found.cell(), Some(found.observer()));
        Some(Failure { event: found.event(), cell: found.cell(), reason })
    }

    /// What a cell shows of whoever changed or holds it.
    fn met(&self, cell: CellId, observer: Option<Observer>) -> Reason {
        let version = self.memory.cell(cell).held_version();
        let Provenance { participant, object, origin, kind, .. } =
            Provenance::unpack(version.provenance);
        let mut mutator = Mutator { object, kind };
        if version.provenance == 0 {
            // Nobody has written it yet: the holder is about to, as this one is.
            let own = self.writes.latest(cell).map(|write| write.mutator());
            mutator = own.unwrap_or(mutator);
        }
        let seen = self.observations.entries.iter().find(|o| o.cell() == cell);
        let observer = seen.map(|observation| observation.observer()).or(observer);
        // A cell that is written without a look at it: for what was looked at beside it.
        let beside = || {
            let of_event = self.observations.entries.iter().rev();
            of_event.map(|seen| seen.observer()).find(|seen| seen.object == mutator.object)
        };
        let observer = observer.or_else(beside);
        Reason::Observed {
            observer: observer.unwrap_or(Observer { object: mutator.object, kind: 0 }),
            mutator,
            participant,
            origin,
            seen: seen.map_or(version.timestamp, |observation| observation.seen()),
            changed: version.timestamp,
        }
    }
}
