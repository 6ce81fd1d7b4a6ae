//! Writes and updates, buffered until the commit.

use nfos_sync::{Bug, seeded};

use crate::cell::Payload;
use crate::failure::Failure;
use crate::memory::CellId;
use crate::observe::Observer;
use crate::operation::Operation;
use crate::standing::Standing;
use crate::structures::Structures;
use crate::transaction::{Refused, Transaction};
use crate::write_log::{Hold, Mutator};

impl<P: Copy> Transaction<P> {
    /// Replaces a cell. Observes nothing.
    ///
    /// # Errors
    /// If the log is full.
    #[inline(always)]
    pub fn write(&mut self, cell: CellId, mutator: Mutator, words: Payload) -> Result<(), Refused> {
        self.mark_writer()?;
        if seeded(Bug::OriginalProtocol) {
            self.hold_originally(cell);
        }
        self.writes.replace(cell, self.begun.event() as u8, mutator, &words);
        Ok(())
    }

    /// Applies an operation to a word of the cell as it will be at the commit. Observes nothing,
    /// unless the burst has an operation of another kind pending on that word.
    ///
    /// # Errors
    /// As [`Self::read`].
    #[inline(always)]
    pub fn update<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        mutator: Mutator,
        word: usize,
        operation: (Operation, u64),
        structures: &S,
    ) -> Result<(), Refused> {
        self.mark_writer()?;
        let is_usual = !seeded(Bug::OriginalProtocol) && !seeded(Bug::OperationOnSnapshot);
        if is_usual && self.writes.operate(cell, self.begun.event() as u8, mutator, word, operation)
        {
            return Ok(());
        }
        self.update_otherwise(cell, mutator, word, operation, structures)
    }

    /// The operation does not commute with what is pending on the word, or a bug is seeded.
    #[inline(never)]
    fn update_otherwise<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        mutator: Mutator,
        word: usize,
        operation: (Operation, u64),
        structures: &S,
    ) -> Result<(), Refused> {
        if seeded(Bug::OriginalProtocol) {
            self.hold_originally(cell);
        }
        let observer = Observer { object: mutator.object, kind: mutator.kind & 0x7f };
        let on_snapshot = seeded(Bug::OperationOnSnapshot) && !self.has_pending(cell);
        if !on_snapshot
            && self.writes.operate(cell, self.begun.event() as u8, mutator, word, operation)
        {
            return Ok(());
        }
        let mut words = if on_snapshot {
            self.peek(cell, observer)?.0
        } else {
            self.read(cell, observer, structures)?
        };
        words[word] = operation.0.apply(words[word], operation.1);
        self.writes.replace(cell, self.begun.event() as u8, mutator, &words);
        Ok(())
    }

    /// Has the commit hold a cell, for [`Structures::resolve`] to write it or what lies behind it.
    /// The answer is good for as long as the burst.
    ///
    /// # Errors
    /// If the log is full.
    #[inline(always)]
    pub fn hold(&mut self, cell: CellId) -> Result<Hold, Refused> {
        self.mark_writer()?;
        Ok(Hold(self.writes.target_or_insert(cell, self.begun.event() as u8) as u32))
    }

    #[inline(always)]
    fn mark_writer(&mut self) -> Result<(), Refused> {
        if self.writes.is_full() {
            return Err(Refused::LogFull);
        }
        if !self.has_writer() {
            self.begin_writing();
        }
        self.wrote |= 1 << self.event();
        Ok(())
    }

    #[cold]
    pub(crate) fn doom_stale(&mut self) {
        if let Some(failure) = self.stale.take() {
            self.standing.remove(Standing::STALE);
            self.doom(Failure { event: self.event(), ..failure });
        }
    }
}
