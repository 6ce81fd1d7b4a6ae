//! What a network function costs on one core: bursts of all sizes, timed part by part, and then the
//! costs that explain these times best.

use std::time::{Duration, Instant};

use nfos_dataplane::stepwise::{BurstTime, Ensemble, Stage};
use nfos_dataplane::{Factory, Launch, RunError};
use nfos_records::simulation::FunctionCosts;

use crate::date::today;
use crate::fit::fit;

/// Sizes of bursts, in turn.
const SIZES: [usize; 8] = [32, 1, 32, 2, 32, 4, 32, 8];
/// Packets that a poll takes of a port.
const POLL: usize = 32;
/// Samples that are kept: the latest.
const SAMPLES_MAX: usize = 100_000;
/// Times that a periodic event is timed.
const PERIODS: usize = 33;

/// Runs a launch on one worker for about `duration`, and finds its costs. The protocol makes no
/// difference to them.
///
/// # Errors
/// What the launch is refused for; ports without packets.
pub fn measure_function<F: Factory>(
    factory: &F,
    launch: &Launch,
    duration: Duration,
) -> Result<FunctionCosts, RunError> {
    let burst_max = Launch::default().burst_max;
    let launch = Launch { workers: 1, burst_max, profile: false, ..launch.clone() };
    let mut ensemble = Ensemble::new(factory, &launch, Stage::default())?;
    let mut samples = Samples::default();
    let began = Instant::now();
    let mut round = 0;
    while began.elapsed() < duration
        && samples.round(&mut ensemble, SIZES[round % SIZES.len()], began)
    {
        round += 1;
    }
    if samples.bursts.is_empty() {
        return Err(RunError::Input("no packet arrives: there is nothing to time".to_owned()));
    }
    let mut costs = samples.costs();
    costs.event_ns[4] = time_periods(&mut ensemble, began);
    Ok(costs)
}

#[derive(Debug, Default)]
struct Samples {
    bursts: Vec<BurstTime>,
    /// By poll: nanoseconds beyond its bursts, for each packet.
    beyond: Vec<f64>,
    next: usize,
}

impl Samples {
    /// One poll with all its bursts; whether packets go on coming.
    fn round<F: Factory>(
        &mut self,
        ensemble: &mut Ensemble<'_, F>,
        size: usize,
        began: Instant,
    ) -> bool {
        let start = Instant::now();
        let now_ns = start.duration_since(began).as_nanos() as u64 + 1;
        let mut packets = 0;
        for port in 0..ensemble.ports() {
            packets += ensemble.receive(0, port, POLL, now_ns).count();
        }
        if packets == 0 {
            return false;
        }
        let mut within = 0.0;
        while let Some(burst) = ensemble.time_burst(0, size) {
            within += burst.compose_ns + burst.handle_ns + burst.settle_ns;
            self.keep(burst);
        }
        ensemble.flush(0, 0);
        let beyond = (start.elapsed().as_nanos() as f64 - within) / packets as f64;
        if size == POLL && self.beyond.len() < SAMPLES_MAX {
            self.beyond.push(beyond.max(0.0));
        }
        true
    }

    fn keep(&mut self, burst: BurstTime) {
        if self.bursts.len() < SAMPLES_MAX {
            self.bursts.push(burst);
        } else {
            self.bursts[self.next % SAMPLES_MAX] = burst;
        }
        self.next += 1;
    }

    fn costs(&self) -> FunctionCosts {
        let events = |burst: &BurstTime| burst.events.map(f64::from);
        let sum = |burst: &BurstTime| events(burst).iter().sum::<f64>();
        let simple = |of: fn(&BurstTime) -> f64| {
            let samples: Vec<_> =
                self.bursts.iter().map(|burst| ([1.0, sum(burst)], of(burst))).collect();
            fit(&samples)
        };
        let compose = simple(|burst| burst.compose_ns);
        let settle = simple(|burst| burst.settle_ns);
        let samples: Vec<_> = self
            .bursts
            .iter()
            .map(|burst| {
                let [a, b, c, d, e] = events(burst);
                ([1.0, a, b, c, d, e], burst.handle_ns)
            })
            .collect();
        let [burst_ns, event_ns @ ..] = fit(&samples);
        FunctionCosts {
            date: today(),
            port_ns: rounded(median(self.beyond.clone())),
            compose_burst_ns: rounded(compose[0]),
            compose_event_ns: rounded(compose[1]),
            burst_ns: rounded(burst_ns),
            event_ns: completed(event_ns).map(rounded),
            settle_burst_ns: rounded(settle[0]),
            settle_event_ns: rounded(settle[1]),
        }
    }
}

/// Kinds that did not come cost what the others do.
fn completed(event_ns: [f64; 5]) -> [f64; 5] {
    let known: Vec<f64> = event_ns.iter().copied().filter(|ns| *ns > 0.0).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    event_ns.map(|ns| if ns > 0.0 { ns } else { mean })
}

fn rounded(ns: f64) -> f64 {
    (ns * 100.0).round() / 100.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}

fn time_periods<F: Factory>(ensemble: &mut Ensemble<'_, F>, began: Instant) -> f64 {
    let control = ensemble.control();
    let mut times = Vec::new();
    for index in 0..ensemble.periods_ns().len() {
        for _ in 0..PERIODS {
            let now_ns = began.elapsed().as_nanos() as u64 + 1;
            let start = Instant::now();
            ensemble.begin_period(index, now_ns);
            ensemble.step(control);
            ensemble.end(control, now_ns);
            times.push(start.elapsed().as_nanos() as f64);
        }
    }
    rounded(median(times))
}
