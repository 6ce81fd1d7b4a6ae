//! What arrives in tests of the detector: few addresses, so that packets meet, and some that
//! are damaged.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

pub(crate) const SYN: u8 = 2;

pub(crate) fn flow(number: u16) -> Flow {
    let [high, low] = number.to_be_bytes();
    Flow::new((Ipv4Addr::new(64, 0, high, low), 2_048), (Ipv4Addr::new(198, 51, 100, 7), 80))
}

/// Few flows, so that they meet; now and then what is in no flow.
pub(crate) fn arrival() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let what = (0..2_u16, 0..24_u16, any::<bool>(), 0..20_usize);
    let damage = prop::option::weighted(0.1, (12..50_usize, any::<u8>()));
    let cut = prop::option::weighted(0.05, 0..60_usize);
    (what, damage, cut).prop_map(|((port, number, tcp, payload), damage, cut)| {
        let payload = vec![7; payload];
        let mut frame = match tcp {
            true => frames::tcp(flow(number), SYN, &payload),
            false => frames::udp(flow(number), &payload),
        };
        if let Some((at, value)) = damage.filter(|&(at, _)| at < frame.len()) {
            frame[at] = value;
        }
        frame.truncate(cut.unwrap_or(usize::MAX));
        (port, frame)
    })
}
