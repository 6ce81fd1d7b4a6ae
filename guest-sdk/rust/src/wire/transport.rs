//! What IP carries.

use super::{Icmp, Tcp, Udp, checksum, raw_word, set_raw_word, tcp, udp};
use crate::packet_sets::{ICMP, TCP, UDP};
use crate::reasons::FrameReason;

/// The payload of an IP packet: what is visible of it, and its length by the IP header.
pub(crate) struct Payload<'a> {
    pub(crate) visible: &'a mut [u8],
    pub(crate) length: usize,
}

impl<'a> Payload<'a> {
    /// Splits off a fixed header.
    ///
    /// # Errors
    /// [`FrameReason::MalformedL4`] if the payload is shorter; [`FrameReason::Truncated`] if the
    /// window hides part of it.
    #[inline]
    pub(crate) fn split<const N: usize>(
        self,
    ) -> Result<(&'a mut [u8; N], &'a mut [u8]), FrameReason> {
        if self.length < N {
            return Err(FrameReason::MalformedL4);
        }
        self.visible.split_first_chunk_mut().ok_or(FrameReason::Truncated)
    }
}

/// A TCP segment, a UDP datagram or an ICMP message.
pub enum Transport<'a> {
    /// TCP.
    Tcp(Tcp<'a>),
    /// UDP.
    Udp(Udp<'a>),
    /// ICMP.
    Icmp(Icmp<'a>),
}

impl<'a> Transport<'a> {
    #[inline]
    pub(crate) fn new_checked(protocol: u8, payload: Payload<'a>) -> Result<Self, FrameReason> {
        match protocol {
            TCP => Tcp::new_checked(payload).map(Self::Tcp),
            UDP => Udp::new_checked(payload).map(Self::Udp),
            ICMP => Icmp::new_checked(payload).map(Self::Icmp),
            _ => Err(FrameReason::UnsupportedProtocol),
        }
    }

    /// The sender's port; of an echo request its identifier, which the sender has chosen; `None`
    /// for other messages of ICMP.
    #[inline]
    pub fn source_port(&self) -> Option<u16> {
        match self {
            Self::Tcp(tcp) => Some(tcp.source_port()),
            Self::Udp(udp) => Some(udp.source_port()),
            Self::Icmp(icmp) if icmp.message_type() == Icmp::ECHO_REQUEST => {
                Some(icmp.identifier())
            }
            Self::Icmp(_) => None,
        }
    }

    /// The receiver's port; of an echo reply its identifier, which the receiver had chosen;
    /// `None` for other messages of ICMP.
    #[inline]
    pub fn destination_port(&self) -> Option<u16> {
        match self {
            Self::Tcp(tcp) => Some(tcp.destination_port()),
            Self::Udp(udp) => Some(udp.destination_port()),
            Self::Icmp(icmp) if icmp.message_type() == Icmp::ECHO_REPLY => Some(icmp.identifier()),
            Self::Icmp(_) => None,
        }
    }

    /// Sets what [`Self::source_port`] gives; nothing if that is nothing.
    #[inline]
    pub fn set_source_port(&mut self, port: u16) {
        match self {
            Self::Tcp(tcp) => tcp.set_source_port(port),
            Self::Udp(udp) => udp.set_source_port(port),
            Self::Icmp(icmp) if icmp.message_type() == Icmp::ECHO_REQUEST => {
                icmp.set_identifier(port);
            }
            Self::Icmp(_) => {}
        }
    }

    /// Sets what [`Self::destination_port`] gives; nothing if that is nothing.
    #[inline]
    pub fn set_destination_port(&mut self, port: u16) {
        match self {
            Self::Tcp(tcp) => tcp.set_destination_port(port),
            Self::Udp(udp) => udp.set_destination_port(port),
            Self::Icmp(icmp) if icmp.message_type() == Icmp::ECHO_REPLY => {
                icmp.set_identifier(port);
            }
            Self::Icmp(_) => {}
        }
    }
}

/// Updates the checksum of TCP or UDP for a change of the pseudo-header, if it is visible. It is
/// given as it lies, see [`raw_word`].
#[inline]
pub(crate) fn update_checksum(protocol: u8, payload: &mut [u8], update: impl Fn(u16) -> u16) {
    match protocol {
        TCP if payload.len() >= tcp::HEADER => {
            let sum = update(raw_word(payload, tcp::CHECKSUM));
            set_raw_word(payload, tcp::CHECKSUM, sum);
        }
        UDP if payload.len() >= udp::HEADER => {
            let before = raw_word(payload, udp::CHECKSUM);
            set_raw_word(payload, udp::CHECKSUM, checksum::of_udp(before, update(before)));
        }
        _ => {}
    }
}
