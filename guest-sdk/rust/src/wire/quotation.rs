//! The packet that an ICMP error quotes: its IPv4 header and the first bytes behind it, RFC 792.

use std::net::Ipv4Addr;

use super::{Icmp, checksum, icmp, set_word, tcp, udp, word};
use crate::packet_sets::{ICMP, TCP, UDP};
use crate::reasons::FrameReason;

const HEADER: usize = 20;
const VERSION_IHL: usize = 0;
const FRAGMENT: usize = 6;
const PROTOCOL: usize = 9;
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

const SOURCE_PORT: usize = 0;
const DESTINATION_PORT: usize = 2;

/// What every error quotes of a transport header at least.
const TRANSPORT: usize = 8;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// A quoted packet, within the message that quotes it.
///
/// Setters keep the checksums of the quoted packet as right as they were, as far as they are
/// quoted, and so that of the message around it.
pub struct Quotation<'a> {
    message: &'a mut [u8; icmp::HEADER],
    header: &'a mut [u8; HEADER],
    transport: &'a mut [u8],
}

impl<'a> Quotation<'a> {
    /// The quotation in the `payload` of a message, behind which the wire had more if `cut`.
    ///
    /// # Errors
    /// [`FrameReason::MalformedL4`] unless it has a whole IPv4 header and 8 bytes behind it;
    /// [`FrameReason::Truncated`] if the window hides some of them.
    #[inline]
    pub(super) fn new_checked(
        message: &'a mut [u8; icmp::HEADER],
        payload: &'a mut [u8],
        cut: bool,
    ) -> Result<Self, FrameReason> {
        let missing = if cut { FrameReason::Truncated } else { FrameReason::MalformedL4 };
        let (header, rest) = payload.split_first_chunk_mut::<HEADER>().ok_or(missing)?;
        let header_length = usize::from(header[VERSION_IHL] & 0x0f) * 4;
        if header[VERSION_IHL] >> 4 != 4 || header_length < HEADER {
            return Err(FrameReason::MalformedL4);
        }
        let (_, transport) = rest.split_at_mut_checked(header_length - HEADER).ok_or(missing)?;
        match transport.len() < TRANSPORT {
            true => Err(missing),
            false => Ok(Self { message, header, transport }),
        }
    }

    /// The number of the protocol that it carried.
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.header[PROTOCOL]
    }

    /// From whom it was.
    #[inline]
    pub fn source(&self) -> Ipv4Addr {
        self.address(SOURCE)
    }

    /// To whom it went.
    #[inline]
    pub fn destination(&self) -> Ipv4Addr {
        self.address(DESTINATION)
    }

    /// As [`Transport::source_port`](super::Transport::source_port); `None` too for other
    /// protocols and for fragments but the first.
    #[inline]
    pub fn source_port(&self) -> Option<u16> {
        Some(word(self.transport, self.port_at(SOURCE_PORT, Icmp::ECHO_REQUEST)?))
    }

    /// As [`Transport::destination_port`](super::Transport::destination_port), with the same
    /// exceptions.
    #[inline]
    pub fn destination_port(&self) -> Option<u16> {
        Some(word(self.transport, self.port_at(DESTINATION_PORT, Icmp::ECHO_REPLY)?))
    }

    /// Sets from whom it was.
    #[inline]
    pub fn set_source(&mut self, address: Ipv4Addr) {
        self.set_address(SOURCE, address);
    }

    /// Sets to whom it went.
    #[inline]
    pub fn set_destination(&mut self, address: Ipv4Addr) {
        self.set_address(DESTINATION, address);
    }

    /// Sets what [`Self::source_port`] gives; nothing if that is nothing.
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        if let Some(at) = self.port_at(SOURCE_PORT, Icmp::ECHO_REQUEST) {
            self.set_port(at, port);
        }
    }

    /// Sets what [`Self::destination_port`] gives; nothing if that is nothing.
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        if let Some(at) = self.port_at(DESTINATION_PORT, Icmp::ECHO_REPLY) {
            self.set_port(at, port);
        }
    }

    #[inline]
    fn address(&self, at: usize) -> Ipv4Addr {
        let header = &self.header[at..at + 4];
        Ipv4Addr::new(header[0], header[1], header[2], header[3])
    }

    /// Where the port is, of ICMP the identifier if the message is of type `echo`.
    #[inline]
    fn port_at(&self, port: usize, echo: u8) -> Option<usize> {
        if word(self.header, FRAGMENT) & FRAGMENT_OFFSET != 0 {
            return None;
        }
        match self.protocol() {
            TCP | UDP => Some(port),
            ICMP if self.transport[icmp::TYPE] == echo => Some(icmp::IDENTIFIER),
            _ => None,
        }
    }

    fn set_port(&mut self, at: usize, port: u16) {
        let old = word(self.transport, at);
        replace(self.message, self.transport, at, port);
        self.update_transport(|sum| checksum::update(sum, old, port));
    }

    fn set_address(&mut self, at: usize, address: Ipv4Addr) {
        let (old, new) = (self.address(at).to_bits(), address.to_bits());
        replace(self.message, self.header, at, (new >> 16) as u16);
        replace(self.message, self.header, at + 2, new as u16);
        let sum = checksum::update_pair(word(self.header, CHECKSUM), old, new);
        replace(self.message, self.header, CHECKSUM, sum);
        let fragment = word(self.header, FRAGMENT) & FRAGMENT_OFFSET != 0;
        if self.protocol() != ICMP && !fragment {
            self.update_transport(|sum| checksum::update_pair(sum, old, new));
        }
    }

    /// Updates the checksum of the quoted transport header, if it is quoted.
    fn update_transport(&mut self, update: impl Fn(u16) -> u16) {
        let at = match self.protocol() {
            TCP => tcp::CHECKSUM,
            UDP => udp::CHECKSUM,
            ICMP => icmp::CHECKSUM,
            _ => return,
        };
        if self.transport.len() < at + 2 {
            return;
        }
        let before = word(self.transport, at);
        let updated = match self.protocol() {
            UDP => checksum::of_udp(before, update(before)),
            _ => update(before),
        };
        replace(self.message, self.transport, at, updated);
    }
}

/// Sets a word that the checksum of the message covers.
fn replace(message: &mut [u8; icmp::HEADER], bytes: &mut [u8], at: usize, value: u16) {
    let sum = checksum::update(word(message, icmp::CHECKSUM), word(bytes, at), value);
    set_word(bytes, at, value);
    set_word(message, icmp::CHECKSUM, sum);
}
