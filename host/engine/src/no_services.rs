//! Services that offer nothing.

use crate::fault::GuestFault;
use crate::services::{
    Answer, Cell, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome,
    Value,
};

/// Refuses everything. What binds to it binds to any services: signatures do not depend on them.
pub(crate) struct NoServices;

fn refuse<T>() -> Answer<T> {
    Err(GuestFault::OutOfTurn("an import, where none may be called"))
}

impl Services for NoServices {
    fn begin(&mut self, _: u32) -> Answer<bool> {
        refuse()
    }
    fn parameter(&mut self, _: &str) -> Answer<Value> {
        refuse()
    }
    fn open_vector(&mut self, _: &str, _: u32) -> Answer<Handle> {
        refuse()
    }
    fn vector_read(&mut self, _: Handle, _: u32) -> Answer<Cell> {
        refuse()
    }
    fn vector_write(&mut self, _: Handle, _: u32, _: Cell) -> Answer<()> {
        refuse()
    }
    fn vector_add(&mut self, _: Handle, _: u32, _: u8, _: i64) -> Answer<()> {
        refuse()
    }
    fn open_map(&mut self, _: &str, _: u32, _: u32) -> Answer<Handle> {
        refuse()
    }
    fn map_get(&mut self, _: Handle, _: &[u8]) -> Answer<Option<Cell>> {
        refuse()
    }
    fn map_set(&mut self, _: Handle, _: &[u8], _: Cell) -> Answer<SetOutcome> {
        refuse()
    }
    fn map_remove(&mut self, _: Handle, _: &[u8]) -> Answer<bool> {
        refuse()
    }
    fn open_map_with(&mut self, _: &str, _: u32, _: u32, _: Hashing) -> Answer<Handle> {
        refuse()
    }
    fn map_len(&mut self, _: Handle) -> Answer<u32> {
        refuse()
    }
    fn map_next(&mut self, _: Handle, _: u64) -> Answer<Option<MapEntry>> {
        refuse()
    }
    fn open_allocator(&mut self, _: &str, _: u32, _: u64) -> Answer<Handle> {
        refuse()
    }
    fn allocate(&mut self, _: Handle, _: u64) -> Answer<Option<u32>> {
        refuse()
    }
    fn refresh(&mut self, _: Handle, _: u32, _: u64) -> Answer<bool> {
        refuse()
    }
    fn free(&mut self, _: Handle, _: u32) -> Answer<()> {
        refuse()
    }
    fn is_live(&mut self, _: Handle, _: u32) -> Answer<bool> {
        refuse()
    }
    fn next_expired(&mut self, _: Handle) -> Answer<Option<ExpiredLease>> {
        refuse()
    }
    fn open_distributed(&mut self, _: &str, _: &[Merge], _: u64) -> Answer<Handle> {
        refuse()
    }
    fn distributed_update(&mut self, _: Handle, _: u8, _: i64) -> Answer<()> {
        refuse()
    }
    fn distributed_read(&mut self, _: Handle) -> Answer<Cell> {
        refuse()
    }
    fn open_parts(&mut self, _: &str, _: u64) -> Answer<Handle> {
        refuse()
    }
    fn parts(&mut self, _: Handle) -> Answer<u32> {
        refuse()
    }
    fn part(&mut self, _: Handle, _: u32) -> Answer<Cell> {
        refuse()
    }
    fn own_part(&mut self, _: Handle) -> Answer<Cell> {
        refuse()
    }
    fn set_part(&mut self, _: Handle, _: Cell) -> Answer<()> {
        refuse()
    }
    fn published(&mut self, _: Handle) -> Answer<Option<Cell>> {
        refuse()
    }
    fn publish(&mut self, _: Handle, _: Cell) -> Answer<()> {
        refuse()
    }
    fn send(&mut self, _: u16, _: &[u8]) -> Answer<()> {
        refuse()
    }
    fn now(&mut self) -> Answer<u64> {
        refuse()
    }
    fn random(&mut self) -> Answer<u64> {
        refuse()
    }
    fn log(&mut self, _: LogLevel, _: &str) -> Answer<()> {
        refuse()
    }
    fn emit(&mut self, _: u32, _: u64) -> Answer<()> {
        refuse()
    }
}
