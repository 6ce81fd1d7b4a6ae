//! Services that write down what a guest asks for and is answered, and break a run off.

use std::fmt::Debug;

use nfos_engine::fault::GuestFault;
use nfos_engine::services::{
    Answer, Cell, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome,
    Value,
};

use crate::services::WorkerServices;

/// Where a run ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BreakOff {
    Never,
    /// Told to stop where this event would begin, as a doomed burst is.
    AtEvent(u32),
    /// At this call of an import, counted from 1, as a run is that met a conflict on its way.
    AtCall(u32),
}

/// One call of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Called {
    /// The import with its arguments.
    pub asked: String,
    /// What it answered.
    pub answered: String,
}

/// The services of a worker, watched.
pub(super) struct Traced {
    pub services: WorkerServices,
    /// By event of the burst.
    calls: Vec<Vec<Called>>,
    count: u32,
    break_off: BreakOff,
}

impl Traced {
    pub(super) fn new(services: WorkerServices) -> Self {
        Self { services, calls: Vec::new(), count: 0, break_off: BreakOff::Never }
    }

    /// A run begins.
    pub(super) fn begin_run(&mut self, break_off: BreakOff) {
        self.calls.clear();
        (self.count, self.break_off) = (0, break_off);
    }

    /// The calls of the run that ended, by event.
    pub(super) fn take_calls(&mut self) -> Vec<Vec<Called>> {
        std::mem::take(&mut self.calls)
    }

    fn call<T: Debug>(
        &mut self,
        asked: String,
        run: impl FnOnce(&mut WorkerServices) -> Answer<T>,
    ) -> Answer<T> {
        self.count += 1;
        if self.break_off == BreakOff::AtCall(self.count) {
            return Err(GuestFault::Trap("broken off by the check".to_owned()));
        }
        let answer = run(&mut self.services);
        let answered = format!("{answer:?}");
        if self.calls.is_empty() {
            self.calls.push(Vec::new());
        }
        if let Some(calls) = self.calls.last_mut() {
            calls.push(Called { asked, answered });
        }
        answer
    }
}

impl Services for Traced {
    fn begin(&mut self, event: u32) -> Answer<bool> {
        if self.break_off == BreakOff::AtEvent(event) {
            return Ok(false);
        }
        let begun = self.services.begin(event)?;
        if begun {
            // What it did before the first event belongs to that.
            self.calls.resize_with((event as usize + 1).max(self.calls.len()), Vec::new);
        }
        Ok(begun)
    }

    /// It breaks bursts off where an event begins.
    fn reads_progress(&self) -> bool {
        false
    }

    fn parameter(&mut self, name: &str) -> Answer<Value> {
        self.call(format!("parameters.get of {name:?}"), |s| s.parameter(name))
    }

    fn open_vector(&mut self, name: &str, length: u32) -> Answer<Handle> {
        self.call(format!("vector.open of {name:?}, {length}"), |s| s.open_vector(name, length))
    }

    fn vector_read(&mut self, vector: Handle, index: u32) -> Answer<Cell> {
        self.call(format!("vector.read of {index}"), |s| s.vector_read(vector, index))
    }

    fn vector_write(&mut self, vector: Handle, index: u32, value: Cell) -> Answer<()> {
        self.call(format!("vector.write of {value:?} to {index}"), |s| {
            s.vector_write(vector, index, value)
        })
    }

    fn vector_add(&mut self, vector: Handle, index: u32, word: u8, delta: i64) -> Answer<()> {
        self.call(format!("vector.add of {delta} to word {word} of {index}"), |s| {
            s.vector_add(vector, index, word, delta)
        })
    }

    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> Answer<Handle> {
        self.call(format!("hash-map.open of {name:?}, {capacity}, {key_size}"), |s| {
            s.open_map(name, capacity, key_size)
        })
    }

    fn map_get(&mut self, map: Handle, key: &[u8]) -> Answer<Option<Cell>> {
        self.call(format!("hash-map.get of {key:x?}"), |s| s.map_get(map, key))
    }

    fn map_set(&mut self, map: Handle, key: &[u8], value: Cell) -> Answer<SetOutcome> {
        self.call(format!("hash-map.set of {key:x?} to {value:?}"), |s| s.map_set(map, key, value))
    }

    fn map_remove(&mut self, map: Handle, key: &[u8]) -> Answer<bool> {
        self.call(format!("hash-map.remove of {key:x?}"), |s| s.map_remove(map, key))
    }

    fn open_map_with(
        &mut self,
        name: &str,
        capacity: u32,
        key_size: u32,
        hashing: Hashing,
    ) -> Answer<Handle> {
        let asked = format!("hash-map.open-with of {name:?}, {capacity}, {key_size}, {hashing:?}");
        self.call(asked, |s| s.open_map_with(name, capacity, key_size, hashing))
    }

