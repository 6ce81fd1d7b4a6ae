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
use crate::write_log::{Hold, Mutator, Put};

impl<P: Copy> Transaction<P> {
    /// Replaces a cell. Observes nothing.
    ///
    /// # Errors
    /// If the log is full.
    #[inline(always)]
    pub fn write(&mut self, cell: CellId, mutator: Mutator, words: Payload) -> Result<(), Refused> {
        self.mark_writer(cell);
        if seeded(Bug::OriginalProtocol) {
            self.hold_originally(cell);
        }
        match self.writes.replace(cell, self.begun, mutator, &words) {
            Put::NoRoom => {
                // Of its own, so that the words need not be in memory before.
                let copy = words;
                self.write_with_room(cell, mutator, &copy)
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn write_with_room(
        &mut self,
        cell: CellId,
        mutator: Mutator,
        words: &Payload,
    ) -> Result<(), Refused> {
        let room = self.writes.make_room();
        let put = room.then(|| self.writes.replace(cell, self.begun, mutator, words));
        if matches!(put, Some(Put::Done | Put::First)) { Ok(()) } else { Err(Refused::LogFull) }
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
        self.mark_writer(cell);
        let is_usual = !seeded(Bug::OriginalProtocol) && !seeded(Bug::OperationOnSnapshot);
        if is_usual
            && let Put::Done | Put::First =
                self.writes.operate(cell, self.begun, mutator, word, operation)
        {
            return Ok(());
        }
        self.update_otherwise(cell, mutator, word, operation, structures)
    }

    /// The operation does not commute with what is pending on the word, or there is no room for it
    /// yet, or a bug is seeded.
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
        if !self.writes.make_room() {
            return Err(Refused::LogFull);
        }
        if !on_snapshot
            && let Put::Done | Put::First =
                self.writes.operate(cell, self.begun, mutator, word, operation)
        {
            return Ok(());
        }
        let mut words = if on_snapshot {
            self.peek(cell, observer)?.0
        } else {
            self.read(cell, observer, structures)?
        };
        words[word] = operation.0.apply(words[word], operation.1);
        self.write_with_room(cell, mutator, &words)
    }

    /// Has the commit hold a cell, for [`Structures::resolve`] to write it or what lies behind it.
    /// The answer is good for as long as the burst.
    ///
    /// # Errors
    /// If the log is full.
    #[inline(always)]
    pub fn hold(&mut self, cell: CellId) -> Result<Hold, Refused> {
        self.mark_writer(cell);
        match self.writes.target_or_insert(cell, self.begun) {
            Some(target) => Ok(Hold(target as u32)),
            None => self.hold_with_room(cell),
        }
    }

    #[cold]
    fn hold_with_room(&mut self, cell: CellId) -> Result<Hold, Refused> {
        let room = self.writes.make_room();
        let target = room.then(|| self.writes.target_or_insert(cell, self.begun)).flatten();
        target.map(|target| Hold(target as u32)).ok_or(Refused::LogFull)
    }

    /// The event that runs writes to a cell, which the commit will need.
    #[inline(always)]
    fn mark_writer(&mut self, cell: CellId) {
        nfos_sync::prefetch_read(&self.cells[cell.raw() as usize]);
        if !self.has_writer() {
            self.begin_writing();
        }
        self.wrote |= 1 << self.event();
    }

    #[cold]
    pub(crate) fn doom_stale(&mut self) {
        if let Some(failure) = self.stale.take() {
            self.standing.remove(Standing::STALE);
            self.doom(Failure { event: self.event(), ..failure });
        }
    }
}
