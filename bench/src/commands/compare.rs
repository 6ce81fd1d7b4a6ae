//! `compare`: packets per second of all subjects, in turns.
//!
//! Of each run a shorter one is subtracted, which has gone through the workload once: so the start
//! costs nothing, nor does the first packet of each flow, and what is left is a worker that knows
//! its traffic. With one worker time is that of the process's CPU clock, so that what else the
//! machine does costs nothing but caches. With several it is the time on the wall: what waits for
//! a lock sleeps, and no CPU clock would see it. On a machine that does other things the ratios
//! within a round count, and of all rounds the median.

use std::collections::BTreeMap;
use std::time::Duration;

use nfos_dataplane::Launch;
use serde::Serialize;

use super::{Subjected, opened, print};
use crate::rounds::median;
use crate::subject::Subject;
use crate::throughput::cpu_ns;

/// How often a pair of runs is made that says nothing.
const TRIES: u32 = 10;

/// The shortest run that is subtracted.
const START_MS: u64 = 20;

/// What to compare.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subjected: Subjected,
    /// How often each runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds of a run, beside those that are subtracted
    #[arg(long, default_value_t = 400)]
    ms: u64,
    /// Engines and baselines; none: all
    #[arg(long, value_delimiter = ',')]
    subjects: Vec<Subject>,
}

#[derive(Serialize)]
struct Line {
    nf: &'static str,
    workload: &'static str,
    workers: usize,
    burst: usize,
    rounds: usize,
    clock: &'static str,
    subjects: BTreeMap<String, Rate>,
}

#[derive(Serialize)]
struct Rate {
    /// The median, and the least and the most.
    mpps: f64,
    least: f64,
    most: f64,
    /// Median of the ratios to the first subject within a round.
    to_first: f64,
    aborts_per_kpacket: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let Arguments { subjected, rounds, .. } = arguments;
    let subjects = subjected.subjects()?;
    let wanted = match &arguments.subjects[..] {
        [] => &Subject::ALL[..],
        some => some,
    };
    let runs = |subject: &&Subject| subject.runs_on(subjected.workers);
    let wanted: Vec<_> = wanted.iter().filter(runs).copied().collect();
    let by_cpu = subjected.workers == 1;
    let run = |subject, launch: &Launch| {
        let (ports, before_ns) = (opened(launch), cpu_ns());
        let ended = subjects.run(subject, launch, ports);
        let wall_ns = ended.elapsed.as_nanos() as f64;
        let ns = if by_cpu { (cpu_ns() - before_ns) as f64 } else { wall_ns };
        (ended, ns)
    };
    let once = subjected.launch(&subjects, "repeat=1");
    let endless = subjected.launch(&subjects, "repeat=endless");
    let of_ms = |subject, ms| {
        let duration = Some(Duration::from_millis(ms));
        run(subject, &Launch { duration, ..endless.clone() })
    };
    // Until all of the workload has come by once, and some more.
    let start_ms = |subject| {
        let elapsed = run(subject, &once).0.elapsed.as_millis() as u64;
        (elapsed + elapsed / 4).max(START_MS)
    };
    let starts_ms: Vec<_> = wanted.iter().map(|subject| start_ms(*subject)).collect();
    let mut rates = vec![Vec::new(); wanted.len()];
    let mut aborts = vec![0.0; wanted.len()];
    for _ in 0..*rounds {
        for (index, subject) in wanted.iter().enumerate() {
            let pair = || {
                let (start, start_ns) = of_ms(*subject, starts_ms[index]);
                let (ended, ns) = of_ms(*subject, starts_ms[index] + arguments.ms);
                let packets = ended.received.saturating_sub(start.received);
                (ended, packets, (ns - start_ns).max(1.0))
            };
            // Otherwise the machine did something else for longer than that.
            let tells = |(_, packets, ns): &(_, u64, f64)| {
                *packets > 0 && *ns > arguments.ms as f64 * 0.5e6
            };
            let mut pairs = (1..TRIES).map(|_| pair());
            let (ended, packets, ns) = pairs.find(tells).unwrap_or_else(pair);
            rates[index].push(packets as f64 / ns * 1e3);
            aborts[index] += ended.aborts as f64 * 1e3 / ended.received.max(1) as f64;
        }
    }
    print(&Line {
        nf: subjects.case.nf,
        workload: subjects.case.workload,
        workers: subjected.workers,
        burst: subjected.burst,
        rounds: *rounds,
        clock: if by_cpu { "cpu" } else { "wall" },
        subjects: told(&wanted, &rates, &aborts),
    });
    Ok(())
}

/// What is told of each subject, of its rates by round and its aborts of 1,000 packets, summed.
fn told(wanted: &[Subject], rates: &[Vec<f64>], aborts: &[f64]) -> BTreeMap<String, Rate> {
    let first = rates.first().cloned().unwrap_or_default();
    let lines = wanted.iter().zip(rates).zip(aborts).map(|((subject, rates), aborts)| {
        let rate = Rate {
            mpps: median(rates.clone()),
            least: rates.iter().copied().fold(f64::INFINITY, f64::min),
            most: rates.iter().copied().fold(0.0, f64::max),
            to_first: median(rates.iter().zip(&first).map(|(rate, first)| rate / first).collect()),
            aborts_per_kpacket: aborts / rates.len() as f64,
        };
        (subject.to_string(), rate)
    });
    lines.collect()
}
