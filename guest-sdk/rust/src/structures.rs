//! Aggregate state: the structures that every worker shares, opened by name in `init`.
//!
//! A handler sees them as if it ran alone. What each operation *observes* is what may make the
//! host run the handler again; the rest conflicts with nobody.

use std::marker::PhantomData;
use std::time::Duration;

use crate::cell::{Cell, Word};
use crate::clock::{Time, nanoseconds};
use crate::host;
use crate::key::{self, Key};

pub use crate::host::{Hashing, Merge};

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

    /// As [`Self::open`], with a choice of the hash. [`Self::open`] takes the keyed one, so that
    /// nobody can send keys that collide.
    pub fn open_with(name: &str, capacity: u32, hashing: Hashing) -> Self {
        const { assert!(K::SIZE >= 1 && K::SIZE <= 64, "a key has 1 to 64 bytes") };
        let handle = host::Map::open_with(name, (capacity, K::SIZE as u32), hashing);
        Self { handle, of: PhantomData }
    }

    /// The value of a key: an observation of this key alone.
    #[inline]
    pub fn get(&self, key: &K) -> Option<V> {
        key::in_words(key, |key| self.handle.get(key)).map(V::from_words)
    }

    /// Gives the key a value, whether or not it had one.
    #[inline]
    pub fn set(&self, key: &K, value: &V) -> SetOutcome {
        match key::in_words(key, |key| self.handle.set(key, value.to_words())) {
            true => SetOutcome::Ok,
            false => SetOutcome::Full,
        }
    }

    /// Removes the key and answers whether it was there: an observation of this key alone.
    #[inline]
    pub fn remove(&self, key: &K) -> bool {
        key::in_words(key, |key| self.handle.remove(key))
    }

    /// How many keys there are: an observation of every insertion and removal.
    #[allow(clippy::len_without_is_empty, reason = "it would observe no less")]
    pub fn len(&self) -> u32 {
        self.handle.len()
    }

    /// All entries, each once, in no order that is specified: an observation of all of them. So a
    /// handler that also changes something runs again when any of them changes meanwhile; one that
    /// only looks never does. The handler ends here beyond about 60,000 entries.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> {
        let mut place = 0;
        std::iter::from_fn(move || {
            let entry = self.next(place)?;
            place = entry.next;
            Some((entry.key, entry.value))
        })
    }

    /// The first entry at or behind a place, 0 at first and then [`Entry::next`]: for going through
    /// a map a piece at a time. From one event to the next, entries that are inserted or removed in
    /// between may be passed by or met twice. An observation of what it comes by.
    pub fn next(&self, place: u64) -> Option<Entry<K, V>> {
        let host::MapEntry { key, value, next, .. } = self.handle.next(place)?;
        Some(Entry { key: K::read(&key), value: V::from_words(value), next })
    }
}

/// An entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The place behind it.
    pub next: u64,
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

/// One cell for each worker, which it changes as it likes, and which are merged in a way of your
/// own: by any function of two that gives the same in whatever order it is applied, and for which
/// a part of zeroes is neutral.
///
/// ```
/// # use nfos::prelude::*;
/// /// The longest frame so far, with its port.
/// #[derive(Cell)]
/// struct Longest {
///     bytes: u64,
///     port: u16,
/// }
///
/// fn note(longest: &Parts<Longest>, packet: &Packet) {
///     let bytes = u64::from(packet.wire_length());
///     if bytes > longest.own().bytes {
///         longest.set(&Longest { bytes, port: packet.port() });
///     }
/// }
///
/// fn read(longest: &Parts<Longest>) -> Longest {
///     longest.read(|a, b| if a.bytes >= b.bytes { a } else { b })
/// }
/// # fn main() {}
/// ```
pub struct Parts<T> {
    handle: host::Distributed,
    of: PhantomData<fn() -> T>,
}

impl<T: Cell> Parts<T> {
    /// Opens the object `name`, whose parts are all zero at first and whose merged value may be up
    /// to `staleness` old when it is read. In `init` only.
    pub fn open(name: &str, staleness: Duration) -> Self {
        let handle = host::Distributed::open_parts(name, nanoseconds(staleness));
        Self { handle, of: PhantomData }
    }

    /// This worker's part. Conflicts with nobody.
    #[inline]
    pub fn own(&self) -> T {
        T::from_words(self.handle.own_part())
    }

    /// Replaces this worker's part. Conflicts with nobody but those who merge.
    #[inline]
    pub fn set(&self, part: &T) {
        self.handle.set_part(part.to_words());
    }

    /// The merged value: an observation of all parts, unless one within the staleness is at hand.
    pub fn read(&self, merge: impl FnMut(T, T) -> T) -> T {
        if let Some(merged) = self.handle.published() {
            return T::from_words(merged);
        }
        let parts = (0..self.handle.parts()).map(|index| T::from_words(self.handle.part(index)));
        let merged = parts.reduce(merge).unwrap_or_else(|| T::from_words([0; 6]));
        self.handle.publish(merged.to_words());
        merged
    }
}
