//! What is wrong with a capture, in one line.

use crate::frame::FRAME_BYTES_MAX;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A capture that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct CaptureError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: CaptureFault,
}

impl CaptureError {
    /// An error of this file.
    pub fn new(path: &Path, fault: CaptureFault) -> Self {
        Self { path: path.to_path_buf(), fault }
    }
}

/// What is wrong. Packets count from 1, bytes from 0.
#[derive(Debug, thiserror::Error)]
pub enum CaptureFault {
    /// It cannot be opened.
    #[error("cannot open it: {0}; name a pcap or pcapng file that can be read")]
    Open(#[source] io::Error),
    /// A directory, a pipe or a device.
    #[error("it is no regular file, and a capture is read twice; store it in a file first")]
    NotAFile,
    /// It cannot be created.
    #[error("cannot create it: {0}; name a file in a directory that can be written")]
    Create(#[source] io::Error),
    /// Reading failed.
    #[error("reading failed at byte {at}: {source}")]
    Read {
        /// Where.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Writing failed.
    #[error("writing failed: {0}")]
    Write(#[source] io::Error),
    /// It begins like no capture.
    #[error("this is not a capture: it must begin like a pcap or pcapng file")]
    NotACapture,
    /// A pcap of a version other than 2.
    #[error("it is pcap of version {0}.{1}; version 2.4 can be read")]
    Version(u16, u16),
    /// Frames that are not Ethernet.
    #[error("its link type is {0}; only Ethernet (1) can be read")]
    LinkType(LinkType),
    /// No packet.
    #[error("it holds no packet; at least one is needed")]
    Empty,
    /// The file ends within a record.
    #[error(
        "it is cut off within packet {packet}, whose record begins at byte {at}; capture it anew"
    )]
    Truncated {
        /// Which packet.
        packet: u64,
        /// Where its record begins.
        at: u64,
    },
    /// A record that says it is longer than any frame.
    #[error(
        "packet {packet}, at byte {at}, claims {bytes} bytes; a frame has at most {FRAME_BYTES_MAX}"
    )]
    TooLong {
        /// Which packet.
        packet: u64,
        /// Where its record begins.
        at: u64,
        /// Its length.
        bytes: u64,
    },
    /// A pcapng block that breaks the format.
    #[error("the block at byte {at} is damaged: {what}")]
    Block {
        /// Where it begins.
        at: u64,
        /// How.
        what: &'static str,
    },
    /// A time that the format cannot hold.
    #[error("a pcap file holds times up to the year 2106, not {0} ns")]
    Time(u64),
}

/// A link type, named where it is one that people meet (tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkType(pub u32);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "BSD loopback",
            1 => "Ethernet",
            9 => "PPP",
            12 | 14 | 101 => "raw IP",
            105 => "802.11",
            113 => "Linux cooked, of `any`",
            127 => "802.11 with radiotap",
            192 => "PPI",
            195 => "802.15.4",
            228 => "raw IPv4",
            229 => "raw IPv6",
            276 => "Linux cooked 2, of `any`",
            _ => return write!(f, "{}", self.0),
        };
        write!(f, "{} ({name})", self.0)
    }
}
