//! A file read once from front to end, with its place known.

use super::error::{CaptureError, CaptureFault};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 256 * 1024;

/// How reading a fixed number of bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// All bytes are there.
    Whole,
    /// The file ended within them.
    Part,
    /// The file ended before them.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, CaptureError> {
        let open = |error| CaptureError::new(path, CaptureFault::Open(error));
        // Asked first: opening a pipe would wait for its other end.
        if !std::fs::metadata(path).map_err(open)?.is_file() {
            return Err(CaptureError::new(path, CaptureFault::NotAFile));
        }
        let file = File::open(path).map_err(open)?;
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path: path.to_path_buf(), file, at: 0 })
    }

    /// How many bytes have been read.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn fail(&self, fault: CaptureFault) -> CaptureError {
        CaptureError::new(&self.path, fault)
    }

    /// Fills the buffer as far as the file goes.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, CaptureError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.fail(CaptureFault::Read { at: self.at, source })),
            }
        }
        self.at += filled as u64;
        Ok(match filled {
            0 if !buffer.is_empty() => Filled::Nothing,
            _ if filled < buffer.len() => Filled::Part,
            _ => Filled::Whole,
        })
    }

    /// Reads past `count` bytes; whether they were there.
    pub(super) fn skip(&mut self, mut count: u64) -> Result<Filled, CaptureError> {
        let mut rest = [0; 512];
        while count > 0 {
            let step = count.min(rest.len() as u64);
            if self.fill(&mut rest[..step as usize])? != Filled::Whole {
                return Ok(Filled::Part);
            }
            count -= step;
        }
        Ok(Filled::Whole)
    }
}
