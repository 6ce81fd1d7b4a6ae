//! What the next packets of the inbox are: which have a packet set, under which key and hash.

use super::EVENTS_MAX;
use crate::packet_set::NONE;
use crate::packet_set::table::Table;
use nfos_netio::{Class, Classifier, Frame, KEY_WORDS, SHORT_KEY_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::Arc;

/// Words of a key that lie in [`Classified`].
const SHORT_WORDS: usize = SHORT_KEY_BYTES_MAX / 8;

/// A packet, looked at.
#[derive(Clone, Copy, Debug)]
struct Classified {
    /// The first words of its key; all, if no key has more.
    words: [u64; SHORT_WORDS],
    hash: u32,
    /// It belongs to no set, and has no key.
    is_orphan: bool,
}

/// The next packets, by their place in the inbox.
#[derive(Debug)]
pub(super) struct Classes {
    classifier: Arc<Classifier>,
    hash_seed: u64,
    list: Vec<Classified>,
    /// The keys of the same packets, if they have more words than lie there.
    long_keys: Vec<[u64; KEY_WORDS]>,
    /// Of a key these count.
    key_words: usize,
    /// Bits of length and definition that a short key carries at its end: none if there is one
    /// definition.
    tag: u64,
}

impl Classes {
    /// Of no packets. Keys are compared by `key_words` words.
    pub(super) fn new(classifier: Arc<Classifier>, hash_seed: u64, key_words: usize) -> Self {
        Self {
            tag: if classifier.definitions().len() > 1 { 0xffff } else { 0 },
            classifier,
            hash_seed,
            list: Vec::with_capacity(EVENTS_MAX),
            long_keys: Vec::with_capacity(EVENTS_MAX),
            key_words,
        }
    }

    /// Whether there are packet sets at all.
    #[inline]
    pub(super) fn has_sets(&self) -> bool {
        self.classifier.has_sets()
    }

    /// How many packets were looked at.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether a packet belongs to no set.
    #[inline(always)]
    pub(super) fn is_orphan(&self, packet: usize) -> bool {
        self.list[packet].is_orphan
    }

    /// The hash of a packet's key.
    #[inline(always)]
    pub(super) fn hash(&self, packet: usize) -> u32 {
        self.list[packet].hash
    }

    /// The key of a packet.
    #[inline(always)]
    pub(super) fn key(&self, packet: usize) -> &[u64] {
        if self.key_words > SHORT_WORDS {
            &self.long_keys[packet][..self.key_words]
        } else {
            &self.list[packet].words[..self.key_words]
        }
    }

    /// Finds the keys of the next packets, and fetches what the table has of them into the cache
    /// before any of it is needed.
    #[inline]
    pub(super) fn look(&mut self, inbox: &VecDeque<Frame>, limit: usize, table: &Table) {
        self.list.clear();
        self.long_keys.clear();
        let is_short = self.key_words <= SHORT_WORDS;
        let mut orphans = 0;
        for frame in inbox.iter().take(limit) {
            let classified = match self.classifier.quick_key(frame.port, frame.bytes()) {
                Some(key) if is_short => {
                    let hash = key.hash64(self.hash_seed) as u32;
                    let [first, second] = *key.words();
                    let words = [first, second | key.tag() & self.tag];
                    Classified { words, hash, is_orphan: false }
                }
                _ => self.by_rules(frame),
            };
            if classified.is_orphan {
                orphans += 1;
            } else {
                table.prefetch_chain(classified.hash);
            }
            self.list.push(classified);
        }
        if orphans < self.list.len() {
            self.prefetch(table);
        }
    }

    #[inline(always)]
    fn prefetch(&self, table: &Table) {
        let mut heads = [NONE; EVENTS_MAX];
        for (head, classified) in heads.iter_mut().zip(&self.list) {
            if !classified.is_orphan {
                *head = table.prefetch_entry(classified.hash);
            }
        }
        for head in &heads[..self.list.len()] {
            table.prefetch_neighbours(*head);
        }
    }

    #[inline(never)]
    fn by_rules(&mut self, frame: &Frame) -> Classified {
        let (words, hash, is_orphan) = match self.classifier.classify(frame.port, frame.bytes()) {
            Class::Set { key, .. } => (*key.words(), key.hash64(self.hash_seed) as u32, false),
            Class::Orphan => ([0; KEY_WORDS], 0, true),
        };
        if self.key_words > SHORT_WORDS {
            self.long_keys.push(words);
        }
        let [first, second, .., tag] = words;
        Classified { words: [first, second | tag & self.tag], hash, is_orphan }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos_netio::{Field, KeyRule, Layer, PortId, SetRules};

    /// A UDP packet in IPv4, with options or without.
    fn frame(port: u16, options: usize) -> Frame {
        let mut bytes = vec![0; 60];
        bytes[12..14].copy_from_slice(&[8, 0]);
        bytes[14] = 0x45 + options as u8;
        bytes[17] = 46;
        bytes[23] = 17;
        bytes[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        let transport = 34 + 4 * options;
        bytes[transport..transport + 6].copy_from_slice(&[0, 7, 0, 9, 0, 8]);
        let mut frame = Frame::new(64);
        frame.load(&bytes, PortId::new(port), 60, 0, 0).expect("it fits");
        frame
    }

    fn flow(port: u16) -> SetRules {
        use Field::{DestinationAddress, DestinationPort, Protocol, SourceAddress, SourcePort};
        let rule = KeyRule {
            ports: vec![port],
            layer: Layer::Ipv4,
            protocols: vec![17],
            key: vec![SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol],
            symmetric: false,
        };
        SetRules { name: format!("flow_{port}"), rules: vec![rule] }
    }

    fn classes(key_words: usize, frames: &VecDeque<Frame>) -> Classes {
        let classifier = Classifier::new(&[flow(0), flow(1)], &[]).expect("good rules");
        let mut classes = Classes::new(Arc::new(classifier), 5, key_words);
        classes.look(frames, EVENTS_MAX, &Table::new(4, key_words, 0, 0));
        classes
    }

    #[test]
    fn a_set_is_of_one_definition_and_the_same_however_its_key_is_found() {
        let frames: VecDeque<_> =
            [frame(0, 0), frame(1, 0), frame(0, 2), frame(2, 0)].into_iter().collect();
        for key_words in [SHORT_WORDS, KEY_WORDS] {
            let classes = classes(key_words, &frames);
            let orphans: Vec<_> = (0..classes.len()).map(|i| classes.is_orphan(i)).collect();
            assert_eq!(orphans, [false, false, false, true]);
            // The third has options, so its shape is not plain.
            assert_eq!((classes.key(0), classes.hash(0)), (classes.key(2), classes.hash(2)));
            assert_ne!(classes.key(0), classes.key(1), "two definitions");
            assert_eq!(classes.key(1).len(), key_words);
        }
    }
}
