//! From Wasmtime's errors to guest faults.

use wasmtime::{Trap, WasmBacktrace};

use crate::fault::GuestFault;
use crate::last_words::{LastWords, one_line};
use crate::limits::Limits;
use crate::lines::Lines;
use crate::services::Services;
use crate::site::CallSite;

/// Bytes of a trap's description.
const DESCRIPTION_BYTES_MAX: usize = 512;

/// The fault behind an error of a call into a guest.
///
/// A host function's own fault is found again as it was. Of a trap, the guest's situation says
/// what it means: memory turned down comes before a panic's message, which is often about it.
pub(crate) fn fault_of(
    error: wasmtime::Error,
    limits: &Limits,
    last_words: &LastWords,
    lines: &Lines,
) -> GuestFault {
    if let Some(fault) = error.downcast_ref::<GuestFault>() {
        return fault.clone();
    }
    if limits.denied() {
        return GuestFault::MemoryLimit;
    }
    if let Some(message) = last_words.message() {
        return GuestFault::Panic(message.to_owned());
    }
    GuestFault::Trap(one_line(&description(&error, lines), DESCRIPTION_BYTES_MAX))
}

/// Tells the services the call site of an import that refused its arguments, if they want it.
pub(crate) fn note_site<S: Services + ?Sized>(error: &wasmtime::Error, services: &mut S) {
    if services.wants_site()
        && let Some(backtrace) = error.downcast_ref::<WasmBacktrace>()
    {
        services.site(CallSite::of(backtrace));
    }
}

fn description(error: &wasmtime::Error, lines: &Lines) -> String {
    let what = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let what = what.strip_prefix("wasm trap: ").unwrap_or(&what);
    let call = error.downcast_ref::<WasmBacktrace>().map(CallSite::of);
    match call.and_then(|call| lines.place(&call)) {
        Some(place) => format!("{what}, at {place}"),
        None => what.to_owned(),
    }
}
