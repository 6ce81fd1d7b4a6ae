//! The records of packet sets.
//!
//! An entry is one cache line: links, time, place in the burst, and four words for key and state,
//! which is enough for a 5-tuple and up to sixteen bytes. Where key and state are longer, they all
//! lie in an array of their own. Entries are made when they are first used, in memory that was
//! reserved at the start: so only as much is ever touched as there were sets at once.

use super::index::{Links, NONE};
use super::lru::Order;

/// Words of key and state that an entry holds itself.
const INLINE_WORDS: usize = 4;

/// Entries that are no sets: [`NONE`] and an [anchor](Entries::make_anchor).
const EXTRA: usize = 2;

/// Where a packet set is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Composed into the burst in hand: whether it gets state is not decided.
    #[default]
    Tentative,
    /// It has state.
    Live,
    /// Its end is composed into the burst in hand: no packet finds it any more.
    Expiring,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(crate) struct Entry {
    hash: u32,
    /// The entry after this one in its chain.
    next: u32,
    older: u32,
    younger: u32,
    last_seen_ns: u64,
    mark: Mark,
    words: [u64; INLINE_WORDS],
}

/// A set's stage, and its place in a burst: from the top six bytes of the burst's number, which
/// come again after years, one of the place, and one of the stage.
#[derive(Clone, Copy, Debug, Default)]
struct Mark(u64);

impl Mark {
    #[inline(always)]
    fn stage(self) -> Stage {
        match self.0 as u8 {
            0 => Stage::Tentative,
            1 => Stage::Live,
            _ => Stage::Expiring,
        }
    }

    #[inline(always)]
    fn with_stage(self, stage: Stage) -> Self {
        Self(self.0 & !0xff | stage as u64)
    }

    #[inline(always)]
    fn place_in(self, burst: u64) -> Option<u8> {
        (self.0 >> 16 == burst & u64::MAX >> 16).then_some((self.0 >> 8) as u8)
    }

    #[inline(always)]
    fn with_place(self, burst: u64, place: u8) -> Self {
        Self(burst << 16 | u64::from(place) << 8 | self.0 & 0xff)
    }

    /// The place in the burst; if there is none, it becomes this one.
    #[inline(always)]
    fn join(&mut self, burst: u64, place: u8) -> u8 {
        // Of the same burst only place and stage are left.
        let rest = self.0 ^ burst << 16;
        if rest >> 16 == 0 {
            return (rest >> 8) as u8;
        }
        *self = self.with_place(burst, place);
        place
    }
}

/// The records.
#[derive(Debug)]
pub(crate) struct Entries {
    entries: Vec<Entry>,
    /// Key and state of all entries, if they do not fit into them.
    long: Vec<u64>,
    is_long: bool,
    capacity: usize,
    key_words: usize,
    state_words: usize,
    /// The bytes of a state's last word that are state.
    last_mask: u64,
}

impl Entries {
    /// Room for the entries 1 to `capacity`. Address space, not memory, is taken.
    pub(crate) fn new(capacity: usize, key_words: usize, state_bytes: usize) -> Self {
        let state_words = state_bytes.div_ceil(8);
        let long_words = long_words(key_words, state_bytes);
        let mut entries = Vec::with_capacity(capacity + EXTRA);
        let mut long = Vec::with_capacity((capacity + EXTRA) * long_words);
        nfos_sync::prefer_huge_pages(entries.spare_capacity_mut());
        nfos_sync::prefer_huge_pages(long.spare_capacity_mut());
        // The entry NONE: never a set, but prefetched and linked like one, and the end of the order
        // of last use.
        entries.push(Entry::default());
        long.resize(long_words, 0);
        let last_mask = u64::MAX >> (8 * (8 * state_words - state_bytes));
        Self { entries, long, is_long: long_words > 0, capacity, key_words, state_words, last_mask }
    }

    /// Bytes that one entry takes.
    pub(crate) fn entry_bytes(key_words: usize, state_bytes: usize) -> usize {
        size_of::<Entry>() + 8 * long_words(key_words, state_bytes)
    }

