//! Why packets are dropped, and what network functions tell beside.
//!
//! The reasons that the frame rules give come first in every network function's list, in the
//! order of [`FrameReason`]; its own, an enum with `#[derive(Reason)]`, follow.

/// Why a packet was dropped: an index into `description.drop-reasons`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dropped(u16);

impl Dropped {
    /// The reason `index` of the network function's own list.
    #[inline]
    pub const fn own(index: u16) -> Self {
        Self(FrameReason::NAMES.len() as u16 + index)
    }

    /// The index into `description.drop-reasons`.
    #[inline]
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// The reasons that header views give; one rule each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum FrameReason {
    /// Shorter than its Ethernet header, or its headers lie beyond the window.
    Truncated,
    /// Another EtherType than IPv4 (for an IPv6 view: than IPv6).
    NotIpv4,
    /// Version, header length or total length contradict each other or the frame.
    MalformedIp,
    /// A fragment of an IP packet, first or later.
    Fragment,
    /// The transport header does not fit the IP payload, or its lengths contradict it.
    MalformedL4,
    /// The packet has no hop left.
    TtlExpired,
    /// A protocol that the network function does not handle.
    UnsupportedProtocol,
}

impl FrameReason {
    /// Their names, in order.
    pub const NAMES: [&'static str; 7] = [
        "truncated",
        "not_ipv4",
        "malformed_ip",
        "fragment",
        "malformed_l4",
        "ttl_expired",
        "unsupported_protocol",
    ];
}

impl From<FrameReason> for Dropped {
    #[inline]
    fn from(reason: FrameReason) -> Self {
        Self(reason as u16)
    }
}

/// A network function's own drop reasons; `#[derive(Reason)]` on an enum writes it, with the
/// variants' names in snake case.
pub trait Reason: Into<Dropped> {
    /// The names, in order.
    const NAMES: &'static [&'static str];
}

impl Reason for FrameReason {
    const NAMES: &'static [&'static str] = &[];
}

/// Events that a network function emits; `#[derive(Event)]` on an enum writes it, with the
/// variants' names in snake case.
pub trait Event {
    /// The names, in order.
    const NAMES: &'static [&'static str];

    /// This event's place in them.
    fn index(&self) -> u32;
}

impl Event for () {
    const NAMES: &'static [&'static str] = &[];

    fn index(&self) -> u32 {
        unreachable!("a network function without events has nothing to emit")
    }
}
