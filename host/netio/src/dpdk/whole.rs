//! Packets that a frame can be: in one buffer that nobody else refers to.

use super::packet::Packet;
use crate::frame::{TooLong, copy_short};
use std::slice;

/// How the buffers of this process hold their bytes, as the flags of a packet say.
const PLACES: u64 = dpdk_sys::NFOS_RTE_MBUF_F_EXTERNAL | dpdk_sys::NFOS_RTE_MBUF_F_INDIRECT;

/// A packet whose bytes lie in one buffer, which is its own: what is written there, before its
/// first byte too, is seen by nobody else.
#[derive(Debug)]
pub(crate) struct Whole(Packet);

impl Whole {
    /// A packet as this, if it is one: in one buffer, which holds its bytes where the buffers of
    /// our pools do (`outside`: in memory that DPDK has not made) and has the length it says.
    /// Drivers may receive into memory of theirs, or into one piece for many packets.
    #[inline]
    pub(super) fn new(packet: Packet, outside: bool) -> Result<Self, Packet> {
        let header = packet.header();
        let places = if outside { dpdk_sys::NFOS_RTE_MBUF_F_EXTERNAL } else { 0 };
        let end = usize::from(header.data_off) + usize::from(header.data_len);
        // One branch for all: they are hardly ever false.
        let is_whole = (header.nb_segs == 1)
            & (header.refcnt == 1)
            & (header.ol_flags & PLACES == places)
            & (end <= usize::from(header.buf_len));
        if is_whole { Ok(Self(packet)) } else { Err(packet) }
    }

    /// The packet, as a driver is to send it: what was noted of it when it was received is gone.
    #[inline]
    pub(super) fn into_packet(mut self) -> Packet {
        self.0.header_mut().ol_flags &= PLACES;
        self.0
    }

    /// Its bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let header = self.0.header();
        // SAFETY: the buffer has `buf_len` bytes from `buf_addr`, all made at start-up, and the
        // part lies within, as `new` checked and `resize_front` keeps. It is not written while
        // `self` is borrowed, since nobody else refers to it.
        unsafe {
            let start = header.buf_addr.cast::<u8>().add(header.data_off.into());
            slice::from_raw_parts(start, header.data_len.into())
        }
    }

    /// The same, to change in place.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let header = self.0.header_mut();
        // SAFETY: as in `bytes`, and `&mut self` is the only way to it.
        unsafe {
            let start = header.buf_addr.cast::<u8>().add(header.data_off.into());
            slice::from_raw_parts_mut(start, header.data_len.into())
        }
    }

    /// How many bytes it can grow by at its front.
    #[inline]
    pub(crate) fn headroom(&self) -> usize {
        self.0.header().data_off.into()
    }

    /// Replaces its first `old_length` bytes, of which it has as many, by `new`; the bytes behind
    /// them stay in place.
    ///
    /// # Errors
    /// [`TooLong`] if the front would grow beyond the headroom; it is as it was then.
    pub(crate) fn resize_front(&mut self, old_length: usize, new: &[u8]) -> Result<(), TooLong> {
        let header = self.0.header_mut();
        let behind = usize::from(header.data_off) + old_length.min(header.data_len.into());
        let end = header.data_off + header.data_len;
        let Some(start) = behind.checked_sub(new.len()) else {
            return Err(TooLong { bytes: new.len(), room: behind });
        };
        // Both below the end, which has 16 bits.
        header.data_off = start as u16;
        header.data_len = end - header.data_off;
        header.pkt_len = header.data_len.into();
        copy_short(&mut self.bytes_mut()[..new.len()], new);
        Ok(())
    }
}
