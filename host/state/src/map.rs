//! A map from byte strings to cells, of an exact capacity.
//!
//! Keys hash to [buckets](crate::chain) of references to *slots*: a value cell and one or two key
//! cells. A hit observes its value cell alone: filling and emptying a slot change that too. A miss
//! observes that the key is absent, and holds as long as that is true, whatever else happens in the
//! bucket.
//!
//! `set` is blind. It buffers an action, and [the commit](crate::upsert) overwrites or inserts the
//! key in the newest content of its slot or bucket. Whether there will be room is settled while
//! running: a key that looks absent takes a slot out of the [pool](crate::pool). If none is left
//! the free slots are counted as an allocator counts its ids, and "full" observes the counts and
//! the key's absence.

use nfos_stm::{CellId, Memory, MemoryFull, Mutator, Observer, Packed, View};
use nfos_sync::{Arc, Bug, seeded};

use crate::chain::{Glance, Layout, Part, Referred, Search};
use crate::conflict::{KeyBytes, Place};
use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::hash::Hasher;
use crate::key::{Key, ShortKey, Sought};
use crate::object::Structure;
use crate::overlay::{Action, Slot};
use crate::pool::Pool;
use crate::predicate::Predicate;
use crate::rules::{MutatorKind, ObserverKind};
use crate::{Cell, SetOutcome};

#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) object: u16,
    capacity: u32,
    key_size: u32,
    /// Who finds a key.
    hit: Packed,
    pub(crate) layout: Layout,
    pub(crate) hasher: Hasher,
    pub(crate) slots: Pool,
    pub(crate) overflow: Pool,
}

impl Map {
    pub(crate) fn open(
        memory: &Memory,
        object: u16,
        (capacity, key_size): (u32, u32),
        hasher: Hasher,
    ) -> Result<Structure, MemoryFull> {
        let participants = memory.participants();
        let first = memory.reserve(Layout::cells(capacity, key_size, participants))?;
        let layout = Layout::new(first, capacity, key_size);
        Ok(Structure::Map(Arc::new(Self {
            object,
            capacity,
            key_size,
            hit: Observer { object, kind: ObserverKind::MapHit as u8 }.packed(),
            layout,
            hasher,
            slots: Pool::new(capacity, participants),
            overflow: Pool::new(layout.overflow_cells, participants),
        })))
    }

    /// The key whose value cell this is, at the snapshot, if it is no count of free slots.
    pub(crate) fn place(&self, tx: &mut Tx, value: CellId) -> Place {
        let count = value.raw().wrapping_sub(self.layout.counts.raw());
        if (count as usize) < tx.participants() {
            return Place::Room;
        }
        let observer = self.observer(ObserverKind::MapHit);
        let mut cells = [[0; nfos_stm::WORDS]; 2];
        for (number, cell) in (1..=self.layout.key_cells()).zip(&mut cells) {
            match tx.peek(value.offset(number), observer) {
                Ok((content, _)) => *cell = content,
                Err(_) => return Place::Unknown,
            }
        }
        let (bytes, length) = Key::bytes_of(&cells);
        Place::Key(KeyBytes::new(bytes, length))
    }

    pub(crate) fn object(&self) -> u16 {
        self.object
    }

    pub(crate) fn observer(&self, kind: ObserverKind) -> Observer {
        Observer { object: self.object, kind: kind as u8 }
    }

    pub(crate) fn mutator(&self, kind: MutatorKind) -> Mutator {
        Mutator { object: self.object, kind: kind as u8 }
    }

    fn key(&self, bytes: &[u8]) -> Result<Key, AccessError> {
        self.check_size(bytes)?;
        Ok(self.whole_key(bytes))
    }

    #[inline(never)]
    fn whole_key(&self, bytes: &[u8]) -> Key {
        Key::new(self.hasher.hash(bytes), bytes)
    }

    #[inline(always)]
    fn check_size(&self, bytes: &[u8]) -> Result<(), AccessError> {
        if bytes.len() <= self.key_size as usize {
            Ok(())
        } else {
            Err(AccessError::KeyTooLong { length: bytes.len(), key_size: self.key_size })
        }
    }

