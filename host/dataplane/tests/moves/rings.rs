//! Ports of DPDK in which what is sent comes back, with packets of every set in circulation.

use super::{PORTS, SETS, frame};
use nfos_netio::{
    Clock, Memory, Pool, Port, PortCounters, PortError, PortId, PortSpec, Queue, Resteer, Steering,
    open_ports,
};

/// Packets of each set that circulate.
pub(crate) const PACKETS: u64 = 4;

/// A port that is given its packets when its queues are made.
struct Ring(Box<dyn Port>);

/// Ports over devices of these names.
pub(crate) fn rings(names: [&str; PORTS]) -> Vec<Box<dyn Port>> {
    let specs = names.map(|name| format!("dpdk:{name}").parse::<PortSpec>().expect("a port"));
    let ports = open_ports(&specs, Memory::Ordinary).expect("rings need no rights");
    ports.into_iter().map(|port| Box::new(Ring(port)) as Box<dyn Port>).collect()
}

impl Port for Ring {
    fn id(&self) -> PortId {
        self.0.id()
    }

    fn clock(&self) -> Clock {
        self.0.clock()
    }

    fn frame_bytes_max(&self) -> usize {
        self.0.frame_bytes_max()
    }

    fn open_queues(&mut self, steering: &Steering) -> Result<Vec<Box<dyn Queue>>, PortError> {
        let mut queues = self.0.open_queues(steering)?;
        let mut pool = Pool::new(SETS * PACKETS as usize, self.frame_bytes_max());
        let mut frames = Vec::new();
        for number in 1..=PACKETS {
            for set in 0..SETS {
                let bytes = frame(set, self.id().index(), number);
                let mut frame = pool.take().expect("one for each packet");
                let length = bytes.len() as u32;
                frame.load(&bytes, self.id(), length, 0, 0).expect("it fits");
                frames.push(frame);
            }
        }
        queues[0].tx_burst(&mut frames, &mut pool);
        assert!(frames.is_empty(), "a ring has room for all");
        Ok(queues)
    }

    fn open_transmit_queue(&mut self) -> Result<Box<dyn Queue>, PortError> {
        self.0.open_transmit_queue()
    }

    fn resteer(&mut self) -> Option<&mut dyn Resteer> {
        self.0.resteer()
    }

    fn counters(&self) -> PortCounters {
        self.0.counters()
    }
}
