//! NAT agrees with the model on anything.

mod model;
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use model::{NatModel, Settings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Fate, Harness, Model};
use nfos::wire::checksum;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use support::*;

/// Few hosts, few endpoints and short timeouts, so that everything comes up.
const PARAMETERS: [(&str, &str); 7] = [
    ("external_addresses", "2"),
    ("port_first", "3000"),
    ("port_last", "3002"),
    ("udp_timeout_s", "3"),
    ("tcp_transitory_timeout_s", "2"),
    ("tcp_established_timeout_s", "6"),
    ("icmp_timeout_s", "2"),
];

/// The same to the model.
fn settings() -> Settings {
    Settings {
        address: FIRST.to_bits(),
        addresses: 2,
        ports: (3_000, 3_002),
        udp_ns: 3 * SECOND,
        tcp_transitory_ns: 2 * SECOND,
        tcp_established_ns: 6 * SECOND,
        icmp_ns: 2 * SECOND,
        interval_ns: SECOND,
        inbound_refresh: false,
        hold_ns: 0,
        macs: [None; 3],
    }
}

/// A packet, before it is known which external endpoints there are.
#[derive(Clone, Debug)]
struct Draw {
    port: u16,
    what: u8,
    host: u8,
    inside_port: u16,
    /// Which external endpoint.
    outside: (u8, u16),
    hairpin: bool,
    flags: u8,
    payload: usize,
    damage: Option<(usize, u8)>,
    cut: Option<usize>,
}

fn draw() -> impl Strategy<Value = Draw> {
    let flags = prop::sample::select(vec![SYN, SYN_ACK, ACK, PSH_ACK, FIN_ACK, RST]);
    // Any byte, or a time to live of 0 or 1.
    let damage = prop_oneof![
        9 => (12..90_usize, 1..=255_u8),
        1 => (Just(22_usize), 64..=65_u8),
    ];
    let damage = prop::option::weighted(0.1, damage);
    let cut = prop::option::weighted(0.03, 0..60_usize);
    let ends = (0..8_u8, 1..4_u8, 0..3_u16, (0..3_u8, 2_999..3_004_u16));
    (0..2_u16, ends, prop::bool::weighted(0.15), flags, 0..40_usize, damage, cut).prop_map(
        |(port, (what, host, inside_port, outside), hairpin, flags, payload, damage, cut)| Draw {
            port,
            what,
            host,
            inside_port,
            outside,
            hairpin,
            flags,
            payload,
            damage,
            cut,
        },
    )
}

impl Draw {
    fn frame(&self) -> Vec<u8> {
        let inside = host(self.host, 4_000 + self.inside_port);
        let (address, port) = self.outside;
        let outside = (Ipv4Addr::from_bits(FIRST.to_bits() + u32::from(address)), port);
        let flow = match (self.port, self.hairpin) {
            (LAN, true) => Flow::new(inside, outside),
            (LAN, false) => Flow::new(inside, SERVER),
            _ => Flow::new(SERVER, outside),
        };
        let mut frame = self.frame_of(flow);
        if let Some((at, bits)) = self.damage
            && at < frame.len()
        {
            frame[at] ^= bits;
        }
        frame.truncate(self.cut.unwrap_or(frame.len()));
        frame
    }

    fn frame_of(&self, flow: Flow) -> Vec<u8> {
        let payload = vec![self.host; self.payload];
        let (from, to) = (flow.source, flow.destination);
        let reply = if self.port == LAN { 8 } else { 0 };
        let identifier = if self.port == LAN { from.1 } else { to.1 };
        match self.what {
            0 | 1 => frames::tcp(flow, self.flags, &payload),
            2 | 3 => frames::udp(flow, &payload),
            4 => frames::without_udp_checksum(frames::udp(flow, &payload)),
            5 => echo(reply, from.0, to.0, identifier),
            _ => {
                // About a packet that went the other way.
                let back = flow.answer();
                let mut quoted = match (self.flags & 3, self.port) {
                    (0, _) => frames::udp(back, &payload),
                    (1, LAN) => echo(0, to.0, from.0, from.1),
                    (1, _) => echo(8, to.0, from.0, to.1),
                    _ => frames::tcp(back, ACK, &payload),
                };
                quoted.truncate(14 + 20 + 8 + self.payload);
                let kind = ([3, 11, 12, 5][self.payload % 4], 0);
                frames::icmp_error(from.0, to.0, kind, &quoted)
            }
        }
    }
}

