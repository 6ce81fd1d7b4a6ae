//! A token bucket that loses no credit.
//!
//! Tokens are bytes. What a span of time earns beyond whole tokens is kept as a remainder, in
//! billionths of a byte, so the credit over any time is exact however often the bucket is filled.

use nfos::prelude::*;

use crate::Rate;

pub(crate) const NS_PER_SECOND: u128 = 1_000_000_000;

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
        let earned = u128::from(now.ns_since(self.last)) * u128::from(rate.bytes_per_second);
        let missing = rate.burst_bytes - self.tokens;
        if earned >= u128::from(missing) * NS_PER_SECOND {
            (self.tokens, self.remainder) = (rate.burst_bytes, 0);
        } else {
            self.add(earned + u128::from(self.remainder));
        }
        self.last = self.last.max(now);
    }

    /// Takes the tokens of a frame, if there are as many.
    pub(crate) fn take(&mut self, wire_length: u32) -> bool {
        let left = self.tokens.checked_sub(u64::from(wire_length));
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }

    fn add(&mut self, billionths: u128) {
        // Almost always: a division of 128 bits costs ten times as much.
        if let Ok(billionths) = u64::try_from(billionths) {
            self.tokens += billionths / NS_PER_SECOND as u64;
            self.remainder = billionths % NS_PER_SECOND as u64;
        } else {
            self.tokens += (billionths / NS_PER_SECOND) as u64;
            self.remainder = (billionths % NS_PER_SECOND) as u64;
        }
    }
}
