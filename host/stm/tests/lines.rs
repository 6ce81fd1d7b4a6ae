//! What a transaction asks of the memory system, in lines of the cache and atomic operations, by
//! exact counts: see `ci/lines.sh`. Speed is measured elsewhere; these do not depend on a machine.

#![cfg(nfos_counting)]

mod plain;

use nfos_stm::{CellId, Memory, Mutator, Observer, Operation, Transaction};
use nfos_sync::Arc;
use nfos_sync::counting::{Counts, count};
use plain::Plain;

const OBSERVER: Observer = Observer { object: 1, kind: 1 };
const MUTATOR: Mutator = Mutator { object: 1, kind: 2 };

type Event = fn(&mut Transaction<()>, CellId);

struct Stage {
    tx: Transaction<()>,
    cells: CellId,
}

/// Two participants, and cells that have been written, so that each has a version to keep.
fn stage() -> Stage {
    let memory = Arc::new(Memory::new(2, 1 << 12));
    let cells = memory.reserve(64).expect("64 cells");
    let mut stage = Stage { tx: Transaction::new(memory, 0, 32), cells };
    stage.burst(32, write);
    stage
}

impl Stage {
    /// A burst of `events` events, each on a cell of its own.
    fn burst(&mut self, events: usize, event: Event) {
        self.tx.begin_burst();
        for number in 0..events {
            assert!(self.tx.begin_event());
            event(&mut self.tx, self.cells.offset(number as u32));
        }
        assert_eq!(self.tx.commit(events, &mut Plain).committed, events);
    }
}

fn read(tx: &mut Transaction<()>, cell: CellId) {
    tx.read(cell, OBSERVER, &Plain).expect("nothing is in its way");
}

fn write(tx: &mut Transaction<()>, cell: CellId) {
    tx.write(cell, MUTATOR, [2; nfos_stm::WORDS]).expect("room");
}

fn add(tx: &mut Transaction<()>, cell: CellId) {
    tx.update(cell, MUTATOR, 0, (Operation::Add, 1), &Plain).expect("room");
}

fn read_and_write(tx: &mut Transaction<()>, cell: CellId) {
    read(tx, cell);
    write(tx, cell);
}

/// What bursts of 1 to 16 such events cost: so much for each event, and so much for the burst.
fn costs(event: Event, each: Counts, burst: Counts) {
    for events in [1, 2, 7, 16] {
        let mut stage = stage();
        let expected = Counts {
            lines: events * each.lines + burst.lines,
            lines_written: events * each.lines_written + burst.lines_written,
            read_modify_writes: events * each.read_modify_writes + burst.read_modify_writes,
        };
        assert_eq!(count(|| stage.burst(events, event)), expected, "{events} events");
    }
}

const fn counts(lines: usize, lines_written: usize, read_modify_writes: usize) -> Counts {
    Counts { lines, lines_written, read_modify_writes }
}

#[test]
fn a_read_touches_its_cell_and_a_burst_of_them_shares_nothing_but_the_clock() {
    // The clock is loaded, the own snapshot published by a store.
    costs(read, counts(1, 0, 0), counts(2, 1, 0));
}

#[test]
fn a_write_takes_its_cell_and_keeps_one_line_and_a_commit_draws_once() {
    for event in [write, add, read_and_write] {
        costs(event, counts(2, 2, 1), counts(4, 3, 2));
    }
}
