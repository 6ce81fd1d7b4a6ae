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
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        Self { secrets: std::array::from_fn(|_| split_mix(&mut state) | 1) }
    }

    #[inline]
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
}

/// Up to eight bytes as a number.
#[inline(always)]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    if let Ok(whole) = bytes.try_into() {
        return u64::from_le_bytes(whole);
    }
    let mut word = 0;
    for (i, byte) in bytes.iter().enumerate() {
        word |= u64::from(*byte) << (8 * i);
    }
    word
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
