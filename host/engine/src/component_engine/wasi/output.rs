//! Standard output and standard error, held back until the event ends, and then lines of the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::pipe::SinkOutputStream;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::last_words::MESSAGE_BYTES_MAX;
use crate::services::{Answer, LogLevel};

/// Bytes of one stream that are kept in one event: with those of the other no more than an event
/// may log.
const BYTES_MAX: usize = 2 << 10;

/// What a guest has written since its event began. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Output {
    written: Arc<Mutex<Written>>,
}

#[derive(Default)]
struct Written {
    output: Vec<u8>,
    errors: Vec<u8>,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream whose lines are worth this level.
    pub(super) fn stream(&self, level: LogLevel) -> Stream {
        Stream { output: self.clone(), level }
    }

    pub(super) fn forget(&self) {
        let mut written = self.lock();
        written.output.clear();
        written.errors.clear();
    }

    /// Hands over the lines of both streams, and forgets them.
    pub(super) fn take(&self, mut line: impl FnMut(LogLevel, &str) -> Answer<()>) -> Answer<()> {
        let mut written = self.lock();
        let Written { output, errors } = &mut *written;
        for (bytes, level) in [(output, LogLevel::Information), (errors, LogLevel::Warning)] {
            // A buffer holds no more than an event may log, whatever stands for bad UTF-8.
            let text = String::from_utf8_lossy(bytes).into_owned();
            bytes.clear();
            text.lines().filter(|text| !text.is_empty()).try_for_each(|text| line(level, text))?;
        }
        Ok(())
    }

    /// The end of what was written to standard error.
    pub(super) fn last_errors(&self) -> Vec<u8> {
        let written = self.lock();
        let errors = written.errors.trim_ascii();
        errors[errors.len().saturating_sub(MESSAGE_BYTES_MAX)..].to_vec()
    }
}

/// One of the two streams.
pub(super) struct Stream {
    output: Output,
    level: LogLevel,
}

impl Stream {
    fn clone(&self) -> Self {
        Self { output: self.output.clone(), level: self.level }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut written = self.output.lock();
        let to = match self.level {
            LogLevel::Information => &mut written.output,
            _ => &mut written.errors,
        };
        let room = BYTES_MAX - to.len();
        to.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Of other generations of WASI, which are not linked.
        SinkOutputStream.async_stream()
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    /// Always room, and bounded work; what is beyond the bytes kept is dropped.
    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(BYTES_MAX)
    }
}
