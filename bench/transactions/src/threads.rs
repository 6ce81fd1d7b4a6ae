//! Threads side by side, and whether they were.
//!
//! On a machine that does other things, two threads run less often at once than in turns, and then
//! they cannot get in each other's way: such a round tells nothing about two cores. So rounds are
//! shorter than a time slice, begin when all threads spin, and count only if all threads ran at the
//! same time and none was taken off its core.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use core_affinity::CoreId;
use rustix::time::{ClockId, clock_gettime};

/// What one thread does: runs once, and answers how many units that were.
pub type Job<'a> = Box<dyn FnMut() -> u64 + Send + 'a>;

/// The cores of this machine.
#[derive(Clone, Debug)]
pub struct Cores(Vec<CoreId>);

impl Cores {
    /// All that this thread may run on: to be asked before it keeps to one.
    pub fn of_this_thread() -> Self {
        Self(core_affinity::get_core_ids().unwrap_or_else(|| vec![CoreId { id: 0 }]))
    }
}

/// The part of a round in which all threads must have been on their cores.
const TOGETHER: f64 = 0.9;

/// How long ago a thread that waits on its core can have said so, at most.
const FRESH_NS: u64 = 2_000;

/// One thread's part of a round.
#[derive(Clone, Copy, Debug)]
struct Part {
    units: u64,
    start_ns: u64,
    end_ns: u64,
    cpu_ns: u64,
}

/// Runs the jobs side by side, each on a core of its own, once a round. Answers, for each round
/// that counts, how many units they did together in a microsecond.
pub fn units_per_us(cores: &Cores, jobs: &mut [Job<'_>], rounds: usize) -> Vec<f64> {
    let epoch = Instant::now();
    let places: Vec<Place> = jobs.iter().map(|_| Place::default()).collect();
    let parts: Vec<Vec<Part>> = thread::scope(|scope| {
        let spawned: Vec<_> = jobs
            .iter_mut()
            .zip(cores.0.iter().rev().cycle())
            .enumerate()
            .map(|(me, (job, &core))| {
                let places = &places;
                scope.spawn(move || {
                    core_affinity::set_for_current(core);
                    let round = |round| {
                        // On fewer cores they would wait for each other in vain.
                        if cores.0.len() >= places.len() {
                            Place::meet(places, me, round as u64, epoch);
                        }
                        part(job, epoch)
                    };
                    let parts = (0..rounds).map(round).collect();
                    places[me].round.store(u64::MAX, Ordering::Release);
                    parts
                })
            })
            .collect();
        spawned.into_iter().map(|thread| thread.join().expect("no job panics")).collect()
    });
    let round = |round: usize| rate(&parts.iter().map(|parts| parts[round]).collect::<Vec<_>>());
    (0..rounds).filter_map(round).collect()
}

/// The rate of a round, if it counts.
fn rate(parts: &[Part]) -> Option<f64> {
    let first_end = parts.iter().map(|part| part.end_ns).min()?;
    let last_start = parts.iter().map(|part| part.start_ns).max()?;
    let together_ns = first_end.saturating_sub(last_start) as f64;
    let counts = |part: &Part| {
        let ns = (part.end_ns - part.start_ns) as f64;
        together_ns > TOGETHER * ns && part.cpu_ns as f64 > TOGETHER * ns
    };
    let rate = |part: &Part| part.units as f64 * 1e3 / (part.end_ns - part.start_ns) as f64;
    parts.iter().all(counts).then(|| parts.iter().map(rate).sum())
}

fn part(job: &mut Job<'_>, epoch: Instant) -> Part {
    let now_ns = || epoch.elapsed().as_nanos() as u64;
    let (start_ns, cpu_start_ns) = (now_ns(), cpu_ns());
    let units = job();
    Part { units, start_ns, end_ns: now_ns(), cpu_ns: cpu_ns() - cpu_start_ns }
}

/// Where a thread is: the round that it waits for or runs, and when it last said so while waiting.
#[derive(Debug, Default)]
struct Place {
    round: AtomicU64,
    seen_ns: AtomicU64,
}

impl Place {
    /// Waits, on the core, until all are there for the round and on their cores too, or ahead.
    fn meet(places: &[Self], me: usize, round: u64, epoch: Instant) {
        places[me].round.store(round, Ordering::Release);
        loop {
            let now_ns = epoch.elapsed().as_nanos() as u64;
            places[me].seen_ns.store(now_ns, Ordering::Release);
            let is_there = |place: &Self| {
                let is_now =
                    now_ns.saturating_sub(place.seen_ns.load(Ordering::Acquire)) < FRESH_NS;
                let at = place.round.load(Ordering::Acquire);
                at > round || at == round && is_now
            };
            if places.iter().all(is_there) {
                return;
            }
            spin_loop();
        }
    }
}

/// Nanoseconds that this thread has run.
fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Work of a hundred nanoseconds or so that touches no memory: a chain of multiplications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    steps: u32,
}

impl Work {
    /// None.
    pub const NONE: Self = Self { steps: 0 };

    /// So many nanoseconds, as this thread goes.
    pub fn of_ns(ns: f64) -> Self {
        const STEPS: u32 = 1 << 20;
        let once = || {
            let start_ns = cpu_ns();
            Self { steps: STEPS }.run();
            (cpu_ns() - start_ns) as f64 / f64::from(STEPS)
        };
        let step_ns = nfos_rounds::median((0..9).map(|_| once()).collect());
        Self { steps: (ns / step_ns) as u32 }
    }

    /// Does it.
    #[inline(always)]
    pub fn run(self) {
        let mut x = std::hint::black_box(1u64);
        for _ in 0..self.steps {
            x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        }
        std::hint::black_box(x);
    }
}
