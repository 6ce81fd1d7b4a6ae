//! The imports, one method each: over the structures, the clock and the effects.

use super::{Phase, WorkerServices};
use crate::probe::{Argument, Operation};
use nfos_engine::CallSite;
use nfos_engine::fault::GuestFault;
use nfos_engine::services::{
    Answer, Cell, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome,
    Value,
};
use nfos_state::{AccessError, ObjectId, OpenError};
use nfos_sync::{Bug, seeded};
use std::ops::Range;

fn opened(result: Result<ObjectId, OpenError>) -> Answer<Handle> {
    result.map(ObjectId::raw).map_err(|error| match error {
        OpenError::OtherShape { .. } => GuestFault::ShapeMismatch(error.to_string()),
        OpenError::MemoryLimit { .. } => GuestFault::Limit(error.to_string()),
        _ => GuestFault::BadArgument(error.to_string()),
    })
}

#[cold]
fn refused(error: AccessError) -> GuestFault {
    match error {
        AccessError::UnknownObject(object) | AccessError::WrongKind { object, .. } => {
            GuestFault::BadHandle(object.raw())
        }
        AccessError::LogFull => GuestFault::Limit(error.to_string()),
        // Counts as a fault only if what the run observed still holds, which it does not.
        AccessError::RunAgain => GuestFault::Trap(error.to_string()),
        _ => GuestFault::BadArgument(error.to_string()),
    }
}

/// The splitmix64 finaliser.
fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

impl Services for WorkerServices {
    #[inline(always)]
    fn begin(&mut self, event: u32) -> Answer<bool> {
        let handling = matches!(self.phase, Phase::Handling);
        let event = event.saturating_add(self.first);
        if !handling || self.doomed || event != self.next {
            return Err(GuestFault::OutOfTurn("burst.begin"));
        }
        if event == 0 {
            self.next = 1;
            return Ok(true);
        }
        let Some(moment) = self.moments.get(event as usize) else {
            return Err(GuestFault::OutOfTurn("burst.begin"));
        };
        if !self.state.begin_event_of(moment.now_ns, moment.origin.pack()) {
            self.doomed = true;
            return Ok(false);
        }
        if let Some(uses) = &mut self.uses {
            uses.begin_event(moment.origin.pack());
        }
        if !seeded(Bug::OtherRandomOnRerun) {
            self.draws = 0;
        }
        self.next = event + 1;
        self.effects.begin(event);
        Ok(true)
    }

