//! TCP (RFC 9293), as far as the ports and the lengths.

use super::{be16, checksum};

/// Bytes of the header without options.
pub const HEADER: usize = 20;

/// The flag ACK.
pub const ACK: u8 = 0x10;

/// A TCP header.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER],
}

impl<'a> View<'a> {
    /// The view of an IP payload, if the header is in order (frame rule F5): 20 bytes, and a data
    /// offset of at least five words that lies within the payload.
    #[inline]
    pub fn new_checked(ip_payload: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = ip_payload.first_chunk()?;
        let offset = usize::from(header[12] >> 4) * 4;
        (offset >= HEADER && offset <= ip_payload.len()).then_some(Self { header })
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

    /// The eight flags from CWR to FIN.
    #[inline]
    pub fn flags(&self) -> u8 {
        self.header[13]
    }
}

/// The fields of a TCP header without options; window 65,535, no urgent data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// The eight flags from CWR to FIN.
    pub flags: u8,
}

impl Repr {
    /// Writes the header, checksum included, of a segment with this payload.
    pub fn emit(&self, header: &mut [u8; HEADER], pseudo_header: &[u8; 12], payload: &[u8]) {
        *header = [0; HEADER];
        header[..2].copy_from_slice(&self.source_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        header[4..8].copy_from_slice(&self.sequence.to_be_bytes());
        header[8..12].copy_from_slice(&self.acknowledgement.to_be_bytes());
        header[12] = 0x50;
        header[13] = self.flags;
        header[14..16].copy_from_slice(&[0xff, 0xff]);
        let sum = checksum(&[pseudo_header, header.as_slice(), payload]);
        header[16..18].copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 24] = [
        0x12, 0x34, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x10, 0xff, 0xff, 0, 0, 0, 0, 1, 1,
        1, 1,
    ];

    #[test]
    fn fields_of_a_literal_header() {
        let view = View::new_checked(&BYTES).unwrap();
        assert_eq!((view.source_port(), view.destination_port()), (0x1234, 80));
        assert_eq!(view.flags(), ACK);
    }

    #[test]
    fn a_data_offset_outside_the_segment_is_no_header() {
        for length in 0..24 {
            assert!(View::new_checked(&BYTES[..length]).is_none(), "{length}");
        }
        let mut bytes = BYTES;
        bytes[12] = 0x40;
        assert!(View::new_checked(&bytes).is_none());
        bytes[12] = 0x50;
        assert!(View::new_checked(&bytes[..20]).is_some());
    }

    #[test]
    fn emitting_gives_the_literal_bytes_and_a_right_checksum() {
        let repr = Repr {
            source_port: 0x1234,
            destination_port: 80,
            sequence: 1,
            acknowledgement: 2,
            flags: ACK,
        };
        let pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, 21];
        let mut header = [0; HEADER];
        repr.emit(&mut header, &pseudo, &[7]);
        assert_eq!(header[..12], BYTES[..12]);
        assert_eq!(header[12..16], [0x50, 0x10, 0xff, 0xff]);
        assert_eq!(checksum(&[&pseudo, &header, &[7]]), 0);
    }
}
