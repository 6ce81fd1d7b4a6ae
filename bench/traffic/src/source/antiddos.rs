//! `antiddos`: a cycle of 25 packets per sender, as the paper's authors generate it.
//!
//! Positions 0, 5, 10, 15 and 20 open a flow. That of position 0 has all packets of the cycle that
//! open none, 21 in all; the other four have one packet. So of five flows four have one packet.

use super::Source;
use crate::frame::Segment;

const CYCLE: u64 = 25;
/// Flows that share a source address.
const PER_ADDRESS: u64 = 2_048;
const FIRST_SOURCE: u32 = 0x4000_0000;

pub(super) struct AntiDdos {
    senders: u64,
    packet: u64,
}

impl AntiDdos {
    pub(super) fn new(senders: u64) -> Self {
        Self { senders, packet: 0 }
    }
}

impl Source for AntiDdos {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        let (sender, turn) = (self.packet % self.senders, self.packet / self.senders);
        self.packet += 1;
        let (cycle, position) = (turn / CYCLE, turn % CYCLE);
        let opened = if position.is_multiple_of(5) { position / 5 } else { 0 };
        let flow = cycle * 5 + opened;
        let address = FIRST_SOURCE.wrapping_add((flow / PER_ADDRESS) as u32);
        let port = (flow % PER_ADDRESS + PER_ADDRESS * sender) as u16;
        Segment::udp((address.to_be_bytes(), port), ([198, 18, 0, 1], 9)).write(frame);
        0
    }
}
