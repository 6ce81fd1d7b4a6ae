//! ICMP, RFC 792.

use super::transport::Payload;
use super::{checksum, set_word, word};
use crate::reasons::FrameReason;

const HEADER: usize = 8;
const TYPE: usize = 0;
const CODE: usize = 1;
const CHECKSUM: usize = 2;
const IDENTIFIER: usize = 4;

/// An ICMP message with its whole header.
pub struct Icmp<'a> {
    header: &'a mut [u8; HEADER],
    payload: &'a mut [u8],
}

impl<'a> Icmp<'a> {
    /// The type of an echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// The type of *destination unreachable*.
    pub const UNREACHABLE: u8 = 3;
    /// The type of an echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// The type of *time exceeded*.
    pub const TIME_EXCEEDED: u8 = 11;
    /// The type of *parameter problem*.
    pub const PARAMETER_PROBLEM: u8 = 12;

    /// # Errors
    /// [`FrameReason::MalformedL4`] for fewer than 8 bytes; [`FrameReason::Truncated`] if the
    /// window hides some of them.
    #[inline]
    pub(crate) fn new_checked(payload: Payload<'a>) -> Result<Self, FrameReason> {
        let (header, payload) = payload.split()?;
        Ok(Self { header, payload })
    }

    /// The type.
    #[inline]
    pub fn message_type(&self) -> u8 {
        self.header[TYPE]
    }

    /// The code.
    #[inline]
    pub fn code(&self) -> u8 {
        self.header[CODE]
    }

    /// The checksum over the message.
    #[inline]
    pub fn checksum(&self) -> u16 {
        word(self.header, CHECKSUM)
    }

    /// The identifier of an echo request or reply.
    #[inline]
    pub fn identifier(&self) -> u16 {
        word(self.header, IDENTIFIER)
    }

    /// What the window shows behind the header: of an error, the quoted packet.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// Sets the identifier of an echo request or reply.
    #[inline]
    pub fn set_identifier(&mut self, identifier: u16) {
        let sum = checksum::update(self.checksum(), self.identifier(), identifier);
        set_word(self.header, IDENTIFIER, identifier);
        set_word(self.header, CHECKSUM, sum);
    }
}
