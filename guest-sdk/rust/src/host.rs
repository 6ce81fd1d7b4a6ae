//! The way to the host: the imports of the contract in a guest, and whatever
//! [`native::install`](crate::native::install) put in their place elsewhere.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use {progress::begin, wasm::*};

use crate::cell::Words;

pub use crate::bindings::nfos::nf::distributed_object::Merge;
pub use crate::bindings::nfos::nf::hash_map::Hashing;
pub use crate::bindings::nfos::nf::log::Level;

/// An entry of a map as it crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(target_arch = "wasm32", allow(unreachable_pub, reason = "public in `native` alone"))]
pub struct MapEntry {
    /// The key, padded with zeroes.
    pub key: [u8; 64],
    /// Bytes of the key.
    pub key_length: u32,
    /// The value.
    pub value: Words,
    /// Where to go on.
    pub next: u64,
}

#[cfg(target_arch = "wasm32")]
mod progress;
#[cfg(target_arch = "wasm32")]
mod wasm {
    use std::mem::ManuallyDrop;

    use super::{Hashing, Level, MapEntry, Merge};
    use crate::bindings::nfos::nf;
    use crate::cell::Words;
    use crate::contract::Value;
    use nf::types::Cell;

    // The structures stay open as long as the instance lives, so no handle is ever dropped.

    pub(crate) struct Vector(ManuallyDrop<nf::vector::Vector>);

    impl Vector {
        pub(crate) fn open(name: &str, length: u32) -> Self {
            Self(ManuallyDrop::new(nf::vector::Vector::open(name, length)))
        }

        #[inline]
        pub(crate) fn read(&self, index: u32) -> Words {
            to_words(self.0.read(index))
        }

        #[inline]
        pub(crate) fn write(&self, index: u32, value: Words) {
            self.0.write(index, from_words(value));
        }

        #[inline]
        pub(crate) fn add(&self, index: u32, word: u8, delta: i64) {
            self.0.add(index, word, delta);
        }
    }

    pub(crate) struct Map(ManuallyDrop<nf::hash_map::HashMap>);

    impl Map {
        pub(crate) fn open(name: &str, capacity: u32, key_size: u32) -> Self {
            Self(ManuallyDrop::new(nf::hash_map::HashMap::open(name, capacity, key_size)))
        }

        pub(crate) fn open_with(
            name: &str,
            (capacity, key_size): (u32, u32),
            hashing: Hashing,
        ) -> Self {
            let opened = nf::hash_map::HashMap::open_with(name, capacity, key_size, hashing);
            Self(ManuallyDrop::new(opened))
        }

        pub(crate) fn len(&self) -> u32 {
            self.0.len()
        }

        pub(crate) fn next(&self, at: u64) -> Option<MapEntry> {
            let nf::hash_map::Entry { key: from, value, next } = self.0.next(at)?;
            let words = [from.w0, from.w1, from.w2, from.w3, from.w4, from.w5, from.w6, from.w7];
            let mut key = [0; 64];
            for (at, word) in key.as_chunks_mut::<8>().0.iter_mut().zip(words) {
                *at = word.to_le_bytes();
            }
            Some(MapEntry { key, key_length: from.length, value: to_words(value), next })
        }

        #[inline]
        pub(crate) fn get(&self, key: &[u8]) -> Option<Words> {
            self.0.get(key).map(to_words)
        }

        #[inline]
        pub(crate) fn set(&self, key: &[u8], value: Words) -> bool {
            self.0.set(key, from_words(value)) == nf::hash_map::SetOutcome::Ok
        }

        #[inline]
        pub(crate) fn remove(&self, key: &[u8]) -> bool {
            self.0.remove(key)
        }
    }

    pub(crate) struct Allocator(ManuallyDrop<nf::allocator::Allocator>);

    impl Allocator {
        pub(crate) fn open(name: &str, capacity: u32, refresh_interval_ns: u64) -> Self {
            let opened = nf::allocator::Allocator::open(name, capacity, refresh_interval_ns);
            Self(ManuallyDrop::new(opened))
        }

        #[inline]
        pub(crate) fn allocate(&self, duration_ns: u64) -> Option<u32> {
            self.0.allocate(duration_ns)
        }

