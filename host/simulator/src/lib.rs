//! How a network function will scale: many virtual workers, played on one thread.
//!
//! Reads come from a snapshot and writes are buffered, so an event can be run at once in real time
//! and its burst be committed at its *virtual* end. Guests, packet sets, structures and the
//! transactional memory are the real ones; conflicts, their causes, prefixes, waiting rooms and
//! sizes of bursts are not modelled: they happen. What is modelled is time: what an event costs,
//! and what it costs to move a cache line from core to core.
//!
//! | module | |
//! |---|---|
//! | [`play()`] | the scheduler: one point, workers and the traffic given |
//! | [`curves()`] | points by number of cores, with their bands, and by value of a parameter |
//! | [`Lines`] | cache lines as resources |
//! | [`measure_function`], [`measure_machine`] | what things cost here |
//! | [`text()`], [`page()`] | what is shown of it |
#![forbid(unsafe_code)]

mod arrivals;
mod calibrate;
mod causes;
mod chart;
mod curves;
mod date;
mod fit;
mod lines;
mod page;
mod play;
mod tally;
mod text;
mod transfer;

pub use calibrate::measure_function;
pub use curves::{Plan, Variant, curves};
pub use date::today;
pub use lines::Lines;
pub use nfos_dataplane::stepwise::{Protocol, WORKERS_MAX};
pub use page::page;
pub use play::{Played, Settings, play};
pub use text::text;
pub use transfer::measure_machine;
