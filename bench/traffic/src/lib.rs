//! Workloads made up: the same packets for the same words every time, on every machine.
//!
//! A [`Kind`] names what the traffic is, [`Options`] how much of it and where its randomness
//! begins; together they make [`Traffic`], which gives packet after packet, each with its port and
//! its time stamp at a nominal rate. [`captures::write`] writes them to files, one per port.
//!
//! ```
//! use nfos_traffic::{Kind, Options, Traffic};
//!
//! let kind: Kind = "caida".parse().unwrap();
//! let options = Options { packets: Some(1_000), ..Options::default() };
//! let mut traffic = Traffic::new(kind, &options).unwrap();
//! let mut bytes = 0;
//! while let Some(packet) = traffic.next() {
//!     bytes += packet.frame.len();
//! }
//! assert_eq!(bytes, 60_000);
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`kind`] | the workloads by name, and what each may be told |
//! | [`traffic`] | packets with their time stamps |
//! | [`captures`] | files |
//! | [`mixture`] | how many packets flows have |
//! | `exact` | logarithms and the like, the same to the last bit everywhere |
//! | `frame` | the bytes of a packet |
//! | `flows` | conversations in progress |
//! | `source` | one workload per file |
#![forbid(unsafe_code)]

pub mod captures;
mod exact;
mod flows;
mod frame;
pub mod kind;
pub mod mixture;
mod source;
pub mod traffic;

pub use kind::{Kind, Options, OptionsError};
pub use traffic::{Packet, Traffic};
