//! A map whose entries go when they are not refreshed: stations, mappings, servers.
//!
//! Three structures make it up. A map leads from the key to a lease and a value; an allocator
//! hands the leases out, so that there is room for as many entries as there are leases; and a
//! vector has a record per lease that names its key, so that a lease which has run out leads back
//! to its entry. Keys, records and held leases are one to one: [`LeasedMap::insert`] and
//! [`LeasedMap::remove`] keep them so, and nothing else changes any of the three. A lease may also
//! rest for a while before another entry gets it: [`LeasedMap::retire`].
//!
//! Nothing goes by itself: until [`LeasedMap::next_expired`] has found an entry and it has been
//! removed, it is there and may still be refreshed.

use std::time::Duration;

use crate::cell::Cell;
use crate::key::Key;
use crate::layout::{Stored, place};
use crate::structures::{Allocator, ExpiredLease, Map, Vector};

/// What the record of a lease must tell: whose lease it is.
pub trait NamesKey<K> {
    /// The key of the entry.
    fn key(&self) -> K;
}

impl<K: Key + Clone> NamesKey<K> for K {
    #[inline]
    fn key(&self) -> K {
        self.clone()
    }
}

/// A value with its lease: what the map leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased<V> {
    /// The lease, below the capacity.
    pub lease: u32,
    /// The value.
    pub value: V,
}

/// A map with leases.
///
/// `K` is the key. `V` is what a look-up by key gives beside the lease, and what every look-up
/// observes; `R` is the record of a lease, found without the key. A record that is just the key
/// is the default; one with more in it implements [`NamesKey`].
pub struct LeasedMap<K, V, R = K> {
    entries: Map<K, Leased<V>>,
    leases: Allocator,
    records: Vector<R>,
}

impl<K: Key, V: Stored, R: Cell + NamesKey<K>> LeasedMap<K, V, R> {
    /// Opens the map `name`, the allocator `name_leases` and the vector `name_records`, with room
    /// for `capacity` entries. A refresh that would move a deadline by less than
    /// `refresh_interval` is skipped. In `init` only.
    ///
    /// # Panics
    /// If the lease and a `V` are more than a cell holds, while the network function is compiled.
    pub fn open(name: &str, capacity: u32, refresh_interval: Duration) -> Self {
        Self {
            entries: Map::open(name, capacity),
            leases: Allocator::open(&format!("{name}_leases"), capacity, refresh_interval),
            records: Vector::open(&format!("{name}_records"), capacity),
        }
    }

    /// The entry of a key: an observation of this key alone.
    #[inline]
    pub fn get(&self, key: &K) -> Option<Leased<V>> {
        self.entries.get(key)
    }

    /// Makes an entry for `duration` from now on and answers its lease; `None` if no lease is
    /// left anywhere. The key must have no entry: [`Self::get`] has just answered so.
    #[inline]
    pub fn insert(&self, record: &R, value: V, duration: Duration) -> Option<u32> {
        let lease = self.leases.allocate(duration)?;
        self.store(lease, record, value);
        Some(lease)
    }

    /// As [`Self::insert`], with a record that is made from what the lease had before: all zero at
    /// first, then whatever was last written. So a record can tell one holder of its lease from
    /// the next.
    #[inline]
    pub fn insert_with(
        &self,
        value: V,
        duration: Duration,
        record: impl FnOnce(R) -> R,
    ) -> Option<u32> {
        let lease = self.leases.allocate(duration)?;
        self.store(lease, &record(self.records.read(lease)), value);
        Some(lease)
    }

    #[inline]
    fn store(&self, lease: u32, record: &R, value: V) {
        // There is room for as many keys as there are leases: "full" is the answer only in a run
        // that the host throws away.
        let _ = self.entries.set(&record.key(), &Leased { lease, value });
        self.records.write(lease, record);
    }

    /// Gives the key of an entry another value. Conflicts with everybody who looked the key up.
    #[inline]
    pub fn set(&self, key: &K, entry: &Leased<V>) {
        // A key that has an entry has room.
        let _ = self.entries.set(key, entry);
    }

    /// Keeps an entry for `duration` from now on at least; conflicts with nobody but its removal.
    #[inline]
    pub fn refresh(&self, lease: u32, duration: Duration) {
        self.leases.refresh(lease, duration);
    }

    /// The record of a lease: an observation. All zero if the lease was never held; of a lease
    /// that is not held any more, whatever was last written.
    #[inline]
    pub fn record(&self, lease: u32) -> R {
        self.records.read(lease)
    }

    /// Replaces the record of a lease by one of the same key.
    #[inline]
    pub fn write_record(&self, lease: u32, record: &R) {
        self.records.write(lease, record);
    }

    /// One lease that has run out, with its record: an observation. In the same event either
    /// [`Self::remove`] its entry or [`Self::refresh`] it.
    #[inline]
    pub fn next_expired(&self) -> Option<(ExpiredLease, R)> {
        let expired = self.leases.next_expired()?;
        Some((expired, self.records.read(expired.id)))
    }

    /// Removes an entry and gives its lease back. The handler ends here if the lease is not held.
    #[inline]
    pub fn remove(&self, lease: u32, key: &K) {
        self.entries.remove(key);
        self.leases.free(lease);
    }

    /// Removes an entry, but gives its lease to nobody for `rest` from now on. When that has run
    /// out, [`Self::next_expired`] finds the lease again, with the record that was last written,
    /// and it is for [`Self::give_back`].
    #[inline]
    pub fn retire(&self, lease: u32, key: &K, rest: Duration) {
        self.entries.remove(key);
        self.leases.refresh(lease, rest);
    }

    /// Gives back a lease whose entry was retired.
    #[inline]
    pub fn give_back(&self, lease: u32) {
        self.leases.free(lease);
    }

    /// Removes up to `most` entries whose leases have run out, whatever they hold: the whole of
    /// many a periodic handler.
    pub fn remove_expired(&self, most: u32) {
        for _ in 0..most {
            let Some((expired, record)) = self.next_expired() else { return };
            self.remove(expired.id, &record.key());
        }
    }
}

impl<V: Stored> Stored for Leased<V> {
    const SIZE: usize = place(place(4, V::ALIGN) + V::SIZE, Self::ALIGN);
    const ALIGN: usize = if V::ALIGN > 4 { V::ALIGN } else { 4 };

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        Self { lease: u32::load(bytes), value: V::load(&bytes[place(4, V::ALIGN)..]) }
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) {
        self.lease.store(bytes);
        self.value.store(&mut bytes[place(4, V::ALIGN)..]);
    }
}

impl<V: Stored> Cell for Leased<V> {}
