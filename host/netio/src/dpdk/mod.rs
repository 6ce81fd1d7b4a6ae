//! Ports of any device that the system's DPDK drives.
//!
//! | module | what it does |
//! |---|---|
//! | `error` | what DPDK refuses, by name and with what would help: [`Error`] |
//! | `eal` | DPDK's environment layer, started once; threads |
//! | `packet` | packets in DPDK's buffers, owned: whoever drops one gives its buffer back |
//! | `whole` | those of them that a frame can hold |
//! | `buffers` | pools of buffers, in hugepages or over ordinary memory |
//! | `device` | a device probed, set up, started, stopped and removed; its queues |
//! | `receiver` | where a worker's packets come from |
//! | `scaling` | receive-side scaling, programmed |
//! | `spread` | receive queues that software steers |
//! | `steered` | receive queues of devices that steer by themselves |
//! | `losses` | frames that reached no worker, by reason |
//! | `spec` | what names a device: [`DeviceSpec`] |
//! | `port` | a device as a port |
//!
//! All `unsafe` lies in `eal`, `packet`, `whole`, `buffers`, `device` and `scaling`, each of which
//! is safe to use from the others.

#[allow(unsafe_code, reason = "packet buffers are DPDK's")]
mod buffers;
#[allow(unsafe_code, reason = "devices are DPDK's")]
mod device;
#[allow(unsafe_code, reason = "DPDK is started and told of threads")]
mod eal;
mod error;
mod losses;
#[allow(unsafe_code, reason = "packets lie in buffers of DPDK's")]
mod packet;
mod port;
mod receiver;
#[allow(unsafe_code, reason = "hands DPDK a key and a table")]
mod scaling;
mod spec;
mod spread;
mod steered;
#[allow(unsafe_code, reason = "frames lie in buffers of DPDK's")]
mod whole;

pub use buffers::buffers_astray;
pub use error::{Errno, Error, Step};
pub use spec::DeviceSpec;
pub(crate) use spec::check_devices;
pub(crate) use whole::Whole;

use crate::id::PortId;
use crate::port::{Memory, Port, PortError};
use eal::Registration;
use std::marker::PhantomData;

/// Starts DPDK if a port needs it, which the first call of a process decides about.
///
/// # Errors
/// [`PortError`] if it does not start.
pub(crate) fn start(memory: Memory, specs: &[&DeviceSpec]) -> Result<(), PortError> {
    let Some(first) = specs.first() else { return Ok(()) };
    let started = eal::start(memory, &spec::needs(specs.iter().copied()));
    started.map(|_| ()).map_err(|error| PortError::Device { spec: first.to_string(), error })
}

/// Opens a device. It runs once its queues are made.
///
/// # Errors
/// [`PortError`] if the driver does not take it.
pub(crate) fn open(id: PortId, spec: &DeviceSpec) -> Result<Box<dyn Port>, PortError> {
    start(Memory::default(), &[spec])?;
    let eal = eal::running().expect("it was just started");
    Ok(Box::new(port::DevicePort::open(eal, id, spec)?))
}

/// What a device offers of receive-side scaling.
///
/// # Errors
/// [`PortError`] if the driver does not take it.
pub(crate) fn offer_of(spec: &DeviceSpec) -> Result<crate::rss::Offer, PortError> {
    start(Memory::default(), &[spec])?;
    let eal = eal::running().expect("it was just started");
    port::DevicePort::open(eal, PortId::new(0), spec).map(|port| port.offer())
}

/// What the operator should know of DPDK itself, if it runs.
pub(crate) fn remark() -> Option<String> {
    eal::running().map(|eal| eal.remark().to_owned())
}

/// A thread that takes part, until this is dropped. Stays on its thread.
#[derive(Debug)]
pub struct Entered {
    _registration: Option<Registration>,
    _thread: PhantomData<*const ()>,
}

/// Makes the calling thread one that DPDK knows, if DPDK runs: without, its packet buffers come
/// from the pool that all threads share, at half the rate. At most once at a time per thread.
pub(crate) fn enter_thread() -> Entered {
    Entered { _registration: Registration::of_this_thread(), _thread: PhantomData }
}
