//! Every baseline does with every packet what the sequential model of its guest does: on the
//! workload it is measured on and on hostile packets, alone, by hand in parallel, and locked.
//!
//! Workers are driven one packet at a time, each by the worker to which steering sends it, so what
//! is compared is exact. That threads keep it so is for `tests/threads.rs`.

#[path = "../../../guests/anti-ddos/tests/model/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "its own tests use all of it")]
mod anti_ddos;
#[path = "../../../guests/array/tests/model/mod.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod array;
#[path = "../../../guests/bridge/tests/model/mod.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod bridge;
#[path = "../../../guests/firewall/tests/model/mod.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod firewall;
#[path = "../../../guests/maglev/tests/model/mod.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod maglev;
#[path = "../../../guests/nat/tests/model/mod.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod nat;
#[path = "../../../guests/policer/tests/model/mod.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod policer;

use std::collections::BTreeMap;

use nfos::prelude::Packet;
use nfos::testing::{Arrival, Fate, Model, frames};
use nfos_bench_baselines::steering::steering;
use nfos_bench_baselines::{Outcome, Settings, Variant, workers};
use nfos_netio::PortId;
use nfos_traffic::{Kind, Options, Traffic};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const CAPACITY: usize = 300;

/// A workload at so many packets a second, `packets` of them.
fn traffic(kind: Kind, packets: u64, packets_per_second: u64) -> Vec<Arrival> {
    let takes_open = matches!(kind, Kind::NatBoth | Kind::LbChurn);
    let options = Options {
        packets: Some(packets),
        packets_per_second: Some(packets_per_second),
        open: takes_open.then_some(200),
        ..Options::default()
    };
    let mut traffic = Traffic::new(kind, &options).expect("it goes well");
    let mut arrivals = Vec::new();
    while let Some(packet) = traffic.next() {
        let (time_ns, port, frame) = (packet.time_ns, packet.port, packet.frame.to_owned());
        arrivals.push(Arrival { time_ns, port, frame });
    }
    arrivals
}

/// The variants, and how many workers.
const RUNS: [(Variant, usize); 5] = [
    (Variant::Sequential, 1),
    (Variant::Expert, 1),
    (Variant::Expert, 3),
    (Variant::GlobalLock, 1),
    (Variant::GlobalLock, 2),
];

/// Runs every variant and the model, which `prepare` may tell what the baseline did; counts what
/// became of packets.
fn hold<M: Model>(
    name: &str,
    settings: &Settings,
    arrivals: &[Arrival],
    model: impl Fn() -> M,
    prepare: impl Fn(&mut M, &Arrival, &Fate),
    runs: &[(Variant, usize)],
) -> BTreeMap<String, u64> {
    let mut reached = BTreeMap::new();
    for &(variant, count) in runs {
        let mut model = model();
        let mut workers = workers(name, variant, count, settings);
        let steering = steering(name, workers.len());
        for (number, arrival) in arrivals.iter().enumerate() {
            let Arrival { time_ns, port, ref frame } = *arrival;
            workers.iter_mut().for_each(|worker| worker.tick(time_ns));
            let worker = &mut workers[steering.worker(PortId::new(port), frame)];
            let mut bytes = frame.clone();
            let judged = worker.packet(&mut Packet::new(port, &mut bytes, 0), time_ns);
            let (fate, kind) = match judged {
                Ok(Outcome::Send(to)) => (Fate::Sent(to, bytes), format!("sent {to}")),
                Ok(Outcome::Flood) => (Fate::Flooded(bytes), "flooded".to_owned()),
                Ok(Outcome::Consume) => (Fate::Consumed, "consumed".to_owned()),
                Ok(Outcome::Drop(reason)) => (Fate::dropped(reason), reason.to_owned()),
                Err(reason) => (Fate::dropped(reason.0), reason.0.to_owned()),
            };
            prepare(&mut model, arrival, &fate);
            let expected = model.packet(arrival);
            assert!(
                fate == expected,
                "{name}, {variant:?} x {count}, packet {number}: {} instead of {}",
                head(&fate),
                head(&expected),
            );
            *reached.entry(kind).or_default() += 1;
        }
    }
    reached
}

/// What became of a packet, without most of its bytes.
fn head(fate: &Fate) -> String {
    format!("{fate:02x?}").chars().take(400).collect()
}

fn assert_reached(reached: &BTreeMap<String, u64>, wanted: &[&str]) {
    for name in wanted {
        assert!(reached.contains_key(*name), "{name} never came up: {reached:?}");
    }
}

fn settings() -> Settings {
    Settings { packet_sets: CAPACITY, ..Settings::default() }
}

/// Without those of several workers, each of which has the whole capacity.
const ONE_TABLE: [(Variant, usize); 4] = [RUNS[0], RUNS[1], RUNS[3], RUNS[4]];

#[test]
fn the_counter_passes_everything_and_counts_it() {
    let arrivals = traffic(Kind::Hostile, 3_000, 1_000_000);
    let model = || |arrival: &Arrival| Fate::Sent(arrival.port ^ 1, arrival.frame.clone());
    let reached = hold("counter", &settings(), &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["sent 0", "sent 1"]);
}

