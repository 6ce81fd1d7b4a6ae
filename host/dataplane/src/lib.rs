//! Worker loop, bursts, packet sets, expiry, effects and the control loop.
//!
//! [`run()`] sets a network function up on a number of workers and drives packets through it. Every
//! packet that a port hands over ends in exactly one of sent, consumed and dropped for a reason.
#![forbid(unsafe_code)]

mod advice;
mod burst;
mod commit_log;
mod counters;
mod definitions;
mod effects;
mod egress;
mod factory;
mod inbox;
mod launch;
mod live;
mod notice;
mod observer;
mod origin;
mod packet_set;
mod probe;
mod purity;
mod reasons;
mod rebalance;
#[cfg(test)]
mod rollback;
mod run;
mod scaling;
mod script;
mod services;
mod setup;
pub mod stepwise;
mod summary;
mod trace;
mod worker;

pub use burst::EVENTS_MAX;
pub use commit_log::{CommitLog, Committed, Fate};
pub use factory::{Factory, Locator};
pub use launch::{
    Inspection, Launch, Observation, PACKET_SETS_MAX, RunError, WORKERS_MAX, inspect, run, run_over,
};
pub use purity::{Leak, Purity, run_twice, run_witnessed};
pub use rebalance::Rebalance;
pub use scaling::scaling;
pub use services::WorkerServices;
