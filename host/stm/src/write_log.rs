//! The write log: values and commutative operations of a burst, buffered until it commits.
//!
//! Entries of one cell form a chain, newest first, one entry per event that touched it, and each
//! entry holds the *whole* effect of its event and all before it. So the cell as of any savepoint
//! is one entry, and a commit of a prefix needs no undoing. An index, stamped with the burst's
//! number and never cleared, leads from a cell to its newest entry.

use nfos_sync::{Bug, limit, seeded};

use crate::cell::{Payload, WORDS};
use crate::memory::CellId;
use crate::operation::Operation;
use crate::write::{Effect, NONE, Write, site};

/// Who changes a cell, for the record of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutator {
    /// The structure's number.
    pub object: u16,
    /// The kind of operation, in the words of the layer above.
    pub kind: u8,
}

/// A cell that the burst has named with [`Transaction::hold`](crate::Transaction::hold): where the
/// log has it. Nothing that a burst does before its end moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold(pub(crate) u32);

/// A cell that the burst changes, or only holds while it commits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) cell: CellId,
    pub(crate) first_event: u8,
    latest: u32,
}

/// A place in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    writes: usize,
    targets: usize,
}

#[derive(Debug)]
pub(crate) struct WriteLog {
    writes: Vec<Write>,
    /// Distinct cells in the order of their first write.
    pub(crate) targets: Vec<Target>,
    /// Open addressing; an entry of another burst is free. `stamp << 18 | target`.
    index: Box<[u32; Self::INDEX]>,
    mask: usize,
    /// The burst, above 0 and below 2^14.
    stamp: u32,
    /// The greatest mask since the stamps began anew.
    widest: usize,
}

impl WriteLog {
    pub(crate) const LIMIT: usize = limit(65_536, 512);
    /// Small, so that the index of a usual burst stays in the cache: 1 KiB.
    const INDEX_START: usize = 256;
    /// A power of two, so that a remainder of it costs less than a check.
    const INDEX: usize = 4 * Self::LIMIT;
    const STAMP: u32 = 18;
    const TARGET: u32 = (1 << Self::STAMP) - 1;

    pub(crate) fn new() -> Self {
        Self {
            writes: Vec::with_capacity(Self::LIMIT),
            targets: Vec::with_capacity(Self::LIMIT),
            index: vec![0; Self::INDEX].try_into().expect("it has this length"),
            mask: Self::INDEX_START - 1,
            stamp: 1,
            widest: Self::INDEX_START - 1,
        }
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        if !self.targets.is_empty() {
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.writes.clear();
        self.targets.clear();
        self.mask = Self::INDEX_START - 1;
        self.next_stamp();
    }

    fn next_stamp(&mut self) {
        self.stamp += 1;
        if self.stamp >> (u32::BITS - Self::STAMP) != 0 {
            self.index[..=self.widest].fill(0);
            self.widest = self.mask;
            self.stamp = 1;
        }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether one more write would not fit. A commit needs some room of its own, so executing
    /// stops at half.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.writes.len() >= Self::LIMIT / 2 || self.targets.len() >= Self::LIMIT / 2
    }

    #[inline(always)]
    fn slot(&self, cell: CellId) -> usize {
        (cell.raw() as usize).wrapping_mul(0x9e37_79b9) >> 7 & self.mask
    }

    /// Whether the burst has something pending on the cell, or has it held.
    #[inline(always)]
    pub(crate) fn has(&self, cell: CellId) -> bool {
        !self.is_empty() && self.target(cell).is_some()
    }

    #[inline(always)]
    pub(crate) fn target(&self, cell: CellId) -> Option<usize> {
        self.find(cell).ok()
    }

    /// The cell's target, or the index position where it would be.
    #[inline(always)]
    fn find(&self, cell: CellId) -> Result<usize, usize> {
        let slot = self.slot(cell);
        self.look(cell, slot).unwrap_or_else(|| self.find_further(cell, slot))
    }

    /// Beyond a position that is another cell's.
    #[inline(never)]
    fn find_further(&self, cell: CellId, mut slot: usize) -> Result<usize, usize> {
        if seeded(Bug::WriteIndexNotSearched) {
            return Err(slot);
        }
        loop {
            slot = (slot + 1) & self.mask;
            if let Some(found) = self.look(cell, slot) {
                return found;
            }
        }
    }

    /// Whether the cell is, or would be, at a position of the index.
    #[inline(always)]
    fn look(&self, cell: CellId, slot: usize) -> Option<Result<usize, usize>> {
        let entry = self.index[slot % Self::INDEX];
        if entry >> Self::STAMP != self.stamp {
            return Some(Err(slot));
        }
        let target = (entry & Self::TARGET) as usize;
        // A prefix commit forgets targets but not their index entries.
        let is_it = self.targets.get(target).is_some_and(|target| target.cell == cell);
        is_it.then_some(Ok(target))
    }

    /// Forgets what events from `end` on have written.
    #[cold]
    pub(crate) fn truncate(&mut self, end: usize) {
        // Targets are in the order of their first event.
        self.targets.truncate(self.targets.partition_point(|t| usize::from(t.first_event) < end));
        for target in 0..self.targets.len() {
            let mut entry = self.targets[target].latest;
            while entry != NONE && usize::from(self.writes[entry as usize].event()) >= end {
                entry = self.writes[entry as usize].older();
            }
            self.targets[target].latest = entry;
        }
    }

    /// How much it holds, to [rewind](Self::rewind) to.
    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        Mark { writes: self.writes.len(), targets: self.targets.len() }
    }