    /// Makes an entry that was never used, if there is room for one more.
    pub(crate) fn make(&mut self) -> Option<u32> {
        if self.entries.len() > self.capacity {
            return None;
        }
        self.entries.push(Entry::default());
        if self.is_long {
            self.long.resize(self.long.len() + self.key_words + self.state_words, 0);
        }
        Some(self.entries.len() as u32 - 1)
    }

    /// Makes an entry that is no set and takes no set's room; once.
    pub(super) fn make_anchor(&mut self) -> u32 {
        self.capacity += 1;
        self.make().expect("there is room for one anchor")
    }

    /// How many entries there are, those that are no sets included.
    pub(super) fn count(&self) -> u32 {
        self.entries.len() as u32
    }

    #[inline]
    fn entry(&self, entry: u32) -> &Entry {
        &self.entries[entry as usize]
    }

    #[inline]
    fn entry_mut(&mut self, entry: u32) -> &mut Entry {
        &mut self.entries[entry as usize]
    }

    /// Key and state.
    #[inline]
    fn words(&self, entry: u32) -> &[u64] {
        if self.is_long {
            let length = self.key_words + self.state_words;
            &self.long[entry as usize * length..][..length]
        } else {
            &self.entry(entry).words
        }
    }

    /// Its key, and the words of its state.
    pub(super) fn key_and_state(&self, entry: u32) -> (&[u64], &[u64]) {
        let words = &self.words(entry)[..self.key_words + self.state_words];
        words.split_at(self.key_words)
    }

    /// Replaces its state by words.
    pub(super) fn set_state_words(&mut self, entry: u32, state: &[u64]) {
        let key_words = self.key_words;
        self.words_mut(entry)[key_words..key_words + state.len()].copy_from_slice(state);
    }

    #[inline]
    fn words_mut(&mut self, entry: u32) -> &mut [u64] {
        if self.is_long {
            let length = self.key_words + self.state_words;
            &mut self.long[entry as usize * length..][..length]
        } else {
            &mut self.entry_mut(entry).words
        }
    }

    /// The entry's line, to prefetch.
    #[inline]
    pub(crate) fn prefetch(&self, entry: u32) {
        nfos_sync::prefetch_read(self.entry(entry));
    }

    /// The line where an entry's key begins, to prefetch, if that is elsewhere. What the key does
    /// not fill of it is state.
    #[inline]
    pub(crate) fn prefetch_words(&self, entry: u32) {
        if self.is_long {
            nfos_sync::prefetch_read(&self.words(entry)[0]);
        }
    }

    /// Writes a new set, its state all zero.
    pub(crate) fn reset(&mut self, entry: u32, hash: u32, key: &[u64], now_ns: u64) {
        *self.entry_mut(entry) = Entry { hash, last_seen_ns: now_ns, ..Entry::default() };
        let words = self.words_mut(entry);
        words[..key.len()].copy_from_slice(key);
        words[key.len()..].fill(0);
    }

    /// The first entry of a chain that has this hash and key and is not expiring.
    #[inline(always)]
    pub(crate) fn find(&self, first: u32, hash: u32, key: &[u64]) -> Option<u32> {
        match (self.is_long, key) {
            // The key of a 5-tuple.
            (false, &[one, two]) => self.find_short::<2>(first, hash, &[one, two]),
            // Word by word: they are fewer than a call to compare memory is worth.
            _ => self.find_by(first, hash, |number, _| {
                self.words(number).iter().zip(key).all(|(stored, word)| stored == word)
            }),
        }
    }

    /// How many words keys have, if all key and state lies in the entries.
    #[inline(always)]
    pub(crate) fn short_key_words(&self) -> Option<usize> {
        (!self.is_long).then_some(self.key_words)
    }