    fn map_len(&mut self, map: Handle) -> Answer<u32> {
        self.call("hash-map.len".to_owned(), |s| s.map_len(map))
    }

    fn map_next(&mut self, map: Handle, at: u64) -> Answer<Option<MapEntry>> {
        self.call(format!("hash-map.next at {at}"), |s| s.map_next(map, at))
    }

    fn open_allocator(&mut self, name: &str, capacity: u32, refresh_ns: u64) -> Answer<Handle> {
        self.call(format!("allocator.open of {name:?}, {capacity}, {refresh_ns}"), |s| {
            s.open_allocator(name, capacity, refresh_ns)
        })
    }

    fn allocate(&mut self, allocator: Handle, duration_ns: u64) -> Answer<Option<u32>> {
        self.call(format!("allocator.allocate for {duration_ns} ns"), |s| {
            s.allocate(allocator, duration_ns)
        })
    }

    fn refresh(&mut self, allocator: Handle, id: u32, duration_ns: u64) -> Answer<bool> {
        self.call(format!("allocator.refresh of {id} for {duration_ns} ns"), |s| {
            s.refresh(allocator, id, duration_ns)
        })
    }

    fn free(&mut self, allocator: Handle, id: u32) -> Answer<()> {
        self.call(format!("allocator.free of {id}"), |s| s.free(allocator, id))
    }

    fn is_live(&mut self, allocator: Handle, id: u32) -> Answer<bool> {
        self.call(format!("allocator.is-live of {id}"), |s| s.is_live(allocator, id))
    }

    fn next_expired(&mut self, allocator: Handle) -> Answer<Option<ExpiredLease>> {
        self.call("allocator.next-expired".to_owned(), |s| s.next_expired(allocator))
    }

    fn open_distributed(
        &mut self,
        name: &str,
        merges: &[Merge],
        staleness_ns: u64,
    ) -> Answer<Handle> {
        self.call(format!("distributed-object.open of {name:?}, {merges:?}, {staleness_ns}"), |s| {
            s.open_distributed(name, merges, staleness_ns)
        })
    }

    fn distributed_update(&mut self, object: Handle, word: u8, operand: i64) -> Answer<()> {
        self.call(format!("distributed-object.update of word {word} with {operand}"), |s| {
            s.distributed_update(object, word, operand)
        })
    }

    fn distributed_read(&mut self, object: Handle) -> Answer<Cell> {
        self.call("distributed-object.read".to_owned(), |s| s.distributed_read(object))
    }

    fn open_parts(&mut self, name: &str, staleness_ns: u64) -> Answer<Handle> {
        self.call(format!("distributed-object.open-parts of {name:?}, {staleness_ns}"), |s| {
            s.open_parts(name, staleness_ns)
        })
    }

    fn parts(&mut self, object: Handle) -> Answer<u32> {
        self.call("distributed-object.parts".to_owned(), |s| s.parts(object))
    }

    fn part(&mut self, object: Handle, index: u32) -> Answer<Cell> {
        self.call(format!("distributed-object.part of {index}"), |s| s.part(object, index))
    }

    fn own_part(&mut self, object: Handle) -> Answer<Cell> {
        self.call("distributed-object.own-part".to_owned(), |s| s.own_part(object))
    }

    fn set_part(&mut self, object: Handle, value: Cell) -> Answer<()> {
        self.call(format!("distributed-object.set-part to {value:?}"), |s| {
            s.set_part(object, value)
        })
    }

    fn published(&mut self, object: Handle) -> Answer<Option<Cell>> {
        self.call("distributed-object.published".to_owned(), |s| s.published(object))
    }

    fn publish(&mut self, object: Handle, value: Cell) -> Answer<()> {
        self.call(format!("distributed-object.publish of {value:?}"), |s| s.publish(object, value))
    }

    fn send(&mut self, port: u16, frame: &[u8]) -> Answer<()> {
        self.call(format!("send.send through port {port} of {frame:x?}"), |s| s.send(port, frame))
    }

    fn now(&mut self) -> Answer<u64> {
        self.call("clock.now".to_owned(), WorkerServices::now)
    }

    fn random(&mut self) -> Answer<u64> {
        self.call("random.next".to_owned(), WorkerServices::random)
    }

    fn log(&mut self, level: LogLevel, message: &str) -> Answer<()> {
        self.call(format!("log.write of {message:?}"), |s| s.log(level, message))
    }

    fn emit(&mut self, event: u32, value: u64) -> Answer<()> {
        self.call(format!("event.emit of {event} with {value}"), |s| s.emit(event, value))
    }
}
