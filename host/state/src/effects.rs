//! What a burst keeps beside its transaction until it ends.
//!
//! Numbers taken out of pools, ids given up, timer entries, merged values and map actions, each
//! with its event. At the end those of committed events take effect, in order, and the others are
//! undone: see [`Structures::finish`].

use nfos_stm::{CellId, Failure, Mutator, Observer, Pending, Structures, Transaction, View};
use nfos_sync::{Arc, Bug, seeded};

use crate::Cell;
use crate::allocator::Allocator;
use crate::conflict::KeyBytes;
use crate::error::AccessError;
use crate::key::Keys;
use crate::map::Map;
use crate::overlay::{Action, Overlay};
use crate::pool::Pool;
use crate::predicate::Predicate;
use crate::rules::MutatorKind;
use crate::state::State;
use crate::tallies::Tally;
use crate::wheel::InHand;

pub(crate) type Tx = Transaction<Predicate>;

const NEVER: u8 = u8::MAX;

/// Numbers of a pool that a burst gives up; taken again by a later event of it, they never return.
#[derive(Clone, Copy, Debug)]
struct Freed {
    object: u16,
    number: u32,
    event: u8,
    retaken_by: u8,
}

/// Numbers that a burst took out of a pool.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    object: u16,
    number: u32,
    event: u8,
}

/// Both, for one sort of pool.
#[derive(Debug)]
struct Movements {
    reserved: Vec<Reserved>,
    freed: Vec<Freed>,
}

impl Movements {
    const ROOM: usize = 65_536;

    fn new() -> Self {
        Self { reserved: Vec::with_capacity(Self::ROOM), freed: Vec::with_capacity(Self::ROOM) }
    }

    fn reserve(&mut self, object: u16, number: u32, event: usize) {
        self.reserved.push(Reserved { object, number, event: event as u8 });
    }

    fn free(&mut self, object: u16, number: u32, event: usize) {
        self.freed.push(Freed { object, number, event: event as u8, retaken_by: NEVER });
    }

    /// A number that an earlier event, or this one, has given up.
    fn retake(&mut self, object: u16, event: usize) -> Option<u32> {
        let free = |freed: &&mut Freed| freed.object == object && freed.retaken_by == NEVER;
        let freed = self.freed.iter_mut().find(free)?;
        freed.retaken_by = event as u8;
        Some(freed.number)
    }

    /// Takes back everything.
    fn undo<'a>(&mut self, me: usize, pool: impl Fn(u16) -> &'a Pool) {
        for reserved in self.reserved.drain(..).rev() {
            pool(reserved.object).give_back(me, reserved.number);
        }
        self.freed.clear();
    }

    /// Returns what is to return if the events before `end` stand.
    fn finish<'a>(&mut self, end: usize, me: usize, pool: impl Fn(u16) -> &'a Pool) {
        for reserved in self.reserved.iter().rev() {
            if usize::from(reserved.event) >= end {
                pool(reserved.object).give_back(me, reserved.number);
            }
        }
        let returns =
            |freed: &&Freed| usize::from(freed.event) < end && usize::from(freed.retaken_by) >= end;
        let mut returning = self.freed.iter().filter(returns).peekable();
        while let Some(&&Freed { object, .. }) = returning.peek() {
            let next = || returning.next_if(|freed| freed.object == object);
            pool(object).give_all(me, std::iter::from_fn(next).map(|freed| freed.number));
        }
        self.freed.clear();
        let mut refilled = None;
        for Reserved { object, .. } in self.reserved.drain(..) {
            // Looked at again only where several pools take turns.
            if refilled != Some(object) {
                pool(object).refill(me);
                refilled = Some(object);
            }
        }
    }
}

/// How many slots of one map a burst's actions need and give up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    map: u16,
    inserts_unreserved: u32,
    removes: u32,
}

impl Room {
    /// Whether an own removal leaves a slot for one more key.
    pub(crate) fn has_own(&self) -> bool {
        self.removes > self.inserts_unreserved
    }

