//! How to wait: briefly on the core, then by giving it up.

use std::sync::{PoisonError, TryLockError};

#[cfg(nfos_loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(nfos_shuttle)]
use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
use std::sync::{Mutex, MutexGuard};

/// One wait for another thread. The first rounds spin; later ones yield the core, since whoever is
/// waited for may have been descheduled from it.
#[derive(Debug, Default)]
pub struct Waiting {
    rounds: u32,
}

#[allow(clippy::absurd_extreme_comparisons, reason = "under a checker there are no spins")]
impl Waiting {
    /// Rounds of doubling length before the core is given up: some 100 pauses together.
    /// None under a checker, which learns from a yield only that another thread must go on.
    const SPINS: u32 = crate::limit(6, 0) as u32;
    /// Rounds before a patient wait sleeps.
    const ROUNDS_AWAKE: u32 = 64;
    /// How long it sleeps: some scheduling latencies.
    #[cfg(not(any(nfos_loom, nfos_shuttle)))]
    const SLEEP: std::time::Duration = std::time::Duration::from_micros(50);

    /// A wait that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One round of a wait that may be long and is not worth a core: after some rounds of
    /// [`Self::pause`] it sleeps for a moment.
    #[cold]
    pub fn pause_or_sleep(&mut self) {
        if self.rounds < Self::ROUNDS_AWAKE {
            self.pause();
            self.rounds += u32::from(self.rounds >= Self::SPINS);
        } else {
            #[cfg(not(any(nfos_loom, nfos_shuttle)))]
            std::thread::sleep(Self::SLEEP);
            #[cfg(any(nfos_loom, nfos_shuttle))]
            crate::thread::yield_now();
        }
    }

    /// One round.
    #[cold]
    pub fn pause(&mut self) {
        if self.rounds < Self::SPINS {
            for _ in 0..1 << self.rounds {
                std::hint::spin_loop();
            }
            self.rounds += 1;
        } else {
            crate::thread::yield_now();
        }
    }
}

/// A mutual exclusion whose holders never panic half-way, so that it has no poison.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

/// The right to the content of a [`Lock`].
pub type LockGuard<'a, T> = MutexGuard<'a, T>;

impl<T> Lock<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits for the content.
    pub fn lock(&self) -> LockGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content, unless someone else has it.
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poison)) => Some(poison.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
