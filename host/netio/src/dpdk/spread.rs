//! A receive queue that software steers: see [`crate::steering::spread`].

use super::device::RxQueue;
use super::packet::{BURST_MAX, Burst, Packet};
use crate::steering::spread::Source;

/// A receive queue, and what is taken from it.
#[derive(Debug)]
pub(super) struct Spreading {
    queue: RxQueue,
    burst: Burst,
    /// Bytes of a packet that lies in several buffers.
    scratch: Vec<u8>,
}

impl Spreading {
    /// Of a queue, for packets of up to `bytes_max` bytes.
    pub(super) fn new(queue: RxQueue, bytes_max: usize) -> Self {
        Self { queue, burst: Burst::new(), scratch: Vec::with_capacity(bytes_max) }
    }
}

impl Source for Spreading {
    type Packet = Packet;

    #[inline]
    fn take(&mut self, entry: impl Fn(&[u8]) -> usize, mut each: impl FnMut(usize, Packet)) {
        let Self { queue, burst, scratch } = self;
        if queue.receive(burst, BURST_MAX) == 0 {
            return;
        }
        burst.drain(|packet| {
            let entry = match packet.bytes() {
                Some(bytes) => entry(bytes),
                None => entry(gathered(&packet, scratch)),
            };
            each(entry, packet);
        });
    }
}

#[cold]
fn gathered<'a>(packet: &Packet, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    packet.append_to(scratch);
    scratch
}
