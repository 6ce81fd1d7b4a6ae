//! Where a burst stands, in few words: what each operation asks first.

use crate::transaction::BURST_LIMIT;

/// What is not as in a burst that has begun and only read, so that the usual case is one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing(u8);

impl Standing {
    /// No snapshot has been taken.
    pub(crate) const NOT_BEGUN: Self = Self(1);
    /// There is a first writer.
    pub(crate) const WRITES: Self = Self(2);
    /// The event that runs has seen that its snapshot cannot move.
    pub(crate) const STALE: Self = Self(4);
    /// An event is known to fail.
    pub(crate) const DOOMED: Self = Self(8);
    /// The layer above has something to do when the first event begins.
    pub(crate) const AWAITED: Self = Self(16);
    /// What the beginning of an event has to look at.
    pub(crate) const ODD: Self = Self::STALE.or(Self::DOOMED).or(Self::AWAITED);

    #[inline(always)]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these is so.
    #[inline(always)]
    pub(crate) fn is(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    #[inline(always)]
    pub(crate) fn remove(&mut self, others: Self) {
        self.0 &= !others.0;
    }
}

/// How many events of a burst have begun. It stands in the seven top bits as the number of the
/// event that runs does in an observation, so that no one has to be turned into the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun(u64);

impl Begun {
    /// Where the number of an event is; the bit above it is set as soon as one has begun.
    const EVENT: u32 = 57;
    const ONE: u64 = 1 << Self::EVENT;
    /// None.
    pub(crate) const NONE: Self = Self((BURST_LIMIT as u64 - 1) << Self::EVENT);

    /// So many that this is the event that runs.
    #[inline(always)]
    pub(crate) fn of(event: usize) -> Self {
        Self((BURST_LIMIT + event) as u64 * Self::ONE)
    }

    /// One more.
    ///
    /// # Panics
    /// Beyond [`BURST_LIMIT`].
    #[inline(always)]
    pub(crate) fn next(&mut self) {
        self.0 = self.0.wrapping_add(Self::ONE);
        // The bit above the number is lost where that overflows.
        assert!((self.0 as i64) < 0, "at most 64 events in a burst");
    }

    /// So many more.
    ///
    /// # Panics
    /// As [`Self::next`].
    pub(crate) fn pass(&mut self, events: usize) {
        let begun = self.count() + events;
        assert!(begun <= BURST_LIMIT, "at most 64 events in a burst");
        self.0 = Self::NONE.0 + begun as u64 * Self::ONE;
    }

    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        (self.0 >> Self::EVENT) as usize - (BURST_LIMIT - 1)
    }

    /// The event that runs: the last that has begun.
    #[inline(always)]
    pub(crate) fn event(self) -> usize {
        Self::event_of(self.0)
    }

    /// The event in the top bits of an observation.
    #[inline(always)]
    pub(crate) fn event_of(bits: u64) -> usize {
        (bits >> Self::EVENT) as usize % BURST_LIMIT
    }

    /// What an observation has in its top bits.
    #[inline(always)]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

const _: () = assert!(BURST_LIMIT == 64, "a number of six bits, and one above it");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_up_to_the_limit() {
        let mut begun = Begun::NONE;
        assert_eq!(begun.count(), 0);
        for event in 0..BURST_LIMIT {
            begun.next();
            assert_eq!((begun.count(), begun.event()), (event + 1, event));
            assert_eq!(begun.bits() >> 63, 1);
            assert_eq!(Begun::of(event), begun);
        }
        let mut passed = Begun::NONE;
        passed.pass(3);
        passed.pass(61);
        assert_eq!(passed, begun);
    }

    #[test]
    #[should_panic(expected = "at most 64 events in a burst")]
    fn no_event_begins_beyond_the_limit() {
        let mut begun = Begun::NONE;
        begun.pass(64);
        begun.next();
    }
}
