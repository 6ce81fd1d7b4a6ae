//! The golden captures of the firewall. `cargo test -p firewall --test golden -- --ignored` writes
//! them anew, from the scenario below and the model.

mod model;

use std::net::Ipv4Addr;

use model::{FirewallModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000 * SECOND;
const LAN: u16 = 0;
const WAN: u16 = 1;
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;
const FIN_ACK: u8 = 0x11;
const RST: u8 = 0x04;
const ROUTER: [[u8; 6]; 4] =
    [[2, 0, 0, 0, 1, 0], [2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2], [2, 0, 0, 0, 1, 3]];

fn case(name: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Golden {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into();
    Golden { folder, name, parameters }
}

fn settings() -> Settings {
    Settings { idle_timeout_ns: 48 * SECOND, capacity: 8_388_608, ..Settings::default() }
}

fn cases() -> Vec<(Golden, FirewallModel)> {
    let routed = case(
        "routed",
        &[
            ("port0_mac", "02:00:00:00:01:00"),
            ("port0_next_hop_mac", "02:00:00:00:01:01"),
            ("port1_mac", "02:00:00:00:01:02"),
            ("port1_next_hop_mac", "02:00:00:00:01:03"),
        ],
    );
    let macs = [Some((ROUTER[0], ROUTER[1])), Some((ROUTER[2], ROUTER[3]))];
    let strict = case(
        "strict",
        &[("mode", "transparent"), ("tcp_strict", "true"), ("lan_prefix", "10.0.0.0/8")],
    );
    vec![
        (routed, FirewallModel::new(Settings { macs, ..settings() })),
        (
            strict,
            FirewallModel::new(Settings {
                transparent: true,
                tcp_strict: true,
                lan_prefix: Some((0x0a00_0000, 8)),
                ..settings()
            }),
        ),
    ]
}

/// Collects arrivals, 100 microseconds apart unless told otherwise.
struct Script {
    time_ns: u64,
    arrivals: Vec<Arrival>,
}

impl Script {
    fn then(&mut self, port: u16, frame: Vec<u8>) -> &mut Self {
        self.time_ns += 100_000;
        self.arrivals.push(Arrival { time_ns: self.time_ns, port, frame });
        self
    }

    fn wait(&mut self, ns: u64) -> &mut Self {
        self.time_ns += ns;
        self
    }
}

fn flow(host: u8, port: u16) -> Flow {
    Flow::new((Ipv4Addr::new(10, 0, 0, host), port), (Ipv4Addr::new(198, 51, 100, 7), 443))
}

fn scenario() -> Vec<Arrival> {
    let mut script = Script { time_ns: START, arrivals: Vec::new() };
    tcp_sessions(&mut script);
    udp_sessions(&mut script);
    hops_and_spoofing(&mut script);
    orphans(&mut script);
    idle_sessions(&mut script);
    many_sessions(&mut script);
    script.arrivals
}

fn tcp_sessions(script: &mut Script) {
    let flow = flow(1, 40_001);
    let back = flow.answer();
    script
        .then(WAN, frames::tcp(back, SYN, b""))
        .then(LAN, frames::tcp(flow, SYN, b""))
        .then(WAN, frames::tcp(back, SYN_ACK, b""))
        .then(LAN, frames::tcp(flow, ACK, b"GET /"))
        .then(WAN, frames::tcp(back, ACK, &[0x61; 1_400]))
        .then(LAN, frames::tcp(flow, FIN_ACK, b""))
        .then(WAN, frames::tcp(back, SYN_ACK, b"half closed, so this passes"))
        .then(WAN, frames::tcp(back, FIN_ACK, b""))
        .then(LAN, frames::tcp(flow, ACK, b""))
        .then(WAN, frames::tcp(back, SYN, b"closed"))
        .then(WAN, frames::tcp(back, ACK, b"but a late segment passes"))
        .then(LAN, frames::tcp(flow, SYN, b""))
        .then(WAN, frames::tcp(back, SYN_ACK, b"reopened"))
        .then(WAN, frames::tcp(back, RST, b""))
        .then(WAN, frames::tcp(back, SYN, b"reset, so closed"));
    let unopened = self::flow(1, 40_002);
    script
        .then(LAN, frames::tcp(unopened, ACK, b"no lone SYN"))
        .then(WAN, frames::tcp(unopened.answer(), ACK, b"an answer to it"))
        .then(LAN, frames::tcp(self::flow(1, 40_003), SYN_ACK, b"no lone SYN either"));
}

fn udp_sessions(script: &mut Script) {
    let flow = flow(2, 5_353);
    let back = flow.answer();
    let query = frames::udp(flow, b"query");
    let other_host = Flow::new((Ipv4Addr::new(198, 51, 100, 8), 443), flow.source);
    script
        .then(WAN, frames::udp(back, b"early"))
        .then(LAN, frames::padded(query, 60))
        .then(WAN, frames::padded(frames::udp(back, b"answer"), 60))
        .then(WAN, frames::without_udp_checksum(frames::udp(back, b"no checksum")))
        .then(LAN, frames::without_udp_checksum(frames::udp(flow, b"none either")))
        .then(WAN, frames::udp(other_host, b"from somebody else"))
        .then(WAN, frames::tcp(back, ACK, b"same ports, other protocol"));
}

fn hops_and_spoofing(script: &mut Script) {
    let flow = flow(3, 6_000);
    let outside = Flow::new((Ipv4Addr::new(192, 0, 2, 1), 6_001), flow.destination);
    for ttl in [1, 2, 1, 0, 255] {
        script
            .then(LAN, frames::with_ttl(frames::udp(flow, b"hops"), ttl))
            .then(WAN, frames::with_ttl(frames::udp(flow.answer(), b"hops"), ttl));
    }
    let inside = Flow::new((Ipv4Addr::new(10, 9, 9, 9), 443), flow.source);
    script
        .then(LAN, frames::udp(outside, b"not of the LAN"))
        .then(WAN, frames::udp(outside.answer(), b"an answer to it"))
        .then(WAN, frames::udp(inside, b"of the LAN, from the WAN"));
}

fn orphans(script: &mut Script) {
    let flow = flow(4, 7_000);
    let (tcp, udp) = (frames::tcp(flow, SYN, b"0123456789"), frames::udp(flow, b"0123456789"));
    for port in [LAN, WAN] {
        let (source, destination) = match port {
            LAN => (flow.source.0, flow.destination.0),
            _ => (flow.destination.0, flow.source.0),
        };
        script
            .then(port, frames::ipv4(source, destination, 1, &[8, 0, 0, 0, 0, 1, 0, 1]))
            .then(port, frames::ipv4(source, destination, 1, &[8, 0]))
            .then(port, frames::ipv4(source, destination, 47, &[0; 24]))
            .then(port, frames::ethernet(0x0806, &[0; 46]))
            .then(port, frames::ethernet(0x86dd, &[0x60; 60]))
            .then(port, frames::tagged(&udp, 42))
            .then(port, frames::with_fragment(udp.clone(), 0x2000))
            .then(port, frames::with_fragment(udp.clone(), 0x00b9))
            .then(port, frames::with_fragment(tcp.clone(), 0x2001));
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

fn idle_sessions(script: &mut Script) {
    let (kept, lost) = (flow(5, 8_000), flow(5, 8_001));
    script
        .then(LAN, frames::udp(kept, b"open"))
        .then(LAN, frames::udp(lost, b"open"))
        .wait(47 * SECOND)
        .then(WAN, frames::udp(kept.answer(), b"within the timeout, and begins it anew"))
        .wait(2 * SECOND)
        .then(WAN, frames::udp(lost.answer(), b"after the timeout"))
        .wait(45 * SECOND)
        .then(WAN, frames::udp(kept.answer(), b"within it again"))
        .wait(49 * SECOND)
        .then(WAN, frames::udp(kept.answer(), b"after it"))
        .then(LAN, frames::udp(kept, b"opened anew"))
        .then(WAN, frames::udp(kept.answer(), b"and answered"));
}

/// Sessions side by side, so that every worker has some and bursts are mixed.
fn many_sessions(script: &mut Script) {
    let mut seed = 42_u64;
    for round in 0..40_u16 {
        for host in 10..26 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let flow = flow(host, 9_000 + (seed >> 33) as u16 % 4);
            let payload = vec![round as u8; (seed >> 40) as usize % 200];
            let (port, flow) = if seed >> 63 == 0 { (LAN, flow) } else { (WAN, flow.answer()) };
            let frame = match seed >> 60 & 3 {
                0 => frames::tcp(flow, SYN, b""),
                1 => frames::tcp(flow, ACK, &payload),
                _ => frames::udp(flow, &payload),
            };
            script.time_ns -= 99_000;
            script.then(port, frame);
        }
    }
}

#[test]
fn the_firewall_makes_of_the_golden_captures_what_the_model_makes() {
    for (golden, mut model) in cases() {
        golden.check(scenario(), &mut model, firewall::NATIVE);
    }
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    for (golden, mut model) in cases() {
        golden.regenerate(scenario(), &mut model);
    }
}
