//! UDP, RFC 768.

use super::transport::Payload;
use super::{checksum, raw_word, set_raw_word, word};
use crate::reasons::FrameReason;

pub(super) const HEADER: usize = 8;
const SOURCE_PORT: usize = 0;
const DESTINATION_PORT: usize = 2;
const LENGTH: usize = 4;
pub(super) const CHECKSUM: usize = 6;

/// A UDP datagram that fits its packet.
pub struct Udp<'a> {
    header: &'a mut [u8; HEADER],
    payload: &'a mut [u8],
}

impl<'a> Udp<'a> {
    /// # Errors
    /// [`FrameReason::MalformedL4`] unless 8 ≤ length field ≤ payload length;
    /// [`FrameReason::Truncated`] if the window hides part of the header.
    #[inline]
    pub(crate) fn new_checked(payload: Payload<'a>) -> Result<Self, FrameReason> {
        let length = payload.length;
        let (header, rest) = payload.split::<HEADER>()?;
        let stated = usize::from(word(header, LENGTH));
        if stated < HEADER || stated > length {
            return Err(FrameReason::MalformedL4);
        }
        let visible = rest.len().min(stated - HEADER);
        Ok(Self { header, payload: &mut rest[..visible] })
    }

    /// The sender's port.
    #[inline]
    pub fn source_port(&self) -> u16 {
        word(self.header, SOURCE_PORT)
    }

    /// The receiver's port.
    #[inline]
    pub fn destination_port(&self) -> u16 {
        word(self.header, DESTINATION_PORT)
    }

    /// Bytes of header and payload.
    #[inline]
    pub fn length(&self) -> u16 {
        word(self.header, LENGTH)
    }

    /// The checksum; 0: none.
    #[inline]
    pub fn checksum(&self) -> u16 {
        word(self.header, CHECKSUM)
    }

    /// What the window shows of the payload.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// Sets the sender's port.
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        self.set(SOURCE_PORT, port);
    }

    /// Sets the receiver's port.
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        self.set(DESTINATION_PORT, port);
    }

    #[inline]
    fn set(&mut self, at: usize, value: u16) {
        let (before, new) = (raw_word(self.header, CHECKSUM), value.to_be());
        let updated = checksum::update(before, raw_word(self.header, at), new);
        set_raw_word(self.header, at, new);
        set_raw_word(self.header, CHECKSUM, checksum::of_udp(before, updated));
    }
}
