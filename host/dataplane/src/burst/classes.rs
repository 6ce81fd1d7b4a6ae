//! What the next packets of the inbox are: which have a packet set, under which key and hash.

use super::EVENTS_MAX;
use crate::inbox::Line;
use crate::packet_set::table::Table;
use nfos_netio::{Class, Classifier, Frame, KEY_WORDS, SHORT_KEY_BYTES_MAX};
use std::sync::Arc;

/// Words of a key that lie in [`Classified`].
const SHORT_WORDS: usize = SHORT_KEY_BYTES_MAX / 8;

/// A packet, looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Classified {
    /// The first words of its key; all, if no key has more.
    words: [u64; SHORT_WORDS],
    arrived_ns: u64,
    hash: u32,
    /// The bucket of its hash, and once that is in the cache, the first entry in it; or
    /// [`ORPHAN`].
    head: u32,
}

impl Classified {
    /// Whether it belongs to no set.
    #[inline(always)]
    pub(super) fn is_orphan(&self) -> bool {
        self.head == ORPHAN
    }

    /// When it arrived.
    #[inline(always)]
    pub(super) fn arrived_ns(&self) -> u64 {
        self.arrived_ns
    }

    /// The hash of its key.
    #[inline(always)]
    pub(super) fn hash(&self) -> u32 {
        self.hash
    }

    /// The first entry in the chain of its hash, as it was when it was looked at.
    #[inline(always)]
    pub(super) fn head(&self) -> u32 {
        self.head
    }

    /// Its key, if all keys are as short.
    #[inline(always)]
    pub(super) fn short_key(&self) -> &[u64; SHORT_WORDS] {
        &self.words
    }
}

/// Of a packet that belongs to no set and has no key. No bucket or entry has this number.
const ORPHAN: u32 = u32::MAX;

/// The next packets, by their place in the inbox.
#[derive(Debug)]
pub(super) struct Classes {
    classifier: Arc<Classifier>,
    hash_seed: u64,
    /// As many as `count` are of this burst.
    list: Box<[Classified; EVENTS_MAX]>,
    count: usize,
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
            list: Box::new([Classified::default(); EVENTS_MAX]),
            count: 0,
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
        self.count
    }

    /// The packets that were looked at.
    #[inline(always)]
    pub(super) fn all(&self) -> &[Classified] {
        &self.list[..self.count]
    }

    /// One of them.
    #[inline(always)]
    pub(super) fn get(&self, packet: usize) -> &Classified {
        &self.list[packet]
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
    #[inline(never)]
    pub(super) fn look(&mut self, line: &Line, limit: usize, table: &Table) {
        self.long_keys.clear();
        self.count = limit.min(line.len()).min(EVENTS_MAX);
        let is_short = self.key_words <= SHORT_WORDS;
        let mut orphans = 0;
        for (packet, frame) in line.iter().enumerate().take(self.count) {
            match self.classifier.quick_key(frame.port, frame.bytes()) {
                Some(key) if is_short => {
                    let [first, second] = *key.words();
                    let hash = key.hash64(self.hash_seed) as u32;
                    let slot = &mut self.list[packet];
                    slot.words = [first, second | key.tag() & self.tag];
                    (slot.arrived_ns, slot.hash) = (frame.timestamp_ns, hash);
                    slot.head = table.prefetch_chain(hash);
                }
                _ => orphans += self.look_by_rules(packet, frame, table),
            }
        }
        if orphans < self.count {
            self.prefetch(table);
        }
    }

    #[inline(never)]
    fn prefetch(&mut self, table: &Table) {
        for classified in &mut self.list[..self.count] {
            if !classified.is_orphan() {
                classified.head = table.prefetch_entry(classified.head);
            }
        }
        for classified in &self.list[..self.count] {
            if !classified.is_orphan() {
                table.prefetch_neighbours(classified.head);
            }
        }
    }

    /// How many orphans that is: one or none.
    #[inline(never)]
    fn look_by_rules(&mut self, packet: usize, frame: &Frame, table: &Table) -> usize {
        let (words, hash, head) = match self.classifier.classify(frame.port, frame.bytes()) {
            Class::Set { key, .. } => {
                let hash = key.hash64(self.hash_seed) as u32;
                (*key.words(), hash, table.prefetch_chain(hash))
            }
            Class::Orphan => ([0; KEY_WORDS], 0, ORPHAN),
        };
        if self.key_words > SHORT_WORDS {
            self.long_keys.push(words);
        }
        let [first, second, .., tag] = words;
        let words = [first, second | tag & self.tag];
        self.list[packet] = Classified { words, arrived_ns: frame.timestamp_ns, hash, head };
        usize::from(head == ORPHAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::StoredKeys;
    use crate::inbox::Inbox;
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

    fn classes(key_words: usize, frames: &Line) -> Classes {
        let classifier = Classifier::new(&[flow(0), flow(1)], &[]).expect("good rules");
        let mut classes = Classes::new(Arc::new(classifier), 5, key_words);
        classes.look(frames, EVENTS_MAX, &Table::new(4, key_words, 0, 0));
        classes
    }

    #[test]
    fn a_set_is_of_one_definition_and_the_same_however_its_key_is_found() {
        let mut inbox = Inbox::new(4);
        inbox.arrived().extend([frame(0, 0), frame(1, 0), frame(0, 2), frame(2, 0)]);
        let frames = inbox.line_up();
        for key_words in [SHORT_WORDS, KEY_WORDS] {
            let classes = classes(key_words, frames);
            let orphans: Vec<_> = classes.all().iter().map(Classified::is_orphan).collect();
            assert_eq!(orphans, [false, false, false, true]);
            // The third has options, so its shape is not plain.
            let hashed = |packet| (classes.key(packet), classes.get(packet).hash());
            assert_eq!(hashed(0), hashed(2));
            assert_ne!(classes.key(0), classes.key(1), "two definitions");
            assert_eq!(classes.key(1).len(), key_words);
            let stored = StoredKeys::new(classes.classifier.definitions());
            for (packet, frame) in frames.iter().enumerate().take(3) {
                let class = classes.classifier.classify(frame.port, frame.bytes());
                let Class::Set { key, .. } = class else { panic!("{frame:?}") };
                assert_eq!(stored.key(classes.key(packet)), Some(key));
            }
            assert_eq!(stored.key(&vec![0; key_words]), None, "never a key");
        }
    }
}
