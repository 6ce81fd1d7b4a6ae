//! Counts packets and bytes per port. Parallelized: each worker counts for itself.

use nfos::prelude::Packet;

use crate::worker::{Judged, Outcome, Sequential};

/// The counter: packets and bytes by port.
#[derive(Debug, Default)]
pub struct Counter(Vec<[u64; 2]>);

impl Sequential for Counter {
    fn packet(&mut self, packet: &mut Packet<'_>, _: u64) -> Judged {
        let port = usize::from(packet.port());
        if self.0.len() <= port {
            self.0.resize(port + 1, [0; 2]);
        }
        self.0[port][0] += 1;
        self.0[port][1] += u64::from(packet.wire_length());
        Ok(Outcome::Send(packet.port() ^ 1))
    }

    fn glance(&self, _: &mut Packet<'_>, _: u64) -> Option<Judged> {
        None
    }

    fn counted(&self) -> Vec<u64> {
        self.0.iter().flatten().copied().collect()
    }
}
