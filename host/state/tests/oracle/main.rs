//! Random programs on several threads, replayed in commit order on plain collections.
//!
//! Each committed event is logged with its results and its place in the serial order: the
//! timestamp of its commit from the first writer of the burst on, its snapshot before that. Sorted
//! by place, the events run again on a model, one after the other: every result must be the same,
//! and so must the state at the end. Attempts that failed are replayed at their snapshots, since
//! they too must have seen a state of that order. Real time: what had returned before a burst began
//! is in its snapshot.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the figures, and how to see a failure again")]

mod certify;
mod driver;
mod falsify;
mod model;
mod program;
#[cfg(nfos_shuttle)]
mod schedules;
mod shortage;
#[cfg(not(nfos_shuttle))]
#[path = "../../../stm/tests/oracle/watch.rs"]
mod watch;

use std::collections::BTreeSet;

use driver::{Config, run};
use nfos_sync::limit;

const BASE: Config = Config {
    threads: 4,
    seed: 1,
    bursts: 6_000,
    burst_max: 8,
    elements: 12,
    keys: 24,
    map_capacity: 16,
    ids: 10,
    refresh_interval_ns: 0,
    yields: 0,
};

/// Bursts that write more cells than the indices of the logs have room for at first.
const LARGE: Config = Config {
    threads: 3,
    burst_max: 64,
    elements: 2_000,
    keys: 1_500,
    map_capacity: 1_200,
    ids: 600,
    ..BASE
};

/// The one that Miri and ThreadSanitizer run.
#[test]
fn short_histories_are_strictly_serializable() {
    let short = Config { elements: 4, keys: 6, map_capacity: 4, ids: 4, burst_max: 4, ..BASE };
    for seed in 51..51 + limit(6, 1) as u64 {
        run(Config { threads: 3, bursts: limit(1_000, 4), seed, ..short });
    }
}

#[test]
fn histories_of_two_threads_are_strictly_serializable() {
    for seed in 1..4 {
        run(Config { threads: 2, bursts: 30_000, seed, ..BASE });
    }
}

#[test]
fn histories_of_many_threads_are_strictly_serializable() {
    run(Config { threads: 8, bursts: 6_000, burst_max: 32, seed: 11, ..BASE });
    run(Config { threads: 5, bursts: 8_000, burst_max: 3, seed: 12, yields: 20, ..BASE });
}

#[test]
fn histories_with_yields_in_every_event_are_strictly_serializable() {
    let report = run(Config { threads: 8, yields: 3, seed: 21, ..BASE });
    let also = run(Config { threads: 3, yields: 2, bursts: 15_000, seed: 22, ..BASE });
    for outcome in driver::OUTCOMES {
        let times = report.outcomes.get(outcome).or(also.outcomes.get(outcome)).copied();
        assert!(times.unwrap_or(0) > 0, "{outcome} never came up: {:?}", report.outcomes);
    }
    let caused = |id: &str| report.causes.iter().chain(&also.causes).any(|cause| cause.id == id);
    for id in ["V1", "V2", "M1", "M2", "M3", "M4", "M7", "M8", "A1", "A2", "A3", "A5", "D1"] {
        assert!(caused(id), "{id} was not provoked: {:?}", report.causes);
    }
}

#[test]
fn histories_on_scarce_structures_are_strictly_serializable() {
    let scarce = Config { elements: 2, keys: 6, map_capacity: 3, ids: 3, yields: 5, ..BASE };
    run(Config { threads: 8, seed: 31, ..scarce });
    run(Config { threads: 2, bursts: 20_000, seed: 32, ..scarce });
    run(Config { threads: 4, refresh_interval_ns: 40, seed: 33, ..scarce });
}

#[test]
fn histories_on_roomy_structures_are_strictly_serializable() {
    let roomy = Config { elements: 500, keys: 2_000, map_capacity: 1_200, ids: 900, ..BASE };
    run(Config { threads: 4, burst_max: 32, seed: 41, ..roomy });
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Short programs, each soon replayed, until as many events stand as are asked for.
#[test]
fn histories_of_many_programs_are_strictly_serializable_and_every_abort_is_certified() {
    let wanted = from_environment("NFOS_TRANSACTIONS", 60_000);
    let first = from_environment("NFOS_SEED", 1);
    let short = Config { bursts: driver::SHORT, ..BASE };
    let shapes = [
        Config { threads: 2, ..short },
        Config { threads: 8, yields: 3, ..short },
        Config { threads: 8, elements: 2, keys: 6, map_capacity: 3, ids: 3, yields: 5, ..short },
        Config { threads: 4, refresh_interval_ns: 40, ids: 4, yields: 4, ..short },
        Config { threads: 5, burst_max: 32, elements: 100, keys: 200, map_capacity: 120, ..short },
        Config { bursts: 60, ..LARGE },
    ];
    let (mut committed, mut certified, mut runs_max) = (0, [0; 3], 0);
    let (mut outcomes, mut causes) = (BTreeSet::new(), BTreeSet::new());
    let (mut refused, mut found_out) = (falsify::Refused::new(), 0);
    for seed in first.. {
        let report = run(Config { seed, ..shapes[seed as usize % shapes.len()] });
        committed += report.committed;
        runs_max = runs_max.max(report.runs_max);
        (0..3).for_each(|i| certified[i] += report.certified[i]);
        found_out += report.found_out;
        report.refused.into_iter().for_each(|(of, times)| *refused.entry(of).or_default() += times);
        outcomes.extend(report.outcomes.into_keys());
        causes.extend(report.causes.into_iter().map(|cause| cause.id));
        if committed >= wanted && seed + 1 >= first + 2 * shapes.len() as u64 {
            break;
        }
    }
    eprintln!(
        "structures: {committed} events replayed; {} aborts certified by a commit and {} by a \
         shortage, 0 uncertified; at most {runs_max} runs of an event; causes {causes:?}",
        certified[0], certified[1]
    );
    eprintln!("structures: false certificates refused: {refused:?}; keys found out: {found_out}");
    assert!(found_out > 0, "no key of a slot was found out without the record");
    for about in falsify::ABOUT {
        assert!(refused.contains_key(about), "{about} was never falsified: {refused:?}");
    }
    for outcome in driver::OUTCOMES {
        assert!(outcomes.contains(outcome), "{outcome} never came up: {outcomes:?}");
    }
    for id in ["V1", "V2", "M1", "M2", "M3", "M4", "A1", "A2", "A3", "A5", "D1"] {
        assert!(causes.contains(id), "{id} was not provoked: {causes:?}");
    }
}
