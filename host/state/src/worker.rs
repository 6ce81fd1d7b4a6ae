//! A participant's access to the state: bursts of events, each one transaction.
//!
//! ```text
//! begin_burst → (begin_event → operations)* → commit(end) | abandon
//! ```
//! After a failure at event k, `commit` has committed k events and discarded the others; the next
//! burst has at most [`burst_limit`](Worker::burst_limit) events and starts with the one that
//! failed. A burst's transaction begins with its first operation: one that touches no structure
//! costs a branch per call.

mod operations;

pub(crate) use operations::word_by_word;

use nfos_stm::{Failure, Outcome};
use nfos_sync::{Arc, Bug, seeded};

use crate::conflict::Conflict;
use crate::effects::{Effects, Tx};
use crate::handles::Handles;
use crate::object::ObjectId;
use crate::state::{Protocol, State};

/// How a burst ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Events that stand, from the first on. The others left nothing.
    pub committed: usize,
    /// Why the event behind them has to run again; none: it was not asked for.
    pub conflict: Option<Conflict>,
}

/// The transactions of one participant. On lines of its own, as [`nfos_sync::Padded`] is: each
/// event writes to it, and so would wait for those of a neighbour in memory.
#[derive(Debug)]
#[repr(align(128))]
pub struct Worker {
    pub(crate) state: Arc<State>,
    pub(crate) tx: Tx,
    pub(crate) effects: Effects,
    /// What it has looked up of the state.
    handles: Handles,
    /// Whether the transaction of the last burst had begun: with it, or with its first operation.
    ran: bool,
    /// Of the last commit, for tests that certify.
    failure: Option<Failure>,
}

impl Worker {
    pub(crate) fn new(state: Arc<State>, participant: usize) -> Self {
        let mut tx = Tx::new(state.memory.clone(), participant, state.settings.burst_max);
        if state.protocol == Protocol::Original {
            tx.follow_original();
        }
        let effects = Effects::new(state.clone(), participant);
        Self { state, tx, effects, handles: Handles::new(), ran: false, failure: None }
    }

    /// How many events the next burst may have: 1 after a failure, otherwise up to the setting,
    /// fewer while bursts fail.
    #[inline]
    #[must_use]
    pub fn burst_limit(&self) -> usize {
        self.tx.burst_limit()
    }

    /// Begins a burst. Its snapshot is taken when it first needs one, or now if there is something
    /// to do before it runs: waiting for its turn after a failed commit, or merging.
    #[inline]
    pub fn begin_burst(&mut self) {
        self.tx.open_burst();
        self.effects.gone_through = None;
        let at_once = self.tx.has_failed()
            || !self.effects.followed.is_empty()
            || self.state.protocol == Protocol::Original;
        if at_once {
            self.tx.begin_late();
            self.tx.await_first_event();
        }
    }

    /// Begins the next event, at `now_ns` of its clock, and sets a savepoint. `false`: the burst is
    /// doomed and this event's run would be in vain.
    ///
    /// # Panics
    /// Beyond 64 events.
    #[inline(always)]
    pub fn begin_event(&mut self, now_ns: u64) -> bool {
        self.begin_event_of(now_ns, 0)
    }

    /// The same, and says what the event is, as [`Self::set_origin`] does.
    ///
    /// # Panics
    /// As [`Self::begin_event`].
    #[inline(always)]
    pub fn begin_event_of(&mut self, now_ns: u64, origin: u8) -> bool {
        self.effects.now_ns = now_ns;
        if self.tx.is_odd() {
            return self.begin_odd_event(origin);
        }
        self.tx.begin_plain_event(origin);
        true
    }

    #[inline(never)]
    fn begin_odd_event(&mut self, origin: u8) -> bool {
        self.tx.end_awaiting();
        if !self.tx.begin_event_of(origin) {
            return false;
        }
        let is_first = self.tx.event() == 0;
        if is_first && self.effects.merge_due_ns < self.effects.now_ns && !self.tx.is_late() {
            self.merge_ahead();
        }
        true
    }

    /// Begins so many events that are over already, if that can be: if nothing has been touched, so
    /// that nothing is kept of them.
    #[inline]
    pub fn pass_events(&mut self, events: usize) -> bool {
        let is_late = self.tx.is_late();
        if is_late {
            self.tx.pass_events(events);
        }
        is_late
    }

