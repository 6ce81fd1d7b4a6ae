//! The imports of a natively compiled network function, answered by the host's services.
//!
//! A refusal unwinds to the engine with the fault, as a trap would.

use nfos::contract;
use nfos::native::{Hashing, Imports, Level, MapEntry, Merge};
use nfos_engine::fault::GuestFault;
use nfos_engine::services::{self, Answer, LogLevel, Services, SetOutcome};
use nfos_sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Six words.
type Words = services::Cell;

/// Imports that were called, and bursts handled, where they are counted.
static CALLED: AtomicU64 = AtomicU64::new(0);
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// How many imports were called and bursts handled since this was last asked, of instances whose
/// calls are counted.
pub fn crossings() -> (u64, u64) {
    (CALLED.swap(0, Relaxed), HANDLED.swap(0, Relaxed))
}

/// Counts a burst.
pub(crate) fn count_handled() {
    HANDLED.fetch_add(1, Relaxed);
}

/// Imports over services, counted or not.
pub(crate) struct Bridge<S, const COUNTED: bool>(pub(crate) S);

impl<S, const COUNTED: bool> Bridge<S, COUNTED> {
    #[inline]
    fn asked(&mut self) -> &mut S {
        if COUNTED {
            CALLED.fetch_add(1, Relaxed);
        }
        &mut self.0
    }
}

#[inline]
fn granted<T>(answer: Answer<T>) -> T {
    match answer {
        Ok(value) => value,
        Err(fault) => refused(fault),
    }
}

#[cold]
fn refused(fault: GuestFault) -> ! {
    // No panic: nobody is told of it here.
    std::panic::resume_unwind(Box::new(fault))
}

impl<S: Services, const COUNTED: bool> Imports for Bridge<S, COUNTED> {
    #[inline]
    fn begin(&mut self, event: u32) -> bool {
        granted(self.asked().begin(event))
    }

    fn parameter(&mut self, name: &str) -> contract::Value {
        match granted(self.asked().parameter(name)) {
            services::Value::Unsigned(value) => contract::Value::Unsigned(value),
            services::Value::Boolean(value) => contract::Value::Boolean(value),
            services::Value::Text(value) => contract::Value::Text(value),
        }
    }

    fn open_vector(&mut self, name: &str, length: u32) -> u32 {
        granted(self.asked().open_vector(name, length))
    }

    #[inline]
    fn vector_read(&mut self, vector: u32, index: u32) -> Words {
        granted(self.asked().vector_read(vector, index))
    }

    #[inline]
    fn vector_write(&mut self, vector: u32, index: u32, value: Words) {
        granted(self.asked().vector_write(vector, index, value));
    }

    #[inline]
    fn vector_add(&mut self, vector: u32, index: u32, word: u8, delta: i64) {
        granted(self.asked().vector_add(vector, index, word, delta));
    }

    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> u32 {
        granted(self.asked().open_map(name, capacity, key_size))
    }

    fn open_map_with(&mut self, name: &str, capacity: u32, key_size: u32, hashing: Hashing) -> u32 {
        let hashing = match hashing {
            Hashing::Keyed => services::Hashing::Keyed,
            Hashing::Plain => services::Hashing::Plain,
        };
        granted(self.asked().open_map_with(name, capacity, key_size, hashing))
    }

    fn map_len(&mut self, map: u32) -> u32 {
        granted(self.asked().map_len(map))
    }

    fn map_next(&mut self, map: u32, at: u64) -> Option<MapEntry> {
        let services::MapEntry { key, key_length, value, next } =
            granted(self.asked().map_next(map, at))?;
        Some(MapEntry { key, key_length, value, next })
    }

    #[inline]
    fn map_get(&mut self, map: u32, key: &[u8]) -> Option<Words> {
        granted(self.asked().map_get(map, key))
    }

    #[inline]
    fn map_set(&mut self, map: u32, key: &[u8], value: Words) -> bool {
        granted(self.asked().map_set(map, key, value)) == SetOutcome::Ok
    }

    #[inline]
    fn map_remove(&mut self, map: u32, key: &[u8]) -> bool {
        granted(self.asked().map_remove(map, key))
    }

    fn open_allocator(&mut self, name: &str, capacity: u32, refresh_interval_ns: u64) -> u32 {
        granted(self.asked().open_allocator(name, capacity, refresh_interval_ns))
    }

    #[inline]
    fn allocate(&mut self, allocator: u32, duration_ns: u64) -> Option<u32> {
        granted(self.asked().allocate(allocator, duration_ns))
    }

    #[inline]
    fn refresh(&mut self, allocator: u32, id: u32, duration_ns: u64) -> bool {
        granted(self.asked().refresh(allocator, id, duration_ns))
    }

    #[inline]
    fn free(&mut self, allocator: u32, id: u32) {
        granted(self.asked().free(allocator, id));
    }

    #[inline]
    fn is_live(&mut self, allocator: u32, id: u32) -> bool {
        granted(self.asked().is_live(allocator, id))
    }

    #[inline]
    fn next_expired(&mut self, allocator: u32) -> Option<(u32, u64)> {
        granted(self.asked().next_expired(allocator)).map(|lease| (lease.id, lease.deadline))
    }

    fn open_distributed(&mut self, name: &str, merges: &[Merge], staleness_ns: u64) -> u32 {
        let merges: Vec<_> = merges
            .iter()
            .map(|merge| match merge {
                Merge::Sum => services::Merge::Sum,
                Merge::Max => services::Merge::Max,
                Merge::Min => services::Merge::Min,
                Merge::Or => services::Merge::Or,
            })
            .collect();
        granted(self.asked().open_distributed(name, &merges, staleness_ns))
    }

    #[inline]
    fn distributed_update(&mut self, object: u32, word: u8, operand: i64) {
        granted(self.asked().distributed_update(object, word, operand));
    }

    #[inline]
    fn distributed_read(&mut self, object: u32) -> Words {
        granted(self.asked().distributed_read(object))
    }

    fn open_parts(&mut self, name: &str, staleness_ns: u64) -> u32 {
        granted(self.asked().open_parts(name, staleness_ns))
    }

    fn parts(&mut self, object: u32) -> u32 {
        granted(self.asked().parts(object))
    }

    fn part(&mut self, object: u32, index: u32) -> Words {
        granted(self.asked().part(object, index))
    }

    fn own_part(&mut self, object: u32) -> Words {
        granted(self.asked().own_part(object))
    }

    fn set_part(&mut self, object: u32, value: Words) {
        granted(self.asked().set_part(object, value));
    }

    fn published(&mut self, object: u32) -> Option<Words> {
        granted(self.asked().published(object))
    }

    fn publish(&mut self, object: u32, value: Words) {
        granted(self.asked().publish(object, value));
    }

    #[inline]
    fn send(&mut self, port: u16, frame: &[u8]) {
        granted(self.asked().send(port, frame));
    }

    #[inline]
    fn now(&mut self) -> u64 {
        granted(self.asked().now())
    }

    #[inline]
    fn random(&mut self) -> u64 {
        granted(self.asked().random())
    }

    fn log(&mut self, level: Level, line: &str) {
        let level = match level {
            Level::Error => LogLevel::Error,
            Level::Warning => LogLevel::Warning,
            Level::Information => LogLevel::Information,
            Level::Detail => LogLevel::Detail,
        };
        granted(self.asked().log(level, line));
    }

    #[inline]
    fn emit(&mut self, event: u32, value: u64) {
        granted(self.asked().emit(event, value));
    }
}
