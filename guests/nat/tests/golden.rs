//! The golden captures of NAT. `cargo test -p nat --test golden -- --ignored` writes them anew,
//! from the scenarios below and the model.

mod model;

use std::net::Ipv4Addr;

use model::{NatModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const START: u64 = 1_700_000_000 * SECOND;
const LAN: u16 = 0;
const WAN: u16 = 1;
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;
const PSH_ACK: u8 = 0x18;
const FIN_ACK: u8 = 0x11;
const RST: u8 = 0x04;

fn case(name: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Golden {
    Golden { folder: concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into(), name, parameters }
}

fn settings() -> Settings {
    Settings {
        address: Ipv4Addr::new(203, 0, 113, 1).to_bits(),
        addresses: 2,
        ports: (1_024, 65_535),
        udp_ns: 6 * SECOND,
        tcp_transitory_ns: 4 * SECOND,
        tcp_established_ns: 20 * SECOND,
        icmp_ns: 3 * SECOND,
        interval_ns: SECOND,
        inbound_refresh: false,
        hold_ns: 0,
        macs: [Some([2, 0, 0, 0, 1, 0]), Some([2, 0, 0, 0, 1, 1]), Some([2, 0, 0, 0, 1, 2])],
    }
}

/// Addresses enough, and timeouts a trace can wait for.
fn plenty() -> (Golden, NatModel, Vec<Arrival>) {
    let golden = case(
        "plenty",
        &[
            ("external_addresses", "2"),
            ("udp_timeout_s", "6"),
            ("tcp_transitory_timeout_s", "4"),
            ("tcp_established_timeout_s", "20"),
            ("icmp_timeout_s", "3"),
            ("port0_mac", "02:00:00:00:01:00"),
            ("port1_mac", "02:00:00:00:01:01"),
            ("port1_next_hop_mac", "02:00:00:00:01:02"),
        ],
    );
    let mut script = Script { time_ns: START, arrivals: Vec::new() };
    udp(&mut script);
    tcp(&mut script);
    pings(&mut script);
    hairpins(&mut script);
    errors(&mut script);
    unmapped(&mut script);
    hops_and_checksums(&mut script);
    others(&mut script);
    idle(&mut script);
    (golden, NatModel::new(settings()), script.arrivals)
}

/// Two external endpoints for each protocol, kept by packets from both sides, and a rest.
fn tight() -> (Golden, NatModel, Vec<Arrival>) {
    let golden = case(
        "tight",
        &[
            ("external_addresses", "1"),
            ("port_first", "5000"),
            ("port_last", "5001"),
            ("udp_timeout_s", "6"),
            ("tcp_transitory_timeout_s", "4"),
            ("tcp_established_timeout_s", "20"),
            ("icmp_timeout_s", "3"),
            ("inbound_refresh", "true"),
            ("reuse_hold_s", "2"),
        ],
    );
    let mut script = Script { time_ns: START, arrivals: Vec::new() };
    exhaustion(&mut script);
    let model = NatModel::new(Settings {
        addresses: 1,
        ports: (5_000, 5_001),
        inbound_refresh: true,
        hold_ns: 2 * SECOND,
        macs: [None; 3],
        ..settings()
    });
    (golden, model, script.arrivals)
}

/// Packets one after the other, 100 µs apart.
struct Script {
    time_ns: u64,
    arrivals: Vec<Arrival>,
}

impl Script {
    fn then(&mut self, port: u16, frame: Vec<u8>) -> &mut Self {
        self.arrivals.push(Arrival { time_ns: self.time_ns, port, frame });
        self.time_ns += 100_000;
        self
    }

    fn wait(&mut self, ns: u64) -> &mut Self {
        self.time_ns += ns;
        self
    }
}

fn host(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number)
}

fn server(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, number)
}

/// The external endpoint of this number, of two addresses with default ports.
fn outside(id: u16) -> (Ipv4Addr, u16) {
    (Ipv4Addr::new(203, 0, 113, 1), 1_024 + id)
}

