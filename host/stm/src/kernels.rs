//! The kernels of the protocol under loom: every interleaving, and every value that a load may give
//! by the language's memory model.
//!
//! Each test is a few steps of production code on two or three threads and says what must hold of
//! their outcome. What takes too many steps for all interleavings runs with a bound on preemptions;
//! `LOOM_MAX_PREEMPTIONS` raises it.

use loom::thread;
use nfos_sync::Arc;
use nfos_sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::cell::{Cell, Payload, Version, WORDS};
use crate::commit::Outcome;
use crate::failure::Failure;
use crate::history::{CAPACITY, History, Lost};
use crate::memory::{CellId, Memory, Phase};
use crate::observe::Observer;
use crate::operation::Operation;
use crate::reservation::Reservation;
use crate::retry::FAILURES_BEFORE_GATE;
use crate::settle::View;
use crate::structures::{Pending, Structures};
use crate::transaction::Transaction;
use crate::write_log::Mutator;

const MUTATOR: Mutator = Mutator { object: 0, kind: 0 };
const OBSERVER: Observer = Observer { object: 0, kind: 0 };

/// Cells and nothing on them.
struct Plain;

impl Structures for Plain {
    type Predicate = ();

    fn holds(&self, (): &(), _: CellId, _: &View<'_>) -> bool {
        unreachable!("nothing here is a predicate")
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

/// Goes through all executions of `kernel` with at most `preemptions` preemptions, and says how
/// many there are.
fn explore(name: &str, preemptions: Option<usize>, kernel: impl Fn() + Send + Sync + 'static) {
    let executions = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.max_branches = 20_000;
    let bound = builder.preemption_bound;
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        kernel();
    });
    let within = bound.map_or("all".into(), |bound| format!("up to {bound} preemptions"));
    println!("loom: {name}: {} executions, {within}", executions.load(Relaxed));
    assert!(executions.load(Relaxed) > 1, "nothing was interleaved");
}

/// Two participants, two cells.
fn memory() -> (Arc<Memory>, CellId, CellId) {
    let memory = Arc::new(Memory::new(2, 2 * Cell::BYTES as u64));
    let first = memory.reserve(2).unwrap();
    (memory, first, first.offset(1))
}

fn transaction(memory: &Arc<Memory>, participant: usize) -> Transaction<()> {
    Transaction::new(memory.clone(), participant, 3)
}

/// One event, whose commit must draw the timestamp that it writes to all cells.
fn write(transaction: &mut Transaction<()>, cells: &[CellId], value: u64) {
    transaction.begin_burst();
    assert!(transaction.begin_event());
    for &cell in cells {
        transaction.write(cell, MUTATOR, [value; WORDS]).unwrap();
    }
    assert_eq!(transaction.commit(1, &mut Plain).committed, 1);
    assert_eq!(transaction.committed_at(), Some(value));
}

/// Reads a cell at the snapshot, from history if need be.
fn peek(transaction: &mut Transaction<()>, cell: CellId) -> Payload {
    transaction.peek(cell, OBSERVER).expect("history has it").0
}

