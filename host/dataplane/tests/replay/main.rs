//! What many workers do at once is what one would have done alone, in the order of their commits:
//! a run's commit log, replayed through each network function's plain sequential model, gives every
//! frame, verdict and drop reason of the run.
//!
//! Packets come in batches. All of a batch have one time stamp, so that their order is free, and
//! each batch has a quantum of its own, in which nothing else happens: periods and the ends of
//! packet sets fall between batches, where the models expect them.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod anti_ddos;
mod array;
mod bridge;
mod firewall;
mod maglev;
mod nat;
mod policer;
#[path = "../support/mod.rs"]
mod support;

use nfos::testing::{Arrival, Fate, Model};
use nfos_dataplane::CommitLog;
use nfos_engine::services::Value;
use nfos_records::Summary;
use nfos_sync::Arc;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use support::{Run, Timed, guest};

const MS: u64 = 1_000_000;
/// The first batch: a time that no parameter divides.
const START: u64 = 1_000_000 * MS + 7;
/// No multiple of any period, so that no period falls into the quantum of a batch.
const GAP: u64 = 13 * MS + 300_001;
const BATCH: usize = 1_000;
/// In each of the runs.
const PACKETS: usize = 100_000;

/// A network function to replay.
struct Case {
    nf: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    ports: u16,
    /// Time between two batches.
    gap_ns: u64,
    /// What must have come up.
    outcomes: &'static [&'static str],
}

impl Case {
    /// With these ports, and the usual time between batches.
    const fn new(nf: &'static str, ports: u16) -> Self {
        Self { nf, parameters: &[], ports, gap_ns: GAP, outcomes: &[] }
    }
}

/// Draws a batch after the other, the same for one seed.
fn arrivals(case: &Case, packet: impl Strategy<Value = (u16, Vec<u8>)>) -> Vec<Arrival> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut arrivals: Vec<_> = (0..PACKETS)
        .map(|number| {
            let (port, frame) = packet.new_tree(&mut runner).unwrap().current();
            let time_ns = START + (number / BATCH) as u64 * case.gap_ns;
            Arrival { time_ns, port: port % case.ports, frame }
        })
        .collect();
    // The order in which the host takes them.
    arrivals.sort_by_key(|arrival| (arrival.time_ns, arrival.port));
    arrivals
}

/// Of its type.
fn value(text: &str) -> Value {
    match (text.parse(), text.parse()) {
        (Ok(number), _) => Value::Unsigned(number),
        (_, Ok(truth)) => Value::Boolean(truth),
        _ => Value::Text(text.to_owned()),
    }
}

/// Runs the packets on that many workers and what they did through the model, which `hint`s may
/// tell what the network function was free to choose. Answers the outcomes, and the summary.
fn replay<M: Model>(
    case: &Case,
    workers: usize,
    arrivals: &[Arrival],
    model: &mut M,
    hint: impl Fn(&mut M, &Arrival, &Fate),
) -> (BTreeMap<String, u64>, Summary) {
    let inputs: Vec<Vec<Timed>> = (0..case.ports)
        .map(|port| {
            let here = arrivals.iter().filter(|arrival| arrival.port == port);
            here.map(|one| Timed { at_ns: one.time_ns, bytes: one.frame.clone() }).collect()
        })
        .collect();
    let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
    let nf = guest(case.nf);
    let mut run = Run::new(workers, &inputs);
    for (name, text) in case.parameters {
        let textual = |parameter: &nfos_engine::description::Parameter| {
            parameter.name == *name && matches!(parameter.default, Value::Text(_))
        };
        let value = match nf.description().parameters.iter().any(textual) {
            true => Value::Text((*text).to_owned()),
            false => value(text),
        };
        run = run.set(name, value);
    }
    let log = Arc::new(CommitLog::new(nf.description()));
    run.launch.commit_log = Some(Arc::clone(&log));
    let (summary, _) = run.run(&nf);
    let mut outcomes = BTreeMap::<String, u64>::new();
    let packets = log.in_order();
    let mut seen = BTreeSet::new();
    let mut numbers = BTreeMap::<usize, u64>::new();
    for packet in &packets {
        let arrival = &arrivals[packet.arrival as usize];
        let fate = fate(&packet.fate);
        hint(model, arrival, &fate);
        let expected = model.packet(arrival);
        assert_eq!(fate, expected, "{} on {workers} workers: {arrival:?}", case.nf);
        assert!(seen.insert(packet.arrival), "a packet took effect twice");
        let number = numbers.entry(packet.worker).or_default();
        assert_eq!(packet.number, *number, "a worker's packets keep their order");
        *number += 1;
        *outcomes.entry(name(fate)).or_default() += 1;
    }
    assert_eq!(seen.len(), arrivals.len(), "every packet took effect");
    if workers > 1 {
        let turned = packets.windows(2).filter(|pair| pair[0].arrival > pair[1].arrival).count();
        assert!(turned > 0, "workers never worked at once");
    }
    (outcomes, summary)
}

fn fate(fate: &nfos_dataplane::Fate) -> Fate {
    match fate {
        nfos_dataplane::Fate::Sent(port, bytes) => Fate::Sent(*port, bytes.clone()),
        nfos_dataplane::Fate::Flooded(bytes) => Fate::Flooded(bytes.clone()),
        nfos_dataplane::Fate::Dropped(reason) => Fate::Dropped(reason.clone()),
        nfos_dataplane::Fate::Consumed => Fate::Consumed,
    }
}

fn name(fate: Fate) -> String {
    match fate {
        Fate::Sent(port, _) => format!("sent {port}"),
        Fate::Flooded(_) => "flooded".to_owned(),
        Fate::Dropped(reason) => reason,
        Fate::Consumed => "consumed".to_owned(),
    }
}

/// On 1, 2, 4 and 8 workers; each time with a model that knows nothing yet. `finish` looks at what
/// the run and the model end with.
fn replay_on_all<M: Model>(
    case: &Case,
    packet: impl Strategy<Value = (u16, Vec<u8>)>,
    model: impl Fn() -> M,
    hint: impl Fn(&mut M, &Arrival, &Fate),
    finish: impl Fn(&M, &Summary),
) {
    let arrivals = arrivals(case, packet);
    for workers in [1, 2, 4, 8] {
        let mut model = model();
        let (outcomes, summary) = replay(case, workers, &arrivals, &mut model, &hint);
        for name in case.outcomes {
            assert!(outcomes.contains_key(*name), "{name} never came up: {outcomes:?}");
        }
        finish(&model, &summary);
    }
}

/// How often the network function told that this happened.
fn told(summary: &Summary, event: &str) -> u64 {
    summary.events.iter().find(|count| count.name == event).map_or(0, |count| count.count)
}
