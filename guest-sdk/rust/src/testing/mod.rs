//! Tests of network functions without a host: the handlers run natively, over state in standard
//! collections, one after the other.
//!
//! ```
//! use nfos::prelude::*;
//! use nfos::testing::{Fate, Harness};
//!
//! struct Wire;
//!
//! #[nfos::export]
//! impl NetworkFunction for Wire {
//!     fn init(_: ()) -> Self {
//!         Self
//!     }
//!
//!     fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
//!         Verdict::send(packet.port() ^ 1)
//!     }
//! }
//!
//! fn main() {
//!     let mut wire = Harness::new(NATIVE, &[]);
//!     assert_eq!(wire.packet(0, b"a frame"), Fate::Sent(1, b"a frame".to_vec()));
//! }
//! ```

pub mod capture;
mod classify;
pub mod frames;
mod golden;
mod harness;
mod world;

pub use golden::{Arrival, Golden, Model};
pub use harness::{Fate, Harness};
pub use world::World;