    #[inline]
    fn begin_all(&mut self, mut events: Range<u32>) -> Answer<bool> {
        match events.len() {
            0 => return Ok(true),
            1 => return self.begin(events.start),
            _ => events.start += self.pass(&events),
        }
        for event in events {
            if !self.begin(event)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    #[inline]
    fn is_in_vain(&self) -> bool {
        self.state.is_doomed()
    }

    fn parameter(&mut self, name: &str) -> Answer<Value> {
        self.call_in_init("parameters.get", |s| {
            let value = s.around.parameters.get(name).cloned();
            value.ok_or_else(|| GuestFault::BadArgument(format!("there is no parameter {name:?}")))
        })
    }

    fn open_vector(&mut self, name: &str, length: u32) -> Answer<Handle> {
        self.call_in_init("vector.open", |s| opened(s.around.state.open_vector(name, length)))
    }

    #[inline(always)]
    fn vector_read(&mut self, vector: Handle, index: u32) -> Answer<Cell> {
        if self.is_in_init() {
            return self.in_init("vector.read", |s| s.vector_read(vector, index));
        }
        self.vector_read_then(vector, index, |element| *element)
    }

    #[inline(always)]
    fn vector_read_then<T>(
        &mut self,
        vector: Handle,
        index: u32,
        then: impl FnOnce(&Cell) -> T,
    ) -> Answer<T> {
        if self.is_in_init() {
            return self.vector_read(vector, index).map(|element| then(&element));
        }
        self.used(vector, Operation::VectorRead, || Argument::Number(index));
        self.state.vector_read_then(ObjectId::from_raw(vector), index, then).map_err(refused)
    }

    #[inline(always)]
    fn vector_write(&mut self, vector: Handle, index: u32, value: Cell) -> Answer<()> {
        if self.is_in_init() {
            return self.in_init("vector.write", |s| s.vector_write(vector, index, value));
        }
        self.used(vector, Operation::VectorWrite, || Argument::Number(index));
        self.state.vector_write(ObjectId::from_raw(vector), index, value).map_err(refused)
    }

    #[inline(always)]
    fn vector_add(&mut self, vector: Handle, index: u32, word: u8, delta: i64) -> Answer<()> {
        if self.is_in_init() {
            return self.in_init("vector.add", |s| s.vector_add(vector, index, word, delta));
        }
        self.used(vector, Operation::VectorAdd, || Argument::Number(index));
        self.state.vector_add(ObjectId::from_raw(vector), index, word, delta).map_err(refused)
    }

    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> Answer<Handle> {
        self.call_in_init("hash-map.open", |s| {
            opened(s.around.state.open_map(name, capacity, key_size))
        })
    }

    fn open_map_with(
        &mut self,
        name: &str,
        capacity: u32,
        key_size: u32,
        hashing: Hashing,
    ) -> Answer<Handle> {
        let hashing = match hashing {
            Hashing::Keyed => nfos_state::Hashing::Keyed,
            Hashing::Plain => nfos_state::Hashing::Plain,
        };
        self.call_in_init("hash-map.open-with", |s| {
            opened(s.around.state.open_map_with(name, (capacity, key_size), hashing))
        })
    }

    #[inline(always)]
    fn map_get(&mut self, map: Handle, key: &[u8]) -> Answer<Option<Cell>> {
        if self.is_in_init() {
            return self.in_init("hash-map.get", |s| s.map_get(map, key));
        }
        self.map_get_then(map, key, |value| value.copied())
    }

    #[inline(always)]
    fn map_get_then<T>(
        &mut self,
        map: Handle,
        key: &[u8],
        then: impl FnOnce(Option<&Cell>) -> T,
    ) -> Answer<T> {
        if self.is_in_init() {
            return self.map_get(map, key).map(|value| then(value.as_ref()));
        }
        self.used(map, Operation::MapGet, || Argument::Key(key));
        self.state.map_get_then(ObjectId::from_raw(map), key, then).map_err(refused)
    }

    #[inline(always)]
    fn map_set(&mut self, map: Handle, key: &[u8], value: Cell) -> Answer<SetOutcome> {
        if self.is_in_init() {
            return self.in_init("hash-map.set", |s| s.map_set(map, key, value));
        }
        self.used(map, Operation::MapSet, || Argument::Key(key));
        match self.state.map_set(ObjectId::from_raw(map), key, value).map_err(refused)? {
            nfos_state::SetOutcome::Ok => Ok(SetOutcome::Ok),
            nfos_state::SetOutcome::Full => Ok(SetOutcome::Full),
        }
    }

    #[inline(always)]
    fn map_remove(&mut self, map: Handle, key: &[u8]) -> Answer<bool> {
        if self.is_in_init() {
            return self.in_init("hash-map.remove", |s| s.map_remove(map, key));
        }
        self.used(map, Operation::MapRemove, || Argument::Key(key));
        self.state.map_remove(ObjectId::from_raw(map), key).map_err(refused)
    }

    fn map_len(&mut self, map: Handle) -> Answer<u32> {
        self.call("hash-map.len", |s| {
            s.used(map, Operation::MapLength, || Argument::None);
            s.state.map_len(ObjectId::from_raw(map)).map_err(refused)
        })
    }

    fn map_next(&mut self, map: Handle, at: u64) -> Answer<Option<MapEntry>> {
        self.call("hash-map.next", |s| {
            s.used(map, Operation::MapNext, || Argument::None);
            let entry = s.state.map_next(ObjectId::from_raw(map), at).map_err(refused)?;
            Ok(entry.map(|nfos_state::MapEntry { key, key_length, value, next }| MapEntry {
                key,
                key_length,
                value,
                next,
            }))
        })
    }

    fn open_allocator(
        &mut self,
        name: &str,
        capacity: u32,
        refresh_interval_ns: u64,
    ) -> Answer<Handle> {
        self.call_in_init("allocator.open", |s| {
            opened(s.around.state.open_allocator(name, capacity, refresh_interval_ns))
        })
    }

    #[inline(always)]
    fn allocate(&mut self, allocator: Handle, duration_ns: u64) -> Answer<Option<u32>> {
        if self.is_in_init() {
            return self.in_init("allocator.allocate", |s| s.allocate(allocator, duration_ns));
        }
        self.used(allocator, Operation::Allocate, || Argument::None);
        self.state.allocate(ObjectId::from_raw(allocator), duration_ns).map_err(refused)
    }

    #[inline(always)]
    fn refresh(&mut self, allocator: Handle, id: u32, duration_ns: u64) -> Answer<bool> {
        if self.is_in_init() {
            return self.in_init("allocator.refresh", |s| s.refresh(allocator, id, duration_ns));
        }
        self.used(allocator, Operation::Refresh, || Argument::Number(id));
        self.state.refresh(ObjectId::from_raw(allocator), id, duration_ns).map_err(refused)
    }

    #[inline(always)]
    fn free(&mut self, allocator: Handle, id: u32) -> Answer<()> {
        if self.is_in_init() {
            return self.in_init("allocator.free", |s| s.free(allocator, id));
        }
        self.used(allocator, Operation::Free, || Argument::Number(id));
        self.state.free(ObjectId::from_raw(allocator), id).map_err(refused)
    }

    #[inline(always)]
    fn is_live(&mut self, allocator: Handle, id: u32) -> Answer<bool> {
        if self.is_in_init() {
            return self.in_init("allocator.is-live", |s| s.is_live(allocator, id));
        }
        self.used(allocator, Operation::IsLive, || Argument::Number(id));
        self.state.is_live(ObjectId::from_raw(allocator), id).map_err(refused)
    }

    #[inline]
    fn next_expired(&mut self, allocator: Handle) -> Answer<Option<ExpiredLease>> {
        self.call("allocator.next-expired", |s| {
            s.used(allocator, Operation::NextExpired, || Argument::None);
            let lease = s.state.next_expired(ObjectId::from_raw(allocator)).map_err(refused)?;
            Ok(lease.map(|lease| ExpiredLease { id: lease.id, deadline: lease.deadline_ns }))
        })
    }

    fn open_distributed(
        &mut self,
        name: &str,
        merges: &[Merge],
        staleness_ns: u64,
    ) -> Answer<Handle> {
        self.call_in_init("distributed-object.open", |s| {
            let merges: Vec<_> = merges.iter().map(|merge| merge_of(*merge)).collect();
            opened(s.around.state.open_distributed(name, &merges, staleness_ns))
        })
    }

    #[inline(always)]
    fn distributed_update(&mut self, object: Handle, word: u8, operand: i64) -> Answer<()> {
        if self.is_in_init() {
            return self.in_init("distributed-object.update", |s| {
                s.distributed_update(object, word, operand)
            });
        }
        self.used(object, Operation::DistributedUpdate, || Argument::None);
        self.state.distributed_update(ObjectId::from_raw(object), word, operand).map_err(refused)
    }

    #[inline(always)]
    fn distributed_read(&mut self, object: Handle) -> Answer<Cell> {
        if self.is_in_init() {
            return self.in_init("distributed-object.read", |s| s.distributed_read(object));
        }
        self.distributed_read_then(object, |value| *value)
    }

    #[inline(always)]
    fn distributed_read_then<T>(
        &mut self,
        object: Handle,
        then: impl FnOnce(&Cell) -> T,
    ) -> Answer<T> {
        if self.is_in_init() {
            return self.distributed_read(object).map(|value| then(&value));
        }
        self.used(object, Operation::DistributedRead, || Argument::None);
        self.state.distributed_read_then(ObjectId::from_raw(object), then).map_err(refused)
    }

    fn open_parts(&mut self, name: &str, staleness_ns: u64) -> Answer<Handle> {
        self.call_in_init("distributed-object.open-parts", |s| {
            opened(s.around.state.open_parts(name, staleness_ns))
        })
    }

    fn parts(&mut self, object: Handle) -> Answer<u32> {
        self.call("distributed-object.parts", |s| {
            s.state.parts(ObjectId::from_raw(object)).map_err(refused)
        })
    }

    fn part(&mut self, object: Handle, index: u32) -> Answer<Cell> {
        self.call("distributed-object.part", |s| {
            s.used(object, Operation::DistributedRead, || Argument::None);
            s.state.part(ObjectId::from_raw(object), index).map_err(refused)
        })
    }

    fn own_part(&mut self, object: Handle) -> Answer<Cell> {
        self.call("distributed-object.own-part", |s| {
            s.used(object, Operation::OwnPart, || Argument::None);
            s.state.own_part(ObjectId::from_raw(object)).map_err(refused)
        })
    }

    fn set_part(&mut self, object: Handle, value: Cell) -> Answer<()> {
        self.call("distributed-object.set-part", |s| {
            s.used(object, Operation::DistributedUpdate, || Argument::None);
            s.state.set_part(ObjectId::from_raw(object), value).map_err(refused)
        })
    }

    fn published(&mut self, object: Handle) -> Answer<Option<Cell>> {
        self.call("distributed-object.published", |s| {
            s.state.published(ObjectId::from_raw(object)).map_err(refused)
        })
    }

    fn publish(&mut self, object: Handle, value: Cell) -> Answer<()> {
        self.call("distributed-object.publish", |s| {
            s.state.publish(ObjectId::from_raw(object), value).map_err(refused)
        })
    }

    fn send(&mut self, port: u16, frame: &[u8]) -> Answer<()> {
        match self.phase {
            Phase::Handling | Phase::Exiting => self.effects.send(port, frame),
            _ => Err(GuestFault::OutOfTurn("send.send in init")),
        }
    }

    #[inline]
    fn now(&mut self) -> Answer<u64> {
        self.call("clock.now", |s| Ok(s.moment().now_ns))
    }

    #[inline]
    fn random(&mut self) -> Answer<u64> {
        self.call("random.next", |s| {
            s.draws += 1;
            Ok(mix(mix(s.around.seed ^ s.moment().seed).wrapping_add(s.draws)))
        })
    }

    fn log(&mut self, level: LogLevel, message: &str) -> Answer<()> {
        self.call("log.write", |s| s.effects.log(level, message))
    }

    #[inline]
    fn wants_site(&self) -> bool {
        self.uses.as_ref().is_some_and(|uses| uses.wants_site())
    }

    fn site(&mut self, site: CallSite) {
        if let Some(uses) = &mut self.uses {
            uses.site(site);
        }
    }

    fn emit(&mut self, event: u32, value: u64) -> Answer<()> {
        self.call("event.emit", |s| {
            if event >= s.around.events {
                let count = s.around.events;
                let what = format!("event {event} of a description with {count} events");
                return Err(GuestFault::BadArgument(what));
            }
            s.effects.emit(event, value)
        })
    }
}

fn merge_of(merge: Merge) -> nfos_state::Merge {
    match merge {
        Merge::Sum => nfos_state::Merge::Sum,
        Merge::Max => nfos_state::Merge::Max,
        Merge::Min => nfos_state::Merge::Min,
        Merge::Or => nfos_state::Merge::Or,
    }
}
