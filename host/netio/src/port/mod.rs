//! Ports: where frames come from and go to.
//!
//! A [`PortSpec`] is what the operator writes. Capture ports (`pcap:`) live in trace time: whoever
//! drives them merges their files ([`MergedCaptures`](crate::capture::MergedCaptures)) and writes
//! theirs ([`CaptureWriter`](crate::capture::CaptureWriter)). All others are live: a [`Port`] that
//! gives each worker a [`Queue`] of its own, filled with what steering sends there, polled by
//! that worker alone. [`memory`] is the pattern for every live port.

mod counters;
mod error;
pub mod memory;
mod spec;

pub use counters::PortCounters;
pub(crate) use counters::QueueCounters;
pub use error::{PortError, SpecError, SpecFault};
pub(crate) use spec::Pairs;
pub use spec::{CaptureSpec, MemorySpec, PortSpec, Repeat, check_files};

use crate::frame::Frame;
use crate::id::PortId;
use crate::pool::Pool;
use crate::steering::Steering;
use crate::synthetic;
use memory::{MemoryPort, Trace};

/// What tells the time of a port's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The time stamps of its capture.
    Trace,
    /// The machine: a frame arrives when it is received.
    Live,
}

/// What a poll of a queue found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Frames, at least one.
    Frames {
        /// How many.
        count: usize,
        /// How many bytes they have.
        bytes: u64,
    },
    /// None now.
    Idle,
    /// None, now or ever.
    Ended,
}

impl Received {
    /// How many frames; maybe none.
    #[inline]
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Frames { count, .. } => count,
            Self::Idle | Self::Ended => 0,
        }
    }
}

/// One worker's share of a port.
pub trait Queue: Send {
    /// Appends up to `max` frames, taken from the pool, in their order of arrival. A live frame
    /// arrives when it is received: now.
    ///
    /// The pool's frames must have room for [`Port::frame_bytes_max`]; a frame that does not fit is
    /// left out and counted as missed. An empty pool looks like no frame. Allocates nothing if
    /// `frames` has the room.
    fn rx_burst(
        &mut self,
        now_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
        max: usize,
    ) -> Received;

    /// Sends frames, from the first on, and gives those it took to the pool; answers how many bytes
    /// they were. Those it could not take stay, in order.
    fn tx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64;

    /// From now on, [`Self::is_drained`] asks for the packets that lie in this queue now: all that
    /// were steered here before, if whoever steers has [followed](Resteer::follow) since.
    fn begin_drain(&mut self) {}

    /// Whether all packets that lay here when draining began last have been handed over.
    fn is_drained(&self) -> bool {
        true
    }

    /// Frames of each round, of a queue that plays some again and again; elsewhere 0.
    fn round(&self) -> usize {
        0
    }
}

/// Where packets are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// In hugepages if enough are free.
    #[default]
    Automatic,
    /// In hugepages.
    Huge,
    /// In ordinary pages.
    Ordinary,
}

/// Frames that arrived and were not handed over, for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The reason, as the summary names it.
    pub reason: &'static str,
    /// How many.
    pub frames: u64,
}

/// A port whose packets go where the steering table says now.
pub trait Resteer {
    /// Makes the port steer by the table as it is now. When it answers, every packet that was
    /// steered by another one lies in its worker's queue. May wait for some milliseconds.
    ///
    /// # Errors
    /// [`PortError`] if its device does not take the table: it then steers by the one before, or by
    /// a part of each.
    fn follow(&mut self) -> Result<(), PortError>;

    /// Adds to each entry's load the packets of this port that fell to it since its queues were
    /// made; an estimate where a device steers.
    fn add_loads(&self, loads: &mut [u64]);
}

/// A live port.
pub trait Port: Send {
    /// Its number.
    fn id(&self) -> PortId;

    /// What tells the time.
    fn clock(&self) -> Clock;

    /// Bytes of the largest frame it hands over.
    fn frame_bytes_max(&self) -> usize;

