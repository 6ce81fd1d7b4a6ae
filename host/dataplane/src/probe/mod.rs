//! What a run with profiling on records, beyond the conflicts, which are always recorded.
//!
//! Each worker keeps its own: [`Uses`] beside its services, of what the network function asks of
//! the structures and from where, [`Times`], of its bursts, and [`Heavy`], of its packet sets. At
//! its end it hands them in. The course of the run is taken from the counters by the thread that
//! watches ([`Course`]).
//!
//! A burst costs two looks at the clock, an event less than ten nanoseconds, an operation on a
//! structure one or two. Where calls come from is taken down as positions in the code, two or
//! three microseconds each, for the first uses of each operation, for a small sample of the others
//! and for sampled conflicts; lines are made of them when the run is over.

mod course;
mod heavy;
mod profile;
mod times;
mod uses;

pub(crate) use course::Course;
pub(crate) use heavy::{Groups, Heavy};
pub(crate) use profile::{Facts, profile};
pub(crate) use times::{Ended, Times};
pub(crate) use uses::{Argument, Operation, Uses};

use crossbeam_channel::Sender;

/// What a worker hands in.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Its number.
    pub worker: usize,
    /// Of its bursts.
    pub times: Times,
    /// Of its network function's operations.
    pub uses: Uses,
    /// Of its packet sets.
    pub heavy: Heavy,
    /// Events that ran alone behind the gate.
    pub gate_entries: u64,
}

/// A worker's way to record: absent without profiling.
#[derive(Debug)]
pub(crate) struct Probe {
    /// What it records.
    pub times: Times,
    /// Which packet sets are heavy.
    pub heavy: Heavy,
    /// Where it hands it in.
    pub to: Sender<Recorded>,
}