    pub(crate) fn insert(&mut self, reserved: bool) {
        self.inserts_unreserved += u32::from(!reserved);
    }

    pub(crate) fn remove(&mut self) {
        self.removes += 1;
    }
}

/// What becomes of an id's timer when the event commits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    /// A tenure begins.
    Insert { id: u32, generation: u64, deadline_ns: u64 },
    /// A tenure ends.
    Remove { id: u32 },
}

/// A merged value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged {
    pub(crate) object: u16,
    /// A time before the snapshot was taken.
    pub(crate) time_ns: u64,
    /// The timestamp of the state that it is of; none: that of the commit.
    pub(crate) as_of: Option<u64>,
    pub(crate) value: Cell,
}

#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) state: Arc<State>,
    pub(crate) me: usize,
    pub(crate) now_ns: u64,
    pub(crate) keys: Keys,
    pub(crate) overlay: Overlay,
    /// Chain cells of the last search, with the timestamps seen.
    pub(crate) walked: Vec<(CellId, u64)>,
    rooms: Vec<Room>,
    ids: Movements,
    slots: Movements,
    overflow: Movements,
    timers: Vec<(u8, u16, Timer)>,
    pub(crate) in_hand: Vec<(u16, InHand)>,
    merged: Vec<(u8, Merged)>,
    /// The map whose chains an event of the burst observes as a whole, and which event.
    pub(crate) gone_through: Option<(u16, usize)>,
    /// Distributed objects with a staleness that this participant has read.
    pub(crate) followed: Vec<u16>,
    /// None of them has to be merged ahead up to this time.
    pub(crate) merge_due_ns: u64,
    /// Who took the first number out of a pool.
    reserver: Option<Observer>,
    /// The key of the predicate that was found false last.
    pub(crate) failed_key: std::cell::Cell<Option<KeyBytes>>,
}

impl Effects {
    const ROOM: usize = 65_536;

    pub(crate) fn new(state: Arc<State>, me: usize) -> Self {
        Self {
            state,
            me,
            now_ns: 0,
            keys: Keys::new(),
            overlay: Overlay::new(),
            walked: Vec::with_capacity(Self::ROOM),
            rooms: Vec::with_capacity(crate::object::OBJECTS_MAX),
            ids: Movements::new(),
            slots: Movements::new(),
            overflow: Movements::new(),
            timers: Vec::with_capacity(Self::ROOM),
            in_hand: Vec::with_capacity(Self::ROOM),
            merged: Vec::with_capacity(Self::ROOM),
            gone_through: None,
            followed: Vec::with_capacity(crate::object::OBJECTS_MAX),
            merge_due_ns: u64::MAX,
            reserver: None,
            failed_key: std::cell::Cell::new(None),
        }
    }

    /// What the burst does to the number of keys of a map.
    pub(crate) fn room(&mut self, map: u16) -> &mut Room {
        let found = self.rooms.iter().position(|room| room.map == map);
        let at = found.unwrap_or_else(|| {
            self.rooms.push(Room { map, ..Room::default() });
            self.rooms.len() - 1
        });
        &mut self.rooms[at]
    }

    /// Whether the burst may keep one more id, id given up, or timer.
    pub(crate) fn check_room(&self) -> Result<(), AccessError> {
        let Movements { reserved, freed } = &self.ids;
        let used = self.timers.len().max(reserved.len()).max(freed.len());
        if used < Self::ROOM { Ok(()) } else { Err(AccessError::LogFull) }
    }

    pub(crate) fn reserved_id(&mut self, event: usize, by: Observer, id: u32) {
        self.reserver.get_or_insert(by);
        self.ids.reserve(by.object, id, event);
    }

    pub(crate) fn reserved_slot(&mut self, by: Observer) {
        self.reserver.get_or_insert(by);
    }

