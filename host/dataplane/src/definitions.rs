//! A network function's packet-set definitions as the port library takes them.

use nfos_engine::description::{self, Description};
use nfos_netio::{Classifier, Field, KeyRule, Layer, RuleError, SetRules};

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

/// Words of the longest key, as a table stores it: with several definitions the whole key, so that
/// length and definition tell keys apart.
pub(crate) fn key_words(description: &Description) -> usize {
    let [set] = description.packet_sets.as_slice() else { return nfos_netio::KEY_WORDS };
    let bytes = set.rules.iter().map(|set_rule| rule(set_rule).key_bytes()).max().unwrap_or(0);
    bytes.div_ceil(8)
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
