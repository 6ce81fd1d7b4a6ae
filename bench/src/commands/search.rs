//! `search` and `latency`: packets that arrive at a rate, whether they are taken or not.
//!
//! Loss is whatever arrived and did not end as the network function decided: a full ring, a packet
//! still inside at the end, a drop by the host. What the network function drops is not lost.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use nfos_dataplane::Launch;
use nfos_netio::port::memory::Trace;
use nfos_netio::{Port, PortId};
use serde::Serialize;

use super::{Subjected, folder, opened, print};
use crate::cases::PACKETS;
use crate::paced::{Pace, PacedPort, SAMPLED, Seen, Start};
use crate::subject::{Subject, Subjects};

/// Frames that wait at most, of each port and worker: the largest ring of usual NICs.
const RING: usize = 4096;
const LOSS_MAX: f64 = 0.001;
const PERCENTILES: [(&str, f64); 6] =
    [("50", 50.0), ("90", 90.0), ("99", 99.0), ("99.9", 99.9), ("99.99", 99.99), ("100", 100.0)];

/// What to search.
#[derive(clap::Args)]
pub(super) struct SearchArguments {
    #[command(flatten)]
    subjected: Subjected,
    /// Engine or baseline
    #[arg(long, default_value = "direct")]
    subject: Subject,
    /// Halvings of the interval
    #[arg(long, default_value_t = 8)]
    steps: usize,
    /// Milliseconds of a trial
    #[arg(long, default_value_t = 300)]
    ms: u64,
    /// Trials of a rate, of which one must pass
    #[arg(long, default_value_t = 2)]
    tries: usize,
}

/// What to time.
#[derive(clap::Args)]
pub(super) struct LatencyArguments {
    #[command(flatten)]
    subjected: Subjected,
    /// Engine or baseline
    #[arg(long, default_value = "direct")]
    subject: Subject,
    /// Million packets per second over all ports
    #[arg(long)]
    mpps: f64,
    /// Milliseconds
    #[arg(long, default_value_t = 1000)]
    ms: u64,
}

/// What became of what was offered.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Trial {
    mpps_offered: f64,
    offered: u64,
    /// Lost before the host had it.
    lost_by_port: u64,
    /// Lost by the host.
    lost_by_host: u64,
    dropped_by_nf: u64,
}

impl Trial {
    fn loss(&self) -> f64 {
        (self.lost_by_port + self.lost_by_host) as f64 / self.offered.max(1) as f64
    }
}

#[derive(Serialize)]
struct Found {
    nf: &'static str,
    workload: &'static str,
    subject: String,
    workers: usize,
    /// The highest rate that passed, delivered or dropped as the network function decided.
    mpps: f64,
    loss: f64,
    /// Of three more trials at that rate, in per cent of what was offered.
    confirmed_loss_percent: Vec<f64>,
    ring: usize,
    trial: Trial,
}

#[derive(Serialize)]
struct Timed {
    nf: &'static str,
    subject: String,
    workers: usize,
    burst: usize,
    mpps: f64,
    loss: f64,
    /// One in so many.
    sampled: u64,
    samples: u64,
    /// Nanoseconds by percentile.
    ns: BTreeMap<&'static str, u64>,
}

