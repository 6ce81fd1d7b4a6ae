//! What the firewall must hold, one line of its specification per test, and that it agrees with
//! the model on anything.

mod arrivals;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrivals::{LAN, WAN, flow, frame};
use model::{FirewallModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Fate, Harness, Model};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const TIMEOUT_NS: u64 = 48_000_000_000;

fn transparent() -> Harness {
    Harness::new(firewall::NATIVE, &[("mode", "transparent")])
}

#[test]
fn a_wan_packet_passes_only_while_a_session_opened_from_the_lan_lives() {
    let mut firewall = transparent();
    let (request, answer) =
        (frames::udp(flow(1, 1, 7), b"?"), frames::udp(flow(1, 1, 7).answer(), b"!"));
    assert_eq!(firewall.at(1).packet(WAN, &answer), Fate::dropped("unsolicited"));
    assert_eq!(firewall.packet_sets(), 0);
    assert_eq!(firewall.packet(LAN, &request), Fate::Sent(WAN, request.clone()));
    let passes = Fate::Sent(LAN, answer.clone());
    assert_eq!(firewall.at(1 + TIMEOUT_NS).packet(WAN, &answer), passes);
    assert_eq!(firewall.at(1 + 2 * TIMEOUT_NS).packet(WAN, &answer), passes);
    assert_eq!(firewall.at(2 + 3 * TIMEOUT_NS).packet(WAN, &answer), Fate::dropped("unsolicited"));
}

#[test]
fn with_a_full_table_a_lan_packet_is_dropped_and_never_passed_unrecorded() {
    let mut firewall = transparent();
    firewall.configuration_mut().packet_sets = 1;
    let (first, second) = (frames::udp(flow(1, 1, 7), b"1"), frames::udp(flow(2, 1, 7), b"2"));
    let full = Fate::dropped("packet_set_table_full");
    assert_eq!(firewall.burst(&[(LAN, &first), (LAN, &second)])[1], full);
    assert_eq!(firewall.packet(LAN, &first), Fate::Sent(WAN, first));
    assert_eq!(firewall.packet_sets(), 1);
}

#[test]
fn a_hop_is_counted_before_any_state_changes() {
    let mut firewall = Harness::new(firewall::NATIVE, &[]);
    let expired = frames::with_ttl(frames::udp(flow(1, 1, 7), b""), 1);
    assert_eq!(firewall.packet(LAN, &expired), Fate::dropped("ttl_expired"));
    assert_eq!(firewall.packet_sets(), 0);
    let Fate::Sent(WAN, passed) = firewall.packet(LAN, &frames::udp(flow(1, 1, 7), b"")) else {
        panic!("a packet with hops left passes")
    };
    assert_eq!(passed, frames::with_ttl(frames::udp(flow(1, 1, 7), b""), 63));
}

#[test]
fn a_wrong_header_checksum_stays_wrong() {
    let mut firewall = Harness::new(firewall::NATIVE, &[]);
    let mut frame = frames::udp(flow(1, 1, 7), b"");
    frame[24] ^= 0x55;
    let Fate::Sent(WAN, passed) = firewall.packet(LAN, &frame) else { panic!("it passes") };
    let mut right = passed.clone();
    frames::fix_ipv4_checksum(&mut right);
    assert_ne!(passed, right);
}

#[test]
fn every_ethertype_and_every_protocol_that_it_does_not_know_has_one_reason() {
    let mut firewall = transparent();
    for ether_type in (0..=u16::MAX).filter(|&ether_type| ether_type != 0x0800) {
        let frame = frames::ethernet(ether_type, &[0x45; 60]);
        assert_eq!(firewall.packet(LAN, &frame), Fate::dropped("not_ipv4"), "{ether_type:#06x}");
    }
    for protocol in (0..=255).filter(|protocol| ![6, 17].contains(protocol)) {
        let Flow { source, destination } = flow(1, 1, 7);
        let frame = frames::ipv4(source.0, destination.0, protocol, &[0x50; 40]);
        let reason = Fate::dropped("unsupported_protocol");
        assert_eq!(firewall.packet(LAN, &frame), reason, "protocol {protocol}");
    }
}

#[test]
fn every_truncation_of_a_valid_frame_has_one_reason() {
    let mut firewall = transparent();
    for frame in [frames::tcp(flow(1, 1, 7), 2, b"payload"), frames::udp(flow(1, 1, 7), b"payload")]
    {
        for length in 0..frame.len() {
            let reason = if length < 14 { "truncated" } else { "malformed_ip" };
            assert_eq!(firewall.packet(LAN, &frame[..length]), Fate::dropped(reason), "{length}");
        }
    }
}

#[test]
fn a_parameter_that_is_no_address_is_refused_with_a_sentence() {
    let start = || Harness::new(firewall::NATIVE, &[("port0_mac", "02:00")]);
    let refused = std::panic::catch_unwind(start).err().expect("it is refused");
    let message = refused.downcast_ref::<String>().expect("a sentence");
    let right = "the parameter `port0_mac` is `02:00`, but should be a MAC address such as \
                 02:00:00:00:00:01";
    assert_eq!(message, right);
}

/// How long to wait, and what arrives then.
type Step = (u64, Vec<(u16, Vec<u8>)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![4 => 0..1_000_u64, 1 => TIMEOUT_NS - 1..TIMEOUT_NS + 2];
    prop::collection::vec((wait, prop::collection::vec(frame(), 1..8)), 1..40)
}

/// Runs bursts through the firewall and their packets one by one through the model; counts what
/// became of them.
fn compare(parameters: &[(&str, &str)], settings: &Settings, wanted: &[&str]) {
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(200) });
    let outcome = runner.run(&steps(), |steps| {
        let mut firewall = Harness::new(firewall::NATIVE, parameters);
        firewall.configuration_mut().packet_sets = settings.capacity as u32;
        let mut model = FirewallModel::new(settings.clone());
        let mut time_ns = 0;
        for (wait, frames) in steps {
            time_ns += wait;
            let burst: Vec<_> = frames.iter().map(|(port, frame)| (*port, &frame[..])).collect();
            let fates = firewall.at(time_ns).burst(&burst);
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
            prop_assert_eq!(firewall.packet_sets(), model.sessions());
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    for name in wanted {
        assert!(reached.contains_key(*name), "{name} never came up: {reached:?}");
    }
}

const COMMON: [&str; 8] = [
    "sent 0",
    "sent 1",
    "unsolicited",
    "closed",
    "malformed_ip",
    "malformed_l4",
    "packet_set_table_full",
    "unsupported_protocol",
];

#[test]
fn the_routed_firewall_agrees_with_the_model_whatever_comes() {
    let settings = Settings { idle_timeout_ns: TIMEOUT_NS, capacity: 6, ..Settings::default() };
    let more = ["ttl_expired", "fragment", "not_ipv4", "truncated"];
    compare(&[], &settings, &[&COMMON[..], &more[..]].concat());
}

#[test]
fn the_strict_firewall_agrees_with_the_model_whatever_comes() {
    let settings = Settings {
        idle_timeout_ns: TIMEOUT_NS,
        capacity: 6,
        transparent: true,
        tcp_strict: true,
        lan_prefix: Some((0x0a00_0000, 30)),
        ..Settings::default()
    };
    let parameters =
        [("mode", "transparent"), ("tcp_strict", "true"), ("lan_prefix", "10.0.0.0/30")];
    compare(&parameters, &settings, &[&COMMON[..], &["no_syn", "spoofed"][..]].concat());
}