    /// The usual case of [`Self::get`]: a short key that a [glance](Self::glance) tells of, and
    /// nobody at its value. `None`: whoever asks has to search.
    #[inline(always)]
    pub(crate) fn get_settled(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        bytes: &[u8],
    ) -> Option<Option<Cell>> {
        if bytes.len() > self.key_size as usize {
            return None;
        }
        let key = ShortKey::new(&self.hasher, bytes)?;
        if self.may_be_pending(effects, key.hash()) {
            return None;
        }
        match self.layout.referred(tx, key.hash())? {
            // Whoever changes a key cell has the value's until that is changed as well.
            Referred::To { value, key: place, .. } => {
                tx.read_beside(value, place, self.hit, |words| key.is_in(words)).map(Some)
            }
            Referred::Absent { bucket, seen } => {
                if seeded(Bug::MissNotObserved) {
                    return None;
                }
                self.observe_absence(tx, effects, &key.whole(), (bucket, seen)).then_some(None)
            }
        }
    }

    #[inline(always)]
    fn observe_absence(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        (bucket, seen): (CellId, u64),
    ) -> bool {
        let Some(kept) = effects.keys.keep(key) else { return false };
        let predicate = Predicate::Absent { map: self.object, key: kept };
        tx.observe_predicate(bucket, seen, self.observer(ObserverKind::MapMiss), predicate).is_ok()
    }

    pub(crate) fn get(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        bytes: &[u8],
    ) -> Result<Option<Cell>, AccessError> {
        let key = self.key(bytes)?;
        if let Some(Glance::Found { value, .. }) = self.glance(tx, effects, &key)
            && let Some(payload) = tx.read_settled(value, self.hit)
        {
            return Ok(Some(payload));
        }
        self.get_searching(tx, effects, &key)
    }

    /// The usual case of a look-up: a key without pending actions, whose chain is one cell, and
    /// nobody at the cells. `None`: whoever asks has to search.
    #[inline(always)]
    fn glance(&self, tx: &Tx, effects: &Effects, key: &impl Sought) -> Option<Glance> {
        if self.may_be_pending(effects, key.hash()) { None } else { self.layout.glance(tx, key) }
    }

    /// Whether the burst may have an action on a key with this hash.
    #[inline(always)]
    fn may_be_pending(&self, effects: &Effects, hash: u64) -> bool {
        effects.overlay.may_have(hash) && !seeded(Bug::GlanceMissesOwnActions)
    }

    #[inline(never)]
    fn glance_long(&self, tx: &Tx, effects: &Effects, key: &Key) -> Option<Glance> {
        self.glance(tx, effects, key)
    }

    #[inline(never)]
    fn get_searching(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
    ) -> Result<Option<Cell>, AccessError> {
        if let Some(action) = effects.overlay.latest(&effects.keys, self.object, key) {
            return Ok(action.value);
        }
        let observer = self.observer(ObserverKind::MapHit);
        loop {
            let (snapshot, mark) = (tx.snapshot(), tx.observations());
            let Some(slot) = self.find(tx, effects, key, ObserverKind::MapMiss)? else {
                return Ok(None);
            };
            let payload = tx.read(self.layout.value(slot), observer, effects)?;
            if tx.snapshot() == snapshot {
                return Ok(Some(payload));
            }
            // The snapshot moved: the key may be elsewhere now.
            tx.forget_observations(mark);
        }
    }

    /// Looks a key up and, if it is absent, observes that. A value cell found is not observed.
    pub(crate) fn find(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        miss: ObserverKind,
    ) -> Result<Option<u32>, AccessError> {
        let observer = self.observer(miss);
        loop {
            let (slot, newest) = self.walk(tx, effects, key, observer)?;
            if slot.is_some() {
                return Ok(slot);
            }
            if newest && !seeded(Bug::MissNotObserved) {
                let kept = effects.keys.keep(key).ok_or(AccessError::LogFull)?;
                let predicate = Predicate::Absent { map: self.object, key: kept };
                for &(cell, seen) in &effects.walked {
                    tx.observe_predicate(cell, seen, observer, predicate)?;
                }
            }
            if newest || tx.is_stale() {
                return Ok(None);
            }
            tx.extend(effects);
        }
    }

