//! Services that offer nothing: those of `describe`.

use crate::fault::GuestFault;
use crate::services::{
    Answer, Cell, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome,
    Value,
};

/// Refuses everything, by its name: what `describe` reaches. What binds to it binds to any
/// services: signatures do not depend on them.
pub(crate) struct NoServices;

fn refuse<T>(import: &'static str) -> Answer<T> {
    Err(GuestFault::OutOfTurn(import))
}

impl Services for NoServices {
    fn begin(&mut self, _: u32) -> Answer<bool> {
        refuse("burst.begin in `describe`, which calls no import")
    }
    fn parameter(&mut self, _: &str) -> Answer<Value> {
        refuse("parameters.get in `describe`, which calls no import")
    }
    fn open_vector(&mut self, _: &str, _: u32) -> Answer<Handle> {
        refuse("vector.open in `describe`, which calls no import")
    }
    fn vector_read(&mut self, _: Handle, _: u32) -> Answer<Cell> {
        refuse("vector.read in `describe`, which calls no import")
    }
    fn vector_write(&mut self, _: Handle, _: u32, _: Cell) -> Answer<()> {
        refuse("vector.write in `describe`, which calls no import")
    }
    fn vector_add(&mut self, _: Handle, _: u32, _: u8, _: i64) -> Answer<()> {
        refuse("vector.add in `describe`, which calls no import")
    }
    fn open_map(&mut self, _: &str, _: u32, _: u32) -> Answer<Handle> {
        refuse("hash-map.open in `describe`, which calls no import")
    }
    fn map_get(&mut self, _: Handle, _: &[u8]) -> Answer<Option<Cell>> {
        refuse("hash-map.get in `describe`, which calls no import")
    }
    fn map_set(&mut self, _: Handle, _: &[u8], _: Cell) -> Answer<SetOutcome> {
        refuse("hash-map.set in `describe`, which calls no import")
    }
    fn map_remove(&mut self, _: Handle, _: &[u8]) -> Answer<bool> {
        refuse("hash-map.remove in `describe`, which calls no import")
    }
    fn open_map_with(&mut self, _: &str, _: u32, _: u32, _: Hashing) -> Answer<Handle> {
        refuse("hash-map.open-with in `describe`, which calls no import")
    }
    fn map_len(&mut self, _: Handle) -> Answer<u32> {
        refuse("hash-map.len in `describe`, which calls no import")
    }
    fn map_next(&mut self, _: Handle, _: u64) -> Answer<Option<MapEntry>> {
        refuse("hash-map.next in `describe`, which calls no import")
    }
    fn open_allocator(&mut self, _: &str, _: u32, _: u64) -> Answer<Handle> {
        refuse("allocator.open in `describe`, which calls no import")
    }
    fn allocate(&mut self, _: Handle, _: u64) -> Answer<Option<u32>> {
        refuse("allocator.allocate in `describe`, which calls no import")
    }
    fn refresh(&mut self, _: Handle, _: u32, _: u64) -> Answer<bool> {
        refuse("allocator.refresh in `describe`, which calls no import")
    }
    fn free(&mut self, _: Handle, _: u32) -> Answer<()> {
        refuse("allocator.free in `describe`, which calls no import")
    }
    fn is_live(&mut self, _: Handle, _: u32) -> Answer<bool> {
        refuse("allocator.is-live in `describe`, which calls no import")
    }
    fn next_expired(&mut self, _: Handle) -> Answer<Option<ExpiredLease>> {
        refuse("allocator.next-expired in `describe`, which calls no import")
    }
    fn open_distributed(&mut self, _: &str, _: &[Merge], _: u64) -> Answer<Handle> {
        refuse("distributed-object.open in `describe`, which calls no import")
    }
    fn distributed_update(&mut self, _: Handle, _: u8, _: i64) -> Answer<()> {
        refuse("distributed-object.update in `describe`, which calls no import")
    }
    fn distributed_read(&mut self, _: Handle) -> Answer<Cell> {
        refuse("distributed-object.read in `describe`, which calls no import")
    }
    fn open_parts(&mut self, _: &str, _: u64) -> Answer<Handle> {
        refuse("distributed-object.open-parts in `describe`, which calls no import")
    }
    fn parts(&mut self, _: Handle) -> Answer<u32> {
        refuse("distributed-object.parts in `describe`, which calls no import")
    }
    fn part(&mut self, _: Handle, _: u32) -> Answer<Cell> {
        refuse("distributed-object.part in `describe`, which calls no import")
    }
    fn own_part(&mut self, _: Handle) -> Answer<Cell> {
        refuse("distributed-object.own-part in `describe`, which calls no import")
    }
    fn set_part(&mut self, _: Handle, _: Cell) -> Answer<()> {
        refuse("distributed-object.set-part in `describe`, which calls no import")
    }
    fn published(&mut self, _: Handle) -> Answer<Option<Cell>> {
        refuse("distributed-object.published in `describe`, which calls no import")
    }
    fn publish(&mut self, _: Handle, _: Cell) -> Answer<()> {
        refuse("distributed-object.publish in `describe`, which calls no import")
    }
    fn send(&mut self, _: u16, _: &[u8]) -> Answer<()> {
        refuse("send.send in `describe`, which calls no import")
    }
    fn now(&mut self) -> Answer<u64> {
        refuse("clock.now in `describe`, which calls no import")
    }
    fn random(&mut self) -> Answer<u64> {
        refuse("random.next in `describe`, which calls no import")
    }
    fn log(&mut self, _: LogLevel, _: &str) -> Answer<()> {
        refuse("log.write in `describe`, which calls no import")
    }
    fn emit(&mut self, _: u32, _: u64) -> Answer<()> {
        refuse("event.emit in `describe`, which calls no import")
    }
}
