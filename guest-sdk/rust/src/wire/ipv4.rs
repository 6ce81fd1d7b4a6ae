//! IPv4, RFC 791.

use std::net::Ipv4Addr;

use super::transport::{Payload, Transport};
use super::{Icmp, Tcp, Udp, checksum, raw_word, set_raw_word, word};
use crate::reasons::FrameReason;

const HEADER: usize = 20;
const VERSION_IHL: usize = 0;
const DSCP_ECN: usize = 1;
const TOTAL_LENGTH: usize = 2;
const FRAGMENT: usize = 6;
const TTL: usize = 8;
const PROTOCOL: usize = 9;
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// An IPv4 packet whose lengths are in order.
pub struct Ipv4<'a> {
    header: &'a mut [u8; HEADER],
    options: &'a mut [u8],
    /// What is visible of the payload, without the padding behind the total length.
    payload: &'a mut [u8],
    payload_length: usize,
}

impl<'a> Ipv4<'a> {
    /// The packet in `bytes`, behind which the wire had more, up to `wire_length` in all.
    ///
    /// # Errors
    /// [`FrameReason::MalformedIp`] unless the version is 4, the header at least 20 bytes long,
    /// and header ≤ total length ≤ `wire_length`; [`FrameReason::Truncated`] if the header is not
    /// all in `bytes`, because the window is too small for it.
    #[inline]
    pub fn new_checked(bytes: &'a mut [u8], wire_length: usize) -> Result<Self, FrameReason> {
        let missing = match wire_length > bytes.len() {
            true => FrameReason::Truncated,
            false => FrameReason::MalformedIp,
        };
        let (header, rest) = bytes.split_first_chunk_mut::<HEADER>().ok_or(missing)?;
        let header_length = usize::from(header[VERSION_IHL] & 0x0f) * 4;
        let total_length = usize::from(word(header, TOTAL_LENGTH));
        let in_order = header[VERSION_IHL] >> 4 == 4
            && header_length >= HEADER
            && header_length <= total_length
            && total_length <= wire_length;
        if !in_order {
            return Err(FrameReason::MalformedIp);
        }
        let options_length = header_length - HEADER;
        let payload_length = total_length - header_length;
        let (options, rest) =
            rest.split_at_mut_checked(options_length).ok_or(FrameReason::Truncated)?;
        let visible = payload_length.min(rest.len());
        Ok(Self { header, options, payload: &mut rest[..visible], payload_length })
    }

    /// The differentiated services code point, 6 bits.
    #[inline]
    pub fn dscp(&self) -> u8 {
        self.header[DSCP_ECN] >> 2
    }

    /// Bytes of header and payload.
    #[inline]
    pub fn total_length(&self) -> u16 {
        word(self.header, TOTAL_LENGTH)
    }

    /// Whether it is a fragment, the first included.
    #[inline]
    pub fn is_fragment(&self) -> bool {
        word(self.header, FRAGMENT) & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0
    }

    /// Time to live, in hops.
    #[inline]
    pub fn ttl(&self) -> u8 {
        self.header[TTL]
    }

