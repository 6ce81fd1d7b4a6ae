//! After start-up a burst crosses without an allocation of the host.
#![allow(unsafe_code, reason = "a global allocator that counts")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use nfos_engine::Settings;
use nfos_engine::guest::Guest as _;
use nfos_engine::services::{
    Answer, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome, Value,
};
use support::burst::Burst;
use support::{ECHO, Guest};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's doing; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Services that answer and allocate nothing.
struct Silent;

type Cell6 = nfos_engine::services::Cell;

impl Services for Silent {
    fn begin(&mut self, _: u32) -> Answer<bool> {
        Ok(true)
    }
    fn parameter(&mut self, _: &str) -> Answer<Value> {
        Ok(Value::Unsigned(0))
    }
    fn open_vector(&mut self, _: &str, _: u32) -> Answer<Handle> {
        Ok(0)
    }
    fn vector_read(&mut self, _: Handle, _: u32) -> Answer<Cell6> {
        Ok([0; 6])
    }
    fn vector_write(&mut self, _: Handle, _: u32, _: Cell6) -> Answer<()> {
        Ok(())
    }
    fn vector_add(&mut self, _: Handle, _: u32, _: u8, _: i64) -> Answer<()> {
        Ok(())
    }
    fn open_map(&mut self, _: &str, _: u32, _: u32) -> Answer<Handle> {
        Ok(0)
    }
    fn map_get(&mut self, _: Handle, _: &[u8]) -> Answer<Option<Cell6>> {
        Ok(Some([1; 6]))
    }
    fn map_set(&mut self, _: Handle, _: &[u8], _: Cell6) -> Answer<SetOutcome> {
        Ok(SetOutcome::Ok)
    }
    fn map_remove(&mut self, _: Handle, _: &[u8]) -> Answer<bool> {
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
    fn allocate(&mut self, _: Handle, _: u64) -> Answer<Option<u32>> {
        Ok(Some(1))
    }
    fn refresh(&mut self, _: Handle, _: u32, _: u64) -> Answer<bool> {
        Ok(true)
    }
    fn free(&mut self, _: Handle, _: u32) -> Answer<()> {
        Ok(())
    }
    fn is_live(&mut self, _: Handle, _: u32) -> Answer<bool> {
        Ok(true)
    }
    fn next_expired(&mut self, _: Handle) -> Answer<Option<ExpiredLease>> {
        Ok(None)
    }
    fn open_distributed(&mut self, _: &str, _: &[Merge], _: u64) -> Answer<Handle> {
        Ok(0)
    }
    fn distributed_update(&mut self, _: Handle, _: u8, _: i64) -> Answer<()> {
        Ok(())
    }
    fn distributed_read(&mut self, _: Handle) -> Answer<Cell6> {
        Ok([0; 6])
    }
    fn open_parts(&mut self, _: &str, _: u64) -> Answer<Handle> {
        Ok(0)
    }
    fn parts(&mut self, _: Handle) -> Answer<u32> {
        Ok(1)
    }
    fn part(&mut self, _: Handle, _: u32) -> Answer<Cell6> {
        Ok([0; 6])
    }
    fn own_part(&mut self, _: Handle) -> Answer<Cell6> {
        Ok([0; 6])
    }
    fn set_part(&mut self, _: Handle, _: Cell6) -> Answer<()> {
        Ok(())
    }
    fn published(&mut self, _: Handle) -> Answer<Option<Cell6>> {
        Ok(None)
    }
    fn publish(&mut self, _: Handle, _: Cell6) -> Answer<()> {
        Ok(())
    }
    fn send(&mut self, _: u16, _: &[u8]) -> Answer<()> {
        Ok(())
    }
    fn now(&mut self) -> Answer<u64> {
        Ok(0)
    }
    fn random(&mut self) -> Answer<u64> {
        Ok(0)
    }
    fn log(&mut self, _: LogLevel, _: &str) -> Answer<()> {
        Ok(())
    }
    fn emit(&mut self, _: u32, _: u64) -> Answer<()> {
        Ok(())
    }
}

#[test]
fn a_burst_with_imports_allocates_nothing() {
    let guest = Guest {
        imports: r#"
            (import "nfos:nf/hash-map@0.1.0" "[method]hash-map.get"
                (func $get (param i32 i32 i32 i32)))
            (import "nfos:nf/burst@0.1.0" "begin" (func $begin (param i32) (result i32)))
            (import "nfos:nf/log@0.1.0" "write" (func $log (param i32 i32 i32)))
            (import "nfos:nf/send@0.1.0" "send" (func $send (param i32 i32 i32)))"#
            .to_owned(),
        fields: r#"(func (export "cabi_post_nfos:nf/handlers@0.1.0#handle") (param i32)
            (global.set $heap (i32.const 65536)))"#
            .to_owned(),
        handle: format!(
            "(drop (call $begin (i32.const 0)))
             (call $get (i32.const 0) (i32.const 0) (i32.const 13) (i32.const 3000))
             (call $log (i32.const 1) (i32.const 4096) (i32.const 0))
             (call $send (i32.const 1) (i32.const 4096) (i32.const 64)) {ECHO}"
        ),
        ..Guest::default()
    };
    let mut guest = guest.load(&Settings::default()).instantiate(Silent).unwrap();
    guest.init().unwrap();
    let mut burst = Burst::of(32);
    let mut counted = |bursts| {
        let before = COUNT.with(Cell::get);
        for _ in 0..bursts {
            guest.handle(&mut burst).unwrap();
        }
        COUNT.with(Cell::get) - before
    };
    counted(1);
    assert_eq!(counted(1000), 0);
    assert!({
        let before = COUNT.with(Cell::get);
        drop(std::hint::black_box(Box::new(1)));
        COUNT.with(Cell::get) > before
    });
}
