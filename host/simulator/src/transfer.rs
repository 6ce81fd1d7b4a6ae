//! What it costs to move a cache line from one core to another: a ping-pong between two.

use nfos_records::simulation::MachineCosts;
use nfos_sync::Padded;
use nfos_sync::atomic::{AtomicU64, Ordering};

use crate::date::today;

/// Round trips of one measurement.
const TRIPS: u64 = 20_000;
const MEASUREMENTS: usize = 15;
/// Where there is one core, and nothing to measure: between cores of one server socket.
const ASSUMED_NS: f64 = 60.0;

/// Measures the machine; the costs of a machine with one core are assumed.
#[must_use]
pub fn measure_machine() -> MachineCosts {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let transfer_ns = match cores[..] {
        [first, .., last] => {
            let mut measured: Vec<f64> =
                (0..MEASUREMENTS).map(|_| ping_pong(first, last)).collect();
            measured.sort_by(f64::total_cmp);
            // Whatever else runs only makes it longer, so not the median.
            measured[MEASUREMENTS / 4]
        }
        _ => ASSUMED_NS,
    };
    MachineCosts { date: today(), transfer_ns: (transfer_ns * 10.0).round() / 10.0 }
}

/// Nanoseconds of one way.
fn ping_pong(here: core_affinity::CoreId, there: core_affinity::CoreId) -> f64 {
    let ball = Padded(AtomicU64::new(0));
    let play = |core, parity: u64| {
        core_affinity::set_for_current(core);
        let clock = quanta::Clock::new();
        let began = clock.now();
        for trip in 0..TRIPS {
            let awaited = 2 * trip + parity;
            while ball.load(Ordering::Acquire) != awaited {
                std::hint::spin_loop();
            }
            ball.store(awaited + 1, Ordering::Release);
        }
        clock.now().duration_since(began).as_nanos() as f64 / (2 * TRIPS) as f64
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| play(there, 1));
        let own = scope.spawn(|| play(here, 0));
        let times = [other.join(), own.join()].map(|time| time.unwrap_or(f64::NAN));
        times[0].min(times[1])
    })
}
