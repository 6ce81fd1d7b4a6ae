//! A participant's access to the state: bursts of events, each one transaction.
//!
//! ```text
//! begin_burst → (begin_event → operations)* → commit(end) | abandon
//! ```
//! After a failure at event k, `commit` has committed k events and discarded the others; the next
//! burst has at most [`burst_limit`](Worker::burst_limit) events and starts with the one that
//! failed. A burst's transaction begins with its first operation: one that touches no structure
//! costs a branch per call.

use nfos_stm::{Failure, Outcome};
use nfos_sync::{Arc, Bug, seeded};

use crate::conflict::Conflict;
use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::handles::Handles;
use crate::object::ObjectId;
use crate::state::{Protocol, State};
use crate::{Cell, ExpiredLease, MapEntry, SetOutcome};

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

    /// The element `index` of a vector. Observes its version.
    ///
    /// # Errors
    /// Unknown object, another kind, index out of range, log limit; as of all operations here.
    #[inline(always)]
    pub fn vector_read(&mut self, object: ObjectId, index: u32) -> Result<Cell, AccessError> {
        if let Some((vector, cell)) = self.handles.element(object, index) {
            let reader = vector.reader;
            let is_changed = !self.tx.only_reads() && {
                self.run();
                self.tx.has_changed(cell)
            };
            if !is_changed && let Some(value) = self.tx.read_unchanged(cell, reader) {
                return Ok(value);
            }
        }
        // Word by word, as `Transaction::read_or` says.
        let value = self.vector_read_otherwise(object, index)?;
        Ok(std::array::from_fn(|word| value[word]))
    }

    #[inline(never)]
    fn vector_read_otherwise(&mut self, object: ObjectId, index: u32) -> Result<Cell, AccessError> {
        self.run();
        let vector = self.handles.vector(&self.state.objects, object)?;
        vector.read(&mut self.tx, &self.effects, index)
    }

    /// Replaces the element `index`. Observes nothing.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn vector_write(
        &mut self,
        object: ObjectId,
        index: u32,
        value: Cell,
    ) -> Result<(), AccessError> {
        self.run();
        let Some((vector, cell)) = self.handles.element(object, index) else {
            let vector = self.handles.vector(&self.state.objects, object)?;
            return vector.write(&mut self.tx, vector.element(index)?, value);
        };
        vector.write(&mut self.tx, cell, value)
    }

    /// Adds to a word of the element `index`, modulo 2^64. Observes nothing and commutes.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; no such word.
    #[inline(always)]
    pub fn vector_add(
        &mut self,
        object: ObjectId,
        index: u32,
        word: u8,
        delta: i64,
    ) -> Result<(), AccessError> {
        self.run();
        let Some((vector, cell)) = self.handles.element(object, index) else {
            let vector = self.handles.vector(&self.state.objects, object)?;
            return vector.add(&mut self.tx, &self.effects, (vector.element(index)?, word), delta);
        };
        vector.add(&mut self.tx, &self.effects, (cell, word), delta)
    }

    /// The value of a key. Observes this key alone.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; key too long.
    #[inline(always)]
    pub fn map_get(&mut self, object: ObjectId, key: &[u8]) -> Result<Option<Cell>, AccessError> {
        self.run();
        if let Some(map) = self.handles.map(object)
            && let Some(value) = map.get_settled(&mut self.tx, &mut self.effects, key)
        {
            return Ok(value);
        }
        // Word by word, as `Transaction::read_or` says.
        let found = self.map_get_otherwise(object, key)?;
        Ok(found.map(|value| std::array::from_fn(|word| value[word])))
    }

    // Apart, since an error in the same place would have the value taken to pieces.
    #[inline(never)]
    fn map_get_otherwise(
        &mut self,
        object: ObjectId,
        key: &[u8],
    ) -> Result<Option<Cell>, AccessError> {
        self.handles.maps(&self.state.objects, object)?.get(&mut self.tx, &mut self.effects, key)
    }

    /// Gives the key a value, whether or not it had one. Observes nothing unless the map is full.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    #[inline(always)]
    pub fn map_set(
        &mut self,
        object: ObjectId,
        key: &[u8],
        value: Cell,
    ) -> Result<SetOutcome, AccessError> {
        self.run();
        self.handles.maps(&self.state.objects, object)?.set(
            &mut self.tx,
            &mut self.effects,
            key,
            value,
        )
    }

    /// Removes the key; whether it was present, which it observes.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    #[inline(always)]
    pub fn map_remove(&mut self, object: ObjectId, key: &[u8]) -> Result<bool, AccessError> {
        self.run();
        self.handles.maps(&self.state.objects, object)?.remove(&mut self.tx, &mut self.effects, key)
    }

    /// How many keys the map has. Observes every insertion and removal.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    pub fn map_len(&mut self, object: ObjectId) -> Result<u32, AccessError> {
        self.run();
        self.handles.maps(&self.state.objects, object)?.len(&mut self.tx, &mut self.effects)
    }

    /// The first entry at or behind a place, 0 at first and then [`MapEntry::next`]; in one event,
    /// each entry once. Observes what it comes by.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    pub fn map_next(&mut self, object: ObjectId, at: u64) -> Result<Option<MapEntry>, AccessError> {
        self.run();
        self.handles.maps(&self.state.objects, object)?.next(&mut self.tx, &mut self.effects, at)
    }

    /// Takes a free id for `duration_ns` from now on; none if none is left anywhere, or if the
    /// event is doomed.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn allocate(
        &mut self,
        object: ObjectId,
        duration_ns: u64,
    ) -> Result<Option<u32>, AccessError> {
        self.run();
        let allocator = self.handles.allocators(&self.state.objects, object)?;
        allocator.allocate(&mut self.tx, &mut self.effects, duration_ns)
    }

    /// Keeps a lease for `duration_ns` from now on at least; whether the id was held.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; id out of range.
    #[inline(always)]
    pub fn refresh(
        &mut self,
        object: ObjectId,
        id: u32,
        duration_ns: u64,
    ) -> Result<bool, AccessError> {
        self.run();
        let allocator = self.handles.allocators(&self.state.objects, object)?;
        allocator.refresh(&mut self.tx, &self.effects, id, duration_ns)
    }

    /// Gives an id back.
    ///
    /// # Errors
    /// As [`Self::refresh`]; the id is not held.
    #[inline(always)]
    pub fn free(&mut self, object: ObjectId, id: u32) -> Result<(), AccessError> {
        self.run();
        self.handles.allocators(&self.state.objects, object)?.free(
            &mut self.tx,
            &mut self.effects,
            id,
        )
    }

    /// Whether the id is held and its deadline has not passed.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    #[inline(always)]
    pub fn is_live(&mut self, object: ObjectId, id: u32) -> Result<bool, AccessError> {
        self.run();
        self.handles.allocators(&self.state.objects, object)?.is_live(
            &mut self.tx,
            &self.effects,
            id,
        )
    }

    /// One lease whose deadline has passed, each at most once in a burst. Workers see the leases
    /// that they took; the last participant, the control loop, sees all.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline]
    pub fn next_expired(&mut self, object: ObjectId) -> Result<Option<ExpiredLease>, AccessError> {
        self.run();
        self.handles
            .allocators(&self.state.objects, object)?
            .next_expired(&mut self.tx, &mut self.effects)
    }

    /// Updates a word of this participant's part. Observes nothing and commutes.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; a word without a merge.
    #[inline(always)]
    pub fn distributed_update(
        &mut self,
        object: ObjectId,
        word: u8,
        operand: i64,
    ) -> Result<(), AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_merges()?;
        distributed.update(&mut self.tx, &self.effects, word, operand)
    }

    /// The merged value: a shared one if it is within the staleness, which observes nothing;
    /// otherwise all parts are observed and merged.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn distributed_read(&mut self, object: ObjectId) -> Result<Cell, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_merges()?;
        distributed.read(&mut self.tx, &mut self.effects)
    }

    /// How many parts a distributed object of parts has.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; an object with declared merges, as for all that follow.
    pub fn parts(&mut self, object: ObjectId) -> Result<u32, AccessError> {
        self.run();
        self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        Ok(self.tx.participants() as u32)
    }

    /// The part `index`. Observes it.
    ///
    /// # Errors
    /// As [`Self::parts`]; index out of range.
    pub fn part(&mut self, object: ObjectId, index: u32) -> Result<Cell, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.part(&mut self.tx, &self.effects, index)
    }

    /// This participant's part.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn own_part(&mut self, object: ObjectId) -> Result<Cell, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.own_part(&mut self.tx, &self.effects)
    }

    /// Replaces this participant's part. Observes nothing.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn set_part(&mut self, object: ObjectId, value: Cell) -> Result<(), AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.set_part(&mut self.tx, &self.effects, value)
    }

    /// The published value, if it is within the staleness. Observes nothing; if there is none,
    /// parts read from now on are young enough to be published.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn published(&mut self, object: ObjectId) -> Result<Option<Cell>, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        Ok(distributed.shared(&mut self.tx, &self.effects))
    }

    /// Publishes a value merged of the parts once the event has committed.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn publish(&mut self, object: ObjectId, value: Cell) -> Result<(), AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.share(&self.tx, &mut self.effects, value);
        Ok(())
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