        #[inline]
        pub(crate) fn refresh(&self, id: u32, duration_ns: u64) -> bool {
            self.0.refresh(id, duration_ns)
        }

        #[inline]
        pub(crate) fn free(&self, id: u32) {
            self.0.free(id);
        }

        #[inline]
        pub(crate) fn is_live(&self, id: u32) -> bool {
            self.0.is_live(id)
        }

        #[inline]
        pub(crate) fn next_expired(&self) -> Option<(u32, u64)> {
            self.0.next_expired().map(|lease| (lease.id, lease.deadline))
        }
    }

    pub(crate) struct Distributed(ManuallyDrop<nf::distributed_object::DistributedObject>);

    impl Distributed {
        pub(crate) fn open(name: &str, merges: &[Merge], staleness_ns: u64) -> Self {
            let opened =
                nf::distributed_object::DistributedObject::open(name, merges, staleness_ns);
            Self(ManuallyDrop::new(opened))
        }

        pub(crate) fn open_parts(name: &str, staleness_ns: u64) -> Self {
            let opened = nf::distributed_object::DistributedObject::open_parts(name, staleness_ns);
            Self(ManuallyDrop::new(opened))
        }

        pub(crate) fn parts(&self) -> u32 {
            self.0.parts()
        }

        #[inline]
        pub(crate) fn part(&self, index: u32) -> Words {
            to_words(self.0.part(index))
        }

        #[inline]
        pub(crate) fn own_part(&self) -> Words {
            to_words(self.0.own_part())
        }

        #[inline]
        pub(crate) fn set_part(&self, value: Words) {
            self.0.set_part(from_words(value));
        }

        #[inline]
        pub(crate) fn published(&self) -> Option<Words> {
            self.0.published().map(to_words)
        }

        pub(crate) fn publish(&self, value: Words) {
            self.0.publish(from_words(value));
        }

        #[inline]
        pub(crate) fn update(&self, word: u8, operand: i64) {
            self.0.update(word, operand);
        }

        #[inline]
        pub(crate) fn read(&self) -> Words {
            to_words(self.0.read())
        }
    }

    #[inline]
    fn to_words(cell: Cell) -> Words {
        [cell.w0, cell.w1, cell.w2, cell.w3, cell.w4, cell.w5]
    }

    #[inline]
    fn from_words([w0, w1, w2, w3, w4, w5]: Words) -> Cell {
        Cell { w0, w1, w2, w3, w4, w5 }
    }

    pub(crate) fn parameter(name: &str) -> Value {
        nf::parameters::get(name)
    }

    #[inline]
    pub(crate) fn now() -> u64 {
        nf::clock::now()
    }

    #[inline]
    pub(crate) fn random() -> u64 {
        nf::random::next()
    }

    #[inline]
    pub(crate) fn send(port: u16, frame: &[u8]) {
        nf::send::send(port, frame);
    }

    pub(crate) fn emit(event: u32, value: u64) {
        nf::event::emit(event, value);
    }

    pub(crate) fn log(level: Level, line: &str) {
        nf::log::write(level, line);
    }

