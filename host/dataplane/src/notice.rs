//! What a worker tells the operator: log lines of the network function, and its faults.
//!
//! Notices go over a bounded channel to the thread that talks to the operator; a worker that finds
//! it full waits, so no line is lost. This is the one thing on the packet path that allocates, and
//! only for network functions that log or fault.

use nfos_engine::fault::GuestFault;
use nfos_engine::services::LogLevel;

/// Faults that one worker reports; all are counted.
pub(crate) const FAULTS_REPORTED_MAX: u64 = 16;

/// Notices that may wait to be read.
pub(crate) const WAITING_MAX: usize = 4096;

/// A notice.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The network function logged a line.
    Log {
        /// Which worker.
        worker: usize,
        /// How grave.
        level: LogLevel,
        /// The line.
        message: Box<str>,
    },
    /// The network function faulted.
    Fault {
        /// Which worker.
        worker: usize,
        /// How.
        fault: GuestFault,
        /// The packet it was handling, if it was one.
        packet: Option<FaultPacket>,
    },
}

/// A packet at which the network function faulted.
#[derive(Debug)]
pub(crate) struct FaultPacket {
    /// Its ingress port.
    pub port: u16,
    /// When it came.
    pub timestamp_ns: u64,
    /// Its length on the wire.
    pub wire_length: u32,
    /// Its bytes.
    pub bytes: Box<[u8]>,
}