#[test]
fn the_firewall_does_what_the_model_does() {
    let settings = Settings { firewall_idle_ns: 20 * MILLISECOND, ..settings() };
    let model = || {
        firewall::FirewallModel::new(firewall::Settings {
            idle_timeout_ns: 20 * MILLISECOND,
            capacity: CAPACITY,
            ..Default::default()
        })
    };
    let arrivals = traffic(Kind::NatBoth, 20_000, 40_000);
    let reached = hold("firewall", &settings, &arrivals, model, |_, _, _| {}, &ONE_TABLE);
    assert_reached(&reached, &["sent 1", "unsolicited", "fragment", "packet_set_table_full"]);
    let both = both_directions(20_000);
    let reached = hold("firewall", &settings, &both, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["sent 0", "sent 1", "unsolicited", "closed"]);
    let mut arrivals = traffic(Kind::Hostile, 20_000, 40_000);
    // The model computes checksums anew, so they have to be right before.
    for Arrival { frame, .. } in &mut arrivals {
        let end = 14 + frame.get(14).map_or(0, |byte| usize::from(byte % 16) * 4);
        if (34..=frame.len()).contains(&end) {
            frames::fix_ipv4_checksum(frame);
        }
    }
    let reached = hold("firewall", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["ttl_expired", "malformed_l4", "malformed_ip", "truncated"]);
}

/// Sessions of which each packet may come from either side, with all flags.
fn both_directions(packets: u64) -> Vec<Arrival> {
    let mut arrivals = traffic(Kind::Flows(64), packets, 40_000);
    for (number, arrival) in arrivals.iter_mut().enumerate() {
        let draw = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let frame = &mut arrival.frame;
        // A segment of TCP instead, of the same ports.
        (frame[23], frame[46]) = (6, 0x50);
        frame[47] = [0x10, 0x02, 0x12, 0x11, 0x04][draw as usize % 5];
        if draw & 0x100 != 0 {
            arrival.port = 1;
            for at in [26, 27, 28, 29] {
                frame.swap(at, at + 4);
            }
            frame.swap(34, 36);
            frame.swap(35, 37);
        }
        frames::fix_ipv4_checksum(frame);
    }
    arrivals
}

#[test]
fn the_policer_does_what_the_model_does() {
    let (rate, burst) = (20_000, 600);
    let settings = Settings { policer_rate: rate, policer_burst: burst, ..settings() };
    let mut arrivals = traffic(Kind::Flows(100), 20_000, 40_000);
    arrivals.extend(traffic(Kind::Hostile, 10_000, 40_000).into_iter().map(|mut arrival| {
        arrival.time_ns += SECOND;
        arrival
    }));
    arrivals.iter_mut().enumerate().for_each(|(at, arrival)| {
        arrival.port = u16::from(at % 16 != 0);
        // All made-up flows go to one host.
        if arrival.frame.len() > 33 {
            arrival.frame[33] ^= arrival.frame[at % 4 + 26] % 8;
        }
    });
    let model = || policer::PolicerModel::new(rate, burst, CAPACITY);
    let reached = hold("policer", &settings, &arrivals, model, |_, _, _| {}, &ONE_TABLE);
    assert_reached(&reached, &["sent 0", "sent 1", "over_rate", "malformed_ip"]);
}

#[test]
fn the_bridge_does_what_the_model_does() {
    let (capacity, ageing_ns) = (190, 40 * MILLISECOND);
    let settings = Settings {
        bridge_capacity: capacity,
        bridge_ageing_ns: ageing_ns,
        bridge_refresh_ns: MILLISECOND,
        ..settings()
    };
    let model = || {
        bridge::BridgeModel::new(bridge::Settings {
            capacity,
            ageing_ns,
            refresh_interval_ns: MILLISECOND,
            period_ns: 10 * MILLISECOND,
            expire_max: 256,
        })
    };
    let mut arrivals = traffic(Kind::Bridge, 20_000, 40_000);
    // Some stations move.
    arrivals.iter_mut().skip(500).step_by(97).for_each(|arrival| arrival.port ^= 1);
    let reached = hold("bridge", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["sent 0", "sent 1", "flooded", "same_port"]);
    let arrivals = traffic(Kind::Hostile, 20_000, 40_000);
    let reached = hold("bridge", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["truncated", "bad_source"]);
}

#[test]
fn the_detector_does_what_the_model_does() {
    let settings = Settings {
        anti_ddos_staleness_ns: 0,
        anti_ddos_flows_min: 50,
        anti_ddos_drop_new: true,
        anti_ddos_idle_ns: 15 * MILLISECOND,
        packet_sets: 2_000,
        ..settings()
    };
    let model = || {
        anti_ddos::AntiDdosModel::new(anti_ddos::Settings {
            threshold_percent: 80,
            flows_min: 50,
            drop_new: true,
            idle_timeout_ns: 15 * MILLISECOND,
            capacity: 2_000,
        })
    };
    let arrivals = traffic(Kind::AntiDdos, 20_000, 200_000);
    let reached = hold("anti-ddos", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["sent 1", "under_attack"]);
    let settings = Settings { packet_sets: CAPACITY, ..settings };
    let full = || {
        anti_ddos::AntiDdosModel::new(anti_ddos::Settings {
            threshold_percent: 80,
            flows_min: 50,
            drop_new: true,
            idle_timeout_ns: 15 * MILLISECOND,
            capacity: CAPACITY,
        })
    };
    hold("anti-ddos", &settings, &arrivals, full, |_, _, _| {}, &[RUNS[0], RUNS[3]]);
    let arrivals = traffic(Kind::Hostile, 20_000, 200_000);
    let reached = hold("anti-ddos", &settings, &arrivals, full, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["sent 0", "sent 1"]);
}

