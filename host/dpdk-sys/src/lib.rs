//! Bindings to the system's DPDK, generated from its headers: no logic.
//!
//! Without the feature `bindings` there is nothing here, so that a build of the whole workspace
//! needs no DPDK. Its safe face is the module `dpdk` of `nfos-netio`, its only user.
//!
//! Functions that DPDK's headers define inline have a symbol in `shim/shim.c`, under `nfos_*`.
//! DPDK's shared libraries are linked; EAL loads the distribution's drivers by itself.

#[cfg(feature = "bindings")]
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

#[cfg(feature = "bindings")]
pub use bindings::*;
