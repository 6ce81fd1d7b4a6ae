//! A core module that has nothing to do with the contract.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "an export needs a name")]

/// Adds.
#[unsafe(no_mangle)]
pub extern "C" fn add(a: u32, b: u32) -> u32 {
    a.wrapping_add(b)
}
