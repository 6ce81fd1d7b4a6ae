//! How typed values lie in the bytes of a packet-set state or an aggregate-state cell.
//!
//! A struct's fields follow each other in their order, each at a multiple of its alignment (at
//! most 8), in little-endian order: a `u64` therefore is a word of a cell and can be added to. All
//! bytes zero are the value that everything has at first: 0, `false`, and structs and arrays of
//! them.

/// A value of fixed size; `#[derive(State)]` and `#[derive(Cell)]` write it for structs.
pub trait Stored: Sized {
    /// Bytes it takes.
    const SIZE: usize;
    /// What its place is a multiple of: 1, 2, 4 or 8.
    const ALIGN: usize;

    /// Reads it from the first [`Self::SIZE`] bytes.
    ///
    /// # Panics
    /// If there are fewer.
    fn load(bytes: &[u8]) -> Self;

    /// Writes it to the first [`Self::SIZE`] bytes.
    ///
    /// # Panics
    /// If there are fewer.
    fn store(&self, bytes: &mut [u8]);
}

/// Packet-set state; `#[derive(State)]` writes it. A new set's state is [`Stored::load`] of zeros.
pub trait State: Stored {}

impl State for () {}

/// Where a field of alignment `align` lies that follows `offset` bytes.
pub const fn place(offset: usize, align: usize) -> usize {
    offset.next_multiple_of(align)
}

macro_rules! stored_integers {
    ($($integer:ty, $align:literal;)*) => {$(
        impl Stored for $integer {
            const SIZE: usize = size_of::<$integer>();
            const ALIGN: usize = $align;

            #[inline]
            fn load(bytes: &[u8]) -> Self {
                let (bytes, _) = bytes.split_first_chunk().expect("as many bytes as SIZE says");
                <$integer>::from_le_bytes(*bytes)
            }

            #[inline]
            fn store(&self, bytes: &mut [u8]) {
                let (to, _) = bytes.split_first_chunk_mut().expect("as many bytes as SIZE says");
                *to = self.to_le_bytes();
            }
        }
    )*};
}

stored_integers! {
    u8, 1; u16, 2; u32, 4; u64, 8; u128, 8;
    i8, 1; i16, 2; i32, 4; i64, 8; i128, 8;
}

impl Stored for () {
    const SIZE: usize = 0;
    const ALIGN: usize = 1;

    #[inline]
    fn load(_: &[u8]) -> Self {}

    #[inline]
    fn store(&self, _: &mut [u8]) {}
}

impl Stored for bool {
    const SIZE: usize = 1;
    const ALIGN: usize = 1;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) {
        bytes[0] = u8::from(*self);
    }
}

impl<T: Stored, const N: usize> Stored for [T; N] {
    const SIZE: usize = N * place(T::SIZE, T::ALIGN);
    const ALIGN: usize = T::ALIGN;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        std::array::from_fn(|i| T::load(&bytes[i * place(T::SIZE, T::ALIGN)..]))
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) {
        for (i, item) in self.iter().enumerate() {
            item.store(&mut bytes[i * place(T::SIZE, T::ALIGN)..]);
        }
    }
}

macro_rules! stored_octets {
    ($($type:ty, $octets:literal;)*) => {$(
        impl Stored for $type {
            const SIZE: usize = $octets;
            const ALIGN: usize = 1;

            #[inline]
            fn load(bytes: &[u8]) -> Self {
                let (bytes, _) = bytes.split_first_chunk::<$octets>().expect("SIZE bytes");
                Self::from(*bytes)
            }

            #[inline]
            fn store(&self, bytes: &mut [u8]) {
                bytes[..$octets].copy_from_slice(&self.octets());
            }
        }
    )*};
}

stored_octets! {
    crate::wire::MacAddress, 6;
    std::net::Ipv4Addr, 4;
    std::net::Ipv6Addr, 16;
}

impl Stored for crate::clock::Time {
    const SIZE: usize = 8;
    const ALIGN: usize = 8;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        Self::from_ns(u64::load(bytes))
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) {
        self.ns().store(bytes);
    }
}
