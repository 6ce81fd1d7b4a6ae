//! What the policer must hold, and that it agrees with the model on anything.

mod arrivals;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrivals::{LAN, WAN, arrival, frame_to};
use model::PolicerModel;
use nfos::testing::{Arrival, Fate, Harness, Model, frames};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const SECOND: u64 = 1_000_000_000;

fn policer(rate: u64, burst: u64) -> Harness {
    let (rate, burst) = (rate.to_string(), burst.to_string());
    let parameters = [("rate_bytes_per_second", &rate[..]), ("burst_bytes", &burst[..])];
    Harness::new(policer::NATIVE, &parameters)
}

fn passes(policer: &mut Harness, time_ns: u64, host: u8, length: usize) -> bool {
    matches!(policer.at(time_ns).packet(WAN, &frame_to(host, length)), Fate::Sent(LAN, _))
}

#[test]
fn a_packet_of_exactly_the_tokens_left_passes() {
    let mut policer = policer(1_000, 200);
    assert!(passes(&mut policer, 1, 1, 100));
    assert!(passes(&mut policer, 1, 1, 100));
    assert!(!passes(&mut policer, 1, 1, 60));
    assert!(!passes(&mut policer, 60_000_000, 1, 60));
    assert!(passes(&mut policer, 60_000_001, 1, 60));
}

#[test]
fn a_packet_above_the_burst_is_dropped_and_not_registered() {
    let mut policer = policer(1_000, 200);
    assert!(!passes(&mut policer, 1, 1, 201));
    assert_eq!(policer.packet_sets(), 0);
}

#[test]
fn with_a_full_table_the_packets_of_a_new_host_are_dropped() {
    let mut policer = policer(1_000, 200);
    policer.configuration_mut().packet_sets = 1;
    assert!(passes(&mut policer, 1, 1, 60));
    let fate = policer.packet(WAN, &frame_to(2, 60));
    assert_eq!(fate, Fate::dropped("packet_set_table_full"));
}

#[test]
fn the_idle_timeout_is_the_time_in_which_a_bucket_fills() {
    let idle = |rate, burst| policer(rate, burst).configuration_mut().idle_timeout;
    assert_eq!(idle(375_000_000, 3_750_000_000), 10 * SECOND);
    assert_eq!(idle(3, 1), 333_333_334);
    assert_eq!(idle(1, 1_000_000_000_000_000), u64::MAX);
}

#[test]
fn the_lan_is_not_policed() {
    let mut policer = policer(1, 60);
    for frame in [frame_to(1, 500), vec![1, 2, 3], frames::ethernet(0x0806, &[0; 46])] {
        assert_eq!(policer.packet(LAN, &frame), Fate::Sent(WAN, frame));
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(256) })]

    /// Over any interval of length t a host gets at most burst + rate · t bytes.
    #[test]
    fn no_interval_sees_more_than_burst_and_rate_allow(
        rate in 1_000..1_000_000_u64,
        burst in 60..5_000_u64,
        arrivals in prop::collection::vec((0..3_000_000_u64, 60..1_500_usize), 1..60),
    ) {
        let mut policer = policer(rate, burst);
        let (mut time_ns, mut passed) = (0, Vec::new());
        for (wait, length) in arrivals {
            time_ns += wait;
            if passes(&mut policer, time_ns, 1, length) {
                passed.push((time_ns, length as u128));
            }
        }
        for (first, &(start, _)) in passed.iter().enumerate() {
            let mut bytes = 0;
            for &(end, length) in &passed[first..] {
                bytes += length;
                let earned = u128::from(end - start) * u128::from(rate);
                // What a bucket holds beyond whole bytes is less than one.
                let allowed = (u128::from(burst) + 1) * u128::from(SECOND) + earned;
                prop_assert!(bytes * u128::from(SECOND) <= allowed);
            }
        }
    }

    /// A backlogged host gets at least rate · t bytes, but for one packet.
    #[test]
    fn a_backlogged_host_gets_its_rate(
        rate in 100_000..1_000_000_u64,
        length in 60..1_500_usize,
        wait in 1_000..50_000_u64,
    ) {
        let burst = 2_000;
        let mut policer = policer(rate, burst);
        let (mut time_ns, mut bytes) = (1, 0_u128);
        while time_ns < 20_000_000 {
            while passes(&mut policer, time_ns, 1, length) {
                bytes += length as u128;
            }
            time_ns += wait;
        }
        let earned = u128::from(time_ns - wait - 1) * u128::from(rate) / u128::from(SECOND);
        prop_assert!(bytes + length as u128 >= earned);
    }
}

#[test]
fn the_policer_agrees_with_the_model_whatever_comes() {
    let steps = prop::collection::vec(
        (
            prop_oneof![8 => 0..200_000_u64, 1 => 2_000_000..4_000_000_u64],
            prop::collection::vec(arrival(), 1..8),
        ),
        1..60,
    );
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(200) });
    let rates = (1_u64..2_000_000, 300..3_000_u64);
    let outcome = runner.run(&(rates, steps), |((rate, burst), steps)| {
        let mut policer = policer(rate, burst);
        policer.configuration_mut().packet_sets = 4;
        let mut model = PolicerModel::new(rate, burst, 4);
        let mut time_ns = 0;
        for (wait, frames) in steps {
            time_ns += wait;
            let burst: Vec<_> = frames.iter().map(|(port, frame)| (*port, &frame[..])).collect();
            let fates = policer.at(time_ns).burst(&burst);
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
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    for name in [
        "sent 0",
        "sent 1",
        "over_rate",
        "packet_set_table_full",
        "truncated",
        "not_ipv4",
        "malformed_ip",
    ] {
        assert!(reached.contains_key(name), "{name} never came up: {reached:?}");
    }
}
