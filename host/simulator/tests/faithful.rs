//! What is played is what would run: on one worker to the last counter, on many without a lost
//! update, and the same every time.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::{Launch, Observation};
use nfos_engine::services::Value;
use nfos_records::Summary;
use nfos_simulator::{Plan, Protocol, Variant, curves, play};
use nfos_sync::atomic::AtomicBool;
use support::{array, capture, costs, guest, launch, settings};

/// What does not depend on time.
fn account(summary: &Summary) -> String {
    let mut ports = summary.ports.clone();
    ports.iter_mut().for_each(|port| port.spec.clear());
    let sets = &summary.packet_sets;
    format!(
        "{:?}",
        (
            (summary.received, summary.sent, summary.consumed, summary.dropped),
            (&summary.drops, &summary.frames, ports, &summary.events),
            (sets.registered, sets.refused, &summary.causes),
        )
    )
}

#[test]
fn one_worker_leaves_the_account_of_a_real_run() {
    let port = "synthetic:flows=256,packets=6000,repeat=1";
    let mut nothing_happened = 0;
    for name in ["array", "bridge", "counter", "firewall", "maglev", "nat", "policer", "anti-ddos"]
    {
        let nf = guest(name);
        let launch = launch(1, &[port, port], &[]);
        let ignore = &mut |_: Observation<'_>| {};
        let real = nfos_dataplane::run(&nf, &launch, &AtomicBool::new(false), ignore).unwrap();
        let played = play(&nf, &launch, &settings(12_000)).unwrap();
        assert_eq!(account(&played.summary), account(&real), "{name}");
        assert_eq!(real.received, 12_000, "{name}");
        nothing_happened += u32::from(real.sent == 0);
    }
    assert!(nothing_happened < 8);
}

#[test]
fn packets_that_nobody_handles_are_dropped_as_in_a_real_run() {
    let nf = guest("array");
    let ports = [0, 1].map(|port| {
        let frames = std::iter::repeat_n(vec![0; 60], 500);
        format!("memory:{},repeat=1", capture(&format!("nobody-{port}"), frames).display())
    });
    // A poll takes more than a burst does.
    let launch = Launch { burst_max: 16, ..launch(1, &[&ports[0], &ports[1]], &[]) };
    let ignore = &mut |_: Observation<'_>| {};
    let real = nfos_dataplane::run(&nf, &launch, &AtomicBool::new(false), ignore).unwrap();
    let played = play(&nf, &launch, &settings(1_000)).unwrap();
    assert_eq!((real.received, real.dropped, real.in_flight), (1_000, 1_000, 0));
    assert_eq!(account(&played.summary), account(&real));
    assert_eq!(played.summary.in_flight, 0);
}

/// What `array` told at its end.
fn sum(summary: &Summary) -> u64 {
    assert_eq!((summary.events[0].name.as_str(), summary.events[0].count), ("sum", 1));
    summary.events[0].last_value
}

#[test]
fn no_update_is_lost_on_any_number_of_workers_under_either_protocol() {
    for (protocol, elements) in [(Protocol::Ours, 64), (Protocol::Original, 10_000)] {
        let few = [("elements", Value::Unsigned(elements))];
        for workers in [1, 2, 23, 127] {
            let settings = nfos_simulator::Settings { protocol, ..settings(20_000) };
            let played = array(workers, 10_000, &few, &settings);
            let Summary { sent, received, .. } = played.summary;
            assert_eq!((sent, received), (20_000, 20_000), "{protocol:?}, {workers} workers");
            assert_eq!(sum(&played.summary), sent, "{protocol:?}, {workers} workers");
            assert!((workers == 1) == (played.aborted_share() == 0.0), "{protocol:?}, {workers}");
        }
    }
}

#[test]
fn an_event_runs_no_oftener_than_promised() {
    let one = [("elements", Value::Unsigned(1))];
    let played = array(64, 10_000, &one, &settings(20_000));
    let most = played.summary.workers.iter().map(|worker| worker.runs_per_event_max).max();
    // (burst − 1) + 8 + 1.
    assert!(most.is_some_and(|most| (2..=40).contains(&most)), "{most:?}");
}

#[test]
fn the_same_seed_and_costs_give_the_same_bytes_and_another_seed_others() {
    let nf = guest("array");
    let port = "synthetic:flows=512,packets=8192";
    let mut seen = Vec::new();
    for seed in [1, 1, 2] {
        let launch =
            Launch { seed, ..launch(1, &[port, port], &[("elements", Value::Unsigned(500))]) };
        let plan = Plan {
            cores: vec![1, 4, 23],
            variants: vec![Variant { setting: None, launch, costs: costs() }],
            settings: nfos_simulator::Settings { seed, warm_up: 2_000, ..settings(10_000) },
            band: true,
            profile: true,
        };
        let (simulation, profile) = curves(&nf, &plan, &mut |_, _| {}).unwrap();
        // Which call sites of the profile's are looked up depends on how long that takes here.
        let profile = profile.unwrap();
        let told = |one: &nfos_records::profile::Conflict| (one.aborts, one.wasted_ns);
        let conflicts: Vec<_> = profile.conflicts.iter().map(told).collect();
        assert!(!conflicts.is_empty());
        seen.push((
            serde_json::to_string(&simulation).unwrap(),
            serde_json::to_string(&profile.summary).unwrap(),
            (conflicts, profile.attempts),
        ));
    }
    assert!(seen[0] == seen[1], "two simulations with one seed differ");
    assert!(seen[0].0 != seen[2].0, "two seeds give one simulation");
}