    /// Looks a key up at the snapshot, observing nothing: its slot, and whether the chain that was
    /// walked is also the newest.
    #[inline]
    fn walk(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        observer: Observer,
    ) -> Result<(Option<u32>, bool), AccessError> {
        let walked = &mut effects.walked;
        walked.clear();
        let mut newest = true;
        let search = self.layout.search(key, &mut |part, cell| {
            let (payload, seen) = tx.peek(cell, observer)?;
            match seen {
                Some(seen) if part == Part::Chain => walked.push((cell, seen)),
                None if part == Part::Chain => newest = false,
                _ => {}
            }
            Ok::<_, AccessError>(payload)
        })?;
        Ok(match search {
            Search::Found { slot, .. } => (Some(slot), newest),
            Search::Absent { .. } => (None, newest),
        })
    }

    #[inline(always)]
    pub(crate) fn set(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        bytes: &[u8],
        value: Cell,
    ) -> Result<SetOutcome, AccessError> {
        self.check_size(bytes)?;
        let Some(key) = ShortKey::new(&self.hasher, bytes) else {
            let key = self.whole_key(bytes);
            let glance = self.glance_long(tx, effects, &key);
            return self.set_glanced(tx, effects, &key, glance, value);
        };
        match self.glance(tx, effects, &key) {
            Some(Glance::Found { slot, .. }) => {
                self.buffer(tx, effects, &key.whole(), Some(value), Slot::Known(slot))?;
                Ok(SetOutcome::Ok)
            }
            glance => self.set_glanced(tx, effects, &key.whole(), glance, value),
        }
    }

    /// The same after a glance.
    #[inline(never)]
    fn set_glanced(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        glance: Option<Glance>,
        value: Cell,
    ) -> Result<SetOutcome, AccessError> {
        let observer = self.observer(ObserverKind::MapFull);
        let seen = match glance {
            Some(Glance::Found { slot, .. }) => Some(Slot::Known(slot)),
            Some(Glance::Absent { .. }) => None,
            None => self.look_for(tx, effects, key, observer)?,
        };
        if let Some(slot) = seen {
            self.buffer(tx, effects, key, Some(value), slot)?;
            return Ok(SetOutcome::Ok);
        }
        self.set_absent(tx, effects, key, value)
    }

    #[inline(never)]
    fn set_absent(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        value: Cell,
    ) -> Result<SetOutcome, AccessError> {
        let mut slot = Slot::Unknown;
        if tx.reserve()
            && let Some(taken) = self.slots.take(effects.me)
        {
            effects.reserved_slot(self.observer(ObserverKind::MapFull));
            slot = Slot::Reserved(taken);
        } else if !effects.room(self.object).has_own() {
            return self.full(tx, effects, key);
        }
        let buffered = self.buffer(tx, effects, key, Some(value), slot);
        if buffered.is_err()
            && let Slot::Reserved(taken) = slot
        {
            self.slots.give_back(effects.me, taken);
        }
        buffered?;
        effects.room(self.object).insert(slot != Slot::Unknown);
        Ok(SetOutcome::Ok)
    }

    /// Whether the key is there at the snapshot, own actions included, and what is known of its
    /// slot; observes nothing.
    #[inline(never)]
    fn look_for(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        observer: Observer,
    ) -> Result<Option<Slot>, AccessError> {
        match effects.overlay.latest(&effects.keys, self.object, key) {
            Some(action) => {
                let slot = action.known().map_or(Slot::Unknown, Slot::Known);
                Ok(action.value.is_some().then_some(slot))
            }
            None => Ok(self.walk(tx, effects, key, observer)?.0.map(Slot::Known)),
        }
    }

    /// No slot is at hand: the map is full, or the event runs again.
    #[cold]
    fn full(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
    ) -> Result<SetOutcome, AccessError> {
        let observer = self.observer(ObserverKind::MapFull);
        let known_absent = buffered_absent(effects, self.object, key);
        if self.free_slots(tx, effects, observer)? != 0 {
            tx.doom_short(self.layout.counts, observer);
        } else if !known_absent && self.find(tx, effects, key, ObserverKind::MapMiss)?.is_some() {
            // It was inserted between the two looks at it, and the snapshot moved over that.
            tx.doom_short(self.layout.counts, observer);
        }
        Ok(SetOutcome::Full)
    }

    /// How many slots are free, the burst's own actions included.
    fn free_slots(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        observer: Observer,
    ) -> Result<u64, AccessError> {
        let mut free = u64::from(self.capacity);
        for participant in 0..tx.participants() as u32 {
            let count = tx.read(self.layout.counts.offset(participant), observer, effects)?;
            free = free.wrapping_add(count[0]);
        }
        // Whether the burst's own sets insert or overwrite depends on the snapshot of the counts;
        // whatever commit changes that changes a count, too.
        Ok(free.wrapping_add(self.change_of_burst(tx, effects)?))
    }

