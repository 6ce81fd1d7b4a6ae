//! No update of shared state is lost: the elements of `array` sum up to the packets that passed,
//! on any number of workers, however often they get into each other's way.

mod support;

use nfos_dataplane::{Launch, Observation};
use nfos_engine::services::Value;
use nfos_records::{CauseCount, Summary};
use nfos_sync::atomic::AtomicBool;
use support::{assert_adds_up, guest, until};

/// Packets of each of the two ports.
const PACKETS: u64 = 60_000;

/// Runs the benchmark over made-up traffic of 64 flows, with as few elements as these.
fn run(workers: usize, access: &str, elements: u64) -> Summary {
    let nf = guest("array");
    let port = format!("synthetic:flows=64,packets={PACKETS},repeat=1");
    let ports = vec![port.parse().expect("a port"); 2];
    let parameters = [
        ("access", Value::Text(access.to_owned())),
        ("skew", Value::Text("0.99".to_owned())),
        ("elements", Value::Unsigned(elements)),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
    let launch = Launch { workers, ports, parameters, pin: false, ..Launch::default() };
    let ignore = &mut |_: Observation<'_>| {};
    let summary = nfos_dataplane::run(&nf, &launch, &AtomicBool::new(false), ignore);
    let summary = summary.expect("a run");
    assert_adds_up(&summary);
    assert_eq!(summary.received, 2 * PACKETS);
    summary
}

/// What it told at its end.
fn sum(summary: &Summary) -> u64 {
    let event = &summary.events[0];
    assert_eq!((event.name.as_str(), event.count), ("sum", 1));
    event.last_value
}

fn aborts(summary: &Summary) -> u64 {
    summary.workers.iter().map(|worker| worker.aborts).sum()
}

#[test]
fn the_sum_of_elements_is_the_number_of_packets_whose_effects_stood() {
    for workers in [1, 2, 8] {
        let summary = run(workers, "read-write", 10_000);
        assert_eq!(summary.sent, 2 * PACKETS, "{workers} workers: {:?}", summary.drops);
        assert_eq!(sum(&summary), summary.sent, "{workers} workers");
        assert!(workers > 1 || aborts(&summary) == 0, "one worker conflicts with nobody");
    }
}

#[test]
fn workers_that_write_one_element_conflict_and_lose_nothing_and_the_cause_is_told() {
    for workers in [2, 8] {
        let write = || {
            let summary = run(workers, "read-write", 2);
            assert_eq!(summary.sent, 2 * PACKETS, "{workers} workers: {:?}", summary.drops);
            assert_eq!(sum(&summary), summary.sent, "{workers} workers");
            summary
        };
        let summary = until(write, |summary| aborts(summary) > 0);
        let [CauseCount { id, object, cause, recipe, aborts, .. }] = &summary.causes[..] else {
            panic!("one cause, not {:?}", summary.causes);
        };
        assert_eq!((id.as_str(), object.as_str()), ("V1", "elements"));
        assert!(cause.contains("elements was read here and rewritten elsewhere"), "{cause}");
        assert!(recipe.contains("distributed object"), "{recipe}");
        assert!(*aborts > 0);
    }
}

#[test]
fn writes_of_first_packets_alone_sum_up_to_flows() {
    for workers in [1, 8] {
        let summary = run(workers, "write-per-flow", 2);
        assert_eq!(sum(&summary), 2 * 64, "{workers} workers");
        assert_eq!(summary.packet_sets.registered, 2 * 64);
    }
}

#[test]
fn additions_never_conflict_and_are_not_lost_either() {
    for workers in [1, 2, 8] {
        let summary = run(workers, "add", 2);
        assert_eq!(sum(&summary), 2 * PACKETS, "{workers} workers");
        assert_eq!(aborts(&summary), 0, "{workers} workers: {:?}", summary.causes);
    }
}

#[test]
fn reads_never_conflict() {
    let summary = run(8, "read", 2);
    assert_eq!(sum(&summary), 0);
    assert_eq!(aborts(&summary), 0, "{:?}", summary.causes);
}
