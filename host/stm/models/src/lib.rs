//! The protocol of the transactional memory as a state machine, small enough to go through all of
//! its interleavings.
//!
//! A step is one access to something shared, or several that nobody can come between; everything
//! else happens with the step before it. Cells have two words of payload, so that a torn copy is
//! one; a history segment is one line, of which each thread has few, so that reclamation and
//! overrun come up; an event becomes an elder after two failures.
//!
//! | module | holds |
//! |---|---|
//! | [`program`] | what threads run: bursts of events of reads, writes and additions |
//! | [`state`] | all that threads share, and where each of them is |
//! | [`begin`] | turns, the gate, the snapshot |
//! | [`execute`] | operations, extension, savepoints |
//! | [`find`] | settling, copying, history, validation |
//! | [`map`] | keys: looking up, predicates, resolving, cells that were not foreseen |
//! | [`commit`] | locks, the draw, installs, history's lines, what follows a failure |
//! | [`judge`] | what must hold: replay in commit order, opacity |
//!
//! Structures have models of their own, on a memory that is ideal: all versions are kept, and a
//! commit is a few steps.
//!
//! | module | holds |
//! |---|---|
//! | [`chain`] | a map's bucket with overflow cells, and keys of two cells |
//! | [`pools`] | an allocator's pools: taking, giving back, thefts, and the gate |
//! | [`merged`] | a distributed object: merging, publishing, staleness |
//! | [`leases`] | an allocator's leases: tenures, deadlines, and the entries of timer wheels |
//! | [`wheel`] | the levels of one timer wheel
//!
//! A [rule left out](nfos_sync::Bug), under the number of the same bug in the code, must make some
//! program go wrong; the tests say so of each.

pub mod begin;
pub mod chain;
pub mod commit;
pub mod execute;
pub mod find;
pub mod judge;
pub mod leases;
pub mod map;
pub mod merged;
pub mod pools;
pub mod program;
pub mod state;
pub mod wheel;

/// Adds one to those that are sorted, unless it is among them.
pub(crate) fn keep_once<T: Ord>(kept: &mut Vec<T>, one: T) {
    if let Err(at) = kept.binary_search(&one) {
        kept.insert(at, one);
    }
}

/// Failures of an event after which it runs behind the gate.
pub const FAILURES_BEFORE_GATE: u8 = 2;
