//! Steering in software, without a thread of its own: whichever worker has time takes a burst from
//! the device and hands each packet to the worker it belongs to.
//!
//! Each receive queue of the device stands behind a lock that is only tried: who gets it receives a
//! burst, finds each packet's worker and puts the packet in the lane from this queue to that
//! worker; who does not get it need not, since somebody else is at it. A worker then takes its own
//! packets out of its lanes, those it has received itself included, so that packets of one set stay
//! in the order in which they came. A worker that is held up, by a guest that runs to its time
//! limit for instance, holds up nobody's reception but its own.
//!
//! A lane that is full loses packets, and counts them: its worker does not keep up.

use super::device::RxQueue;
use super::losses::Losses;
use super::packet::{BURST_MAX, Burst, Packet};
use crate::id::PortId;
use crate::ring::{Receiver, Sender, ring};
use crate::steering::Steering;
use nfos_sync::{Arc, Lock};

/// Packets that a lane holds.
pub(super) const LANE: usize = 512;

/// A receive queue, with a lane from it to each worker.
#[derive(Debug)]
struct Spreader {
    queue: RxQueue,
    burst: Burst,
    lanes: Vec<Sender<Packet>>,
}

/// The receive queues of one device, shared by all workers.
#[derive(Debug)]
pub(super) struct Spread {
    port: PortId,
    steering: Steering,
    spreaders: Vec<Lock<Spreader>>,
    losses: Arc<Losses>,
}

/// One worker's end.
#[derive(Debug)]
pub(super) struct Share {
    worker: usize,
    spread: Arc<Spread>,
    lanes: Vec<Receiver<Packet>>,
}

/// Shares receive queues among the workers that `steering` knows, one share for each.
pub(super) fn share(
    port: PortId,
    queues: Vec<RxQueue>,
    steering: &Steering,
    losses: &Arc<Losses>,
) -> Vec<Share> {
    let mut ends: Vec<Vec<_>> = (0..steering.workers()).map(|_| Vec::new()).collect();
    let spreaders = queues.into_iter().map(|queue| {
        let lanes = ends.iter_mut().map(|ends| {
            let (sender, receiver) = ring(LANE);
            ends.push(receiver);
            sender
        });
        Lock::new(Spreader { queue, burst: Burst::new(), lanes: lanes.collect() })
    });
    let spread = Arc::new(Spread {
        port,
        spreaders: spreaders.collect(),
        steering: steering.clone(),
        losses: Arc::clone(losses),
    });
    let ends = ends.into_iter().enumerate();
    ends.map(|(worker, lanes)| Share { worker, spread: Arc::clone(&spread), lanes }).collect()
}

impl Spread {
    /// Takes a burst from one queue and spreads it, unless another worker does so now.
    #[inline]
    fn receive(&self, queue: usize, scratch: &mut Vec<u8>) {
        let Some(mut spreader) = self.spreaders[queue].try_lock() else { return };
        let Spreader { queue, burst, lanes } = &mut *spreader;
        if queue.receive(burst, BURST_MAX) == 0 {
            return;
        }
        let mut full = 0;
        burst.drain(|packet| {
            let worker = match packet.bytes() {
                Some(bytes) => self.steering.worker(self.port, bytes),
                None => self.worker_of_segments(&packet, scratch),
            };
            // What is given back is dropped, and with it goes its buffer.
            full += u64::from(lanes[worker].push(packet).is_err());
        });
        self.losses.worker_full(full);
    }

    #[cold]
    fn worker_of_segments(&self, packet: &Packet, scratch: &mut Vec<u8>) -> usize {
        scratch.clear();
        packet.append_to(scratch);
        self.steering.worker(self.port, scratch)
    }
}

impl Share {
    /// Fills a burst with up to `count` packets of this worker.
    #[inline]
    pub(super) fn receive(&mut self, burst: &mut Burst, count: usize, scratch: &mut Vec<u8>) {
        let waiting: usize = self.lanes.iter().map(Receiver::len).sum();
        if waiting < count {
            let queues = self.lanes.len();
            for queue in 0..queues {
                // Each begins elsewhere, so that they meet less often.
                self.spread.receive((queue + self.worker) % queues, scratch);
            }
        }
        let mut lanes = self.lanes.iter_mut();
        let mut lane = lanes.next();
        burst.fill_with(count, || {
            loop {
                match lane.as_mut()?.pop() {
                    Some(packet) => return Some(packet),
                    None => lane = lanes.next(),
                }
            }
        });
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let left: usize = self.lanes.iter().map(Receiver::len).sum();
        self.spread.losses.left_behind(left as u64);
    }
}
