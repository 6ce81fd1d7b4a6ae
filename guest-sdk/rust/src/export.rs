//! The exports of a guest on WebAssembly.
//!
//! `describe`, `init` and `exit` go through the generated bindings. `handle` does not: they would
//! convert every event and every verdict, where this uses a burst as it lies in memory, for the
//! records in [`contract`](crate::contract) are laid out as the canonical ABI has them.
#![allow(unsafe_code, reason = "generated exports: the other side of the canonical ABI")]

use std::marker::PhantomData;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::arena;
use crate::bindings::exports::nfos::nf::handlers::{
    self, _export_describe_cabi, _export_exit_cabi, _export_init_cabi, Guest,
};
use crate::contract::{Event, Verdict};
use crate::host;
use crate::raw::Function;
use crate::room;

/// The one exported function of a guest, and where it is kept.
pub trait Exported: 'static {
    /// What is exported.
    type Function: Function;

    /// Where `init` puts it.
    fn slot() -> &'static OnceLock<Self::Function>;
}

struct Bound<E>(PhantomData<E>);

impl<E: Exported> Guest for Bound<E> {
    fn describe() -> handlers::Description {
        E::Function::describe()
    }

    fn init() -> handlers::Configuration {
        std::panic::set_hook(Box::new(report));
        let (function, configuration) = E::Function::init();
        assert!(E::slot().set(function).is_ok(), "init runs once in an instance");
        configuration
    }

    fn handle(_: Vec<handlers::Event>, _: Vec<u8>, _: Vec<u8>) -> handlers::Outcome {
        unreachable!("`handle` below is exported instead")
    }

    fn exit() {
        running::<E>().exit();
    }
}

fn running<E: Exported>() -> &'static E::Function {
    E::slot().get().expect("the host calls `init` first")
}

fn report(panic: &std::panic::PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("a panic without a message");
    match panic.location() {
        Some(at) => host::report(&format!("{what}, at {}:{}", at.file(), at.line())),
        None => host::report(what),
    }
}

/// `describe`.
///
/// # Safety
/// The host calls it, as the canonical ABI says.
pub unsafe fn describe<E: Exported>() -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { _export_describe_cabi::<Bound<E>>() }
}

/// `init`: what is allocated until it ends stays, its result included.
///
/// # Safety
/// As [`describe`].
pub unsafe fn init<E: Exported>() -> *mut u8 {
    // SAFETY: the caller's promise.
    let result = unsafe { _export_init_cabi::<Bound<E>>() };
    arena::mark();
    result
}

/// `exit`.
///
/// # Safety
/// As [`describe`].
pub unsafe fn exit<E: Exported>() {
    // SAFETY: the caller's promise.
    unsafe { _export_exit_cabi::<Bound<E>>() };
}

/// Three lists, each a pointer and a length: `types.outcome`.
static OUTCOME: [AtomicU32; 6] = [const { AtomicU32::new(0) }; 6];

/// `handle`. Each list is a pointer and a number of items.
///
/// # Safety
/// The lists lie where the host was given room by `cabi_realloc` or has it by [`room`], for this
/// call alone.
#[inline]
pub unsafe fn handle<E: Exported>(
    events: (*mut u8, usize),
    frames: (*mut u8, usize),
    states: (*mut u8, usize),
) -> *const u8 {
    // SAFETY: the caller's promise: each list has its own room, aligned for its records, and an
    // event is valid whatever its bytes are.
    let (event_list, frame_bytes, state_bytes) =
        unsafe { (list::<Event>(events), list::<u8>(frames), list::<u8>(states)) };
    if room::is(events.0) {
        arena::reset();
    }
    let mut verdicts = Vec::<Verdict>::with_capacity(event_list.len());
    running::<E>().handle(event_list, frame_bytes, state_bytes, &mut verdicts);
    let verdict_list = (verdicts.as_mut_ptr().cast(), verdicts.len());
    std::mem::forget(verdicts);
    for (i, (at, length)) in [verdict_list, frames, states].into_iter().enumerate() {
        OUTCOME[2 * i].store(at as u32, Relaxed);
        OUTCOME[2 * i + 1].store(length as u32, Relaxed);
    }
    OUTCOME.as_ptr().cast()
}

/// After the host has read the outcome: everything that the burst allocated is forgotten, its
/// arguments included.
#[inline]
pub fn after_handle() {
    arena::reset();
}

/// # Safety
/// `length` values of `T` lie at the pointer, aligned, for the caller alone; any bytes are a `T`.
#[inline]
unsafe fn list<'a, T>((at, length): (*mut u8, usize)) -> &'a mut [T] {
    // SAFETY: the caller's promise; a list without items, too, is where `cabi_realloc` answered or
    // in the room, which both is no null and aligned.
    unsafe { slice::from_raw_parts_mut(at.cast(), length) }
}
