//! The packet of an event: its frame, and where it came from.

use crate::answers::Answer;
use crate::contract::Event;
use crate::function::NetworkFunction;
use crate::reasons::FrameReason;
use crate::verdict::Verdict;
use crate::wire::{Ethernet, Ipv4, Ipv6};

/// A frame with its ingress port.
///
/// The header views check once that their header is there and whole, and give the reason to drop
/// the packet if not; after that nothing they do can fail.
pub struct Packet<'a> {
    /// The frame with its headroom before it.
    room: &'a mut [u8],
    /// Where the frame begins in `room`.
    start: usize,
    /// Where `room` begins in the frames of the burst.
    base: u32,
    wire_length: u32,
    /// A word, though a port has 16 bits: compilers load the whole word, which a processor cannot
    /// forward from a store of its half.
    port: u32,
}

/// A frame cannot grow beyond [`NetworkFunction::HEADROOM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHeadroom;

impl<'a> Packet<'a> {
    /// A packet of its own, with `headroom` bytes before its frame: for tests.
    pub fn new(port: u16, room: &'a mut [u8], headroom: usize) -> Self {
        let wire_length = (room.len() - headroom) as u32;
        Self { room, start: headroom, base: 0, wire_length, port: port.into() }
    }

    #[inline]
    pub(crate) fn of_event<N: NetworkFunction>(event: &Event, frames: &'a mut [u8]) -> Self {
        let base = event.frame_offset - N::HEADROOM;
        let end = event.frame_offset as usize + event.frame_length as usize;
        Self {
            room: &mut frames[base as usize..end],
            start: N::HEADROOM as usize,
            base,
            wire_length: event.wire_length,
            port: event.port.into(),
        }
    }

    #[inline]
    pub(crate) fn answer(&self, verdict: Verdict) -> Answer {
        verdict.at(self.base + self.start as u32, (self.room.len() - self.start) as u32)
    }

    /// The port it came from.
    #[inline]
    pub fn port(&self) -> u16 {
        self.port as u16
    }

    /// Bytes of the whole frame on the wire, without the frame check sequence.
    #[inline]
    pub fn wire_length(&self) -> u32 {
        self.wire_length
    }

    /// The frame: all of it, or its window.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.room[self.start..]
    }

    /// The frame, to be changed in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.room[self.start..]
    }

    /// Puts `count` bytes before the frame, of arbitrary content, and answers them.
    ///
    /// # Errors
    /// [`NoHeadroom`] if the frame would grow beyond the headroom; it is then as it was.
    #[inline]
    pub fn grow_front(&mut self, count: usize) -> Result<&mut [u8], NoHeadroom> {
        self.start = self.start.checked_sub(count).ok_or(NoHeadroom)?;
        self.wire_length += count as u32;
        Ok(&mut self.room[self.start..self.start + count])
    }

    /// Takes `count` bytes off the front of the frame.
    ///
    /// # Errors
    /// [`FrameReason::Truncated`] if it has fewer; it is then as it was.
    #[inline]
    pub fn shrink_front(&mut self, count: usize) -> Result<(), FrameReason> {
        if count > self.room.len() - self.start {
            return Err(FrameReason::Truncated);
        }
        self.start += count;
        self.wire_length -= count as u32;
        Ok(())
    }

    /// Its Ethernet header.
    ///
    /// # Errors
    /// [`FrameReason::Truncated`] if the frame is shorter.
    #[inline]
    pub fn ethernet(&mut self) -> Result<Ethernet<'_>, FrameReason> {
        let wire_length = self.wire_length as usize;
        Ethernet::new_checked(self.bytes_mut(), wire_length)
    }

    /// Its IPv4 header, if it is untagged IPv4.
    ///
    /// # Errors
    /// [`FrameReason::Truncated`], [`FrameReason::NotIpv4`], [`FrameReason::MalformedIp`]: the
    /// first that holds.
    #[inline]
    pub fn ipv4(&mut self) -> Result<Ipv4<'_>, FrameReason> {
        self.ethernet()?.into_ipv4()
    }

    /// Its IPv6 header, if it is untagged IPv6.
    ///
    /// # Errors
    /// As [`Self::ipv4`].
    #[inline]
    pub fn ipv6(&mut self) -> Result<Ipv6<'_>, FrameReason> {
        self.ethernet()?.into_ipv6()
    }
}
