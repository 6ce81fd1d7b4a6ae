//! The aggregate state of a network function: vectors, maps, allocators and distributed objects,
//! all in one transactional memory.
//!
//! Every structure is a handful of cells of `nfos-stm` and a set of rules: what each operation
//! observes, what it changes, and which change ends which observation ([`rules`]). An operation
//! that need not observe does not: writes and sets are blind, additions, refreshes and distributed
//! updates commute. So mutators never conflict with each other, and only an observation can be
//! invalidated.
//!
//! [`State`] is shared; each worker and the control loop has a [`Worker`] of its own. A guest's
//! object numbers, indices, ids and keys are checked here, where they enter.

#![forbid(unsafe_code)]

mod allocator;
mod causes;
mod chain;
mod conflict;
mod distributed;
mod effects;
mod error;
mod handles;
mod hash;
mod iterate;
mod key;
mod map;
mod object;
mod original;
mod overlay;
mod parts;
mod pool;
mod predicate;
mod record;
pub mod rules;
mod state;
mod stepwise;
mod tallies;
mod upsert;
mod vector;
mod wheel;
mod worker;

pub use conflict::{
    Change, Conflict, ConflictCount, ConflictKind, ConflictSample, Conflicts, KeyBytes, Place,
};
pub use error::{AccessError, OpenError};
pub use key::KEY_BYTES_MAX;
#[doc(hidden)]
pub use nfos_stm::Position;
pub use object::{ObjectId, ObjectKind, ObjectShape, Shape};
pub use state::{Protocol, Settings, State};
pub use worker::{Commit, Worker};

/// Six words of aggregate state.
pub type Cell = [u64; 6];

/// How a word of a distributed object is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Merge {
    /// Added, modulo 2^64.
    Sum,
    /// The greatest, unsigned.
    Max,
    /// The least, unsigned; 2^64 - 1 at first.
    Min,
    /// The union of bits.
    Or,
}

/// How a set ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOutcome {
    /// The key has the value.
    Ok,
    /// The key was absent and there is no room.
    Full,
}

/// How a map hashes its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hashing {
    /// With a secret of the run, so that nobody outside can make keys that collide.
    #[default]
    Keyed,
    /// In the same way in every run.
    Plain,
}

/// An entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// The key, padded with zeroes.
    pub key: [u8; KEY_BYTES_MAX],
    /// Bytes of the key.
    pub key_length: u32,
    /// The value.
    pub value: Cell,
    /// The place behind it.
    pub next: u64,
}

/// A lease whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiredLease {
    /// The id.
    pub id: u32,
    /// The deadline, in the nanoseconds of the events' clock.
    pub deadline_ns: u64,
}
