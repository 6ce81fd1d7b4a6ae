//! What the benches of shared state share: elements to draw, the state and its workers, what they
//! are measured against, and threads.

pub mod draws;
pub mod others;
pub mod ours;
pub mod threads;

/// A value: six words, as everywhere in the aggregate state.
pub type Value = [u64; 6];

/// Bytes of a key: two IPv4 addresses, two ports and a protocol.
pub const KEY_BYTES: usize = 13;

/// The key of an element.
#[inline(always)]
pub fn key(element: u32) -> [u8; KEY_BYTES] {
    let mut key = *b"0123456789abc";
    key[..4].copy_from_slice(&element.to_le_bytes());
    key
}
