//! What threads run.

/// An operation of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Observes a cell.
    Read(u8),
    /// Replaces a cell, blindly.
    Write(u8, u8),
    /// Adds to a cell, blindly.
    Add(u8, u8),
}

/// The events of one thread.
pub type Events = Vec<Vec<Op>>;

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Cells.
    pub cells: u8,
    /// History lines of each thread.
    pub lines: u8,
    /// The most events of a burst.
    pub burst: u8,
    /// Failures that the first thread begins with: 2 makes its first event an elder's.
    pub failures: u8,
    /// The events of each thread.
    pub threads: Vec<Events>,
}

/// Random numbers for programs: a linear congruence is random enough.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

impl Program {
    /// The program of a seed: `threads` threads of up to `events` events of up to two operations.
    #[must_use]
    pub fn random(seed: u64, threads: u8, events: u8) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1);
        random.below(2);
        let event = |random: &mut Random, tag: u8| {
            let ops = 1 + random.below(2);
            (0..ops)
                .map(|index| {
                    let cell = random.below(2) as u8;
                    match random.below(5) {
                        0 | 1 => Op::Read(cell),
                        2 | 3 => Op::Write(cell, tag + index as u8),
                        _ => Op::Add(cell, 64),
                    }
                })
                .collect()
        };
        let threads = (0..threads)
            .map(|thread| {
                let count = 1 + random.below(u64::from(events)) as u8;
                (0..count).map(|i| event(&mut random, 1 + thread * 16 + i * 4)).collect()
            })
            .collect();
        Self { cells: 2, lines: 2, burst: events, failures: 0, threads }
    }
}
