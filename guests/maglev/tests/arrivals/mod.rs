//! What arrives in tests of the balancer: few addresses, so that packets meet, and some that
//! are damaged.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

pub(crate) const WAN: u16 = 0;

pub(crate) const LAN: u16 = 1;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(118, 0, 0, 1);

pub(crate) fn address(backend: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, backend)
}

pub(crate) fn heartbeat(backend: u8) -> Vec<u8> {
    let flow = Flow::new((address(backend), 9_000), (Ipv4Addr::new(10, 9, 9, 9), 9_000));
    let mut frame = frames::udp(flow, b"alive");
    frame[6..12].copy_from_slice(&[2, 0, 10, 0, 0, backend]);
    frame
}

pub(crate) fn flow(client: u8) -> Flow {
    Flow::new((Ipv4Addr::new(198, 51, 100, client), 40_000), (VIP, 80))
}

/// What arrives: heartbeats of six backends, packets of few flows, and both of them damaged.
pub(crate) fn frame() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let kind = 0..4_u8;
    let ends = (1..7_u8, 0..12_u8, prop::sample::select(vec![80, 80, 443, 81]), 0..3_u8);
    let ttl = prop::sample::select(vec![64, 64, 64, 2, 1, 0]);
    let damage = prop::option::weighted(0.15, (12..50_usize, any::<u8>()));
    let cut = prop::option::weighted(0.05, 0..60_usize);
    let tos = prop::option::weighted(0.1, any::<u8>());
    (kind, ends, ttl, damage, cut, tos).prop_map(
        |(kind, (backend, client, port, vip), ttl, damage, cut, tos)| {
            let flow = Flow::new(flow(client).source, (Ipv4Addr::new(118, 0, 0, vip), port));
            let (ingress, frame) = match kind {
                0 => (LAN, heartbeat(backend)),
                1 => (WAN, frames::udp(flow, &[client; 3])),
                _ => (WAN, frames::tcp(flow, 0x10, &[backend; 5])),
            };
            let mut frame = frames::with_ttl(frame, ttl);
            frame[15] = tos.unwrap_or(0);
            if let Some((at, value)) = damage.filter(|&(at, _)| at < frame.len()) {
                frame[at] = value;
            }
            let end = 14 + usize::from(frame[14] & 0x0f) * 4;
            if (34..=frame.len()).contains(&end) && damage.is_none_or(|(at, _)| at != 24) {
                frames::fix_ipv4_checksum(&mut frame);
            }
            frame.truncate(cut.unwrap_or(usize::MAX));
            (ingress, frame)
        },
    )
}
