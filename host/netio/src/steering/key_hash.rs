//! From the key of a packet set to the hash of its packets.
//!
//! Equal keys of one definition have equal hashes, whichever rule a packet fits: that is what
//! [`GroupHash`] sees to. So the hash can be had from the key alone, long after the packet is gone:
//! of its bytes without the protocol, which stands at one place in all keys of a definition; the
//! others have the order of the headers, or one that does not matter to the symmetric key.

use super::{GroupHash, HashKey, hash_fields};
use crate::key::{KEY_WORDS, Key};
use crate::rules::{Field, KeyRule};

/// How the keys of a definition are hashed.
#[derive(Clone, Debug)]
pub(super) struct KeyHash {
    /// The byte that is left out.
    left_out: Option<usize>,
    /// Which key of the hash.
    pub(super) key: HashKey,
}

impl KeyHash {
    /// Of the definition with these rules, of which there is at least one.
    pub(super) fn new(rules: &[KeyRule]) -> Self {
        match GroupHash::of(rules) {
            GroupHash::Plain => Self { left_out: protocol_at(&rules[0]), key: HashKey::Plain },
            GroupHash::Symmetric => {
                Self { left_out: protocol_at(&rules[0]), key: HashKey::Symmetric }
            }
            GroupHash::AsItStands => Self { left_out: None, key: HashKey::Plain },
        }
    }

    /// What is hashed of a key, in big-endian words, and of how many bytes.
    pub(super) fn input(&self, key: &Key) -> ([u64; KEY_WORDS], u8) {
        let mut bytes = key.to_bytes();
        let mut length = key.byte_count();
        if let Some(at) = self.left_out {
            bytes.copy_within(at + 1..length, at);
            length -= 1;
            bytes[length] = 0;
        }
        let mut words = [0; KEY_WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        (words, length as u8)
    }
}

/// The place of the protocol in the keys of a rule, if it is not hashed.
fn protocol_at(rule: &KeyRule) -> Option<usize> {
    if hash_fields(rule).contains(&Field::Protocol) {
        return None;
    }
    let at = rule.key.iter().position(|field| *field == Field::Protocol)?;
    Some(rule.key[..at].iter().filter_map(|field| field.byte_count(rule.layer)).sum())
}
