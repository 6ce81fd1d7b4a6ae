//! What the benches of the sandbox share: network functions on the direct and on the native engine.

pub mod build;
pub mod factory;
pub mod frames;
mod imports;
#[allow(unsafe_code, reason = "the native engine uses a burst where it lies, as a guest does")]
pub mod native;
pub mod still;
pub mod throughput;

pub use nfos_rounds as rounds;
