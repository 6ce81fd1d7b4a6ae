//! The key of a packet set: header bytes in words, one cache line.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The most bytes a key has. Every field once, at IPv6, makes 49.
pub const KEY_BYTES_MAX: usize = 56;

/// Words of a key: seven for its bytes, the last for length and definition.
pub const KEY_WORDS: usize = WORDS + 1;

/// Words that hold a key's bytes.
pub(crate) const WORDS: usize = KEY_BYTES_MAX / 8;

/// A packet set's identity: the bytes of its key and the definition it belongs to. Keys are equal
/// if and only if both are.
///
/// The bytes stand in network order from the top of the first word; what is left of the last word
/// and the words behind it are 0. The last of the eight words holds length and definition, so
/// that comparing two keys is comparing 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub struct Key {
    words: [u64; KEY_WORDS],
}

impl Key {
    /// `words` has its last word free.
    #[inline]
    pub(crate) fn new(mut words: [u64; WORDS + 1], length: u8, definition: u8) -> Self {
        words[WORDS] = tag(length, definition);
        Self { words }
    }

    /// The key of these words, as [`Self::words`] gave them: of `byte_count` bytes, from 1 to
    /// [`KEY_BYTES_MAX`], and a definition; what `words` says of both is not looked at.
    #[inline]
    pub fn of_words(words: [u64; KEY_WORDS], byte_count: u8, definition: u8) -> Self {
        Self::new(words, byte_count, definition)
    }

    /// The index of the packet-set definition.
    #[inline]
    pub fn definition(&self) -> u8 {
        (self.words[WORDS] >> 8) as u8
    }

    /// How many bytes it has: 1 to [`KEY_BYTES_MAX`].
    #[inline]
    pub fn byte_count(&self) -> usize {
        (self.words[WORDS] & 0xff) as usize
    }

    /// Its words, the last with length and definition: for tables that store keys.
    #[inline]
    pub fn words(&self) -> &[u64; KEY_WORDS] {
        &self.words
    }

    /// Its bytes, of which the first [`Self::byte_count`] count; the others are 0.
    pub fn to_bytes(&self) -> [u8; KEY_BYTES_MAX] {
        let mut bytes = [0; KEY_BYTES_MAX];
        for (to, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.words) {
            *to = word.to_be_bytes();
        }
        bytes
    }

    /// A hash of 64 well-mixed bits for hash tables: two multiplications for a 5-tuple, and as
    /// many more as there are further words.
    ///
    /// The words are folded as in wyhash: 64 × 64 → 128 bits, halves combined. With a random
    /// `seed` whoever sends packets cannot aim at one bucket.
    #[inline]
    pub fn hash64(&self, seed: u64) -> u64 {
        let mut state = begin(self.words[0], self.words[1], self.words[WORDS], seed);
        if self.byte_count() > SHORT_KEY_BYTES_MAX {
            for pair in self.words[2..WORDS].chunks(2) {
                let second = pair.get(1).copied().unwrap_or(0);
                state = fold(state ^ pair[0] ^ A, second ^ seed ^ B);
            }
        }
        fold(state ^ B, seed ^ A)
    }
}

/// The most bytes of a [`ShortKey`].
pub const SHORT_KEY_BYTES_MAX: usize = 16;

/// A key of at most two words, without the six that would be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortKey {
    words: [u64; 2],
    last: u64,
}

impl ShortKey {
    /// Its bytes and its [`tag`], by which they are at most [`SHORT_KEY_BYTES_MAX`].
    #[inline]
    pub(crate) fn new(words: [u64; 2], tag: u64) -> Self {
        Self { words, last: tag }
    }

    /// Length and definition, in the low 16 bits: the last of [`Key::words`].
    #[inline]
    pub fn tag(&self) -> u64 {
        self.last
    }

    /// The first two of [`Key::words`]; length and definition are not among them.
    #[inline]
    pub fn words(&self) -> &[u64; 2] {
        &self.words
    }

    /// [`Key::hash64`].
    #[inline]
    pub fn hash64(&self, seed: u64) -> u64 {
        fold(begin(self.words[0], self.words[1], self.last, seed) ^ B, seed ^ A)
    }
}

impl From<ShortKey> for Key {
    fn from(key: ShortKey) -> Self {
        let [first, second] = key.words;
        Self { words: [first, second, 0, 0, 0, 0, 0, key.last] }
    }
}

const A: u64 = 0x9e37_79b9_7f4a_7c15;
const B: u64 = 0xe703_7ed1_a0b4_28db;

/// The last word of a key: its length and its definition.
#[inline]
pub(crate) fn tag(length: u8, definition: u8) -> u64 {
    u64::from(length) | u64::from(definition) << 8
}

#[inline]
fn begin(first: u64, second: u64, last: u64, seed: u64) -> u64 {
    fold(first ^ seed ^ A, second ^ last ^ B)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash64(0));
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.definition())?;
        self.to_bytes()[..self.byte_count()].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u64, length: u8, definition: u8) -> Key {
        let mut words = [0; WORDS + 1];
        words[0] = first;
        Key::new(words, length, definition)
    }

    #[test]
    fn a_key_is_one_cache_line() {
        assert_eq!((size_of::<Key>(), align_of::<Key>()), (64, 64));
    }

    #[test]
    fn length_and_definition_tell_keys_apart() {
        let one = key(0x0102 << 48, 2, 0);
        assert_eq!(one, key(0x0102 << 48, 2, 0));
        assert_ne!(one, key(0x0102 << 48, 3, 0));
        assert_ne!(one, key(0x0102 << 48, 2, 1));
        assert_ne!(one.hash64(0), key(0x0102 << 48, 2, 1).hash64(0));
        assert_eq!(one.to_bytes()[..3], [1, 2, 0]);
        assert_eq!(format!("{one:?}"), "0:0102");
        assert_eq!((one.byte_count(), one.definition()), (2, 0));
    }

    #[test]
    fn every_bit_of_a_key_moves_its_hash_and_so_does_the_seed() {
        for length in [13, 37, 56] {
            let words = [0; WORDS + 1];
            let base = Key::new(words, length, 0).hash64(7);
            assert_ne!(base, Key::new(words, length, 0).hash64(8));
            for bit in 0..usize::from(length) * 8 {
                let mut words = words;
                words[bit / 64] |= 1 << (63 - bit % 64);
                let moved = (Key::new(words, length, 0).hash64(7) ^ base).count_ones();
                assert!((12..=52).contains(&moved), "{length} {bit}: {moved}");
            }
        }
    }
}
