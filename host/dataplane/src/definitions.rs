//! A network function's packet-set definitions as the port library takes them.

use nfos_engine::description::{self, Description};
use nfos_netio::{
    Classifier, Field, KEY_WORDS, Key, KeyRule, Layer, RuleError, SHORT_KEY_BYTES_MAX, SetRules,
};

/// Compiles the definitions of a description.
///
/// # Errors
/// What is wrong with a rule, with its place.
pub(crate) fn classifier(description: &Description) -> Result<Classifier, RuleError> {
    let sets: Vec<_> = description
        .packet_sets
        .iter()
        .map(|set| SetRules { name: set.name.clone(), rules: set.rules.iter().map(rule).collect() })
        .collect();
    let orphans: Vec<_> = description.orphans.iter().map(rule).collect();
    Classifier::new(&sets, &orphans)
}

/// Words of the longest key, as a table stores it. With several definitions, length and definition
/// tell keys apart as well: they are in the last of all words, or in what the second leaves free.
pub(crate) fn key_words(description: &Description) -> usize {
    const TAG_BYTES: usize = 2;
    let rules = description.packet_sets.iter().flat_map(|set| &set.rules);
    let bytes = rules.map(|set_rule| rule(set_rule).key_bytes()).max().unwrap_or(0);
    match description.packet_sets.len() {
        0 | 1 => bytes.div_ceil(8),
        _ if bytes + TAG_BYTES <= SHORT_KEY_BYTES_MAX => SHORT_KEY_BYTES_MAX / 8,
        _ => KEY_WORDS,
    }
}

/// How keys lie in a table, to make whole ones of their words again.
#[derive(Clone, Debug)]
pub(crate) struct StoredKeys {
    /// Of the only definition.
    byte_count: Option<u8>,
}

impl StoredKeys {
    /// Of these definitions.
    pub(crate) fn new(definitions: &[SetRules]) -> Self {
        let byte_count = match definitions {
            [set] => set.rules.first().map(|first| first.key_bytes() as u8),
            _ => None,
        };
        Self { byte_count }
    }

    /// The key of which these are the words in a table; `None` if they are of no key.
    pub(crate) fn key(&self, stored: &[u64]) -> Option<Key> {
        let mut words = [0; KEY_WORDS];
        words[..stored.len()].copy_from_slice(stored);
        if let Some(byte_count) = self.byte_count {
            return Some(Key::of_words(words, byte_count, 0));
        }
        let last = words.get_mut(stored.len().checked_sub(1)?)?;
        let [.., definition, byte_count] = last.to_be_bytes();
        *last &= !0xffff;
        (byte_count > 0).then(|| Key::of_words(words, byte_count, definition))
    }
}

fn rule(rule: &description::Rule) -> KeyRule {
    KeyRule {
        ports: rule.ports.clone(),
        layer: match rule.layer {
            description::Layer::Ethernet => Layer::Ethernet,
            description::Layer::Ipv4 => Layer::Ipv4,
            description::Layer::Ipv6 => Layer::Ipv6,
        },
        protocols: rule.protocols.clone(),
        key: rule.key.iter().map(|field| field_of(*field)).collect(),
        symmetric: rule.symmetric,
    }
}

fn field_of(field: description::Field) -> Field {
    match field {
        description::Field::SourceMac => Field::SourceMac,
        description::Field::DestinationMac => Field::DestinationMac,
        description::Field::SourceAddress => Field::SourceAddress,
        description::Field::DestinationAddress => Field::DestinationAddress,
        description::Field::Protocol => Field::Protocol,
        description::Field::SourcePort => Field::SourcePort,
        description::Field::DestinationPort => Field::DestinationPort,
    }
}
