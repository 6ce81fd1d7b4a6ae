//! What a handler answers.

use crate::contract;
use crate::reasons::Dropped;

/// What becomes of a packet.
///
/// ```
/// use nfos::prelude::*;
/// let opened = Verdict::send(1).register();
/// let refused = Verdict::drop(FrameReason::NotIpv4);
/// assert_ne!(opened, refused);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    action: u8,
    registration: u8,
    target: u16,
}

impl Verdict {
    const fn new(action: u8, target: u16) -> Self {
        Self { action, registration: contract::Verdict::REGISTER_NOT, target }
    }

    /// It leaves through a port.
    #[inline]
    pub const fn send(port: u16) -> Self {
        Self::new(contract::Verdict::SEND, port)
    }

    /// It is dropped, and counted under the reason.
    #[inline]
    pub fn drop(reason: impl Into<Dropped>) -> Self {
        Self::new(contract::Verdict::DROP, reason.into().index())
    }

    /// A copy of it leaves through every port but its own.
    #[inline]
    pub const fn flood() -> Self {
        Self::new(contract::Verdict::FLOOD, 0)
    }

    /// It was for the network function itself and goes no further.
    #[inline]
    pub const fn consume() -> Self {
        Self::new(contract::Verdict::CONSUME, 0)
    }

    /// The first packet's set gets state. If there is no room, the event is undone and the packet
    /// is dropped as `packet_set_table_full`. For `init_packet_set` only.
    #[inline]
    pub const fn register(self) -> Self {
        Self { registration: contract::Verdict::REGISTER_REQUIRED, ..self }
    }

    /// The first packet's set gets state if there is room. If there is none, what the event did
    /// to aggregate state is undone, and this verdict stands. For `init_packet_set` only.
    #[inline]
    pub const fn register_if_room(self) -> Self {
        Self { registration: contract::Verdict::REGISTER_OPTIONAL, ..self }
    }

    #[inline]
    pub(crate) fn at(self, frame_offset: u32, frame_length: u32) -> contract::Verdict {
        contract::Verdict {
            action: self.action,
            registration: self.registration,
            target: self.target,
            frame_offset,
            frame_length,
        }
    }
}

/// What a handler may return: a [`Verdict`], or a `Result` whose error is a reason to drop the
/// packet, so that `?` on a header view drops what has no such header.
pub trait IntoVerdict {
    /// The verdict.
    fn into_verdict(self) -> Verdict;
}

impl IntoVerdict for Verdict {
    #[inline]
    fn into_verdict(self) -> Verdict {
        self
    }
}

impl<R: Into<Dropped>> IntoVerdict for Result<Verdict, R> {
    #[inline]
    fn into_verdict(self) -> Verdict {
        match self {
            Ok(verdict) => verdict,
            Err(reason) => Verdict::drop(reason),
        }
    }
}
