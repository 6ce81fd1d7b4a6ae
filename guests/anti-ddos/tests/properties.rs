//! What the detector must hold, and that it agrees with the model on anything.

mod arrivals;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrivals::{SYN, arrival, flow};
use model::{AntiDdosModel, Settings};
use nfos::testing::frames;
use nfos::testing::{Arrival, Fate, Harness, Model};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const MS: u64 = 1_000_000;

fn syn(number: u16) -> Vec<u8> {
    frames::tcp(flow(number), SYN, b"")
}

fn detector(parameters: &[(&str, &str)]) -> Harness {
    Harness::new(anti_ddos::NATIVE, parameters)
}

/// Flows and flows of one packet, as the detector counts them.
fn counters(detector: &mut Harness) -> (usize, usize) {
    let world = detector.world();
    let [flows, one_packet, ..] = world.distributed_cell("counters");
    (flows as usize, one_packet as usize)
}

fn told(detector: &mut Harness) -> Vec<u32> {
    detector.world().emitted.iter().map(|(event, _)| *event).collect()
}

#[test]
fn the_threshold_and_the_least_number_of_flows_are_exact() {
    let mut detector = detector(&[("flows_min", "5"), ("action", "drop-new")]);
    for number in 0..4 {
        assert_eq!(detector.at(1).packet(0, &syn(number)), Fate::Sent(1, syn(number)));
    }
    assert_eq!(detector.packet(0, &syn(4)), Fate::dropped("under_attack"));
    // Of five flows two have had a second packet, so with the sixth it is 4 of 6, and no attack.
    detector.packet(0, &syn(0));
    detector.packet(0, &syn(1));
    assert_eq!(detector.packet(0, &syn(5)), Fate::Sent(1, syn(5)));
    // 8 of 10 are exactly 80 %, and 9 of 11 more.
    for number in 6..10 {
        assert_eq!(detector.packet(0, &syn(number)), Fate::Sent(1, syn(number)));
    }
    assert_eq!(counters(&mut detector), (10, 8));
    assert_eq!(detector.packet(0, &syn(10)), Fate::dropped("under_attack"));
    assert_eq!(told(&mut detector), [0, 1, 0]);
}

#[test]
fn a_packet_that_is_sent_again_passes_during_an_attack() {
    let mut detector = detector(&[("flows_min", "1"), ("action", "drop-new")]);
    assert_eq!(detector.at(1).packet(0, &syn(1)), Fate::dropped("under_attack"));
    assert_eq!(detector.packet(0, &syn(1)), Fate::Sent(1, syn(1)));
}

#[test]
fn an_alarm_drops_nothing_and_is_told_once() {
    let mut detector = detector(&[("flows_min", "10")]);
    for number in 0..1_000 {
        assert_eq!(detector.at(1).packet(0, &syn(number)), Fate::Sent(1, syn(number)));
    }
    assert_eq!(told(&mut detector), [0]);
    assert_eq!(detector.world().emitted, [(0, 10)]);
}

#[test]
fn both_counters_are_zero_after_all_flows_are_over() {
    let mut detector = detector(&[]);
    for number in 0..100 {
        detector.at(1).packet(number % 2, &syn(number / 3));
    }
    assert_ne!(counters(&mut detector), (0, 0));
    detector.at(1 + 6_000 * MS);
    assert_ne!(counters(&mut detector), (0, 0));
    detector.at(2 + 6_000 * MS);
    assert_eq!(counters(&mut detector), (0, 0));
}

#[test]
fn a_full_table_leaves_no_trace_of_the_flow_and_lets_its_packet_pass() {
    let mut detector = detector(&[("flows_min", "1"), ("threshold_percent", "100")]);
    detector.configuration_mut().packet_sets = 2;
    for number in 0..10 {
        assert_eq!(detector.at(1).packet(0, &syn(number)), Fate::Sent(1, syn(number)));
        assert_eq!(counters(&mut detector), (detector.packet_sets(), detector.packet_sets()));
    }
    assert_eq!(detector.packet_sets(), 2);
}

/// Runs bursts through the detector and their packets one by one through the model. At every step
/// flows are the live sets, and flows of one packet those that have had one.
fn compare(drop_new: bool, threshold_percent: usize) {
    let settings = Settings {
        threshold_percent,
        flows_min: 8,
        drop_new,
        idle_timeout_ns: 20 * MS,
        capacity: 40,
    };
    let threshold = threshold_percent.to_string();
    let parameters = [
        ("action", if drop_new { "drop-new" } else { "alarm" }),
        ("threshold_percent", &threshold[..]),
        ("flows_min", "8"),
        ("idle_timeout_ms", "20"),
    ];
    let wait = prop_oneof![4 => 0..MS, 2 => 0..8 * MS, 1 => 20 * MS - 1..20 * MS + 2];
    let steps = prop::collection::vec((wait, prop::collection::vec(arrival(), 1..16)), 1..60);
    let reached = RefCell::new(BTreeMap::<String, usize>::new());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(300) });
    let outcome = runner.run(&steps, |steps| {
        let mut detector = detector(&parameters);
        detector.configuration_mut().packet_sets = 40;
        let mut model = AntiDdosModel::new(settings.clone());
        let mut time_ns = 1;
        for (wait, frames) in steps {
            time_ns += wait;
            let burst: Vec<_> = frames.iter().map(|(port, frame)| (*port, &frame[..])).collect();
            let fates = detector.at(time_ns).burst(&burst);
            for ((port, frame), fate) in frames.into_iter().zip(fates) {
                let expected = model.packet(&Arrival { time_ns, port, frame });
                prop_assert_eq!(&fate, &expected);
                let name = match fate {
                    Fate::Sent(port, _) => format!("sent {port}"),
                    Fate::Dropped(reason) => reason,
                    other => format!("{other:?}"),
                };
                *reached.borrow_mut().entry(name).or_default() += 1;
            }
            prop_assert_eq!(counters(&mut detector), model.counters());
            prop_assert_eq!(detector.packet_sets(), model.counters().0);
        }
        let told = told(&mut detector);
        let count = |event| told.iter().filter(|&&told| told == event).count();
        prop_assert_eq!((count(0), count(1)), (model.starts, model.ends));
        let mut reached = reached.borrow_mut();
        *reached.entry("starts".to_owned()).or_default() += model.starts;
        *reached.entry("ends".to_owned()).or_default() += model.ends;
        *reached.entry("full".to_owned()).or_default() += usize::from(model.counters().0 == 40);
        model.expire(time_ns + 20 * MS + 1);
        detector.at(time_ns + 20 * MS + 1);
        prop_assert_eq!(counters(&mut detector), (0, 0));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    let dropped = if drop_new { "under_attack" } else { "sent 0" };
    for name in ["sent 0", "sent 1", "starts", "ends", "full", dropped] {
        assert!(reached.get(name).is_some_and(|&count| count > 0), "{name}: {reached:?}");
    }
}

#[test]
fn the_detector_agrees_with_the_model_whatever_comes() {
    compare(false, 60);
}

#[test]
fn a_detector_that_drops_agrees_with_the_model_as_well() {
    compare(true, 60);
    compare(true, 80);
}
