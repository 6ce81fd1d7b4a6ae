//! The hash that network functions of every language share.

/// FNV-1a 64 over the seed as 8 little-endian bytes and then `bytes`, finished by splitmix64.
/// About a nanosecond per byte.
#[inline]
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let seeded = seed.to_le_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold);
    let mut hash = bytes.iter().fold(seeded, fold);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
