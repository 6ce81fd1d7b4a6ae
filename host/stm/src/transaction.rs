//! A participant's transaction: one burst after the other.
//!
//! ```text
//! begin_burst → (begin_event → reads, writes, updates)* → commit(end) | abandon
//! ```

use nfos_sync::atomic::Ordering;
use nfos_sync::{Arc, Bug, seeded};

use crate::burst::BurstSize;
use crate::cell::Cell;
use crate::failure::{Failure, Reason};
use crate::history::History;
use crate::memory::{CellId, Memory, Shared};
use crate::observe::{ObservationLog, Observer};
use crate::reservation::Reservation;
use crate::retry::Retry;
use crate::settle::View;
use crate::standing::{Begun, Standing};
use crate::structures::Structures;
use crate::write_log::WriteLog;

/// The most events of a burst.
pub const BURST_LIMIT: usize = 64;

/// No event of the burst has written yet.
pub(crate) const NOBODY: usize = usize::MAX;

/// Why an operation has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The burst observed or wrote more than the logs hold.
    LogFull,
    /// The event is doomed, and history no longer has what it would have to see. Nothing about it
    /// is wrong: it has to run again.
    RunAgain,
}

/// Where an event stands among all that took effect: at the timestamp of its commit, or, if it only
/// read, behind everything of the timestamp whose state it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The timestamp.
    pub timestamp: u64,
    /// Whether it stands behind the commit of that timestamp.
    pub behind: bool,
}

/// The transactions of one participant, one after the other. `P` are the predicates' arguments.
#[derive(Debug)]
pub struct Transaction<P> {
    /// What is not as in a burst that only reads: kept with `doomed`, `stale` and `first_writer`.
    pub(crate) standing: Standing,
    pub(crate) begun: Begun,
    pub(crate) memory: Arc<Memory>,
    /// The memory's, at hand.
    pub(crate) cells: Reservation<Cell>,
    /// What the others may see of this participant: the memory's, too.
    pub(crate) shared: Arc<Shared>,
    pub(crate) me: usize,
    pub(crate) snapshot: u64,
    /// The first snapshot of the burst.
    pub(crate) begun_at: u64,
    pub(crate) active: bool,
    /// First event of the burst that wrote, or [`NOBODY`].
    pub(crate) first_writer: usize,
    pub(crate) wrote: u64,
    pub(crate) doomed: Option<Failure>,
    /// The event that runs has seen that its snapshot cannot move: it is final if it writes
    /// nothing and doomed if it does.
    pub(crate) stale: Option<Failure>,
    pub(crate) observations: ObservationLog<P>,
    pub(crate) writes: WriteLog,
    pub(crate) order: Vec<CellId>,
    pub(crate) history: History,
    pub(crate) size: BurstSize,
    pub(crate) retry: Retry,
    pub(crate) reserving: bool,
    /// What the layer above says of each event, for the records of conflicts.
    pub(crate) origins: [u8; BURST_LIMIT],
    /// The snapshots that the first `left` events ended with; later ones have the present one.
    /// Only when that moves is it noted whose it was: an event that meets nobody notes nothing.
    snapshots: [u64; BURST_LIMIT],
    left: usize,
    /// For tests that replay: the last commit's timestamp.
    pub(crate) committed_at: Option<u64>,
    /// The first writer of the last commit.
    pub(crate) committed_from: usize,
    /// For simulations and tests: commits follow the protocol of the NFOS prototype.
    pub(crate) original: bool,
    /// The first writer of a burst before any event has written, [`NOBODY`], and how the burst
    /// stands then.
    pub(crate) unwritten: (usize, Standing),
}

