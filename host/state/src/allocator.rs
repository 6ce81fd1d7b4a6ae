//! An allocator: ids on lease.
//!
//! Free ids lie in a [pool](crate::pool), and a run takes one out before it commits. Each id has a
//! *lease*, a cell with generation and deadline. `refresh` and `free` observe the tenure only:
//! that the id is held in the same generation; a refresh raises the deadline as a maximum, so that
//! refreshes never conflict. How many ids are free is the sum of a *count* cell for each
//! participant, changed by commuting additions and read only by one who finds no id anywhere: if
//! the sum is 0, "none" is the answer and observes all counts. If it is not, the ids that are left
//! are in the hands of runs that have not committed, or about to come back, and the event runs
//! again.

use nfos_stm::{CellId, Memory, MemoryFull, Mutator, Observer, Operation, Packed};
use nfos_sync::{Bug, seeded};

use crate::conflict::Place;
use crate::effects::{Effects, Timer, Tx};
use crate::error::AccessError;
use crate::original::Lists;
use crate::pool::Pool;
use crate::predicate::Predicate;
use crate::rules::{MutatorKind, ObserverKind};
use crate::wheel::Wheels;
use crate::{Cell, ExpiredLease};

/// The content of a lease's cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) held: bool,
    /// Raised by each allocation.
    pub(crate) generation: u64,
    pub(crate) deadline_ns: u64,
}

const TENURE: usize = 0;
const DEADLINE: usize = 1;

impl Lease {
    #[inline(always)]
    pub(crate) fn new(payload: &Cell) -> Self {
        Self::of([payload[TENURE], payload[DEADLINE]])
    }

    /// That of a cell which begins so.
    #[inline(always)]
    fn of([tenure, deadline_ns]: [u64; 2]) -> Self {
        Self { held: tenure & 1 != 0, generation: tenure >> 1, deadline_ns }
    }

    fn cell(self) -> Cell {
        [self.generation << 1 | u64::from(self.held), self.deadline_ns, 0, 0, 0, 0]
    }

    pub(crate) fn is_held_in(&self, generation: u64) -> bool {
        self.held && self.generation == generation
    }

    pub(crate) fn is_live(&self, at_ns: u64) -> bool {
        self.held && self.deadline_ns >= at_ns
    }

    fn is_due(&self, now_ns: u64) -> bool {
        self.held && self.deadline_ns < now_ns
    }

    /// Whether a refresh that is skipped from `enough_ns` on leaves it as it is.
    #[inline(always)]
    fn suffices(&self, enough_ns: Option<u64>) -> bool {
        enough_ns.is_some_and(|enough_ns| self.deadline_ns >= enough_ns)
    }

    /// What such a refresh observes.
    #[inline(always)]
    fn observed_by_refresh(&self, enough_ns: Option<u64>) -> Predicate {
        let &Self { generation, .. } = self;
        match enough_ns {
            _ if !self.held => Predicate::NotHeld,
            Some(at_ns) if self.deadline_ns >= at_ns => Predicate::HeldUntil { generation, at_ns },
            _ => Predicate::Tenure { generation },
        }
    }
}

#[derive(Debug)]
pub(crate) struct Allocator {
    object: u16,
    capacity: u32,
    refresh_interval_ns: u64,
    leases: CellId,
    counts: CellId,
    /// Who refreshes.
    refresher: Packed,
    pub(crate) pool: Pool,
    pub(crate) wheels: Wheels,
    /// What takes the place of all that in simulations of the original.
    original: Option<Lists>,
}

impl Allocator {
    pub(crate) fn open(
        memory: &Memory,
        object: u16,
        capacity: u32,
        refresh_interval_ns: u64,
    ) -> Result<Self, MemoryFull> {
        let participants = memory.participants();
        let leases = memory.reserve(Self::cells(capacity, participants))?;
        Ok(Self {
            object,
            capacity,
            refresh_interval_ns,
            leases,
            counts: leases.offset(capacity),
            refresher: Self::refresher(object).packed(),
            pool: Pool::new(capacity, participants),
            wheels: Wheels::new(capacity, participants),
            original: None,
        })
    }

    /// The same with the structures of the original.
    pub(crate) fn with_lists(self, memory: &Memory) -> Result<Self, MemoryFull> {
        let of = (self.object, self.capacity, self.refresh_interval_ns);
        let lists = Lists::open(memory, of)?;
        Ok(Self { original: Some(lists), ..self })
    }

    pub(crate) fn cells(capacity: u32, participants: usize) -> u64 {
        u64::from(capacity) + participants as u64
    }

    pub(crate) fn place(&self, cell: CellId) -> Place {
        match cell.raw().wrapping_sub(self.leases.raw()) {
            id if id < self.capacity => Place::Lease(id),
            _ => Place::Room,
        }
    }

    pub(crate) fn object(&self) -> u16 {
        self.object
    }

    fn refresher(object: u16) -> Observer {
        Observer { object, kind: ObserverKind::Refresh as u8 }
    }

    fn observer(&self, kind: ObserverKind) -> Observer {
        Observer { object: self.object, kind: kind as u8 }
    }

