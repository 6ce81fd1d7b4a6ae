//! What arrives in tests of the benchmark: packets of few flows, so that they meet.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

pub(crate) fn packet(number: u16, payload: usize) -> Vec<u8> {
    let inside = (Ipv4Addr::new(10, 0, 0, 1), number);
    let flow = Flow::new(inside, (Ipv4Addr::new(198, 51, 100, 7), 53));
    frames::udp(flow, &vec![0x61; payload])
}

pub(crate) fn whole() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let numbers = (0..4_u16, 0..12_u16, 0..20_usize);
    numbers.prop_map(|(port, number, payload)| (port, packet(number, payload)))
}

/// One of which a byte is damaged, so that it may be in no flow.
pub(crate) fn damaged() -> impl Strategy<Value = (u16, Vec<u8>)> {
    (whole(), 12..42_usize, any::<u8>()).prop_map(|((port, mut frame), at, value)| {
        frame[at] = value;
        (port, frame)
    })
}
