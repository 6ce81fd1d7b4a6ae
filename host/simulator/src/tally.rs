//! What is counted while workers are played.

use nfos_records::simulation::TimeShares;

/// Where time went, in picoseconds of all workers together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) work: u64,
    pub(crate) wasted: u64,
    pub(crate) transfers: u64,
    pub(crate) locks: u64,
    pub(crate) clock: u64,
    pub(crate) rooms: u64,
    pub(crate) gate: u64,
    pub(crate) idle: u64,
}

/// Counts since the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Packets that are done with.
    pub(crate) packets: u64,
    /// Events that are done with.
    pub(crate) events: u64,
    /// Runs that were thrown away.
    pub(crate) aborts: u64,
    pub(crate) bursts: u64,
    /// Bursts of which something was thrown away.
    pub(crate) failing: u64,
    /// Events that bursts began with.
    pub(crate) begun: u64,
    pub(crate) spent: Spent,
}

fn of(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

macro_rules! minus {
    ($later:expr, $earlier:expr, $kind:ident { $($field:ident),* }, $($other:tt)*) => {
        $kind { $($field: $later.$field - $earlier.$field,)* $($other)* }
    };
}

impl Tally {
    /// What has happened since an earlier time.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let spent = minus!(
            self.spent,
            earlier.spent,
            Spent { work, wasted, transfers, locks, clock, rooms, gate, idle },
        );
        minus!(self, earlier, Tally { packets, events, aborts, bursts, failing, begun }, spent)
    }

    pub(crate) fn aborted_share(&self) -> f64 {
        of(self.aborts, self.events + self.aborts)
    }

    pub(crate) fn failing_share(&self) -> f64 {
        of(self.failing, self.bursts)
    }

    pub(crate) fn runs_per_event(&self) -> f64 {
        of(self.events + self.aborts, self.events)
    }

    pub(crate) fn burst_mean(&self) -> f64 {
        of(self.begun, self.bursts)
    }

    pub(crate) fn shares(&self) -> TimeShares {
        let Spent { work, wasted, transfers, locks, clock, rooms, gate, idle } = self.spent;
        let sum = work + wasted + transfers + locks + clock + rooms + gate + idle;
        TimeShares {
            work: of(work, sum),
            wasted: of(wasted, sum),
            transfers: of(transfers, sum),
            locks: of(locks, sum),
            clock: of(clock, sum),
            rooms: of(rooms, sum),
            gate: of(gate, sum),
            idle: of(idle, sum),
        }
    }
}
