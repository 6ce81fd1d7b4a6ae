//! A reader that sleeps on its snapshot while history is used up.
//!
//! One writer gives two cells the same value, another one at each commit. The reader looks at the
//! first cell, sleeps while the writer does so many commits and no more, and looks at the second.
//! If the versions that these replace all fit into history it must be shown the same value; if they
//! do not, it must be told that its snapshot is lost. Who follows a line that was used again meets
//! versions that are all too new, and goes round in history for ever: the watch ends that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nfos_stm::{CellId, Memory, Mutator, Observer, Reason, Refused, Transaction};

use crate::program::{AtLeast, OBJECT, Plain, READ, WRITE};
use crate::watch::{EndsAll, Watch};

/// Commits of two cells each that fill history: 1,024 segments of 64 lines.
const COMMITS_MAX: u64 = 32_768;
/// How many of each round. The segment that is in use when one begins is the first to go, with what
/// it has of before; so history serves as many commits as fit into the others, and one more than
/// fit into all use it up.
const ROUNDS: [u64; 4] = [COMMITS_MAX - 32, COMMITS_MAX + 1, 100, COMMITS_MAX + 8_192];

/// How often the reader was shown its snapshot, and how often told that it is lost.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Slept {
    pub(crate) shown: u64,
    pub(crate) told: u64,
}

pub(crate) fn sleep() -> Slept {
    let memory = Arc::new(Memory::new(2, 1 << 20));
    let cells = memory.reserve(2).unwrap();
    let watch = Watch::new("a reader that sleeps");
    let (done, stop) = (Done::default(), AtomicBool::new(false));
    let writer = Transaction::new(memory.clone(), 0, 1);
    let reader = Transaction::new(memory, 1, 1);
    let slept = std::thread::scope(|scope| {
        let (watch, done, stop) = (&watch, &done, &stop);
        scope.spawn(move || {
            let _ends_all = EndsAll(watch);
            write(writer, cells, done, stop);
        });
        let reading = scope.spawn(move || {
            let _ends_all = EndsAll(watch);
            let slept = read(reader, cells, done, watch);
            stop.store(true, Ordering::SeqCst);
            slept
        });
        watch.until(|| stop.load(Ordering::SeqCst));
        reading.join().unwrap()
    });
    let _ends_all = EndsAll(&watch);
    slept
}

/// Commits of the writer so far, and how many it may do.
#[derive(Default)]
struct Done {
    commits: AtomicU64,
    allowed: AtomicU64,
}

fn write(mut tx: Transaction<AtLeast>, cells: CellId, done: &Done, stop: &AtomicBool) {
    let by = Mutator { object: OBJECT, kind: WRITE };
    while !stop.load(Ordering::SeqCst) {
        let number = done.commits.load(Ordering::SeqCst) + 1;
        if number > done.allowed.load(Ordering::SeqCst) {
            std::thread::yield_now();
            continue;
        }
        tx.begin_burst();
        assert!(tx.begin_event());
        for cell in [cells, cells.offset(1)] {
            tx.write(cell, by, [number; 6]).unwrap();
        }
        assert_eq!(tx.commit(1, &mut Plain).committed, 1);
        done.commits.store(number, Ordering::SeqCst);
    }
    tx.idle();
}

fn read(mut tx: Transaction<AtLeast>, cells: CellId, done: &Done, watch: &Watch<'_>) -> Slept {
    let by = Observer { object: OBJECT, kind: READ };
    let mut slept = Slept::default();
    for sleep in ROUNDS {
        tx.begin_burst();
        assert!(tx.begin_event());
        let first = tx.read(cells, by, &Plain).unwrap();
        let until = done.allowed.fetch_add(sleep, Ordering::SeqCst) + sleep;
        while done.commits.load(Ordering::SeqCst) < until {
            std::thread::yield_now();
        }
        let late = tx.read(cells.offset(1), by, &Plain);
        let outcome = tx.commit(1, &mut Plain);
        match late {
            Ok(second) => {
                assert_eq!(first, second, "of two states, after {sleep} commits");
                assert_eq!(outcome.committed, 1, "a read-only event aborted");
                assert!(sleep <= COMMITS_MAX, "no history has room for {sleep} commits");
                slept.shown += 1;
            }
            Err(refused) => {
                assert_eq!(refused, Refused::RunAgain);
                assert!(sleep > COMMITS_MAX, "history has room for {sleep} commits");
                let lost = outcome.failure.map(|failure| failure.reason);
                assert!(matches!(lost, Some(Reason::SnapshotLost { .. })), "{lost:?}");
                slept.told += 1;
            }
        }
        watch.progress();
    }
    tx.idle();
    slept
}