    fn mutator(&self, kind: MutatorKind) -> Mutator {
        Mutator { object: self.object, kind: kind as u8 }
    }

    #[inline(always)]
    fn lease(&self, id: u32) -> Result<CellId, AccessError> {
        if id < self.capacity {
            Ok(self.leases.offset(id))
        } else {
            Err(AccessError::OutOfRange { index: id, length: self.capacity })
        }
    }

    pub(crate) fn allocate(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        duration_ns: u64,
    ) -> Result<Option<u32>, AccessError> {
        if let Some(lists) = &self.original {
            return lists.allocate(tx, effects, duration_ns);
        }
        effects.check_room()?;
        let observer = self.observer(ObserverKind::Allocate);
        let (id, contested) = match self.take_id(tx, effects, observer) {
            // The burst freed it and so did someone else, first: its own free will not stand, and
            // the snapshot cannot move over that, so the event is doomed.
            Some(id) => (id, tx.has_pending(self.leases.offset(id)) && !tx.extend(effects)),
            None => match effects.retake_id(tx.event(), self.object) {
                Some(id) => (id, false),
                None => return self.none(tx, effects),
            },
        };
        if contested {
            return Ok(None);
        }
        let lease = self.leases.offset(id);
        let old = Lease::new(&tx.read(lease, observer, effects)?);
        // The id may have come free after the snapshot, which cannot move any more.
        if tx.is_stale() {
            tx.doom_short(lease, observer);
            return Ok(None);
        }
        let deadline_ns = effects.now_ns.saturating_add(duration_ns);
        let new = Lease { held: true, generation: old.generation + 1, deadline_ns };
        tx.write(lease, self.mutator(MutatorKind::Allocate), new.cell())?;
        self.count(tx, effects, MutatorKind::Allocate, -1)?;
        effects.timer(
            tx.event(),
            self.object,
            Timer::Insert { id, generation: new.generation, deadline_ns },
        );
        Ok(Some(id))
    }

    fn take_id(&self, tx: &mut Tx, effects: &mut Effects, observer: Observer) -> Option<u32> {
        if !tx.reserve() {
            return None;
        }
        let id = self.pool.take(effects.me)?;
        effects.reserved_id(tx.event(), observer, id);
        Some(id)
    }

    /// No id is at hand: none at all, or the event runs again.
    #[cold]
    fn none(&self, tx: &mut Tx, effects: &mut Effects) -> Result<Option<u32>, AccessError> {
        if seeded(Bug::NoneLooksAtOwnPool) {
            return Ok(None);
        }
        let observer = self.observer(ObserverKind::AllocateNone);
        let mut free = u64::from(self.capacity);
        for participant in 0..tx.participants() as u32 {
            let count = tx.read(self.counts.offset(participant), observer, effects)?;
            free = free.wrapping_add(count[0]);
        }
        if free != 0 {
            tx.doom_short(self.counts, self.observer(ObserverKind::Allocate));
        }
        Ok(None)
    }

    /// Inlined, so that kind, operation and change are known where it is compiled.
    #[inline(always)]
    fn count(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        kind: MutatorKind,
        change: i64,
    ) -> Result<(), AccessError> {
        let own = self.counts.offset(effects.me as u32);
        Ok(tx.update(own, self.mutator(kind), 0, (Operation::Add, change as u64), effects)?)
    }

    /// The usual case of [`Self::refresh`]: a lease that is held, and nobody at it. `None`: whoever
    /// asks does it that way.
    #[inline(always)]
    pub(crate) fn refresh_settled(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        id: u32,
        duration_ns: u64,
    ) -> Option<bool> {
        let is_usual = self.original.is_none() && !seeded(Bug::RefreshIgnoresTenure);
        if !is_usual || id >= self.capacity {
            return None;
        }
        let cell = self.leases.offset(id);
        let (words, seen) = tx.peek_settled(cell)?;
        let lease = Lease::of(words);
        if !lease.held {
            return None;
        }
        let (deadline_ns, enough_ns) = self.asked(effects, duration_ns);
        if !tx.observe_settled(cell, seen, self.refresher, lease.observed_by_refresh(enough_ns)) {
            return None;
        }
        if !lease.suffices(enough_ns) {
            self.raise(tx, effects, cell, deadline_ns).ok()?;
        }
        Some(true)
    }

    #[inline(never)]
    pub(crate) fn refresh(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        id: u32,
        duration_ns: u64,
    ) -> Result<bool, AccessError> {
        if let Some(lists) = &self.original {
            return lists.refresh(tx, effects, id, duration_ns);
        }
        let cell = self.lease(id)?;
        let (deadline_ns, enough_ns) = self.asked(effects, duration_ns);
        let mut skip = None;
        let observer = Self::refresher(self.object);
        let payload = tx.read_predicate(cell, observer, effects, |payload| {
            let lease = Lease::new(payload);
            skip = Some(lease.held && lease.suffices(enough_ns));
            (!seeded(Bug::RefreshIgnoresTenure)).then_some(lease.observed_by_refresh(enough_ns))
        })?;
        let lease = Lease::new(&payload);
        if lease.held && !skip.unwrap_or_else(|| lease.suffices(enough_ns)) {
            self.raise(tx, effects, cell, deadline_ns)?;
        }
        Ok(lease.held)
    }

