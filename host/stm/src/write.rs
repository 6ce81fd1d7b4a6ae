//! An entry of the [write log](crate::write_log): what one event and those before it do to a cell.

use crate::cell::{Payload, WORDS};
use crate::operation::Operation;
use crate::standing::Begun;
use crate::write_log::Mutator;

/// What an entry does to the payload: a byte for each word, the code of the operation pending on
/// it, or 0; or all bits, and the entry replaces the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect(u64);

impl Effect {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const REPLACE: Self = Self(u64::MAX);

    #[inline(always)]
    fn operation(self, word: usize) -> Option<Operation> {
        match self.code(word) {
            1 => Some(Operation::Add),
            2 => Some(Operation::Max),
            3 => Some(Operation::Min),
            4 => Some(Operation::Or),
            _ => None,
        }
    }

    #[inline(always)]
    fn code(self, word: usize) -> u64 {
        self.0 >> (8 * word) & 0xff
    }

    #[inline(always)]
    pub(crate) fn and(self, word: usize, operation: Operation) -> Self {
        Self(self.0 | (operation as u64) << (8 * word))
    }
}

/// One line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Write {
    /// The [event](Begun) in the top bits, the cell's next older entry (25 bits), or
    /// [none](is_entry), and in the lower half what the provenance of a version has there but for
    /// its origin: the mutator's structure (16), nothing (8) and the mutator's kind (8).
    pub(crate) site: u64,
    pub(crate) effect: Effect,
    /// The new payload, or an operand for each operation.
    pub(crate) words: Payload,
}

impl Write {
    /// The first entry of a cell that was held until now.
    #[cold]
    pub(crate) fn nothing(older: u32, at: Begun) -> Self {
        let by = Mutator { object: 0, kind: 0 };
        Self { site: site(older, at, by), effect: Effect::NOTHING, words: [0; WORDS] }
    }

    /// An entry with one operation, whose operand is 0.
    #[inline(always)]
    pub(crate) fn only(site: u64, word: usize, operation: Operation) -> Self {
        Self { site, effect: Effect::NOTHING.and(word, operation), words: [0; WORDS] }
    }

    /// Whether it is an entry with nothing but such operations on this word.
    #[inline(always)]
    pub(crate) fn is_only(&self, word: usize, operation: Operation) -> bool {
        self.effect == Effect::NOTHING.and(word, operation)
    }

    #[inline(always)]
    pub(crate) fn mutator(&self) -> Mutator {
        Mutator { object: (self.site >> OBJECT) as u16, kind: self.site as u8 }
    }

    /// The provenance of the version that it makes, once participant, line and origin are added.
    #[inline(always)]
    pub(crate) fn provenance(&self) -> u64 {
        self.site & u64::from(u32::MAX)
    }

    #[inline(always)]
    pub(crate) fn event(&self) -> usize {
        Begun::event_of(self.site)
    }

    /// The cell's next older entry, or [none](is_entry).
    #[inline(always)]
    pub(crate) fn older(&self) -> u32 {
        (self.site >> OLDER) as u32 & NONE
    }

    /// Whether the payload before it does not matter.
    #[inline(always)]
    pub(crate) fn replaces(&self) -> bool {
        self.effect == Effect::REPLACE
    }

    /// The payload after this entry.
    #[inline(always)]
    pub(crate) fn apply(&self, payload: &Payload) -> Payload {
        if self.replaces() { self.words } else { self.operate_on(payload) }
    }

    fn operate_on(&self, payload: &Payload) -> Payload {
        let mut payload = *payload;
        self.operations(|word, operation, operand| {
            payload[word] = operation.apply(payload[word], operand);
        });
        payload
    }

    /// Goes through the operations of an entry that does not replace: words, what is done to them,
    /// and operands.
    #[inline(always)]
    pub(crate) fn operations(&self, mut operate: impl FnMut(usize, Operation, u64)) {
        // Most entries have one operation, so only those are looked at that are there.
        let mut left = self.effect.0;
        while left != 0 {
            let word = left.trailing_zeros() as usize / 8;
            if let Some(operation) = self.effect.operation(word) {
                operate(word, operation, self.words[word]);
            }
            left &= !(0xff << (8 * word));
        }
    }

    /// Adds an operation of `by`, or answers `false`: another that it does not commute with is
    /// pending.
    #[inline(always)]
    pub(crate) fn operate(
        &mut self,
        by: Mutator,
        word: usize,
        operation: Operation,
        operand: u64,
    ) -> bool {
        if self.replaces() {
            // What replaced the cell is what ends an observation of it; an operation on top of
            // that adds nothing.
            self.words[word] = operation.apply(self.words[word], operand);
            return true;
        }
        let pending = self.effect.code(word);
        if pending == 0 {
            self.effect = self.effect.and(word, operation);
            self.words[word] = operand;
        } else if pending == operation as u64 {
            self.words[word] = operation.apply(self.words[word], operand);
        } else {
            return false;
        }
        self.site = site(self.older(), Begun::of(self.event()), by);
        true
    }
}

/// No entry, in the place of one older than the first of a cell's.
pub(crate) const NONE: u32 = (1 << 25) - 1;
/// The same where an event had named the cell before that entry, which is added.
pub(crate) const NAMED: u32 = NONE - 0xff;

/// Whether this is the number of an entry.
#[inline(always)]
pub(crate) fn is_entry(number: u32) -> bool {
    number < NAMED
}

const OLDER: u32 = 32;
const OBJECT: u32 = 16;

/// The first word of an entry.
#[inline(always)]
pub(crate) fn site(older: u32, at: Begun, by: Mutator) -> u64 {
    let by = u64::from(by.object) << OBJECT | u64::from(by.kind);
    u64::from(older) << OLDER | at.bits() | by
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Provenance;

    #[test]
    fn a_write_says_who_changes_a_cell_as_provenance_does() {
        let by = Mutator { object: 0x3ffe, kind: 255 };
        let at = Begun::of(63);
        let write = Write { site: site(7, at, by), ..Write::nothing(NONE, at) };
        assert_eq!((write.older(), write.event(), write.mutator()), (7, 63, by));
        let Mutator { object, kind } = by;
        let provenance = Provenance { participant: 0, line: 0, object, origin: 0, kind };
        assert_eq!(write.provenance(), provenance.pack());
    }
}
