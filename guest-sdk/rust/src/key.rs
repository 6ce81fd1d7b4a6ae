//! Keys of maps: up to 64 bytes in network order, without gaps.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::MacAddress;

/// A value with a fixed number of bytes in network order; `#[derive(Key)]` writes it for structs,
/// whose fields follow each other without gaps.
pub trait Key {
    /// Bytes it takes; of a key of a map at most 64.
    const SIZE: usize;
    /// Whether its bytes lie in memory as they are to be handed over, so that a map passes them
    /// from there. Of a key that is put together of fields it passes a copy in whole words.
    const LIES_READY: bool = false;

    /// Writes it to the first [`Self::SIZE`] bytes.
    ///
    /// # Panics
    /// If there are fewer.
    fn write(&self, bytes: &mut [u8]);

    /// From what [`Self::write`] has written.
    ///
    /// # Panics
    /// If there are fewer bytes.
    fn read(bytes: &[u8]) -> Self;

    /// Hands the bytes to `use_it`. For types in which they lie ready this copies nothing.
    fn with_bytes<R>(&self, use_it: impl FnOnce(&[u8]) -> R) -> R;
}

/// Hands over the bytes of a key of a map, those of a short one stored in whole words unless they
/// lie ready.
///
/// A host loads a short key in large pieces at once. Where its fields are stored one by one, such a
/// load has to wait until they are out of the processor's store buffer.
#[inline]
pub(crate) fn in_words<K: Key, R>(key: &K, use_it: impl FnOnce(&[u8]) -> R) -> R {
    match K::SIZE {
        0..=8 if !K::LIES_READY => use_it(&words_of::<K, 1>(key).as_flattened()[..K::SIZE]),
        9..=16 if !K::LIES_READY => use_it(&words_of::<K, 2>(key).as_flattened()[..K::SIZE]),
        _ => key.with_bytes(use_it),
    }
}

/// The bytes of a key with zeroes behind them. By way of integers, so that they are put together
/// in registers.
#[inline]
fn words_of<K: Key, const N: usize>(key: &K) -> [[u8; 8]; N] {
    let mut bytes = [[0; 8]; N];
    key.write(bytes.as_flattened_mut());
    bytes.map(|word| u64::from_le_bytes(word).to_le_bytes())
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("as many bytes as `write` takes")
}

macro_rules! integer_keys {
    ($($integer:ty)*) => {$(
        impl Key for $integer {
            const SIZE: usize = size_of::<$integer>();

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                bytes[..Self::SIZE].copy_from_slice(&self.to_be_bytes());
            }

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                Self::from_be_bytes(first(bytes))
            }

            #[inline]
            fn with_bytes<R>(&self, use_it: impl FnOnce(&[u8]) -> R) -> R {
                use_it(&self.to_be_bytes())
            }
        }
    )*};
}

integer_keys! { u8 u16 u32 u64 u128 }

macro_rules! octet_keys {
    ($($type:ty, $octets:literal;)*) => {$(
        impl Key for $type {
            const SIZE: usize = $octets;

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                bytes[..$octets].copy_from_slice(&self.octets());
            }

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                Self::from(first::<$octets>(bytes))
            }

            #[inline]
            fn with_bytes<R>(&self, use_it: impl FnOnce(&[u8]) -> R) -> R {
                use_it(&self.octets())
            }
        }
    )*};
}

octet_keys! {
    MacAddress, 6;
    Ipv4Addr, 4;
    Ipv6Addr, 16;
}

impl<const N: usize> Key for [u8; N] {
    const SIZE: usize = N;
    const LIES_READY: bool = true;

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        bytes[..N].copy_from_slice(self);
    }

    #[inline]
    fn read(bytes: &[u8]) -> Self {
        first(bytes)
    }

    #[inline]
    fn with_bytes<R>(&self, use_it: impl FnOnce(&[u8]) -> R) -> R {
        use_it(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<K: Key>(key: &K, bytes: &[u8]) {
        in_words(key, |words| assert_eq!(words, bytes));
        key.with_bytes(|same| assert_eq!(same, bytes));
    }

    #[test]
    fn a_key_in_words_is_its_bytes() {
        check(&0x12u8, &[0x12]);
        check(&0x1234_5678u32, &[0x12, 0x34, 0x56, 0x78]);
        check(&MacAddress::new([1, 2, 3, 4, 5, 6]), &[1, 2, 3, 4, 5, 6]);
        check(&u64::MAX, &[0xff; 8]);
        check(&[7; 9], &[7; 9]);
        check(&1u128, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        check(&[9; 17], &[9; 17]);
    }
}