    /// How many keys there are.
    pub(crate) fn len(&self, tx: &mut Tx, effects: &mut Effects) -> Result<u32, AccessError> {
        let observer = self.observer(ObserverKind::MapLength);
        let free = self.free_slots(tx, effects, observer)?;
        Ok(u64::from(self.capacity).wrapping_sub(free) as u32)
    }

    /// By how many the burst's actions so far change the number of free slots at the snapshot.
    fn change_of_burst(&self, tx: &mut Tx, effects: &mut Effects) -> Result<u64, AccessError> {
        let observer = self.observer(ObserverKind::MapFull);
        let mut change = 0u64;
        for number in 0..effects.overlay.actions.len() {
            let action = effects.overlay.actions[number];
            let key = *effects.keys.key(action.key);
            if action.map == self.object && effects.overlay.is_latest(&effects.keys, number) {
                let before = self.walk(tx, effects, &key, observer)?.0.is_some();
                let after = action.value.is_some();
                change = change.wrapping_add(u64::from(before)).wrapping_sub(u64::from(after));
            }
        }
        Ok(change)
    }

    pub(crate) fn remove(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &[u8],
    ) -> Result<bool, AccessError> {
        let key = self.key(key)?;
        let present = match effects.overlay.latest(&effects.keys, self.object, &key) {
            Some(action) => action.value.is_some(),
            None => self.observe_presence(tx, effects, &key)?,
        };
        if present {
            self.buffer(tx, effects, &key, None, Slot::Unknown)?;
            effects.room(self.object).remove();
        }
        Ok(present)
    }

    /// Whether the key is there; observes that it is, or that it is not.
    fn observe_presence(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
    ) -> Result<bool, AccessError> {
        let observer = self.observer(ObserverKind::MapRemove);
        loop {
            let Some(slot) = self.find(tx, effects, key, ObserverKind::MapRemove)? else {
                return Ok(false);
            };
            let value = self.layout.value(slot);
            if let (_, Some(seen)) = tx.peek(value, observer)? {
                let kept = effects.keys.keep(key).ok_or(AccessError::LogFull)?;
                let predicate = Predicate::Present { map: self.object, key: kept };
                tx.observe_predicate(value, seen, observer, predicate)?;
                return Ok(true);
            }
            if tx.is_stale() || !tx.extend(effects) {
                return Ok(true);
            }
        }
    }

    #[inline(always)]
    fn buffer(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        key: &Key,
        value: Option<Cell>,
        slot: Slot,
    ) -> Result<(), AccessError> {
        if effects.overlay.is_full() {
            return Err(AccessError::LogFull);
        }
        // The own count, which nobody else takes, is taken when it changes.
        let hold = tx.hold(match slot {
            Slot::Known(slot) => self.layout.value(slot),
            Slot::Unknown | Slot::Reserved(_) => self.layout.bucket(key),
        })?;
        let kept = effects.keys.keep(key).ok_or(AccessError::LogFull)?;
        let action = Action::new((self.object, tx.event() as u8, kept), hold, value, slot);
        effects.overlay.push(&effects.keys, key.hash, action);
        Ok(())
    }

    /// For predicates: whether the key is there in the state of a view, if history still has it.
    pub(crate) fn presence(&self, key: &Key, at: &View<'_>) -> Option<bool> {
        let search = self.layout.search(key, &mut |_, cell| at.read(cell).ok_or(())).ok()?;
        Some(matches!(search, Search::Found { .. }))
    }

    /// The cell that changes when the key goes or comes next: its value, or where its chain ends.
    pub(crate) fn witness(&self, key: &Key, at: &View<'_>) -> Option<CellId> {
        let search = self.layout.search(key, &mut |_, cell| at.read(cell).ok_or(())).ok()?;
        Some(match search {
            Search::Found { slot, .. } => self.layout.value(slot),
            Search::Absent { last, .. } => last,
        })
    }
}

fn buffered_absent(effects: &Effects, map: u16, key: &Key) -> bool {
    effects.overlay.latest(&effects.keys, map, key).is_some_and(|action| action.value.is_none())
}