#[test]
fn the_array_does_what_the_model_does() {
    for exponent in [0.0, 0.99] {
        let settings = Settings { array_exponent: exponent, packet_sets: 12_000, ..settings() };
        let model = || array::ArrayModel::new(10_000, exponent, "read-write", 42, 12_000);
        let mut arrivals = traffic(Kind::Array, 20_000, 1_000_000);
        arrivals.extend(traffic(Kind::Hostile, 5_000, 1_000_000));
        let reached = hold("array", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
        assert_reached(&reached, &["sent 0", "sent 1", "no_handler"]);
        let mut model = model();
        arrivals.iter().for_each(|arrival| _ = model.packet(arrival));
        for (variant, count) in RUNS {
            let mut workers = workers("array", variant, count, &settings);
            for arrival in &arrivals {
                let mut bytes = arrival.frame.clone();
                let mut packet = Packet::new(arrival.port, &mut bytes, 0);
                let steering = steering("array", workers.len());
                let worker = steering.worker(PortId::new(arrival.port), &arrival.frame);
                let _ = workers[worker].packet(&mut packet, 0);
            }
            assert_eq!(workers[0].counted(), model.elements, "{variant:?} x {count}");
        }
    }
}

#[test]
fn the_balancer_does_what_the_model_does() {
    let settings = Settings {
        maglev_backend_ns: 2 * SECOND,
        maglev_idle_ns: 500 * MILLISECOND,
        packet_sets: 2_000,
        ..settings()
    };
    let model = || {
        maglev::MaglevModel::new(maglev::Settings {
            backend_timeout_ns: 2 * SECOND,
            flow_timeout_ns: 500 * MILLISECOND,
            capacity: 2_000,
            ..Default::default()
        })
    };
    let arrivals = traffic(Kind::LbChurn, 25_000, 1_000);
    let reached = hold("maglev", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["sent 1", "consumed", "no_backend"]);
    let arrivals = traffic(Kind::Hostile, 20_000, 40_000);
    let reached = hold("maglev", &settings, &arrivals, model, |_, _, _| {}, &RUNS);
    assert_reached(&reached, &["not_vip", "fragment", "malformed_l4", "unsupported_protocol"]);
}

fn nat_settings(last: u16) -> (Settings, nat::Settings) {
    let settings = Settings {
        nat_addresses: 2,
        nat_ports: (1_024, last),
        nat_udp_ns: 3 * SECOND,
        nat_tcp_transitory_ns: 2 * SECOND,
        nat_tcp_established_ns: 6 * SECOND,
        nat_icmp_ns: 2 * SECOND,
        ..settings()
    };
    let of_model = nat::Settings { addresses: 2, ports: (1_024, last), ..nat::Settings::tight() };
    (settings, of_model)
}

/// Which endpoint a new mapping gets is the baseline's choice, and must then be free.
fn choose(model: &mut nat::NatModel, arrival: &Arrival, fate: &Fate) {
    model.chosen = match fate {
        Fate::Sent(_, frame) if arrival.port == 0 && frame.len() > 37 => {
            let header = usize::from(frame[14] % 16) * 4;
            let at = 14 + header + if frame[23] == 1 { 4 } else { 0 };
            let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
            let address = u32::from(word(26)) << 16 | u32::from(word(28));
            Some((address, word(at)))
        }
        _ => None,
    };
}

#[test]
fn nat_does_what_the_model_does() {
    let arrivals = traffic(Kind::NatBoth, 15_000, 2_000);
    let (settings, of_model) = nat_settings(1_100);
    let model = || nat::NatModel::new(of_model.clone());
    // Of several experts each looks for free endpoints where it has some.
    let reached = hold("nat", &settings, &arrivals, model, choose, &ONE_TABLE);
    let wanted = ["sent 0", "sent 1", "no_mapping", "no_free_port", "fragment", "not_for_us"];
    assert_reached(&reached, &wanted);
    let (settings, of_model) = nat_settings(9_000);
    let model = || nat::NatModel::new(of_model.clone());
    let reached = hold("nat", &settings, &arrivals, model, choose, &RUNS);
    assert_reached(&reached, &["sent 0", "sent 1", "no_mapping"]);
    let arrivals = traffic(Kind::Hostile, 10_000, 40_000);
    let reached = hold("nat", &settings, &arrivals, model, choose, &RUNS);
    assert_reached(&reached, &["sent 1", "ttl_expired", "malformed_l4", "unsupported_protocol"]);
}
