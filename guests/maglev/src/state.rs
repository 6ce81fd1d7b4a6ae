//! What a flow remembers, and what is known of each backend.

use nfos::leased_map::NamesKey;
use nfos::prelude::*;

/// Where a flow goes: a slot, and who held it when the flow was bound to it.
#[derive(State, Debug, PartialEq, Eq)]
pub struct Flow {
    pub(crate) incarnation: u32,
    pub(crate) slot: u8,
}

/// The record of a slot. The incarnation grows whenever the slot is given to a backend,
/// so that flows of an earlier one notice.
#[derive(Cell, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) incarnation: u32,
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: MacAddress,
    pub(crate) port: u16,
    /// Packets read this and not the lease, so heartbeats never get in their way.
    pub(crate) live: bool,
}

impl NamesKey<Ipv4Addr> for Backend {
    fn key(&self) -> Ipv4Addr {
        self.address
    }
}

/// How often backends joined and left, and how often that was when the table was built.
#[derive(Cell, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) generation: u64,
    pub(crate) built: u64,
}