fn echo(source: Ipv4Addr, destination: Ipv4Addr, request: bool, identifier: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    let kind = (if request { 8 } else { 0 }, 0);
    frames::icmp(source, destination, kind, [high, low, 0, 1], b"0123456789abcdef")
}

/// Endpoint-independent mapping and filtering. UDP 0 is host 1, UDP 1 is host 2.
fn udp(script: &mut Script) {
    let query = |number, port| Flow::new((host(number), 5_000), (server(port), 53));
    let from = |number| Flow::new((server(number), 53), outside(0));
    script
        .then(WAN, frames::udp(from(1), b"early"))
        .then(LAN, frames::padded(frames::udp(query(1, 1), b"query"), 60))
        .then(WAN, frames::padded(frames::udp(from(1), b"answer"), 60))
        .then(LAN, frames::udp(query(1, 2), b"same mapping, other destination"))
        .then(WAN, frames::udp(from(2), b"answer"))
        .then(WAN, frames::udp(from(3), b"whoever sends reaches it"))
        .then(LAN, frames::udp(query(2, 1), b"another host, same port"))
        .then(WAN, frames::udp(Flow::new((server(1), 53), outside(1)), b"answer to it"))
        .then(WAN, frames::tcp(Flow::new((server(1), 53), outside(0)), SYN, b"other protocol"));
}

/// A whole connection. TCP 0 is host 1.
fn tcp(script: &mut Script) {
    let there = Flow::new((host(1), 40_000), (server(1), 443));
    let back = Flow::new((server(1), 443), outside(0));
    script
        .then(LAN, frames::tcp(there, SYN, b""))
        .then(WAN, frames::tcp(back, SYN_ACK, b""))
        .then(LAN, frames::tcp(there, ACK, b""))
        .then(LAN, frames::tcp(there, PSH_ACK, b"request"))
        .then(WAN, frames::tcp(back, PSH_ACK, &[0x61; 1_400]))
        .then(WAN, frames::tcp(back, FIN_ACK, b""))
        .then(LAN, frames::tcp(there, FIN_ACK, b""))
        .then(WAN, frames::tcp(back, ACK, b""));
}

/// ICMP 0 is host 1, ICMP 1 is host 2; both chose the same identifier.
fn pings(script: &mut Script) {
    let (address, id) = outside(0);
    script
        .then(LAN, echo(host(1), server(1), true, 77))
        .then(WAN, echo(server(1), address, false, id))
        .then(LAN, echo(host(2), server(1), true, 77))
        .then(WAN, echo(server(1), address, false, id + 1))
        .then(WAN, echo(server(1), address, false, id + 2))
        .then(WAN, echo(server(1), address, true, id))
        .then(LAN, echo(host(1), server(1), false, 77))
        .then(LAN, echo(host(1), address, true, 77));
}

/// Hosts that reach each other by their external endpoints. UDP 2 is host 3.
fn hairpins(script: &mut Script) {
    let to = |id| Flow::new((host(3), 6_000), outside(id));
    script
        .then(LAN, frames::udp(to(7), b"to nobody, and makes no mapping"))
        .then(LAN, frames::udp(to(0), b"to host 1, from external 2"))
        .then(LAN, frames::udp(Flow::new((host(1), 5_000), outside(2)), b"and its answer"))
        .then(LAN, frames::udp(to(2), b"to itself"))
        .then(LAN, frames::udp(Flow::new((host(3), 6_000), (outside(0).0, 80)), b"to no port"));
}