    /// Numbers of an allocator or a map that the burst has taken out of a pool.
    pub(crate) fn in_hand_of(&self, object: u16) -> Vec<u32> {
        let ids = self.ids.reserved.iter().filter(|reserved| reserved.object == object);
        let slots = self.overlay.actions.iter().filter(|action| action.map == object);
        let slots = slots.filter_map(Action::reserved);
        ids.map(|reserved| reserved.number).chain(slots).collect()
    }

    pub(crate) fn retake_id(&mut self, event: usize, object: u16) -> Option<u32> {
        self.ids.retake(object, event)
    }

    pub(crate) fn freed_id(&mut self, event: usize, object: u16, id: u32) {
        self.ids.free(object, id, event);
    }

    /// Inlined, so that an entry is made where it lies and not copied there.
    #[inline(always)]
    pub(crate) fn timer(&mut self, event: usize, object: u16, timer: Timer) {
        self.timers.push((event as u8, object, timer));
    }

    pub(crate) fn merged(&mut self, event: usize, merged: Merged) {
        if self.merged.len() < Self::ROOM {
            self.merged.push((event as u8, merged));
        }
    }

    /// Notes that this participant reads an object, so that it merges ahead for it.
    pub(crate) fn follow(&mut self, object: u16) {
        if !self.followed.contains(&object) {
            self.followed.push(object);
            self.merge_due_ns = 0;
        }
    }

    /// Takes an entry that may be due out of a wheel; it goes back when the burst ends.
    pub(crate) fn take_due(&mut self, allocator: &Allocator, participant: usize) -> Option<usize> {
        if self.in_hand.len() == Self::ROOM {
            return None;
        }
        let in_hand = allocator.wheels.take_due(participant, self.now_ns)?;
        self.in_hand.push((allocator.object(), in_hand));
        Some(self.in_hand.len() - 1)
    }
}

/// The parts of [`Effects`] that a commit's map actions move numbers in.
pub(crate) struct Taken<'a> {
    slots: &'a mut Movements,
    overflow: &'a mut Movements,
    me: usize,
}

impl Taken<'_> {
    /// A slot for an insertion that has none: of an earlier removal, or of the pool.
    pub(crate) fn slot(&mut self, map: &Map, event: usize) -> Option<u32> {
        let retaken = self.slots.retake(map.object(), event);
        retaken.or_else(|| {
            let slot = map.slots.take(self.me)?;
            self.slots.reserve(map.object(), slot, event);
            Some(slot)
        })
    }

    pub(crate) fn overflow(&mut self, map: &Map, event: usize) -> Option<u32> {
        let retaken = self.overflow.retake(map.object(), event);
        retaken.or_else(|| {
            let cell = map.overflow.take(self.me)?;
            self.overflow.reserve(map.object(), cell, event);
            Some(cell)
        })
    }

    pub(crate) fn free_slot(&mut self, map: u16, event: usize, slot: u32) {
        self.slots.free(map, slot, event);
    }

    pub(crate) fn free_overflow(&mut self, map: u16, event: usize, cell: u32) {
        self.overflow.free(map, cell, event);
    }
}

impl Structures for Effects {
    type Predicate = Predicate;

    fn holds(&self, predicate: &Predicate, cell: CellId, at: &View<'_>) -> bool {
        let holds = predicate.holds(cell, at, &self.state, &self.keys);
        if !holds {
            self.failed_key.set(predicate.key(&self.keys));
        }
        holds
    }

    #[cold]
    fn witness(&self, predicate: &Predicate, cell: CellId, at: &View<'_>) -> CellId {
        predicate.witness(at, &self.state, &self.keys).unwrap_or(cell)
    }

    #[cold]
    fn avoided(&self, observer: Observer) {
        self.state.tallies[self.me].count(observer.object, Tally::Avoided);
    }

    #[cold]
    fn waited(&self, mutator: Mutator) {
        let tallies = &self.state.tallies[self.me];
        tallies.count(mutator.object, Tally::Waited);
        if mutator.kind == MutatorKind::Refresh as u8 {
            tallies.count(mutator.object, Tally::LeaseWaited);
        }
    }

    #[inline(always)]
    fn has_actions(&self) -> bool {
        !self.overlay.actions.is_empty()
    }

