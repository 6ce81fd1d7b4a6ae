//! Packets per second of whole runs.
//!
//! Time is that of the process's CPU clock, so that what else the machine does costs nothing but
//! its caches, and a run too short to be more than a start is subtracted.

use std::time::Duration;

use nfos_dataplane::{Factory, Launch, run};
use nfos_records::Summary;
use nfos_sync::atomic::AtomicBool;
use rustix::time::{ClockId, clock_gettime};

/// What is measured.
const RUN: Duration = Duration::from_millis(400);
/// A run that ends before it has warmed up.
const START: Duration = Duration::from_millis(20);

/// What a run took and did.
struct Cost {
    cpu_ns: u64,
    packets: u64,
}

/// Runs a network function to the end of its ports or its duration.
///
/// # Panics
/// If it does not run.
pub fn summary<F: Factory + Sync>(factory: &F, launch: &Launch) -> Summary {
    let summary = run(factory, launch, &AtomicBool::new(false), &mut |_| {});
    summary.unwrap_or_else(|error| panic!("{}: {error}", factory.description().name))
}

/// Packets per microsecond of all workers together, if each has a core to itself, over ports that
/// never end.
pub fn mpps<F: Factory + Sync>(factory: &F, launch: &Launch) -> f64 {
    let start = cost(factory, launch, START);
    let whole = cost(factory, launch, RUN);
    let packets = whole.packets.saturating_sub(start.packets) as f64;
    let cpu_ns = whole.cpu_ns.saturating_sub(start.cpu_ns) as f64;
    packets * 1e3 / cpu_ns * launch.workers as f64
}

fn cost<F: Factory + Sync>(factory: &F, launch: &Launch, duration: Duration) -> Cost {
    let launch = Launch { duration: Some(duration), ..launch.clone() };
    let before_ns = cpu_ns();
    let summary = summary(factory, &launch);
    Cost { cpu_ns: cpu_ns() - before_ns, packets: summary.received }
}

/// CPU time of this process's threads.
pub fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