/// Errors about each protocol from both sides, whole and cut.
fn errors(script: &mut Script) {
    let (us, sent) = (outside(0).0, |id| Flow::new(outside(id), (server(1), 53)));
    let unreachable = |frame: &[u8]| frames::icmp_error(server(9), us, (3, 1), frame);
    let cut = |frame: Vec<u8>, length: usize| frame[..14 + length].to_vec();
    let ping = echo(us, server(1), true, outside(0).1);
    script
        .then(WAN, unreachable(&frames::udp(sent(0), b"whole")))
        .then(WAN, unreachable(&cut(frames::udp(sent(0), b"cut"), 28)))
        .then(WAN, unreachable(&frames::without_udp_checksum(frames::udp(sent(0), b"none"))))
        .then(WAN, unreachable(&frames::tcp(sent(0), ACK, b"whole")))
        .then(WAN, unreachable(&cut(frames::tcp(sent(0), ACK, b""), 28)))
        .then(WAN, unreachable(&frames::with_fragment(frames::udp(sent(0), b"first"), 0x2000)))
        .then(WAN, unreachable(&ping))
        .then(WAN, frames::icmp_error(server(9), us, (11, 0), &ping))
        .then(WAN, frames::icmp_error(server(9), us, (12, 0), &frames::udp(sent(0), b"")))
        .then(WAN, unreachable(&frames::udp(sent(9), b"of nobody")))
        .then(WAN, unreachable(&frames::with_fragment(frames::udp(sent(0), b"late"), 0x0002)))
        .then(WAN, unreachable(&cut(frames::udp(sent(0), b""), 27)))
        .then(WAN, frames::icmp_error(server(9), server(8), (3, 1), &ping))
        .then(WAN, frames::icmp_error(server(9), us, (5, 1), &ping))
        .then(WAN, frames::icmp_error(server(9), us, (4, 0), &ping));
    let received = Flow::new((server(1), 53), (host(1), 5_000));
    let error = |to, frame: &[u8]| frames::icmp_error(host(1), to, (3, 3), frame);
    script
        .then(LAN, error(server(1), &frames::udp(received, b"nobody listens")))
        .then(LAN, error(server(1), &echo(server(1), host(1), false, 77)))
        .then(LAN, error(server(1), &echo(server(1), host(1), true, 77)))
        .then(LAN, error(us, &frames::udp(received, b"no hairpin")))
        .then(LAN, error(server(1), &frames::udp(sent(0), b"of no mapping")));
}

fn unmapped(script: &mut Script) {
    let to = |address, port| Flow::new((server(1), 53), (address, port));
    let (first, second) = (Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2));
    for flow in [
        to(first, 1_023),
        to(first, 65_535),
        to(second, 1_024),
        to(Ipv4Addr::new(203, 0, 113, 0), 1_024),
        to(Ipv4Addr::new(203, 0, 113, 3), 1_024),
        to(host(1), 5_000),
    ] {
        script.then(WAN, frames::udp(flow, b"x")).then(WAN, frames::tcp(flow, SYN, b"x"));
    }
}

fn hops_and_checksums(script: &mut Script) {
    let there = Flow::new((host(1), 5_000), (server(1), 53));
    let back = Flow::new((server(1), 53), outside(0));
    for ttl in [0, 1, 2, 255] {
        script
            .then(LAN, frames::with_ttl(frames::udp(there, b"hops"), ttl))
            .then(WAN, frames::with_ttl(frames::udp(back, b"hops"), ttl));
    }
    let new = Flow::new((host(9), 9), (server(1), 53));
    script.then(LAN, frames::with_ttl(frames::udp(new, b"makes no mapping"), 1));
    for at in [24, 40, 41] {
        for (port, flow) in [(LAN, there), (WAN, back)] {
            let mut wrong = frames::udp(flow, b"a wrong checksum stays wrong");
            wrong[at] ^= 0x10;
            script.then(port, wrong);
        }
    }
    script
        .then(LAN, frames::without_udp_checksum(frames::udp(there, b"none")))
        .then(WAN, frames::without_udp_checksum(frames::udp(back, b"none")));
}

