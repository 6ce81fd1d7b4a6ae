//! The seam between concurrent code and the machine: atomics, fences, locks, threads, waiting.
//!
//! `stm` and `state` take these from here and nowhere else, so that a checker can put its own in
//! their place with `--cfg nfos_loom` or `--cfg nfos_shuttle` in `RUSTFLAGS`: a cfg and not a
//! feature, because a feature that one crate turns on would change the product.
//!
//! **What models of this seam cannot see.** A model checker schedules at these operations only:
//! a race on memory that is reached in any other way stays hidden. loom treats `SeqCst` loads
//! and stores as weaker than they are (read-modify-writes and fences it has in full) and does not
//! explore load buffering; shuttle runs everything sequentially consistent, so a missing ordering
//! never shows there. None of them sees [`prefetch_read`], the layout of [`Padded`], what the
//! kernel does to a descheduled thread, or a schedule longer than its bound.

mod padded;
mod prefetch;
mod seeded;
mod waiting;

pub use std::sync::{Arc, OnceLock};
pub use std::thread;

pub use padded::Padded;
pub use prefetch::prefetch_read;
pub use seeded::{Bug, seeded};
pub use waiting::{Lock, LockGuard, Waiting};

/// Atomic integers, fences and orderings.
pub mod atomic {
    pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64};
    pub use std::sync::atomic::{AtomicUsize, Ordering, fence};
}
