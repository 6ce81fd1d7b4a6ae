//! What the balancer must hold, one line of its specification per test, and that it agrees with
//! the model on anything.

mod arrivals;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use arrivals::{LAN, VIP, WAN, address, flow, frame, heartbeat};
use model::{MaglevModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Fate, Harness, Model};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const MILLISECOND: u64 = 1_000_000;
const BACKENDS_FULL: u32 = 2;

/// Four slots, a second without heartbeats.
const SMALL: [(&str, &str); 4] = [
    ("backends_max", "4"),
    ("table_size", "401"),
    ("backend_timeout_ms", "1000"),
    ("heartbeat_refresh_interval_ms", "0"),
];

fn settings() -> Settings {
    Settings {
        backends_max: 4,
        table_size: 401,
        backend_timeout_ns: 1_000 * MILLISECOND,
        refresh_interval_ns: 0,
        ..Settings::default()
    }
}

fn small(backends: &[u8]) -> Harness {
    let mut balancer = Harness::new(maglev::NATIVE, &SMALL);
    balancer.at(1);
    beat(&mut balancer, backends);
    balancer.at(1 + 100 * MILLISECOND);
    balancer
}

fn beat(balancer: &mut Harness, backends: &[u8]) {
    for &backend in backends {
        assert_eq!(balancer.packet(LAN, &heartbeat(backend)), Fate::Consumed);
    }
}

fn sent(fate: Fate) -> Vec<u8> {
    match fate {
        Fate::Sent(LAN, frame) => frame,
        other => panic!("{other:?}"),
    }
}

fn backend_of(balancer: &mut Harness, flow: Flow) -> Ipv4Addr {
    let frame = sent(balancer.packet(WAN, &frames::tcp(flow, 0x10, b"")));
    Ipv4Addr::new(frame[30], frame[31], frame[32], frame[33])
}

#[test]
fn first_and_later_packets_get_the_same_treatment() {
    let mut balancer = small(&[1, 2, 3]);
    for flow in (0..50).map(flow) {
        for frame in [frames::tcp(flow, 2, b"payload"), frames::udp(flow, b"payload")] {
            let first = sent(balancer.packet(WAN, &frame));
            assert_eq!(first[15] >> 2, 1, "the DSCP of the virtual address");
            assert_eq!(first[22], 63);
            assert_eq!(first[..6], [2, 0, 10, 0, 0, first[33]]);
            let burst = balancer.burst(&[(WAN, &frame), (WAN, &frame)]);
            assert!(burst.into_iter().all(|fate| sent(fate) == first));
        }
    }
    for destination in [(VIP, 81), (Ipv4Addr::new(118, 0, 0, 3), 80)] {
        let frame = frames::udp(Flow::new(flow(1).source, destination), b"");
        for _ in 0..2 {
            assert_eq!(balancer.packet(WAN, &frame), Fate::dropped("not_vip"));
        }
    }
    assert_eq!(balancer.packet_sets(), 100);
    for frame in [frames::tcp(flow(1), 0x10, b""), frames::tcp(flow(200), 2, b"")] {
        let expired = frames::with_ttl(frame, 1);
        assert_eq!(balancer.packet(WAN, &expired), Fate::dropped("ttl_expired"));
    }
    assert_eq!(balancer.packet_sets(), 100, "a hop is counted before any state changes");
}

#[test]
fn a_hop_less_and_every_checksum_right() {
    let mut balancer = small(&[1]);
    for client in 0..=255 {
        let flow = flow(client);
        let to_backend = Flow::new(flow.source, (address(1), 80));
        for (frame, expected) in [
            (frames::tcp(flow, 2, &[client; 7]), frames::tcp(to_backend, 2, &[client; 7])),
            (frames::udp(flow, &[client; 4]), frames::udp(to_backend, &[client; 4])),
            (
                frames::without_udp_checksum(frames::udp(flow, b"none")),
                frames::without_udp_checksum(frames::udp(to_backend, b"none")),
            ),
        ] {
            let mut expected = frames::with_ttl(expected, 63);
            expected[..6].copy_from_slice(&[2, 0, 10, 0, 0, 1]);
            expected[15] = 1 << 2;
            frames::fix_ipv4_checksum(&mut expected);
            assert_eq!(sent(balancer.packet(WAN, &frame)), expected);
        }
    }
}