    /// The deadline that a refresh asks for, and from when on it is skipped, since it would move
    /// the deadline by less than the interval.
    #[inline(always)]
    fn asked(&self, effects: &Effects, duration_ns: u64) -> (u64, Option<u64>) {
        let deadline_ns = effects.now_ns.saturating_add(duration_ns);
        let enough_ns = deadline_ns.saturating_add(1).saturating_sub(self.refresh_interval_ns);
        (deadline_ns, (self.refresh_interval_ns != 0).then_some(enough_ns))
    }

    #[inline(always)]
    fn raise(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        lease: CellId,
        deadline_ns: u64,
    ) -> Result<(), AccessError> {
        let raise = (Operation::Max, deadline_ns);
        Ok(tx.update(lease, self.mutator(MutatorKind::Refresh), DEADLINE, raise, effects)?)
    }

    pub(crate) fn free(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        id: u32,
    ) -> Result<(), AccessError> {
        if let Some(lists) = &self.original {
            return lists.free(tx, effects, id);
        }
        effects.check_room()?;
        let cell = self.lease(id)?;
        let observer = self.observer(ObserverKind::Free);
        let payload = tx.read_predicate(cell, observer, effects, |payload| {
            let Lease { held, generation, .. } = Lease::new(payload);
            Some(if held { Predicate::Tenure { generation } } else { Predicate::NotHeld })
        })?;
        let lease = Lease::new(&payload);
        if !lease.held {
            return Err(AccessError::NotHeld(id));
        }
        let freed = Lease { held: false, deadline_ns: 0, ..lease };
        tx.write(cell, self.mutator(MutatorKind::Free), freed.cell())?;
        self.count(tx, effects, MutatorKind::Free, 1)?;
        effects.freed_id(tx.event(), self.object, id);
        effects.timer(tx.event(), self.object, Timer::Remove { id });
        Ok(())
    }

    pub(crate) fn is_live(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        id: u32,
    ) -> Result<bool, AccessError> {
        if let Some(lists) = &self.original {
            return lists.is_live(tx, effects, id);
        }
        let (cell, at_ns) = (self.lease(id)?, effects.now_ns);
        let observer = self.observer(ObserverKind::IsLive);
        let payload = tx.read_predicate(cell, observer, effects, |payload| {
            let live = Lease::new(payload).is_live(at_ns);
            Some(if live { Predicate::Live { at_ns } } else { Predicate::Dead { at_ns } })
        })?;
        Ok(Lease::new(&payload).is_live(at_ns))
    }

    /// Workers look at the leases that they took; the control loop, the last participant, at all.
    pub(crate) fn next_expired(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
    ) -> Result<Option<ExpiredLease>, AccessError> {
        if let Some(lists) = &self.original {
            return lists.next_expired(tx, effects);
        }
        let participants = self.wheels.participants();
        let others = if effects.me + 1 == participants { effects.me } else { 0 };
        for participant in std::iter::once(effects.me).chain(0..others) {
            while let Some(in_hand) = effects.take_due(self, participant) {
                if let Some(expired) = self.observe_due(tx, effects, in_hand)? {
                    return Ok(Some(expired));
                }
            }
        }
        Ok(None)
    }

    /// Whether the lease of an entry in hand is due; "no" observes nothing. An entry comes into its
    /// wheel before its lease can be seen: an event that sees an old state may see the lease before
    /// that, whose entry it may have had, too.
    fn observe_due(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        in_hand: usize,
    ) -> Result<Option<ExpiredLease>, AccessError> {
        let entry = effects.in_hand[in_hand].1;
        let (id, now_ns) = (entry.id, effects.now_ns);
        let is_due = |lease: &Lease| {
            let of_entry = lease.generation == entry.generation();
            lease.is_due(now_ns) && (of_entry || seeded(Bug::EntryOfAnyTenure))
        };
        let (cell, observer) = (self.leases.offset(id), self.observer(ObserverKind::NextExpired));
        let is_pending = tx.has_pending(cell);
        let mut committed = None;
        let mut look = |observes: bool| {
            let payload = tx.read_predicate(cell, observer, effects, |payload| {
                let lease = Lease::new(payload);
                let Lease { generation, deadline_ns, .. } = lease;
                committed = Some(lease);
                let observed = observes && is_due(&lease);
                observed.then_some(Predicate::Due { generation, deadline_ns })
            });
            payload.map(|payload| Lease::new(&payload))
        };
        // A lease that the burst itself has refreshed is not due, whoever refreshes it too.
        let mut lease = look(!is_pending)?;
        if is_pending && is_due(&lease) {
            lease = look(true)?;
        }
        if is_due(&lease) {
            return Ok(Some(ExpiredLease { id, deadline_ns: lease.deadline_ns }));
        }
        if let Some(lease) = committed {
            effects.in_hand[in_hand].1.raise(lease.generation, lease.deadline_ns);
        }
        Ok(None)
    }
}
