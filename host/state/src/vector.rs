//! A vector: one cell per element.
//!
//! `read` observes the element's version; `write` and `add` observe nothing, and additions
//! commute. Elements lie on cache lines of their own.

use nfos_stm::{CellId, Memory, MemoryFull, Mutator, Observer, Operation};

use crate::conflict::Place;
use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::rules::{MutatorKind, ObserverKind};
use crate::{Cell, object::Structure};

#[derive(Debug)]
pub(crate) struct Vector {
    object: u16,
    first: CellId,
    length: u32,
}

impl Vector {
    pub(crate) fn open(memory: &Memory, object: u16, length: u32) -> Result<Structure, MemoryFull> {
        let first = memory.reserve(u64::from(length))?;
        Ok(Structure::Vector(Self { object, first, length }))
    }

    #[inline(always)]
    fn element(&self, index: u32) -> Result<CellId, AccessError> {
        if index < self.length {
            Ok(self.first.offset(index))
        } else {
            Err(AccessError::OutOfRange { index, length: self.length })
        }
    }

    pub(crate) fn place(&self, cell: CellId) -> Place {
        Place::Element(cell.raw().wrapping_sub(self.first.raw()))
    }

    fn mutator(&self, kind: MutatorKind) -> Mutator {
        Mutator { object: self.object, kind: kind as u8 }
    }

    /// What `then` makes of an element, as [`Map::get`](crate::map::Map::get) does.
    #[inline(always)]
    pub(crate) fn read<T>(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        index: u32,
        then: impl FnOnce(&Cell) -> T,
    ) -> Result<T, AccessError> {
        let observer = Observer { object: self.object, kind: ObserverKind::VectorRead as u8 };
        Ok(tx.read_then(self.element(index)?, observer, effects, then)?)
    }

    #[inline(always)]
    pub(crate) fn write(&self, tx: &mut Tx, index: u32, value: Cell) -> Result<(), AccessError> {
        Ok(tx.write(self.element(index)?, self.mutator(MutatorKind::VectorWrite), value)?)
    }

    #[inline(always)]
    pub(crate) fn add(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        (index, word): (u32, u8),
        delta: i64,
    ) -> Result<(), AccessError> {
        let element = self.element(index)?;
        if usize::from(word) >= nfos_stm::WORDS {
            return Err(AccessError::NoSuchWord(word));
        }
        let operation = (Operation::Add, delta as u64);
        let mutator = self.mutator(MutatorKind::VectorAdd);
        Ok(tx.update(element, mutator, usize::from(word), operation, effects)?)
    }
}
