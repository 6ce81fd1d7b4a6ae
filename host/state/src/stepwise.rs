//! For a simulation, which plays many participants on one thread: nothing here waits.
//!
//! ```text
//! try_turn → begin_burst → (begin_event → operations → footprint)* → would_wait_at_gate → commit
//! ```

use crate::worker::Worker;

impl Worker {
    /// Whether the next burst can begin without waiting. If the last commit failed, the first call
    /// queues, and the calls after it look whether the turn has come.
    pub fn try_turn(&mut self) -> bool {
        self.tx.try_turn()
    }

    /// Whether it queues for the gate rather than for a room, or has closed the gate.
    #[must_use]
    pub fn is_elder(&self) -> bool {
        self.tx.is_elder()
    }

    /// Whether a commit of the events so far would wait, because the gate is closed.
    #[must_use]
    pub fn would_wait_at_gate(&self) -> bool {
        !self.tx.is_late() && self.tx.would_wait_at_gate(&self.effects)
    }

    /// Under [`Protocol::Original`](crate::Protocol::Original), after each event: takes the cells
    /// that it has come to write, or dooms the burst.
    pub fn hold_written(&mut self) {
        if !self.tx.is_late() {
            self.tx.hold_written();
        }
    }

    /// The cells that the event that runs has observed so far, latest first.
    pub fn observed(&self) -> impl Iterator<Item = u32> {
        self.tx.observed().map(|cell| cell.raw())
    }

    /// The cells that a commit of the burst would change or hold.
    pub fn to_be_written(&self) -> impl Iterator<Item = u32> {
        self.tx.to_be_written().map(|cell| cell.raw())
    }
}
