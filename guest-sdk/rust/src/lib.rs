//! The SDK in which network functions are written.
//!
//! An author implements [`NetworkFunction`] and marks the `impl` block with [`export`]. What they
//! see is one packet, its packet set's state and the structures that all packets share; the burst
//! that the host hands over, and everything `unsafe`, stays in here.
//!
//! | to | see |
//! |---|---|
//! | write the handlers | [`function`], [`verdict`], [`reasons`] |
//! | say which packets share state | [`packet_sets`] |
//! | read and change headers | [`packet`], [`wire`] |
//! | share state between packets | [`structures`], [`leased_map`], [`cell`], [`key`] |
//! | send, log, emit, tell the time | [`effects`], [`clock`], [`hash`](fn@hash) |
//! | be set by the operator | [`parameters`] |
//! | test | [`native`], [`testing`] |
//! | drive the burst by hand | [`raw`], [`contract`] |

#[allow(unsafe_code, reason = "verdicts are written to room that is not yet in use")]
mod answers;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "the allocator")]
mod arena;
mod bindings;
mod burst;
pub mod cell;
pub mod clock;
pub mod contract;
mod description;
pub mod effects;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod export;
pub mod function;
mod hash;
mod host;
pub mod key;
pub mod layout;
pub mod leased_map;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod packet;
pub mod packet_sets;
pub mod parameters;
pub mod raw;
pub mod reasons;
#[cfg(target_arch = "wasm32")]
mod room;
pub mod structures;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod verdict;
pub mod wire;

pub use function::NetworkFunction;
pub use hash::hash;
pub use nfos_macros::{Cell, Choice, Event, Key, Parameters, Reason, State, export};

#[doc(hidden)]
pub use burst::Sequential;

/// What a network function uses.
pub mod prelude {
    pub use std::net::{Ipv4Addr, Ipv6Addr};
    pub use std::time::Duration;

    pub use crate::cell::Word;
    pub use crate::clock::{Time, now, random};
    pub use crate::effects::{Level, emit, send};
    pub use crate::function::NetworkFunction;
    pub use crate::leased_map::{Leased, LeasedMap};
    pub use crate::packet::Packet;
    pub use crate::packet_sets::{
        ANSWERING_FIVE_TUPLE, FIVE_TUPLE, Field, ICMP, PacketSet, Rule, TCP, UDP,
    };
    pub use crate::reasons::{Dropped, FrameReason};
    pub use crate::structures::{Allocator, Distributed, Hashing, Map, Parts, SetOutcome, Vector};
    pub use crate::verdict::Verdict;
    pub use crate::wire::{
        EtherType, Ethernet, Icmp, Ipv4, Ipv4Prefix, Ipv6, MacAddress, Tcp, TcpFlags, Transport,
        Udp,
    };
    pub use crate::{Cell, Choice, Event, Key, Parameters, Reason, State, hash, log};
}
