//! What is wrong with a port, in one line.

use crate::capture::CaptureError;
use std::path::PathBuf;

/// Kinds of ports of this build.
#[cfg(feature = "dpdk")]
const KINDS: &str = "pcap:…, memory:…, synthetic:… or dpdk:…";
/// Kinds of ports of this build.
#[cfg(not(feature = "dpdk"))]
const KINDS: &str = "pcap:…, memory:… or synthetic:…";

/// A port that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Its trace cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A capture port, which is driven in trace time.
    #[error("port `{0}` follows a capture's time and has no queues")]
    NotLive(String),
    /// Its queues have been made already.
    #[error("port {0}: its queues have been made already")]
    QueuesMade(crate::id::PortId),
    /// Something that only a device can do.
    #[error("port `{0}` is no device; write dpdk:DEVARGS")]
    NoDevice(String),
    /// DPDK refuses something of it.
    #[cfg(feature = "dpdk")]
    #[error("port `dpdk:{spec}`: {error}")]
    Device {
        /// The device.
        spec: String,
        /// What was refused.
        error: crate::dpdk::Error,
    },
}

/// A port specification that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("port `{spec}`: {fault}")]
pub struct SpecError {
    /// What was written.
    pub spec: String,
    /// What is wrong with it.
    pub fault: SpecFault,
}

/// What is wrong with a port specification, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecFault {
    /// No such kind.
    #[error("there is no kind `{0}`; write {KINDS}")]
    Kind(String),
    /// `dpdk:` in a build without it.
    #[error("this build has no DPDK; build with --features dpdk, or use {KINDS}")]
    NoDpdk,
    /// `dpdk:` without the name of a device, or with one that cannot be.
    #[error("it names no device; write a PCI address or, for instance, net_af_packet0,iface=NAME")]
    NoDevice,
    /// Two ports of one name.
    #[error("{0} is named twice; give each port a device of its own")]
    DeviceTwice(String),
    /// A key that the kind does not have.
    #[error("there is no `{key}` here; {kind}: takes {allowed}")]
    Key {
        /// What was written.
        key: String,
        /// The kind of port.
        kind: &'static str,
        /// What it takes.
        allowed: &'static str,
    },
    /// A key without `=value`.
    #[error("`{0}` needs a value: {0}=…")]
    NoValue(String),
    /// A key written twice.
    #[error("`{0}` is there twice; write it once")]
    Twice(String),
    /// A value that the key does not take.
    #[error("{key}={value} cannot be; {key} takes {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What it takes.
        allowed: &'static str,
    },
    /// `pcap:` without a file.
    #[error("it names no file; write pcap:rx=FILE, pcap:tx=FILE or pcap:rx=FILE,tx=FILE")]
    NoCapture,
    /// `memory:` without a file.
    #[error("it names no trace; write memory:FILE or memory:FILE,repeat=N")]
    NoTrace,
    /// A file that is to be written and used otherwise too.
    #[error("{} would be overwritten while it is in use; name another file for tx", .0.display())]
    Overwritten(PathBuf),
    /// Two keys that do not go together.
    #[error("`{key}` is there, so {needs}")]
    Needs {
        /// The key.
        key: &'static str,
        /// What it needs.
        needs: &'static str,
    },
}
