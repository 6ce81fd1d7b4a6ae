//! What the benches of the sandbox and the command `nfos-bench` share: network functions on every
//! engine, and what they are compared with.

#[allow(unsafe_code, reason = "the counting allocator")]
pub mod allocations;
pub mod build;
pub mod cases;
pub mod commands;
pub mod factory;
pub mod frames;
pub mod imports;
#[allow(unsafe_code, reason = "the native engine uses a burst where it lies, as a guest does")]
pub mod native;
pub mod paced;
pub mod still;
pub mod subject;
pub mod throughput;

pub use nfos_rounds as rounds;
