//! Devices that steer by themselves: one receive queue for each worker, and a table in the device
//! that is written again when ours changes.
//!
//! How many packets fall to each entry only the device could tell, and does not. So of each burst
//! that a worker receives the hash of one packet is computed, and counts for all: which one takes
//! turns, so that in the end each entry counts what it got, or nearly.
//!
//! Packets of no set may be hashed otherwise by the device, or not at all. They then count for an
//! entry that is not theirs, and while theirs moves may overtake each other.

use super::device::{Device, RxQueue};
use super::error::Error;
use super::packet::Burst;
use super::scaling::Scaling;
use crate::id::PortId;
use crate::steering::Steering;
use nfos_sync::atomic::{AtomicU64, Ordering};
use nfos_sync::{Arc, thread};
use std::time::Duration;

/// How long a device may have packets under way that it has steered and not handed over.
const UNDER_WAY: Duration = Duration::from_millis(2);

/// Packets of each entry, by one worker's estimate.
type Loads = Arc<[AtomicU64]>;

/// A worker's queue of such a device.
#[derive(Debug)]
pub(super) struct Steered {
    queue: RxQueue,
    port: PortId,
    steering: Steering,
    loads: Loads,
    bursts: usize,
    /// Packets that the queue holds.
    descriptors: u16,
    /// The most packets that may still be there of those that were when draining began.
    behind: usize,
}

/// The device as a whole: writes its table.
#[derive(Debug)]
pub(super) struct Programmed {
    device: Arc<Device>,
    scaling: Scaling,
    steering: Steering,
    /// By worker.
    loads: Vec<Loads>,
}

/// Makes a device's queues those of the workers that `steering` knows, one for each.
pub(super) fn steered(
    device: &Arc<Device>,
    queues: Vec<RxQueue>,
    port: PortId,
    steering: &Steering,
    scaling: Scaling,
) -> (Programmed, Vec<Steered>) {
    let steered = queues.into_iter().map(|queue| Steered {
        queue,
        port,
        steering: steering.clone(),
        loads: (0..steering.entries()).map(|_| AtomicU64::new(0)).collect(),
        bursts: 0,
        descriptors: device.rx_descriptors,
        behind: 0,
    });
    let steered: Vec<_> = steered.collect();
    let programmed = Programmed {
        device: Arc::clone(device),
        scaling,
        steering: steering.clone(),
        loads: steered.iter().map(|queue| Arc::clone(&queue.loads)).collect(),
    };
    (programmed, steered)
}

impl Steered {
    /// Fills a burst with up to `count` packets.
    #[inline]
    pub(super) fn receive(&mut self, burst: &mut Burst, count: usize) {
        let received = self.queue.receive(burst, count);
        if received == 0 {
            self.behind = 0;
            return;
        }
        self.behind = self.behind.saturating_sub(received);
        self.bursts = self.bursts.wrapping_add(1);
        let sample = burst.packet(self.bursts % received).and_then(|packet| packet.bytes());
        if let Some(bytes) = sample {
            let load = &self.loads[self.steering.entry(self.port, bytes)];
            // Relaxed, and no read-modify-write: only this worker writes, and a count publishes
            // nothing.
            load.store(load.load(Ordering::Relaxed) + received as u64, Ordering::Relaxed);
        }
    }

    /// What the device has put into this queue by now is what is asked for: as much as it holds.
    pub(super) fn begin_drain(&mut self) {
        self.behind = self.descriptors.into();
    }

    /// Whether the queue was empty once since, or has given as much as it holds.
    pub(super) fn is_drained(&self) -> bool {
        self.behind == 0
    }
}

impl Programmed {
    /// Writes the table as it is now, and waits for packets that the device has steered by the one
    /// before.
    pub(super) fn follow(&mut self) -> Result<(), Error> {
        self.device.write_table(&self.scaling, &self.steering.table())?;
        thread::sleep(UNDER_WAY);
        Ok(())
    }

    /// Adds what the workers count.
    pub(super) fn add_loads(&self, loads: &mut [u64]) {
        for of_worker in &self.loads {
            for (sum, load) in loads.iter_mut().zip(&**of_worker) {
                *sum += load.load(Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::buffers::{Buffers, buffers_for};
    use super::super::device::Probed;
    use super::super::spec::DeviceSpec;
    use super::*;
    use crate::classifier::Classifier;
    use crate::port::{Memory, PortSpec};
    use crate::rss::{Plan, flow_types};

    const KEY_BYTES: u8 = 40;

    fn device(name: &str, scaling: &Scaling) -> Arc<Device> {
        let spec = format!("dpdk:{name}").parse::<PortSpec>().unwrap();
        let spec: &DeviceSpec = spec.device().unwrap();
        super::super::start(Memory::Ordinary, &[spec]).unwrap();
        let eal = super::super::eal::running().unwrap();
        let probed = Probed::new(eal, spec).unwrap();
        let buffers = Buffers::new(eal, buffers_for(2, 1, 2), spec.room(), -1).unwrap();
        probed.start(buffers, 2, 1, Some(scaling)).unwrap()
    }

    /// The device of this driver steers nothing, but keeps the table that it is given.
    #[test]
    fn a_device_has_our_table_after_a_move_and_each_burst_counts_for_its_entry() {
        let steering = Steering::new(Classifier::new(&[], &[]).unwrap(), 2).unwrap();
        let table = steering.table();
        let plan = Plan { flow_types: flow_types::IPV4_TCP, symmetric: false, table };
        let scaling = Scaling::new(plan, KEY_BYTES);
        let device = device("net_null30", &scaling);
        let (queues, _) = device.take_queues().unwrap();
        let port = PortId::new(0);
        let (mut programmed, mut queues) = steered(&device, queues, port, &steering, scaling);
        let in_device = |programmed: &Programmed| device.read_table(&programmed.scaling).unwrap();
        assert_eq!(in_device(&programmed), steering.table());

        steering.assign(3, 0);
        steering.assign(100, 1);
        assert_ne!(in_device(&programmed), steering.table());
        programmed.follow().unwrap();
        assert_eq!(in_device(&programmed), steering.table());

        let mut burst = Burst::new();
        queues[1].begin_drain();
        let descriptors = u64::from(device.rx_descriptors);
        for _ in 0..descriptors / 32 {
            assert!(!queues[1].is_drained());
            queues[1].receive(&mut burst, 32);
        }
        assert!(queues[1].is_drained(), "it has given all that it can hold");
        let mut loads = vec![0; steering.entries()];
        programmed.add_loads(&mut loads);
        let entry = steering.entry(port, burst.packet(0).unwrap().bytes().unwrap());
        assert_eq!(loads[entry], descriptors);
        assert_eq!(loads.iter().sum::<u64>(), loads[entry]);
    }
}