    /// As [`Self::find`], where keys have one or two words [in their
    /// entries](Self::short_key_words); a key of one has another behind it that does not count.
    #[inline(always)]
    pub(crate) fn find_short<const KEY: usize>(
        &self,
        first: u32,
        hash: u32,
        key: &[u64; 2],
    ) -> Option<u32> {
        self.find_by(first, hash, |_, entry| {
            entry.words[0] == key[0] && (KEY == 1 || entry.words[1] == key[1])
        })
    }

    #[inline(always)]
    fn find_by(&self, first: u32, hash: u32, has_key: impl Fn(u32, &Entry) -> bool) -> Option<u32> {
        let entries = &self.entries[..];
        let mut number = first;
        while number != NONE {
            let entry = &entries[number as usize];
            if entry.hash == hash && has_key(number, entry) && entry.mark.stage() != Stage::Expiring
            {
                return Some(number);
            }
            number = entry.next;
        }
        None
    }

    /// The order of last use.
    #[inline(always)]
    pub(crate) fn order(&self) -> &[Entry] {
        &self.entries
    }

    /// The same, to change.
    #[inline(always)]
    pub(crate) fn order_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// Restarts the idle time of an entry.
    #[inline(always)]
    pub(crate) fn touch(&mut self, entry: u32, now_ns: u64) {
        let entries = &mut self.entries[..];
        entries[entry as usize].last_seen_ns = now_ns;
        entries.touch(entry);
    }

    /// Restarts the idle time of an entry and answers its place in the burst of this number; if it
    /// has none there, it gets this one.
    #[inline(always)]
    pub(crate) fn meet(&mut self, entry: u32, now_ns: u64, burst: u64, place: u8) -> u8 {
        let entries = &mut self.entries[..];
        let met = &mut entries[entry as usize];
        met.last_seen_ns = now_ns;
        let place = met.mark.join(burst, place);
        entries.touch(entry);
        place
    }

    /// When its last packet came.
    #[inline]
    pub(crate) fn last_seen_ns(&self, entry: u32) -> u64 {
        self.entry(entry).last_seen_ns
    }

    /// Where it is in its life.
    #[inline]
    pub(crate) fn stage(&self, entry: u32) -> Stage {
        self.entry(entry).mark.stage()
    }

    /// Sets it.
    #[inline]
    pub(crate) fn set_stage(&mut self, entry: u32, stage: Stage) {
        let entry = self.entry_mut(entry);
        entry.mark = entry.mark.with_stage(stage);
    }

    /// Its place in the burst of this number, if it has one there.
    #[inline]
    pub(crate) fn place_in_burst(&self, entry: u32, burst: u64) -> Option<u8> {
        self.entry(entry).mark.place_in(burst)
    }

    /// The same; if it has none there, it gets this one.
    #[inline(always)]
    pub(crate) fn place_or_join(&mut self, entry: u32, burst: u64, place: u8) -> u8 {
        self.entry_mut(entry).mark.join(burst, place)
    }

    /// The states of all sets, where they and the keys have so many words and lie in the entries.
    #[inline]
    pub(crate) fn short_states<const KEY: usize, const STATE: usize>(
        &mut self,
    ) -> Option<ShortStates<'_, KEY, STATE>> {
        let are_short = self.short_key_words() == Some(KEY) && self.state_words == STATE;
        are_short.then_some(ShortStates { entries: &mut self.entries, last_mask: self.last_mask })
    }

    /// Copies its state out; `to` has exactly the words of a state.
    #[inline]
    pub(crate) fn load_state(&self, entry: u32, to: &mut [u8]) {
        let (words, to) = (self.words(entry).split_at(self.key_words).1, to.as_chunks_mut::<8>().0);
        // Compilers call a function to copy words in a loop, which short states are not worth.
        match (words, to) {
            ([one, ..], [to]) => *to = one.to_le_bytes(),
            ([one, two, ..], [to_one, to_two]) => {
                (*to_one, *to_two) = (one.to_le_bytes(), two.to_le_bytes());
            }
            (words, to) => {
                to.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
            }
        }
    }

    /// Replaces its state; `from` has exactly the words of a state, of which the last may have
    /// bytes behind the state that mean nothing.
    #[inline]
    pub(crate) fn store_state(&mut self, entry: u32, from: &[u8]) {
        let (key_words, state_words, last) = (self.key_words, self.state_words, self.last_mask);
        let words = &mut self.words_mut(entry)[key_words..][..state_words];
        match (words, from.as_chunks::<8>().0) {
            ([one], [from]) => *one = u64::from_le_bytes(*from) & last,
            ([one, two], [from_one, from_two]) => {
                *one = u64::from_le_bytes(*from_one);
                *two = u64::from_le_bytes(*from_two) & last;
            }
            (words, from) => {
                let each = words.iter_mut().zip(from);
                each.for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
                if let Some(word) = words.last_mut() {
                    *word &= last;
                }
            }
        }
    }
}

