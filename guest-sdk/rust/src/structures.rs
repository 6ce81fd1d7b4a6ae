//! Aggregate state: the structures that every worker shares, opened by name in `init`.
//!
//! A handler sees them as if it ran alone. What each operation *observes* is what may make the
//! host run the handler again; the rest conflicts with nobody.

use std::marker::PhantomData;
use std::time::Duration;

use crate::cell::{Cell, Word};
use crate::clock::{Time, nanoseconds};
use crate::host;
use crate::key::Key;

pub use crate::host::Merge;

/// An array of cells of fixed length.
pub struct Vector<T> {
    handle: host::Vector,
    of: PhantomData<fn() -> T>,
}

impl<T: Cell> Vector<T> {
    /// Opens the vector `name` with `length` cells, all zero at first. In `init` only.
    pub fn open(name: &str, length: u32) -> Self {
        Self { handle: host::Vector::open(name, length), of: PhantomData }
    }

    /// The cell `index`: an observation.
    ///
    /// The handler ends here if `index` is not below the length; so with all that take one.
    #[inline]
    pub fn read(&self, index: impl Into<u32>) -> T {
        T::from_words(self.handle.read(index.into()))
    }

    /// Replaces the cell `index`.
    #[inline]
    pub fn write(&self, index: impl Into<u32>, value: &T) {
        self.handle.write(index.into(), value.to_words());
    }

    /// Adds to a word of the cell `index`, modulo 2^64, without observing it.
    #[inline]
    pub fn add(&self, index: impl Into<u32>, word: Word<T>, delta: i64) {
        self.handle.add(index.into(), word.index(), delta);
    }
}

/// Whether a map took a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SetOutcome {
    /// The key has the value.
    Ok,
    /// The key was absent and there is no room for it.
    Full,
}

/// A map from short keys to cells.
pub struct Map<K, V> {
    handle: host::Map,
    of: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Cell> Map<K, V> {
    /// Opens the map `name` with room for `capacity` keys. In `init` only.
    pub fn open(name: &str, capacity: u32) -> Self {
        const { assert!(K::SIZE >= 1 && K::SIZE <= 64, "a key has 1 to 64 bytes") };
        Self { handle: host::Map::open(name, capacity, K::SIZE as u32), of: PhantomData }
    }

    /// The value of a key: an observation of this key alone.
    #[inline]
    pub fn get(&self, key: &K) -> Option<V> {
        key.with_bytes(|key| self.handle.get(key)).map(V::from_words)
    }

    /// Gives the key a value, whether or not it had one.
    #[inline]
    pub fn set(&self, key: &K, value: &V) -> SetOutcome {
        match key.with_bytes(|key| self.handle.set(key, value.to_words())) {
            true => SetOutcome::Ok,
            false => SetOutcome::Full,
        }
    }

    /// Removes the key and answers whether it was there: an observation of this key alone.
    #[inline]
    pub fn remove(&self, key: &K) -> bool {
        key.with_bytes(|key| self.handle.remove(key))
    }
}

/// A lease whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiredLease {
    /// The id, still held: free or refresh it in the same event.
    pub id: u32,
    /// When it ran out.
    pub deadline: Time,
}

/// A set of ids handed out for a time.
pub struct Allocator {
    handle: host::Allocator,
}

impl Allocator {
    /// Opens the allocator `name` of the ids from 0 to `capacity - 1`. A refresh that would move
    /// a deadline by less than `refresh_interval` is skipped. In `init` only.
    pub fn open(name: &str, capacity: u32, refresh_interval: Duration) -> Self {
        Self { handle: host::Allocator::open(name, capacity, nanoseconds(refresh_interval)) }
    }

    /// Takes a free id for `duration` from now on; `None` if no id is left anywhere.
    #[inline]
    pub fn allocate(&self, duration: Duration) -> Option<u32> {
        self.handle.allocate(nanoseconds(duration))
    }

    /// Keeps the lease for `duration` from now on at least. Answers whether the id was held.
    #[inline]
    pub fn refresh(&self, id: u32, duration: Duration) -> bool {
        self.handle.refresh(id, nanoseconds(duration))
    }

    /// Gives the id back. The handler ends here if it is not held.
    #[inline]
    pub fn free(&self, id: u32) {
        self.handle.free(id);
    }

    /// Whether the id is held and its deadline has not passed: an observation.
    #[inline]
    pub fn is_live(&self, id: u32) -> bool {
        self.handle.is_live(id)
    }

    /// One lease whose deadline has passed: an observation.
    #[inline]
    pub fn next_expired(&self) -> Option<ExpiredLease> {
        let (id, deadline_ns) = self.handle.next_expired()?;
        Some(ExpiredLease { id, deadline: Time::from_ns(deadline_ns) })
    }
}

/// A cell whose words say how the workers' parts are merged; `#[derive(Cell)]` writes it where
/// each field has a `#[merge(…)]` of `sum`, `max`, `min` or `or`.
pub trait Merged: Cell {
    /// One per word.
    const MERGES: &'static [Merge];
}

/// One cell that every worker updates on its own and reads merged.
pub struct Distributed<T> {
    handle: host::Distributed,
    of: PhantomData<fn() -> T>,
}

impl<T: Merged> Distributed<T> {
    /// Opens the object `name`, whose merged value may be up to `staleness` old when it is read.
    /// In `init` only.
    pub fn open(name: &str, staleness: Duration) -> Self {
        let handle = host::Distributed::open(name, T::MERGES, nanoseconds(staleness));
        Self { handle, of: PhantomData }
    }

    /// Adds to a word of this worker's part, or takes the greatest, the least or the union.
    #[inline]
    pub fn update(&self, word: Word<T>, operand: i64) {
        self.handle.update(word.index(), operand);
    }

    /// The merged value: an observation of all parts, unless one within the staleness is at hand.
    #[inline]
    pub fn read(&self) -> T {
        T::from_words(self.handle.read())
    }
}
