//! Which cells a burst touches: what a simulation of other machines charges for.

use crate::memory::CellId;
use crate::transaction::Transaction;

impl<P: Copy> Transaction<P> {
    /// Cells that the event that runs has observed so far, in order, some more than once. To be
    /// asked before the next event begins.
    pub fn observed(&self) -> impl Iterator<Item = CellId> {
        let entries = self.observations.entries.iter().rev();
        entries.take_while(|entry| entry.event() == self.event()).map(|entry| entry.cell())
    }

    /// Cells that a commit of the burst would change or hold. To be asked before it.
    pub fn to_be_written(&self) -> impl Iterator<Item = CellId> {
        self.writes.targets.iter().map(|target| target.cell)
    }
}
