//! What arrives in tests of NAT: few addresses, so that packets meet, and some that
//! are damaged.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

pub(crate) const LAN: u16 = 0;
pub(crate) const WAN: u16 = 1;
pub(crate) const MILLISECOND: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MILLISECOND;
pub(crate) const START: u64 = 1_000 * SECOND;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const SYN_ACK: u8 = 0x12;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const PSH_ACK: u8 = 0x18;
pub(crate) const FIN_ACK: u8 = 0x11;
pub(crate) const RST: u8 = 0x04;

/// An address and a port.
pub(crate) type End = (Ipv4Addr, u16);

pub(crate) const SERVER: End = (Ipv4Addr::new(198, 51, 100, 1), 53);
pub(crate) const FIRST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

pub(crate) fn host(number: u8, port: u16) -> End {
    (Ipv4Addr::new(10, 0, 0, number), port)
}

/// A packet, before it is known which external endpoints there are.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    pub(crate) port: u16,
    pub(crate) what: u8,
    pub(crate) host: u8,
    inside_port: u16,
    /// Which external endpoint.
    outside: (u8, u16),
    hairpin: bool,
    flags: u8,
    payload: usize,
    damage: Option<(usize, u8)>,
    cut: Option<usize>,
}

pub(crate) fn draw() -> impl Strategy<Value = Draw> {
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
    pub(crate) fn frame(&self) -> Vec<u8> {
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

pub(crate) fn echo(kind: u8, from: Ipv4Addr, to: Ipv4Addr, identifier: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    frames::icmp(from, to, (kind, 0), [high, low, 0, 1], b"ping")
}
