//! What threads run.

use crate::map::{self, KEYS};

/// An operation of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Observes a cell.
    Read(u8),
    /// Replaces a cell, blindly.
    Write(u8, u8),
    /// Adds to a cell, blindly.
    Add(u8, u8),
    /// Looks a key of the map up.
    Get(u8),
    /// Sets a key, blindly.
    Set(u8, u8),
    /// Removes a key, if it is there.
    Remove(u8),
}

/// The events of one thread.
pub type Events = Vec<Vec<Op>>;

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Cells.
    pub cells: u8,
    /// The keys that are there at first, if the first cells are a map's.
    pub map: Option<u8>,
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

    fn of(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1);
        random.below(2);
        random
    }

    fn threads(&mut self, threads: u8, events: u8, operation: Operation) -> Vec<Events> {
        let event = |random: &mut Self, tag: u8| {
            let ops = 1 + random.below(2) as u8;
            (0..ops).map(|index| operation(random, tag + index)).collect()
        };
        (0..threads)
            .map(|thread| {
                let count = 1 + self.below(u64::from(events)) as u8;
                (0..count).map(|i| event(self, 1 + thread * 16 + i * 4)).collect()
            })
            .collect()
    }
}

/// The operations of an event of a random program; `tag` makes what it writes its own.
type Operation = fn(random: &mut Random, tag: u8) -> Op;

fn on_cells(random: &mut Random, tag: u8) -> Op {
    let cell = random.below(2) as u8;
    match random.below(5) {
        0 | 1 => Op::Read(cell),
        2 | 3 => Op::Write(cell, tag),
        _ => Op::Add(cell, 64),
    }
}

fn on_keys(random: &mut Random, tag: u8) -> Op {
    let key = random.below(u64::from(KEYS)) as u8;
    match random.below(8) {
        0 | 1 => Op::Get(key),
        2..=4 => Op::Set(key, tag),
        _ => Op::Remove(key),
    }
}

impl Program {
    /// The program of a seed: `threads` threads of up to `events` events of up to two operations.
    #[must_use]
    pub fn random(seed: u64, threads: u8, events: u8) -> Self {
        let mut random = Random::of(seed);
        let threads = random.threads(threads, events, on_cells);
        Self { cells: 2, map: None, lines: 2, burst: events, failures: 0, threads }
    }

    /// The same on the keys of a map, of which some are there.
    #[must_use]
    pub fn random_on_keys(seed: u64, threads: u8, events: u8) -> Self {
        let mut random = Random::of(seed);
        let map = Some(KEYS - random.below(4).min(KEYS.into()) as u8);
        let threads = random.threads(threads, events, on_keys);
        Self { cells: map::CELLS, map, lines: 3, burst: events, failures: 0, threads }
    }
}
