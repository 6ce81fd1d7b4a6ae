//! What arrives in tests of the policer: few hosts, so that packets meet, and some damaged ones.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

pub(crate) const LAN: u16 = 0;
pub(crate) const WAN: u16 = 1;

pub(crate) fn frame_to(host: u8, length: usize) -> Vec<u8> {
    let outside = (Ipv4Addr::new(198, 51, 100, 7), 53);
    let flow = Flow::new(outside, (Ipv4Addr::new(10, 0, 0, host), 4_000));
    frames::udp(flow, &vec![0x61; length - 42])
}

/// Of any length, and now and then cut or with a bit turned.
pub(crate) fn arrival() -> impl Strategy<Value = (u16, Vec<u8>)> {
    (0..2_u16, 1..6_u8, 42..700_usize, 0..12_u8).prop_map(|(port, host, length, damage)| {
        let mut frame = frame_to(host, length);
        match damage {
            0 => frame.truncate(length % 40),
            1 => frame[12 + length % 10] ^= 1 << (length % 8),
            _ => {}
        }
        (port, frame)
    })
}
