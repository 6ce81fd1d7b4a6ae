//! UDP (RFC 768).

use super::{be16, checksum};

/// Bytes of the header.
pub const HEADER: usize = 8;

/// A UDP header.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER],
}

impl<'a> View<'a> {
    /// The view of an IP payload, if the header is in order (frame rule F5): 8 bytes, and a length
    /// field of at least 8 that lies within the payload.
    #[inline]
    pub fn new_checked(ip_payload: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = ip_payload.first_chunk()?;
        let length = usize::from(be16(header, 4));
        (length >= HEADER && length <= ip_payload.len()).then_some(Self { header })
    }

    /// Source port.
    #[inline]
    pub fn source_port(&self) -> u16 {
        be16(self.header, 0)
    }

    /// Destination port.
    #[inline]
    pub fn destination_port(&self) -> u16 {
        be16(self.header, 2)
    }
}

/// The fields of a UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl Repr {
    /// Writes the header, checksum included, of a datagram with this payload. A computed 0 is sent
    /// as 0xffff, since 0 means that there is none. A payload of more than 65,527 bytes has no
    /// header: its length is cut to that.
    pub fn emit(&self, header: &mut [u8; HEADER], pseudo_header: &[u8; 12], payload: &[u8]) {
        let length = u16::try_from(HEADER + payload.len()).unwrap_or(u16::MAX);
        *header = [0; HEADER];
        header[..2].copy_from_slice(&self.source_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        header[4..6].copy_from_slice(&length.to_be_bytes());
        let sum = match checksum(&[pseudo_header, header.as_slice(), payload]) {
            0 => 0xffff,
            sum => sum,
        };
        header[6..].copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 10] = [0x12, 0x34, 0x00, 0x35, 0x00, 0x0a, 0, 0, 0xaa, 0xbb];

    #[test]
    fn fields_of_a_literal_header() {
        let view = View::new_checked(&BYTES).unwrap();
        assert_eq!((view.source_port(), view.destination_port()), (0x1234, 53));
    }

    #[test]
    fn a_length_outside_the_datagram_is_no_header() {
        for length in 0..10 {
            assert!(View::new_checked(&BYTES[..length]).is_none(), "{length}");
        }
        for (field, in_order) in [(7, false), (8, true), (10, true), (11, false)] {
            let mut bytes = BYTES;
            bytes[5] = field;
            assert_eq!(View::new_checked(&bytes).is_some(), in_order, "{field}");
        }
    }

    #[test]
    fn emitting_gives_the_literal_bytes_and_a_right_checksum() {
        let repr = Repr { source_port: 0x1234, destination_port: 53 };
        let pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 10];
        let mut header = [0; HEADER];
        repr.emit(&mut header, &pseudo, &[0xaa, 0xbb]);
        assert_eq!(header[..6], BYTES[..6]);
        assert_eq!(checksum(&[&pseudo, &header, &[0xaa, 0xbb]]), 0);
    }

    #[test]
    fn a_checksum_of_zero_is_sent_as_ones() {
        let repr = Repr { source_port: 0, destination_port: 0 };
        let mut header = [0; HEADER];
        let pseudo = [0; 12];
        // The length field is 10, so a payload of !10 makes the sum 0xffff and its complement 0.
        repr.emit(&mut header, &pseudo, &(!10u16).to_be_bytes());
        assert_eq!(header[6..], [0xff, 0xff]);
    }
}
