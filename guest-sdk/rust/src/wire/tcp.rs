//! TCP, RFC 9293.

use super::transport::Payload;
use super::{checksum, raw_word, set_raw_word, word};
use crate::reasons::FrameReason;

pub(super) const HEADER: usize = 20;
const SOURCE_PORT: usize = 0;
const DESTINATION_PORT: usize = 2;
const SEQUENCE: usize = 4;
const ACKNOWLEDGMENT: usize = 8;
const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
pub(super) const CHECKSUM: usize = 16;

/// The control bits of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// The acknowledgment number counts.
    pub const ACK: Self = Self(0x10);

    /// Whether it has all bits of `flags`.
    #[inline]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether the segment opens a connection: SYN, and none of ACK, RST and FIN.
    #[inline]
    pub const fn is_lone_syn(self) -> bool {
        let mask = Self::SYN.0 | Self::ACK.0 | Self::RST.0 | Self::FIN.0;
        self.0 & mask == Self::SYN.0
    }
}

/// A TCP segment whose header fits its packet.
pub struct Tcp<'a> {
    header: &'a mut [u8; HEADER],
    payload_length: usize,
}

impl<'a> Tcp<'a> {
    /// # Errors
    /// [`FrameReason::MalformedL4`] unless 20 ≤ data offset ≤ payload length;
    /// [`FrameReason::Truncated`] if the window hides part of the fixed header.
    #[inline]
    pub(crate) fn new_checked(payload: Payload<'a>) -> Result<Self, FrameReason> {
        let length = payload.length;
        let (header, _) = payload.split::<HEADER>()?;
        let header_length = usize::from(header[DATA_OFFSET] >> 4) * 4;
        if header_length < HEADER || header_length > length {
            return Err(FrameReason::MalformedL4);
        }
        Ok(Self { header, payload_length: length - header_length })
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

    /// The sequence number.
    #[inline]
    pub fn sequence(&self) -> u32 {
        self.number(SEQUENCE)
    }

    /// The acknowledgment number.
    #[inline]
    pub fn acknowledgment(&self) -> u32 {
        self.number(ACKNOWLEDGMENT)
    }

    /// The control bits.
    #[inline]
    pub fn flags(&self) -> TcpFlags {
        TcpFlags(self.header[FLAGS])
    }

    /// Bytes of the payload.
    #[inline]
    pub fn payload_length(&self) -> usize {
        self.payload_length
    }

    /// The checksum.
    #[inline]
    pub fn checksum(&self) -> u16 {
        word(self.header, CHECKSUM)
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
    fn number(&self, at: usize) -> u32 {
        u32::from(word(self.header, at)) << 16 | u32::from(word(self.header, at + 2))
    }

    #[inline]
    fn set(&mut self, at: usize, value: u16) {
        let (before, new) = (raw_word(self.header, CHECKSUM), value.to_be());
        let sum = checksum::update(before, raw_word(self.header, at), new);
        set_raw_word(self.header, at, new);
        set_raw_word(self.header, CHECKSUM, sum);
    }
}