    /// The number of the protocol that it carries.
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.header[PROTOCOL]
    }

    /// The checksum of the header.
    #[inline]
    pub fn checksum(&self) -> u16 {
        word(self.header, CHECKSUM)
    }

    /// From whom it is.
    #[inline]
    pub fn source(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address(SOURCE))
    }

    /// To whom it goes.
    #[inline]
    pub fn destination(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address(DESTINATION))
    }

    /// The options in the header.
    #[inline]
    pub fn options(&self) -> &[u8] {
        self.options
    }

    /// What the window shows of the payload.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// What it carries.
    ///
    /// # Errors
    /// [`FrameReason::Fragment`]; [`FrameReason::MalformedL4`] for a header that does not fit the
    /// payload; [`FrameReason::UnsupportedProtocol`] for other than TCP, UDP and ICMP.
    #[inline]
    pub fn transport(&mut self) -> Result<Transport<'_>, FrameReason> {
        Transport::new_checked(self.protocol(), self.whole()?)
    }

    /// Source and destination address, source and destination port and protocol in network order:
    /// what network functions of every language take the hash of a conversation over.
    ///
    /// # Errors
    /// As [`Self::transport`]; [`FrameReason::UnsupportedProtocol`] for what has no two ports.
    #[inline]
    pub fn five_tuple(&mut self) -> Result<[u8; 13], FrameReason> {
        let mut tuple = [0; 13];
        tuple[..4].copy_from_slice(&self.source().octets());
        tuple[4..8].copy_from_slice(&self.destination().octets());
        tuple[12] = self.protocol();
        let transport = self.transport()?;
        let (Some(source), Some(destination)) =
            (transport.source_port(), transport.destination_port())
        else {
            return Err(FrameReason::UnsupportedProtocol);
        };
        tuple[8..10].copy_from_slice(&source.to_be_bytes());
        tuple[10..12].copy_from_slice(&destination.to_be_bytes());
        Ok(tuple)
    }

    /// The TCP segment that it carries.
    ///
    /// # Errors
    /// As [`Self::transport`]; [`FrameReason::UnsupportedProtocol`] if it carries something else.
    #[inline]
    pub fn tcp(&mut self) -> Result<Tcp<'_>, FrameReason> {
        Tcp::new_checked(self.whole_of(crate::packet_sets::TCP)?)
    }

    /// The UDP datagram that it carries.
    ///
    /// # Errors
    /// As [`Self::tcp`].
    #[inline]
    pub fn udp(&mut self) -> Result<Udp<'_>, FrameReason> {
        Udp::new_checked(self.whole_of(crate::packet_sets::UDP)?)
    }

    /// The ICMP message that it carries.
    ///
    /// # Errors
    /// As [`Self::tcp`].
    #[inline]
    pub fn icmp(&mut self) -> Result<Icmp<'_>, FrameReason> {
        Icmp::new_checked(self.whole_of(crate::packet_sets::ICMP)?)
    }

    /// Takes a hop off the time to live.
    ///
    /// # Errors
    /// [`FrameReason::TtlExpired`] if there is none to take: below 2 (RFC 1812 §5.3.1).
    #[inline]
    pub fn decrement_ttl(&mut self) -> Result<(), FrameReason> {
        let ttl = self.hops()?;
        self.set_header_word(TTL, [ttl - 1, self.protocol()]);
        Ok(())
    }

    /// The time to live, if the packet may be forwarded.
    ///
    /// # Errors
    /// As [`Self::decrement_ttl`].
    #[inline]
    pub fn hops(&self) -> Result<u8, FrameReason> {
        match self.ttl() {
            0 | 1 => Err(FrameReason::TtlExpired),
            ttl => Ok(ttl),
        }
    }

    /// Sets the differentiated services code point; ECN stays.
    #[inline]
    pub fn set_dscp(&mut self, dscp: u8) {
        let ecn = self.header[DSCP_ECN] & 0x03;
        self.set_header_word(0, [self.header[VERSION_IHL], dscp << 2 | ecn]);
    }

    /// Sets from whom it is, in the checksums of TCP and UDP as well.
    #[inline]
    pub fn set_source(&mut self, address: Ipv4Addr) {
        self.set_address(SOURCE, address);
    }

    /// Sets to whom it goes, in the checksums of TCP and UDP as well.
    #[inline]
    pub fn set_destination(&mut self, address: Ipv4Addr) {
        self.set_address(DESTINATION, address);
    }

    #[inline]
    fn address(&self, at: usize) -> u32 {
        let header = &self.header[at..at + 4];
        u32::from_be_bytes([header[0], header[1], header[2], header[3]])
    }

    #[inline]
    fn whole(&mut self) -> Result<Payload<'_>, FrameReason> {
        match self.is_fragment() {
            true => Err(FrameReason::Fragment),
            false => Ok(Payload { visible: self.payload, length: self.payload_length }),
        }
    }

    #[inline]
    fn whole_of(&mut self, protocol: u8) -> Result<Payload<'_>, FrameReason> {
        let other = self.protocol() != protocol;
        let payload = self.whole()?;
        match other {
            true => Err(FrameReason::UnsupportedProtocol),
            false => Ok(payload),
        }
    }

    #[inline]
    fn set_header_word(&mut self, at: usize, octets: [u8; 2]) {
        let (before, new) = (raw_word(self.header, CHECKSUM), u16::from_ne_bytes(octets));
        let sum = checksum::update(before, raw_word(self.header, at), new);
        set_raw_word(self.header, at, new);
        set_raw_word(self.header, CHECKSUM, sum);
    }

    #[inline]
    fn set_address(&mut self, at: usize, address: Ipv4Addr) {
        let octets = self.address(at).to_be_bytes();
        let [old, new] = [octets, address.octets()].map(u32::from_ne_bytes);
        self.header[at..at + 4].copy_from_slice(&address.octets());
        let sum = checksum::update_pair(raw_word(self.header, CHECKSUM), old, new);
        set_raw_word(self.header, CHECKSUM, sum);
        // The transport header is in the first fragment only.
        if word(self.header, FRAGMENT) & FRAGMENT_OFFSET == 0 {
            let update = |sum| checksum::update_pair(sum, old, new);
            super::transport::update_checksum(self.protocol(), self.payload, update);
        }
    }
}