impl<P: Copy> Transaction<P> {
    /// The transactions of `participant`, with bursts of up to `burst_max` events.
    ///
    /// The caller makes no two for one participant.
    ///
    /// # Panics
    /// If there is no such participant, or `burst_max` is not 1 to [`BURST_LIMIT`].
    #[must_use]
    pub fn new(memory: Arc<Memory>, participant: usize, burst_max: usize) -> Self {
        assert!(participant < memory.participants(), "participant out of range");
        assert!((1..=BURST_LIMIT).contains(&burst_max), "bursts of 1 to 64 events");
        Self {
            standing: Standing::NOT_BEGUN,
            begun: Begun::NONE,
            cells: memory.cells.clone(),
            shared: memory.shared[participant].clone(),
            history: History::new(participant, memory.shared[participant].lines.all()),
            memory,
            me: participant,
            snapshot: 0,
            begun_at: 0,
            active: false,
            first_writer: NOBODY,
            wrote: 0,
            doomed: None,
            stale: None,
            observations: ObservationLog::new(),
            writes: WriteLog::new(),
            order: Vec::with_capacity(WriteLog::LIMIT),
            size: BurstSize::new(burst_max),
            retry: Retry::new(),
            reserving: false,
            origins: [0; BURST_LIMIT],
            snapshots: [0; BURST_LIMIT],
            left: 0,
            committed_at: None,
            committed_from: NOBODY,
            original: false,
            unwritten: (NOBODY, Standing::NOT_BEGUN),
        }
    }

    /// How many events the next burst may have: 1 after a failure.
    #[inline(always)]
    #[must_use]
    pub fn burst_limit(&self) -> usize {
        if self.retry.failed_on.is_some() { 1 } else { self.size.limit() }
    }

