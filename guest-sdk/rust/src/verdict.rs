//! What a handler answers.

use std::fmt;

use crate::answers::Answer;
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
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// Action, registration and target as they lie in a verdict of the contract: what a handler
    /// answers is then one value, and one store.
    word: u32,
}

impl Verdict {
    const fn of(action: u8, registration: u8, target: u16) -> Self {
        Self { word: action as u32 | (registration as u32) << 8 | (target as u32) << 16 }
    }

    const fn new(action: u8, target: u16) -> Self {
        Self::of(action, contract::Verdict::REGISTER_NOT, target)
    }

    const fn parts(self) -> (u8, u8, u16) {
        (self.word as u8, (self.word >> 8) as u8, (self.word >> 16) as u16)
    }

    const fn registering(self, registration: u8) -> Self {
        let (action, _, target) = self.parts();
        Self::of(action, registration, target)
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
        self.registering(contract::Verdict::REGISTER_REQUIRED)
    }

    /// The first packet's set gets state if there is room. If there is none, what the event did
    /// to aggregate state is undone, and this verdict stands. For `init_packet_set` only.
    #[inline]
    pub const fn register_if_room(self) -> Self {
        self.registering(contract::Verdict::REGISTER_OPTIONAL)
    }

    /// With where the frame lies, as three words of the contract.
    #[inline]
    pub(crate) const fn at(self, frame_offset: u32, frame_length: u32) -> Answer {
        [self.word.to_le(), frame_offset, frame_length]
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (action, registration, target) = self.parts();
        f.debug_struct("Verdict")
            .field("action", &action)
            .field("registration", &registration)
            .field("target", &target)
            .finish()
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
