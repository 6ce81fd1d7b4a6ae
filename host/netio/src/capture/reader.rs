//! Reading one capture of either format, record by record.

use super::error::{CaptureError, CaptureFault};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::source::{Filled, Source};
use crate::frame::FRAME_BYTES_MAX;
use std::path::Path;

/// One packet of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When, in nanoseconds since 1970; never less than that of the record before.
    pub timestamp_ns: u64,
    /// Bytes on the wire; never less than those captured.
    pub wire_length: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// What a format reads of a record, the bytes being in the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) timestamp_ns: u64,
    pub(super) wire_length: u32,
    pub(super) length: usize,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A capture being read. Its buffer is made when it is opened; reading a packet allocates nothing.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    format: Format,
    buffer: Box<[u8]>,
    packets: u64,
    latest_ns: u64,
    last: Head,
}

impl Reader {
    /// Opens a capture and reads its head.
    ///
    /// # Errors
    /// [`CaptureError`] for a file that cannot be read or is no capture.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let mut source = Source::open(path)?;
        let mut magic = [0; 4];
        let filled = source.fill(&mut magic)?;
        let format = match (filled, Pcap::of_magic(magic)) {
            (Filled::Whole, Some(pcap)) => Format::Pcap(pcap.open(&mut source)?),
            (Filled::Whole, None) if magic == Pcapng::MAGIC => {
                Format::Pcapng(Pcapng::open(&mut source)?)
            }
            _ => return Err(source.fail(CaptureFault::NotACapture)),
        };
        Ok(Self {
            source,
            format,
            buffer: vec![0; FRAME_BYTES_MAX].into_boxed_slice(),
            packets: 0,
            latest_ns: 0,
            last: Head { timestamp_ns: 0, wire_length: 0, length: 0 },
        })
    }

    /// The next packet, or none at the end.
    ///
    /// # Errors
    /// [`CaptureError`] for a record that is cut off, too long or damaged.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        Ok(if self.advance()? { Some(self.record()) } else { None })
    }

    /// Reads the next packet into the buffer; whether there was one.
    pub(super) fn advance(&mut self) -> Result<bool, CaptureError> {
        let packet = self.packets + 1;
        let head = match &mut self.format {
            Format::Pcap(pcap) => pcap.read(&mut self.source, packet, &mut self.buffer)?,
            Format::Pcapng(pcapng) => pcapng.read(&mut self.source, packet, &mut self.buffer)?,
        };
        let Some(head) = head else { return Ok(false) };
        self.packets = packet;
        self.latest_ns = self.latest_ns.max(head.timestamp_ns);
        self.last = head;
        Ok(true)
    }

    /// The packet in the buffer.
    pub(super) fn record(&self) -> Record<'_> {
        let bytes = &self.buffer[..self.last.length];
        Record {
            timestamp_ns: self.latest_ns,
            wire_length: self.last.wire_length.max(bytes.len() as u32),
            bytes,
        }
    }
}

/// Reads the bytes of a packet whose record began at `at`.
pub(super) fn fill_packet(
    source: &mut Source,
    packet: u64,
    at: u64,
    length: u32,
    buffer: &mut [u8],
) -> Result<usize, CaptureError> {
    let Some(place) = buffer.get_mut(..length as usize) else {
        return Err(source.fail(CaptureFault::TooLong { packet, at, bytes: length.into() }));
    };
    match source.fill(place)? {
        Filled::Whole => Ok(length as usize),
        _ => Err(source.fail(CaptureFault::Truncated { packet, at })),
    }
}

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Big,
    Little,
}

impl ByteOrder {
    /// The 32-bit number at `at`, which must lie within the bytes.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    /// The 16-bit number at `at`, which must lie within the bytes.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = [bytes[at], bytes[at + 1]];
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }
}
