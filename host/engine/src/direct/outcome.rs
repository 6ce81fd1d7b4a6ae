//! Lifting what a guest returns: the records `outcome` and `configuration`.

use super::memory::GuestBytes;
use crate::description::Configuration;
use crate::exchange::{Exchange, Layout};
use crate::fault::GuestFault;
use crate::services::Services;

/// `configuration.periods` has at most this many.
const PERIODS_MAX: u32 = 16;

/// Checks that the outcome at `answer` has buffers of the burst's sizes, and hands it over.
#[inline]
pub(super) fn accept<S: Services, E: Exchange<S>>(
    services: &mut S,
    mut memory: GuestBytes<'_>,
    answer: u32,
    layout: Layout,
    burst: &mut E,
) -> Result<(), GuestFault> {
    let record: [u8; 24] = *memory.record(answer, 4)?;
    let [verdicts, verdict_count, frames, frames_length, states, states_length] = words(&record);
    if verdict_count > layout.events {
        return Err(bad(format!("{verdict_count} verdicts for {} events", layout.events)));
    }
    if frames_length != layout.frames {
        return Err(bad(format!("`frames` has {frames_length} bytes, not {}", layout.frames)));
    }
    if states_length != layout.states {
        return Err(bad(format!("`states` has {states_length} bytes, not {}", layout.states)));
    }
    burst.accept(
        services,
        memory.records(verdicts, verdict_count)?,
        memory.bytes(frames, frames_length)?,
        memory.bytes(states, states_length)?,
    )
}

/// The configuration at `answer`: the timeout, then the packet sets at 8 and the periods at 12.
pub(super) fn configuration(
    memory: &mut GuestBytes<'_>,
    answer: u32,
) -> Result<Configuration, GuestFault> {
    let record: [u8; 24] = *memory.record(answer, 8)?;
    let [low, high, packet_sets, periods, period_count, _] = words(&record);
    if period_count > PERIODS_MAX {
        return Err(bad(format!("{period_count} periods; at most {PERIODS_MAX}")));
    }
    if !periods.is_multiple_of(8) {
        let length = u64::from(period_count) * 8;
        return Err(GuestFault::BadPointer { pointer: periods, length });
    }
    let periods = memory.records(periods, period_count)?;
    let periods_ns: Vec<u64> = periods.iter().map(|period| u64::from_le_bytes(*period)).collect();
    if periods_ns.contains(&0) {
        return Err(bad("a period of 0 ns; at least 1".to_owned()));
    }
    let idle_timeout_ns = u64::from(low) | u64::from(high) << 32;
    Ok(Configuration { idle_timeout_ns, packet_sets, periods_ns })
}

#[inline]
fn words(record: &[u8; 24]) -> [u32; 6] {
    let mut words = [0; 6];
    for (word, bytes) in words.iter_mut().zip(record.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[cold]
fn bad(rule: String) -> GuestFault {
    GuestFault::BadOutcome(rule)
}
