//! Time, and randomness that a re-run repeats.

use std::time::Duration;

use crate::host;

/// A point in time: nanoseconds since a start that is the same for all workers; of a packet from
/// a capture its time stamp, since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The point `ns` nanoseconds after the start.
    #[inline]
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the start.
    #[inline]
    pub const fn ns(self) -> u64 {
        self.0
    }

    /// The point `duration` later, at most the last one there is.
    #[inline]
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(duration)))
    }

    /// The point `duration` earlier, at least the start.
    #[inline]
    #[must_use]
    pub const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanoseconds(duration)))
    }

    /// Nanoseconds from `earlier` to here; 0 if `earlier` is later, which events of different
    /// workers may well see.
    #[inline]
    pub const fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The time of this event; the same whenever it runs again.
#[inline]
pub fn now() -> Time {
    Time(host::now())
}

/// A uniform number from the whole range, not for secrets; the same whenever the event runs
/// again.
#[inline]
pub fn random() -> u64 {
    host::random()
}

/// Whole nanoseconds, at most `u64::MAX`.
// The comparison is what a checked multiplication is, which WebAssembly has only in 128 bits, as a
// function.
#[inline]
pub(crate) const fn nanoseconds(duration: Duration) -> u64 {
    match duration.as_secs() {
        seconds @ 0..SECONDS_MAX => seconds * NS_PER_SECOND + duration.subsec_nanos() as u64,
        SECONDS_MAX => (SECONDS_MAX * NS_PER_SECOND).saturating_add(duration.subsec_nanos() as u64),
        _ => u64::MAX,
    }
}

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Of so many seconds the nanoseconds can be told, and of fewer those of any fraction more.
const SECONDS_MAX: u64 = u64::MAX / NS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_too_long_for_nanoseconds_is_the_longest_there_is() {
        let longest = Duration::from_nanos(u64::MAX);
        assert_eq!(nanoseconds(longest), u64::MAX);
        assert_eq!(nanoseconds(longest - Duration::from_nanos(1)), u64::MAX - 1);
        assert_eq!(nanoseconds(longest + Duration::from_nanos(1)), u64::MAX);
        assert_eq!(nanoseconds(Duration::from_secs(SECONDS_MAX + 1)), u64::MAX);
        assert_eq!(nanoseconds(Duration::from_millis(1_500)), 1_500_000_000);
    }
}
