//! The network functions of `guests/` without this project's host: native Rust, on the same ports
//! and with the same steering, three times each.
//!
//! - [`Variant::Sequential`]: on one worker, with the collections of the standard library.
//! - [`Variant::Expert`]: parallelized by hand. What packets of one packet set share, steering
//!   gives to one worker, so its table is the worker's own; what all packets share is sharded,
//!   atomic or a lock-free map, whichever suits the network function.
//! - [`Variant::GlobalLock`]: the sequential one behind one reader-writer lock. A packet is handled
//!   under the shared lock if nothing but times changes, and otherwise again under the exclusive
//!   one, as Maestro's generated code does for state that cannot be sharded.
//!
//! Headers are read and rewritten with the SDK's views, so that what differs from a guest is
//! state, sandbox and dataplane. They do what the guests do with default parameters or those of
//! [`Settings`]; packets are not traced, profiled, limited or rolled back, and a panic ends the
//! run. Each is held to the sequential model of its guest by `tests/models.rs`.
//!
//! | module | what it is |
//! |---|---|
//! | [`worker`] | what a baseline does with a packet, and the two ways to share one |
//! | [`flows`] | a table of packet sets that end when they are idle |
//! | [`functions`] | one network function per file |
//! | [`run`](mod@run) | ports, threads, time |
//! | [`steering`] | which packets meet |
#![forbid(unsafe_code)]

pub mod flows;
pub mod functions;
pub mod run;
pub mod settings;
pub mod steering;
pub mod worker;

pub use functions::{NAMES, workers};
pub use run::{Measured, run, run_over};
pub use settings::Settings;
pub use worker::{Outcome, Variant, Worker};
