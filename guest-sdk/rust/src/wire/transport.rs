//! What IP carries.

use super::{Icmp, Tcp, Udp, checksum, set_word, tcp, udp, word};
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
}

/// Updates the checksum of TCP or UDP for a change of the pseudo-header, if it is visible.
#[inline]
pub(crate) fn update_checksum(protocol: u8, payload: &mut [u8], update: impl Fn(u16) -> u16) {
    match protocol {
        TCP if payload.len() >= tcp::HEADER => {
            let sum = update(word(payload, tcp::CHECKSUM));
            set_word(payload, tcp::CHECKSUM, sum);
        }
        UDP if payload.len() >= udp::HEADER => {
            let before = word(payload, udp::CHECKSUM);
            set_word(payload, udp::CHECKSUM, checksum::of_udp(before, update(before)));
        }
        _ => {}
    }
}
