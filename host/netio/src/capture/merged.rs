//! Several captures as one stream in the order of their time stamps.
//!
//! Each file has its next packet in its own buffer; the earliest of these is the next of all, of
//! equal ones that of the lowest port. A file is read on when its packet has been handed out and
//! the next is asked for, so that the bytes handed out stay where they are until then.

use super::error::CaptureError;
use super::reader::Reader;
use crate::id::PortId;
use std::path::Path;

/// A packet of one of several captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// Where it arrives.
    pub port: PortId,
    /// When, in nanoseconds since 1970; never less than that of the arrival before.
    pub timestamp_ns: u64,
    /// Bytes on the wire.
    pub wire_length: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// Several captures being read. Allocates when opened, and not for a packet.
#[derive(Debug)]
pub struct MergedCaptures {
    /// By port number.
    files: Vec<(PortId, Reader)>,
    /// The file whose packet has been handed out.
    spent: Option<usize>,
}

impl MergedCaptures {
    /// Opens the captures and reads the first packet of each. A capture without one is passed
    /// over (see [`inspect`](super::inspect) to refuse it).
    ///
    /// # Errors
    /// [`CaptureError`] of the first that cannot be read.
    pub fn open<P: AsRef<Path>>(
        captures: impl IntoIterator<Item = (PortId, P)>,
    ) -> Result<Self, CaptureError> {
        let mut files = Vec::new();
        for (port, path) in captures {
            let mut reader = Reader::open(path.as_ref())?;
            if reader.advance()? {
                files.push((port, reader));
            }
        }
        files.sort_by_key(|(port, _)| *port);
        Ok(Self { files, spent: None })
    }

    /// When the next packet arrives; none at the end.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn peek_ns(&mut self) -> Result<Option<u64>, CaptureError> {
        self.read_on()?;
        Ok(self.earliest().map(|file| self.files[file].1.record().timestamp_ns))
    }

    /// The next packet, or none at the end of all captures.
    ///
    /// # Errors
    /// [`CaptureError`] for a record that is cut off, too long or damaged.
    pub fn read(&mut self) -> Result<Option<Arrival<'_>>, CaptureError> {
        self.read_on()?;
        self.spent = self.earliest();
        Ok(self.spent.map(|file| {
            let (port, reader) = &self.files[file];
            let record = reader.record();
            Arrival {
                port: *port,
                timestamp_ns: record.timestamp_ns,
                wire_length: record.wire_length,
                bytes: record.bytes,
            }
        }))
    }

    /// Reads on in the file whose packet has been handed out; at its end the file is left.
    fn read_on(&mut self) -> Result<(), CaptureError> {
        if let Some(file) = self.spent.take()
            && !self.files[file].1.advance()?
        {
            self.files.remove(file);
        }
        Ok(())
    }

    fn earliest(&self) -> Option<usize> {
        (0..self.files.len()).min_by_key(|file| self.files[*file].1.record().timestamp_ns)
    }
}
