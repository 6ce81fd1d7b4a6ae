//! What the bridge must hold, and that it agrees with the model on anything.

mod arrivals;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrivals::{BROADCAST, arrival, frame};
use model::{BridgeModel, Settings};
use nfos::testing::{Arrival, Fate, Harness, Model};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const MS: u64 = 1_000_000;
const A: [u8; 6] = [2, 0, 0, 0, 1, 1];
const B: [u8; 6] = [2, 0, 0, 0, 1, 2];
const C: [u8; 6] = [2, 0, 0, 0, 1, 3];

fn bridge(parameters: &[(&str, &str)]) -> Harness {
    Harness::new(bridge::NATIVE, parameters)
}

fn sent(port: u16, frame: &[u8]) -> Fate {
    Fate::Sent(port, frame.to_owned())
}

fn flooded(frame: &[u8]) -> Fate {
    Fate::Flooded(frame.to_owned())
}

/// How often it told that an event happened; the events in their order.
fn told(bridge: &mut Harness, name: &str) -> usize {
    let index = bridge.description().events.iter().position(|event| event == name);
    let index = index.expect("an event of this name") as u32;
    bridge.world().emitted.iter().filter(|(event, _)| *event == index).count()
}

#[test]
fn a_moved_station_is_reached_at_once() {
    for refresh in ["lease", "write"] {
        let mut bridge = bridge(&[("refresh", refresh)]);
        bridge.at(1).packet(0, &frame(A, BROADCAST));
        bridge.packet(2, &frame(B, BROADCAST));
        assert_eq!(bridge.packet(2, &frame(B, A)), sent(0, &frame(B, A)));
        bridge.packet(5, &frame(A, BROADCAST));
        assert_eq!(bridge.packet(2, &frame(B, A)), sent(5, &frame(B, A)));
        assert_eq!(told(&mut bridge, "station_moved"), 1);
    }
}

#[test]
fn a_full_table_still_forwards() {
    let mut bridge = bridge(&[("capacity", "2")]);
    bridge.at(1).packet(0, &frame(A, BROADCAST));
    bridge.packet(1, &frame(B, BROADCAST));
    assert_eq!(bridge.packet(1, &frame(C, A)), sent(0, &frame(C, A)));
    assert_eq!(bridge.packet(1, &frame(C, BROADCAST)), flooded(&frame(C, BROADCAST)));
    assert_eq!(bridge.packet(0, &frame(A, C)), flooded(&frame(A, C)));
    assert_eq!(told(&mut bridge, "table_full"), 2);
    assert_eq!(bridge.world().map_len("stations"), 2);
}

#[test]
fn sources_that_are_nobodys_are_dropped_and_not_learned() {
    let mut bridge = bridge(&[]);
    for source in [BROADCAST, [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], [0; 6]] {
        assert_eq!(bridge.packet(0, &frame(source, A)), Fate::dropped("bad_source"));
    }
    assert_eq!(bridge.world().map_len("stations"), 0);
}

#[test]
fn reserved_groups_are_never_relayed_and_other_groups_always() {
    let mut bridge = bridge(&[]);
    for last in 0..=255 {
        let frame = frame(A, [0x01, 0x80, 0xc2, 0, 0, last]);
        let expected = match last {
            0..16 => Fate::dropped("reserved_group"),
            _ => flooded(&frame),
        };
        assert_eq!(bridge.packet(3, &frame), expected);
    }
    for group in [BROADCAST, [0x01, 0x80, 0xc2, 0, 1, 0], [0x33, 0x33, 0, 0, 0, 1]] {
        assert_eq!(bridge.packet(3, &frame(A, group)), flooded(&frame(A, group)));
    }
}

#[test]
fn a_frame_to_where_it_came_from_goes_nowhere() {
    let mut bridge = bridge(&[]);
    bridge.packet(1, &frame(A, BROADCAST));
    assert_eq!(bridge.packet(1, &frame(B, A)), Fate::dropped("same_port"));
    assert_eq!(bridge.packet(1, &frame(B, B)), Fate::dropped("same_port"));
}

#[test]
fn every_ether_type_is_relayed_unchanged_and_every_truncation_has_one_reason() {
    let mut bridge = bridge(&[]);
    bridge.packet(1, &frame(B, BROADCAST));
    for ether_type in 0..=u16::MAX {
        let mut frame = frame(A, B);
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        assert_eq!(bridge.packet(0, &frame), sent(1, &frame));
    }
    for length in 0..60 {
        let frame = &frame(A, B)[..length];
        let expected = if length < 14 { Fate::dropped("truncated") } else { sent(1, frame) };
        assert_eq!(bridge.packet(0, frame), expected, "{length} bytes");
    }
}

/// Until when a station that was seen at 0, and every `every_ns` from then on, is known after its
/// last frame; looked at each 100 µs.
fn known_for_ns(parameters: &[(&str, &str)], every_ns: u64) -> u64 {
    let mut bridge = bridge(parameters);
    let frames = 10;
    for seen in 0..frames {
        bridge.at(1 + seen * every_ns).packet(0, &frame(A, BROADCAST));
    }
    let last_ns = 1 + (frames - 1) * every_ns;
    let mut now_ns = last_ns;
    while bridge.at(now_ns).world().map_len("stations") == 1 {
        now_ns += MS / 10;
    }
    now_ns - last_ns
}

