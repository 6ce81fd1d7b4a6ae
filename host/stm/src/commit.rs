//! The commit.
//!
//! Take every cell that events before the end wrote; then draw the timestamp; then validate what
//! they observed, in event order, just before that timestamp; install the events before the first
//! failing observation and give the rest back. Cells are first tried in log order without waiting;
//! if one is taken, all are given back and taken in the order of their numbers, waiting. Only such
//! waiters wait for one who is still taking cells, so that no circle of waiting exists.

use nfos_sync::{Bug, Waiting, seeded};

use crate::cell::Provenance;
use crate::failure::{Failure, Reason};
use crate::memory::Phase;
use crate::observe::Observer;
use crate::retry::FAILURES_BEFORE_GATE;
use crate::structures::{Pending, Structures};
use crate::transaction::{NOBODY, Transaction};

/// How a burst ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Events that stand, from the first on.
    pub committed: usize,
    /// Why the next one has to run again, if a conflict was the reason.
    pub failure: Option<Failure>,
}

impl<P: Copy> Transaction<P> {
    /// Commits the longest valid prefix of the events before `end`; the others are discarded.
    pub fn commit<S: Structures<Predicate = P>>(
        &mut self,
        end: usize,
        structures: &mut S,
    ) -> Outcome {
        self.end_event_for_good();
        self.committed_at = None;
        let end = end.min(self.events);
        let mut outcome = Outcome { committed: end, failure: self.doomed };
        if let Some(doomed) = self.doomed {
            outcome.committed = end.min(doomed.event);
        }
        if outcome.committed > self.first_writer {
            outcome = self.commit_writes(outcome, structures);
        } else {
            structures.finish(outcome.committed, self.committed_at);
        }
        self.end_reservations();
        self.conclude(&outcome);
        outcome
    }

    /// Discards everything since the burst began.
    pub fn abandon<S: Structures<Predicate = P>>(&mut self, structures: &mut S) {
        self.doomed = None;
        self.commit(0, structures);
    }

    #[inline(always)]
    fn end_event_for_good(&mut self) {
        if self.events > 0 {
            self.snapshots[self.event] = self.snapshot;
        }
    }

    #[inline(always)]
    fn conclude(&mut self, outcome: &Outcome) {
        let keeps_room = seeded(Bug::RoomKeptAtGate)
            && outcome.failure.is_some()
            && self.retry.failures + 1 == FAILURES_BEFORE_GATE;
        if !keeps_room {
            self.end_turn();
        }
        match outcome.failure {
            None => {
                self.retry.failures = 0;
                if outcome.committed > 0 {
                    self.size.committed(outcome.committed);
                }
            }
            Some(failure) => self.note_failure(outcome.committed, &failure),
        }
        self.reset();
    }

    #[cold]
    fn note_failure(&mut self, committed: usize, failure: &Failure) {
        // The first event of a burst that follows a failure is the one that failed.
        self.retry.failures = if committed == 0 { self.retry.failures + 1 } else { 1 };
        self.retry.failed_on = Some(failure.cell);
        self.size.failed(self.events);
    }

