//! Which packet sets bring the most packets, from a sample of each worker's.
//!
//! Every 256th packet or so is looked at once more. Of the packet sets met, the most frequent are
//! kept, as in *space saving* (Metwally et al., ICDT 2005): one that finds no room takes the place
//! of the rarest and its count, so that a count is too high by at most that, and no frequent one is
//! lost.

use std::fmt::Write as _;
use std::sync::Arc;

use nfos_engine::description::Description;
use nfos_netio::{Class, Classifier, Field, Frame, Key, KeyRule, Layer, SetRules};

use crate::definitions;

/// One of about so many packets is looked at.
const EVERY: u64 = 256;

/// Packet sets that a worker keeps.
const ROOM: usize = 128;

/// The definitions of packet sets, and behind them one for each rule that orphans are steered by.
#[derive(Debug)]
pub(crate) struct Groups {
    classifier: Classifier,
    /// How many are packet sets.
    sets: usize,
}

impl Groups {
    /// Of a network function; none if it has about as many definitions as there can be.
    pub(crate) fn of(description: &Description) -> Option<Self> {
        use Field::*;
        let classifier = definitions::classifier(description).ok()?;
        let rule = |layer, protocols: &[u8], key: &[Field]| KeyRule {
            ports: Vec::new(),
            layer,
            protocols: protocols.to_vec(),
            key: key.to_vec(),
            symmetric: false,
        };
        let five = [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
        let usual = [
            rule(Layer::Ipv4, &[6, 17], &five),
            rule(Layer::Ipv6, &[6, 17], &five),
            rule(Layer::Ethernet, &[], &[SourceMac, DestinationMac]),
        ];
        let orphans = classifier.orphans().iter().chain(&usual).enumerate();
        let orphans = orphans.map(|(number, rule)| SetRules {
            // No packet set's: those have no space.
            name: format!("orphans {number}"),
            rules: vec![rule.clone()],
        });
        let sets = classifier.definitions().len();
        let all: Vec<_> = classifier.definitions().iter().cloned().chain(orphans).collect();
        Some(Self { classifier: Classifier::new(&all, &[]).ok()?, sets })
    }

    /// The name of a key's definition, and the key's fields.
    fn told(&self, key: &Key) -> (String, String) {
        let number = usize::from(key.definition());
        let definition = &self.classifier.definitions()[number];
        let bytes = key.to_bytes();
        // All rules of a definition have keys of one length, and mostly of the same fields.
        let fields = fields(&definition.rules[0], &bytes[..key.byte_count()]);
        let is_set = number < self.sets;
        (if is_set { definition.name.clone() } else { "orphan packets".to_owned() }, fields)
    }
}

/// The fields of a key as they are usually written.
fn fields(rule: &KeyRule, mut bytes: &[u8]) -> String {
    let mut told = Vec::new();
    for field in &rule.key {
        let count = field.byte_count(rule.layer).unwrap_or(0);
        let Some((value, rest)) = bytes.split_at_checked(count) else { break };
        bytes = rest;
        told.push(format!("{} {}", name(*field), written(value)));
    }
    told.join(", ")
}

fn name(field: Field) -> &'static str {
    match field {
        Field::SourceMac | Field::SourceAddress => "from",
        Field::DestinationMac | Field::DestinationAddress => "to",
        Field::Protocol => "protocol",
        Field::SourcePort => "source port",
        Field::DestinationPort => "destination port",
    }
}

fn written(value: &[u8]) -> String {
    match *value {
        [number] => number.to_string(),
        [high, low] => u16::from_be_bytes([high, low]).to_string(),
        [a, b, c, d] => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
        _ => match <[u8; 16]>::try_from(value) {
            Ok(bytes) => std::net::Ipv6Addr::from(bytes).to_string(),
            Err(_) => value.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{}{byte:02x}", if text.is_empty() { "" } else { ":" });
                text
            }),
        },
    }
}

/// What a worker counts.
#[derive(Debug)]
pub(crate) struct Heavy {
    groups: Option<Arc<Groups>>,
    /// Packets until the next that is looked at.
    until: u64,
    random: u64,
    kept: Kept,
}

/// Packet sets and how often each was met. Apart from each other, so that going through all of one
/// reads little: with many packet sets nearly every packet looked at is of one that is not kept.
#[derive(Debug)]
struct Kept {
    hashes: Vec<u64>,
    counts: Vec<u64>,
    keys: Vec<Key>,
}

impl Kept {
    fn new() -> Self {
        Self {
            hashes: Vec::with_capacity(ROOM),
            counts: Vec::with_capacity(ROOM),
            keys: Vec::with_capacity(ROOM),
        }
    }

