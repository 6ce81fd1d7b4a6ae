//! `bridge`: pairs of stations in both directions.
//!
//! Flow f is the pair of the station f on the side of port 1 and of one of 200 on the side of
//! port 0. Each sender goes round a window of flow numbers, which slides by one with every round;
//! with the windows of all senders together a flow has 10,000 packets in each direction.

use super::Source;
use crate::frame::{SMALLEST, begin};

/// Stations on the side of port 0.
const STATIONS: u64 = 200;
/// Packets of a flow.
const FLOW_PACKETS: u64 = 10_000;
/// For experiments within one network (IEEE 802).
const EXPERIMENTAL: u16 = 0x88b5;

pub(super) struct Bridge {
    senders: u64,
    packet: u64,
}

impl Bridge {
    pub(super) fn new(senders: u64) -> Self {
        Self { senders, packet: 0 }
    }
}

impl Source for Bridge {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        let port = self.packet % 2;
        let turn = self.packet / 2 / self.senders;
        self.packet += 1;
        let window = FLOW_PACKETS / self.senders;
        let flow = turn / window + turn % window;
        let ends = [station(0, flow % STATIONS), station(1, flow)];
        let (source, destination) = if port == 0 { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
        begin(frame, SMALLEST, source, destination, EXPERIMENTAL);
        port as u16
    }
}

fn station(side: u8, number: u64) -> [u8; 6] {
    let [.., a, b, c, d] = number.to_be_bytes();
    [2, side, a, b, c, d]
}
