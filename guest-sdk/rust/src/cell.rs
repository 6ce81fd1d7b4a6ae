//! Cells, the unit of aggregate state: six words, seen as the struct that the author declares.

use std::marker::PhantomData;

use crate::layout::Stored;

/// Words of a cell.
pub const WORDS: usize = 6;

/// A cell as it crosses.
pub type Words = [u64; WORDS];

/// A value that fits a cell, 48 bytes; `#[derive(Cell)]` writes it for structs, with a [`Word`]
/// for each `u64` of the struct, named like the field in capitals.
pub trait Cell: Stored {
    /// From the words.
    #[inline]
    fn from_words(words: Words) -> Self {
        let mut bytes = [0; WORDS * 8];
        for (at, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *at = word.to_le_bytes();
        }
        Self::load(&bytes)
    }

    /// To the words; those that it does not reach are 0.
    #[inline]
    fn to_words(&self) -> Words {
        let mut bytes = [0; WORDS * 8];
        self.store(&mut bytes);
        let mut words = [0; WORDS];
        for (word, at) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*at);
        }
        words
    }
}

impl Cell for u64 {}
impl Cell for [u64; WORDS] {}
impl Cell for [u8; WORDS * 8] {}
impl Cell for () {}
impl Cell for crate::clock::Time {}
impl Cell for crate::wire::MacAddress {}
impl Cell for std::net::Ipv4Addr {}
impl Cell for std::net::Ipv6Addr {}

/// A word of the cells that hold a `T`: what can be added to without being read.
pub struct Word<T> {
    index: u8,
    of: PhantomData<fn(T)>,
}

impl<T> Word<T> {
    /// The word that begins `offset` bytes into the cell.
    ///
    /// # Panics
    /// If no word does, while the network function is compiled.
    pub const fn at(offset: usize) -> Self {
        assert!(offset.is_multiple_of(8) && offset < WORDS * 8, "a word begins at a multiple of 8");
        Self { index: (offset / 8) as u8, of: PhantomData }
    }

    /// Its place in the cell.
    #[inline]
    pub const fn index(self) -> u8 {
        self.index
    }
}

impl<T> Clone for Word<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Word<T> {}

impl Word<u64> {
    /// The only word of a cell that holds a number.
    pub const ONLY: Self = Self::at(0);
}