#[test]
fn a_copy_is_of_one_version() {
    explore("install, copy", Some(3), || {
        let cells = Arc::new(Reservation::<Cell>::new(1));
        let reader = {
            let cells = cells.clone();
            thread::spawn(move || {
                let seen = cells[0].word();
                if let Some(version) = cells[0].copy_version(seen) {
                    assert_eq!(version.payload, [seen.timestamp(); WORDS]);
                    assert_eq!(version.provenance, seen.timestamp());
                }
            })
        };
        for timestamp in 1..=2 {
            assert!(cells[0].try_hold(0));
            cells[0].install(timestamp, timestamp, &[timestamp; WORDS]);
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_holder_sees_what_the_one_before_it_left() {
    explore("hold, install, hold", None, || {
        let cells = Arc::new(Reservation::<Cell>::new(1));
        let increment = |cells: &Reservation<Cell>, me| {
            let held = cells[0].try_hold(me);
            if held {
                let old = cells[0].held_version();
                assert_eq!(old.payload, [old.timestamp; WORDS]);
                cells[0].install(old.timestamp + 1, 0, &[old.timestamp + 1; WORDS]);
            }
            u64::from(held)
        };
        let other = {
            let cells = cells.clone();
            thread::spawn(move || increment(&cells, 1))
        };
        let mine = increment(&cells, 0);
        let installs = mine + other.join().unwrap();
        assert!(installs >= 1 && cells[0].word().timestamp() == installs);
    });
}

#[test]
fn what_lies_beside_a_cell_is_of_its_version() {
    explore("commit, read beside", Some(3), || {
        let (memory, x, y) = memory();
        let reader = {
            let mut reader = transaction(&memory, 1);
            thread::spawn(move || {
                reader.begin_burst();
                assert!(reader.begin_event());
                let mut beside = None;
                let found = reader.read_beside(x, y, OBSERVER.packed(), |[word]: [u64; 1]| {
                    beside = Some(word);
                    true
                });
                assert!(found.is_none_or(|payload| Some(payload[0]) == beside));
            })
        };
        // Taken in this order, and given back in the other.
        write(&mut transaction(&memory, 0), &[x, y], 1);
        reader.join().unwrap();
    });
}

/// A memory whose first participant has `used` lines of history, each of a timestamp of its own.
fn with_history(used: u32) -> (Arc<Memory>, CellId, CellId, Transaction<()>) {
    let (memory, x, y) = memory();
    let mut writer = transaction(&memory, 0);
    for timestamp in 1..=u64::from(used) {
        memory.draw();
        writer.history.keep(&memory, &version(timestamp - 1), timestamp);
    }
    (memory, x, y, writer)
}

fn version(timestamp: u64) -> Version {
    Version { timestamp, provenance: 0, payload: [timestamp; WORDS] }
}

#[test]
fn a_line_of_history_is_whole_or_lost() {
    explore("keep, overrun, read", None, || {
        let (memory, ..) = memory();
        // Wants everything, so that the last line has to overrun it.
        memory.shared[1].active.store(0, SeqCst);
        let mut history = History::new(0, memory.shared[0].lines.all());
        for timestamp in 1..=u64::from(CAPACITY) {
            history.keep(&memory, &version(timestamp - 1), timestamp);
        }
        let reader = {
            let memory = memory.clone();
            thread::spawn(move || match memory.shared[0].lines.read(0, 1) {
                Ok(line) => assert_eq!((line.timestamp, line.payload), (0, [0; WORDS])),
                Err(Lost) => {}
            })
        };
        let next = u64::from(CAPACITY) + 1;
        history.keep(&memory, &version(next - 1), next);
        reader.join().unwrap();
    });
}

#[test]
fn a_snapshot_has_all_of_a_commit_or_nothing_and_stays() {
    explore("commit, read at a snapshot", Some(1), || {
        let (memory, x, y) = memory();
        let reader = {
            let mut reader = transaction(&memory, 1);
            thread::spawn(move || {
                reader.begin_burst();
                assert!(reader.begin_event());
                // The commit at t writes t, so that the state at S is S in both.
                let snapshot = reader.snapshot();
                for cell in [x, y, x] {
                    assert_eq!(peek(&mut reader, cell), [snapshot; WORDS]);
                }
            })
        };
        write(&mut transaction(&memory, 0), &[y, x], 1);
        reader.join().unwrap();
    });
}

#[test]
fn a_snapshot_has_the_last_commit_before_it_and_no_later_one() {
    explore("two commits, read at a snapshot", Some(1), || {
        let (memory, x, _) = memory();
        let reader = {
            let mut reader = transaction(&memory, 1);
            thread::spawn(move || {
                reader.begin_burst();
                assert!(reader.begin_event());
                let snapshot = reader.snapshot();
                assert_eq!(peek(&mut reader, x), [snapshot; WORDS]);
            })
        };
        let mut writer = transaction(&memory, 0);
        write(&mut writer, &[x], 1);
        write(&mut writer, &[x], 2);
        reader.join().unwrap();
    });
}

#[test]
fn history_that_a_published_snapshot_wants_is_not_taken_back() {
    explore("publish, reclaim", Some(1), || {
        // One line is left of the first segment: the second commit looks for another.
        let (memory, x, _, mut writer) = with_history(1);
        let reader = {
            let mut reader = transaction(&memory, 1);
            thread::spawn(move || {
                reader.begin_burst();
                assert!(reader.begin_event());
                let found = peek(&mut reader, x)[0];
                assert!(found <= reader.snapshot());
                assert!(found + 1 >= reader.snapshot());
            })
        };
        for value in 2..=3 {
            writer.begin_burst();
            assert!(writer.begin_event());
            writer.write(x, MUTATOR, [value; WORDS]).unwrap();
            assert_eq!(writer.commit(1, &mut Plain).committed, 1);
        }
        reader.join().unwrap();
    });
}

/// Reads one cell and adds one to what it found, in the other.
fn increment(transaction: &mut Transaction<()>, from: CellId, to: CellId) -> (u64, Outcome) {
    transaction.begin_burst();
    assert!(transaction.begin_event());
    let found = transaction.read(from, OBSERVER, &Plain).expect("history has it");
    transaction.write(to, MUTATOR, [found[0] + 1; WORDS]).unwrap();
    (found[0], transaction.commit(1, &mut Plain))
}

#[test]
fn no_update_is_lost() {
    explore("two increments", Some(2), || {
        let (memory, x, _) = memory();
        let add = move |memory: &Arc<Memory>, me| {
            let mut transaction = transaction(memory, me);
            let runs = (1..).find(|_| increment(&mut transaction, x, x).1.committed == 1);
            // The other one commits once.
            assert!(runs.unwrap() <= 2);
        };
        let other = {
            let memory = memory.clone();
            thread::spawn(move || add(&memory, 1))
        };
        add(&memory, 0);
        other.join().unwrap();
        assert_eq!(memory.cell(x).held_version().payload, [2; WORDS]);
    });
}

#[test]
fn of_two_that_read_what_the_other_writes_one_sees_the_other() {
    explore("write skew", Some(2), || {
        let (memory, x, y) = memory();
        let other = {
            let memory = memory.clone();
            thread::spawn(move || increment(&mut transaction(&memory, 1), x, y))
        };
        let (found, mine) = increment(&mut transaction(&memory, 0), y, x);
        let (other_found, theirs) = other.join().unwrap();
        assert!(mine.committed + theirs.committed >= 1, "one fails only if the other commits");
        if mine.committed + theirs.committed == 2 {
            assert_eq!(found + other_found, 1);
        }
    });
}

#[test]
fn writers_of_the_same_cells_neither_deadlock_nor_lose_an_operation() {
    explore("lock attempts", Some(3), || {
        let (memory, x, y) = memory();
        let add = |memory: &Arc<Memory>, me, cells: [CellId; 2]| {
            let mut transaction = transaction(memory, me);
            transaction.begin_burst();
            assert!(transaction.begin_event());
            for cell in cells {
                transaction.update(cell, MUTATOR, 0, (Operation::Add, 1), &Plain).unwrap();
            }
            assert_eq!(transaction.commit(1, &mut Plain).failure, None);
        };
        let other = {
            let memory = memory.clone();
            thread::spawn(move || add(&memory, 1, [x, y]))
        };
        add(&memory, 0, [y, x]);
        other.join().unwrap();
        for cell in [x, y] {
            assert_eq!(memory.cell(cell).held_version().payload[0], 2);
        }
    });
}

#[test]
fn an_elder_does_not_fail() {
    explore("gate, commit", Some(4), || {
        let (memory, x, y) = memory();
        let other = {
            let mut other = transaction(&memory, 1);
            thread::spawn(move || {
                other.begin_burst();
                assert!(other.begin_event());
                other.update(x, MUTATOR, 0, (Operation::Add, 1), &Plain).unwrap();
                assert_eq!(other.commit(1, &mut Plain).failure, None);
            })
        };
        let mut elder = transaction(&memory, 0);
        elder.retry.failures = FAILURES_BEFORE_GATE;
        elder.retry.failed_on = Some(x);
        assert_eq!(increment(&mut elder, x, y).1.failure, None);
        other.join().unwrap();
        assert_eq!(memory.shared[0].phase(), Phase::Idle);
    });
}
