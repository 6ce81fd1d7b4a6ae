//! `caida` and `agh`: flows in progress, seen from the LAN.

use nfos_netio::synthetic::Random;

use super::Source;
use crate::flows::{Nature, OpenFlows};
use crate::kind::{Options, Size};
use crate::mixture::Mixture;

/// Of the flows of TCP and UDP on the campus 55.55 % were of TCP.
const CAMPUS_TCP_PERMILLE: u64 = 556;

pub(super) struct Caida {
    flows: OpenFlows,
    size: Size,
    sizes: Random,
}

impl Caida {
    /// As in the paper's trace.
    pub(super) fn new(options: &Options, random: &Random) -> Self {
        Self::of(Nature::CAIDA, options, random)
    }

    /// Lengths as on the campus, whole.
    pub(super) fn of_campus(options: &Options, random: &Random) -> Self {
        let mixture = options.mixture.unwrap_or(Mixture::All);
        let tcp_permille = match mixture {
            Mixture::All => CAMPUS_TCP_PERMILLE,
            Mixture::Tcp => 1_000,
            Mixture::Udp => 0,
        };
        let nature = Nature { tcp_permille, mixtures: [mixture; 2], packets_max: u64::MAX };
        Self::of(nature, options, random)
    }

    fn of(nature: Nature, options: &Options, random: &Random) -> Self {
        let flows = OpenFlows::new(nature, options.open(), random.fork(0));
        Self { flows, size: options.size(), sizes: random.fork(1) }
    }
}

impl Source for Caida {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        let (mut segment, _) = self.flows.next();
        segment.length = self.size.draw(&mut self.sizes);
        segment.write(frame);
        0
    }
}
