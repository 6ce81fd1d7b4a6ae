//! Cache lines as resources: who has one, and until when somebody is at it.
//!
//! A line that a worker has costs nothing beyond what its events cost on one core. One that another
//! has written costs a *transfer*, and so does a write to one that others have too. Whoever writes
//! is at the line until its commit is through, and the next must wait that long: so hot lines, and
//! the clock, queue. Lines that nobody has written yet lie in memory and cost nothing more.

/// What came of an access, in picoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// The line's way from its last holder.
    pub transfer: u64,
    /// Waiting until the last holder was through.
    pub wait: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Who has it, a bit for each worker.
    sharers: u128,
    /// Until when it cannot be had.
    busy_until: u64,
    /// Whether it was ever written: else it is in memory.
    written: bool,
}

/// All lines of the shared state, by the number of their cell, and the clock's behind them.
#[derive(Debug)]
pub struct Lines {
    lines: Vec<Line>,
    transfer: u64,
}

impl Lines {
    /// For so many cells; a transfer takes this many picoseconds.
    #[must_use]
    pub fn new(cells: usize, transfer: u64) -> Self {
        Self { lines: vec![Line::default(); cells + 1], transfer }
    }

    /// The line of the counter that timestamps come from.
    #[must_use]
    pub fn clock(&self) -> usize {
        self.lines.len() - 1
    }

    /// A worker reads a line.
    pub fn read(&mut self, line: usize, worker: usize, now: u64) -> Charge {
        let transfer = self.transfer;
        let Some(line) = self.lines.get_mut(line) else { return Charge::default() };
        let me = 1 << worker;
        let moves = line.written && line.sharers & me == 0;
        line.sharers |= me;
        if !moves {
            return Charge::default();
        }
        Charge { transfer, wait: line.busy_until.saturating_sub(now) }
    }

    /// A worker gets a line for itself, to write it.
    pub fn own(&mut self, line: usize, worker: usize, now: u64) -> Charge {
        let transfer = self.transfer;
        let Some(line) = self.lines.get_mut(line) else { return Charge::default() };
        let me = 1 << worker;
        let moves = line.written && line.sharers != me || line.sharers & !me != 0;
        (line.sharers, line.written) = (me, true);
        let wait = line.busy_until.saturating_sub(now);
        Charge { transfer: if moves { transfer } else { 0 }, wait }
    }

    /// Nobody else gets the line before this time.
    pub fn keep(&mut self, line: usize, until: u64) {
        if let Some(line) = self.lines.get_mut(line) {
            line.busy_until = line.busy_until.max(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lines_are_free_and_foreign_ones_cost_a_transfer() {
        let mut lines = Lines::new(4, 100);
        assert_eq!(lines.read(0, 1, 0), Charge::default());
        assert_eq!(lines.own(0, 1, 0), Charge::default());
        assert_eq!(lines.own(0, 1, 5), Charge::default());
        assert_eq!(lines.read(0, 2, 10).transfer, 100);
        assert_eq!(lines.read(0, 2, 11), Charge::default());
        assert_eq!(lines.own(0, 1, 12).transfer, 100);
        assert_eq!(lines.read(0, 2, 13).transfer, 100);
    }

    #[test]
    fn who_comes_while_a_line_is_held_waits_for_it() {
        let mut lines = Lines::new(1, 100);
        let clock = lines.clock();
        lines.own(clock, 0, 0);
        lines.keep(clock, 500);
        assert_eq!(lines.own(clock, 1, 200), Charge { transfer: 100, wait: 300 });
        assert_eq!(lines.read(99, 0, 0), Charge::default());
    }
}
