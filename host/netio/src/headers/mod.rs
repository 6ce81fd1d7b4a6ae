//! Protocol headers: checked views of bytes from the wire, and their emission.
//!
//! One protocol per file, always in the same order: the view, its check, its fields, the plain
//! description (`Repr`) that can be emitted, tests on literal bytes. A view's fields are read
//! from bytes that its `new_checked` has proved to be there, so no getter can fail or panic. The
//! checks are those of the frame rules: a header whose lengths contradict each other or the bytes
//! at hand has no view.

pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub(crate) mod shape;
pub mod tcp;
pub mod udp;

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

#[inline]
fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The Internet checksum (RFC 1071) of several byte strings, each of even length but the last,
/// as it is stored in a header.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        let (words, rest) = part.as_chunks::<2>();
        sum += words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum::<u64>();
        sum += rest.first().map_or(0, |last| u64::from(*last) << 8);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&bytes]), !0xddf2);
        assert_eq!(checksum(&[&bytes[..4], &bytes[4..]]), !0xddf2);
    }

    #[test]
    fn an_odd_last_byte_is_the_high_half_of_a_word() {
        assert_eq!(checksum(&[&[0x12, 0x34, 0x56]]), !(0x1234 + 0x5600));
    }
}
