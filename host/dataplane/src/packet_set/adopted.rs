//! Sets that came from another worker and were not seen here yet.
//!
//! They have a place in the order of last use, mostly far from its young end, and finding it by
//! walking there would hold their new worker up. So they stay outside the list until they are seen,
//! which makes them the youngest like any other set: their links lead to an entry that is no set,
//! the *anchor*, so that taking them out of the list changes nothing that counts. Until then their
//! order is kept here, and a set that runs out is the older of two: the oldest of the list and the
//! first of this queue.
//!
//! Nobody takes a set out of the queue that is seen, removed or moves on: it is passed over when it
//! comes to be the first, since it is no longer what the queue says.

use std::collections::VecDeque;

/// When a set was last seen, and its entry.
pub(super) type Seen = (u64, u32);

/// The queue.
#[derive(Debug)]
pub(super) struct Adopted {
    /// By time.
    queue: VecDeque<Seen>,
    /// When the first was last seen; without one, the end of time. What the packet path looks at.
    first_seen_ns: u64,
    /// The entry that links lead to, once there is one.
    anchor: Option<u32>,
}

impl Adopted {
    /// No sets.
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), first_seen_ns: u64::MAX, anchor: None }
    }

    /// When the first was last seen, or later; without one, the end of time.
    #[inline]
    pub(super) fn first_seen_ns(&self) -> u64 {
        self.first_seen_ns
    }

    /// The entry that links lead to, which `make` makes if it has to be.
    pub(super) fn anchor(&mut self, make: impl FnOnce() -> u32) -> u32 {
        *self.anchor.get_or_insert_with(make)
    }

    /// Takes sets in, in any order.
    pub(super) fn extend(&mut self, seen: impl Iterator<Item = Seen>) {
        self.queue.extend(seen);
        // Stable sorting finds the runs that are in order already.
        self.queue.make_contiguous().sort();
        self.look();
    }

    /// The first for which `holds`, and forgets those before it. It stays.
    pub(super) fn first(&mut self, holds: impl Fn(Seen, u32) -> bool) -> Option<Seen> {
        let anchor = self.anchor?;
        while let Some(seen) = self.queue.front() {
            if holds(*seen, anchor) {
                break;
            }
            self.queue.pop_front();
        }
        self.look();
        self.queue.front().copied()
    }

    fn look(&mut self) {
        self.first_seen_ns = self.queue.front().map_or(u64::MAX, |(seen_ns, _)| *seen_ns);
    }
}
