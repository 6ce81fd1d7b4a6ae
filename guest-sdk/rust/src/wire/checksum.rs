//! The Internet checksum: RFC 1071, and its incremental update, RFC 1624.

/// The one's complement sum of `bytes`, added to `sum`; not folded.
pub fn sum(bytes: &[u8], sum: u64) -> u64 {
    let (words, odd) = bytes.as_chunks::<2>();
    let total = words.iter().fold(sum, |sum, word| sum + u64::from(u16::from_be_bytes(*word)));
    total + odd.first().map_or(0, |&byte| u64::from(byte) << 8)
}

/// The checksum of what [`sum`] added up.
pub const fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum after one 16-bit word changed from `old` to `new`: RFC 1624, equation 3.
///
/// It holds in either byte order, if all three are in the same.
#[inline]
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    fold(!checksum as u32 + !old as u32 + new as u32)
}

/// The checksum after two 16-bit words changed, such as an IPv4 address; in either byte order.
#[inline]
#[must_use]
pub const fn update_pair(checksum: u16, old: u32, new: u32) -> u16 {
    let old = (!old >> 16) + (!old & 0xffff);
    let new = (new >> 16) + (new & 0xffff);
    fold(!checksum as u32 + old + new)
}

#[inline]
const fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    !((once & 0xffff) + (once >> 16)) as u16
}

/// A UDP checksum after an update: 0 means that there is none and stays, and a computed 0 is sent
/// as 0xffff (RFC 768).
#[inline]
#[must_use]
pub const fn of_udp(before: u16, updated: u16) -> u16 {
    match (before, updated) {
        (0, _) => 0,
        (_, 0) => 0xffff,
        (_, updated) => updated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_equals_recomputation_for_every_value_of_a_word() {
        let mut header =
            [0x45, 0, 0, 84, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 1, 2, 3];
        let before = finish(sum(&header, 0));
        let old = u16::from_be_bytes([header[8], header[9]]);
        for new in 0..=u16::MAX {
            header[8..10].copy_from_slice(&new.to_be_bytes());
            assert_eq!(update(before, old, new), finish(sum(&header, 0)), "word {new:#06x}");
        }
    }

    #[test]
    fn updates_are_the_same_in_either_byte_order() {
        for word in 0..=u16::MAX {
            for (checksum, old) in [(word, 0x1234), (0, word), (0xffff, word), (!word, word)] {
                let new = word.rotate_left(5) ^ 0x00ff;
                let swapped = update(checksum.swap_bytes(), old.swap_bytes(), new.swap_bytes());
                assert_eq!(swapped.swap_bytes(), update(checksum, old, new));
                let [one, other] = [old, new].map(|word| u32::from(word) << 16 | 0x0a01);
                let swapped =
                    update_pair(checksum.swap_bytes(), one.swap_bytes(), other.swap_bytes());
                assert_eq!(swapped.swap_bytes(), update_pair(checksum, one, other));
            }
        }
    }

    #[test]
    fn update_pair_equals_two_updates() {
        for (checksum, old, new) in [
            (0x1234, 0x0a00_0001, 0xc0a8_ffff),
            (0xffff, 0xffff_ffff, 0x0000_0001),
            (0x0000, 0x0001_0000, 0xfffe_0001),
        ] {
            let high = update(checksum, (old >> 16) as u16, (new >> 16) as u16);
            assert_eq!(update_pair(checksum, old, new), update(high, old as u16, new as u16));
        }
    }

    #[test]
    fn udp_zero_stays_and_a_computed_zero_is_all_ones() {
        assert_eq!(of_udp(0, 0x1234), 0);
        assert_eq!(of_udp(0x1234, 0), 0xffff);
        assert_eq!(of_udp(0x1234, 0x4321), 0x4321);
    }
}