    /// Forgets everything since the mark. No entry of before may have been changed since.
    #[cold]
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.targets.truncate(mark.targets);
        for target in &mut self.targets {
            while target.latest != NONE && target.latest as usize >= mark.writes {
                target.latest = self.writes[target.latest as usize].older();
            }
        }
        self.writes.truncate(mark.writes);
        self.index_anew();
    }

    /// The newest entry of a cell.
    #[inline(always)]
    pub(crate) fn latest(&self, cell: CellId) -> Option<&Write> {
        let target = &self.targets[self.target(cell)?];
        self.writes.get(target.latest as usize)
    }

    /// The entry that holds the cell as of the savepoint before event `end`.
    #[inline(always)]
    pub(crate) fn as_of(&self, target: &Target, end: usize) -> Option<&Write> {
        let mut entry = target.latest;
        while entry != NONE {
            let write = &self.writes[entry as usize];
            if usize::from(write.event()) < end {
                return Some(write);
            }
            entry = write.older();
        }
        None
    }

    /// The target of a cell, made if there is none.
    #[inline(always)]
    pub(crate) fn target_or_insert(&mut self, cell: CellId, event: u8) -> usize {
        match self.find(cell) {
            Ok(target) => target,
            Err(slot) => {
                self.insert_target(Target { cell, first_event: event, latest: NONE }, slot)
            }
        }
    }

    #[inline(always)]
    fn insert_target(&mut self, target: Target, mut slot: usize) -> usize {
        let number = self.targets.len();
        if (number + 1) * 2 > self.mask + 1 {
            slot = self.grow(target.cell);
        }
        self.targets.push(target);
        self.index[slot % Self::INDEX] = self.stamp << Self::STAMP | number as u32;
        number
    }

    /// Enlarges the index; the position in it for a cell that is to be added.
    #[cold]
    fn grow(&mut self, added: CellId) -> usize {
        self.mask = (self.mask << 2 | 3).min(self.index.len() - 1);
        self.widest = self.widest.max(self.mask);
        if seeded(Bug::GrownIndexEmpty) {
            self.next_stamp();
            return self.free_slot(added);
        }
        self.index_anew();
        self.free_slot(added)
    }

    fn index_anew(&mut self) {
        self.next_stamp();
        for target in 0..self.targets.len() {
            let slot = self.free_slot(self.targets[target].cell);
            self.index[slot] = self.stamp << Self::STAMP | target as u32;
        }
    }

    fn free_slot(&self, cell: CellId) -> usize {
        let mut slot = self.slot(cell);
        while self.index[slot] >> Self::STAMP == self.stamp {
            slot = (slot + 1) & self.mask;
        }
        slot
    }

    #[inline(always)]
    pub(crate) fn replace(&mut self, cell: CellId, event: u8, mutator: Mutator, words: &Payload) {
        self.replace_or_begin(cell, event, mutator, words, || {});
    }

    /// The same; calls `begin` if the cell has no target yet.
    #[inline(always)]
    pub(crate) fn replace_or_begin(
        &mut self,
        cell: CellId,
        event: u8,
        mutator: Mutator,
        words: &Payload,
        begin: impl FnOnce(),
    ) {
        let entry = |older| {
            let site = site(older, event, mutator);
            Write { site, effect: Effect::REPLACE, words: *words }
        };
        let target = match self.find(cell) {
            Ok(target) => target,
            Err(slot) => {
                begin();
                return self.insert_write(cell, event, slot, entry(NONE));
            }
        };
        let latest = self.targets[target].latest;
        match self.writes.get_mut(latest as usize) {
            Some(write) if write.event() == event => *write = entry(write.older()),
            _ => {
                self.targets[target].latest = self.writes.len() as u32;
                self.writes.push(entry(latest));
            }
        }
    }

    /// Whether a cell that was named is changed by nothing so far.
    #[inline(always)]
    pub(crate) fn is_untouched(&self, hold: Hold) -> bool {
        self.targets[hold.0 as usize].latest == NONE || seeded(Bug::OwnChangeUnseen)
    }

    /// The first entry of such a cell.
    #[inline(always)]
    pub(crate) fn replace_untouched(
        &mut self,
        hold: Hold,
        event: u8,
        mutator: Mutator,
        words: &Payload,
    ) {
        self.targets[hold.0 as usize].latest = self.writes.len() as u32;
        let (site, effect) = (site(NONE, event, mutator), Effect::REPLACE);
        self.writes.push(Write { site, effect, words: *words });
    }

    /// A new target with its first entry.
    #[inline(always)]
    fn insert_write(&mut self, cell: CellId, event: u8, slot: usize, entry: Write) {
        let latest = self.writes.len() as u32;
        self.insert_target(Target { cell, first_event: event, latest }, slot);
        self.writes.push(entry);
    }

    /// Buffers an operation, or answers `false`: the word has another pending, with which it does
    /// not commute, or the log is as long as it was made.
    #[inline(always)]
    pub(crate) fn operate(
        &mut self,
        cell: CellId,
        event: u8,
        mutator: Mutator,
        word: usize,
        (operation, operand): (Operation, u64),
    ) -> bool {
        let target = match self.find(cell) {
            Ok(target) => target,
            Err(slot) => {
                let effect = Effect::NOTHING.and(word, operation);
                let mut words = [0; WORDS];
                words[word] = operand;
                let entry = Write { site: site(NONE, event, mutator), effect, words };
                self.insert_write(cell, event, slot, entry);
                return true;
            }
        };
        let latest = self.targets[target].latest;
        let number = self.writes.len();
        let entry = match self.writes.get_mut(latest as usize) {
            Some(write) if write.event() == event => {
                return write.operate(mutator, word, operation, operand);
            }
            Some(write) => Write { site: site(latest, event, write.mutator()), ..*write },
            None => Write::nothing(event),
        };
        if number == self.writes.capacity() {
            // In a commit only: whoever replaces the cell instead has the vector grow.
            return false;
        }
        // Changed where it lies: a word changed before it is copied would be waited for.
        self.writes.push(entry);
        let write = &mut self.writes[number];
        let commutes = write.operate(mutator, word, operation, operand);
        if commutes {
            self.targets[target].latest = number as u32;
        } else {
            self.writes.truncate(number);
        }
        commutes
    }
}