#[test]
fn a_udp_checksum_that_becomes_zero_is_sent_as_ones() {
    let mut balancer = small(&[1]);
    let mut reached = 0;
    for payload in 0..=u16::MAX {
        let frame = frames::udp(flow(1), &payload.to_be_bytes());
        let frame = sent(balancer.packet(WAN, &frame));
        assert_ne!(frame[40..42], [0, 0], "payload {payload:#06x}");
        reached += u32::from(frame[40..42] == [0xff, 0xff]);
    }
    assert_eq!(reached, 1);
}

#[test]
fn a_reused_slot_never_inherits_flows() {
    let two_slots = [&[("backends_max", "2")], &SMALL[1..]].concat();
    let mut balancer = Harness::new(maglev::NATIVE, &two_slots);
    balancer.at(1);
    beat(&mut balancer, &[1, 2]);
    balancer.at(1 + 100 * MILLISECOND);
    let flows = || (0..100).map(flow);
    let of_first: Vec<_> =
        flows().filter(|&flow| backend_of(&mut balancer, flow) == address(1)).collect();
    for step in 2..=14 {
        beat(&mut balancer, &[2]);
        balancer.at(1 + step * 100 * MILLISECOND);
    }
    // The third gets the slot of the first. Before the table knows, nobody is sent there.
    beat(&mut balancer, &[3]);
    assert_eq!(balancer.world().map_len("backends"), 2);
    assert_eq!(backend_of(&mut balancer, of_first[0]), address(2));
    balancer.at(1 + 1_500 * MILLISECOND);
    // The flows of the first go where they would if they were new, and not all to its heir.
    let mut other = small(&[2, 3]);
    let rest = &of_first[1..];
    let went: Vec<_> = rest.iter().map(|&flow| backend_of(&mut balancer, flow)).collect();
    let new: Vec<_> = rest.iter().map(|&flow| backend_of(&mut other, flow)).collect();
    assert_eq!(went, new);
    assert!(went.contains(&address(2)) && went.contains(&address(3)));
}

#[test]
fn a_backend_that_returns_is_another() {
    let mut balancer = small(&[1, 2]);
    let bound: Vec<_> = (0..40).map(|client| backend_of(&mut balancer, flow(client))).collect();
    for step in 1..=14 {
        balancer.at(1 + (100 + step * 100) * MILLISECOND);
        beat(&mut balancer, &[2]);
    }
    let moved = (0..40).map(|client| backend_of(&mut balancer, flow(client)));
    assert!(moved.eq([address(2); 40]));
    beat(&mut balancer, &[1]);
    balancer.at(1 + 1_600 * MILLISECOND);
    let again: Vec<_> = (0..40).map(|client| backend_of(&mut balancer, flow(client))).collect();
    assert!(bound.contains(&address(1)) && !again.contains(&address(1)));
    assert!((40..80).any(|client| backend_of(&mut balancer, flow(client)) == address(1)));
}

#[test]
fn what_is_no_heartbeat_changes_nothing() {
    let mut balancer = small(&[]);
    let outside = Flow::new((Ipv4Addr::new(11, 0, 0, 1), 1), (VIP, 80));
    assert_eq!(balancer.packet(LAN, &frames::udp(outside, b"")), Fate::dropped("not_backend"));
    let ping = frames::ipv4(address(1), VIP, 1, &[8, 0, 0, 0, 0, 1, 0, 1]);
    assert_eq!(balancer.packet(LAN, &ping), Fate::dropped("unsupported_protocol"));
    let fragment = frames::with_fragment(heartbeat(1), 0x2000);
    assert_eq!(balancer.packet(LAN, &fragment), Fate::dropped("fragment"));
    assert_eq!(balancer.packet(WAN, &heartbeat(1)), Fate::dropped("not_vip"));
    balancer.at(1 + 300 * MILLISECOND);
    assert_eq!(balancer.world().held("backends_leases"), 0);
    let frame = frames::tcp(flow(1), 2, b"");
    assert_eq!(balancer.packet(WAN, &frame), Fate::dropped("no_backend"));
    assert_eq!(balancer.packet_sets(), 0);
}

