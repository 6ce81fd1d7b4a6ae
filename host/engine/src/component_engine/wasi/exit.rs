//! `wasi:cli/exit`: a guest that ends itself is a fault like any other.

use std::fmt;

use wasmtime::Result;
use wasmtime_wasi::p2::bindings::cli::exit;

use super::super::Host;

/// A guest called `exit`.
#[derive(Debug)]
pub(in super::super) struct Exited {
    status: u8,
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it ended itself with status {}", self.status)
    }
}

impl std::error::Error for Exited {}

impl exit::Host for Host {
    fn exit(&mut self, status: Result<(), ()>) -> Result<()> {
        Err(Exited { status: u8::from(status.is_err()) }.into())
    }

    fn exit_with_code(&mut self, status: u8) -> Result<()> {
        Err(Exited { status }.into())
    }
}
