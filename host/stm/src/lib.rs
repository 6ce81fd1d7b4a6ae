//! Multi-version transactional memory over cells of six words.
//!
//! **The idea.** An event reads from a snapshot and writes into a private buffer. The events of a
//! burst commit together, to share the fixed costs, but each has a savepoint, so that the longest
//! valid prefix survives a conflict. A commit takes the cells it will change, *then* draws a
//! timestamp from one shared counter, *then* checks that everything it observed is still so just
//! before that timestamp. Replaced values stay readable while a snapshot may want them, so that
//! read-only events need no check. Every abort has a committed transaction that caused it, and its
//! name is written in the cell.
//!
//! **Trade-offs.** One counter, for a total order that tests can replay, against a ceiling on
//! commits per second. Readers may wait for a commit that is being decided, rather than help it.
//! Writers copy the value they replace, so that readers never abort. Retries queue up instead of
//! backing off.
//!
//! **What it promises.** Strict serializability; opacity (a run that will be thrown away also sees
//! one snapshot, plus the writes of its own burst); read-only events never abort; an event runs at
//! most (burst − 1) + [`FAILURES_BEFORE_GATE`] + 1 times; memory is bounded and none is allocated
//! once a [`Transaction`] exists.
//!
//! It knows no packet, no guest and no wall clock. What a structure on top must add, the meaning
//! of predicates and actions at commit, it gives through [`Structures`].

mod buffer;
mod burst;
mod cell;
mod commit;
mod execute;
mod failure;
mod footprint;
mod history;
#[cfg(all(test, nfos_loom))]
mod kernels;
mod log;
mod memory;
mod observe;
mod operation;
mod original;
mod reservation;
mod retry;
mod settle;
mod standing;
mod structures;
mod transaction;
mod write;
mod write_log;

pub use cell::{Payload, WORDS};
pub use commit::Outcome;
pub use failure::{Failure, Reason};
pub use memory::{CellId, Memory, MemoryFull, PARTICIPANTS_MAX};
pub use observe::{Observer, Packed};
pub use operation::Operation;
pub use reservation::{Reservation, Zeroed};
pub use retry::FAILURES_BEFORE_GATE;
pub use settle::View;
pub use structures::{Pending, Structures};
#[doc(hidden)]
pub use transaction::Position;
pub use transaction::{BURST_LIMIT, Refused, Transaction};
pub use write_log::{Hold, Mutator};
