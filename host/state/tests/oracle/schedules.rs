//! The oracle under shuttle: short programs, and a schedule that may change at every atomic
//! operation.
//!
//! Every seed makes a program and its schedules: some at random, some by probabilistic concurrency
//! testing, which runs threads by priority and changes priorities at [`DEPTH`] − 1 random steps, so
//! that a fault which needs so few changes is found with a known probability. A thread that waits
//! yields; a schedule longer than [`STEPS_MAX`] means that all wait for one another.
//!
//! `NFOS_SEEDS` says how many seeds (or, as `FROM..TO`, which), `NFOS_SCHEDULES` how many schedules
//! of each and of either kind.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{MaxSteps, Runner};

use crate::driver::{Config, run};

/// Orderings of steps that a schedule by priorities can get right at once.
const DEPTH: usize = 3;
/// Hundred times the steps of a typical schedule.
const STEPS_MAX: usize = 2_000_000;

const SMALL: Config = Config {
    threads: 2,
    seed: 0,
    bursts: 4,
    burst_max: 3,
    elements: 2,
    keys: 3,
    map_capacity: 2,
    ids: 2,
    refresh_interval_ns: 0,
    yields: 0,
};

#[test]
fn every_schedule_of_two_threads_is_strictly_serializable() {
    explore("two_threads", SMALL);
}

#[test]
fn every_schedule_of_three_threads_is_strictly_serializable() {
    explore("three_threads", Config { threads: 3, bursts: 3, ..SMALL });
}

#[test]
fn every_schedule_with_skipped_refreshes_is_strictly_serializable() {
    explore(
        "skipped_refreshes",
        Config { threads: 3, bursts: 2, refresh_interval_ns: 40, ..SMALL },
    );
}

fn explore(test: &str, config: Config) {
    let (seeds, schedules) = (seeds(), number("NFOS_SCHEDULES", 10));
    let mut ran = 0;
    for seed in seeds.clone() {
        let config = Config { seed, ..config };
        ran += schedule(test, RandomScheduler::new_from_seed(seed, schedules), config);
        ran += schedule(test, PctScheduler::new_from_seed(seed, DEPTH, schedules), config);
    }
    println!("shuttle: {test}: {ran} schedules of {} programs", seeds.count());
    assert!(ran > 0, "no schedule was run");
}

fn schedule(test: &str, scheduler: impl Scheduler + 'static, config: Config) -> usize {
    let mut settings = shuttle::Config::new();
    settings.silence_warnings = true;
    settings.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    settings.stack_size = 256 << 10;
    let runner = Runner::new(scheduler, settings);
    let outcome = catch_unwind(AssertUnwindSafe(|| runner.run(move || drop(run(config)))));
    outcome.unwrap_or_else(|panic| {
        let Config { seed, .. } = config;
        println!(
            "shuttle: seed {seed} fails; again with: NFOS_SEEDS={seed}..{} ci/shuttle.sh {test}",
            seed + 1
        );
        resume_unwind(panic)
    })
}

fn seeds() -> Range<u64> {
    let text = std::env::var("NFOS_SEEDS").unwrap_or_default();
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..number("NFOS_SEEDS", 20) as u64,
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}
