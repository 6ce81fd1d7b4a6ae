//! Network functions as native code, for tests and benchmarks.
//!
//! `#[nfos::export]` writes a constant `NATIVE` of type [`Function`] beside the network function.
//! Whoever drives it first [`install`]s what the imports shall do on this thread. A panic is the
//! only way for an import to refuse, and the only way for a network function to fault.

use std::cell::RefCell;

use crate::cell::Words;
use crate::contract::{Configuration, Description, Event, Value, Verdict};
use crate::raw;

pub use crate::host::{Hashing, Level, MapEntry, Merge};

/// Everything that a network function may import; one method per function of the contract, same
/// names, same promises. Handles are numbers that the `open`s choose.
#[allow(missing_docs, reason = "documented in wit/, function by function")]
pub trait Imports: std::any::Any {
    fn begin(&mut self, event: u32) -> bool;
    fn parameter(&mut self, name: &str) -> Value;
    fn open_vector(&mut self, name: &str, length: u32) -> u32;
    fn vector_read(&mut self, vector: u32, index: u32) -> Words;
    fn vector_write(&mut self, vector: u32, index: u32, value: Words);
    fn vector_add(&mut self, vector: u32, index: u32, word: u8, delta: i64);
    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> u32;
    fn open_map_with(&mut self, name: &str, capacity: u32, key_size: u32, hashing: Hashing) -> u32;
    fn map_get(&mut self, map: u32, key: &[u8]) -> Option<Words>;
    /// `false`: full.
    fn map_set(&mut self, map: u32, key: &[u8], value: Words) -> bool;
    fn map_remove(&mut self, map: u32, key: &[u8]) -> bool;
    fn map_len(&mut self, map: u32) -> u32;
    fn map_next(&mut self, map: u32, at: u64) -> Option<MapEntry>;
    fn open_allocator(&mut self, name: &str, capacity: u32, refresh_interval_ns: u64) -> u32;
    fn allocate(&mut self, allocator: u32, duration_ns: u64) -> Option<u32>;
    fn refresh(&mut self, allocator: u32, id: u32, duration_ns: u64) -> bool;
    fn free(&mut self, allocator: u32, id: u32);
    fn is_live(&mut self, allocator: u32, id: u32) -> bool;
    /// The id and its deadline.
    fn next_expired(&mut self, allocator: u32) -> Option<(u32, u64)>;
    fn open_distributed(&mut self, name: &str, merges: &[Merge], staleness_ns: u64) -> u32;
    fn distributed_update(&mut self, object: u32, word: u8, operand: i64);
    fn distributed_read(&mut self, object: u32) -> Words;
    fn open_parts(&mut self, name: &str, staleness_ns: u64) -> u32;
    fn parts(&mut self, object: u32) -> u32;
    fn part(&mut self, object: u32, index: u32) -> Words;
    fn own_part(&mut self, object: u32) -> Words;
    fn set_part(&mut self, object: u32, value: Words);
    fn published(&mut self, object: u32) -> Option<Words>;
    fn publish(&mut self, object: u32, value: Words);
    fn send(&mut self, port: u16, frame: &[u8]);
    fn now(&mut self) -> u64;
    fn random(&mut self) -> u64;
    fn log(&mut self, level: Level, line: &str);
    fn emit(&mut self, event: u32, value: u64);
}

thread_local! {
    static IMPORTS: RefCell<Option<Box<dyn Imports>>> = const { RefCell::new(None) };
}

/// Installs what imports do on this thread, and answers what was installed before.
pub fn install(imports: Box<dyn Imports>) -> Option<Box<dyn Imports>> {
    IMPORTS.replace(Some(imports))
}

/// Takes back what was installed on this thread.
pub fn take() -> Option<Box<dyn Imports>> {
    IMPORTS.take()
}

#[inline]
pub(crate) fn with<R>(call: impl FnOnce(&mut dyn Imports) -> R) -> R {
    IMPORTS.with_borrow_mut(|imports| {
        call(imports.as_deref_mut().expect("imports are installed before a handler runs"))
    })
}

/// A network function, compiled into this process.
#[derive(Clone, Copy)]
pub struct Function {
    /// `handlers.describe`
    pub describe: fn() -> Description,
    /// `handlers.init`, with the instance that it makes.
    pub init: fn() -> (Box<dyn Instance>, Configuration),
}

/// An instance of a network function. Any number may live on one thread.
pub trait Instance: Send {
    /// `handlers.handle`: edits the burst in place and pushes a verdict for each event, until
    /// `begin` answers `false`.
    ///
    /// `events` is scratch afterwards.
    fn handle(
        &self,
        events: &mut [Event],
        frames: &mut [u8],
        states: &mut [u8],
        verdicts: &mut Vec<Verdict>,
    );

    /// `handlers.exit`
    fn exit(&self);
}

impl Function {
    #[doc(hidden)]
    pub const fn of<F: raw::Function>() -> Self {
        Self { describe: F::describe, init: start::<F> }
    }
}

fn start<F: raw::Function>() -> (Box<dyn Instance>, Configuration) {
    let (function, configuration) = F::init();
    (Box::new(Running(function)), configuration)
}

struct Running<F>(F);

impl<F: raw::Function> Instance for Running<F> {
    fn handle(
        &self,
        events: &mut [Event],
        frames: &mut [u8],
        states: &mut [u8],
        verdicts: &mut Vec<Verdict>,
    ) {
        self.0.handle(events, frames, states, verdicts);
    }

    fn exit(&self) {
        self.0.exit();
    }
}
