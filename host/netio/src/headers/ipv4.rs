//! IPv4 (RFC 791).

use super::{be16, checksum};

/// Bytes of the header without options.
pub const HEADER: usize = 20;

/// An IPv4 header, its options and its payload.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER],
    header_length: usize,
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// The view, if the header is in order (frame rule F3): version 4, at least five words, and
    /// header length ≤ total length ≤ bytes at hand. Bytes beyond the total length are padding
    /// and are no part of it. Checksum and options are not looked at.
    #[inline]
    pub fn new_checked(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let header_length = usize::from(header[0] & 0x0f) * 4;
        let total_length = usize::from(be16(header, 2));
        if header[0] >> 4 != 4 || header_length < HEADER {
            return None;
        }
        let payload = bytes.get(header_length..total_length)?;
        Some(Self { header, header_length, payload })
    }

    /// Bytes of the header, options included: 20 to 60.
    #[inline]
    pub fn header_length(&self) -> usize {
        self.header_length
    }

    /// Whether the packet is a fragment, first or later (frame rule F4).
    #[inline]
    pub fn is_fragment(&self) -> bool {
        be16(self.header, 6) & 0x3fff != 0
    }

    /// Time to live.
    #[inline]
    pub fn ttl(&self) -> u8 {
        self.header[8]
    }

    /// The protocol of the payload.
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.header[9]
    }

    /// Source address.
    #[inline]
    pub fn source(&self) -> [u8; 4] {
        [self.header[12], self.header[13], self.header[14], self.header[15]]
    }

    /// Destination address.
    #[inline]
    pub fn destination(&self) -> [u8; 4] {
        [self.header[16], self.header[17], self.header[18], self.header[19]]
    }

    /// The payload, without padding.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The fields of an IPv4 header without options, of a packet that is no fragment and may not
/// become one; identification and type of service are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// The protocol of the payload.
    pub protocol: u8,
    /// Time to live.
    pub ttl: u8,
    /// Bytes of the payload.
    pub payload_length: u16,
}

impl Repr {
    /// Writes the header, checksum included. A payload of more than 65,515 bytes has no header:
    /// its length is cut to that.
    pub fn emit(&self, header: &mut [u8; HEADER]) {
        let total_length = self.payload_length.saturating_add(HEADER as u16);
        *header = [0; HEADER];
        header[0] = 0x45;
        header[2..4].copy_from_slice(&total_length.to_be_bytes());
        header[6] = 0x40;
        header[8] = self.ttl;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.source);
        header[16..20].copy_from_slice(&self.destination);
        let sum = checksum(&[header.as_slice()]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }

    /// The pseudo-header that TCP and UDP checksums cover (RFC 9293 §3.1, RFC 768).
    pub fn pseudo_header(&self) -> [u8; 12] {
        let [a, b, c, d] = self.source;
        let [e, f, g, h] = self.destination;
        let [high, low] = self.payload_length.to_be_bytes();
        [a, b, c, d, e, f, g, h, 0, self.protocol, high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 192.0.2.1 → 198.51.100.2, UDP, two bytes of payload; checksum computed by hand.
    const BYTES: [u8; 24] = [
        0x45, 0x00, 0x00, 0x16, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x4e, 0xa0, 192, 0, 2, 1, 198,
        51, 100, 2, 0xaa, 0xbb, 0xee, 0xee,
    ];

    fn with(at: usize, value: u8) -> Option<usize> {
        let mut bytes = BYTES;
        bytes[at] = value;
        View::new_checked(&bytes).map(|view| view.payload().len())
    }

    #[test]
    fn fields_of_a_literal_header_without_its_padding() {
        let view = View::new_checked(&BYTES).unwrap();
        assert_eq!((view.header_length(), view.ttl(), view.protocol()), (20, 64, 17));
        assert_eq!(view.source(), [192, 0, 2, 1]);
        assert_eq!(view.destination(), [198, 51, 100, 2]);
        assert_eq!(view.payload(), [0xaa, 0xbb]);
        assert!(!view.is_fragment());
    }

    #[test]
    fn options_move_the_payload() {
        let mut bytes = BYTES;
        bytes[0] = 0x46;
        bytes[3] = 24;
        let view = View::new_checked(&bytes).unwrap();
        assert_eq!((view.header_length(), view.payload().len()), (24, 0));
    }

    #[test]
    fn contradicting_lengths_are_no_header() {
        assert_eq!(with(0, 0x55), None, "version");
        assert_eq!(with(0, 0x44), None, "header of four words");
        assert_eq!(with(0, 0x46), None, "header longer than the packet");
        assert_eq!(with(3, 19), None, "packet shorter than its header");
        assert_eq!(with(3, 25), None, "packet longer than the bytes at hand");
        assert_eq!(with(3, 20), Some(0));
        assert_eq!(with(3, 24), Some(4));
        for length in 0..22 {
            assert!(View::new_checked(&BYTES[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn first_and_later_fragments_are_fragments_and_the_df_bit_is_not() {
        for (bits, fragment) in [(0x20, true), (0x01, true), (0x40, false), (0x80, false)] {
            let mut bytes = BYTES;
            bytes[6] = bits;
            assert_eq!(View::new_checked(&bytes).unwrap().is_fragment(), fragment, "{bits:x}");
        }
        let mut bytes = BYTES;
        bytes[7] = 1;
        assert!(View::new_checked(&bytes).unwrap().is_fragment());
    }

    #[test]
    fn emitting_gives_the_literal_bytes() {
        let repr = Repr {
            source: [192, 0, 2, 1],
            destination: [198, 51, 100, 2],
            protocol: 17,
            ttl: 64,
            payload_length: 2,
        };
        let mut header = [0xff; HEADER];
        repr.emit(&mut header);
        assert_eq!(header, BYTES[..20]);
        assert_eq!(checksum(&[&header]), 0);
        assert_eq!(repr.pseudo_header(), [192, 0, 2, 1, 198, 51, 100, 2, 0, 17, 0, 2]);
    }
}
