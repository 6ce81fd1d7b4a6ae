//! One worker's packet sets: found by key, expired by age.
//!
//! A burst is composed before it is known which of its events will stand, so what composing does
//! here can be taken back: a new set is *tentative* until its registration is decided, and a set
//! whose end is composed is *expiring*: not found by later packets, but restored if that event
//! has to run again. Restarting a set's idle time needs no undo: the packet will be handled, at
//! the same time, whatever becomes of this run.

use super::adopted::Adopted;
pub(crate) use super::entries::Stage;
use super::entries::{Entries, ShortStates};
use super::index::{Index, Links, NONE};
use super::lru::Order;

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(super) entries: Entries,
    pub(super) index: Index,
    /// Sets of other workers, outside the order of last use.
    pub(super) adopted: Adopted,
    key_words: usize,
    /// Chain of removed entries.
    free: u32,
    idle_timeout_ns: u64,
    live: usize,
    /// What was inserted since somebody asked to know.
    pub(super) inserted: Option<Vec<u32>>,
}

impl Table {
    /// A table for up to `capacity` sets whose keys have `key_words` words.
    ///
    /// An `idle_timeout_ns` of 0 means that no set expires.
    pub(crate) fn new(
        capacity: u32,
        key_words: usize,
        state_bytes: usize,
        idle_timeout_ns: u64,
    ) -> Self {
        Self {
            entries: Entries::new(capacity as usize, key_words, state_bytes),
            index: Index::new(capacity as usize),
            adopted: Adopted::new(),
            key_words,
            free: NONE,
            idle_timeout_ns,
            live: 0,
            inserted: None,
        }
    }

    /// Bytes of address space that a table takes.
    pub(crate) fn bytes(capacity: u32, key_words: usize, state_bytes: usize) -> u64 {
        u64::from(capacity) * Entries::entry_bytes(key_words, state_bytes) as u64
    }

    /// Words of a key.
    pub(crate) fn key_words(&self) -> usize {
        self.key_words
    }

    /// Sets that have state.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Fetches the head of a hash's chain into the cache; in which bucket it lies, until a set is
    /// inserted.
    #[inline]
    pub(crate) fn prefetch_chain(&self, hash: u32) -> u32 {
        self.index.prefetch(hash)
    }

    /// Fetches the first entry of a bucket into the cache, and says which it is.
    #[inline]
    pub(crate) fn prefetch_entry(&self, bucket: u32) -> u32 {
        let entry = self.index.head_in(bucket);
        self.entries.prefetch(entry);
        self.entries.prefetch_words(entry);
        entry
    }

    /// Fetches an entry's neighbours in the order of last use into the cache: what restarting its
    /// idle time writes.
    #[inline]
    pub(crate) fn prefetch_neighbours(&self, entry: u32) {
        self.entries.prefetch(self.entries.order().older(entry));
        self.entries.prefetch(self.entries.order().younger(entry));
    }