pub(super) fn search(arguments: &SearchArguments) -> Result<(), String> {
    let SearchArguments { subjected, subject, .. } = arguments;
    let subjects = subjected.subjects()?;
    let traces = traces(&subjects);
    let offer = |mpps: f64| {
        let trials = (0..arguments.tries)
            .map(|_| trial(subjected, &subjects, *subject, &traces, (mpps, arguments.ms, false)).0);
        let mut best: Option<Trial> = None;
        for trial in trials {
            if best.is_none_or(|best| trial.loss() < best.loss()) {
                best = Some(trial);
            }
            if trial.loss() < LOSS_MAX {
                break;
            }
        }
        best.unwrap_or_default()
    };
    // What it does when packets are there whenever it asks is more than it does at any rate.
    let launch = Launch {
        duration: Some(Duration::from_millis(arguments.ms)),
        ..subjected.launch(&subjects, "repeat=endless")
    };
    let free = subjects.run(*subject, &launch, opened(&launch));
    let mut above = 1.25 * free.received as f64 / free.elapsed.as_nanos() as f64 * 1e3;
    let (mut below, mut passed) = (0.0, Trial::default());
    for _ in 0..arguments.steps {
        let middle = (below + above) / 2.0;
        let trial = offer(middle);
        if trial.loss() < LOSS_MAX {
            (below, passed) = (middle, trial);
        } else {
            above = middle;
        }
    }
    let confirm = |_| {
        trial(subjected, &subjects, *subject, &traces, (below, arguments.ms, false)).0.loss() * 1e2
    };
    let confirmed_loss_percent = if below > 0.0 { (0..3).map(confirm).collect() } else { vec![] };
    print(&Found {
        nf: subjects.case.nf,
        workload: subjects.case.workload,
        subject: subject.to_string(),
        workers: subjected.workers,
        mpps: below * (1.0 - passed.loss()),
        loss: passed.loss(),
        confirmed_loss_percent,
        ring: RING,
        trial: passed,
    });
    Ok(())
}

pub(super) fn latency(arguments: &LatencyArguments) -> Result<(), String> {
    let LatencyArguments { subjected, subject, mpps, .. } = arguments;
    let subjects = subjected.subjects()?;
    let traces = traces(&subjects);
    let (trial, latency) =
        trial(subjected, &subjects, *subject, &traces, (*mpps, arguments.ms, true));
    print(&Timed {
        nf: subjects.case.nf,
        subject: subject.to_string(),
        workers: subjected.workers,
        burst: subjected.burst,
        mpps: *mpps,
        loss: trial.loss(),
        sampled: SAMPLED,
        samples: latency.len(),
        ns: PERCENTILES
            .into_iter()
            .map(|(name, percentile)| (name, latency.value_at_percentile(percentile)))
            .collect(),
    });
    Ok(())
}

/// The workload, by port.
fn traces(subjects: &Subjects) -> Vec<Trace> {
    let files = subjects.case.captures(&folder(), PACKETS, subjects.ports()).into_iter();
    let load = |file: PathBuf| Trace::load(&file).expect("a capture that was just made");
    files.map(|file| file.map_or_else(Trace::new, load)).collect()
}

/// Offers the workload at a rate over all ports, for so many milliseconds, timed or not.
fn trial(
    subjected: &Subjected,
    subjects: &Subjects,
    subject: Subject,
    traces: &[Trace],
    (mpps, ms, timed): (f64, u64, bool),
) -> (Trial, Histogram<u64>) {
    let frames: usize = traces.iter().map(Trace::len).sum();
    // A port without a frame has a rate that nobody asks for.
    let share = |trace: &Trace| trace.len().max(1) as f64 / frames as f64;
    let rates: Vec<f64> = traces.iter().map(|trace| mpps * 1e6 * share(trace)).collect();
    let start = Start::default();
    let duration = Duration::from_millis(ms);
    let mut seen = Vec::new();
    let mut ports: Vec<Box<dyn Port>> = Vec::new();
    for (number, (trace, rate)) in traces.iter().zip(&rates).enumerate() {
        let pace = Pace { rate: *rate, duration, ring: RING, timed };
        let id = PortId::new(number as u16);
        let port = PacedPort::new(id, trace.clone(), pace, &rates, &start);
        seen.push(port.seen());
        ports.push(Box::new(port));
    }
    let launch = subjected.launch(subjects, "repeat=1");
    let ended = subjects.run(subject, &launch, ports);
    let mut trial = Trial { mpps_offered: mpps, dropped_by_nf: ended.by_nf, ..Trial::default() };
    let mut latency = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("such bounds");
    for seen in seen {
        let Seen { counters, latency: of_port } = seen.lock().expect("no panic").clone();
        trial.offered += counters.received + counters.missed;
        trial.lost_by_port += counters.missed;
        if let Some(of_port) = of_port {
            latency.add(&of_port).expect("the same bounds");
        }
    }
    trial.lost_by_host = ended.by_host;
    (trial, latency)
}
