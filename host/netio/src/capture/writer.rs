//! Writing a capture: pcap with nanoseconds, Ethernet, little-endian.

use super::error::{CaptureError, CaptureFault, LinkType};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 256 * 1024;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// The most that a record holds, as tcpdump has it; above every frame.
const SNAP_LENGTH: u32 = 262_144;

/// A capture being written, in place. Allocates when created, and not for a packet.
///
/// The file is whole after [`Self::finish`]. If that is not called, what was written is flushed as
/// far as it goes when the writer is dropped, and errors pass unnoticed.
#[derive(Debug)]
pub struct CaptureWriter {
    path: PathBuf,
    file: BufWriter<File>,
    packets: u64,
    bytes: u64,
}

impl CaptureWriter {
    /// Creates the file, or empties it, and writes its head.
    ///
    /// # Errors
    /// [`CaptureError`] if it cannot be created.
    pub fn create(path: &Path) -> Result<Self, CaptureError> {
        let create = |error| CaptureError::new(path, CaptureFault::Create(error));
        let file = File::create(path).map_err(create)?;
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let words = [NANOSECONDS, 2 | 4 << 16, 0, 0, SNAP_LENGTH, LinkType::ETHERNET.0];
        for word in words {
            file.write_all(&word.to_le_bytes()).map_err(create)?;
        }
        Ok(Self { path: path.to_path_buf(), file, packets: 0, bytes: 0 })
    }

    /// Appends a packet. `wire_length` is kept as the record's original length; one that is less
    /// than the bytes counts as their number.
    ///
    /// # Errors
    /// [`CaptureError`] if writing fails (the disk is full), or for a time beyond the year 2106.
    pub fn write(
        &mut self,
        timestamp_ns: u64,
        wire_length: u32,
        bytes: &[u8],
    ) -> Result<(), CaptureError> {
        let Ok(seconds) = u32::try_from(timestamp_ns / 1_000_000_000) else {
            return Err(CaptureError::new(&self.path, CaptureFault::Time(timestamp_ns)));
        };
        let length = bytes.len() as u32;
        let words =
            [seconds, (timestamp_ns % 1_000_000_000) as u32, length, wire_length.max(length)];
        let mut head = [0; 16];
        for (to, word) in head.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *to = word.to_le_bytes();
        }
        let written = self.file.write_all(&head).and_then(|()| self.file.write_all(bytes));
        written.map_err(|error| CaptureError::new(&self.path, CaptureFault::Write(error)))?;
        self.packets += 1;
        self.bytes += u64::from(length);
        Ok(())
    }

    /// How many packets have been written.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// How many bytes of packets have been written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is still buffered and closes the file.
    ///
    /// # Errors
    /// [`CaptureError`] if writing fails.
    pub fn finish(mut self) -> Result<(), CaptureError> {
        self.file.flush().map_err(|error| CaptureError::new(&self.path, CaptureFault::Write(error)))
    }
}
