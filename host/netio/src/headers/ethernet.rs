//! Ethernet II: 14 bytes (IEEE 802.3 §3.2.6, EtherType interpretation).

use super::be16;

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;

/// Bytes of the header.
pub const HEADER: usize = 14;

/// An Ethernet header and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER],
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// The view, if the header is there (frame rule F1).
    #[inline]
    pub fn new_checked(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk()?;
        Some(Self { header, payload })
    }

    /// Destination address.
    #[inline]
    pub fn destination(&self) -> [u8; 6] {
        let [a, b, c, d, e, f, ..] = *self.header;
        [a, b, c, d, e, f]
    }

    /// Source address.
    #[inline]
    pub fn source(&self) -> [u8; 6] {
        let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = *self.header;
        [a, b, c, d, e, f]
    }

    /// EtherType, or the length of an 802.3 frame.
    #[inline]
    pub fn ether_type(&self) -> u16 {
        be16(self.header, 12)
    }

    /// What follows the header, padding included.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The fields of an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Destination address.
    pub destination: [u8; 6],
    /// Source address.
    pub source: [u8; 6],
    /// EtherType.
    pub ether_type: u16,
}

impl Repr {
    /// Writes the header.
    pub fn emit(&self, header: &mut [u8; HEADER]) {
        header[..6].copy_from_slice(&self.destination);
        header[6..12].copy_from_slice(&self.source);
        header[12..].copy_from_slice(&self.ether_type.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 16] = [
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x08, 0x00, 0xaa,
        0xbb,
    ];

    #[test]
    fn fields_of_a_literal_header() {
        let view = View::new_checked(&BYTES).unwrap();
        assert_eq!(view.destination(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(view.source(), [0x11, 0x12, 0x13, 0x14, 0x15, 0x16]);
        assert_eq!(view.ether_type(), IPV4);
        assert_eq!(view.payload(), [0xaa, 0xbb]);
    }

    #[test]
    fn thirteen_bytes_are_no_header() {
        assert!(View::new_checked(&BYTES[..13]).is_none());
        assert!(View::new_checked(&BYTES[..14]).unwrap().payload().is_empty());
    }

    #[test]
    fn emitting_gives_the_literal_bytes() {
        let view = View::new_checked(&BYTES).unwrap();
        let repr = Repr {
            destination: view.destination(),
            source: view.source(),
            ether_type: view.ether_type(),
        };
        let mut header = [0; HEADER];
        repr.emit(&mut header);
        assert_eq!(header, BYTES[..14]);
    }
}
