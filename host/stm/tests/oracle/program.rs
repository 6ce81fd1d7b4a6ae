//! Random events over cells.

use nfos_stm::{CellId, Failure, Mutator, Observer, Operation, Payload, Pending, Refused};
use nfos_stm::{Structures, Transaction, View};

use crate::driver::Config;

pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Whether the first word of a cell is at least a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtLeast {
    pub(crate) bound: u64,
    pub(crate) answer: bool,
}

impl AtLeast {
    pub(crate) fn holds(self, payload: &Payload) -> bool {
        (payload[0] >= self.bound) == self.answer
    }
}

/// Cells and nothing else.
pub(crate) struct Plain;

impl Structures for Plain {
    type Predicate = AtLeast;

    fn holds(&self, predicate: &AtLeast, cell: CellId, at: &View<'_>) -> bool {
        at.read(cell).is_some_and(|payload| predicate.holds(&payload))
    }

    fn resolve(&mut self, end: usize, _: &mut Pending<'_>) -> (usize, Option<Failure>) {
        (end, None)
    }

    fn announce(&mut self, _: usize) {}

    fn reserving(&self) -> Option<Observer> {
        None
    }

    fn finish(&mut self, _: usize, _: Option<u64>) {}
}

/// An operation with its result.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Read(u32, Payload),
    Ask(u32, AtLeast),
    Write(u32, Payload),
    Update(u32, usize, Operation, u64),
}

/// Kinds of observations and changes, for the records of aborts.
pub(crate) const READ: u8 = 1;
pub(crate) const ASK: u8 = 2;
pub(crate) const WRITE: u8 = 3;
pub(crate) const UPDATE: u8 = 4;

pub(crate) const OBJECT: u16 = 7;

fn observer(kind: u8) -> Observer {
    Observer { object: OBJECT, kind }
}

fn mutator(kind: u8) -> Mutator {
    Mutator { object: OBJECT, kind }
}

/// Runs the event of a seed and logs it; `false` if its snapshot was lost.
pub(crate) fn run_event(
    tx: &mut Transaction<AtLeast>,
    (first, config): (CellId, &Config),
    seed: u64,
    log: &mut Vec<Op>,
) -> bool {
    let mut random = Random(seed);
    // Some events only read, some only change, most do both.
    let style = random.below(5);
    for _ in 0..1 + random.below(4) {
        if config.yields > 0 && random.below(config.yields) == 0 {
            std::thread::yield_now();
        }
        let choice = match style {
            0 => random.below(4),
            1 => 4 + random.below(5),
            _ => random.below(9),
        };
        let cell = random.below(u64::from(config.cells)) as u32;
        match run_op(tx, (first, cell), choice, &mut random) {
            Ok(op) => log.push(op),
            Err(Refused::RunAgain) => return false,
            Err(Refused::LogFull) => panic!("a few operations fill no log"),
        }
    }
    true
}

fn run_op(
    tx: &mut Transaction<AtLeast>,
    (first, index): (CellId, u32),
    choice: u64,
    random: &mut Random,
) -> Result<Op, Refused> {
    let cell = first.offset(index);
    Ok(match choice {
        // An own write hides the cell that is asked about.
        3 | 4 if !tx.has_pending(cell) => {
            // Values of first words are spread over these bits.
            let bound = random.next() >> 1;
            let payload = tx.read_predicate(cell, observer(ASK), &Plain, |payload| {
                Some(AtLeast { bound, answer: payload[0] >= bound })
            })?;
            Op::Ask(index, AtLeast { bound, answer: payload[0] >= bound })
        }
        0..5 => Op::Read(index, tx.read(cell, observer(READ), &Plain)?),
        5 | 6 => {
            let words = std::array::from_fn(|_| random.next() >> 1);
            tx.write(cell, mutator(WRITE), words)?;
            Op::Write(index, words)
        }
        _ => {
            let word = random.below(6) as usize;
            let operation = [Operation::Add, Operation::Max, Operation::Min, Operation::Or];
            // A word has an operation of its own, most of the time: others would observe it.
            let which = if random.below(8) == 0 { random.below(4) as usize } else { word % 4 };
            let operand = random.next() >> 1;
            let update = (operation[which], operand);
            tx.update(cell, mutator(UPDATE), word, update, &Plain)?;
            Op::Update(index, word, operation[which], operand)
        }
    })
}
