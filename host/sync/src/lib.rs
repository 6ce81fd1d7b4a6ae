//! The seam between concurrent code and the machine: atomics, fences, locks, threads, waiting.
//!
//! `stm` and `state` take these from here and nowhere else, so that a checker can put its own in
//! their place with `--cfg nfos_loom` or `--cfg nfos_shuttle` in `RUSTFLAGS`: a cfg and not a
//! feature, because a feature that one crate turns on would change the product.
//!
//! **What models of this seam cannot see.** A model checker schedules at these operations only:
//! a race on memory that is reached in any other way stays hidden. loom does not explore load
//! buffering and has no order of its own for `SeqCst` loads and stores; the seam gives it fences
//! around each, which may order more than the language does (see `loom_atomic`). shuttle runs
//! everything sequentially consistent, so a missing ordering never shows there. None of them sees
//! [`prefetch_read`], the layout of [`Padded`], the counts of [`Arc`], what the kernel does to a
//! descheduled thread, or a schedule longer than its bound.

#[cfg(nfos_counting)]
pub mod counting;
#[cfg(all(any(nfos_mutant, nfos_counting), not(any(nfos_loom, nfos_shuttle))))]
mod hooked;
mod huge_pages;
#[cfg(nfos_loom)]
mod loom_atomic;
mod padded;
mod prefetch;
#[cfg(all(nfos_mutant, not(any(nfos_loom, nfos_shuttle, nfos_counting))))]
mod restless;
mod seeded;
mod waiting;

#[cfg(nfos_loom)]
pub use loom::thread;
#[cfg(nfos_shuttle)]
pub use shuttle::thread;
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
pub use std::thread;

pub use std::sync::{Arc, OnceLock};

pub use huge_pages::prefer_huge_pages;
pub use padded::Padded;
pub use prefetch::prefetch_read;
pub use seeded::{Bug, seeded};
pub use waiting::{Lock, LockGuard, Waiting};

/// Atomic integers, fences and orderings.
pub mod atomic {
    #[cfg(nfos_loom)]
    pub use crate::loom_atomic::*;
    #[cfg(nfos_loom)]
    pub use loom::sync::atomic::{Ordering, fence};

    #[cfg(nfos_shuttle)]
    pub use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64};
    #[cfg(nfos_shuttle)]
    pub use shuttle::sync::atomic::{AtomicUsize, Ordering, fence};

    #[cfg(not(any(nfos_loom, nfos_shuttle)))]
    pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering, fence};
    #[cfg(not(any(nfos_loom, nfos_shuttle, nfos_mutant, nfos_counting)))]
    pub use std::sync::atomic::{AtomicU32, AtomicU64};

    #[cfg(all(any(nfos_mutant, nfos_counting), not(any(nfos_loom, nfos_shuttle))))]
    pub use crate::hooked::{AtomicU32, AtomicU64};
}

/// A limit: `product`, or `small` under a checker, which must get through it in few steps.
#[must_use]
pub const fn limit(product: usize, small: usize) -> usize {
    if cfg!(any(nfos_loom, nfos_shuttle, miri)) { small } else { product }
}

/// Whether atomics pause at random, so that threads meet in every window; limits are small then,
/// so that what is rare comes up.
pub const RESTLESS: bool = cfg!(all(nfos_mutant, not(any(nfos_loom, nfos_shuttle))));