const _: () = assert!(WriteLog::INDEX.is_power_of_two());
const _: () = assert!(WriteLog::INDEX - 1 <= WriteLog::TARGET as usize, "a target has room");

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Mutator = Mutator { object: 1, kind: 2 };

    fn cell(raw: u32) -> CellId {
        CellId::from_raw(raw)
    }

    #[test]
    fn a_cell_can_be_had_as_of_every_savepoint() {
        let mut log = WriteLog::new();
        assert!(log.operate(cell(3), 0, BY, 0, (Operation::Add, 5)));
        log.replace(cell(3), 2, BY, &[9; WORDS]);
        assert!(log.operate(cell(3), 4, BY, 1, (Operation::Max, 11)));
        let target = log.targets[0];
        let payload_as_of =
            |end| log.as_of(&target, end).map(|write| write.apply(&[100; WORDS])[..2].to_vec());
        assert_eq!(payload_as_of(0), None);
        assert_eq!(payload_as_of(1), Some(vec![105, 100]));
        assert_eq!(payload_as_of(3), Some(vec![9, 9]));
        assert_eq!(payload_as_of(5), Some(vec![9, 11]));
    }

    #[test]
    fn a_truncated_log_is_as_it_was_at_the_savepoint() {
        let mut log = WriteLog::new();
        log.replace(cell(1), 0, BY, &[1; WORDS]);
        log.replace(cell(2), 3, BY, &[2; WORDS]);
        log.replace(cell(1), 3, BY, &[3; WORDS]);
        log.truncate(2);
        assert_eq!(log.latest(cell(1)).unwrap().words, [1; WORDS]);
        assert!(log.latest(cell(2)).is_none());
        log.replace(cell(5), 1, BY, &[5; WORDS]);
        log.replace(cell(2), 1, BY, &[6; WORDS]);
        assert_eq!(log.latest(cell(2)).unwrap().words, [6; WORDS]);
        assert_eq!(log.targets.len(), 3);
    }

    #[test]
    fn a_log_that_was_rewound_is_as_it_was_at_the_mark_however_often() {
        let mut log = WriteLog::new();
        log.replace(cell(1), 0, BY, &[1; WORDS]);
        log.target_or_insert(cell(2), 0);
        for round in 0..1_000 {
            let mark = log.mark();
            for raw in 1..40 {
                log.replace(cell(raw), 1, BY, &[round; WORDS]);
            }
            assert_eq!(log.latest(cell(2)).unwrap().words, [round; WORDS]);
            log.rewind(mark);
            assert_eq!(log.latest(cell(1)).unwrap().words, [1; WORDS]);
            assert!(log.latest(cell(2)).is_none() && log.has(cell(2)) && !log.has(cell(3)));
            assert_eq!(log.targets.len(), 2);
        }
    }

    #[test]
    fn operations_of_two_kinds_on_one_word_are_refused() {
        let mut log = WriteLog::new();
        assert!(log.operate(cell(3), 0, BY, 0, (Operation::Add, 5)));
        assert!(!log.operate(cell(3), 0, BY, 0, (Operation::Max, 5)));
        assert!(log.operate(cell(3), 0, BY, 1, (Operation::Max, 5)));
    }

    #[test]
    fn a_log_that_is_full_takes_no_operation_that_would_lengthen_it() {
        let mut log = WriteLog::new();
        let cells = WriteLog::LIMIT as u32 / 2;
        for event in 0..2 {
            for raw in 0..cells {
                assert!(log.operate(cell(raw), event, BY, 0, (Operation::Add, 1)), "{event} {raw}");
            }
        }
        assert_eq!(log.writes.len(), log.writes.capacity());
        let first = |log: &WriteLog| log.latest(cell(7)).unwrap().apply(&[100; WORDS])[0];
        assert!(!log.operate(cell(7), 2, BY, 0, (Operation::Add, 1)));
        assert_eq!((first(&log), log.writes.len()), (102, WriteLog::LIMIT));
        // An entry that the event has is only changed.
        assert!(log.operate(cell(7), 1, BY, 0, (Operation::Add, 1)));
        assert_eq!(first(&log), 103);
        // What the commit does instead.
        log.replace(cell(7), 2, BY, &[104; WORDS]);
        assert_eq!((first(&log), log.writes.len()), (104, WriteLog::LIMIT + 1));
        assert_eq!(log.as_of(&log.targets[7], 2).unwrap().apply(&[100; WORDS])[0], 103);
    }

    #[test]
    fn stamps_begin_anew_and_take_no_earlier_burst_for_their_own() {
        let mut log = WriteLog::new();
        for burst in 0..100_000u32 {
            let distinct = if burst % 9_000 == 0 { 1_000 } else { 1 };
            for raw in 0..distinct {
                assert!(log.target(cell(raw * 64)).is_none(), "{burst}");
                log.replace(cell(raw * 64), 0, BY, &[burst.into(); WORDS]);
                log.replace(cell(raw * 64), 1, BY, &[burst.into(); WORDS]);
            }
            assert_eq!(log.targets.len(), distinct as usize);
            log.clear();
        }
    }

    #[test]
    fn the_index_grows_and_forgets_earlier_bursts() {
        let mut log = WriteLog::new();
        let cells = limit(5_000, 500) as u32;
        for burst in 0..3 {
            for raw in 0..cells {
                log.replace(cell(raw * 64), 0, BY, &[u64::from(raw) + burst; WORDS]);
            }
            assert_eq!(log.targets.len(), cells as usize);
            assert_eq!(log.latest(cell(64 * 321)).unwrap().words[0], 321 + burst);
            assert!(log.latest(cell(1)).is_none());
            log.clear();
            assert!(log.latest(cell(64)).is_none());
        }
    }
}
