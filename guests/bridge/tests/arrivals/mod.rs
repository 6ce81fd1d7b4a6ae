//! What arrives in tests of the bridge: few addresses, so that packets meet, and some that
//! are damaged.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use proptest::prelude::*;

pub(crate) const BROADCAST: [u8; 6] = [0xff; 6];

pub(crate) fn frame(source: [u8; 6], destination: [u8; 6]) -> Vec<u8> {
    [&destination[..], &source[..], &[0x88, 0xb5][..], &[0x61; 46][..]].concat()
}

/// Few stations, so that they meet; any port of sixteen; now and then a frame that is damaged.
pub(crate) fn arrival() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let address = || {
        prop_oneof![
            20 => (1..12_u8).prop_map(|number| [2, 0, 0, 0, 1, number]),
            2 => Just(BROADCAST),
            1 => (0..20_u8).prop_map(|last| [0x01, 0x80, 0xc2, 0, 0, last]),
            1 => Just([0; 6]),
            1 => any::<[u8; 6]>(),
        ]
    };
    let cut = prop::option::weighted(0.03, 0..14_usize);
    (0..16_u16, address(), address(), cut).prop_map(|(port, source, destination, cut)| {
        let mut frame = frame(source, destination);
        frame.truncate(cut.unwrap_or(usize::MAX));
        (port, frame)
    })
}