#[test]
fn there_is_room_for_exactly_as_many_backends_as_said() {
    let mut balancer = small(&[1, 2, 3, 4, 5, 5]);
    assert_eq!(balancer.world().map_len("backends"), 4);
    let full = (BACKENDS_FULL, u64::from(address(5).to_bits()));
    let told = |balancer: &mut Harness| {
        balancer.world().emitted.iter().filter(|event| **event == full).count()
    };
    assert_eq!(told(&mut balancer), 2);
    balancer.at(1 + 1_300 * MILLISECOND);
    assert_eq!(balancer.world().map_len("backends"), 0, "all are given up in one period");
    beat(&mut balancer, &[5, 6, 7, 8]);
    assert_eq!(balancer.world().map_len("backends"), 4);
    assert_eq!(told(&mut balancer), 2);
}

#[test]
fn a_backend_is_given_up_a_period_after_its_time_at_the_latest() {
    let mut balancer = small(&[1]);
    // Its time is over 1,000 ms after the heartbeat at 1 ns, and the period at 1,000 ms sees it
    // live to the nanosecond.
    balancer.at(1 + 1_099 * MILLISECOND);
    assert_eq!(backend_of(&mut balancer, flow(1)), address(1));
    balancer.at(1 + 1_100 * MILLISECOND);
    let frame = frames::tcp(flow(1), 0x10, b"");
    assert_eq!(balancer.packet(WAN, &frame), Fate::dropped("no_backend"));
}

#[test]
fn a_heartbeat_from_another_station_moves_the_packets_at_once() {
    let mut balancer = small(&[1]);
    backend_of(&mut balancer, flow(1));
    let mut moved = heartbeat(1);
    moved[6..12].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
    assert_eq!(balancer.packet(3, &moved), Fate::Consumed);
    match balancer.packet(2, &frames::tcp(flow(2), 2, b"")) {
        Fate::Sent(3, frame) => assert_eq!(frame[..6], [2, 9, 9, 9, 9, 9]),
        other => panic!("{other:?}"),
    }
    let same = balancer.packet(WAN, &frames::tcp(flow(1), 0x10, b""));
    assert!(matches!(same, Fate::Sent(3, frame) if frame[..6] == [2, 9, 9, 9, 9, 9]));
}

#[test]
fn nothing_of_the_source_address_is_changed_but_where_the_operator_says() {
    let macs = [("port1_mac", "02:00:00:00:01:01"), ("port3_mac", "02:00:00:00:01:03")];
    let mut balancer = Harness::new(maglev::NATIVE, &macs);
    balancer.at(1).packet(1, &heartbeat(1));
    balancer.at(1 + 100 * MILLISECOND);
    for (port, source) in [(1, Some(1)), (3, Some(3)), (5, None)] {
        balancer.packet(port, &heartbeat(1));
        let frame = frames::tcp(flow(1), 2, b"");
        let expected = match source {
            Some(last) => [2, 0, 0, 0, 1, last],
            None => [2, 0, 0, 0, 0, 0xa],
        };
        let fate = balancer.packet(WAN, &frame);
        assert!(matches!(fate, Fate::Sent(at, frame) if at == port && frame[6..12] == expected));
    }
}

