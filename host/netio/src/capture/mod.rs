//! Capture files: pcap (micro- and nanoseconds, both byte orders) and pcapng in, nanosecond pcap
//! out.
//!
//! Own code, of a few hundred lines, since the crates at hand do not do the job: `pcap-file`
//! names no place in its errors, reads unknown lengths as "need more bytes" and parses the options
//! of every pcapng packet into fresh vectors; `pcap-parser` allocates per pcapng block too. Here a
//! [`Reader`] has one buffer for its life, and every [`CaptureError`] names the file, the packet
//! and the byte.
//!
//! Time: frames of one file are taken in file order, whatever their time stamps. Where a stamp
//! goes back, the frame gets the latest one before it, so that time never does.
//!
//! Lengths: a record holds what was captured; its length on the wire may be more. Frames of more
//! than 65,549 bytes are refused.

mod error;
mod merged;
mod pcap;
mod pcapng;
mod reader;
mod source;
mod writer;

pub use error::{CaptureError, CaptureFault};
pub use merged::{Arrival, MergedCaptures};
pub use reader::{Reader, Record};
pub use writer::CaptureWriter;

use std::path::Path;

/// What a capture holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureFacts {
    /// How many packets; at least one.
    pub packets: u64,
    /// Captured bytes of the largest.
    pub largest_bytes: usize,
    /// The first time stamp, in nanoseconds since 1970.
    pub first_ns: u64,
    /// The latest time stamp.
    pub last_ns: u64,
}

/// Reads a capture to its end, so that a bad one is refused before anything runs.
///
/// Cost: the whole file is read, and nothing of it kept.
///
/// # Errors
/// [`CaptureError`]: one line that names the file, where in it, and what would be right.
pub fn inspect(path: &Path) -> Result<CaptureFacts, CaptureError> {
    let mut reader = Reader::open(path)?;
    let mut facts = CaptureFacts::default();
    while let Some(record) = reader.read()? {
        if facts.packets == 0 {
            facts.first_ns = record.timestamp_ns;
        }
        facts.packets += 1;
        facts.largest_bytes = facts.largest_bytes.max(record.bytes.len());
        facts.last_ns = record.timestamp_ns;
    }
    match facts.packets {
        0 => Err(CaptureError::new(path, CaptureFault::Empty)),
        _ => Ok(facts),
    }
}