    /// Whether the last commit failed, so that the next burst waits for its turn.
    #[inline]
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.retry.failed_on.is_some()
    }

    /// Begins a burst from a fresh snapshot. Waits for its turn if the last commit failed.
    #[inline]
    pub fn begin_burst(&mut self) {
        self.open_burst();
        self.begin_late();
    }

    /// Begins a burst without a snapshot, which [is taken](Self::begin_late) before its first
    /// operation. Its events may begin before that.
    #[inline(always)]
    pub fn open_burst(&mut self) {
        // The last one's end has done that, but a look at what made it fail may have left a trace.
        if self.begun != Begun::NONE || self.standing != self.unwritten.1 {
            self.reset();
        }
        self.origins = [0; BURST_LIMIT];
    }

    /// Whether the burst has no snapshot.
    #[inline(always)]
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.standing.is(Standing::NOT_BEGUN)
    }

    /// Takes a fresh snapshot for a burst that was [opened](Self::open_burst). Waits for its turn
    /// if the last commit failed.
    #[inline]
    pub fn begin_late(&mut self) {
        if let Some(cell) = self.retry.failed_on.take() {
            self.wait_for_turn(cell);
        }
        let active = &self.shared.active;
        if self.active {
            // The old, smaller value has covered this snapshot meanwhile.
            self.snapshot = self.memory.now();
            active.store(self.snapshot, Ordering::Release);
        } else {
            // SeqCst: publish, then load again; pairs with the fence in `History::next_segment`. A
            // reclaimer that missed the publication had finished before the second load.
            let published = self.memory.now();
            active.swap(published, Ordering::SeqCst);
            self.snapshot = self.memory.clock.load(Ordering::SeqCst);
            if seeded(Bug::SnapshotBeforePublication) {
                self.snapshot = published;
            }
            self.active = true;
        }
        (self.begun_at, self.left) = (self.snapshot, 0);
        self.standing.remove(Standing::NOT_BEGUN);
    }

    #[inline(always)]
    pub(crate) fn reset(&mut self) {
        self.observations.clear();
        self.writes.clear();
        self.begun = Begun::NONE;
        (self.first_writer, self.standing) = self.unwritten;
        self.wrote = 0;
        (self.doomed, self.stale) = (None, None);
    }

    /// Begins the next event and sets a savepoint; `false` if the burst is doomed, so that this
    /// event's run would be in vain.
    ///
    /// # Panics
    /// Beyond [`BURST_LIMIT`] events.
    #[inline(always)]
    pub fn begin_event(&mut self) -> bool {
        self.begin_event_of(0)
    }

    /// The same, and says what the event is, as [`Self::set_origin`] does.
    ///
    /// # Panics
    /// As [`Self::begin_event`].
    #[inline(always)]
    pub fn begin_event_of(&mut self, origin: u8) -> bool {
        if self.is_odd() && !self.leave_old_state() {
            return false;
        }
        self.begin_plain_event(origin);
        true
    }

    /// Whether there is more to the beginning of the next event than that of a
    /// [plain](Self::begin_plain_event) one.
    #[inline(always)]
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.standing.is(Standing::ODD)
    }

    /// Has the burst be [odd](Self::is_odd) until its first event has begun.
    #[inline(always)]
    pub fn await_first_event(&mut self) {
        self.standing.add(Standing::AWAITED);
    }

    /// That event begins.
    #[inline(always)]
    pub fn end_awaiting(&mut self) {
        self.standing.remove(Standing::AWAITED);
    }

    /// The usual case of [`Self::begin_event_of`].
    ///
    /// # Panics
    /// As [`Self::begin_event`].
    #[inline(always)]
    pub fn begin_plain_event(&mut self, origin: u8) {
        if seeded(Bug::ObservationsDropped) {
            self.observations.clear();
        }
        self.begun.next();
        if origin != 0 {
            self.set_origin(origin);
        }
    }

    /// Begins so many events that are over already, in one go.
    ///
    /// # Panics
    /// Beyond [`BURST_LIMIT`] events.
    #[inline]
    pub fn pass_events(&mut self, events: usize) {
        self.begun.pass(events);
    }

    /// Behind an event that saw an old state and wrote nothing, the next one sees what is newest
    /// now. `false`: the burst is doomed.
    #[cold]
    fn leave_old_state(&mut self) -> bool {
        self.end_awaiting();
        if self.doomed.is_some() {
            return false;
        }
        if self.stale.is_some() && !self.has_writer() {
            self.stale = None;
            self.standing.remove(Standing::STALE);
            self.move_snapshot(self.memory.now(), self.event() + 1);
        }
        true
    }

    /// The event that runs will fail if it writes.
    #[cold]
    pub(crate) fn set_stale(&mut self, failure: Failure) {
        self.stale = Some(failure);
        self.standing.add(Standing::STALE);
    }

    /// There is no first writer yet: the event that runs is one. The events before it wrote
    /// nothing, so each is final at its own snapshot; an old state was not for writers.
    #[inline(never)]
    pub(crate) fn begin_writing(&mut self) {
        self.first_writer = self.event();
        self.standing.add(Standing::WRITES);
        let own = if seeded(Bug::FirstWriterForgets) { BURST_LIMIT } else { self.event() };
        if self.event() > 0 || seeded(Bug::FirstWriterForgets) {
            self.observations.forget_before(own);
        }
        if self.stale.is_some() {
            self.doom_stale();
        }
    }

    #[inline(always)]
    pub(crate) fn has_writer(&self) -> bool {
        self.standing.is(Standing::WRITES)
    }

    /// Whether nothing has been written in the burst, which has a snapshot: no read has to look for
    /// own writes.
    #[inline(always)]
    #[must_use]
    pub fn only_reads(&self) -> bool {
        !self.standing.is(Standing::NOT_BEGUN.or(Standing::WRITES))
    }

    /// Moves the snapshot; the events before `end` had the old one, as far as none is noted.
    #[cold]
    pub(crate) fn move_snapshot(&mut self, to: u64, end: usize) {
        if !seeded(Bug::EndSnapshotsForgotten)
            && let Some(behind) = self.snapshots.get_mut(self.left..end)
        {
            behind.fill(self.snapshot);
            self.left = end;
        }
        self.snapshot = to;
        self.shared.active.store(to, Ordering::Release);
    }

    /// Whether an event of this burst has buffered a write.
    #[inline(always)]
    #[must_use]
    pub fn wrote(&self, event: usize) -> bool {
        event < BURST_LIMIT && self.wrote >> event & 1 != 0
    }

    /// Whether the run so far is one that the serial order could contain: the state it saw is
    /// still so, or it wrote nothing. What a guest did wrong counts only then.
    pub fn observations_hold<S: Structures<Predicate = P>>(&mut self, structures: &S) -> bool {
        self.doomed.is_none()
            && (self.stale.is_some() || self.extend(structures) || self.doomed.is_none())
    }

    /// Has the event that runs fail because something that it would have written was
    /// [short](Reason::Short); but if it sees an old state, for what made that old.
    #[cold]
    pub fn doom_short(&mut self, cell: CellId, observer: Observer) {
        self.wrote |= 1 << self.event();
        if !self.has_writer() {
            self.begin_writing();
        }
        self.doom_stale();
        self.doom(Failure { event: self.event(), cell, reason: Reason::Short { observer } });
    }

    #[cold]
    pub(crate) fn doom(&mut self, failure: Failure) {
        if self.doomed.is_none() {
            self.doomed = Some(failure);
            self.standing.add(Standing::DOOMED);
        }
    }

    /// Whether the burst is known to fail.
    #[inline(always)]
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.standing.is(Standing::DOOMED)
    }

    /// Whether the event that runs sees an old state and will fail if it writes.
    #[inline(always)]
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.standing.is(Standing::STALE.or(Standing::DOOMED))
    }

    /// Says what the event that runs is, in a byte that its changes carry: whoever runs again
    /// because of them is told. 0 of an event of which nothing is said.
    #[inline(always)]
    pub fn set_origin(&mut self, origin: u8) {
        let event = self.event();
        self.origins[event] = origin;
    }

    /// What was said of an event of this burst, or of the last if none has begun since.
    #[inline(always)]
    #[must_use]
    pub fn origin_of(&self, event: usize) -> u8 {
        self.origins[event]
    }

    /// How often this participant has closed the gate.
    #[inline(always)]
    #[must_use]
    pub fn gate_entries(&self) -> u64 {
        self.retry.gate_entries
    }

    /// Index of the event that runs.
    #[inline(always)]
    #[must_use]
    pub fn event(&self) -> usize {
        self.begun.event()
    }

    /// How many events of the burst have begun.
    #[inline(always)]
    #[must_use]
    pub fn events(&self) -> usize {
        self.begun.count()
    }

    /// The timestamp whose state the running event sees.
    #[inline(always)]
    #[must_use]
    pub fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// The state that the running event sees, own writes aside; reading it observes nothing.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(&self.memory, self.snapshot, self.me)
    }

    /// The participant.
    #[inline(always)]
    #[must_use]
    pub fn participant(&self) -> usize {
        self.me
    }

    /// How often the event that runs next has failed.
    #[inline(always)]
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.retry.failures
    }

    /// Whether the burst has buffered a write to the cell.
    #[inline]
    #[must_use]
    pub fn has_pending(&self, cell: CellId) -> bool {
        self.writes.has(cell) && self.writes.latest(cell).is_some()
    }

    /// Participants of the memory.
    #[inline(always)]
    #[must_use]
    pub fn participants(&self) -> usize {
        self.memory.participants()
    }

    /// The snapshot that an event of the last burst ended with.
    #[must_use]
    pub fn snapshot_of(&self, event: usize) -> u64 {
        if event < self.left { self.snapshots[event] } else { self.snapshot }
    }

    /// For the same tests: first writer and timestamp of the last commit, if it drew one.
    #[doc(hidden)]
    #[must_use]
    pub fn committed_at(&self) -> Option<u64> {
        self.committed_at
    }

    /// For the same tests: where an event of the last burst stands in the order of commits.
    #[doc(hidden)]
    #[must_use]
    pub fn position_of(&self, event: usize) -> Position {
        match self.committed_at {
            Some(timestamp) if event >= self.committed_from => {
                Position { timestamp, behind: false }
            }
            _ => Position { timestamp: self.snapshot_of(event), behind: true },
        }
    }

    /// For the same tests: where an event stands that sees what there is now.
    #[doc(hidden)]
    #[must_use]
    pub fn position(&self) -> Position {
        Position { timestamp: self.memory.now(), behind: true }
    }

    /// A burst of so many events has ended that never began here, since it touched nothing: history
    /// need not be kept for it, and it is one without a conflict.
    #[inline]
    pub fn pass(&mut self, events: usize) {
        if !seeded(Bug::PassedKeepsHistory) {
            self.deactivate();
        }
        self.reset();
        if events > 0 || seeded(Bug::NoEventsCount) {
            self.size.committed(events);
        }
    }

    /// No packets: leaves the set of active snapshots, so that history can be reclaimed.
    #[inline]
    pub fn idle(&mut self) {
        self.deactivate();
    }
}