    pub(crate) fn report(message: &str) {
        nf::fault::report(message);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::{Hashing, Level, MapEntry, Merge};
    use crate::cell::Words;
    use crate::contract::Value;
    use crate::native::with;

    pub(crate) struct Vector(u32);

    impl Vector {
        pub(crate) fn open(name: &str, length: u32) -> Self {
            Self(with(|host| host.open_vector(name, length)))
        }

        #[inline]
        pub(crate) fn read(&self, index: u32) -> Words {
            with(|host| host.vector_read(self.0, index))
        }

        #[inline]
        pub(crate) fn write(&self, index: u32, value: Words) {
            with(|host| host.vector_write(self.0, index, value));
        }

        #[inline]
        pub(crate) fn add(&self, index: u32, word: u8, delta: i64) {
            with(|host| host.vector_add(self.0, index, word, delta));
        }
    }

    pub(crate) struct Map(u32);

    impl Map {
        pub(crate) fn open(name: &str, capacity: u32, key_size: u32) -> Self {
            Self(with(|host| host.open_map(name, capacity, key_size)))
        }

        pub(crate) fn open_with(
            name: &str,
            (capacity, key_size): (u32, u32),
            hashing: Hashing,
        ) -> Self {
            Self(with(|host| host.open_map_with(name, capacity, key_size, hashing)))
        }

        pub(crate) fn len(&self) -> u32 {
            with(|host| host.map_len(self.0))
        }

        pub(crate) fn next(&self, at: u64) -> Option<MapEntry> {
            with(|host| host.map_next(self.0, at))
        }

        #[inline]
        pub(crate) fn get(&self, key: &[u8]) -> Option<Words> {
            with(|host| host.map_get(self.0, key))
        }

        #[inline]
        pub(crate) fn set(&self, key: &[u8], value: Words) -> bool {
            with(|host| host.map_set(self.0, key, value))
        }

        #[inline]
        pub(crate) fn remove(&self, key: &[u8]) -> bool {
            with(|host| host.map_remove(self.0, key))
        }
    }

    pub(crate) struct Allocator(u32);

    impl Allocator {
        pub(crate) fn open(name: &str, capacity: u32, refresh_interval_ns: u64) -> Self {
            Self(with(|host| host.open_allocator(name, capacity, refresh_interval_ns)))
        }

        #[inline]
        pub(crate) fn allocate(&self, duration_ns: u64) -> Option<u32> {
            with(|host| host.allocate(self.0, duration_ns))
        }

        #[inline]
        pub(crate) fn refresh(&self, id: u32, duration_ns: u64) -> bool {
            with(|host| host.refresh(self.0, id, duration_ns))
        }

        #[inline]
        pub(crate) fn free(&self, id: u32) {
            with(|host| host.free(self.0, id));
        }

        #[inline]
        pub(crate) fn is_live(&self, id: u32) -> bool {
            with(|host| host.is_live(self.0, id))
        }

        #[inline]
        pub(crate) fn next_expired(&self) -> Option<(u32, u64)> {
            with(|host| host.next_expired(self.0))
        }
    }

    pub(crate) struct Distributed(u32);

    impl Distributed {
        pub(crate) fn open(name: &str, merges: &[Merge], staleness_ns: u64) -> Self {
            Self(with(|host| host.open_distributed(name, merges, staleness_ns)))
        }

        pub(crate) fn open_parts(name: &str, staleness_ns: u64) -> Self {
            Self(with(|host| host.open_parts(name, staleness_ns)))
        }

        pub(crate) fn parts(&self) -> u32 {
            with(|host| host.parts(self.0))
        }

        #[inline]
        pub(crate) fn part(&self, index: u32) -> Words {
            with(|host| host.part(self.0, index))
        }

        #[inline]
        pub(crate) fn own_part(&self) -> Words {
            with(|host| host.own_part(self.0))
        }

        #[inline]
        pub(crate) fn set_part(&self, value: Words) {
            with(|host| host.set_part(self.0, value));
        }

        #[inline]
        pub(crate) fn published(&self) -> Option<Words> {
            with(|host| host.published(self.0))
        }

        pub(crate) fn publish(&self, value: Words) {
            with(|host| host.publish(self.0, value));
        }

        #[inline]
        pub(crate) fn update(&self, word: u8, operand: i64) {
            with(|host| host.distributed_update(self.0, word, operand));
        }

        #[inline]
        pub(crate) fn read(&self) -> Words {
            with(|host| host.distributed_read(self.0))
        }
    }

    #[inline]
    pub(crate) fn begin(event: u32) -> bool {
        with(|host| host.begin(event))
    }

    pub(crate) fn parameter(name: &str) -> Value {
        with(|host| host.parameter(name))
    }

    #[inline]
    pub(crate) fn now() -> u64 {
        with(|host| host.now())
    }

    #[inline]
    pub(crate) fn random() -> u64 {
        with(|host| host.random())
    }

    #[inline]
    pub(crate) fn send(port: u16, frame: &[u8]) {
        with(|host| host.send(port, frame));
    }

    pub(crate) fn emit(event: u32, value: u64) {
        with(|host| host.emit(event, value));
    }

    pub(crate) fn log(level: Level, line: &str) {
        with(|host| host.log(level, line));
    }
}
