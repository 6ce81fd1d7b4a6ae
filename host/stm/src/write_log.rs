//! The write log: values and commutative operations of a burst, buffered until it commits.
//!
//! Entries of one cell form a chain, newest first, one entry per event that touched it, and each
//! entry holds the *whole* effect of its event and all before it. So the cell as of any savepoint
//! is one entry, and a commit of a prefix needs no undoing. An index, stamped with the burst's
//! number and never cleared, leads from a cell to its newest entry.

use crate::cell::{Payload, WORDS};
use crate::memory::CellId;

/// What an update does to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Adds, modulo 2^64.
    Add,
    /// Keeps the greater, unsigned.
    Max,
    /// Keeps the lesser, unsigned.
    Min,
    /// Unites the bits.
    Or,
}

impl Operation {
    /// The word after the operation.
    #[inline(always)]
    #[must_use]
    pub fn apply(self, word: u64, operand: u64) -> u64 {
        match self {
            Self::Add => word.wrapping_add(operand),
            Self::Max => word.max(operand),
            Self::Min => word.min(operand),
            Self::Or => word | operand,
        }
    }
}

/// Who changes a cell, for the record of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutator {
    /// The structure's number.
    pub object: u16,
    /// The kind of operation, in the words of the layer above.
    pub kind: u8,
}

/// What an entry does to the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Replaces it by `words`.
    Replace,
    /// Applies an operation with the operand in `words`, where there is one.
    Operate([Option<Operation>; WORDS]),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    /// The cell's next older entry, or [`NONE`].
    older: u32,
    pub(crate) event: u8,
    pub(crate) mutator: Mutator,
    pub(crate) effect: Effect,
    pub(crate) words: Payload,
}

impl Write {
    /// The payload after this entry.
    #[inline(always)]
    pub(crate) fn apply(&self, payload: &Payload) -> Payload {
        match &self.effect {
            Effect::Replace => self.words,
            Effect::Operate(operations) => std::array::from_fn(|i| match operations[i] {
                Some(operation) => operation.apply(payload[i], self.words[i]),
                None => payload[i],
            }),
        }
    }
}

/// A cell that the burst changes, or only holds while it commits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) cell: CellId,
    pub(crate) first_event: u8,
    latest: u32,
}

pub(crate) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct WriteLog {
    writes: Vec<Write>,
    /// Distinct cells in the order of their first write.
    pub(crate) targets: Vec<Target>,
    /// Open addressing; an entry of another burst is free. `stamp << 32 | target`.
    index: Vec<u64>,
    mask: usize,
    stamp: u32,
}

impl WriteLog {
    pub(crate) const LIMIT: usize = 65_536;
    const INDEX_START: usize = 1_024;

