//! Keys of maps: up to 64 bytes in network order, without gaps.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::MacAddress;

/// A value with a fixed number of bytes in network order; `#[derive(Key)]` writes it for structs,
/// whose fields follow each other without gaps.
pub trait Key {
    /// Bytes it takes; of a key of a map at most 64.
    const SIZE: usize;

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
