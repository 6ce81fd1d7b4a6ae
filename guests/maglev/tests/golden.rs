//! The golden captures of the balancer. `cargo test -p maglev --test golden -- --ignored` writes
//! them anew, from the scenario below and the model.
//!
//! Heartbeats and packets of flows meet different workers, and so do those of two backends. So
//! heartbeats, which may compete for the last slot, come 3 milliseconds of trace apart, and what
//! depends on one comes 20 milliseconds after it.

mod model;

use std::net::Ipv4Addr;

use model::{MaglevModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};

const MILLISECOND: u64 = 1_000_000;
const START: u64 = 1_700_000_000_000 * MILLISECOND;
const WAN: u16 = 0;
const LAN: u16 = 1;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN_ACK: u8 = 0x11;
const VIPS: [Ipv4Addr; 2] = [Ipv4Addr::new(118, 0, 0, 1), Ipv4Addr::new(118, 0, 0, 2)];

fn case(name: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Golden {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into();
    Golden { folder, name, parameters }
}

fn cases() -> Vec<(Golden, MaglevModel, Vec<Arrival>)> {
    let defaults = case("default", &[]);
    let small = case(
        "small",
        &[
            ("vips", "118.0.0.1/46"),
            ("vip_ports", "8080,80"),
            ("backends_max", "4"),
            ("table_size", "401"),
            ("backend_timeout_ms", "1000"),
            ("heartbeat_refresh_interval_ms", "100"),
            ("backend_prefix", "10.1.0.0/16"),
            ("flow_timeout_ms", "2000"),
            ("port1_mac", "02:00:00:00:01:00"),
        ],
    );
    let settings = Settings {
        vips: vec![(VIPS[0].to_bits(), 46)],
        ports: vec![8080, 80],
        backends_max: 4,
        table_size: 401,
        backend_timeout_ns: 1_000 * MILLISECOND,
        refresh_interval_ns: 100 * MILLISECOND,
        prefix: (0x0a01_0000, 16),
        flow_timeout_ns: 2_000 * MILLISECOND,
        port1_mac: Some([2, 0, 0, 0, 1, 0]),
        ..Settings::default()
    };
    vec![
        (defaults, MaglevModel::new(Settings::default()), many_flows()),
        (small, MaglevModel::new(settings), membership()),
    ]
}

/// Collects arrivals, 50 microseconds apart unless told otherwise.
struct Script {
    time_ns: u64,
    arrivals: Vec<Arrival>,
}

impl Script {
    fn new() -> Self {
        Self { time_ns: START, arrivals: Vec::new() }
    }

    fn then(&mut self, port: u16, frame: Vec<u8>) -> &mut Self {
        self.time_ns += 50_000;
        self.arrivals.push(Arrival { time_ns: self.time_ns, port, frame });
        self
    }

    fn wait_ms(&mut self, ms: u64) -> &mut Self {
        self.time_ns += ms * MILLISECOND;
        self
    }

    fn heartbeats(&mut self, backends: impl IntoIterator<Item = u8>) -> &mut Self {
        for backend in backends {
            self.wait_ms(3).then(LAN, heartbeat(backend, backend));
        }
        self
    }

    /// Packets of several flows, each of `flags`.
    fn packets(&mut self, flows: std::ops::Range<u16>, flags: u8) -> &mut Self {
        for number in flows {
            let payload = vec![number as u8; usize::from(number % 50)];
            self.then(WAN, frames::tcp(flow(number), flags, &payload));
        }
        self
    }
}

fn flow(number: u16) -> Flow {
    let [high, low] = number.to_be_bytes();
    let client = (Ipv4Addr::new(198, 51, high, low), 40_000 + number);
    Flow::new(client, (VIPS[0], 80))
}

/// A heartbeat of a backend from a station.
fn heartbeat(backend: u8, station: u8) -> Vec<u8> {
    let (own, monitor) = (Ipv4Addr::new(10, 1, 0, backend), Ipv4Addr::new(10, 9, 9, 9));
    let mut frame = frames::udp(Flow::new((own, 9_000), (monitor, 9_000)), b"alive");
    frame[6..12].copy_from_slice(&[2, 0, 10, 1, 0, station]);
    frame
}

/// Backends that join, fall silent, move, return, and are too many.
fn membership() -> Vec<Arrival> {
    let mut script = Script::new();
    script
        .packets(0..3, SYN)
        .heartbeats(1..=3)
        .wait_ms(20)
        .packets(0..3, SYN)
        .wait_ms(200)
        .packets(0..60, SYN)
        .packets(0..60, ACK);
    // A fourth joins; a fifth has no room, and one is from elsewhere.
    let elsewhere = Flow::new((Ipv4Addr::new(10, 2, 0, 1), 9_000), (VIPS[0], 80));
    script
        .heartbeats(1..=5)
        .then(LAN, frames::udp(elsewhere, b"alive"))
        .wait_ms(200)
        .packets(0..90, ACK);
    // The second falls silent; the first is heard from another station.
    for _ in 0..12 {
        script.heartbeats([1, 3, 4]).wait_ms(100);
    }
    script.then(LAN, heartbeat(1, 77)).wait_ms(20).packets(0..90, ACK);
    // Its slot goes to the fifth, which must not inherit flows, and then it returns to no room.
    script.heartbeats([1, 3, 4, 5]).wait_ms(200).packets(0..90, ACK);
    script.heartbeats([1, 2, 3, 4, 5]).wait_ms(200).packets(0..120, ACK);
    rules(&mut script);
    // All fall silent, and flows have nowhere to go until one is back, whose flows are new ones.
    script.wait_ms(1_300).packets(0..20, ACK);
    script.heartbeats([3]).wait_ms(200).packets(0..20, FIN_ACK);
    // Flows idle beyond their time are first packets again.
    for _ in 0..25 {
        script.heartbeats([3, 4]).wait_ms(100);
    }
    script.packets(0..40, ACK);
    script.arrivals
}

/// Every frame rule on both sides, and what is not served.
fn rules(script: &mut Script) {
    let flow = flow(7);
    let to = |address, port| Flow::new(flow.source, (address, port));
    let (tcp, udp) = (frames::tcp(flow, ACK, b"0123456789"), frames::udp(flow, b"0123456789"));
    script
        .then(WAN, frames::tcp(to(VIPS[0], 8_080), SYN, b""))
        .then(WAN, frames::tcp(to(VIPS[0], 443), SYN, b"not served here"))
        .then(WAN, frames::tcp(to(VIPS[1], 80), SYN, b"nor this"))
        .then(WAN, udp.clone())
        .then(WAN, frames::without_udp_checksum(udp.clone()))
        .then(WAN, frames::padded(frames::udp(flow, b""), 60));
    let mut congested = frames::tcp(flow, ACK, b"ECN stays");
    congested[15] = 0xff;
    frames::fix_ipv4_checksum(&mut congested);
    let mut wrong = frames::tcp(flow, ACK, b"wrong checksums stay wrong");
    (wrong[24], wrong[50]) = (wrong[24] ^ 0x55, wrong[50] ^ 0x55);
    script.then(WAN, congested).then(WAN, wrong);
    for ttl in [255, 2, 1, 0] {
        script.then(WAN, frames::with_ttl(tcp.clone(), ttl));
        script.then(WAN, frames::with_ttl(frames::tcp(to(VIPS[1], 80), SYN, b""), ttl));
    }
    for port in [WAN, LAN] {
        script
            .then(port, frames::ipv4(flow.source.0, VIPS[0], 1, &[8, 0, 0, 0, 0, 1, 0, 1]))
            .then(port, frames::ipv4(flow.source.0, VIPS[0], 47, &[0; 24]))
            .then(port, frames::ethernet(0x0806, &[0; 46]))
            .then(port, frames::ethernet(0x86dd, &[0x60; 60]))
            .then(port, frames::tagged(&udp, 42))
            .then(port, frames::with_fragment(udp.clone(), 0x2000))
            .then(port, frames::with_fragment(tcp.clone(), 0x00b9));
        for frame in [&tcp, &udp] {
            for length in [1, 13, 14, 20, 33, 34, 40, frame.len() - 1] {
                script.then(port, frame[..length].to_owned());
            }
        }
        for (at, value) in [(14, 0x65), (14, 0x44), (14, 0x4f), (16, 0xff), (39, 0xff), (46, 0x40)]
        {
            let mut frame = if at == 39 { udp.clone() } else { tcp.clone() };
            frame[at] = value;
            script.then(port, frame);
        }
    }
}

/// Thirty-two backends with one fewer and one more later, and a thousand flows to both addresses.
fn many_flows() -> Vec<Arrival> {
    let mut script = Script::new();
    script.heartbeats(1..=32).wait_ms(120);
    for round in 0..4 {
        for number in 0..500_u16 {
            let flow = flow(number);
            let to = (VIPS[usize::from(number % 2)], [80, 443][usize::from(number / 2 % 2)]);
            let flow = Flow::new(flow.source, to);
            let frame = match number % 3 {
                0 => frames::udp(flow, &number.to_be_bytes()),
                _ => frames::tcp(flow, if round == 0 { SYN } else { ACK }, b""),
            };
            script.then(WAN, frame);
        }
        // The seventh is heard but once.
        for _ in 0..4 {
            script.wait_ms(1_250).heartbeats((1..=32).filter(|backend| *backend != 7));
        }
        script.wait_ms(120);
    }
    script.arrivals
}

#[test]
fn the_balancer_makes_of_the_golden_captures_what_the_model_makes() {
    for (golden, mut model, arrivals) in cases() {
        golden.check(arrivals, &mut model, maglev::NATIVE);
    }
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    for (golden, mut model, arrivals) in cases() {
        golden.regenerate(arrivals, &mut model);
    }
}
