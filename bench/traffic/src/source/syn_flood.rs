//! `syn-flood`: every other packet is the SYN of a flow that has no other, from anywhere.

use nfos_netio::synthetic::Random;

use super::Source;
use super::caida::Caida;
use crate::frame::{SYN, Segment};
use crate::kind::Options;

/// Whom the flood is for.
const VICTIM: ([u8; 4], u16) = ([198, 18, 0, 1], 443);

pub(super) struct SynFlood {
    base: Caida,
    random: Random,
}

impl SynFlood {
    pub(super) fn new(options: &Options, random: &Random) -> Self {
        Self { base: Caida::new(options, random), random: random.fork(2) }
    }
}

impl Source for SynFlood {
    fn next(&mut self, now_ns: u64, frame: &mut Vec<u8>) -> u16 {
        if self.random.below(2) == 0 {
            return self.base.next(now_ns, frame);
        }
        let [a, b, c, d, e, f, ..] = self.random.next().to_be_bytes();
        // Unicast addresses, and ports that are not 0.
        let address = [1 + a % 223, b, c, d];
        let port = u16::from_be_bytes([e, f]).max(1);
        Segment::tcp((address, port), VICTIM, SYN).write(frame);
        0
    }
}
