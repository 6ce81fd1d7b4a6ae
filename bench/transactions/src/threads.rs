//! Threads side by side, in time of their own.
//!
//! A thread's time is that of its CPU clock, so that what else the machine does costs nothing but
//! its caches, and what threads do to each other costs what it costs. Throughputs add up.

use std::sync::Barrier;
use std::thread;

use rustix::time::{ClockId, clock_gettime};

/// What one thread does: runs once, and answers how many units that were.
pub type Job<'a> = Box<dyn FnMut() -> u64 + Send + 'a>;

/// Runs the jobs side by side, each `runs` times on a core of its own, and answers how many units
/// they did together in a microsecond.
pub fn units_per_us(jobs: &mut [Job<'_>], runs: usize) -> f64 {
    let barrier = Barrier::new(jobs.len());
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    thread::scope(|scope| {
        let threads: Vec<_> = jobs
            .iter_mut()
            .zip(cores.iter().rev().cycle())
            .map(|(job, &core)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    core_affinity::set_for_current(core);
                    barrier.wait();
                    let start_ns = cpu_ns();
                    let units: u64 = (0..runs).map(|_| job()).sum();
                    units as f64 * 1e3 / (cpu_ns() - start_ns) as f64
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no job panics")).sum()
    })
}

/// Nanoseconds that this thread has run.
fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Work of a hundred nanoseconds or so that touches no memory: a chain of multiplications.
#[derive(Clone, Copy, Debug)]
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