/// States that are copied without a look at how long they are.
pub(crate) struct ShortStates<'a, const KEY: usize, const STATE: usize> {
    entries: &'a mut [Entry],
    last_mask: u64,
}

impl<const KEY: usize, const STATE: usize> ShortStates<'_, KEY, STATE> {
    /// As [`Entries::load_state`].
    #[inline(always)]
    pub(crate) fn load(&self, entry: u32, to: &mut [u8]) {
        let words = self.entries[entry as usize].words;
        for (to, word) in to.as_chunks_mut::<8>().0[..STATE].iter_mut().zip(&words[KEY..]) {
            *to = word.to_le_bytes();
        }
    }

    /// As [`Entries::store_state`].
    #[inline(always)]
    pub(crate) fn store(&mut self, entry: u32, from: &[u8]) {
        let words = &mut self.entries[entry as usize].words[KEY..][..STATE];
        for (word, from) in words.iter_mut().zip(&from.as_chunks::<8>().0[..STATE]) {
            *word = u64::from_le_bytes(*from);
        }
        words[STATE - 1] &= self.last_mask;
    }
}

/// Words of an entry's key and state outside it.
fn long_words(key_words: usize, state_bytes: usize) -> usize {
    let words = key_words + state_bytes.div_ceil(8);
    if words > INLINE_WORDS { words } else { 0 }
}

impl Links for Entries {
    #[inline]
    fn next(&self, entry: u32) -> u32 {
        self.entry(entry).next
    }

    #[inline]
    fn set_next(&mut self, entry: u32, next: u32) {
        self.entry_mut(entry).next = next;
    }

    #[inline]
    fn hash(&self, entry: u32) -> u32 {
        self.entry(entry).hash
    }
}

impl Order for [Entry] {
    #[inline(always)]
    fn older(&self, entry: u32) -> u32 {
        self[entry as usize].older
    }

    #[inline(always)]
    fn younger(&self, entry: u32) -> u32 {
        self[entry as usize].younger
    }

    #[inline(always)]
    fn set_older(&mut self, entry: u32, older: u32) {
        self[entry as usize].older = older;
    }

    #[inline(always)]
    fn set_younger(&mut self, entry: u32, younger: u32) {
        self[entry as usize].younger = younger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_its_burst_alone_and_stays_apart_from_the_stage() {
        let mark = Mark::default().with_stage(Stage::Live).with_place(7, 63);
        assert_eq!(
            (mark.place_in(7), mark.place_in(8), mark.stage()),
            (Some(63), None, Stage::Live)
        );
        let mark = mark.with_stage(Stage::Expiring);
        assert_eq!((mark.place_in(7), mark.stage()), (Some(63), Stage::Expiring));
        let again = mark.with_place(u64::MAX, 1).with_stage(Stage::Tentative);
        assert_eq!((again.place_in(u64::MAX), again.stage()), (Some(1), Stage::Tentative));
        assert_eq!(Mark::default().place_in(1), None);
    }

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!((size_of::<Entry>(), align_of::<Entry>()), (64, 64));
        assert_eq!(Entries::entry_bytes(2, 16), 64);
        assert_eq!(Entries::entry_bytes(2, 17), 64 + 5 * 8);
    }
}
