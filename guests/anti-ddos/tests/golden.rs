//! The golden captures of the detector. `cargo test -p anti-ddos --test golden -- --ignored` writes
//! them anew, from the scenario below and the model.
//!
//! First packets of flows are judged by all flows, so they lie more than a millisecond apart, from
//! each other and from what ends or grows a flow: the host hands frames to its workers in quanta of
//! that length, and says nothing of the order of different packet sets within one.

mod model;

use std::net::Ipv4Addr;

use model::{AntiDdosModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};

const MILLISECOND: u64 = 1_000_000;
const STEP: u64 = MILLISECOND + 100_000;
const START: u64 = 1_700_000_000_000_000_000;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

fn cases() -> Vec<(Golden, AntiDdosModel)> {
    let case = |name, parameters, settings| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into();
        (Golden { folder, name, parameters }, AntiDdosModel::new(settings))
    };
    let settings = Settings {
        threshold_percent: 80,
        flows_min: 10,
        drop_new: true,
        idle_timeout_ns: 300 * MILLISECOND,
        capacity: 1_048_576,
    };
    vec![
        case(
            "drop-new",
            &[("action", "drop-new"), ("flows_min", "10"), ("idle_timeout_ms", "300")],
            settings.clone(),
        ),
        case(
            "alarm",
            &[("flows_min", "10"), ("threshold_percent", "50"), ("idle_timeout_ms", "300")],
            Settings { threshold_percent: 50, drop_new: false, ..settings },
        ),
    ]
}

/// Collects arrivals.
struct Script {
    time_ns: u64,
    arrivals: Vec<Arrival>,
}

impl Script {
    fn then(&mut self, port: u16, frame: Vec<u8>) -> &mut Self {
        self.time_ns += STEP;
        self.arrivals.push(Arrival { time_ns: self.time_ns, port, frame });
        self
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.time_ns += ms * MILLISECOND;
        self
    }
}

fn flow(number: u16) -> Flow {
    let [high, low] = number.to_be_bytes();
    Flow::new(
        (Ipv4Addr::new(64, 0, high, low), 2_048 + number),
        (Ipv4Addr::new(198, 51, 100, 7), 80),
    )
}

fn scenario() -> Vec<Arrival> {
    let mut script = Script { time_ns: START, arrivals: Vec::new() };
    ordinary_flows(&mut script);
    a_flood(&mut script);
    after_the_flood(&mut script);
    directions_and_protocols(&mut script);
    orphans(&mut script);
    script.arrivals
}

/// Of four packets each, so that there is no attack.
fn ordinary_flows(script: &mut Script) {
    for number in 0..12 {
        for flags in [SYN, ACK, ACK, ACK] {
            script.then(0, frames::tcp(flow(number), flags, b""));
        }
    }
}

/// Of one packet each, from ever new addresses, among flows that go on; some are tried again.
fn a_flood(script: &mut Script) {
    for number in 100..200 {
        script.then(0, frames::tcp(flow(number), SYN, b""));
        if number % 5 == 0 {
            script.then(0, frames::tcp(flow(number % 12), ACK, b"goes on"));
        }
        if number % 20 == 19 {
            script.then(0, frames::tcp(flow(number), SYN, b"again"));
        }
    }
}

/// All flows end, and ordinary ones begin.
fn after_the_flood(script: &mut Script) {
    script.wait(310);
    for number in 300..330 {
        script.then(0, frames::udp(flow(number), b"one"));
        script.then(0, frames::udp(flow(number), b"two"));
    }
    script.wait(310);
}

/// An answer is another flow, and so is the same pair of ports of another protocol.
fn directions_and_protocols(script: &mut Script) {
    for number in 400..404 {
        script
            .then(0, frames::udp(flow(number), b"question"))
            .then(1, frames::udp(flow(number).answer(), b"answer"))
            .then(0, frames::tcp(flow(number), SYN, b""))
            .then(1, frames::tcp(flow(number).answer(), ACK, b""))
            .then(1, frames::udp(flow(number), b"from the other side"));
    }
}

/// Whatever is in no flow passes unchanged, during an attack as well.
fn orphans(script: &mut Script) {
    let (tcp, udp) =
        (frames::tcp(flow(9), SYN, b"0123456789"), frames::udp(flow(9), b"0123456789"));
    for port in [0, 1] {
        script
            .then(port, frames::ethernet(0x0806, &[0; 46]))
            .then(port, frames::ethernet(0x86dd, &[0x60; 60]))
            .then(port, frames::tagged(&udp, 42))
            .then(port, frames::with_fragment(udp.clone(), 0x2000))
            .then(port, frames::with_fragment(tcp.clone(), 0x2001))
            .then(port, frames::with_ttl(udp.clone(), 0))
            .then(port, frames::without_udp_checksum(udp.clone()));
        for frame in [&tcp, &udp] {
            for length in [1, 13, 14, 33, 34, 40, frame.len() - 1] {
                script.then(port, frame[..length].to_owned());
            }
        }
        for (at, value) in [(14, 0x65), (14, 0x44), (14, 0x4f), (16, 0xff), (46, 0x40)] {
            let mut frame = tcp.clone();
            frame[at] = value;
            script.then(port, frame);
        }
    }
}

#[test]
fn the_detector_makes_of_the_golden_captures_what_the_model_makes() {
    for (golden, mut model) in cases() {
        golden.check(scenario(), &mut model, anti_ddos::NATIVE);
        let Golden { name, .. } = golden;
        assert!(model.starts > 0 && model.ends > 0, "{name}: an attack begins and ends");
        assert!(model.counters().0 > 0, "flows are open at its end");
    }
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    for (golden, mut model) in cases() {
        golden.regenerate(scenario(), &mut model);
    }
}
