//! The commit.
//!
//! Take every cell that events before the end wrote; then draw the timestamp; then validate what
//! they observed, in event order, just before that timestamp; install the events before the first
//! failing observation and give the rest back. Cells are first tried in log order without waiting;
//! if one is taken, all are given back and taken in the order of their numbers, waiting. Only such
//! waiters wait for one who is still taking cells, so that no circle of waiting exists. Structures
//! may find then that they need a cell they did not foresee: it too is tried without waiting, and
//! if someone has it, all are given back and taken again with it.

use nfos_sync::{Bug, Waiting, seeded};

use crate::cell::Provenance;
use crate::failure::{Failure, Reason};
use crate::memory::{CellId, Phase};
use crate::observe::Observer;
use crate::retry::FAILURES_BEFORE_GATE;
use crate::standing::Begun;
use crate::structures::{Pending, Structures};
use crate::transaction::{BURST_LIMIT, NOBODY, Transaction};
use crate::write_log::{Mark, Target};

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
        self.committed_at = None;
        self.committed_from = self.first_writer;
        let mut end = end.min(self.events());
        if self.original || seeded(Bug::OriginalProtocol) {
            return self.commit_originally(end, structures);
        }
        if let Some(doomed) = &self.doomed {
            end = end.min(doomed.event);
        }
        let committed = if end > self.first_writer {
            self.commit_writes(end, structures)
        } else {
            structures.finish(end, self.committed_at);
            end
        };
        self.end_reservations();
        self.conclude(committed)
    }

    /// Discards everything since the burst began.
    pub fn abandon<S: Structures<Predicate = P>>(&mut self, structures: &mut S) {
        self.doomed = None;
        self.commit(0, structures);
    }

    #[inline(always)]
    fn conclude(&mut self, committed: usize) -> Outcome {
        let keeps_room = seeded(Bug::RoomKeptAtGate)
            && self.doomed.is_some()
            && self.retry.failures + 1 == FAILURES_BEFORE_GATE;
        if !keeps_room {
            self.end_turn();
        }
        let outcome = if self.doomed.is_some() {
            self.note_failure(committed)
        } else {
            self.retry.failures = 0;
            if committed > 0 {
                self.size.committed(committed);
            }
            Outcome { committed, failure: None }
        };
        self.reset();
        outcome
    }

    #[cold]
    fn note_failure(&mut self, committed: usize) -> Outcome {
        // The first event of a burst that follows a failure is the one that failed.
        self.retry.failures = if committed == 0 { self.retry.failures + 1 } else { 1 };
        self.retry.failed_on = self.doomed.map(|failure| failure.cell);
        self.size.failed(self.events());
        Outcome { committed, failure: self.doomed }
    }

    /// Commits events before `end`, or fewer; why fewer, then stands in `doomed`.
    fn commit_writes<S: Structures<Predicate = P>>(
        &mut self,
        mut end: usize,
        structures: &mut S,
    ) -> usize {
        loop {
            self.shared.enter_locking();
            if !self.memory.gate.is_closed_to(self.me) {
                break;
            }
            self.shared.enter(Phase::Idle);
            if let Some(observer) = structures.reserving() {
                return self.give_up_at_gate(end, observer, structures);
            }
            // It may have announced a reservation and found nothing to take.
            self.end_reservations();
            self.memory.gate.wait_until_open(self.me);
        }
        if end < self.events() {
            self.writes.truncate(end);
        }
        self.take_cells(structures);
        if structures.has_actions() {
            let (resolved, short) = self.resolve(end, structures);
            end = self.cut(end, resolved, short);
        }
        if end > self.first_writer {
            if seeded(Bug::ValidationBeforeDraw) {
                end = self.cut_by_validation(end, self.memory.now(), structures);
            }
            self.shared.enter(Phase::Drawing);
            let timestamp = self.memory.draw();
            self.shared.enter(Phase::Drawn(timestamp));
            if !seeded(Bug::NoValidation) && !seeded(Bug::ValidationBeforeDraw) {
                end = self.cut_by_validation(end, timestamp - 1, structures);
            }
            if end > self.first_writer {
                self.committed_at = Some(timestamp);
                structures.announce(end);
            }
            if seeded(Bug::IdleBeforeInstall) {
                self.shared.enter(Phase::Idle);
            }
            self.install(timestamp, end);
        } else {
            self.install(0, end);
        }
        // Before idle: an elder that saw this commit through finds its effects done.
        structures.finish(end, self.committed_at);
        // Only now: until then the phase makes others wait for the installs.
        self.shared.enter(Phase::Idle);
        end
    }

    #[cold]
    fn give_up_at_gate<S: Structures<Predicate = P>>(
        &mut self,
        end: usize,
        observer: Observer,
        structures: &mut S,
    ) -> usize {
        let cell = self.writes.targets[0].cell;
        let reason = Reason::Short { observer };
        let failure = Failure { event: self.first_writer, cell, reason };
        let end = self.cut(end, self.first_writer, Some(failure));
        structures.finish(end, self.committed_at);
        end
    }

    /// The end of a burst up to `end` of which only events before `valid` stand.
    #[inline(always)]
    fn cut(&mut self, end: usize, valid: usize, failure: Option<Failure>) -> usize {
        if valid < end || failure.is_some() { self.shorten(end, valid, failure) } else { end }
    }

    #[cold]
    fn shorten(&mut self, end: usize, valid: usize, failure: Option<Failure>) -> usize {
        if valid < end || self.doomed.is_none() {
            self.doomed = failure;
        }
        end.min(valid)
    }

    #[inline(always)]
    fn cut_by_validation<S: Structures<Predicate = P>>(
        &mut self,
        end: usize,
        bound: u64,
        structures: &S,
    ) -> usize {
        match self.validate(bound, end, structures) {
            None => end,
            Some(failure) => self.shorten(end, failure.event, Some(failure)),
        }
    }

    #[inline(always)]
    fn take_cells<S: Structures<Predicate = P>>(&mut self, structures: &S) {
        let (cells, me) = (&*self.cells, self.me);
        let mut targets = self.writes.targets.iter();
        let taken = |target: &Target| !cells[target.cell.raw() as usize].try_hold(me);
        if let Some(taken) = targets.position(taken) {
            self.take_cells_waiting(taken, structures);
        }
    }

    #[cold]
    fn take_cells_waiting<S: Structures<Predicate = P>>(&mut self, taken: usize, structures: &S) {
        for target in &self.writes.targets[..taken] {
            self.memory.cell(target.cell).release();
        }
        self.order.clear();
        self.order.extend(self.writes.targets.iter().map(|target| target.cell));
        if !seeded(Bug::UnorderedWaiting) {
            self.order.sort_unstable();
        }
        for &cell in &self.order {
            if self.memory.cell(cell).try_hold(self.me) {
                continue;
            }
            if let Some(write) = self.writes.latest(cell) {
                structures.waited(write.mutator());
            }
            let mut waiting = Waiting::new();
            while !self.memory.cell(cell).try_hold(self.me) {
                waiting.pause();
            }
        }
    }

    /// Has the structures write; with more cells than they named if need be.
    #[inline(always)]
    fn resolve<S: Structures<Predicate = P>>(
        &mut self,
        end: usize,
        structures: &mut S,
    ) -> (usize, Option<Failure>) {
        loop {
            let mark = self.writes.mark();
            let last = seeded(Bug::KnownSlotOldSinceLast);
            let begun_at = if last { self.snapshot } else { self.begun_at };
            let mut pending = Pending::new(&self.memory, &mut self.writes, self.me, begun_at);
            let resolved = structures.resolve(end, &mut pending);
            match pending.lacking() {
                None => return resolved,
                Some(cell) => self.take_cells_with(cell, mark, structures),
            }
        }
    }

    /// Gives all cells back and takes them again, and one more, in order. Whoever held that one has
    /// committed or given way meanwhile, so this ends: there are only so many cells.
    #[cold]
    fn take_cells_with<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        mark: Mark,
        structures: &mut S,
    ) {
        let anew = !seeded(Bug::RetakenNotResolvedAnew);
        if anew {
            structures.unresolve();
        }
        // Last taken first, as in `install`.
        for target in self.writes.targets.iter().rev() {
            self.memory.cell(target.cell).release();
        }
        if anew {
            self.writes.rewind(mark);
        }
        self.writes.hold(cell, Begun::of(self.first_writer));
        self.take_cells_waiting(0, structures);
    }

    /// Installs every held cell as of the savepoint before event `end`, or gives it back.
    #[inline(always)]
    pub(crate) fn install(&mut self, timestamp: u64, end: usize) {
        if end < self.events() && !seeded(Bug::PrefixWithLaterValues) {
            self.writes.keep_before(end);
        }
        let cells = &*self.cells;
        let participant = self.me as u16;
        let mut lines = self.history.lines(timestamp);
        // Last taken first: a cell that lies behind a held one is given back before that one is.
        for (cell, write) in self.writes.newest() {
            let cell = &cells[cell.raw() as usize];
            let Some(write) = write else {
                cell.release();
                continue;
            };
            let (line, number) = lines.next(&self.memory);
            let origin = self.origins[write.event() % BURST_LIMIT];
            let of_commit = Provenance { participant, line: number, object: 0, origin, kind: 0 };
            let provenance = of_commit.pack() | write.provenance();
            let old = cell.held_version();
            if !seeded(Bug::HistoryAfterOverwrite) {
                line.write_line(&old);
            }
            if write.replaces() {
                cell.install(timestamp, provenance, &write.words);
            } else {
                cell.install_operations(timestamp, provenance, write);
            }
            if seeded(Bug::HistoryAfterOverwrite) {
                line.write_line(&old);
            }
        }
    }
}

const _: () = assert!(NOBODY > BURST_LIMIT);
