//! Tests of network functions without a host: the handlers run natively, over state in standard
//! collections, one after the other.
//!
//! ```ignore
//! let mut firewall = Harness::new(firewall::NATIVE, &[("mode", "transparent")]);
//! let request = frames::udp(flow, b"?");
//! assert_eq!(firewall.packet(0, &request), Fate::Sent(1, request));
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