    /// The set of a key, tentative or live.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u32, key: &[u64]) -> Option<u32> {
        self.entries.find(self.index.head(hash), hash, key)
    }

    /// The same, where keys have one word or two [in their entries](Self::short_key_words), from
    /// the head of its chain.
    #[inline(always)]
    pub(crate) fn find_short<const KEY: usize>(
        &self,
        head: u32,
        hash: u32,
        key: &[u64; 2],
    ) -> Option<u32> {
        self.entries.find_short::<KEY>(head, hash, key)
    }

    /// How many words keys have, if all key and state lies in the entries.
    #[inline(always)]
    pub(crate) fn short_key_words(&self) -> Option<usize> {
        self.entries.short_key_words()
    }

    /// The states of all sets, where they and the keys have so many words and lie in the entries.
    #[inline]
    pub(crate) fn short_states<const KEY: usize, const STATE: usize>(
        &mut self,
    ) -> Option<ShortStates<'_, KEY, STATE>> {
        self.entries.short_states()
    }

    /// Inserts a tentative set, its state all zero, seen now. `None` if every entry is in use.
    pub(crate) fn insert(&mut self, hash: u32, key: &[u64], now_ns: u64) -> Option<u32> {
        let entry = self.take_entry()?;
        self.entries.reset(entry, hash, &key[..self.key_words], now_ns);
        self.index.insert(entry, &mut self.entries);
        self.entries.order_mut().push_youngest(entry);
        if let Some(inserted) = &mut self.inserted {
            inserted.push(entry);
        }
        Some(entry)
    }

    /// An entry that is no set's.
    #[inline]
    pub(super) fn take_entry(&mut self) -> Option<u32> {
        match self.free {
            NONE => self.entries.make(),
            entry => {
                self.free = self.entries.next(entry);
                Some(entry)
            }
        }
    }

    /// Restarts the idle time of a set.
    #[inline(always)]
    pub(crate) fn touch(&mut self, entry: u32, now_ns: u64) {
        self.entries.touch(entry, now_ns);
    }

    /// Restarts the idle time of a set and answers its place in the burst of this number; if it has
    /// none there, it gets this one.
    #[inline(always)]
    pub(crate) fn meet(&mut self, entry: u32, now_ns: u64, burst: u64, place: u8) -> u8 {
        self.entries.meet(entry, now_ns, burst, place)
    }

    /// Makes a tentative set live.
    pub(crate) fn confirm(&mut self, entry: u32) {
        self.entries.set_stage(entry, Stage::Live);
        self.live += 1;
    }

    /// The set that was idle for the longest, with the time it ran out, if that is before now.
    #[inline]
    pub(crate) fn expired(&mut self, now_ns: u64) -> Option<(u32, u64)> {
        let deadline_ns = self.deadline_ns()?;
        if deadline_ns >= now_ns {
            return None;
        }
        if self.adopted.first_seen_ns() < u64::MAX {
            return self.expired_of_both(now_ns);
        }
        Some((self.entries.order().oldest(), deadline_ns))
    }

    /// The same with sets outside the order of last use.
    #[cold]
    fn expired_of_both(&mut self, now_ns: u64) -> Option<(u32, u64)> {
        let (entries, index) = (&self.entries, &self.index);
        let first = self.adopted.first(|(seen_ns, entry), anchor| {
            entries.order().older(entry) == anchor
                && entries.last_seen_ns(entry) == seen_ns
                && entries.stage(entry) == Stage::Live
                && index.holds(entry, entries)
        });
        let oldest = entries.order().oldest();
        let of_order = (oldest != NONE).then(|| (entries.last_seen_ns(oldest), oldest));
        let (seen_ns, entry) = match (first, of_order) {
            (Some(first), Some(of_order)) => first.min(of_order),
            (first, of_order) => first.or(of_order)?,
        };
        let deadline_ns = seen_ns.saturating_add(self.idle_timeout_ns);
        (deadline_ns < now_ns).then_some((entry, deadline_ns))
    }

    /// When the next set runs out, if nothing comes for it. After sets came from another worker it
    /// may say so of one that has gone since, and then is too early.
    #[inline]
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        let oldest = self.entries.order().oldest();
        let adopted_ns = self.adopted.first_seen_ns();
        let seen_ns = match oldest {
            NONE => adopted_ns,
            _ => self.entries.last_seen_ns(oldest).min(adopted_ns),
        };
        (seen_ns < u64::MAX && self.idle_timeout_ns > 0)
            .then(|| seen_ns.saturating_add(self.idle_timeout_ns))
    }

    /// Until when no set runs out, whatever comes for which sets from `now_ns` on.
    #[inline]
    pub(crate) fn quiet_until_ns(&self, now_ns: u64) -> u64 {
        if self.idle_timeout_ns == 0 {
            return u64::MAX;
        }
        let of_new_sets_ns = now_ns.saturating_add(self.idle_timeout_ns);
        self.deadline_ns().map_or(of_new_sets_ns, |of_oldest_ns| of_oldest_ns.min(of_new_sets_ns))
    }

    /// Hides the oldest set from packets, until it is removed or restored.
    pub(crate) fn begin_expiry(&mut self, entry: u32) {
        // Of a set outside the order this changes the anchor's links alone.
        self.entries.order_mut().remove(entry);
        self.entries.set_stage(entry, Stage::Expiring);
    }

    /// Undoes [`Self::begin_expiry`]; of several, the last one first.
    pub(crate) fn restore(&mut self, entry: u32) {
        self.entries.set_stage(entry, Stage::Live);
        self.entries.order_mut().push_oldest(entry);
    }

    /// Removes a set, whatever its stage.
    pub(crate) fn remove(&mut self, entry: u32) {
        let stage = self.entries.stage(entry);
        if stage != Stage::Expiring {
            self.entries.order_mut().remove(entry);
        }
        if stage != Stage::Tentative {
            self.live -= 1;
        }
        self.index.remove(entry, &mut self.entries);
        self.entries.set_next(entry, self.free);
        self.free = entry;
    }

    /// The place of a set in the burst of this number, if it has one there.
    #[inline]
    pub(crate) fn place_in_burst(&self, entry: u32, burst: u64) -> Option<u8> {
        self.entries.place_in_burst(entry, burst)
    }

    /// The same; if it has none there, it gets this one.
    #[inline(always)]
    pub(crate) fn place_or_join(&mut self, entry: u32, burst: u64, place: u8) -> u8 {
        self.entries.place_or_join(entry, burst, place)
    }

    /// The state of every live set, in the order of last use.
    #[cfg(test)]
    pub(crate) fn states(&self, state_bytes: usize) -> Vec<Vec<u8>> {
        let mut states = Vec::new();
        let mut entry = self.entries.order().oldest();
        while entry != NONE {
            if self.entries.stage(entry) == Stage::Live {
                let mut state = vec![0; state_bytes.next_multiple_of(8)];
                self.load_state(entry, &mut state);
                state.truncate(state_bytes);
                states.push(state);
            }
            entry = self.entries.order().younger(entry);
        }
        states
    }

    /// Copies a set's state out.
    #[inline]
    pub(crate) fn load_state(&self, entry: u32, to: &mut [u8]) {
        self.entries.load_state(entry, to);
    }

    /// Replaces a set's state.
    #[inline]
    pub(crate) fn store_state(&mut self, entry: u32, from: &[u8]) {
        self.entries.store_state(entry, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT_NS: u64 = 100;
    /// One for all keys: so every test is also one of long chains.
    const HASH: u32 = 77;

    fn table(capacity: u32) -> Table {
        Table::new(capacity, 2, 5, TIMEOUT_NS)
    }

    fn insert(table: &mut Table, key: u64, now_ns: u64) -> Option<u32> {
        let key = [key, 1];
        table.insert(HASH, &key, now_ns)
    }

    fn find(table: &Table, key: u64) -> Option<u32> {
        let key = [key, 1];
        table.find(HASH, &key)
    }

    #[test]
    fn a_table_holds_exactly_its_capacity_and_uses_entries_again() {
        let mut table = table(3);
        for key in 0..3 {
            assert!(insert(&mut table, key, 0).is_some());
        }
        assert_eq!(insert(&mut table, 9, 0), None);
        table.remove(find(&table, 1).expect("inserted"));
        assert_eq!(find(&table, 1), None);
        assert!(insert(&mut table, 9, 0).is_some());
        assert_eq!(insert(&mut table, 10, 0), None);
    }

    #[test]
    fn a_set_expires_only_after_more_than_its_timeout() {
        let mut table = table(3);
        let entry = insert(&mut table, 7, 1000).expect("room");
        table.confirm(entry);
        assert_eq!(table.expired(1000 + TIMEOUT_NS), None);
        assert_eq!(table.expired(1001 + TIMEOUT_NS), Some((entry, 1000 + TIMEOUT_NS)));
        table.touch(entry, 1001);
        assert_eq!(table.expired(1001 + TIMEOUT_NS), None);
    }

    #[test]
    fn an_expiring_set_is_hidden_by_key_and_can_be_restored() {
        let mut table = table(3);
        let old = insert(&mut table, 7, 0).expect("room");
        table.confirm(old);
        table.begin_expiry(old);
        assert_eq!(find(&table, 7), None);
        let new = insert(&mut table, 7, 500).expect("room");
        assert_eq!(find(&table, 7), Some(new));
        table.remove(new);
        table.restore(old);
        assert_eq!(find(&table, 7), Some(old));
        assert_eq!(table.expired(500), Some((old, TIMEOUT_NS)));
        assert_eq!(table.live(), 1);
        table.begin_expiry(old);
        table.remove(old);
        assert_eq!((table.live(), table.expired(u64::MAX)), (0, None));
    }

    #[test]
    fn state_of_any_size_survives() {
        for size in [0, 1, 7, 8, 9, 40] {
            let mut table = Table::new(4, 2, size, 0);
            let entry = insert(&mut table, 3, 0).expect("room");
            let room = size.next_multiple_of(8);
            let mut read = vec![0xFF; room];
            table.load_state(entry, &mut read);
            assert_eq!(read, vec![0; room], "a new set's state is zero");
            let mut state: Vec<u8> = (0..room as u8).collect();
            table.store_state(entry, &state);
            table.load_state(entry, &mut read);
            state[size..].fill(0);
            assert_eq!(read, state, "what lies behind the state is forgotten");
        }
    }

    #[test]
    fn short_states_are_the_same_states() {
        fn check<const KEY: usize, const STATE: usize>(size: usize) {
            let mut table = Table::new(3, KEY, size, TIMEOUT_NS);
            let key = [u64::MAX - 1, u64::MAX];
            let entry = table.insert(3, &key[..KEY], 0).expect("room");
            assert_eq!(table.find_short::<KEY>(entry, 3, &key), Some(entry));
            for other in [[key[0], 7], [7, key[1]]] {
                let is_it = other[..KEY] == key[..KEY];
                assert_eq!(table.find_short::<KEY>(entry, 3, &other).is_some(), is_it);
            }
            let room = 8 * STATE;
            let state: Vec<u8> = (1..=room as u8).collect();
            let short = table.short_states::<KEY, STATE>();
            let mut short = short.expect("keys and states are short");
            short.store(entry, &state);
            let (mut read, mut read_short) = (vec![0xFF; room], vec![0xFF; room]);
            short.load(entry, &mut read_short);
            table.load_state(entry, &mut read);
            assert_eq!(read[..size], state[..size]);
            assert_eq!(read[size..], vec![0; room - size], "what lies behind is forgotten");
            assert_eq!(read_short, read);
            assert_eq!(
                table.find_short::<KEY>(entry, 3, &key),
                Some(entry),
                "the key is as it was"
            );
            assert!(table.short_states::<KEY, 4>().is_none());
        }
        (1..=8).for_each(check::<1, 1>);
        (9..=16).for_each(check::<1, 2>);
        (17..=24).for_each(check::<1, 3>);
        (1..=8).for_each(check::<2, 1>);
        (9..=16).for_each(check::<2, 2>);
        let short_states = |key_words, size| {
            let mut table = Table::new(3, key_words, size, TIMEOUT_NS);
            table.short_states::<2, 1>().is_some()
        };
        assert!(short_states(2, 8));
        assert!(!short_states(3, 8), "a longer key");
        assert!(!short_states(2, 0), "no state");
        assert!(
            Table::new(3, 2, 24, TIMEOUT_NS).short_key_words().is_none(),
            "too much for a line"
        );
    }

    #[test]
    fn it_is_quiet_until_the_oldest_set_or_one_that_comes_now_runs_out() {
        let mut table = table(3);
        assert_eq!(table.quiet_until_ns(1000), 1000 + TIMEOUT_NS);
        let entry = insert(&mut table, 7, 950).expect("room");
        assert_eq!(table.quiet_until_ns(1000), 950 + TIMEOUT_NS);
        assert_eq!(table.expired(950 + TIMEOUT_NS), None);
        table.touch(entry, 1010);
        assert_eq!(table.quiet_until_ns(1000), 1000 + TIMEOUT_NS);
        assert_eq!(Table::new(4, 2, 0, 0).quiet_until_ns(1000), u64::MAX);
    }

    #[test]
    fn without_a_timeout_nothing_expires() {
        let mut table = Table::new(4, 2, 0, 0);
        insert(&mut table, 3, 0).expect("room");
        assert_eq!(table.expired(u64::MAX), None);
    }
}