    fn commit_writes<S: Structures<Predicate = P>>(
        &mut self,
        mut outcome: Outcome,
        structures: &mut S,
    ) -> Outcome {
        let memory = self.memory.clone();
        let shared = &memory.shared[self.me];
        loop {
            shared.enter_locking();
            if !memory.gate.is_closed_to(self.me) {
                break;
            }
            shared.enter(Phase::Idle);
            if let Some(observer) = structures.reserving() {
                return self.give_up_at_gate(outcome, observer, structures);
            }
            // It may have announced a reservation and found nothing to take.
            self.end_reservations();
            memory.gate.wait_until_open(self.me);
        }
        if outcome.committed < self.events {
            self.writes.truncate(outcome.committed);
        }
        self.take_cells();
        let mut pending = Pending::new(&memory, &mut self.writes, self.me);
        let (end, short) = structures.resolve(outcome.committed, &mut pending);
        outcome.cut(end, short);
        if outcome.committed > self.first_writer {
            if seeded(Bug::ValidationBeforeDraw)
                && let Some(failure) = self.validate(memory.now(), outcome.committed, structures)
            {
                outcome.cut(failure.event, Some(failure));
            }
            shared.enter(Phase::Drawing);
            let timestamp = memory.draw();
            shared.enter(Phase::Drawn(timestamp));
            if !seeded(Bug::NoValidation)
                && !seeded(Bug::ValidationBeforeDraw)
                && let Some(failure) = self.validate(timestamp - 1, outcome.committed, structures)
            {
                outcome.cut(failure.event, Some(failure));
            }
            if outcome.committed > self.first_writer {
                self.committed_at = Some(timestamp);
                structures.announce(outcome.committed);
            }
            if seeded(Bug::IdleBeforeInstall) {
                shared.enter(Phase::Idle);
            }
            self.install(timestamp, outcome.committed);
        } else {
            self.install(0, outcome.committed);
        }
        // Before idle: an elder that saw this commit through finds its effects done.
        structures.finish(outcome.committed, self.committed_at);
        // Only now: until then the phase makes others wait for the installs.
        shared.enter(Phase::Idle);
        outcome
    }

    #[cold]
    fn give_up_at_gate<S: Structures<Predicate = P>>(
        &mut self,
        mut outcome: Outcome,
        observer: Observer,
        structures: &mut S,
    ) -> Outcome {
        let cell = self.writes.targets[0].cell;
        let reason = Reason::Short { observer };
        outcome.cut(self.first_writer, Some(Failure { event: self.first_writer, cell, reason }));
        structures.finish(outcome.committed, self.committed_at);
        outcome
    }

    #[inline(always)]
    fn take_cells(&mut self) {
        for (taken, target) in self.writes.targets.iter().enumerate() {
            if !self.memory.cell(target.cell).try_hold(self.me) {
                return self.take_cells_waiting(taken);
            }
        }
    }

    #[cold]
    fn take_cells_waiting(&mut self, taken: usize) {
        for target in &self.writes.targets[..taken] {
            self.memory.cell(target.cell).release();
        }
        self.order.clear();
        self.order.extend(self.writes.targets.iter().map(|target| target.cell));
        if !seeded(Bug::UnorderedWaiting) {
            self.order.sort_unstable();
        }
        for &cell in &self.order {
            let mut waiting = Waiting::new();
            while !self.memory.cell(cell).try_hold(self.me) {
                waiting.pause();
            }
        }
    }

    /// Installs every held cell as of the savepoint before event `end`, or gives it back.
    #[inline(always)]
    fn install(&mut self, timestamp: u64, end: usize) {
        // Last taken first: a cell that lies behind a held one is given back before that one is.
        for target in self.writes.targets.iter().rev() {
            let cell = self.memory.cell(target.cell);
            let bound = if seeded(Bug::PrefixWithLaterValues) { usize::MAX } else { end };
            let Some(write) = self.writes.as_of(target, bound) else {
                cell.release();
                continue;
            };
            let old = cell.held_version();
            let line = self.history.keep(&self.memory, &old, timestamp);
            let provenance = Provenance {
                participant: self.me as u16,
                line,
                object: write.mutator.object,
                event: write.event,
                kind: write.mutator.kind,
            };
            cell.install(timestamp, provenance.pack(), &write.apply(&old.payload));
            if seeded(Bug::HistoryAfterOverwrite) {
                self.history.write_late(&self.memory, &old);
            }
        }
    }
}

impl Outcome {
    fn cut(&mut self, end: usize, failure: Option<Failure>) {
        if end < self.committed || (failure.is_some() && self.failure.is_none()) {
            self.committed = end.min(self.committed);
            self.failure = failure;
        }
    }
}

const _: () = assert!(NOBODY > crate::transaction::BURST_LIMIT);
