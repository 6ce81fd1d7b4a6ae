//! The map actions of a burst, in order, and an index from a key to its latest.

use nfos_stm::Hold;
use nfos_sync::{Bug, seeded};

use crate::Cell;
use crate::key::{Key, Keys};
use crate::pool::NIL;

/// One buffered set or remove.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) map: u16,
    pub(crate) event: u8,
    /// Number of the key among the burst's.
    pub(crate) key: u32,
    /// The cell that the commit takes for it: the known slot's value, or the bucket.
    pub(crate) hold: Hold,
    /// What it sets; none: it removes.
    pub(crate) value: Option<Cell>,
    /// A slot that it has, or [`NIL`].
    slot: u32,
    /// Whether that is where the run found the key, and not one that it took for it.
    is_known: bool,
    /// Whether the commit put the key into the reserved slot.
    pub(crate) used: bool,
    /// Whether no earlier action of the burst is on its key.
    pub(crate) first: bool,
}

#[derive(Debug)]
pub(crate) struct Overlay {
    pub(crate) actions: Vec<Action>,
    /// Open addressing; `stamp << 32 | action`; an entry of another burst is free.
    index: Vec<u64>,
    mask: usize,
    stamp: u32,
}

impl Overlay {
    const LIMIT: usize = 32_768;
    const INDEX_START: usize = 256;

    pub(crate) fn new() -> Self {
        Self {
            actions: Vec::with_capacity(Self::LIMIT),
            index: vec![0; 4 * Self::LIMIT],
            mask: Self::INDEX_START - 1,
            stamp: 1,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.actions.len() == Self::LIMIT
    }

    /// Whether there may be an action on a key with this hash.
    #[inline(always)]
    pub(crate) fn may_have(&self, hash: u64) -> bool {
        !self.actions.is_empty() && self.is_current(self.index[hash as usize & self.mask])
    }

    /// The latest action on a key.
    #[inline(always)]
    pub(crate) fn latest(&self, keys: &Keys, map: u16, key: &Key) -> Option<&Action> {
        if self.actions.is_empty() {
            return None;
        }
        let entry = self.index[self.find(keys, map, key)];
        self.is_current(entry).then(|| &self.actions[entry as u32 as usize])
    }

    /// Whether no later action is on the key of this one.
    pub(crate) fn is_latest(&self, keys: &Keys, number: usize) -> bool {
        let Action { map, key, .. } = self.actions[number];
        self.index[self.find(keys, map, keys.key(key))] as u32 as usize == number
    }

    /// The index position of a key: its entry or a free one.
    #[inline(always)]
    fn find(&self, keys: &Keys, map: u16, key: &Key) -> usize {
        let mut slot = key.hash as usize & self.mask;
        loop {
            let entry = self.index[slot];
            if !self.is_current(entry) {
                return slot;
            }
            let action = &self.actions[entry as u32 as usize];
            if action.map == map && keys.key(action.key).is(key) {
                return slot;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    #[inline(always)]
    fn is_current(&self, entry: u64) -> bool {
        (entry >> 32) as u32 == self.stamp
    }

    /// Adds an action on a key with this hash, and notes whether it is the first on its key; there
    /// must be room.
    #[inline(always)]
    pub(crate) fn push(&mut self, keys: &Keys, hash: u64, mut action: Action) {
        let number = self.actions.len();
        if (number + 1) * 2 > self.mask + 1 {
            self.grow(keys);
        }
        if self.may_have(hash) && !seeded(Bug::ActionIndexNotSearched) {
            action.first = !self.index_action(keys, (action.map, action.key), number);
        } else {
            self.index[hash as usize & self.mask] = u64::from(self.stamp) << 32 | number as u64;
            action.first = true;
        }
        self.actions.push(action);
    }

    /// Makes an action the latest on its key; whether there was one.
    #[inline(never)]
    fn index_action(&mut self, keys: &Keys, (map, key): (u16, u32), number: usize) -> bool {
        let slot = self.find(keys, map, keys.key(key));
        let new = u64::from(self.stamp) << 32 | number as u64;
        let old = std::mem::replace(&mut self.index[slot], new);
        self.is_current(old)
    }

    #[cold]
    fn grow(&mut self, keys: &Keys) {
        self.mask = (self.mask << 2 | 3).min(self.index.len() - 1);
        self.next_stamp();
        for number in 0..self.actions.len() {
            let Action { map, key, .. } = self.actions[number];
            self.index_action(keys, (map, key), number);
        }
    }

    fn next_stamp(&mut self) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.index.fill(0);
            self.stamp = 1;
        }
    }

    pub(crate) fn clear(&mut self) {
        if !self.actions.is_empty() {
            self.actions.clear();
            self.mask = Self::INDEX_START - 1;
            self.next_stamp();
        }
    }
}

/// What the run knows of the slot of a key that it sets or removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Nothing.
    Unknown,
    /// The key is there, as it looks.
    Known(u32),
    /// It was taken out of the pool for the key.
    Reserved(u32),
}

impl Action {
    #[inline(always)]
    pub(crate) fn new(
        (map, event, key): (u16, u8, u32),
        hold: Hold,
        value: Option<Cell>,
        slot: Slot,
    ) -> Self {
        let (slot, is_known) = match slot {
            Slot::Unknown => (NIL, false),
            Slot::Known(slot) => (slot, true),
            Slot::Reserved(slot) => (slot, false),
        };
        Self { map, event, key, hold, value, slot, is_known, used: false, first: false }
    }

    /// The slot that the run took for it.
    #[inline(always)]
    pub(crate) fn reserved(&self) -> Option<u32> {
        (self.slot != NIL && !self.is_known).then_some(self.slot)
    }

    /// The slot in which the run found the key.
    #[inline(always)]
    pub(crate) fn known(&self) -> Option<u32> {
        self.is_known.then_some(self.slot)
    }
}
