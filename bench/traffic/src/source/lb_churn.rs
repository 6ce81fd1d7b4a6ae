//! `lb-churn`: clients on port 0, and on port 1 the heartbeats of backends that come and go.
//!
//! Sixteen places have a backend each, which sends a heartbeat every second. Every four seconds
//! the next place changes: its backend leaves and is silent for twelve seconds, then the place is
//! taken again, in turn by the same backend and by it under another address.

use nfos_netio::synthetic::Random;

use super::Source;
use crate::flows::{Nature, OpenFlows};
use crate::frame::Segment;
use crate::kind::Options;

const SECOND_NS: u64 = 1_000_000_000;
const PLACES: usize = 16;
const CHANGE_NS: u64 = 4 * SECOND_NS;
const SILENCE_NS: u64 = 12 * SECOND_NS;
const VIPS: [[u8; 4]; 2] = [[118, 0, 0, 1], [118, 0, 0, 2]];
const PORTS: [u16; 2] = [443, 80];
const HEARTBEAT_PORT: u16 = 9_000;
const MONITOR: ([u8; 4], u16) = ([10, 255, 255, 254], HEARTBEAT_PORT);

#[derive(Clone, Copy)]
struct Place {
    /// When its backend is heard next.
    heartbeat_ns: u64,
    /// How often it has left.
    left: u32,
}

pub(super) struct LbChurn {
    flows: OpenFlows,
    places: Vec<Place>,
    change_ns: Option<u64>,
    changes: usize,
}

impl LbChurn {
    pub(super) fn new(options: &Options, random: &Random) -> Self {
        let flows = OpenFlows::new(Nature::CAIDA, options.open(), random.fork(0));
        let places = vec![Place { heartbeat_ns: 0, left: 0 }; PLACES];
        Self { flows, places, change_ns: None, changes: 0 }
    }

    fn change(&mut self, now_ns: u64) {
        let change_ns = self.change_ns.get_or_insert(now_ns + CHANGE_NS);
        if now_ns < *change_ns {
            return;
        }
        *change_ns += CHANGE_NS;
        let place = &mut self.places[self.changes % PLACES];
        place.left += 1;
        place.heartbeat_ns = now_ns + SILENCE_NS;
        self.changes += 1;
    }

    fn heartbeat(&mut self, now_ns: u64, frame: &mut Vec<u8>) -> bool {
        let due = (0..PLACES).min_by_key(|&place| self.places[place].heartbeat_ns);
        let Some(number) = due.filter(|&due| self.places[due].heartbeat_ns <= now_ns) else {
            return false;
        };
        let place = &mut self.places[number];
        place.heartbeat_ns = now_ns + SECOND_NS;
        // Every other time it is back at its old address.
        let address = [10, 0, (place.left.div_ceil(2) % 256) as u8, number as u8 + 1];
        Segment::udp((address, HEARTBEAT_PORT), MONITOR).write(frame);
        true
    }
}

impl Source for LbChurn {
    fn next(&mut self, now_ns: u64, frame: &mut Vec<u8>) -> u16 {
        self.change(now_ns);
        if self.heartbeat(now_ns, frame) {
            return 1;
        }
        let (mut segment, flow) = self.flows.next();
        // Clients are outside, and every one has its own virtual address and port.
        let [_, a, b, c] = flow.inside.0;
        segment.source.0 = [100, a, b, c];
        let pick = flow.number as usize;
        segment.destination = (VIPS[pick % 2], PORTS[usize::from(!pick.is_multiple_of(10))]);
        segment.write(frame);
        0
    }
}
