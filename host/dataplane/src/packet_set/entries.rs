//! The records of packet sets, in one array of words.
//!
//! | word | content |
//! |---|---|
//! | 0 | hash 32 \| next entry of the chain 32 |
//! | 1 | older neighbour 32 \| younger neighbour 32 |
//! | 2 | last seen, nanoseconds |
//! | 3 | stage 8 \| place in the burst 8 \| number of that burst 48 |
//! | 4… | key, then state |
//!
//! An entry begins at a cache line; with a 5-tuple and up to eight bytes of state it fits into one.
//! The array is as long as the capacity, but its pages are used only as entries are.

use super::index::Links;
use super::lru::Order;

const HEADER_WORDS: usize = 4;
const LINE_WORDS: usize = 8;

/// Where a packet set is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Composed into the burst in hand: whether it gets state is not decided.
    Tentative = 0,
    /// It has state.
    Live = 1,
    /// Its end is composed into the burst in hand: no packet finds it any more.
    Expiring = 2,
}

/// The array.
#[derive(Debug)]
pub(crate) struct Entries {
    words: Vec<u64>,
    /// Words before the first cache line of the array.
    skew: usize,
    stride: usize,
    key_words: usize,
}

impl Entries {
    /// Room for the entries 1 to `capacity`.
    pub(crate) fn new(capacity: usize, key_words: usize, state_bytes: usize) -> Self {
        let stride = Self::stride(key_words, state_bytes);
        let words = vec![0; (capacity + 1) * stride + LINE_WORDS];
        let skew = words.as_ptr().align_offset(LINE_WORDS * size_of::<u64>());
        let skew = if skew < LINE_WORDS { skew } else { 0 };
        Self { words, skew, stride, key_words }
    }

    fn stride(key_words: usize, state_bytes: usize) -> usize {
        (HEADER_WORDS + key_words + state_bytes.div_ceil(8)).next_multiple_of(LINE_WORDS)
    }

    /// Bytes of one entry.
    pub(crate) fn entry_bytes(key_words: usize, state_bytes: usize) -> usize {
        Self::stride(key_words, state_bytes) * size_of::<u64>()
    }

    #[inline]
    fn at(&self, entry: u32) -> usize {
        self.skew + entry as usize * self.stride
    }

    #[inline]
    fn word(&self, entry: u32, word: usize) -> u64 {
        self.words[self.at(entry) + word]
    }

    #[inline]
    fn set_word(&mut self, entry: u32, word: usize, value: u64) {
        let at = self.at(entry) + word;
        self.words[at] = value;
    }

    /// The first word, to prefetch.
    #[inline]
    pub(crate) fn place(&self, entry: u32) -> &u64 {
        &self.words[self.at(entry)]
    }

    /// Writes a new entry, its state all zero.
    pub(crate) fn reset(&mut self, entry: u32, hash: u32, key: &[u64], now_ns: u64) {
        let at = self.at(entry);
        let record = &mut self.words[at..at + self.stride];
        record.fill(0);
        record[0] = u64::from(hash);
        record[2] = now_ns;
        record[HEADER_WORDS..HEADER_WORDS + self.key_words].copy_from_slice(key);
    }

    /// Whether the entry has this hash and key.
    #[inline]
    pub(crate) fn matches(&self, entry: u32, hash: u32, key: &[u64]) -> bool {
        let at = self.at(entry);
        let stored = &self.words[at..at + HEADER_WORDS + self.key_words];
        // Word by word: a key has two or three, fewer than a call to compare memory is worth.
        stored[0] as u32 == hash && stored[HEADER_WORDS..].iter().zip(key).all(|(a, b)| a == b)
    }

    /// When its last packet came.
    #[inline]
    pub(crate) fn last_seen_ns(&self, entry: u32) -> u64 {
        self.word(entry, 2)
    }

    /// Sets it.
    #[inline]
    pub(crate) fn set_last_seen_ns(&mut self, entry: u32, now_ns: u64) {
        self.set_word(entry, 2, now_ns);
    }

    /// Where it is in its life.
    #[inline]
    pub(crate) fn stage(&self, entry: u32) -> Stage {
        match self.word(entry, 3) as u8 {
            0 => Stage::Tentative,
            1 => Stage::Live,
            _ => Stage::Expiring,
        }
    }

    /// Sets it.
    #[inline]
    pub(crate) fn set_stage(&mut self, entry: u32, stage: Stage) {
        let rest = self.word(entry, 3) & !0xFF;
        self.set_word(entry, 3, rest | stage as u64);
    }

    /// Its place in the burst of this number, if it has one there.
    #[inline]
    pub(crate) fn place_in_burst(&self, entry: u32, burst: u64) -> Option<u8> {
        let word = self.word(entry, 3);
        (word >> 16 == burst).then_some((word >> 8) as u8)
    }

    /// Sets it.
    #[inline]
    pub(crate) fn set_place_in_burst(&mut self, entry: u32, burst: u64, place: u8) {
        let stage = self.word(entry, 3) & 0xFF;
        self.set_word(entry, 3, stage | u64::from(place) << 8 | burst << 16);
    }

    /// Copies its state out; `to` has exactly the state's size.
    #[inline]
    pub(crate) fn load_state(&self, entry: u32, to: &mut [u8]) {
        let mut word = self.at(entry) + HEADER_WORDS + self.key_words;
        let (whole, rest) = to.as_chunks_mut::<8>();
        for bytes in whole {
            *bytes = self.words[word].to_le_bytes();
            word += 1;
        }
        if !rest.is_empty() {
            rest.copy_from_slice(&self.words[word].to_le_bytes()[..rest.len()]);
        }
    }

    /// Replaces its state; `from` has exactly the state's size.
    #[inline]
    pub(crate) fn store_state(&mut self, entry: u32, from: &[u8]) {
        let mut word = self.at(entry) + HEADER_WORDS + self.key_words;
        let (whole, rest) = from.as_chunks::<8>();
        for bytes in whole {
            self.words[word] = u64::from_le_bytes(*bytes);
            word += 1;
        }
        if !rest.is_empty() {
            let mut padded = [0; 8];
            padded[..rest.len()].copy_from_slice(rest);
            self.words[word] = u64::from_le_bytes(padded);
        }
    }
}

impl Links for Entries {
    #[inline]
    fn next(&self, entry: u32) -> u32 {
        (self.word(entry, 0) >> 32) as u32
    }

    #[inline]
    fn set_next(&mut self, entry: u32, next: u32) {
        let hash = self.word(entry, 0) & 0xFFFF_FFFF;
        self.set_word(entry, 0, hash | u64::from(next) << 32);
    }

    #[inline]
    fn hash(&self, entry: u32) -> u32 {
        self.word(entry, 0) as u32
    }
}

impl Order for Entries {
    #[inline]
    fn neighbours(&self, entry: u32) -> (u32, u32) {
        let word = self.word(entry, 1);
        (word as u32, (word >> 32) as u32)
    }

    #[inline]
    fn set_neighbours(&mut self, entry: u32, older: u32, younger: u32) {
        self.set_word(entry, 1, u64::from(older) | u64::from(younger) << 32);
    }
}
