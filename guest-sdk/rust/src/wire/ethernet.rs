//! Ethernet II, and the tag of IEEE 802.1Q.

use super::{Ipv4, Ipv6, MacAddress, set_word, word};
use crate::reasons::FrameReason;

const HEADER: usize = 14;
const DESTINATION: usize = 0;
const SOURCE: usize = 6;
const TYPE: usize = 12;

/// What an Ethernet frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// A tag of IEEE 802.1Q, with the inner type behind it.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// For experiments within one network (IEEE 802).
    pub const EXPERIMENTAL: Self = Self(0x88b5);
}

/// An Ethernet frame.
pub struct Ethernet<'a> {
    header: &'a mut [u8; HEADER],
    payload: &'a mut [u8],
    payload_on_wire: usize,
}

impl<'a> Ethernet<'a> {
    /// The frame in `bytes`, which has `wire_length` bytes on the wire.
    ///
    /// # Errors
    /// [`FrameReason::Truncated`] for fewer than 14 bytes.
    #[inline]
    pub fn new_checked(bytes: &'a mut [u8], wire_length: usize) -> Result<Self, FrameReason> {
        let (header, payload) =
            bytes.split_first_chunk_mut::<HEADER>().ok_or(FrameReason::Truncated)?;
        let payload_on_wire = wire_length.saturating_sub(HEADER);
        Ok(Self { header, payload, payload_on_wire })
    }

    /// To whom it goes.
    #[inline]
    pub fn destination(&self) -> MacAddress {
        self.address(DESTINATION)
    }

    /// From whom it is.
    #[inline]
    pub fn source(&self) -> MacAddress {
        self.address(SOURCE)
    }

    /// What it carries; of a tagged frame [`EtherType::VLAN`].
    #[inline]
    pub fn ether_type(&self) -> EtherType {
        EtherType(word(self.header, TYPE))
    }

    /// What follows the header, padding included.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// What follows the header, to be changed in place.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        self.payload
    }

    /// The tag, if it has one.
    #[inline]
    pub fn vlan(&mut self) -> Option<Vlan<'_>> {
        if self.ether_type() != EtherType::VLAN {
            return None;
        }
        let (tag, payload) = self.payload.split_first_chunk_mut()?;
        Some(Vlan { tag, payload })
    }

    /// The IPv4 packet that it carries untagged.
    ///
    /// # Errors
    /// [`FrameReason::NotIpv4`], or as [`Ipv4::new_checked`].
    #[inline]
    pub fn into_ipv4(self) -> Result<Ipv4<'a>, FrameReason> {
        if self.ether_type() != EtherType::IPV4 {
            return Err(FrameReason::NotIpv4);
        }
        Ipv4::new_checked(self.payload, self.payload_on_wire)
    }

    /// The IPv6 packet that it carries untagged.
    ///
    /// # Errors
    /// [`FrameReason::NotIpv4`] for another type, or as [`Ipv6::new_checked`].
    #[inline]
    pub fn into_ipv6(self) -> Result<Ipv6<'a>, FrameReason> {
        if self.ether_type() != EtherType::IPV6 {
            return Err(FrameReason::NotIpv4);
        }
        Ipv6::new_checked(self.payload, self.payload_on_wire)
    }

    /// Sets to whom it goes.
    #[inline]
    pub fn set_destination(&mut self, address: MacAddress) {
        self.header[DESTINATION..DESTINATION + 6].copy_from_slice(&address.octets());
    }

    /// Sets from whom it is.
    #[inline]
    pub fn set_source(&mut self, address: MacAddress) {
        self.header[SOURCE..SOURCE + 6].copy_from_slice(&address.octets());
    }

    /// Sets what it carries.
    #[inline]
    pub fn set_ether_type(&mut self, ether_type: EtherType) {
        set_word(self.header, TYPE, ether_type.0);
    }

    #[inline]
    fn address(&self, at: usize) -> MacAddress {
        let mut octets = [0; 6];
        octets.copy_from_slice(&self.header[at..at + 6]);
        MacAddress::new(octets)
    }
}

/// The tag of IEEE 802.1Q and what it carries.
pub struct Vlan<'a> {
    tag: &'a mut [u8; 4],
    payload: &'a mut [u8],
}

impl Vlan<'_> {
    /// The number of the VLAN, 12 bits.
    #[inline]
    pub fn id(&self) -> u16 {
        word(self.tag, 0) & 0x0fff
    }

    /// The priority, 0 to 7.
    #[inline]
    pub fn priority(&self) -> u8 {
        self.tag[0] >> 5
    }

    /// What the tagged frame carries.
    #[inline]
    pub fn ether_type(&self) -> EtherType {
        EtherType(word(self.tag, 2))
    }

    /// What follows the tag.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// Sets the number of the VLAN; its lower 12 bits count.
    #[inline]
    pub fn set_id(&mut self, id: u16) {
        let kept = word(self.tag, 0) & 0xf000;
        set_word(self.tag, 0, kept | id & 0x0fff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGGED: [u8; 18] =
        [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0x60, 0x2a, 0x08, 0x00];

    #[test]
    fn fields_are_where_the_standard_puts_them() {
        let mut frame = TAGGED;
        let mut ethernet = Ethernet::new_checked(&mut frame, 18).unwrap();
        assert_eq!(ethernet.destination().to_string(), "02:00:00:00:00:01");
        assert_eq!(ethernet.source().to_string(), "02:00:00:00:00:02");
        let mut vlan = ethernet.vlan().unwrap();
        assert_eq!((vlan.id(), vlan.priority()), (42, 3));
        assert_eq!(vlan.ether_type(), EtherType::IPV4);
        vlan.set_id(0xfff);
        assert_eq!(frame[14..16], [0x6f, 0xff]);
    }

    #[test]
    fn a_tagged_frame_is_not_ipv4() {
        let mut frame = TAGGED;
        let ethernet = Ethernet::new_checked(&mut frame, 18).unwrap();
        assert_eq!(ethernet.into_ipv4().err(), Some(FrameReason::NotIpv4));
    }

    #[test]
    fn thirteen_bytes_are_truncated() {
        assert_eq!(Ethernet::new_checked(&mut [0; 13], 13).err(), Some(FrameReason::Truncated));
    }
}
