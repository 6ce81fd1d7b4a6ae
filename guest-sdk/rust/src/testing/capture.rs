//! Captures: the classic pcap format with nanoseconds, Ethernet.

use std::io;
use std::path::Path;

const MAGIC_NS: u32 = 0xa1b2_3c4d;
const LINK_TYPE_ETHERNET: u32 = 1;
const SNAPLEN: u32 = 262_144;

/// A frame with its time stamp.
pub type Record = (u64, Vec<u8>);

/// Writes frames, each with its time in nanoseconds since 1970.
///
/// # Errors
/// As the file system has them.
pub fn write(path: &Path, records: &[Record]) -> io::Result<()> {
    let mut bytes = Vec::new();
    let header = [MAGIC_NS, 0x0004_0002, 0, 0, SNAPLEN, LINK_TYPE_ETHERNET];
    bytes.extend(header.into_iter().flat_map(u32::to_le_bytes));
    for (time_ns, frame) in records {
        let (seconds, ns) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
        let header = [seconds as u32, ns as u32, frame.len() as u32, frame.len() as u32];
        bytes.extend(header.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(frame);
    }
    std::fs::write(path, bytes)
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// As the file system has them, and for other bytes than [`write()`] writes.
pub fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = std::fs::read(path)?;
    parse(&bytes).ok_or_else(|| {
        let what = format!("{} is not a nanosecond pcap of Ethernet", path.display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

fn parse(bytes: &[u8]) -> Option<Vec<Record>> {
    let word = |bytes: &[u8], at: usize| {
        let (word, _) = bytes.get(at..)?.split_first_chunk()?;
        Some(u32::from_le_bytes(*word))
    };
    if word(bytes, 0)? != MAGIC_NS || word(bytes, 20)? != LINK_TYPE_ETHERNET {
        return None;
    }
    let mut rest = &bytes[24..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let time_ns = u64::from(word(rest, 0)?) * 1_000_000_000 + u64::from(word(rest, 4)?);
        let length = word(rest, 8)? as usize;
        records.push((time_ns, rest.get(16..16 + length)?.to_owned()));
        rest = &rest[16 + length..];
    }
    Some(records)
}
