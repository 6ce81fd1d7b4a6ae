//! Distributed objects whose parts the network function merges itself.
//!
//! It replaces its own part, which nobody else does, and asks for all parts when no published value
//! is young enough. What it made of them it publishes, under the rules of a merge by the host: only
//! if its event commits, with the time of its event, and the later time wins.

use nfos_stm::{Mutator, Observer};

use crate::Cell;
use crate::distributed::Distributed;
use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::object::ObjectId;
use crate::rules::{MutatorKind, ObserverKind};

impl Distributed {
    /// This object, if it is one of parts.
    pub(crate) fn of_parts(&self) -> Result<&Self, AccessError> {
        if self.merges.is_empty() { Ok(self) } else { Err(self.other_merge()) }
    }

    /// This object, if its merges are declared.
    #[inline(always)]
    pub(crate) fn of_merges(&self) -> Result<&Self, AccessError> {
        if self.merges.is_empty() { Err(self.other_merge()) } else { Ok(self) }
    }

    #[cold]
    fn other_merge(&self) -> AccessError {
        AccessError::OtherMerge(ObjectId::from_raw(u32::from(self.object)))
    }

    pub(crate) fn part(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        index: u32,
    ) -> Result<Cell, AccessError> {
        let length = tx.participants() as u32;
        if index >= length {
            return Err(AccessError::OutOfRange { index, length });
        }
        let observer = Observer { object: self.object, kind: ObserverKind::MergingRead as u8 };
        Ok(tx.read(self.parts.offset(index), observer, effects)?)
    }

    pub(crate) fn own_part(&self, tx: &mut Tx, effects: &Effects) -> Result<Cell, AccessError> {
        let observer = Observer { object: self.object, kind: ObserverKind::OwnPart as u8 };
        Ok(tx.read(self.parts.offset(effects.me as u32), observer, effects)?)
    }

    pub(crate) fn set_part(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        value: Cell,
    ) -> Result<(), AccessError> {
        let mutator = Mutator { object: self.object, kind: MutatorKind::Update as u8 };
        Ok(tx.write(self.parts.offset(effects.me as u32), mutator, value)?)
    }
}
