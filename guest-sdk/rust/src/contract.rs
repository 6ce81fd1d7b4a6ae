//! The records of the contract that cross with every burst, laid out as the canonical ABI has
//! them, and those that cross once, as the bindings have them.
//!
//! The bindings would convert a list of events one by one, since an enum in it may be out of
//! range. These records keep such a field as the byte it is, so that a burst is used where it
//! lies.

pub use crate::bindings::nfos::nf::types::{
    Configuration, Constraint, Description, EventKind, Field, Layer, PacketSet, Parameter,
    Relaxation, Rule, Setting, Value,
};

/// An event kind as it lies in memory; `types.event-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Kind(pub u8);

impl Kind {
    /// The first packet of a packet set.
    pub const INIT_PACKET_SET: Self = Self(0);
    /// A packet of a set that has state.
    pub const PACKET: Self = Self(1);
    /// The last event of an idle set.
    pub const EXPIRED_PACKET_SET: Self = Self(2);
    /// A packet that fits no packet-set definition.
    pub const ORPHAN_PACKET: Self = Self(3);
    /// A period has passed.
    pub const PERIODIC: Self = Self(4);
}

/// `event.previous` of an event that has none.
pub const NO_PREVIOUS: u32 = u32::MAX;

/// One event of a burst, 24 bytes; `types.event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// Which handler it is for.
    pub kind: Kind,
    /// The ingress port, or the index of the period.
    pub port: u16,
    /// Where the frame lies in `frames`.
    pub frame_offset: u32,
    /// Bytes of the frame there.
    pub frame_length: u32,
    /// Bytes of the frame on the wire.
    pub wire_length: u32,
    /// Where the packet-set state lies in `states`.
    pub state_offset: u32,
    /// The last earlier event of the same set, or [`NO_PREVIOUS`].
    pub previous: u32,
}

const _: () = assert!(size_of::<Event>() == 24 && align_of::<Event>() == 4);

/// The answer to one event, 12 bytes; `types.verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Verdict {
    /// One of [`Self::DROP`], [`Self::SEND`], [`Self::FLOOD`], [`Self::CONSUME`].
    pub action: u8,
    /// One of [`Self::REGISTER_NOT`], [`Self::REGISTER_OPTIONAL`], [`Self::REGISTER_REQUIRED`].
    pub registration: u8,
    /// The egress port, or the index of the drop reason.
    pub target: u16,
    /// Where the frame lies in `frames`.
    pub frame_offset: u32,
    /// Bytes of the frame there.
    pub frame_length: u32,
}

const _: () = assert!(size_of::<Verdict>() == 12 && align_of::<Verdict>() == 4);

impl Verdict {
    /// `action.drop`
    pub const DROP: u8 = 0;
    /// `action.send`
    pub const SEND: u8 = 1;
    /// `action.flood`
    pub const FLOOD: u8 = 2;
    /// `action.consume`
    pub const CONSUME: u8 = 3;
    /// `registration.none`
    pub const REGISTER_NOT: u8 = 0;
    /// `registration.optional`
    pub const REGISTER_OPTIONAL: u8 = 1;
    /// `registration.required`
    pub const REGISTER_REQUIRED: u8 = 2;
}
