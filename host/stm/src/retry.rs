//! What happens after a failure: waiting rooms, and the gate.
//!
//! An event that failed on a cell takes a ticket of that cell's *room*, waits for its turn holding
//! nothing, and runs alone. Two events that failed on one counter so stop failing each other.
//! Rooms are advice: nothing's correctness depends on them. After [`FAILURES_BEFORE_GATE`] failures
//! the event becomes an *elder*: in the order of gate tickets it closes the gate, waits until
//! commits in flight are through, and runs while nobody else commits. It cannot fail. Others go on
//! executing and reading; their update commits wait.
//!
//! Structures may let a running event take something interchangeable out of circulation before it
//! commits, an id for instance. An elder might need just that. So a participant raises a flag
//! before the first such reservation of a burst and lowers it when all are returned or final; it
//! reserves nothing while the gate is closed, and one who meets the closed gate with reservations
//! gives up its run and returns them. The elder waits until every flag is down.

use nfos_sync::atomic::{AtomicU32, AtomicU64, Ordering};
use nfos_sync::{Bug, Padded, RESTLESS, Waiting, limit, seeded};

use crate::memory::{CellId, INACTIVE, Phase};
use crate::structures::Structures;
use crate::transaction::Transaction;

/// Failures of one event after which it runs alone behind the gate.
pub const FAILURES_BEFORE_GATE: u32 = if RESTLESS { 2 } else { limit(8, 2) as u32 };

/// Two counters that serve whoever comes, in order.
#[derive(Debug, Default)]
struct Tickets {
    next: AtomicU32,
    serving: AtomicU32,
}

impl Tickets {
    fn take(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn serves(&self, ticket: u32) -> bool {
        // Acquire: pairs with `leave`.
        self.serving.load(Ordering::Acquire) == ticket
    }

    fn wait_for_turn(&self) {
        let ticket = self.take();
        let mut waiting = Waiting::new();
        while !self.serves(ticket) {
            waiting.pause();
        }
    }

    fn leave(&self) {
        self.serving.fetch_add(1, Ordering::Release);
    }
}

/// Waiting rooms, found by the hash of a cell.
#[derive(Debug)]
pub(crate) struct Rooms(Box<[Padded<Tickets>]>);

impl Rooms {
    const COUNT: usize = limit(1_024, 2);

    pub(crate) fn new() -> Self {
        Self((0..Self::COUNT).map(|_| Padded::default()).collect())
    }

    fn of(cell: CellId) -> usize {
        (cell.raw() as usize).wrapping_mul(0x9e37_79b9) >> 9 & (Self::COUNT - 1)
    }
}

/// 0 while open, else the elder + 1.
#[derive(Debug)]
pub(crate) struct Gate {
    closed_by: Padded<AtomicU64>,
    elders: Padded<Tickets>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { closed_by: Padded::default(), elders: Padded::default() }
    }

    /// Whether an update commit of this participant must wait.
    #[inline(always)]
    pub(crate) fn is_closed_to(&self, participant: usize) -> bool {
        // SeqCst: pairs with the swap in `Transaction::become_elder`.
        let closed_by = self.closed_by.load(Ordering::SeqCst);
        closed_by != 0 && closed_by != participant as u64 + 1
    }

    pub(crate) fn wait_until_open(&self, participant: usize) {
        let mut waiting = Waiting::new();
        while self.is_closed_to(participant) {
            waiting.pause();
        }
    }
}

/// Where a participant stands with an event that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nowhere.
    None,
    /// It has the turn of this room.
    Room(usize),
    /// It has closed the gate.
    Elder,
}

/// The failures of the event that runs next.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) turn: Turn,
    pub(crate) failures: u32,
    /// The cell that it failed on, until it has queued for it.
    pub(crate) failed_on: Option<CellId>,
    /// A ticket taken without waiting; see [`Transaction::try_turn`].
    queued: Option<Queued>,
    pub(crate) gate_entries: u64,
}

/// A place in a queue.
#[derive(Clone, Copy, Debug)]
struct Queued {
    turn: Turn,
    ticket: u32,
    /// Of an elder: whether it has closed the gate and waits for commits in flight.
    draining: bool,
}

impl Retry {
    pub(crate) fn new() -> Self {
        Self { turn: Turn::None, failures: 0, failed_on: None, queued: None, gate_entries: 0 }
    }
}

impl<P: Copy> Transaction<P> {
    /// Before the next burst, if the last one failed: queues, and comes back with the turn.
    #[cold]
    pub(crate) fn wait_for_turn(&mut self, cell: CellId) {
        if self.retry.turn != Turn::None {
            // It has queued with `try_turn`.
            return;
        }
        self.deactivate();
        if self.retry.failures >= FAILURES_BEFORE_GATE {
            self.become_elder();
        } else {
            let room = Rooms::of(cell);
            self.memory.rooms.0[room].wait_for_turn();
            self.retry.turn = Turn::Room(room);
        }
    }

    fn become_elder(&mut self) {
        self.memory.gate.elders.wait_for_turn();
        self.close_gate();
        for participant in 0..self.memory.participants() {
            let mut waiting = Waiting::new();
            while !seeded(Bug::GateWithoutDrain) && self.is_in_flight(participant) {
                waiting.pause();
            }
        }
        self.retry.turn = Turn::Elder;
        self.retry.gate_entries += 1;
    }

