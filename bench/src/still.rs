//! Services that do next to nothing, so that what is measured is the way to them.

use nfos_engine::services::{
    Answer, Cell, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome,
    Value,
};

/// Counts what is asked, and answers something that depends on it.
#[derive(Debug, Default)]
pub struct Still {
    asked: u64,
}

impl Still {
    #[inline]
    fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }
}

impl Services for Still {
    #[inline]
    fn begin(&mut self, _: u32) -> Answer<bool> {
        self.ask();
        Ok(true)
    }

    fn parameter(&mut self, _: &str) -> Answer<Value> {
        Ok(Value::Unsigned(self.ask()))
    }

    fn open_vector(&mut self, _: &str, _: u32) -> Answer<Handle> {
        Ok(0)
    }

    #[inline]
    fn vector_read(&mut self, _: Handle, index: u32) -> Answer<Cell> {
        Ok([self.ask() ^ u64::from(index); 6])
    }

    #[inline]
    fn vector_write(&mut self, _: Handle, _: u32, value: Cell) -> Answer<()> {
        self.asked ^= value[0];
        Ok(())
    }

    #[inline]
    fn vector_add(&mut self, _: Handle, _: u32, _: u8, delta: i64) -> Answer<()> {
        self.asked ^= delta as u64;
        Ok(())
    }

    fn open_map(&mut self, _: &str, _: u32, _: u32) -> Answer<Handle> {
        Ok(0)
    }

    #[inline]
    fn map_get(&mut self, _: Handle, key: &[u8]) -> Answer<Option<Cell>> {
        let first = key.first().copied().map_or(0, u64::from);
        Ok(Some([self.ask() ^ first; 6]))
    }

    #[inline]
    fn map_set(&mut self, _: Handle, key: &[u8], value: Cell) -> Answer<SetOutcome> {
        self.asked ^= key.len() as u64 ^ value[0];
        Ok(SetOutcome::Ok)
    }

    #[inline]
    fn map_remove(&mut self, _: Handle, key: &[u8]) -> Answer<bool> {
        self.asked ^= key.len() as u64;
        Ok(true)
    }

    fn open_map_with(&mut self, _: &str, _: u32, _: u32, _: Hashing) -> Answer<Handle> {
        Ok(0)
    }

    fn map_len(&mut self, _: Handle) -> Answer<u32> {
        Ok(0)
    }

    fn map_next(&mut self, _: Handle, _: u64) -> Answer<Option<MapEntry>> {
        Ok(None)
    }

    fn open_allocator(&mut self, _: &str, _: u32, _: u64) -> Answer<Handle> {
        Ok(0)
    }

    #[inline]
    fn allocate(&mut self, _: Handle, _: u64) -> Answer<Option<u32>> {
        Ok(Some(self.ask() as u32))
    }

    #[inline]
    fn refresh(&mut self, _: Handle, _: u32, _: u64) -> Answer<bool> {
        self.ask();
        Ok(true)
    }

    #[inline]
    fn free(&mut self, _: Handle, _: u32) -> Answer<()> {
        self.ask();
        Ok(())
    }

    #[inline]
    fn is_live(&mut self, _: Handle, _: u32) -> Answer<bool> {
        self.ask();
        Ok(true)
    }

    fn next_expired(&mut self, _: Handle) -> Answer<Option<ExpiredLease>> {
        Ok(None)
    }

    fn open_distributed(&mut self, _: &str, _: &[Merge], _: u64) -> Answer<Handle> {
        Ok(0)
    }

    #[inline]
    fn distributed_update(&mut self, _: Handle, _: u8, operand: i64) -> Answer<()> {
        self.asked ^= operand as u64;
        Ok(())
    }

    #[inline]
    fn distributed_read(&mut self, _: Handle) -> Answer<Cell> {
        Ok([self.ask(); 6])
    }

    fn open_parts(&mut self, _: &str, _: u64) -> Answer<Handle> {
        Ok(0)
    }

    fn parts(&mut self, _: Handle) -> Answer<u32> {
        Ok(1)
    }

    fn part(&mut self, _: Handle, _: u32) -> Answer<Cell> {
        Ok([0; 6])
    }

    fn own_part(&mut self, _: Handle) -> Answer<Cell> {
        Ok([0; 6])
    }

    fn set_part(&mut self, _: Handle, _: Cell) -> Answer<()> {
        Ok(())
    }

    fn published(&mut self, _: Handle) -> Answer<Option<Cell>> {
        Ok(None)
    }

    fn publish(&mut self, _: Handle, _: Cell) -> Answer<()> {
        Ok(())
    }

    fn send(&mut self, _: u16, _: &[u8]) -> Answer<()> {
        Ok(())
    }

    #[inline]
    fn now(&mut self) -> Answer<u64> {
        Ok(self.ask())
    }

    #[inline]
    fn random(&mut self) -> Answer<u64> {
        Ok(self.ask())
    }

    fn log(&mut self, _: LogLevel, _: &str) -> Answer<()> {
        Ok(())
    }

    fn emit(&mut self, _: u32, _: u64) -> Answer<()> {
        Ok(())
    }
}
