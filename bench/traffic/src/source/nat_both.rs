//! `nat-both`: flows from the LAN on port 0, and on port 1 what comes back through a NAT.
//!
//! Nobody but the NAT knows which external port a flow gets. These answers assume that the n-th
//! flow of a protocol gets the n-th: address 203.0.113.1 + n div 64,512, port 1,024 + n mod 64,512.
//! A pool that was never used gives them so on one worker. On several, whose pools are apart, an
//! answer may meet the mapping of another flow, or none.

use std::collections::HashMap;

use nfos_netio::headers::TCP;
use nfos_netio::synthetic::Random;

use super::Source;
use crate::flows::{Nature, OpenFlows};
use crate::frame::{ACK, End, Segment, make_fragment, write_unreachable};
use crate::kind::Options;

const FIRST_EXTERNAL: u32 = 0xcb00_7101;
const PORTS: u64 = 64_512;
const FIRST_PORT: u16 = 1_024;
/// Below every port that is mapped.
const UNMAPPED: u16 = 1_000;
const MORE_FRAGMENTS: u16 = 0x2000;
const ROUTER: [u8; 4] = [198, 18, 255, 254];

pub(super) struct NatBoth {
    flows: OpenFlows,
    /// The external ends of flows in progress, by flow.
    external: HashMap<u64, End>,
    /// How many flows of UDP and of TCP have begun.
    begun: [u64; 2],
    random: Random,
}

impl NatBoth {
    pub(super) fn new(options: &Options, random: &Random) -> Self {
        let flows = OpenFlows::new(Nature::CAIDA, options.open(), random.fork(0));
        Self { flows, external: HashMap::new(), begun: [0; 2], random: random.fork(1) }
    }

    fn outbound(&mut self, frame: &mut Vec<u8>) {
        let (segment, flow) = self.flows.next();
        let begun = &mut self.begun[usize::from(flow.protocol == TCP)];
        self.external.entry(flow.number).or_insert_with(|| {
            let id = *begun;
            *begun += 1;
            let address = FIRST_EXTERNAL.wrapping_add((id / PORTS) as u32);
            (address.to_be_bytes(), FIRST_PORT + (id % PORTS) as u16)
        });
        if flow.is_over() {
            self.external.remove(&flow.number);
        }
        segment.write(frame);
    }

    /// A packet from the WAN to a flow in progress; `None` if the one picked has not begun.
    fn inbound(&mut self) -> Option<Segment> {
        let flow = self.flows.any();
        let external = *self.external.get(&flow.number)?;
        let segment = Segment::udp(flow.outside, external);
        Some(Segment { protocol: flow.protocol, flags: ACK, ..segment })
    }
}

impl Source for NatBoth {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        let draw = self.random.below(100);
        let inbound = if draw < 50 { None } else { self.inbound() };
        let Some(mut segment) = inbound else {
            self.outbound(frame);
            return 0;
        };
        match draw {
            50 => {
                segment.destination.1 = self.random.below(u64::from(UNMAPPED)) as u16;
                segment.write(frame);
            }
            51 => {
                segment.write(frame);
                let later = self.random.below(2) as u16;
                make_fragment(frame, [MORE_FRAGMENTS, 5][usize::from(later)]);
            }
            52 => write_unreachable(ROUTER, &segment.answer(), frame),
            _ => segment.write(frame),
        }
        1
    }
}
