//! The Toeplitz hash of receive-side scaling.
//!
//! For each bit that is set in the input, from the first, the 32 bits of the key that begin at
//! that place are added without carry (Microsoft, *RSS hashing functions*; the same in every
//! NIC). It is linear, so a table of 256 sums per input byte gives the hash in one look-up and one
//! XOR per byte. Under a key that repeats every 16 bits, all 16-bit units of the input weigh the
//! same: they are added first, and two look-ups remain. Exchanging source and destination then
//! changes nothing (Woo and Park, *Scalable TCP session monitoring with symmetric receive-side
//! scaling*, 2012).

use crate::key::KEY_BYTES_MAX;

/// Bytes of a key: what E810 and X710 take, and enough for inputs of 48 bytes.
pub const KEY_BYTES: usize = 52;

/// The longest input a key of [`KEY_BYTES`] can hash.
pub const INPUT_BYTES_MAX: usize = KEY_BYTES - 4;

/// The 40 bytes that Microsoft's verification suite uses and most drivers default to, then its
/// first 12 again. The repetition matters only for inputs of more than 36 bytes, which no NIC
/// with a 40-byte key can hash.
pub const DEFAULT_KEY: [u8; KEY_BYTES] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa, 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
    0x41, 0x67, 0x25, 0x3d,
];

/// 0x6D5A over and over: both directions of a conversation hash alike.
pub const SYMMETRIC_KEY: [u8; KEY_BYTES] = {
    let mut key = [0x6d; KEY_BYTES];
    let mut at = 1;
    while at < KEY_BYTES {
        key[at] = 0x5a;
        at += 2;
    }
    key
};

const _: () = assert!(INPUT_BYTES_MAX <= KEY_BYTES_MAX);

/// A key, ready to hash with: 48 KiB, of which an IPv4 4-tuple touches 12.
#[derive(Clone)]
pub struct Toeplitz {
    tables: Vec<[u32; 256]>,
}

impl Toeplitz {
    /// Prepares a key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { tables: (0..INPUT_BYTES_MAX).map(|at| byte_table(key, at)).collect() }
    }

    /// The hash of up to [`INPUT_BYTES_MAX`] bytes; what lies beyond is left out.
    #[inline]
    pub fn hash(&self, input: &[u8]) -> u32 {
        self.tables
            .iter()
            .zip(input)
            .fold(0, |hash, (table, byte)| hash ^ table[usize::from(*byte)])
    }

    /// The hash of the first `byte_count` bytes of big-endian words, at most
    /// [`INPUT_BYTES_MAX`].
    #[inline]
    pub(crate) fn hash_words(&self, words: &[u64], byte_count: u8) -> u32 {
        let mut hash = 0;
        let tables = &self.tables[..usize::from(byte_count).min(INPUT_BYTES_MAX)];
        for (word, tables) in words.iter().zip(tables.chunks(8)) {
            for (table, byte) in tables.iter().zip(word.to_be_bytes()) {
                hash ^= table[usize::from(byte)];
            }
        }
        hash
    }
}

impl std::fmt::Debug for Toeplitz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Toeplitz").finish_non_exhaustive()
    }
}

/// [`SYMMETRIC_KEY`], ready to hash with: 2 KiB.
#[derive(Clone, Debug)]
pub(crate) struct SymmetricToeplitz {
    high: Box<[u32; 256]>,
    low: Box<[u32; 256]>,
}

impl SymmetricToeplitz {
    pub(crate) fn new() -> Self {
        Self {
            high: Box::new(byte_table(&SYMMETRIC_KEY, 0)),
            low: Box::new(byte_table(&SYMMETRIC_KEY, 1)),
        }
    }

    /// The hash of big-endian words, of which bytes beyond the input are 0 and thus weigh nothing.
    #[inline]
    pub(crate) fn hash_words(&self, words: &[u64]) -> u32 {
        let sum = words.iter().fold(0, |sum, word| sum ^ word);
        let sum = sum ^ sum >> 32;
        let [.., high, low] = (sum ^ sum >> 16).to_be_bytes();
        self.high[usize::from(high)] ^ self.low[usize::from(low)]
    }
}

/// The hash of each value that the input byte at `at` may have, all other bytes being 0.
fn byte_table(key: &[u8; KEY_BYTES], at: usize) -> [u32; 256] {
    let window = key[at..].iter().take(5).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    std::array::from_fn(|value| {
        (0..8)
            .filter(|bit| value & (0x80 >> bit) != 0)
            .fold(0, |hash, bit| hash ^ (window >> (8 - bit)) as u32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// Microsoft, *Verifying the RSS hash calculation*: destination and source with their ports,
    /// the hash of the addresses, the hash of addresses and ports.
    const IPV4: [(&str, u16, &str, u16, u32, u32); 5] = [
        ("161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e_8fc2, 0x51cc_c178),
        ("65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718_262a, 0xc626_b0ea),
        ("12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0_a5de, 0x5c2b_394a),
        ("209.142.163.6", 2217, "38.27.205.30", 48228, 0x8298_9176, 0xafc7_327f),
        ("202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d18_09c5, 0x10e8_28a2),
    ];
    const IPV6: [(&str, u16, &str, u16, u32, u32); 3] = [
        ("3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc1_8cd5, 0x4020_7d3d),
        ("ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c_461c, 0xdde5_1bbf),
        (
            "fe80::200:f8ff:fe21:67cf",
            38024,
            "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
            44251,
            0x4b61_e985,
            0x02d1_feef,
        ),
    ];

    fn hashes(source: &[u8], destination: &[u8], ports: [u16; 2]) -> (u32, u32) {
        let toeplitz = Toeplitz::new(&DEFAULT_KEY);
        let mut input = [source, destination].concat();
        let addresses = toeplitz.hash(&input);
        ports.iter().for_each(|port| input.extend(port.to_be_bytes()));
        (addresses, toeplitz.hash(&input))
    }

    #[test]
    fn published_vectors_of_ipv4() {
        for (to, to_port, from, from_port, addresses, ports) in IPV4 {
            let octets = |address: &str| address.parse::<Ipv4Addr>().unwrap().octets();
            let got = hashes(&octets(from), &octets(to), [from_port, to_port]);
            assert_eq!(got, (addresses, ports), "{from} → {to}");
        }
    }

    #[test]
    fn published_vectors_of_ipv6() {
        for (to, to_port, from, from_port, addresses, ports) in IPV6 {
            let octets = |address: &str| address.parse::<Ipv6Addr>().unwrap().octets();
            let got = hashes(&octets(from), &octets(to), [from_port, to_port]);
            assert_eq!(got, (addresses, ports), "{from} → {to}");
        }
    }

    #[test]
    fn words_hash_like_their_bytes_under_both_keys() {
        let plain = Toeplitz::new(&DEFAULT_KEY);
        let slow = Toeplitz::new(&SYMMETRIC_KEY);
        let fast = SymmetricToeplitz::new();
        for count in 0..=INPUT_BYTES_MAX {
            let mut bytes = [0; INPUT_BYTES_MAX];
            for (i, byte) in bytes[..count].iter_mut().enumerate() {
                *byte = (i * 37 + count * 11 + 1) as u8;
            }
            let words: Vec<u64> =
                bytes.as_chunks().0.iter().map(|chunk| u64::from_be_bytes(*chunk)).collect();
            assert_eq!(plain.hash_words(&words, count as u8), plain.hash(&bytes[..count]));
            assert_eq!(fast.hash_words(&words), slow.hash(&bytes[..count]), "{count}");
        }
    }
}
