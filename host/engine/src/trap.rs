//! From Wasmtime's errors to guest faults.

use wasmtime::{FrameSymbol, Trap, WasmBacktrace};

use crate::fault::GuestFault;
use crate::last_words::{LastWords, one_line};
use crate::limits::Limits;
use crate::site::is_own;

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
    GuestFault::Trap(one_line(&description(&error), DESCRIPTION_BYTES_MAX))
}

fn description(error: &wasmtime::Error) -> String {
    let what = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let what = what.strip_prefix("wasm trap: ").unwrap_or(&what);
    match error.downcast_ref::<WasmBacktrace>().and_then(place) {
        Some(place) => format!("{what}, at {place}"),
        None => what.to_owned(),
    }
}

/// The innermost place of the guest's own source, passing by its standard library.
fn place(backtrace: &WasmBacktrace) -> Option<String> {
    let symbols = || backtrace.frames().iter().flat_map(|frame| frame.symbols());
    let named = |symbol: &FrameSymbol| Some(format!("{}:{}", symbol.file()?, symbol.line()?));
    let own = |symbol: &&FrameSymbol| symbol.file().is_some_and(is_own);
    let written =
        |symbol: &&FrameSymbol| symbol.file().is_some_and(|file| !file.starts_with("/rustc/"));
    symbols().find(own).or_else(|| symbols().find(written)).and_then(named)
}