#[test]
fn parameters_that_do_not_go_together_are_refused_with_a_sentence() {
    let refused = |parameters: &[(&str, &str)]| {
        let start = || Harness::new(maglev::NATIVE, parameters);
        let refused = std::panic::catch_unwind(start).err().expect("it is refused");
        refused.downcast_ref::<String>().expect("a sentence").clone()
    };
    let table = "the parameter `table_size` is 65536, but should be a prime of at least 3200, 100 \
                 for each of `backends_max`, such as 65537";
    assert_eq!(refused(&[("table_size", "65536")]), table);
    assert!(refused(&[("table_size", "3191")]).ends_with("such as 3203"));
    let interval = "the parameter `heartbeat_refresh_interval_ms` is 501, but should be at most \
                    500, half of `backend_timeout_ms`";
    let given = [("backend_timeout_ms", "1000"), ("heartbeat_refresh_interval_ms", "501")];
    assert_eq!(refused(&given), interval);
    for vips in ["", "118.0.0.1", "118.0.0.1/64", "118.0.0.1/1,", "118.0.0/1"] {
        let right = "should be addresses with a DSCP of 0 to 63 each, such as \
                     118.0.0.1/1,118.0.0.2/2";
        assert!(refused(&[("vips", vips)]).ends_with(right), "{vips}");
    }
    for ports in ["", "http", "80,65536"] {
        assert!(refused(&[("vip_ports", ports)]).ends_with("should be ports such as 80,443"));
    }
}

/// How long to wait, and what arrives then.
type Step = (u64, Vec<(u16, Vec<u8>)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        6 => 0..60 * MILLISECOND,
        3 => 90 * MILLISECOND..310 * MILLISECOND,
        1 => 900 * MILLISECOND..1_300 * MILLISECOND,
    ];
    prop::collection::vec((wait, prop::collection::vec(frame(), 1..16)), 1..140)
}

#[test]
fn the_balancer_agrees_with_the_model_whatever_comes() {
    let settings = Settings { capacity: 10, flow_timeout_ns: 900 * MILLISECOND, ..settings() };
    let parameters = [&SMALL[..], &[("flow_timeout_ms", "900")]].concat();
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let count = |name: String| *reached.borrow_mut().entry(name).or_default() += 1;
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(300) });
    let outcome = runner.run(&steps(), |steps| {
        let mut balancer = Harness::new(maglev::NATIVE, &parameters);
        balancer.configuration_mut().packet_sets = settings.capacity as u32;
        let mut model = MaglevModel::new(settings.clone());
        let mut time_ns = 1;
        for (wait, frames) in steps {
            time_ns += wait;
            let burst: Vec<_> = frames.iter().map(|(port, frame)| (*port, &frame[..])).collect();
            let fates = balancer.at(time_ns).burst(&burst);
            for ((port, frame), fate) in frames.into_iter().zip(fates) {
                let expected = model.packet(&Arrival { time_ns, port, frame });
                prop_assert_eq!(&fate, &expected);
                count(match fate {
                    Fate::Sent(port, _) => format!("sent {port}"),
                    Fate::Dropped(reason) => reason,
                    other => format!("{other:?}"),
                });
                count("packets".to_owned());
            }
            prop_assert_eq!(balancer.packet_sets(), model.flows());
            if model.flows() == settings.capacity {
                count("full table".to_owned());
            }
        }
        let names = ["joined", "left", "full", "rebuilt", "moved"];
        for &(event, _) in &balancer.world().emitted {
            count(names[event as usize].to_owned());
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    for name in [
        "sent 1",
        "Consumed",
        "not_vip",
        "no_backend",
        "not_backend",
        "ttl_expired",
        "truncated",
        "not_ipv4",
        "malformed_ip",
        "malformed_l4",
        "fragment",
        "unsupported_protocol",
        "full table",
        "joined",
        "left",
        "full",
        "rebuilt",
        "moved",
    ] {
        assert!(reached.contains_key(name), "{name} never came up: {reached:?}");
    }
    assert!(reached["packets"] > 100_000, "{reached:?}");
}