    pub(crate) fn new() -> Self {
        Self {
            writes: Vec::with_capacity(Self::LIMIT),
            targets: Vec::with_capacity(Self::LIMIT),
            index: vec![0; 4 * Self::LIMIT],
            mask: Self::INDEX_START - 1,
            stamp: 1,
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
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.index.fill(0);
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

    #[inline(always)]
    pub(crate) fn target(&self, cell: CellId) -> Option<usize> {
        let mut slot = self.slot(cell);
        loop {
            let entry = self.index[slot];
            if (entry >> 32) as u32 != self.stamp {
                return None;
            }
            let target = entry as u32 as usize;
            // A prefix commit forgets targets but not their index entries.
            if self.targets.get(target).is_some_and(|target| target.cell == cell) {
                return Some(target);
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// Forgets what events from `end` on have written.
    #[cold]
    pub(crate) fn truncate(&mut self, end: usize) {
        // Targets are in the order of their first event.
        self.targets.truncate(self.targets.partition_point(|t| usize::from(t.first_event) < end));
        for target in 0..self.targets.len() {
            let mut entry = self.targets[target].latest;
            while entry != NONE && usize::from(self.writes[entry as usize].event) >= end {
                entry = self.writes[entry as usize].older;
            }
            self.targets[target].latest = entry;
        }
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
            if usize::from(write.event) < end {
                return Some(write);
            }
            entry = write.older;
        }
        None
    }

    /// The target of a cell, made if there is none.
    #[inline(always)]
    pub(crate) fn target_or_insert(&mut self, cell: CellId, event: u8) -> usize {
        if let Some(target) = self.target(cell) {
            return target;
        }
        if (self.targets.len() + 1) * 2 > self.mask + 1 {
            self.grow();
        }
        let target = self.targets.len();
        self.targets.push(Target { cell, first_event: event, latest: NONE });
        self.insert(cell, target);
        target
    }

    #[inline(always)]
    fn insert(&mut self, cell: CellId, target: usize) {
        let mut slot = self.slot(cell);
        while (self.index[slot] >> 32) as u32 == self.stamp {
            slot = (slot + 1) & self.mask;
        }
        self.index[slot] = u64::from(self.stamp) << 32 | target as u64;
    }

    #[cold]
    fn grow(&mut self) {
        self.mask = (self.mask << 2 | 3).min(self.index.len() - 1);
        self.next_stamp();
        for target in 0..self.targets.len() {
            self.insert(self.targets[target].cell, target);
        }
    }

    #[inline(always)]
    pub(crate) fn replace(&mut self, cell: CellId, event: u8, mutator: Mutator, words: Payload) {
        let target = self.target_or_insert(cell, event);
        let entry = self.entry_of_event(target, event);
        let write = &mut self.writes[entry];
        (write.mutator, write.effect, write.words) = (mutator, Effect::Replace, words);
    }

    /// Buffers an operation, or answers `false`: the word has another pending, with which it does
    /// not commute.
    #[inline(always)]
    pub(crate) fn operate(
        &mut self,
        cell: CellId,
        event: u8,
        mutator: Mutator,
        word: usize,
        (operation, operand): (Operation, u64),
    ) -> bool {
        let target = self.target_or_insert(cell, event);
        let entry = self.entry_of_event(target, event);
        let write = &mut self.writes[entry];
        match &mut write.effect {
            Effect::Replace => write.words[word] = operation.apply(write.words[word], operand),
            Effect::Operate(operations) => match operations[word] {
                None => {
                    operations[word] = Some(operation);
                    write.words[word] = operand;
                }
                Some(pending) if pending == operation => {
                    write.words[word] = operation.apply(write.words[word], operand);
                }
                Some(_) => return false,
            },
        }
        write.mutator = mutator;
        true
    }

    /// The entry of the target that belongs to `event`: its newest, or a copy of it.
    #[inline(always)]
    fn entry_of_event(&mut self, target: usize, event: u8) -> usize {
        let latest = self.targets[target].latest;
        let entry = match self.writes.get(latest as usize) {
            Some(write) if write.event == event => return latest as usize,
            Some(write) => Write { older: latest, event, ..*write },
            None => Write {
                older: NONE,
                event,
                mutator: Mutator { object: 0, kind: 0 },
                effect: Effect::Operate([None; WORDS]),
                words: [0; WORDS],
            },
        };
        let index = self.writes.len();
        self.targets[target].latest = index as u32;
        self.writes.push(entry);
        index
    }
}

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
        log.replace(cell(3), 2, BY, [9; WORDS]);
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
        log.replace(cell(1), 0, BY, [1; WORDS]);
        log.replace(cell(2), 3, BY, [2; WORDS]);
        log.replace(cell(1), 3, BY, [3; WORDS]);
        log.truncate(2);
        assert_eq!(log.latest(cell(1)).unwrap().words, [1; WORDS]);
        assert!(log.latest(cell(2)).is_none());
        log.replace(cell(5), 1, BY, [5; WORDS]);
        log.replace(cell(2), 1, BY, [6; WORDS]);
        assert_eq!(log.latest(cell(2)).unwrap().words, [6; WORDS]);
        assert_eq!(log.targets.len(), 3);
    }

    #[test]
    fn operations_of_two_kinds_on_one_word_are_refused() {
        let mut log = WriteLog::new();
        assert!(log.operate(cell(3), 0, BY, 0, (Operation::Add, 5)));
        assert!(!log.operate(cell(3), 0, BY, 0, (Operation::Max, 5)));
        assert!(log.operate(cell(3), 0, BY, 1, (Operation::Max, 5)));
    }

    #[test]
    fn the_index_grows_and_forgets_earlier_bursts() {
        let mut log = WriteLog::new();
        for burst in 0..3 {
            for raw in 0..5_000 {
                log.replace(cell(raw * 64), 0, BY, [u64::from(raw) + burst; WORDS]);
            }
            assert_eq!(log.targets.len(), 5_000);
            assert_eq!(log.latest(cell(64 * 4_321)).unwrap().words[0], 4_321 + burst);
            assert!(log.latest(cell(1)).is_none());
            log.clear();
            assert!(log.latest(cell(64)).is_none());
        }
    }
}
