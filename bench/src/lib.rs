//! What the benches share: network functions on the direct and on the native engine, and rounds
//! of measurements that take turns.

pub mod build;
pub mod factory;
pub mod frames;
mod imports;
#[allow(unsafe_code, reason = "the native engine uses a burst where it lies, as a guest does")]
pub mod native;
pub mod rounds;
pub mod still;
