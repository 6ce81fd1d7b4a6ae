//! What the benches of shared state share: elements to draw, the state and its workers, what they
//! are measured against, and threads.

use std::sync::LazyLock;

pub mod draws;
pub mod others;
pub mod ours;
pub mod threads;

/// A value: six words, as everywhere in the aggregate state.
pub type Value = [u64; 6];

/// Bytes of a key: two IPv4 addresses, two ports and a protocol.
pub const KEY_BYTES: usize = 13;

/// A key.
pub type Key = [u8; KEY_BYTES];

/// The key of an element, of which there are fewer than 2^17. It was made long ago, as a packet's
/// bytes are: one that was just put together would be waited for.
#[inline(always)]
pub fn key(element: u32) -> &'static Key {
    static KEYS: LazyLock<Box<[Key]>> = LazyLock::new(|| (0..1 << 17).map(make_key).collect());
    &KEYS[element as usize]
}

fn make_key(element: u32) -> Key {
    let mut key = *b"0123456789abc";
    key[..4].copy_from_slice(&element.to_le_bytes());
    key
}
