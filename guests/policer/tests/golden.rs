//! The golden captures of the policer. `cargo test -p policer --test golden -- --ignored` writes
//! them anew, from the scenario below and the model.

mod model;

use std::net::Ipv4Addr;

use model::PolicerModel;
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};

const MILLISECOND: u64 = 1_000_000;
const START: u64 = 1_700_000_000_000_000_000;
const LAN: u16 = 0;
const WAN: u16 = 1;
/// 1 byte per microsecond, 3,000 bytes at once.
const RATE: u64 = 1_000_000;
const BURST: u64 = 3_000;

fn case() -> (Golden, PolicerModel) {
    let golden = Golden {
        folder: concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into(),
        name: "slow",
        parameters: &[("rate_bytes_per_second", "1000000"), ("burst_bytes", "3000")],
    };
    (golden, PolicerModel::new(RATE, BURST, 155_000))
}

/// A frame of exactly `length` bytes to a host of the LAN.
fn frame_to(host: u8, length: usize) -> Vec<u8> {
    let outside = (Ipv4Addr::new(198, 51, 100, 7), 53);
    let flow = Flow::new(outside, (Ipv4Addr::new(10, 0, 0, host), 4_000));
    frames::udp(flow, &vec![0x61; length - 42])
}

fn scenario() -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let mut at = |time_ns: u64, port: u16, frame: Vec<u8>| {
        arrivals.push(Arrival { time_ns: START + time_ns, port, frame });
    };
    // To the byte: a burst that is used up exactly, then one byte per microsecond.
    for (time_ns, length) in [
        (0, 1_500),
        (0, 1_500),
        (0, 60),
        (59_999, 60),
        (60_000, 60),
        (60_001, 60),
        (160_999, 101),
        (161_000, 101),
        (221_000, 61),
        (221_999, 61),
        (222_000, 61),
    ] {
        at(MILLISECOND + time_ns, WAN, frame_to(1, length));
    }
    // Longer than the bucket is deep; a bucket that fills no further than its depth; idle times
    // on both sides of the 3 ms after which it is forgotten.
    at(2 * MILLISECOND, WAN, frame_to(2, 3_001));
    for (ms, length) in
        [(2, 3_000), (4, 1_999), (9, 3_000), (12, 3_000), (100, 1_500), (100, 1_501)]
    {
        at(ms * MILLISECOND + 1, WAN, frame_to(2, length));
    }
    // Fractions of a byte are kept: 333 ns earn a third of one.
    at(200 * MILLISECOND, WAN, frame_to(3, 3_000));
    for step in 1..=400 {
        at(200 * MILLISECOND + step * 333, WAN, frame_to(3, 60));
    }
    // Many hosts at once, far above their rate, and their answers, which nobody polices.
    let mut seed = 7_u64;
    for step in 0..600 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let host = 10 + (seed >> 33) as u8 % 24;
        let length = 60 + (seed >> 45) as usize % 900;
        at(300 * MILLISECOND + step * 5_000, WAN, frame_to(host, length));
        if seed >> 62 == 0 {
            at(300 * MILLISECOND + step * 5_000, LAN, frame_to(host, 60));
        }
    }
    others(&mut at);
    arrivals
}

/// What is no whole IPv4 packet, and what is policed though its transport is not read.
fn others(at: &mut impl FnMut(u64, u16, Vec<u8>)) {
    let whole = frame_to(4, 80);
    let odd = [
        frames::with_fragment(whole.clone(), 0x2000),
        frames::with_fragment(whole.clone(), 0x00b9),
        frames::with_ttl(whole.clone(), 1),
        frames::without_udp_checksum(whole.clone()),
        frames::padded(frame_to(4, 50), 60),
        frames::ipv4(Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(10, 0, 0, 4), 47, &[0; 30]),
        frames::ipv4(Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(10, 0, 0, 4), 6, &[0; 3]),
        frames::tagged(&whole, 42),
        frames::ethernet(0x0806, &[0; 46]),
        frames::ethernet(0x86dd, &[0x60; 60]),
    ];
    let cuts = [0, 13, 14, 33, 34, 79].map(|length| whole[..length.max(1)].to_owned());
    for (step, frame) in (0..).zip(odd.into_iter().chain(cuts)) {
        for port in [LAN, WAN] {
            at(400 * MILLISECOND + step * 100_000, port, frame.clone());
        }
    }
}

#[test]
fn the_policer_makes_of_the_golden_captures_what_the_model_makes() {
    let (golden, mut model) = case();
    golden.check(scenario(), &mut model, policer::NATIVE);
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    let (golden, mut model) = case();
    golden.regenerate(scenario(), &mut model);
}
