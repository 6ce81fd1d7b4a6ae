//! Random programs on cells, on several threads, replayed in commit order.
//!
//! Each event that stands is logged with what it read and its place in the serial order: the
//! timestamp of its commit from the first writer of its burst on, its snapshot before that. Replayed
//! one after the other on plain arrays, every read must return the same. Attempts that failed are
//! replayed at their snapshots, since they too must have seen a state of that order. Real time: what
//! had returned before a burst began is in its snapshot. And each abort is *certified*: it names a
//! committed version, newer than the one that the event saw, with which the observation ended: one
//! version before it was still so.
//!
//! `NFOS_TRANSACTIONS` says how many events have to stand, over all programs; `NFOS_SEED` the seed
//! of the first program. A failure prints both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the figures, and how to see a failure again")]

mod driver;
mod program;
mod replay;
mod watch;

use driver::{Config, run};
use replay::Report;

const BASE: Config = Config { threads: 4, seed: 1, bursts: 600, burst_max: 8, cells: 6, yields: 8 };

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn histories_of_cells_are_strictly_serializable_and_every_abort_is_certified() {
    let wanted = from_environment("NFOS_TRANSACTIONS", 150_000);
    let first = from_environment("NFOS_SEED", 1);
    let mut total = Report::default();
    for seed in first.. {
        let shape = [
            Config { threads: 2, ..BASE },
            Config { threads: 4, cells: 3, ..BASE },
            Config { threads: 8, burst_max: 3, cells: 2, bursts: 300, yields: 3, ..BASE },
            Config { threads: 6, burst_max: 16, cells: 24, bursts: 300, yields: 0, ..BASE },
        ];
        total.add(&run(Config { seed, ..shape[(seed % 4) as usize] }));
        if total.committed >= wanted && seed >= first + 3 {
            break;
        }
    }
    eprintln!("cells: {total}");
    assert!(total.read_only > 0 && total.certified_plain > 0 && total.certified_predicates > 0);
    assert!(total.failed_attempts > 0 && total.prefixes > 0 && total.avoided > 0, "{total}");
}