/// Whether every checksum that is right in `before` is right in `after`, computed anew.
fn checksums_survive(before: &[u8], after: &[u8]) -> bool {
    let right = |frame: &[u8]| {
        let header = usize::from(frame[14] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let transport = &frame[14 + header..14 + total];
        let pseudo = checksum::sum(&frame[26..34], u64::from(frame[23]));
        let right = |bytes: &[u8], pseudo| checksum::finish(checksum::sum(bytes, pseudo)) == 0;
        let body = match frame[23] {
            1 => right(transport, 0),
            17 => {
                let length = usize::from(u16::from_be_bytes([transport[4], transport[5]]));
                let none = transport[6..8] == [0, 0];
                none || right(&transport[..length], pseudo + length as u64)
            }
            _ => right(transport, pseudo + transport.len() as u64),
        };
        (right(&frame[14..14 + header], 0), body)
    };
    right(before) == right(after)
}

/// One packet through NAT and the model.
fn agree_on(
    (nat, model): (&mut Harness, &mut NatModel),
    time_ns: u64,
    draw: &Draw,
) -> Result<String, TestCaseError> {
    let (port, frame) = (draw.port, draw.frame());
    let fate = nat.at(time_ns).packet(port, &frame);
    // Whichever external endpoint a new mapping got, the model follows if it was free.
    model.chosen = match &fate {
        Fate::Sent(_, after) if port == LAN => {
            let transport = 14 + usize::from(after[14] & 15) * 4;
            let at = if after[23] == 1 { transport + 4 } else { transport };
            let (address, port) = end(after, 26, at);
            Some((address.to_bits(), port))
        }
        _ => None,
    };
    let expected = model.packet(&Arrival { time_ns, port, frame: frame.clone() });
    prop_assert_eq!(&fate, &expected, "{:?}", draw);
    Ok(match fate {
        Fate::Sent(to, after) => {
            prop_assert!(checksums_survive(&frame, &after));
            let how = if to == port { "hairpin" } else { "sent" };
            let error = if draw.what > 5 { " error" } else { "" };
            format!("{how} {to}{error}")
        }
        Fate::Dropped(reason) => reason,
        other => format!("{other:?}"),
    })
}

/// What must have come up.
const OUTCOMES: [&str; 15] = [
    "sent 0",
    "sent 1",
    "hairpin 0",
    "sent 0 error",
    "sent 1 error",
    "no_mapping",
    "not_for_us",
    "no_free_port",
    "ttl_expired",
    "truncated",
    "not_ipv4",
    "malformed_ip",
    "malformed_l4",
    "fragment",
    "unsupported_protocol",
];

fn agree_on_anything(cases: u32, settings: &Settings, changes: &[(&str, &str)]) {
    let waits = prop_oneof![
        12 => 0..5 * MILLISECOND,
        3 => 0..600 * MILLISECOND,
        1 => 600 * MILLISECOND..4 * SECOND,
    ];
    let steps = prop::collection::vec((waits, draw()), 200..600);
    let parameters = [changes, &PARAMETERS].concat();
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        let mut harness = Harness::new(nat::NATIVE, &parameters);
        let mut model = NatModel::new(settings.clone());
        let mut time_ns = START;
        for (wait, draw) in steps {
            time_ns += wait;
            let name = agree_on((&mut harness, &mut model), time_ns, &draw)?;
            *reached.borrow_mut().entry(name).or_default() += 1;
        }
        if settings.hold_ns == 0 {
            let held = ["tcp", "udp", "icmp"].map(|name| assert_one_to_one(&mut harness, name, 6));
            prop_assert_eq!(held.iter().sum::<usize>(), model.mappings.len());
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    for name in OUTCOMES {
        assert!(reached.contains_key(name), "{name} never came up: {reached:?}");
    }
    let packets: u64 = reached.values().sum();
    assert!(packets >= u64::from(cases) * 350, "only {packets} packets");
}

#[test]
fn nat_agrees_with_the_model_whatever_comes() {
    agree_on_anything(300, &settings(), &[]);
}

#[test]
fn nat_that_is_kept_from_both_sides_agrees_with_the_model_whatever_comes() {
    let settings = Settings { inbound_refresh: true, ..settings() };
    agree_on_anything(100, &settings, &[("inbound_refresh", "true")]);
}

#[test]
fn nat_with_a_rest_agrees_with_the_model_whatever_comes() {
    let settings = Settings { hold_ns: SECOND, ..settings() };
    agree_on_anything(100, &settings, &[("reuse_hold_s", "1")]);
}
