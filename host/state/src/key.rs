//! Keys of maps: up to 64 bytes, kept with their hash for as long as a burst lasts.

use nfos_stm::{CellId, WORDS};

use crate::conflict::KeyBytes;
use crate::effects::Tx;
use crate::hash::{Hasher, word};

/// The most bytes of a key.
pub const KEY_BYTES_MAX: usize = 64;

/// Keys that fit a single cell beside their length.
const ONE_CELL: u32 = 8 * (WORDS as u32 - 1);

/// Words of the longest key, and one for its length, rounded up to whole cells.
const KEY_WORDS: usize = 2 * WORDS;

/// A key as its cells hold it: the length, then the bytes, little-endian words, zero-padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) hash: u64,
    pub(crate) words: [u64; KEY_WORDS],
}

impl Key {
    /// `bytes` must be at most [`KEY_BYTES_MAX`].
    #[inline(always)]
    pub(crate) fn new(hash: u64, bytes: &[u8]) -> Self {
        let mut words = [0; KEY_WORDS];
        words[0] = bytes.len() as u64;
        let (mut left, mut place) = (bytes, 1);
        while let Some((whole, rest)) = left.split_first_chunk() {
            words[place] = u64::from_le_bytes(*whole);
            (left, place) = (rest, place + 1);
        }
        if !left.is_empty() {
            words[place] = word(left);
        }
        Self { hash, words }
    }

    /// The bytes, padded with zeroes, and how many they are, of what a slot's key cells hold.
    pub(crate) fn bytes_of(cells: &[[u64; WORDS]]) -> ([u8; KEY_BYTES_MAX], u32) {
        let words = cells.as_flattened();
        let mut bytes = [0; KEY_BYTES_MAX];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&words[1..]) {
            *place = word.to_le_bytes();
        }
        (bytes, words[0] as u32)
    }

    /// The same of a key.
    pub(crate) fn bytes(&self) -> ([u8; KEY_BYTES_MAX], u32) {
        let (cells, _) = self.words.as_chunks::<WORDS>();
        Self::bytes_of(cells)
    }

    /// By value, for a record.
    pub(crate) fn record(&self) -> KeyBytes {
        let (bytes, length) = self.bytes();
        KeyBytes::new(bytes, length)
    }

    /// Cells that keys of up to `key_size` bytes need.
    pub(crate) fn cells(key_size: u32) -> u32 {
        if key_size <= ONE_CELL { 1 } else { 2 }
    }

    /// Whether it is the same key.
    #[inline(always)]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.hash == other.hash && self.words == other.words
    }

    /// Whether this is the content of the key's cell number `cell`. Word by word: a comparison of
    /// memory would wait until the content is stored there.
    #[inline(always)]
    pub(crate) fn is_in(&self, cell: u32, content: &[u64; WORDS]) -> bool {
        let own = &self.words.as_chunks::<WORDS>().0[cell as usize];
        let mut differing = 0;
        for (word, held) in own.iter().zip(content) {
            differing |= word ^ held;
        }
        differing == 0
    }

    /// The content of the key's cell number `cell`.
    #[inline(always)]
    pub(crate) fn cell(&self, cell: u32) -> [u64; WORDS] {
        self.words.as_chunks::<WORDS>().0[cell as usize]
    }
}

/// What a search compares: a key's hash, and what a slot holds of it.
pub(crate) trait Sought {
    /// Of its bytes.
    fn hash(&self) -> u64;
    /// Whether a key that fits one cell is in this one, as it is committed. `None`: someone is at
    /// the cell.
    fn is_committed(&self, tx: &Tx, cell: CellId) -> Option<bool>;
}

impl Sought for Key {
    #[inline(always)]
    fn hash(&self) -> u64 {
        self.hash
    }

    #[inline(always)]
    fn is_committed(&self, tx: &Tx, cell: CellId) -> Option<bool> {
        let (content, _) = tx.peek_committed(cell)?;
        Some(self.is_in(0, &content))
    }
}

/// A key of up to sixteen bytes, such as addresses with ports, on its way through a search: three
/// words, which stay in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortKey {
    hash: u64,
    length: u64,
    words: [u64; 2],
}

impl ShortKey {
    /// `None`: it is longer.
    #[inline(always)]
    pub(crate) fn new(hasher: &Hasher, bytes: &[u8]) -> Option<Self> {
        let words = match bytes.split_first_chunk() {
            None => [word(bytes), 0],
            Some((first, rest)) if rest.len() <= 8 => [u64::from_le_bytes(*first), word(rest)],
            Some(_) => return None,
        };
        // From the words at hand, and not from the bytes once more.
        let hash = hasher.hash_short(words, bytes.len());
        Some(Self { hash, length: bytes.len() as u64, words })
    }

    /// As cells hold it.
    #[inline(always)]
    pub(crate) fn whole(&self) -> Key {
        let mut words = [0; KEY_WORDS];
        (words[0], words[1], words[2]) = (self.length, self.words[0], self.words[1]);
        Key { hash: self.hash, words }
    }

    /// Whether a cell that begins so holds it: of a key of this length the words behind are 0.
    #[inline(always)]
    pub(crate) fn is_in(&self, [length, first, second]: [u64; 3]) -> bool {
        (length ^ self.length) | (first ^ self.words[0]) | (second ^ self.words[1]) == 0
    }
}

impl Sought for ShortKey {
    #[inline(always)]
    fn hash(&self) -> u64 {
        self.hash
    }

    #[inline(always)]
    fn is_committed(&self, tx: &Tx, cell: CellId) -> Option<bool> {
        let (content, _) = tx.peek_committed(cell)?;
        Some(self.is_in(content))
    }
}

/// The keys that a burst's predicates and actions refer to.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    const LIMIT: usize = 65_536;

    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(Self::LIMIT))
    }

    /// Keeps a key; `None` if there are too many.
    #[inline(always)]
    pub(crate) fn keep(&mut self, key: &Key) -> Option<u32> {
        if self.0.len() == Self::LIMIT {
            return None;
        }
        self.0.push(*key);
        Some(self.0.len() as u32 - 1)
    }

    #[inline(always)]
    pub(crate) fn key(&self, number: u32) -> &Key {
        &self.0[number as usize]
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_where_the_whole_key_is() {
        let bytes: Vec<u8> = (1..=16).collect();
        let mut keys: Vec<Vec<u8>> = (0..=16).map(|length| bytes[..length].to_vec()).collect();
        for length in 1..=16 {
            // As long, but for the last byte; and with a zero more, as padding looks.
            keys.push([&bytes[..length - 1], &[0]].concat());
        }
        let hasher = Hasher::new(7);
        for sought in &keys {
            let whole = Key::new(hasher.hash(sought), sought);
            let short = ShortKey::new(&hasher, sought).expect("of at most 16 bytes");
            for held in &keys {
                let content = Key::new(5, held).cell(0);
                assert_eq!(
                    short.is_in([content[0], content[1], content[2]]),
                    sought == held,
                    "{sought:?} {held:?}"
                );
                assert_eq!(whole.is_in(0, &content), sought == held, "{sought:?} {held:?}");
                assert_eq!(short.whole(), whole);
            }
        }
        assert!(ShortKey::new(&hasher, &[0; 17]).is_none());
    }
}