#[test]
fn a_station_goes_early_by_its_refresh_interval_and_late_by_a_period_at_most() {
    for refresh in ["lease", "write"] {
        for interval_ms in [0, 10, 50] {
            let interval = interval_ms.to_string();
            let parameters = [
                ("refresh", refresh),
                ("ageing_ms", "100"),
                ("period_ms", "7"),
                ("refresh_interval_ms", &interval[..]),
            ];
            for every_ns in [MS, 3 * MS, 17 * MS, 49 * MS, 93 * MS] {
                let known_ns = known_for_ns(&parameters, every_ns);
                let allowed = (100 - interval_ms) * MS..=(100 + 7) * MS + MS / 10;
                assert!(allowed.contains(&known_ns), "{parameters:?} {every_ns}: {known_ns}");
            }
        }
    }
}

#[test]
fn a_period_removes_no_more_than_it_may_and_the_next_goes_on() {
    for refresh in ["lease", "write"] {
        let mut bridge = bridge(&[
            ("refresh", refresh),
            ("ageing_ms", "100"),
            ("period_ms", "10"),
            ("expire_max", "3"),
        ]);
        for number in 0..8 {
            bridge.at(1).packet(0, &frame([2, 0, 0, 0, 2, number], BROADCAST));
        }
        let mut known = |ms: u64| bridge.at(2 + ms * MS).world().map_len("stations");
        assert_eq!([known(100), known(110), known(120), known(130)], [8, 5, 2, 0]);
    }
}

#[test]
fn a_lease_that_was_given_back_is_used_again() {
    let mut bridge = bridge(&[("capacity", "2"), ("ageing_ms", "100")]);
    for round in 0..1_000_u64 {
        let [low, high] = (round as u16).to_le_bytes();
        bridge.at(1 + round * 111 * MS).packet(0, &frame([2, 0, 0, 3, high, low], BROADCAST));
        assert_eq!(bridge.world().map_len("stations"), 1, "round {round}");
    }
    assert_eq!(told(&mut bridge, "table_full"), 0);
}

#[test]
fn a_refresh_interval_above_half_of_the_ageing_time_is_refused_with_a_sentence() {
    let start = || bridge(&[("ageing_ms", "999"), ("refresh_interval_ms", "500")]);
    let refused = std::panic::catch_unwind(start).err().expect("it is refused");
    let message = refused.downcast_ref::<String>().expect("a sentence");
    let right = "the parameter `refresh_interval_ms` is 500, but should be at most 499, half of \
                 `ageing_ms`";
    assert_eq!(message, right);
}

/// Runs bursts through the bridge and their frames one by one through the model.
fn compare(refresh: &str, interval_ms: u64, cases: u32) {
    let settings = Settings {
        capacity: 8,
        ageing_ns: 40 * MS,
        refresh_interval_ns: interval_ms * MS,
        period_ns: 10 * MS,
        expire_max: 256,
    };
    let interval = interval_ms.to_string();
    let parameters = [
        ("refresh", refresh),
        ("capacity", "8"),
        ("ageing_ms", "40"),
        ("refresh_interval_ms", &interval[..]),
    ];
    // Now and then to the nanosecond what an interval, a period or the ageing time is.
    let wait = prop_oneof![
        4 => 0..MS,
        2 => 0..15 * MS,
        1 => 40 * MS - 1..52 * MS,
        2 => (1..5_u64).prop_map(|tens| tens * 10 * MS),
    ];
    let steps = prop::collection::vec((wait, prop::collection::vec(arrival(), 1..32)), 1..60);
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    let outcome = runner.run(&steps, |steps| {
        let mut bridge = bridge(&parameters);
        let mut model = BridgeModel::new(settings.clone());
        let mut time_ns = 1;
        for (wait, frames) in steps {
            time_ns += wait;
            let burst: Vec<_> = frames.iter().map(|(port, frame)| (*port, &frame[..])).collect();
            let fates = bridge.at(time_ns).burst(&burst);
            for ((port, frame), fate) in frames.into_iter().zip(fates) {
                prop_assert_ne!(&fate, &sent(port, &frame), "back to where it came from");
                let expected = model.packet(&Arrival { time_ns, port, frame });
                prop_assert_eq!(&fate, &expected);
                let name = match fate {
                    Fate::Sent(..) => "sent".to_owned(),
                    Fate::Flooded(_) => "flooded".to_owned(),
                    Fate::Dropped(reason) => reason,
                    Fate::Consumed => "consumed".to_owned(),
                };
                *reached.borrow_mut().entry(name).or_default() += 1;
            }
            prop_assert_eq!(bridge.world().map_len("stations"), model.stations());
            prop_assert_eq!(bridge.world().held("stations_leases"), model.stations());
        }
        prop_assert_eq!(told(&mut bridge, "station_moved") as u64, model.moves);
        prop_assert_eq!(told(&mut bridge, "table_full") as u64, model.not_learned);
        *reached.borrow_mut().entry("moves".to_owned()).or_default() += model.moves;
        *reached.borrow_mut().entry("not_learned".to_owned()).or_default() += model.not_learned;
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    for name in [
        "sent",
        "flooded",
        "same_port",
        "bad_source",
        "reserved_group",
        "truncated",
        "moves",
        "not_learned",
    ] {
        assert!(reached.get(name).is_some_and(|&count| count > 0), "{name}: {reached:?}");
    }
}

#[test]
fn the_bridge_agrees_with_the_model_whatever_comes() {
    compare("lease", 0, 250);
}

#[test]
fn a_bridge_that_renews_by_writing_agrees_with_the_model_as_well() {
    compare("write", 0, 100);
    compare("write", 20, 100);
}

#[test]
fn a_bridge_with_a_refresh_interval_agrees_with_the_model_as_well() {
    compare("lease", 20, 100);
}
