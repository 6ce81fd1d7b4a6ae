//! The write log: values and commutative operations of a burst, buffered until it commits.
//!
//! Entries of one cell form a chain, newest first, one entry per event that touched it, and each
//! entry holds the *whole* effect of its event and all before it. So the cell as of any savepoint
//! is one entry, and a commit of a prefix needs no undoing. An index, stamped with the burst's
//! number and never cleared, leads from a cell to its newest entry.

use nfos_sync::{Bug, limit, seeded};

use crate::cell::Payload;
use crate::log::Log;
use crate::memory::CellId;
use crate::operation::Operation;
use crate::standing::Begun;
use crate::write::{Effect, NAMED, NONE, Write, is_entry, site};

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
    /// Its newest entry, or [`NAMED`] and the event that named it.
    latest: u32,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is in the log.
    Done,
    /// It is, and the cell's first.
    First,
    /// There is no room for it.
    NoRoom,
    /// It is an operation, and another that it does not commute with is pending.
    Refused,
}

/// A place in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    writes: usize,
    targets: usize,
}

#[derive(Debug)]
pub(crate) struct WriteLog {
    writes: Log<Write>,
    /// Distinct cells in the order of their first write.
    pub(crate) targets: Log<Target>,
    /// Open addressing; an entry of another burst is free. `stamp << 18 | target`.
    index: Box<[u32; Self::INDEX]>,
    mask: usize,
    /// The burst, above 0 and below 2^14, where an entry of the index has it.
    stamp: u32,
    /// The greatest mask since the stamps began anew.
    widest: usize,
    /// Whether there is more room, or a larger index, than a burst has at first.
    stretched: bool,
}

impl WriteLog {
    pub(crate) const LIMIT: usize = limit(65_536, 512);
    /// What a burst may write while it executes: the commit needs some room of its own.
    const EXECUTING: usize = Self::LIMIT / 2;
    /// Small, so that the index of a usual burst stays in the cache: 1 KiB.
    const INDEX_START: usize = 256;
    /// A power of two, so that a remainder of it costs less than a check.
    const INDEX: usize = 4 * Self::LIMIT;
    const STAMP: u32 = 18;
    const NEXT_STAMP: u32 = 1 << Self::STAMP;
    const TARGET: u32 = Self::NEXT_STAMP - 1;

    pub(crate) fn new() -> Self {
        let mut log = Self {
            writes: Log::new(Self::LIMIT),
            targets: Log::new(Self::LIMIT),
            index: vec![0; Self::INDEX].try_into().expect("it has this length"),
            mask: Self::INDEX_START - 1,
            stamp: Self::NEXT_STAMP,
            widest: Self::INDEX_START - 1,
            stretched: false,
        };
        log.limit();
        log
    }

    /// Lets as much be used as a burst may while it executes, and the index has room for.
    fn limit(&mut self) {
        self.writes.limit(Self::EXECUTING);
        self.targets.limit(Self::EXECUTING.min(self.index_room()));
    }

    /// Targets for which the index is large enough.
    fn index_room(&self) -> usize {
        let length = self.mask + 1;
        if length < Self::INDEX { length / 2 } else { length - length / 8 }
    }

    /// Has room for one more write of an executing burst, or answers `false`: it has written as
    /// much as it may.
    #[cold]
    pub(crate) fn make_room(&mut self) -> bool {
        let full = self.writes.len().max(self.targets.len()) >= Self::EXECUTING;
        if !full && self.targets.len() >= self.index_room() {
            self.grow();
            self.stretched = true;
            self.limit();
        }
        !full
    }

    /// The same for a commit, which may write as much as it must.
    #[cold]
    pub(crate) fn make_room_to_commit(&mut self) {
        self.stretched = true;
        let needed = self.writes.len().max(self.targets.len()) + 1;
        self.writes.grow(needed);
        self.targets.grow(needed);
        if self.targets.len() >= self.index_room() {
            self.grow();
        }
        self.targets.limit(self.index_room());
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
        if self.stretched {
            self.stretched = false;
            self.mask = Self::INDEX_START - 1;
            self.limit();
        }
        self.next_stamp();
    }

