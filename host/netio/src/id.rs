//! Numbers that name things, each of a type of its own.

use std::fmt;

/// The most ports a run may have; the contract's own bound (`types.description.ports`).
pub const PORTS_MAX: u16 = 64;

/// A port, by its place among the operator's `--port`s, from 0.
// Its numbers have 16 bits. It takes 32, because compilers read it so: a frame's port, just written
// with 16 bits and read with those beside it, would wait until both have left the store buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(u32);

impl PortId {
    /// The port of this number.
    #[inline]
    pub const fn new(number: u16) -> Self {
        Self(number as u32)
    }

    /// Its number.
    #[inline]
    pub const fn raw(self) -> u16 {
        self.0 as u16
    }

    /// Its number, to index with.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
