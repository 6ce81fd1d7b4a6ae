//! IPv6 (RFC 8200), fixed header only.

use super::be16;

/// Bytes of the fixed header.
pub const HEADER: usize = 40;

/// An IPv6 header and its payload.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER],
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// The view, if the header is in order: version 6, and payload length ≤ bytes at hand. Bytes
    /// beyond the payload length are padding. (A jumbogram has payload length 0 and thus an empty
    /// payload here.)
    #[inline]
    pub fn new_checked(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let payload = rest.get(..usize::from(be16(header, 4)))?;
        Some(Self { header, payload })
    }

    /// What the payload is: a transport protocol or an extension header.
    #[inline]
    pub fn next_header(&self) -> u8 {
        self.header[6]
    }

    /// Source address.
    #[inline]
    pub fn source(&self) -> [u8; 16] {
        *self.header[8..].first_chunk().expect("32 bytes follow the eighth")
    }

    /// Destination address.
    #[inline]
    pub fn destination(&self) -> [u8; 16] {
        *self.header[24..].first_chunk().expect("16 bytes follow the twenty-fourth")
    }

    /// The payload, without padding.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Whether a next-header number is an extension header that hides the transport: hop-by-hop
/// options, routing, fragment, authentication, destination options, mobility, HIP, Shim6
/// (IANA, *IPv6 Extension Header Types*; encrypted payload, 50, hides everything and counts as
/// a transport).
#[inline]
pub fn is_extension(next_header: u8) -> bool {
    matches!(next_header, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// 2001:db8::1 → 2001:db8::2, UDP, 8 bytes of payload, two of padding.
    pub(crate) const BYTES: [u8; 50] = [
        0x60, 0, 0, 0, 0, 8, 17, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x12, 0x34, 0x00, 0x35, 0, 8,
        0, 0, 0xee, 0xee,
    ];

    #[test]
    fn fields_of_a_literal_header_without_its_padding() {
        let view = View::new_checked(&BYTES).unwrap();
        assert_eq!(view.next_header(), 17);
        assert_eq!((view.source()[0], view.source()[15]), (0x20, 1));
        assert_eq!((view.destination()[0], view.destination()[15]), (0x20, 2));
        assert_eq!(view.payload(), [0x12, 0x34, 0x00, 0x35, 0, 8, 0, 0]);
    }

    #[test]
    fn contradicting_lengths_are_no_header() {
        for length in 0..48 {
            assert!(View::new_checked(&BYTES[..length]).is_none(), "{length}");
        }
        let mut bytes = BYTES;
        bytes[0] = 0x45;
        assert!(View::new_checked(&bytes).is_none());
    }

    #[test]
    fn extension_headers_are_told_from_transports() {
        assert!([0, 43, 44, 51, 60].into_iter().all(is_extension));
        assert!(![6, 17, 50, 58, 59, 132].into_iter().any(is_extension));
    }
}