    fn count(&mut self, key: Key) {
        let hash = key.hash64(0);
        let place = self.hashes.iter().position(|known| *known == hash);
        if let Some(place) = place.filter(|place| self.keys[*place] == key) {
            self.counts[place] += 1;
        } else if self.keys.len() < ROOM {
            self.hashes.push(hash);
            self.counts.push(1);
            self.keys.push(key);
        } else {
            let least = self.least();
            let rarest = self.counts.iter().position(|count| *count == least);
            let rarest = rarest.expect("one is the rarest");
            (self.hashes[rarest], self.counts[rarest], self.keys[rarest]) = (hash, least + 1, key);
        }
    }

    fn least(&self) -> u64 {
        self.counts.iter().copied().min().unwrap_or(0)
    }
}

impl Heavy {
    pub(crate) fn new(groups: Option<Arc<Groups>>) -> Self {
        Self { groups, until: EVERY, random: 0x9e37_79b9_7f4a_7c15, kept: Kept::new() }
    }

    /// A packet was handled for good.
    #[inline]
    pub(crate) fn note(&mut self, frame: &Frame) {
        self.until -= 1;
        if self.until == 0 {
            self.look_at(frame);
        }
    }

    #[cold]
    fn look_at(&mut self, frame: &Frame) {
        // Xorshift: at random distances, lest the same one of several that take turns is hit.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.until = EVERY / 2 + self.random % EVERY;
        let Some(groups) = &self.groups else { return };
        if let Class::Set { key, .. } = groups.classifier.classify(frame.port, frame.bytes()) {
            self.kept.count(key);
        }
    }

    /// The heaviest: definition, fields of the key, and about how many packets it brought.
    pub(crate) fn heaviest(&self, most: usize) -> Vec<(String, String, u64)> {
        let Some(groups) = &self.groups else { return Vec::new() };
        let Kept { keys, counts, .. } = &self.kept;
        let mut heaviest: Vec<_> = keys.iter().copied().zip(counts.iter().copied()).collect();
        heaviest.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        heaviest.truncate(most);
        // What took a rarer one's place may never have come twice.
        let least = self.kept.least();
        heaviest.retain(|(_, count)| keys.len() < ROOM || *count > 2 * least);
        let told = |(key, count): (Key, u64)| {
            let (set, fields) = groups.told(&key);
            (set, fields, count * EVERY)
        };
        heaviest.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos_engine::description::{self, Rule};
    use nfos_netio::PortId;

    fn description() -> Description {
        let rule = Rule {
            ports: vec![0],
            layer: description::Layer::Ipv4,
            protocols: vec![],
            key: vec![description::Field::SourceAddress],
            symmetric: false,
        };
        let set = description::PacketSet { name: "host".to_owned(), rules: vec![rule] };
        Description {
            name: "test".to_owned(),
            summary: String::new(),
            ports: 2,
            handles: vec![],
            packet_sets: vec![set],
            orphans: vec![],
            state_size: 0,
            window: 128,
            headroom: 0,
            parameters: vec![],
            drop_reasons: vec![],
            events: vec![],
        }
    }

    fn frame(port: u16, host: [u8; 4]) -> Frame {
        let mut bytes = [0; 60];
        bytes[6..15].copy_from_slice(&[2, 0, 0, 0, 0, 1, 8, 0, 0x45]);
        bytes[17] = 46;
        (bytes[22], bytes[23]) = (64, 17);
        bytes[26..30].copy_from_slice(&host);
        bytes[38..40].copy_from_slice(&26_u16.to_be_bytes());
        let mut frame = Frame::new(128);
        frame.load(&bytes, PortId::new(port), 60, 0, 0).expect("it fits");
        frame
    }

    #[test]
    fn the_set_that_brings_most_packets_is_found_among_thousands() {
        let mut heavy = Heavy::new(Groups::of(&description()).map(Arc::new));
        for number in 0..100_000_u32 {
            heavy.note(&frame(0, number.to_be_bytes()));
            heavy.note(&frame(0, [10, 0, 0, 1]));
        }
        let heaviest = heavy.heaviest(3);
        let (set, key, packets) = &heaviest[0];
        assert_eq!((set.as_str(), key.as_str()), ("host", "from 10.0.0.1"));
        assert!((80_000..120_000).contains(packets), "{packets}");
        assert_eq!(heaviest.len(), 1, "the others came once each");
    }

    #[test]
    fn orphans_are_told_by_what_steers_them() {
        let groups = Groups::of(&description()).expect("good rules");
        let told = |frame: &Frame| match groups.classifier.classify(frame.port, frame.bytes()) {
            Class::Set { key, .. } => groups.told(&key),
            Class::Orphan => panic!("every frame has a key"),
        };
        let mut other = frame(1, [10, 0, 0, 2]);
        let five = "from 10.0.0.2, to 0.0.0.0, source port 0, destination port 0, protocol 17";
        assert_eq!(told(&other), ("orphan packets".to_owned(), five.to_owned()));
        other.bytes_mut()[12] = 0x88;
        let macs = "from 02:00:00:00:00:01, to 00:00:00:00:00:00";
        assert_eq!(told(&other).1, macs);
    }
}
