//! IPv6, RFC 8200.

use std::net::Ipv6Addr;

use super::transport::{Payload, Transport};
use super::{checksum, raw_word, word};
use crate::reasons::FrameReason;

const HEADER: usize = 40;
const PAYLOAD_LENGTH: usize = 4;
const NEXT_HEADER: usize = 6;
const HOP_LIMIT: usize = 7;
const SOURCE: usize = 8;
const DESTINATION: usize = 24;

/// An IPv6 packet whose length is in order.
pub struct Ipv6<'a> {
    header: &'a mut [u8; HEADER],
    payload: &'a mut [u8],
    payload_length: usize,
}

impl<'a> Ipv6<'a> {
    /// The packet in `bytes`, behind which the wire had more, up to `wire_length` in all.
    ///
    /// # Errors
    /// [`FrameReason::MalformedIp`] unless the version is 6 and the packet fits the wire;
    /// [`FrameReason::Truncated`] if the window hides part of the header.
    #[inline]
    pub fn new_checked(bytes: &'a mut [u8], wire_length: usize) -> Result<Self, FrameReason> {
        let missing = match wire_length > bytes.len() {
            true => FrameReason::Truncated,
            false => FrameReason::MalformedIp,
        };
        let (header, rest) = bytes.split_first_chunk_mut::<HEADER>().ok_or(missing)?;
        let payload_length = usize::from(word(header, PAYLOAD_LENGTH));
        if header[0] >> 4 != 6 || HEADER + payload_length > wire_length {
            return Err(FrameReason::MalformedIp);
        }
        let visible = payload_length.min(rest.len());
        Ok(Self { header, payload: &mut rest[..visible], payload_length })
    }

    /// The number of the protocol or extension header that follows.
    #[inline]
    pub fn next_header(&self) -> u8 {
        self.header[NEXT_HEADER]
    }

    /// How many hops it may take yet.
    #[inline]
    pub fn hop_limit(&self) -> u8 {
        self.header[HOP_LIMIT]
    }

    /// From whom it is.
    #[inline]
    pub fn source(&self) -> Ipv6Addr {
        self.address(SOURCE)
    }

    /// To whom it goes.
    #[inline]
    pub fn destination(&self) -> Ipv6Addr {
        self.address(DESTINATION)
    }

    /// What the window shows of the payload, extension headers included.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// What it carries without extension headers.
    ///
    /// # Errors
    /// [`FrameReason::MalformedL4`] for a header that does not fit the payload;
    /// [`FrameReason::UnsupportedProtocol`] for other than TCP and UDP.
    #[inline]
    pub fn transport(&mut self) -> Result<Transport<'_>, FrameReason> {
        let protocol = self.next_header();
        if protocol == crate::packet_sets::ICMP {
            return Err(FrameReason::UnsupportedProtocol);
        }
        let payload = Payload { visible: self.payload, length: self.payload_length };
        Transport::new_checked(protocol, payload)
    }

    /// Takes a hop off the limit.
    ///
    /// # Errors
    /// [`FrameReason::TtlExpired`] if there is none to take: below 2.
    #[inline]
    pub fn decrement_hop_limit(&mut self) -> Result<(), FrameReason> {
        if self.hop_limit() < 2 {
            return Err(FrameReason::TtlExpired);
        }
        self.header[HOP_LIMIT] -= 1;
        Ok(())
    }

    /// Sets from whom it is, in the checksums of TCP and UDP as well.
    #[inline]
    pub fn set_source(&mut self, address: Ipv6Addr) {
        self.set_address(SOURCE, address);
    }

    /// Sets to whom it goes, in the checksums of TCP and UDP as well.
    #[inline]
    pub fn set_destination(&mut self, address: Ipv6Addr) {
        self.set_address(DESTINATION, address);
    }

    #[inline]
    fn address(&self, at: usize) -> Ipv6Addr {
        let mut octets = [0; 16];
        octets.copy_from_slice(&self.header[at..at + 16]);
        Ipv6Addr::from(octets)
    }

    #[inline]
    fn set_address(&mut self, at: usize, address: Ipv6Addr) {
        let old = self.address(at).octets();
        let new = address.octets();
        self.header[at..at + 16].copy_from_slice(&address.octets());
        let update = |sum| {
            let places = (0..old.len()).step_by(2);
            places
                .fold(sum, |sum, at| checksum::update(sum, raw_word(&old, at), raw_word(&new, at)))
        };
        super::transport::update_checksum(self.next_header(), self.payload, update);
    }
}
