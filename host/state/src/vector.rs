//! A vector: one cell per element.
//!
//! `read` observes the element's version; `write` and `add` observe nothing, and additions
//! commute. Elements lie on cache lines of their own.

use nfos_stm::{CellId, Memory, MemoryFull, Mutator, Observer, Operation, Packed};

use crate::conflict::Place;
use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::rules::{MutatorKind, ObserverKind};
use crate::{Cell, object::Structure};

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Vector {
    first: CellId,
    length: u32,
    object: u16,
    /// Who reads.
    pub(crate) reader: Packed,
}

impl Vector {
    /// One without elements, in the place of another structure.
    pub(crate) const NONE: Self =
        Self { first: CellId::FIRST, length: 0, object: 0, reader: Self::reader(0).packed() };

    pub(crate) fn open(memory: &Memory, object: u16, length: u32) -> Result<Structure, MemoryFull> {
        let first = memory.reserve(u64::from(length))?;
        let reader = Self::reader(object).packed();
        Ok(Structure::Vector(Self { first, length, object, reader }))
    }

    const fn reader(object: u16) -> Observer {
        Observer { object, kind: ObserverKind::VectorRead as u8 }
    }

    #[inline(always)]
    pub(crate) fn element(&self, index: u32) -> Result<CellId, AccessError> {
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

    #[inline(always)]
    pub(crate) fn read(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        index: u32,
    ) -> Result<Cell, AccessError> {
        Ok(tx.read(self.element(index)?, Self::reader(self.object), effects)?)
    }

    #[inline(always)]
    pub(crate) fn write(
        &self,
        tx: &mut Tx,
        element: CellId,
        value: Cell,
    ) -> Result<(), AccessError> {
        Ok(tx.write(element, self.mutator(MutatorKind::VectorWrite), value)?)
    }

    #[inline(always)]
    pub(crate) fn add(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        (element, word): (CellId, u8),
        delta: i64,
    ) -> Result<(), AccessError> {
        if usize::from(word) >= nfos_stm::WORDS {
            return Err(AccessError::NoSuchWord(word));
        }
        let operation = (Operation::Add, delta as u64);
        let mutator = self.mutator(MutatorKind::VectorAdd);
        Ok(tx.update(element, mutator, usize::from(word), operation, effects)?)
    }
}
