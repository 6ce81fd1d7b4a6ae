//! Threads that now and then give the core away, or dawdle, before an atomic operation.
//!
//! Under `--cfg nfos_mutant`, so that a thread may be descheduled in every window between two steps
//! of a protocol, and often is. One operation in `NFOS_RESTLESS` does so; 0: none does.

use std::cell::Cell;
use std::sync::OnceLock;

use crate::hooked::Access;

/// One operation in so many, if the environment does not say.
const USUAL: u64 = 128;

thread_local! {
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

#[inline]
pub(crate) fn before(_: Access, _address: usize) {
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
