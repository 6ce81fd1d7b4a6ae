//! Atomics that now and then give the core away, or dawdle, before they act.
//!
//! Under `--cfg nfos_mutant` they take the places of `AtomicU32` and `AtomicU64`, so that a thread
//! may be descheduled in every window between two steps of a protocol, and often is. One
//! operation in `NFOS_RESTLESS` does so; 0: none does.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// One operation in so many, if the environment does not say.
const USUAL: u64 = 128;

thread_local! {
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

#[inline]
fn pause_at_random() {
    static ONE_IN: OnceLock<u64> = OnceLock::new();
    let one_in = *ONE_IN.get_or_init(|| {
        let number = std::env::var("NFOS_RESTLESS").ok().and_then(|text| text.parse().ok());
        number.unwrap_or(USUAL)
    });
    RANDOM.with(|state| {
        // An address of its own makes each thread's sequence another.
        let mut x = state.get() ^ u64::from(state.get() == 0) * (state.as_ptr().addr() as u64 | 1);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        if one_in > 0 && (x >> 32) % one_in == 0 {
            pause(x);
        }
    });
}

#[cold]
fn pause(random: u64) {
    if random & 1 == 0 {
        std::thread::yield_now();
    } else {
        (0..random >> 56).for_each(|_| std::hint::spin_loop());
    }
}

macro_rules! restless {
    ($name:ident, $integer:ty) => {
        /// As the standard one, with a pause at random before each operation.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct $name(std::sync::atomic::$name);

        #[allow(missing_docs, reason = "as in the standard library")]
        impl $name {
            pub const fn new(value: $integer) -> Self {
                Self(std::sync::atomic::$name::new(value))
            }

            #[inline(always)]
            pub fn load(&self, ordering: Ordering) -> $integer {
                pause_at_random();
                self.0.load(ordering)
            }

            #[inline(always)]
            pub fn store(&self, value: $integer, ordering: Ordering) {
                pause_at_random();
                self.0.store(value, ordering);
            }

            pub fn swap(&self, value: $integer, ordering: Ordering) -> $integer {
                pause_at_random();
                self.0.swap(value, ordering)
            }

            pub fn fetch_add(&self, value: $integer, ordering: Ordering) -> $integer {
                pause_at_random();
                self.0.fetch_add(value, ordering)
            }

            pub fn fetch_sub(&self, value: $integer, ordering: Ordering) -> $integer {
                pause_at_random();
                self.0.fetch_sub(value, ordering)
            }

            pub fn fetch_max(&self, value: $integer, ordering: Ordering) -> $integer {
                pause_at_random();
                self.0.fetch_max(value, ordering)
            }

            pub fn compare_exchange(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                pause_at_random();
                self.0.compare_exchange(current, new, success, failure)
            }

            pub fn compare_exchange_weak(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                pause_at_random();
                self.0.compare_exchange_weak(current, new, success, failure)
            }

            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                f: impl FnMut($integer) -> Option<$integer>,
            ) -> Result<$integer, $integer> {
                pause_at_random();
                self.0.fetch_update(set, fetch, f)
            }
        }
    };
}

restless!(AtomicU32, u32);
restless!(AtomicU64, u64);
