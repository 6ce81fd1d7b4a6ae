//! From the component linker's errors to guest faults.
//!
//! The linker checks what the direct engine checks by itself, and answers in words only. Those
//! words that have a name of their own among the faults are told apart here; a test holds each of
//! them to the fault that the direct engine answers.

use wasmtime::Trap;

use super::Host;
use super::wasi::Exited;
use crate::fault::GuestFault;
use crate::last_words::one_line;
use crate::lines::Lines;
use crate::trap;

/// Bytes of what the linker says of a value.
const WORDS_BYTES_MAX: usize = 128;

/// What the linker says of pointers and lengths that do not lie in the guest's memory.
const OF_POINTERS: [&str; 5] = [
    "out of bounds",
    "not aligned",
    "pointer size overflow",
    "beyond end of memory",
    "byte length too large",
];

/// What it says of values that their types do not have.
const OF_VALUES: [&str; 5] =
    ["handle index", "discriminant", "invalid utf-8", "incomplete utf-8", "out of range for"];

/// The fault behind an error of a call into a guest.
pub(super) fn of(error: wasmtime::Error, host: &mut Host, lines: &Lines) -> GuestFault {
    let Host { services, limits, last_words, wasi } = host;
    trap::note_site(&error, &mut **services);
    let ended_itself = matches!(error.downcast_ref(), Some(Trap::UnreachableCodeReached))
        || error.downcast_ref::<Exited>().is_some();
    // Of a runtime with WASI the last words are what it wrote to standard error.
    if ended_itself && last_words.message().is_none() {
        last_words.keep(&wasi.last_error_output());
    }
    let fault = trap::fault_of(error, limits, last_words, lines);
    match fault {
        GuestFault::Trap(words) => by_words(words),
        fault => fault,
    }
}

fn by_words(words: String) -> GuestFault {
    let says = |what: &&str| words.contains(what);
    let said = || one_line(&words, WORDS_BYTES_MAX);
    if words.contains("hostcall fuel") || words.contains("fuel allocated for hostcalls") {
        return GuestFault::Limit("bytes passed to the host in one call".to_owned());
    }
    // A load or store of the guest's own code is an ordinary trap.
    if words.starts_with("out of bounds memory access") {
        return GuestFault::Trap(words);
    }
    if OF_POINTERS.iter().any(&says) {
        return GuestFault::BadMemory(said());
    }
    if OF_VALUES.iter().any(says) {
        return GuestFault::BadForm(said());
    }
    GuestFault::Trap(words)
}
