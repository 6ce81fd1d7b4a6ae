//! The keyed hash of maps.
//!
//! Folded 64 × 64 → 128 bit multiplications, 16 bytes at a time. Both factors are mixed with
//! secrets from the seed, so that who does not know it cannot compute keys that collide. It is not
//! a cryptographic hash.

/// A seed, spread over the secrets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher {
    secrets: [u64; 3],
}

impl Hasher {
    /// The seed of maps that hash alike in every run.
    pub(crate) const PLAIN: u64 = 0;

    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        Self { secrets: std::array::from_fn(|_| split_mix(&mut state) | 1) }
    }

    #[inline(always)]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let [first, second, last] = self.secrets;
        let mut hash = first;
        let mut left = key;
        while let Some((block, rest)) = left.split_first_chunk::<16>() {
            hash = fold(word(&block[..8]) ^ hash, word(&block[8..]) ^ second);
            left = rest;
        }
        let (low, high) = match left.len() {
            0 => (0, 0),
            1..8 => (word(left), 0),
            _ => (word(&left[..8]), word(&left[8..])),
        };
        // The length apart: xored to the bytes, a shorter key could make up for it.
        fold(fold(low ^ hash, high ^ second), last ^ key.len() as u64)
    }

    /// The same of a key of up to sixteen bytes, as two words.
    #[inline(always)]
    pub(crate) fn hash_short(&self, [low, high]: [u64; 2], length: usize) -> u64 {
        let [first, second, last] = self.secrets;
        let mut hash = fold(low ^ first, high ^ second);
        if length == 16 {
            // A whole block, and nothing behind it.
            hash = fold(hash, second);
        }
        fold(hash, last ^ length as u64)
    }
}

/// Up to eight bytes as a number, little-endian.
#[inline(always)]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    if let Ok(whole) = bytes.try_into() {
        return u64::from_le_bytes(whole);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Four bytes from either end, which have the middle in common.
        let (low, high) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        let beyond = u64::from(high) << 32 >> (8 * (8 - bytes.len() as u32));
        return u64::from(low) | beyond & !u64::from(u32::MAX);
    }
    match *bytes {
        [first, .., last] => {
            let middle = u64::from(bytes[bytes.len() / 2]) << (8 * (bytes.len() / 2));
            u64::from(first) | middle | u64::from(last) << (8 * (bytes.len() - 1))
        }
        [only] => u64::from(only),
        [] => 0,
    }
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_word_is_its_bytes_with_zeroes_above() {
        let bytes = [0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x97, 0x88];
        for length in 0..=8 {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(word(&bytes[..length]), u64::from_le_bytes(padded), "{length}");
        }
    }

    #[test]
    fn every_length_byte_and_seed_matters() {
        let mut seen = HashSet::new();
        for seed in 0..4 {
            let hasher = Hasher::new(seed);
            for length in 0..=64 {
                let mut key = vec![0; length];
                assert!(seen.insert(hasher.hash(&key)));
                for i in 0..length {
                    key[i] = 1;
                    assert!(seen.insert(hasher.hash(&key)), "byte {i} of {length}");
                    key[i] = 0;
                }
            }
        }
    }

    #[test]
    fn consecutive_keys_spread_over_the_low_bits() {
        let hasher = Hasher::new(7);
        let mut buckets = [0; 256];
        for key in 0..25_600u32 {
            buckets[hasher.hash(&key.to_le_bytes()) as usize & 255] += 1;
        }
        assert!(buckets.iter().all(|&n| (50..160).contains(&n)), "{buckets:?}");
    }
}
