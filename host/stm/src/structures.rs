//! What a layer of structures adds to the protocol.

use nfos_sync::{Bug, Waiting, seeded};

use crate::cell::Payload;
use crate::failure::Failure;
use crate::memory::{CellId, Memory};
use crate::observe::Observer;
use crate::operation::Operation;
use crate::settle::View;
use crate::standing::Begun;
use crate::write::Write;
use crate::write_log::{Hold, Mutator, Put, WriteLog};

/// The structures' side of a transaction.
pub trait Structures {
    /// The arguments of a predicate.
    type Predicate: Copy;

    /// Whether a predicate, logged on `cell`, is true of the state `at`.
    fn holds(&self, predicate: &Self::Predicate, cell: CellId, at: &View<'_>) -> bool;

    /// A cell that changes when a predicate logged on `cell`, true of the state `at`, next ends.
    /// It may change before that, too.
    fn witness(&self, predicate: &Self::Predicate, cell: CellId, at: &View<'_>) -> CellId {
        let _ = (predicate, at);
        cell
    }

    /// For counting: a predicate of this operation still held although its cell had changed.
    fn avoided(&self, observer: Observer) {
        let _ = observer;
    }

    /// For counting: the commit had to wait for a cell that this operation changes.
    fn waited(&self, mutator: Mutator) {
        let _ = mutator;
    }

    /// Whether there is anything to [resolve](Self::resolve).
    fn has_actions(&self) -> bool {
        true
    }

    /// Turns the buffered actions of events before `end` into writes, all cells named by
    /// [`Transaction::hold`](crate::Transaction::hold) being held. Returns the end of the events
    /// for which that went well, and otherwise what was short.
    fn resolve(&mut self, end: usize, pending: &mut Pending<'_>) -> (usize, Option<Failure>);

    /// Takes back what [`Self::resolve`] did outside the cells: it lacked a cell, see
    /// [`Pending::acquire`], and will be called again.
    fn unresolve(&mut self) {}

    /// Events before `end` will stand, but nobody can see their writes yet: the moment for what
    /// must be there before anyone acts on those writes.
    fn announce(&mut self, end: usize);

    /// The operation that took something out of circulation that an elder may need, if one of this
    /// burst did; see [`Transaction::reserve`](crate::Transaction::reserve).
    fn reserving(&self) -> Option<Observer>;

    /// Events before `end` are final and the others are discarded: releases the effects of the
    /// former and takes back what the latter kept. Called exactly once for each burst, with the
    /// timestamp if writes were installed.
    fn finish(&mut self, end: usize, timestamp: Option<u64>);
}

/// The cells that a commit holds, as the events before it have left them.
#[derive(Debug)]
pub struct Pending<'a> {
    memory: &'a Memory,
    writes: &'a mut WriteLog,
    me: usize,
    begun_at: u64,
    lacking: Option<CellId>,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(
        memory: &'a Memory,
        writes: &'a mut WriteLog,
        me: usize,
        begun_at: u64,
    ) -> Self {
        Self { memory, writes, me, begun_at, lacking: None }
    }

    /// The cell without which nothing can be resolved.
    pub(crate) fn lacking(&self) -> Option<CellId> {
        self.lacking
    }

    /// The participant that commits.
    #[must_use]
    pub fn participant(&self) -> usize {
        self.me
    }

    /// Takes a cell that others may hold, without waiting. `None`: someone does, and
    /// [`Structures::resolve`] ends here; all cells are given back and taken again, this one
    /// among them, and it is called anew.
    #[inline]
    #[must_use]
    pub fn acquire(&mut self, cell: CellId, event: usize) -> Option<Hold> {
        let (memory, me) = (self.memory, self.me);
        let take = || memory.cell(cell).try_hold(me) || waits_for(memory, cell, me);
        let held = self.writes.target_or_take(cell, Begun::of(event), take);
        if held.is_none() {
            self.lacking = Some(cell);
        }
        held
    }

    /// Takes a cell that only the holder of another one takes, so that it is free.
    #[inline(always)]
    fn take(&mut self, cell: CellId, event: usize) -> Hold {
        let (memory, me) = (self.memory, self.me);
        let take = || {
            hold(memory, cell, me);
            true
        };
        self.writes.target_or_take(cell, Begun::of(event), take).expect("it is free")
    }

    /// The newest content of a cell that is held or lies behind a held one.
    #[inline(always)]
    #[must_use]
    pub fn read(&self, cell: CellId) -> Payload {
        match self.writes.latest(cell) {
            None => self.memory.cell(cell).held_payload(),
            Some(write) => self.read_written(cell, write),
        }
    }

    /// The same of a cell that was named, without looking for it.
    #[inline(always)]
    #[must_use]
    pub fn read_held(&self, cell: CellId, hold: Hold) -> Payload {
        match self.writes.latest_at(hold) {
            None => self.memory.cell(cell).held_payload(),
            Some(write) => self.read_written(cell, write),
        }
    }

    #[inline(always)]
    fn read_written(&self, cell: CellId, write: &Write) -> Payload {
        if write.replaces() {
            return write.words;
        }
        write.apply(&self.memory.cell(cell).held_payload())
    }

    /// Who changes a cell that was named, as far as the burst has.
    #[inline(always)]
    #[must_use]
    pub fn changed_by(&self, hold: Hold) -> Option<Mutator> {
        self.writes.latest_at(hold).map(|write| write.mutator())
    }

    /// Who changed a held cell last, the burst included.
    #[inline(always)]
    #[must_use]
    pub fn last_changed_by(&self, cell: CellId) -> Mutator {
        match self.writes.latest(cell) {
            Some(write) => write.mutator(),
            None => self.memory.cell(cell).held_mutator(),
        }
    }

    /// Replaces the content of a cell that is held or lies behind a held one.
    #[inline(always)]
    pub fn write(&mut self, cell: CellId, event: usize, mutator: Mutator, words: Payload) {
        let (memory, me) = (self.memory, self.me);
        let begin = || hold(memory, cell, me);
        self.writes.replace_or_begin(cell, Begun::of(event), mutator, &words, begin);
    }

    /// The same of a cell that was named, without looking for it.
    #[inline(always)]
    pub fn write_held(&mut self, hold: Hold, event: usize, mutator: Mutator, words: &Payload) {
        self.writes.replace_at(hold, Begun::of(event), mutator, words);
    }

    /// Whether the burst has changed nothing of a cell that it named.
    #[inline(always)]
    #[must_use]
    pub fn is_untouched(&self, hold: Hold) -> bool {
        self.writes.is_untouched(hold)
    }

    /// Whether nobody else has changed a held cell since the burst took its first snapshot, so
    /// that it is as each of its events could see it.
    #[inline(always)]
    #[must_use]
    pub fn is_as_seen(&self, cell: CellId) -> bool {
        self.memory.cell(cell).word().timestamp() <= self.begun_at
    }

    /// Who changed a held cell last, the burst aside.
    #[inline(always)]
    #[must_use]
    pub fn last_committed_by(&self, cell: CellId) -> Mutator {
        self.memory.cell(cell).held_mutator()
    }

    /// The content of a cell that is held or lies behind a held one, the burst aside.
    #[inline(always)]
    #[must_use]
    pub fn read_committed(&self, cell: CellId) -> Payload {
        self.memory.cell(cell).held_payload()
    }

    /// [Writes](Self::write) a cell that is [untouched](Self::is_untouched), without looking for
    /// it.
    #[inline(always)]
    pub fn write_untouched(&mut self, hold: Hold, event: usize, mutator: Mutator, words: &Payload) {
        self.writes.replace_untouched(hold, Begun::of(event), mutator, words);
    }

    /// Applies an operation to a word of such a cell.
    #[inline]
    pub fn update(
        &mut self,
        cell: CellId,
        event: usize,
        mutator: Mutator,
        word: usize,
        operation: (Operation, u64),
    ) {
        let Hold(target) = self.take(cell, event);
        let (target, at) = (target as usize, Begun::of(event));
        let mut put = self.writes.operate_at(target, at, mutator, word, operation);
        if put == Put::NoRoom {
            self.writes.make_room_to_commit();
            put = self.writes.operate_at(target, at, mutator, word, operation);
        }
        if !matches!(put, Put::Done | Put::First) {
            let mut words = self.read(cell);
            words[word] = operation.0.apply(words[word], operation.1);
            self.writes.replace_or_begin(cell, at, mutator, &words, || {});
        }
    }
}

/// Never, unless a bug is seeded.
#[inline(always)]
fn waits_for(memory: &Memory, cell: CellId, me: usize) -> bool {
    let waits = seeded(Bug::AcquireWaits);
    let mut waiting = Waiting::new();
    while waits && !memory.cell(cell).try_hold(me) {
        waiting.pause();
    }
    waits
}

/// Holds a cell that nobody else can hold at this moment, since who takes it holds another one.
#[inline(always)]
fn hold(memory: &Memory, cell: CellId, me: usize) {
    let held = memory.cell(cell).try_hold(me);
    assert!(held, "a cell behind a held one is taken by nobody else");
}
