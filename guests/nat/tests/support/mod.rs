//! A LAN behind NAT.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::BTreeSet;

use nfos::testing::frames::{self, Flow};
use nfos::testing::{Fate, Harness};

#[path = "../arrivals/mod.rs"]
mod arrivals;

pub(crate) use arrivals::*;

/// NAT on a clock of its own.
pub(crate) struct Nat {
    pub(crate) harness: Harness,
    now_ns: u64,
}

impl Nat {
    /// One address, default timeouts, and what the test wants otherwise.
    pub(crate) fn new(parameters: &[(&str, &str)]) -> Self {
        let all = [parameters, &[("external_addresses", "1")]].concat();
        let mut harness = Harness::new(nat::NATIVE, &all);
        harness.at(START);
        Self { harness, now_ns: START }
    }

    pub(crate) fn wait(&mut self, ns: u64) -> &mut Self {
        self.now_ns += ns;
        self.harness.at(self.now_ns);
        self
    }

    pub(crate) fn lan(&mut self, frame: Vec<u8>) -> Fate {
        self.harness.packet(LAN, &frame)
    }

    pub(crate) fn wan(&mut self, frame: Vec<u8>) -> Fate {
        self.harness.packet(WAN, &frame)
    }

    /// The external endpoint from which a datagram of `from` leaves.
    pub(crate) fn udp(&mut self, from: End, to: End) -> End {
        source(&sent(WAN, self.lan(frames::udp(Flow::new(from, to), b"x"))))
    }

    /// Who gets a datagram to an external endpoint.
    pub(crate) fn udp_back(&mut self, from: End, to: End) -> Option<End> {
        match self.wan(frames::udp(Flow::new(from, to), b"x")) {
            Fate::Sent(LAN, frame) => Some(destination(&frame)),
            Fate::Dropped(reason) if reason == "no_mapping" => None,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn tcp(&mut self, from: End, to: End, flags: u8) -> End {
        source(&sent(WAN, self.lan(frames::tcp(Flow::new(from, to), flags, b""))))
    }

    pub(crate) fn tcp_back(&mut self, from: End, to: End, flags: u8) -> bool {
        let fate = self.wan(frames::tcp(Flow::new(from, to), flags, b""));
        matches!(fate, Fate::Sent(LAN, _))
    }

    /// An established connection; its external endpoint.
    pub(crate) fn connect(&mut self, from: End, to: End) -> End {
        let outside = self.tcp(from, to, SYN);
        assert!(self.tcp_back(to, outside, SYN_ACK));
        self.tcp(from, to, ACK);
        outside
    }
}

pub(crate) fn sent(port: u16, fate: Fate) -> Vec<u8> {
    match fate {
        Fate::Sent(to, frame) if to == port => frame,
        other => panic!("not sent to port {port}: {other:?}"),
    }
}

pub(crate) fn end(frame: &[u8], address: usize, port: usize) -> End {
    let octets: [u8; 4] = frame[address..address + 4].try_into().expect("four bytes");
    (octets.into(), u16::from_be_bytes([frame[port], frame[port + 1]]))
}

/// Of frames without IP options.
pub(crate) fn source(frame: &[u8]) -> End {
    match frame[23] {
        1 => end(frame, 26, 38),
        _ => end(frame, 26, 34),
    }
}

pub(crate) fn destination(frame: &[u8]) -> End {
    match frame[23] {
        1 => end(frame, 30, 38),
        _ => end(frame, 30, 36),
    }
}

/// Keys of the map, used records and held leases are as many, and each record's key is another.
pub(crate) fn assert_one_to_one(harness: &mut Harness, protocol: &str, count: usize) -> usize {
    let world = harness.world();
    let records = format!("{protocol}_mappings_records");
    let used: Vec<_> = (0..count)
        .map(|id| world.vector_cell(&records, id))
        .filter(|cell| cell[0] & 1 != 0)
        .collect();
    // Behind three flags come the address and the port.
    let keys: BTreeSet<_> = used.iter().map(|cell| (cell[0] >> 24, cell[1] & 0xffff)).collect();
    assert_eq!(keys.len(), used.len(), "an internal endpoint twice");
    assert_eq!(world.map_len(&format!("{protocol}_mappings")), used.len());
    assert_eq!(world.held(&format!("{protocol}_mappings_leases")), used.len());
    used.len()
}
