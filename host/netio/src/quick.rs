//! The usual case of classifying, compiled once more: the first rule of a port, if its key is short
//! and of one direction.

use crate::classifier::CompiledRule;
use crate::gather::FiveTuple;
use crate::headers::shape::{plain, shape};
use crate::key::ShortKey;

/// The first rule of a port, if it is quick; in few words, since it is looked up for each packet.
#[derive(Clone, Debug)]
pub(crate) enum QuickRule {
    /// No rule, or one whose keys are long or of both directions.
    None,
    /// The 5-tuple of IPv4. Looking at a plain frame's shape and collecting its key are one.
    FiveTuple {
        /// Bits of the protocols that it holds for, of those that have ports.
        protocols: u64,
        /// [`ShortKey::tag`] of its keys.
        tag: u64,
        /// Which it collects.
        tuple: FiveTuple,
    },
    /// Another.
    Other(Box<CompiledRule>),
}

impl QuickRule {
    pub(crate) fn new(rule: Option<&CompiledRule>) -> Self {
        match rule.filter(|rule| rule.has_quick_keys()) {
            None => Self::None,
            Some(rule) => match rule.five_tuple() {
                Some(tuple) => {
                    Self::FiveTuple { protocols: rule.low_protocols(), tag: rule.tag(), tuple }
                }
                None => Self::Other(Box::new(rule.clone())),
            },
        }
    }

    /// The key of a frame, if that is found quickly. `None` says nothing.
    #[inline(always)]
    pub(crate) fn key(&self, bytes: &[u8]) -> Option<ShortKey> {
        match self {
            Self::FiveTuple { protocols, tag, tuple } => {
                Some(ShortKey::new(tuple.collect_plain(plain(bytes, *protocols)?), *tag))
            }
            Self::Other(rule) => rule.short_key(bytes, &shape(bytes)),
            Self::None => None,
        }
    }
}