/// What breaks a frame rule, and protocols that nobody translates.
fn others(script: &mut Script) {
    let (inside, outside) = ((host(1), 5_000), outside(0));
    for (port, flow) in
        [(LAN, Flow::new(inside, (server(1), 53))), (WAN, Flow::new((server(1), 53), outside))]
    {
        let (udp, tcp) = (frames::udp(flow, b"0123456789"), frames::tcp(flow, ACK, b"0123456789"));
        let (from, to) = (flow.source.0, flow.destination.0);
        script
            .then(port, frames::with_fragment(udp.clone(), 0x2000))
            .then(port, frames::with_fragment(udp.clone(), 0x00b9))
            .then(port, frames::ipv4(from, to, 47, &[0; 24]))
            .then(port, frames::with_ttl(frames::ipv4(from, to, 47, &[0; 24]), 1))
            .then(port, frames::ipv4(from, to, 1, &[8, 0, 0, 0, 0, 1, 0]))
            .then(port, frames::icmp(from, to, (13, 0), [0; 4], &[0; 12]))
            .then(port, frames::ethernet(0x0806, &[0; 46]))
            .then(port, frames::ethernet(0x86dd, &[0x60; 60]))
            .then(port, frames::tagged(&udp, 42));
        for frame in [&tcp, &udp] {
            for length in [1, 13, 14, 33, 34, 41, frame.len() - 1] {
                script.then(port, frame[..length].to_owned());
            }
        }
    }
}

/// How long mappings live. TCP 1 is established, TCP 2 half open, TCP 3 ended, TCP 4 goes on after
/// a reset.
fn idle(script: &mut Script) {
    let there = |port| Flow::new((host(4), port), (server(4), 443));
    let back = |id| Flow::new((server(4), 443), outside(id));
    script.wait(30 * SECOND);
    for id in 1..=4 {
        script.then(LAN, frames::tcp(there(8_000 + id), SYN, b""));
    }
    // TCP 0 has gone by now, but is the last in the queue.
    for id in [1, 3, 4] {
        script.then(WAN, frames::tcp(back(id), SYN_ACK, b""));
    }
    script
        .then(WAN, frames::tcp(back(3), RST, b""))
        .then(WAN, frames::tcp(back(4), RST, b""))
        .then(WAN, frames::tcp(back(4), PSH_ACK, b"nevertheless"));
    let probe = |script: &mut Script| {
        for id in 1..=4 {
            script.then(WAN, frames::tcp(back(id), ACK, b""));
        }
    };
    script.wait(4_900 * MILLISECOND);
    probe(script);
    script.wait(200 * MILLISECOND);
    probe(script);
    script.wait(15 * SECOND);
    probe(script);
    script.wait(6 * SECOND);
    probe(script);
}

/// Three endpoints of each protocol want two external ones.
fn exhaustion(script: &mut Script) {
    let there = |number| Flow::new((host(number), 5_353), (server(1), 53));
    let outside = |id: u16| (outside(0).0, 5_000 + id);
    let back = |id| Flow::new((server(1), 53), outside(id));
    for number in 1..=3 {
        script
            .then(LAN, frames::udp(there(number), b"UDP"))
            .then(LAN, frames::tcp(there(number), SYN, b""))
            .then(LAN, echo(host(number), server(1), true, 5_353));
    }
    // Only the second is kept, by answers. The first then rests, and the third gets it.
    for _ in 0..4 {
        script.wait(2 * SECOND).then(WAN, frames::udp(back(1), b"keep"));
    }
    script
        .then(WAN, frames::udp(back(0), b"gone"))
        .then(LAN, frames::udp(there(3), b"it rests"))
        .wait(3 * SECOND)
        .then(LAN, frames::udp(there(3), b"it is mine"))
        .then(WAN, frames::udp(back(0), b"to host 3"))
        .then(LAN, frames::udp(there(1), b"too late"))
        .then(LAN, frames::udp(Flow::new((host(3), 5_353), outside(1)), b"to host 2"));
}

fn cases() -> [(Golden, NatModel, Vec<Arrival>); 2] {
    [plenty(), tight()]
}

#[test]
fn nat_makes_of_the_golden_captures_what_the_model_makes() {
    for (golden, mut model, scenario) in cases() {
        golden.check(scenario, &mut model, nat::NATIVE);
    }
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    for (golden, mut model, scenario) in cases() {
        golden.regenerate(scenario, &mut model);
    }
}
