//! Random programs on cells, on several threads, replayed in commit order.
//!
//! Each event that stands is logged with what it read and its place in the serial order: the
//! timestamp of its commit from the first writer of its burst on, its snapshot before that.
//! Replayed one after the other on plain arrays, every read must return the same. Attempts that
//! failed are replayed at their snapshots, since they too must have seen a state of that order.
//! Real time: what had returned before a burst began is in its snapshot. And each abort is
//! *certified*: it names a committed version, newer than the one that the event saw, with which
//! the observation ended: one version before it was still so.
//!
//! `NFOS_TRANSACTIONS` says how many events have to stand, over all programs; `NFOS_SEED` the seed
//! of the first program. A failure prints both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the figures, and how to see a failure again")]

mod driver;
mod program;
mod replay;
mod sleeper;
mod watch;

use driver::{Config, run};
use nfos_sync::{Bug, seeded};
use replay::Report;

const BASE: Config =
    Config { threads: 4, seed: 1, bursts: 600, burst_max: 8, cells: 6, yields: 8, idles: 8 };

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Programs until `wanted` events stand, or until one of them goes wrong.
fn run_until(wanted: u64, first: u64, shapes: &[Config]) -> Report {
    let mut total = Report::default();
    for seed in first.. {
        let shape = shapes[seed as usize % shapes.len()];
        let config = Config { seed, ..shape };
        total.add(&run(config));
        if let Some(first) = &mut total.wrong.first
            && !seeded(Bug::OriginalProtocol)
        {
            first.push_str(&format!("; {config:?}; again with NFOS_SEED={seed}"));
            break;
        }
        if total.committed >= wanted && seed + 1 >= first + shapes.len() as u64 {
            break;
        }
    }
    eprintln!("cells: {total}");
    total
}

#[test]
fn histories_of_cells_are_strictly_serializable_and_every_abort_is_certified() {
    let wanted = from_environment("NFOS_TRANSACTIONS", 150_000);
    let shapes = [
        Config { threads: 2, ..BASE },
        Config { threads: 4, cells: 3, ..BASE },
        Config { threads: 8, burst_max: 3, cells: 2, bursts: 300, yields: 3, idles: 1, ..BASE },
        Config { threads: 6, burst_max: 16, cells: 24, bursts: 300, yields: 0, ..BASE },
    ];
    let total = run_until(wanted, from_environment("NFOS_SEED", 1), &shapes);
    assert_eq!(total.wrong.first, None, "{total}");
    assert!(total.read_only > 0 && total.certified_plain > 0 && total.certified_predicates > 0);
    assert!(total.failed_attempts > 0 && total.prefixes > 0 && total.avoided > 0, "{total}");
}

#[test]
fn a_reader_that_sleeps_sees_its_snapshot_or_is_told_that_it_is_lost() {
    let slept = sleeper::sleep();
    eprintln!("cells: {slept:?}");
    assert_eq!(slept, sleeper::Slept { shown: 2, told: 2 });
}

/// Run in a process of its own, with the protocol of the NFOS prototype in place of ours.
#[cfg(nfos_mutant)]
#[test]
#[ignore = "run by the test below"]
fn histories_of_the_original_protocol() {
    let shapes = [Config { threads: 4, burst_max: 1, bursts: 3_000, cells: 3, ..BASE }];
    let total = run_until(from_environment("NFOS_TRANSACTIONS", 60_000), 1, &shapes);
    let wrong = &total.wrong;
    assert!(wrong.reads > 0, "no event that stood saw a state that no order produces: {total}");
    assert!(wrong.reads_of_failed > 0, "no event that failed saw half a commit: {total}");
    assert!(wrong.uncertified > 0, "no abort was without a cause: {total}");
    assert!(wrong.elders_that_failed > 0, "no event failed without end: {total}");
}

#[cfg(nfos_mutant)]
#[test]
fn the_original_protocol_is_caught() {
    let tests = std::env::current_exe().unwrap();
    let number = Bug::OriginalProtocol as u8;
    let run = std::process::Command::new(tests)
        .args(["histories_of_the_original_protocol", "--ignored", "--exact", "--nocapture"])
        .env("NFOS_MUTANT", number.to_string())
        .output()
        .unwrap();
    eprintln!("{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "the oracle passes the original protocol");
}
