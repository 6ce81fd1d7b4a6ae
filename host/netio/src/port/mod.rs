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
    /// This many frames, at least one.
    Frames(usize),
    /// None now.
    Idle,
    /// None, now or ever.
    Ended,
}

/// One worker's share of a port.
pub trait Queue: Send {
    /// Appends up to `max` frames, taken from the pool, in their order of arrival.
    ///
    /// The pool's frames must have room for [`Port::frame_bytes_max`]; a frame that does not fit is
    /// left out and counted as missed. An empty pool looks like no frame. Allocates nothing if
    /// `frames` has the room. `timestamp_ns` is 0: a live frame arrives when it is received.
    fn rx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool, max: usize) -> Received;

    /// Sends frames, from the first on, and gives those it took to the pool. Those it could not
    /// take stay, in order.
    fn tx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool);
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

    /// What it counted so far, over all queues. May be called at any time, from any thread.
    fn counters(&self) -> PortCounters;
}

/// Opens a live port: loads or makes its trace.
///
/// # Errors
/// [`PortError`] if its trace cannot be read, or if the port is not a live one.
pub fn open_live(id: PortId, spec: &PortSpec) -> Result<Box<dyn Port>, PortError> {
    let (trace, repeat) = match spec {
        PortSpec::Pcap(_) => return Err(PortError::NotLive(spec.to_string())),
        PortSpec::Memory(memory) => (Trace::load(&memory.trace)?, memory.repeat),
        PortSpec::Synthetic(workload) => (synthetic::trace(id, workload), workload.repeat),
    };
    Ok(Box::new(MemoryPort::new(id, trace, repeat)))
}
