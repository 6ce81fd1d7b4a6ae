//! A token bucket that loses no credit.
//!
//! Tokens are bytes. What a span of time earns beyond whole tokens is kept as a remainder, in
//! billionths of a byte, so the credit over any time is exact however often the bucket is filled.

use nfos::prelude::*;

use crate::Rate;

pub(crate) const NS_PER_SECOND: u64 = 1_000_000_000;

/// How many bytes a host may receive now.
#[derive(State, Debug, PartialEq, Eq)]
pub struct Bucket {
    tokens: u64,
    remainder: u64,
    last: Time,
}

impl Bucket {
    /// The bucket of a host that has rested.
    pub(crate) fn full(rate: Rate, now: Time) -> Self {
        Self { tokens: rate.burst_bytes, remainder: 0, last: now }
    }

    /// Adds what the time since the last packet has earned, up to the burst.
    pub(crate) fn fill(&mut self, rate: Rate, now: Time) {
        let elapsed_ns = now.ns_since(self.last);
        let billionths = product(elapsed_ns, rate.bytes_per_second) + u128::from(self.remainder);
        let (earned, rest) = whole(billionths);
        let missing = u128::from(rate.burst_bytes - self.tokens);
        // Whether the time alone fills the bucket, without what was left over before it.
        if earned > missing || (earned == missing && rest >= self.remainder) {
            (self.tokens, self.remainder) = (rate.burst_bytes, 0);
        } else {
            self.tokens += earned as u64;
            self.remainder = rest;
        }
        self.last = self.last.max(now);
    }

    /// Takes the tokens of a frame, if there are as many.
    pub(crate) fn take(&mut self, wire_length: u32) -> bool {
        let left = self.tokens.checked_sub(u64::from(wire_length));
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}

/// Whole tokens, and the billionths beyond them.
fn whole(billionths: u128) -> (u128, u64) {
    // Almost always: a division of 128 bits costs ten times as much.
    if let Ok(billionths) = u64::try_from(billionths) {
        return (u128::from(billionths / NS_PER_SECOND), billionths % NS_PER_SECOND);
    }
    let second = u128::from(NS_PER_SECOND);
    (billionths / second, (billionths % second) as u64)
}

/// The product of both, in 64 bits if both have 32, as they do nearly always: WebAssembly has no
/// wider multiplication, and the function in its place costs fifty times as much.
fn product(a: u64, b: u64) -> u128 {
    match (a | b) >> 32 {
        0 => u128::from(a * b),
        _ => u128::from(a) * u128::from(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a bucket holds after so long: tokens, and billionths of one.
    fn filled(bucket: &Bucket, rate: Rate, elapsed_ns: u64) -> (u64, u64) {
        let second = u128::from(NS_PER_SECOND);
        let earned = u128::from(elapsed_ns) * u128::from(rate.bytes_per_second);
        let missing = u128::from(rate.burst_bytes - bucket.tokens);
        if earned >= missing * second {
            return (rate.burst_bytes, 0);
        }
        let earned = earned + u128::from(bucket.remainder);
        (bucket.tokens + (earned / second) as u64, (earned % second) as u64)
    }

    #[test]
    fn a_bucket_earns_exactly_what_the_time_is_worth() {
        let times = [0, 1, 2, 7, 999_999_999, 1_000_000_000, 1 << 32, u64::MAX / 2, u64::MAX];
        let rates = [1, 3, 1_000_000_000, 1 << 32, u64::MAX];
        let remainders = [0, 1, 2, 999_999_999];
        let mut full = 0;
        for elapsed_ns in times {
            for bytes_per_second in rates {
                for (burst_bytes, tokens) in [(9, 9), (9, 8), (9, 0), (u64::MAX, 0), (u64::MAX, 5)]
                {
                    for remainder in remainders {
                        let rate = Rate { bytes_per_second, burst_bytes };
                        let mut bucket = Bucket { tokens, remainder, last: Time::from_ns(0) };
                        let expected = filled(&bucket, rate, elapsed_ns);
                        bucket.fill(rate, Time::from_ns(elapsed_ns));
                        assert_eq!((bucket.tokens, bucket.remainder), expected, "{rate:?}");
                        full += u32::from(expected == (burst_bytes, 0));
                    }
                }
            }
        }
        assert!(full > 100 && full < 800, "{full}");
    }
}
