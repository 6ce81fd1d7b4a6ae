//! An entry of the [write log](crate::write_log): what one event and those before it do to a cell.

use crate::cell::{Payload, WORDS};
use crate::operation::Operation;
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
    /// The cell's next older entry, or [`NONE`] (32 bits), the mutator's structure (16), the event
    /// (8) and the mutator's kind (8): in this order the lower half is what the provenance of a
    /// version has there, but for the event in the place of its origin.
    pub(crate) site: u64,
    pub(crate) effect: Effect,
    /// The new payload, or an operand for each operation.
    pub(crate) words: Payload,
}

impl Write {
    /// The first entry of a cell that was held until now.
    #[cold]
    pub(crate) fn nothing(event: u8) -> Self {
        let by = Mutator { object: 0, kind: 0 };
        Self { site: site(NONE, event, by), effect: Effect::NOTHING, words: [0; WORDS] }
    }

    #[inline(always)]
    pub(crate) fn mutator(&self) -> Mutator {
        Mutator { object: (self.site >> OBJECT) as u16, kind: self.site as u8 }
    }

    /// The provenance of the version that it makes, once participant, line and origin are added.
    #[inline(always)]
    pub(crate) fn provenance(&self) -> u64 {
        self.site & (0xffff << OBJECT | 0xff)
    }

    #[inline(always)]
    pub(crate) fn event(&self) -> u8 {
        (self.site >> EVENT) as u8
    }

    /// The cell's next older entry, or [`NONE`].
    #[inline(always)]
    pub(crate) fn older(&self) -> u32 {
        (self.site >> OLDER) as u32
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
        self.site = site(self.older(), self.event(), by);
        true
    }
}

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

const OLDER: u32 = 32;
const OBJECT: u32 = 16;
const EVENT: u32 = 8;

/// The first word of an entry.
#[inline(always)]
pub(crate) fn site(older: u32, event: u8, by: Mutator) -> u64 {
    let by = u64::from(by.object) << OBJECT | u64::from(by.kind);
    u64::from(older) << OLDER | u64::from(event) << EVENT | by
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Provenance;

    #[test]
    fn a_write_says_who_changes_a_cell_as_provenance_does() {
        let by = Mutator { object: 0x3ffe, kind: 255 };
        let write = Write { site: site(7, 63, by), ..Write::nothing(0) };
        assert_eq!((write.older(), write.event(), write.mutator()), (7, 63, by));
        let Mutator { object, kind } = by;
        let provenance = Provenance { participant: 0, line: 0, object, origin: 0, kind };
        assert_eq!(write.provenance(), provenance.pack());
    }
}
