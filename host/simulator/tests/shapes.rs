//! Who conflicts and who does not, at numbers of cores that no test machine has.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::Launch;
use nfos_dataplane::stepwise::Pair;
use nfos_engine::services::Value;
use nfos_simulator::{Played, Protocol, Settings, play};
use std::path::PathBuf;
use support::{array, capture, guest, launch, settings, text};

fn original(packets: u64) -> Settings {
    Settings { protocol: Protocol::Original, ..settings(packets) }
}

fn access(how: &str) -> [(&'static str, Value); 1] {
    [("access", text(how))]
}

#[test]
fn what_never_conflicts_scales_straight_and_without_an_abort() {
    for how in ["read", "add"] {
        let alone = array(1, 20_000, &access(how), &settings(10_000));
        let many = array(23, 30_000, &access(how), &settings(30_000));
        assert_eq!((many.aborted_share(), many.conflicts.len()), (0.0, 0), "{how}");
        let speed_up = many.mpps() / alone.mpps();
        assert!(how == "add" || speed_up > 20.0, "{how}: {speed_up}");
    }
}

#[test]
fn skew_costs_more_than_chance_and_the_cause_is_named() {
    let zipf = [("skew", text("0.99"))];
    let uniform = array(23, 60_000, &[], &settings(60_000));
    let skewed = array(23, 60_000, &zipf, &settings(60_000));
    assert!(skewed.mpps() < uniform.mpps());
    assert!(skewed.aborted_share() > uniform.aborted_share());
    let first = &skewed.conflicts[0];
    assert_eq!((first.object.as_str(), first.cause), ("elements", "V1"));
    assert!(skewed.summary.causes[0].recipe.contains("distributed object"));
}

/// Sixteen stations on each of two ports, each of which talks with all of the other: a frame goes
/// to the worker of its pair, so that a station's frames come by on many.
fn stations(port: u8) -> PathBuf {
    let frame = move |round: u64| {
        let (from, to) = ((round * 7 % 16) as u8, (round / 16 * 5 % 16) as u8);
        let mut frame = vec![0; 60];
        frame[..6].copy_from_slice(&[2, 0, 0, 0, 1 - port, to]);
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, port, from]);
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        frame
    };
    capture(&format!("stations-{port}"), (0..1_024).map(frame))
}

/// Each frame renews a lease.
fn bridge(settings: &Settings, refresh_interval_ms: u64) -> Played {
    let interval = [("refresh_interval_ms", Value::Unsigned(refresh_interval_ms))];
    let ports = [0, 1].map(|port| format!("memory:{}", stations(port).display()));
    let launch = launch(8, &[&ports[0], &ports[1]], &interval);
    play(&guest("bridge"), &launch, settings).unwrap()
}

#[test]
fn refreshes_abort_each_other_under_the_originals_protocol_only() {
    let warm = |settings: Settings| Settings { warm_up: 12_000, ..settings };
    let theirs = bridge(&warm(original(8_000)), 0);
    assert!(theirs.failing_share() > 0.1, "{}", theirs.failing_share());
    let is_refresh =
        |pair: &&Pair| pair.observer.contains("refresh") && pair.mutator.contains("refresh");
    let refreshes = theirs.conflicts.iter().find(is_refresh);
    assert!(refreshes.is_some_and(|pair| pair.aborts > 10), "{:?}", theirs.conflicts);
    let ours = bridge(&warm(settings(8_000)), 0);
    assert_eq!(ours.aborted_share(), 0.0, "{:?}", ours.conflicts);
    let relaxed = bridge(&warm(original(8_000)), 1_000);
    assert!(relaxed.mpps() > 1.5 * theirs.mpps(), "{} {}", relaxed.mpps(), theirs.mpps());
}

#[test]
fn a_port_hands_over_no_more_than_its_limit() {
    let limited = Settings { port_limit_mpps: Some(2.0), warm_up: 5_000, ..settings(40_000) };
    let played = array(8, 60_000, &access("read"), &limited);
    assert!((3.7..=4.05).contains(&played.mpps()), "{}", played.mpps());
}

#[test]
fn a_shorter_transfer_is_never_slower() {
    let mut dear = settings(40_000);
    dear.costs.machine.transfer_ns = 240.0;
    let dear = array(16, 60_000, &[], &dear);
    let cheap = array(16, 60_000, &[], &settings(40_000));
    assert!(cheap.mpps() > dear.mpps());
}

#[test]
fn in_step_the_fullest_worker_decides_and_otherwise_each_for_itself() {
    let played = |in_step, flows: u32| {
        let port = format!("synthetic:flows={flows},packets=4096");
        let launch = launch(8, &[&port, &port], &access("read"));
        let settings = Settings { in_step, warm_up: 20_000, ..settings(100_000) };
        play(&guest("array"), &launch, &settings).unwrap().mpps()
    };
    // Of 12 flows some worker has two or more and some worker one.
    let (apart, together) = (played(false, 12), played(true, 12));
    assert!(together < 0.85 * apart, "{together} of {apart}");
    let (apart, together) = (played(false, 4_096), played(true, 4_096));
    assert!((0.8..1.01).contains(&(together / apart)), "{together} of {apart}");
}

#[test]
fn a_burst_of_many_events_shares_the_cost_of_its_commit() {
    let port = "synthetic:flows=4096,packets=16384";
    let played = |burst_max| {
        let launch = Launch { burst_max, ..launch(8, &[port, port], &access("add")) };
        play(&guest("array"), &launch, &settings(40_000)).unwrap().mpps()
    };
    let (one, many) = (played(1), played(32));
    assert!(many > 1.3 * one, "{many} {one}");
}

#[test]
fn pools_that_run_dry_abort_each_other_under_the_originals_protocol_only() {
    let port = "synthetic:flows=20000,packets=20000";
    let nat = |settings: &Settings, ports: u64| {
        // Each packet of the round opens a port, half of them of UDP.
        let pool = [
            ("external_addresses", Value::Unsigned(1)),
            ("port_first", Value::Unsigned(1_024)),
            ("port_last", Value::Unsigned(1_023 + ports)),
        ];
        let silent = "synthetic:flows=1,packets=1,repeat=1";
        let launch = launch(23, &[port, silent], &pool);
        play(&guest("nat"), &launch, settings).unwrap()
    };
    let in_step = |settings: Settings| Settings { in_step: true, warm_up: 15_000, ..settings };
    let tight = nat(&in_step(original(4_900)), 10_100);
    let allocates =
        |pair: &&Pair| pair.observer.contains("allocate") && pair.mutator.contains("allocate");
    let allocations: u64 = tight.conflicts.iter().filter(allocates).map(|pair| pair.aborts).sum();
    assert!(allocations > 30, "{:?}", tight.conflicts);
    let roomy = nat(&in_step(original(4_900)), 13_000);
    assert!(roomy.conflicts.iter().filter(allocates).count() == 0, "{:?}", roomy.conflicts);
    let ours = nat(&in_step(settings(4_900)), 10_100);
    assert_eq!(ours.conflicts.iter().filter(allocates).count(), 0, "{:?}", ours.conflicts);
}