    #[inline(never)]
    fn resolve(&mut self, end: usize, pending: &mut Pending<'_>) -> (usize, Option<Failure>) {
        let Self { state, me, keys, overlay, slots, overflow, .. } = self;
        let mut taken = Taken { slots, overflow, me: *me };
        for action in &mut overlay.actions {
            if usize::from(action.event) >= end {
                break;
            }
            let map = state.map_of(action.map);
            let key = keys.key(action.key);
            if let Err(failure) = map.resolve(pending, action, key, &mut taken) {
                return (failure.event, Some(failure));
            }
        }
        (end, None)
    }

    /// Map actions move slots and overflow cells here alone.
    #[cold]
    fn unresolve(&mut self) {
        let Self { state, me, overlay, slots, overflow, .. } = self;
        overflow.undo(*me, |map| &state.map_of(map).overflow);
        slots.undo(*me, |map| &state.map_of(map).slots);
        overlay.actions.iter_mut().for_each(|action| action.used = false);
    }

    /// Tenures begin in the wheels before anyone can see, and end, them.
    #[inline]
    fn announce(&mut self, end: usize) {
        if !self.timers.is_empty() {
            self.announce_timers(end);
        }
    }

    fn reserving(&self) -> Option<Observer> {
        self.reserver
    }

    #[inline]
    fn finish(&mut self, end: usize, timestamp: Option<u64>) {
        if !self.is_clean() {
            self.finish_all(end, timestamp);
        }
    }
}

impl Effects {
    #[inline(always)]
    fn is_clean(&self) -> bool {
        self.keys.is_empty()
            && self.timers.is_empty()
            && self.in_hand.is_empty()
            && self.merged.is_empty()
            && self.reserver.is_none()
    }

    #[inline(never)]
    fn announce_timers(&mut self, end: usize) {
        let stands = |timer: &&(u8, u16, Timer)| usize::from(timer.0) < end;
        let mut timers = self.timers.iter().take_while(stands).peekable();
        while let Some(&&(_, object, _)) = timers.peek() {
            let mut changes = self.state.allocator_of(object).wheels.changes();
            while let Some(&(.., timer)) = timers.next_if(|timer| timer.1 == object) {
                match timer {
                    Timer::Insert { id, generation, deadline_ns } => {
                        changes.insert(self.me, id, generation, deadline_ns);
                    }
                    Timer::Remove { id } => changes.remove(id),
                }
            }
        }
    }

    #[inline(never)]
    fn finish_all(&mut self, end: usize, timestamp: Option<u64>) {
        self.timers.clear();
        for (object, in_hand) in self.in_hand.drain(..) {
            self.state.allocator_of(object).wheels.put_back(&in_hand);
        }
        self.finish_maps(end);
        let Self { state, ids, me, .. } = self;
        ids.finish(end, *me, |object| &state.allocator_of(object).pool);
        for (event, merged) in self.merged.drain(..) {
            if usize::from(event) < end || seeded(Bug::FailedRunPublishes) {
                self.state.distributed_of(merged.object).publish(&merged, timestamp);
            }
        }
        self.keys.clear();
        self.rooms.clear();
        self.reserver = None;
    }

    /// Overflow cells go back before slots: whoever gets a slot finds a cell for it.
    fn finish_maps(&mut self, end: usize) {
        let Self { state, me, overlay, slots, overflow, .. } = self;
        overflow.finish(end, *me, |map| &state.map_of(map).overflow);
        for action in overlay.actions.iter().rev() {
            if let Some(slot) = action.reserved()
                && !(action.used && usize::from(action.event) < end)
            {
                state.map_of(action.map).slots.give_back(*me, slot);
            }
        }
        slots.finish(end, *me, |map| &state.map_of(map).slots);
        if let Some(action) =
            overlay.actions.iter().rev().find(|action| action.reserved().is_some())
        {
            state.map_of(action.map).slots.refill(*me);
        }
        overlay.clear();
    }
}