    /// Makes one queue for each worker, in their order. Called once, before packets flow.
    ///
    /// # Errors
    /// [`PortError`] if the device does not give as many.
    fn open_queues(&mut self, steering: &Steering) -> Result<Vec<Box<dyn Queue>>, PortError>;

    /// Makes one more queue, to which nothing is steered: for the control loop, which only sends.
    /// Called after [`Self::open_queues`].
    ///
    /// # Errors
    /// [`PortError`] if the device does not give one.
    fn open_transmit_queue(&mut self) -> Result<Box<dyn Queue>, PortError>;

    /// How it goes with the steering table when that changes; `None` if it does not: its packets
    /// were dealt out when its queues were made, or there is one worker. Called after
    /// [`Self::open_queues`].
    fn resteer(&mut self) -> Option<&mut dyn Resteer> {
        None
    }

    /// What it counted so far, over all queues. May be called at any time, from any thread.
    fn counters(&self) -> PortCounters;

    /// Why frames were missed, as far as that is known.
    fn losses(&self) -> Vec<Loss> {
        Vec::new()
    }

    /// What the operator should know of it, a line each. Complete once its queues are made.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Opens all ports of a run, which are live, in their order. `memory` is for those of DPDK, which
/// is started if there is one; the first run of a process decides.
///
/// # Errors
/// [`PortError`] of the first that cannot be opened.
pub fn open_ports(specs: &[PortSpec], memory: Memory) -> Result<Vec<Box<dyn Port>>, PortError> {
    #[cfg(feature = "dpdk")]
    crate::dpdk::start(memory, &specs.iter().filter_map(PortSpec::device).collect::<Vec<_>>())?;
    #[cfg(not(feature = "dpdk"))]
    let _ = memory;
    let numbered = specs.iter().enumerate();
    numbered.map(|(number, spec)| open_live(PortId::new(number as u16), spec)).collect()
}

/// What the device of a port offers of receive-side scaling. The port is opened and closed again.
///
/// # Errors
/// [`PortError`] if it cannot be opened, or is no device.
pub fn offer_of(spec: &PortSpec) -> Result<crate::rss::Offer, PortError> {
    match spec {
        #[cfg(feature = "dpdk")]
        PortSpec::Device(device) => crate::dpdk::offer_of(device),
        _ => Err(PortError::NoDevice(spec.to_string())),
    }
}

/// What the operator should know of what lies under the ports, a line each.
pub fn remarks() -> Vec<String> {
    #[cfg(feature = "dpdk")]
    return crate::dpdk::remark().into_iter().collect();
    #[cfg(not(feature = "dpdk"))]
    Vec::new()
}

/// Lets the calling thread take part in what lies under the ports until the answer is dropped, on
/// the same thread. Every thread that uses queues calls it once; without, they are slower.
#[must_use]
pub fn enter_thread() -> Entered {
    #[cfg(feature = "dpdk")]
    return crate::dpdk::enter_thread();
    #[cfg(not(feature = "dpdk"))]
    Entered(std::marker::PhantomData)
}

#[cfg(feature = "dpdk")]
pub use crate::dpdk::Entered;

/// A thread that takes part, until this is dropped. Stays on its thread.
#[cfg(not(feature = "dpdk"))]
#[derive(Debug)]
pub struct Entered(std::marker::PhantomData<*const ()>);

/// Opens a live port: loads or makes its trace, or makes its device known to DPDK.
///
/// # Errors
/// [`PortError`] if its trace cannot be read, its device is refused, or it is not a live port.
pub fn open_live(id: PortId, spec: &PortSpec) -> Result<Box<dyn Port>, PortError> {
    let (trace, repeat) = match spec {
        PortSpec::Pcap(_) => return Err(PortError::NotLive(spec.to_string())),
        PortSpec::Memory(memory) => (Trace::load(&memory.trace)?, memory.repeat),
        PortSpec::Synthetic(workload) => (synthetic::trace(id, workload), workload.repeat),
        #[cfg(feature = "dpdk")]
        PortSpec::Device(device) => return crate::dpdk::open(id, device),
    };
    Ok(Box::new(MemoryPort::new(id, trace, repeat)))
}