    /// Whether the run of any further event of this burst would be in vain.
    #[inline]
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.tx.is_doomed()
    }

    /// Merges what will be needed, while nothing has been observed.
    #[cold]
    fn merge_ahead(&mut self) {
        let mut due_ns = u64::MAX;
        for number in 0..self.effects.followed.len() {
            let object = self.state.distributed_of(self.effects.followed[number]);
            object.merge_ahead(&mut self.tx, &self.effects);
            due_ns = due_ns.min(object.merge_due_ns());
        }
        self.effects.merge_due_ns = due_ns;
    }

    /// The transaction of the event that runs begins, unless it has.
    #[inline(always)]
    fn run(&mut self) {
        if self.tx.is_late() {
            self.run_late();
        }
    }

    // Once a burst, and so out of the way of all other operations.
    #[cold]
    fn run_late(&mut self) {
        if seeded(Bug::LateBeginForgets) {
            self.tx.open_burst();
            self.tx.begin_event();
        }
        self.tx.begin_late();
    }

    /// Whether an event of this burst has buffered a write.
    #[inline]
    #[must_use]
    pub fn wrote(&self, event: usize) -> bool {
        self.tx.wrote(event)
    }

    /// Whether everything observed so far is still so. A fault of the guest counts only then:
    /// otherwise commit the events before it, and it runs again.
    pub fn observations_hold(&mut self) -> bool {
        self.tx.is_late() || self.tx.observations_hold(&self.effects)
    }

    /// Commits the longest valid prefix of the events before `end` and discards the others.
    // Where it is called, a call of it is enough; here, what it calls of the effects is inlined.
    #[inline(never)]
    pub fn commit(&mut self, end: usize) -> Commit {
        self.ran = !self.tx.is_late();
        self.failure = None;
        if !self.ran {
            let committed = end.min(self.tx.events());
            self.tx.pass(committed);
            return Commit { committed, conflict: None };
        }
        let Outcome { committed, failure } = self.tx.commit(end, &mut self.effects);
        match failure {
            None => Commit { committed, conflict: None },
            Some(failure) => self.commit_failed(committed, failure),
        }
    }

    // Apart, so that a burst without a conflict carries no room for one around.
    #[cold]
    #[inline(never)]
    fn commit_failed(&mut self, committed: usize, failure: Failure) -> Commit {
        self.failure = Some(failure);
        Commit { committed, conflict: Some(self.record(&failure)) }
    }

    /// Says what the event that runs is, in a byte that is found again in [`Conflict`]s, its own
    /// and those of the events that it is in the way of. The three top bits tell kinds of
    /// conflicts apart.
    #[inline]
    pub fn set_origin(&mut self, origin: u8) {
        self.tx.set_origin(origin);
    }

    /// Adds to the time that the last conflict cost.
    pub fn waste(&mut self, ns: u64) {
        self.state.conflicts[self.tx.participant()].waste(ns);
    }

    /// How often this participant ran an event alone, because it had failed too often.
    #[must_use]
    pub fn gate_entries(&self) -> u64 {
        self.tx.gate_entries()
    }

    /// Discards everything since the burst began.
    pub fn abandon(&mut self) {
        self.ran = !self.tx.is_late();
        if self.ran {
            self.tx.abandon(&mut self.effects);
        }
    }

    /// No packets: leaves the set of active snapshots, so that history can be reclaimed.
    #[inline]
    pub fn idle(&mut self) {
        self.tx.idle();
    }

    /// For tests that replay: the snapshot that an event of the last burst ended with.
    #[doc(hidden)]
    #[must_use]
    pub fn snapshot_of(&self, event: usize) -> u64 {
        if self.ran { self.tx.snapshot_of(event) } else { self.tx.position().timestamp }
    }

    /// For tests that replay in commit order: where an event of the last burst stands.
    #[doc(hidden)]
    #[must_use]
    pub fn position_of(&self, event: usize) -> nfos_stm::Position {
        if self.ran { self.tx.position_of(event) } else { self.tx.position() }
    }

    /// For the same tests: where an event stands that sees what there is now.
    #[doc(hidden)]
    #[must_use]
    pub fn position(&self) -> nfos_stm::Position {
        self.tx.position()
    }

    /// For the same tests: the record of the event that the last commit did not let stand.
    #[doc(hidden)]
    #[must_use]
    pub fn failure(&self) -> Option<nfos_stm::Failure> {
        self.failure
    }

    /// For the same tests: the numbers that the burst has taken out of a structure's pool so far.
    #[doc(hidden)]
    #[must_use]
    pub fn in_hand_of(&self, object: ObjectId) -> Vec<u32> {
        self.effects.in_hand_of(object.raw() as u16)
    }

    /// For the same tests: how many this participant has moved to its own pool of them.
    #[doc(hidden)]
    #[must_use]
    pub fn stolen_of(&self, object: ObjectId) -> u64 {
        let structure = self.state.objects.structure(object);
        structure.map_or(0, |structure| structure.stolen_by(self.tx.participant()))
    }

    /// For the same tests: the timestamp of the last commit, if it installed anything.
    #[doc(hidden)]
    #[must_use]
    pub fn committed_at(&self) -> Option<u64> {
        self.tx.committed_at().filter(|_| self.ran)
    }
}