    fn close_gate(&self) {
        // SeqCst: pairs with the loads in `Gate::is_closed_to`, of which one precedes each commit
        // and each first reservation. Either that load sees the gate closed, or the loads in
        // `is_in_flight` see the committer's phase or flag.
        self.memory.gate.closed_by.swap(self.me as u64 + 1, Ordering::SeqCst);
    }

    /// Whether another participant commits or has taken something out of circulation.
    fn is_in_flight(&self, participant: usize) -> bool {
        let shared = &self.memory.shared[participant];
        participant != self.me
            && (shared.phase_seq_cst() != Phase::Idle
                || shared.reserving.load(Ordering::SeqCst) != 0)
    }

    /// For who plays several participants on one thread and must not wait: whether the next burst
    /// can begin without. If the last commit failed, the first call queues, and the calls after it
    /// look whether the turn has come.
    #[cold]
    pub fn try_turn(&mut self) -> bool {
        let Some(cell) = self.retry.failed_on else { return true };
        if self.retry.turn != Turn::None {
            return true;
        }
        let mut queued = self.retry.queued.take().unwrap_or_else(|| self.queue(cell));
        let queue = match queued.turn {
            Turn::Room(room) => &self.memory.rooms.0[room].0,
            Turn::None | Turn::Elder => &self.memory.gate.elders.0,
        };
        let mut has_turn = queue.serves(queued.ticket);
        if has_turn && queued.turn == Turn::Elder {
            if !queued.draining {
                self.close_gate();
                queued.draining = true;
            }
            has_turn = (0..self.memory.participants()).all(|other| !self.is_in_flight(other));
            self.retry.gate_entries += u64::from(has_turn);
        }
        if has_turn {
            self.retry.turn = queued.turn;
        } else {
            self.retry.queued = Some(queued);
        }
        has_turn
    }

    fn queue(&mut self, cell: CellId) -> Queued {
        self.deactivate();
        if self.retry.failures >= FAILURES_BEFORE_GATE {
            let ticket = self.memory.gate.elders.take();
            return Queued { turn: Turn::Elder, ticket, draining: false };
        }
        let room = Rooms::of(cell);
        let ticket = self.memory.rooms.0[room].take();
        Queued { turn: Turn::Room(room), ticket, draining: false }
    }

    /// Whether this participant is queueing for the gate rather than for a room, or is its elder.
    #[must_use]
    pub fn is_elder(&self) -> bool {
        let queued = self.retry.queued.map(|queued| queued.turn);
        self.retry.turn == Turn::Elder || queued == Some(Turn::Elder)
    }

    /// For who must not wait: whether a commit of the events so far would, because the gate is
    /// closed and the burst has writes.
    #[must_use]
    pub fn would_wait_at_gate<S: Structures<Predicate = P>>(&self, structures: &S) -> bool {
        let end = self.doomed.as_ref().map_or(self.events(), |failure| failure.event);
        end > self.first_writer
            && structures.reserving().is_none()
            && self.memory.gate.is_closed_to(self.me)
    }

    /// Gives the turn to the next in the queue.
    #[inline(always)]
    pub(crate) fn end_turn(&mut self) {
        if self.retry.turn != Turn::None {
            self.hand_over();
        }
    }

    #[cold]
    fn hand_over(&mut self) {
        match std::mem::replace(&mut self.retry.turn, Turn::None) {
            Turn::None => {}
            Turn::Room(room) => self.memory.rooms.0[room].leave(),
            Turn::Elder => {
                self.memory.gate.closed_by.store(0, Ordering::SeqCst);
                self.memory.gate.elders.leave();
            }
        }
    }

    /// Announces that this burst takes something out of circulation before it commits. `false`: it
    /// must not, because an elder has closed the gate.
    pub fn reserve(&mut self) -> bool {
        if self.reserving {
            return true;
        }
        let flag = &self.shared.reserving;
        // SeqCst: pairs with the elder's swap of the gate and its load of this flag.
        flag.swap(1, Ordering::SeqCst);
        if self.memory.gate.is_closed_to(self.me) {
            flag.store(0, Ordering::Release);
            return false;
        }
        self.reserving = true;
        true
    }

    #[inline(always)]
    pub(crate) fn end_reservations(&mut self) {
        if self.reserving {
            self.reserving = false;
            // Release: whoever sees the flag down sees what was returned.
            self.shared.reserving.store(0, Ordering::Release);
        }
    }

    /// Leaves the set of active snapshots; the next burst joins it again.
    #[inline(always)]
    pub(crate) fn deactivate(&mut self) {
        if self.active {
            self.active = false;
            self.shared.active.store(INACTIVE, Ordering::Release);
        }
    }
}

impl<P> Drop for Transaction<P> {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.active.store(INACTIVE, Ordering::Release);
        shared.reserving.store(0, Ordering::Release);
        match self.retry.turn {
            Turn::None => {}
            Turn::Room(room) => self.memory.rooms.0[room].leave(),
            Turn::Elder => {
                self.memory.gate.closed_by.store(0, Ordering::SeqCst);
                self.memory.gate.elders.leave();
            }
        }
    }
}