    fn next_stamp(&mut self) {
        self.stamp = self.stamp.wrapping_add(Self::NEXT_STAMP);
        if self.stamp == 0 {
            self.index[..=self.widest].fill(0);
            self.widest = self.mask;
            self.stamp = Self::NEXT_STAMP;
        }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    #[inline(always)]
    fn slot(&self, cell: CellId) -> usize {
        // Less than the length of the index, so that no look at it has to be checked.
        (cell.raw().wrapping_mul(0x9e37_79b9) >> (32 - Self::STAMP)) as usize & self.mask
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
        // Of this burst only the target is left.
        let target = self.index[slot % Self::INDEX] ^ self.stamp;
        if target > Self::TARGET {
            return Some(Err(slot));
        }
        let target = target as usize;
        // A prefix commit forgets targets but not their index entries.
        let is_it = self.targets.get(target).is_some_and(|target| target.cell == cell);
        is_it.then_some(Ok(target))
    }

    /// Forgets what events from `end` on have written.
    #[cold]
    pub(crate) fn truncate(&mut self, end: usize) {
        // Targets are in the order of their first event.
        let kept = self.targets.partition_point(|target| self.first_event(target) < end);
        self.targets.truncate(kept);
        self.keep_before(end);
    }

    /// Has the cells be as of the savepoint before event `end`; those written later only are held.
    #[cold]
    pub(crate) fn keep_before(&mut self, end: usize) {
        for target in self.targets.iter_mut() {
            while is_entry(target.latest) && self.writes[target.latest as usize].event() >= end {
                target.latest = self.writes[target.latest as usize].older();
            }
        }
    }

    /// The event that named the cell first.
    fn first_event(&self, target: &Target) -> usize {
        let (mut entry, mut event) = (target.latest, 0);
        while is_entry(entry) {
            let write = &self.writes[entry as usize];
            (entry, event) = (write.older(), write.event());
        }
        if entry == NONE { event } else { (entry - NAMED) as usize }
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
        for target in self.targets.iter_mut() {
            while is_entry(target.latest) && target.latest as usize >= mark.writes {
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

    /// The newest entry of a cell that was named.
    #[inline(always)]
    pub(crate) fn latest_at(&self, Hold(target): Hold) -> Option<&Write> {
        self.writes.get(self.targets[target as usize].latest as usize)
    }

    /// The targets, last first, each with its newest entry if it is more than held.
    #[inline(always)]
    pub(crate) fn newest(&self) -> impl Iterator<Item = (CellId, Option<&Write>)> {
        let writes = &*self.writes;
        let targets = self.targets.iter().rev();
        targets.map(move |target| (target.cell, writes.get(target.latest as usize)))
    }

    /// The target of a cell, made if there is none. `None`: there is no room.
    #[inline(always)]
    pub(crate) fn target_or_insert(&mut self, cell: CellId, at: Begun) -> Option<usize> {
        match self.find(cell) {
            Ok(target) => Some(target),
            Err(slot) => {
                let number = self.targets.len();
                let latest = NAMED + at.event() as u32;
                self.insert_target(Target { cell, latest }, slot).then_some(number)
            }
        }
    }

    /// The same in a commit, which takes a cell that has no target with `take`. `None`: it did not.
    #[inline(always)]
    pub(crate) fn target_or_take(
        &mut self,
        cell: CellId,
        at: Begun,
        take: impl FnOnce() -> bool,
    ) -> Option<Hold> {
        let slot = match self.find(cell) {
            Ok(target) => return Some(Hold(target as u32)),
            Err(slot) => slot,
        };
        if !take() {
            return None;
        }
        let number = self.targets.len();
        let latest = NAMED + at.event() as u32;
        if self.insert_target(Target { cell, latest }, slot) {
            Some(Hold(number as u32))
        } else {
            Some(self.hold(cell, at))
        }
    }

    /// The target of a cell that a commit takes, made if there is none.
    #[cold]
    pub(crate) fn hold(&mut self, cell: CellId, at: Begun) -> Hold {
        let held = self.target_or_insert(cell, at).or_else(|| {
            self.make_room_to_commit();
            self.target_or_insert(cell, at)
        });
        Hold(held.expect("room was made") as u32)
    }

    #[inline(always)]
    fn insert_target(&mut self, target: Target, slot: usize) -> bool {
        let number = self.targets.len();
        let room = self.targets.push(target);
        if room {
            self.index[slot % Self::INDEX] = self.stamp | number as u32;
        }
        room
    }

    /// Enlarges the index.
    fn grow(&mut self) {
        self.mask = (self.mask << 2 | 3).min(self.index.len() - 1);
        self.widest = self.widest.max(self.mask);
        if seeded(Bug::GrownIndexEmpty) {
            return self.next_stamp();
        }
        self.index_anew();
    }

    fn index_anew(&mut self) {
        self.next_stamp();
        for target in 0..self.targets.len() {
            let slot = self.free_slot(self.targets[target].cell);
            self.index[slot] = self.stamp | target as u32;
        }
    }

    fn free_slot(&self, cell: CellId) -> usize {
        let mut slot = self.slot(cell);
        while self.index[slot] & !Self::TARGET == self.stamp {
            slot = (slot + 1) & self.mask;
        }
        slot
    }

    /// Buffers a value.
    #[inline(always)]
    pub(crate) fn replace(
        &mut self,
        cell: CellId,
        at: Begun,
        mutator: Mutator,
        words: &Payload,
    ) -> Put {
        // Word by word, so that words that are in registers go from there to the log: stored in
        // words and loaded in larger pieces they would wait for the stores.
        let entry = |older| {
            let site = site(older, at, mutator);
            let words = std::array::from_fn(|word| words[word]);
            Write { site, effect: Effect::REPLACE, words }
        };
        match self.find(cell) {
            Ok(target) => self.push_at(target, at, entry),
            Err(slot) => self.insert(cell, slot, |log| log.writes.push_with(|| entry(NONE))),
        }
    }

    /// An entry of an event's for a target: its next one, or in the place of the one that it has.
    #[inline(always)]
    fn push_at(&mut self, target: usize, at: Begun, entry: impl Fn(u32) -> Write) -> Put {
        let latest = self.targets[target].latest;
        match self.writes.get_mut(latest as usize) {
            Some(write) if write.event() == at.event() => *write = entry(write.older()),
            _ => {
                let number = self.writes.len();
                if !self.writes.push_with(|| entry(latest)) {
                    return Put::NoRoom;
                }
                self.targets[target].latest = number as u32;
            }
        }
        Put::Done
    }

    /// Buffers a value of a cell that was named, in a commit.
    #[inline(always)]
    pub(crate) fn replace_at(
        &mut self,
        Hold(target): Hold,
        at: Begun,
        mutator: Mutator,
        words: &Payload,
    ) {
        let entry = |older| {
            let site = site(older, at, mutator);
            Write { site, effect: Effect::REPLACE, words: *words }
        };
        if self.push_at(target as usize, at, entry) == Put::NoRoom {
            self.make_room_to_commit();
            let put = self.push_at(target as usize, at, entry);
            assert!(put != Put::NoRoom, "room was made");
        }
    }

    /// The same in a commit; calls `begin` if the cell had no target.
    #[inline(always)]
    pub(crate) fn replace_or_begin(
        &mut self,
        cell: CellId,
        at: Begun,
        mutator: Mutator,
        words: &Payload,
        begin: impl FnOnce(),
    ) {
        let mut put = self.replace(cell, at, mutator, words);
        if put == Put::NoRoom {
            self.make_room_to_commit();
            put = self.replace(cell, at, mutator, words);
            assert!(put != Put::NoRoom, "room was made");
        }
        if put == Put::First {
            begin();
        }
    }

    /// Whether a cell that was named is changed by nothing so far.
    #[inline(always)]
    pub(crate) fn is_untouched(&self, hold: Hold) -> bool {
        !is_entry(self.targets[hold.0 as usize].latest) || seeded(Bug::OwnChangeUnseen)
    }

    /// The first entry of such a cell, in a commit.
    #[inline(always)]
    pub(crate) fn replace_untouched(
        &mut self,
        hold: Hold,
        at: Begun,
        mutator: Mutator,
        words: &Payload,
    ) {
        let number = self.writes.len();
        // Of a cell that nothing has changed that is no entry.
        let latest = self.targets[hold.0 as usize].latest;
        let older = if seeded(Bug::OwnChangeUnseen) { NONE } else { latest };
        let (site, effect) = (site(older, at, mutator), Effect::REPLACE);
        let write = Write { site, effect, words: *words };
        if !self.writes.push(write) {
            self.make_room_to_commit();
            let room = self.writes.push(write);
            assert!(room, "room was made");
        }
        self.targets[hold.0 as usize].latest = number as u32;
    }

    /// A new target with its first entry, which `push` adds if there is room.
    #[inline(always)]
    fn insert(&mut self, cell: CellId, slot: usize, push: impl FnOnce(&mut Self) -> bool) -> Put {
        let latest = self.writes.len();
        if !push(self) {
            return Put::NoRoom;
        }
        if !self.insert_target(Target { cell, latest: latest as u32 }, slot) {
            self.writes.truncate(latest);
            return Put::NoRoom;
        }
        Put::First
    }

    /// Buffers an operation.
    #[inline(always)]
    pub(crate) fn operate(
        &mut self,
        cell: CellId,
        at: Begun,
        mutator: Mutator,
        word: usize,
        (operation, operand): (Operation, u64),
    ) -> Put {
        match self.find(cell) {
            Ok(target) => self.operate_at(target, at, mutator, word, (operation, operand)),
            Err(slot) => {
                let site = site(NONE, at, mutator);
                self.insert(cell, slot, |log| log.push_only(site, word, operation, operand))
            }
        }
    }

    /// The same of a target.
    #[inline(always)]
    pub(crate) fn operate_at(
        &mut self,
        target: usize,
        at: Begun,
        mutator: Mutator,
        word: usize,
        (operation, operand): (Operation, u64),
    ) -> Put {
        let latest = self.targets[target].latest;
        match self.writes.get_mut(latest as usize) {
            Some(write) if write.event() == at.event() => {
                commuting(write.operate(mutator, word, operation, operand))
            }
            Some(write) if write.is_only(word, operation) => {
                let operand = operation.apply(write.words[word], operand);
                let number = self.writes.len();
                if !self.push_only(site(latest, at, mutator), word, operation, operand) {
                    return Put::NoRoom;
                }
                self.targets[target].latest = number as u32;
                Put::Done
            }
            _ => self.operate_on_copy(target, at, mutator, word, (operation, operand)),
        }
    }

    /// An entry with one operation, if there is room.
    #[inline(always)]
    fn push_only(&mut self, site: u64, word: usize, operation: Operation, operand: u64) -> bool {
        let room = self.writes.push(Write::only(site, word, operation));
        if room && let Some(write) = self.writes.last_mut() {
            // Where it lies, since which of the words is hardly ever known here.
            write.words[word] = operand;
        }
        room
    }

    /// The same on top of whatever earlier events did to the cell.
    #[inline(always)]
    fn operate_on_copy(
        &mut self,
        target: usize,
        at: Begun,
        mutator: Mutator,
        word: usize,
        (operation, operand): (Operation, u64),
    ) -> Put {
        let latest = self.targets[target].latest;
        let number = self.writes.len();
        let entry = match self.writes.get(latest as usize) {
            Some(write) => Write { site: site(latest, at, write.mutator()), ..*write },
            None => Write::nothing(latest, at),
        };
        // Changed where it lies: a word changed before it is copied would be waited for.
        if !self.writes.push(entry) {
            return Put::NoRoom;
        }
        let commutes = self.writes[number].operate(mutator, word, operation, operand);
        if commutes {
            self.targets[target].latest = number as u32;
        } else {
            self.writes.truncate(number);
        }
        commuting(commutes)
    }
}

#[inline(always)]
fn commuting(commutes: bool) -> Put {
    if commutes { Put::Done } else { Put::Refused }
}

const _: () = assert!(WriteLog::INDEX.is_power_of_two() && WriteLog::INDEX <= 1 << WriteLog::STAMP);
const _: () = assert!(WriteLog::INDEX - 1 <= WriteLog::TARGET as usize, "a target has room");

#[cfg(test)]
mod tests;
