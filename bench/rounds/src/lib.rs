//! Measurements that take turns.
//!
//! What else a machine does comes and goes, and its clock changes with the heat. So competitors
//! are not measured one after the other but in turns, A B C A B C …, in rounds so short that most
//! are left alone, and of all rounds the median counts.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How the bench was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `cargo bench`.
    Measure,
    /// `cargo test`, or `--test`: everything once, no figures.
    Try,
}

impl Mode {
    /// What the arguments say.
    pub fn of_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        if has("--bench") && !has("--test") { Self::Measure } else { Self::Try }
    }
}

/// Whether the arguments name what is called so, or part of its name, or nothing at all.
pub fn is_wanted(name: &str) -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut wanted = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    wanted.peek().is_none() || wanted.any(|part| name.contains(part.as_str()))
}

/// Something to be measured: runs once, and answers how many units that were.
pub type Subject<'a> = Box<dyn FnMut() -> u64 + 'a>;

/// Measures all subjects in turns and answers the median nanoseconds of a unit for each.
///
/// Each subject runs in each round for at least `round_ns`; in [`Mode::Try`] once.
pub fn medians(mode: Mode, rounds: usize, round_ns: u64, subjects: &mut [Subject<'_>]) -> Vec<f64> {
    if mode == Mode::Try {
        return subjects.iter_mut().map(|subject| once(subject)).collect();
    }
    let runs: Vec<u64> = subjects.iter_mut().map(|subject| runs_of(subject, round_ns)).collect();
    let mut measured = vec![Vec::with_capacity(rounds); subjects.len()];
    for _ in 0..rounds {
        for ((subject, &runs), measured) in subjects.iter_mut().zip(&runs).zip(&mut measured) {
            measured.push(nanoseconds_per_unit(subject, runs));
        }
    }
    measured.into_iter().map(median).collect()
}

fn once(subject: &mut Subject<'_>) -> f64 {
    nanoseconds_per_unit(subject, 1)
}

/// How often a subject has to run to fill a round; warms it up on the way.
fn runs_of(subject: &mut Subject<'_>, round_ns: u64) -> u64 {
    let mut runs = 1;
    loop {
        let start = Instant::now();
        nanoseconds_per_unit(subject, runs);
        if start.elapsed().as_nanos() as u64 >= round_ns {
            return runs;
        }
        runs *= 2;
    }
}

fn nanoseconds_per_unit(subject: &mut Subject<'_>, runs: u64) -> f64 {
    ASIDE.set(Duration::ZERO);
    let start = Instant::now();
    let units: u64 = (0..runs).map(|_| subject()).sum();
    let measured = start.elapsed().saturating_sub(ASIDE.get());
    measured.as_nanos() as f64 / units as f64
}

thread_local! {
    /// What the present measurement does not count.
    static ASIDE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// For subjects: does what has to be done but is not to be measured.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    ASIDE.set(ASIDE.get() + start.elapsed());
    result
}

/// The middle of the values.
///
/// # Panics
/// If there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Keeps this thread on the last core; the first has the interrupts.
pub fn pin() {
    if let Some(core) = core_affinity::get_core_ids().and_then(|cores| cores.last().copied()) {
        core_affinity::set_for_current(core);
    }
}
