//! Counts of what a piece of code asks of the memory system, for tests that assert them.
//!
//! Only under `--cfg nfos_counting` in `RUSTFLAGS`. What is counted are the atomics that this crate
//! gives out: memory that others may write. A thread's own logs cost no transfer and are not seen.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::hooked::Access;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// What [`count`] saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that were loaded from, stored to, or both.
    pub lines: usize,
    /// Lines that were stored to.
    pub lines_written: usize,
    /// Atomic read-modify-writes: swap, fetch-and-add, compare-and-exchange.
    pub read_modify_writes: usize,
}

#[derive(Default)]
struct Seen {
    lines: BTreeSet<usize>,
    written: BTreeSet<usize>,
    read_modify_writes: usize,
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

pub(crate) fn before(access: Access, address: usize) {
    SEEN.with_borrow_mut(|seen| {
        let Some(seen) = seen else { return };
        seen.lines.insert(address / LINE);
        if access != Access::Load {
            seen.written.insert(address / LINE);
        }
        seen.read_modify_writes += usize::from(access == Access::ReadModifyWrite);
    });
}

/// Counts what this thread does in `work`.
pub fn count(work: impl FnOnce()) -> Counts {
    SEEN.set(Some(Seen::default()));
    work();
    let seen = SEEN.take().unwrap_or_default();
    Counts {
        lines: seen.lines.len(),
        lines_written: seen.written.len(),
        read_modify_writes: seen.read_modify_writes,
    }
}
