//! ICMP, RFC 792.

use super::transport::Payload;
use super::{Quotation, checksum, set_word, word};
use crate::reasons::FrameReason;

pub(super) const HEADER: usize = 8;
pub(super) const TYPE: usize = 0;
const CODE: usize = 1;
pub(super) const CHECKSUM: usize = 2;
pub(super) const IDENTIFIER: usize = 4;

/// An ICMP message with its whole header.
pub struct Icmp<'a> {
    header: &'a mut [u8; HEADER],
    /// What is visible of the payload.
    payload: &'a mut [u8],
    payload_length: usize,
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
        let length = payload.length;
        let (header, payload) = payload.split()?;
        Ok(Self { header, payload, payload_length: length - HEADER })
    }

    /// The type.
    #[inline]
    pub fn message_type(&self) -> u8 {
        self.header[TYPE]
    }

    /// Whether it is an error about a packet, which it quotes: *destination unreachable*, *time
    /// exceeded* or *parameter problem*.
    #[inline]
    pub fn is_error(&self) -> bool {
        let errors = [Self::UNREACHABLE, Self::TIME_EXCEEDED, Self::PARAMETER_PROBLEM];
        errors.contains(&self.message_type())
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

    /// The packet that an error quotes.
    ///
    /// # Errors
    /// [`FrameReason::MalformedL4`] unless there is a whole IPv4 header and 8 bytes behind it;
    /// [`FrameReason::Truncated`] if the window hides some of them.
    #[inline]
    pub fn into_quotation(self) -> Result<Quotation<'a>, FrameReason> {
        let cut = self.payload_length > self.payload.len();
        Quotation::new_checked(self.header, self.payload, cut)
    }

    /// Sets the identifier of an echo request or reply.
    #[inline]
    pub fn set_identifier(&mut self, identifier: u16) {
        let sum = checksum::update(self.checksum(), self.identifier(), identifier);
        set_word(self.header, IDENTIFIER, identifier);
        set_word(self.header, CHECKSUM, sum);
    }
}
