//! What arrives in tests of the firewall: few addresses, so that packets meet, and some that
//! are damaged.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

pub(crate) const LAN: u16 = 0;

pub(crate) const WAN: u16 = 1;

pub(crate) fn flow(host: u8, outside: u8, port: u16) -> Flow {
    Flow::new((Ipv4Addr::new(10, 0, 0, host), port), (Ipv4Addr::new(192, 0, 2, outside), 53))
}

pub(crate) fn frame() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let addresses = (1..3_u8, 1..3_u8, 1..3_u16, any::<bool>());
    let transport = (any::<bool>(), prop::sample::select(vec![2, 0x12, 0x10, 0x11, 4, 1, 3, 6]));
    let ttl = prop::sample::select(vec![64, 64, 64, 64, 2, 1, 0]);
    let damage = prop::option::weighted(0.15, (12..50_usize, any::<u8>()));
    let cut = prop::option::weighted(0.05, 0..60_usize);
    (addresses, transport, ttl, damage, cut, 0..20_usize).prop_map(
        |((host, outside, port, from_lan), (tcp, flags), ttl, damage, cut, payload)| {
            let flow = flow(host, outside, port);
            let (ingress, flow) = if from_lan { (LAN, flow) } else { (WAN, flow.answer()) };
            let payload = vec![7; payload];
            let frame = match tcp {
                true => frames::tcp(flow, flags, &payload),
                false => frames::udp(flow, &payload),
            };
            let mut frame = frames::with_ttl(frame, ttl);
            if let Some((at, value)) = damage.filter(|&(at, _)| at < frame.len()) {
                frame[at] = value;
                let end = 14 + usize::from(frame[14] & 0x0f) * 4;
                if (34..=frame.len()).contains(&end) {
                    frames::fix_ipv4_checksum(&mut frame);
                }
            }
            frame.truncate(cut.unwrap_or(usize::MAX));
            (ingress, frame)
        },
    )
}
