//! Packet-set definitions as plain values, and what is wrong with them.
//!
//! The shapes are those of the contract (`types.rule`, `types.packet-set`). [`check`] finds the
//! first fault and names the packet set, the rule (counted from 1) and the field, so that the
//! author of a network function can mend it; what passes needs no further check.

use crate::headers::{TCP, UDP};
use crate::id::PORTS_MAX;
use std::fmt;

/// The most packet-set definitions of one network function.
pub const DEFINITIONS_MAX: usize = 255;

/// The layer at which a rule reads its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Every frame with an Ethernet header.
    Ethernet,
    /// Untagged IPv4 whose header and lengths are in order; options may be there.
    Ipv4,
    /// Untagged IPv6 in order, with no extension header before the transport.
    Ipv6,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethernet => "ethernet",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        })
    }
}

/// A header field of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Ethernet source address, 6 bytes.
    SourceMac,
    /// Ethernet destination address, 6 bytes.
    DestinationMac,
    /// IP source address, 4 or 16 bytes.
    SourceAddress,
    /// IP destination address, 4 or 16 bytes.
    DestinationAddress,
    /// IP protocol number, 1 byte.
    Protocol,
    /// TCP or UDP source port, 2 bytes.
    SourcePort,
    /// TCP or UDP destination port, 2 bytes.
    DestinationPort,
}

impl Field {
    /// Bytes of the field at a layer; none if the layer does not have it.
    pub fn byte_count(self, layer: Layer) -> Option<usize> {
        match (self, layer) {
            (Self::SourceMac | Self::DestinationMac, _) => Some(6),
            (_, Layer::Ethernet) => None,
            (Self::SourceAddress | Self::DestinationAddress, Layer::Ipv4) => Some(4),
            (Self::SourceAddress | Self::DestinationAddress, Layer::Ipv6) => Some(16),
            (Self::Protocol, _) => Some(1),
            (Self::SourcePort | Self::DestinationPort, _) => Some(2),
        }
    }

    /// Whether it is a port.
    pub fn is_port(self) -> bool {
        matches!(self, Self::SourcePort | Self::DestinationPort)
    }

    /// The same field of a packet in the other direction.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::SourceMac => Self::DestinationMac,
            Self::DestinationMac => Self::SourceMac,
            Self::SourceAddress => Self::DestinationAddress,
            Self::DestinationAddress => Self::SourceAddress,
            Self::Protocol => Self::Protocol,
            Self::SourcePort => Self::DestinationPort,
            Self::DestinationPort => Self::SourcePort,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceMac => "source-mac",
            Self::DestinationMac => "destination-mac",
            Self::SourceAddress => "source-address",
            Self::DestinationAddress => "destination-address",
            Self::Protocol => "protocol",
            Self::SourcePort => "source-port",
            Self::DestinationPort => "destination-port",
        })
    }
}

/// Which packets belong together, and by which fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRule {
    /// The ingress ports it holds for; none: all.
    pub ports: Vec<u16>,
    /// Where its fields are read.
    pub layer: Layer,
    /// The IP protocol numbers it holds for; none: all.
    pub protocols: Vec<u8>,
    /// The fields of the key, in their order.
    pub key: Vec<Field>,
    /// Whether both directions, seen at one port, are one: the smaller endpoint comes first.
    pub symmetric: bool,
}

impl KeyRule {
    /// Whether its key reads ports.
    pub fn reads_ports(&self) -> bool {
        self.key.iter().any(|field| field.is_port())
    }

    /// Bytes of its key; fields that its layer does not have count for nothing.
    pub fn key_bytes(&self) -> usize {
        self.key.iter().filter_map(|field| field.byte_count(self.layer)).sum()
    }
}

/// A packet-set definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRules {
    /// Its name, for messages.
    pub name: String,
    /// The first that a packet fits decides.
    pub rules: Vec<KeyRule>,
}

/// A definition that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct RuleError {
    /// Where.
    pub place: RulePlace,
    /// What is wrong, and what would be right.
    pub fault: RuleFault,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePlace {
    /// The list of packet sets.
    Sets,
    /// One packet set as a whole.
    Set(String),
    /// A rule of a packet set, from 1.
    SetRule(String, usize),
    /// A rule of the orphans, from 1.
    OrphanRule(usize),
}

impl fmt::Display for RulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sets => write!(f, "packet sets"),
            Self::Set(name) => write!(f, "packet set `{name}`"),
            Self::SetRule(name, rule) => write!(f, "packet set `{name}`, rule {rule}"),
            Self::OrphanRule(rule) => write!(f, "orphans, rule {rule}"),
        }
    }
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// More definitions than [`DEFINITIONS_MAX`].
    #[error("there are {0} of them, and at most {DEFINITIONS_MAX} can be")]
    TooManySets(usize),
    /// A name used twice.
    #[error("another packet set has this name already")]
    NameTaken,
    /// A definition without a rule.
    #[error("it has no rule, so no packet belongs to it; give it at least one")]
    NoRule,
    /// A key without a field.
    #[error("its key names no field; name at least one")]
    EmptyKey,
    /// A field named twice.
    #[error("its key names the field {0} twice; once is enough")]
    FieldTwice(Field),
    /// A field that the layer does not have.
    #[error("the field {0} does not exist at layer {1}; use layer ipv4 or ipv6")]
    NotAtLayer(Field, Layer),
    /// A rule that reads a port of any protocol.
    #[error("the field {0} needs the protocols it is read from; name 6 (TCP), 17 (UDP) or both")]
    NoProtocols(Field),
    /// A rule that reads a port of a protocol without ports.
    #[error("the field {0} is read from 6 (TCP) and 17 (UDP) only, not from protocol {1}")]
    ProtocolWithoutPorts(Field, u8),
    /// Protocols at a layer that has none.
    #[error("layer ethernet has no IP protocols; name none, or use layer ipv4 or ipv6")]
    ProtocolsAtEthernet,
    /// A symmetric rule with one half of a pair.
    #[error("it is symmetric and names the field {0}, so it must name {1} too")]
    HalfOfPair(Field, Field),
    /// A symmetric rule without a pair.
    #[error("it is symmetric, so its key must name a source and a destination")]
    NoPair,
    /// A port beyond [`PORTS_MAX`].
    #[error("there is no port {0}: ports are numbered from 0 to {max}", max = PORTS_MAX - 1)]
    NoSuchPort(u16),
    /// Keys of one set that differ in length.
    #[error("its key has {0} bytes and that of rule 1 has {1}; all rules of a set need as many")]
    LengthDiffers(usize, usize),
}

/// Finds the first fault.
///
/// # Errors
/// [`RuleError`], one line that names the place.
pub fn check(sets: &[SetRules], orphans: &[KeyRule]) -> Result<(), RuleError> {
    if sets.len() > DEFINITIONS_MAX {
        return Err(RuleError {
            place: RulePlace::Sets,
            fault: RuleFault::TooManySets(sets.len()),
        });
    }
    for (index, set) in sets.iter().enumerate() {
        let names = sets[..index].iter().map(|set| &set.name);
        check_set(set, names)?;
    }
    for (index, rule) in orphans.iter().enumerate() {
        check_rule(rule)
            .map_err(|fault| RuleError { place: RulePlace::OrphanRule(index + 1), fault })?;
    }
    Ok(())
}

fn check_set<'a>(
    set: &SetRules,
    mut names: impl Iterator<Item = &'a String>,
) -> Result<(), RuleError> {
    let whole = |fault| Err(RuleError { place: RulePlace::Set(set.name.clone()), fault });
    if names.any(|name| *name == set.name) {
        return whole(RuleFault::NameTaken);
    }
    let Some(first) = set.rules.first() else { return whole(RuleFault::NoRule) };
    for (index, rule) in set.rules.iter().enumerate() {
        let fault = match check_rule(rule) {
            Err(fault) => fault,
            Ok(()) if rule.key_bytes() == first.key_bytes() => continue,
            Ok(()) => RuleFault::LengthDiffers(rule.key_bytes(), first.key_bytes()),
        };
        return Err(RuleError { place: RulePlace::SetRule(set.name.clone(), index + 1), fault });
    }
    Ok(())
}

fn check_rule(rule: &KeyRule) -> Result<(), RuleFault> {
    if rule.key.is_empty() {
        return Err(RuleFault::EmptyKey);
    }
    if let Some(port) = rule.ports.iter().find(|port| **port >= PORTS_MAX) {
        return Err(RuleFault::NoSuchPort(*port));
    }
    if rule.layer == Layer::Ethernet && !rule.protocols.is_empty() {
        return Err(RuleFault::ProtocolsAtEthernet);
    }
    for (index, field) in rule.key.iter().enumerate() {
        if rule.key[..index].contains(field) {
            return Err(RuleFault::FieldTwice(*field));
        }
        check_field(rule, *field)?;
    }
    let has_pair = rule.key.iter().any(|field| field.reverse() != *field);
    if rule.symmetric && !has_pair { Err(RuleFault::NoPair) } else { Ok(()) }
}

fn check_field(rule: &KeyRule, field: Field) -> Result<(), RuleFault> {
    if field.byte_count(rule.layer).is_none() {
        return Err(RuleFault::NotAtLayer(field, rule.layer));
    }
    if field.is_port() {
        if rule.protocols.is_empty() {
            return Err(RuleFault::NoProtocols(field));
        }
        if let Some(other) = rule.protocols.iter().find(|p| ![TCP, UDP].contains(p)) {
            return Err(RuleFault::ProtocolWithoutPorts(field, *other));
        }
    }
    if rule.symmetric && !rule.key.contains(&field.reverse()) {
        return Err(RuleFault::HalfOfPair(field, field.reverse()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Field::*;

    fn rule(layer: Layer, protocols: &[u8], key: &[Field]) -> KeyRule {
        KeyRule {
            ports: vec![],
            layer,
            protocols: protocols.to_vec(),
            key: key.to_vec(),
            symmetric: false,
        }
    }

    fn set(rules: &[KeyRule]) -> SetRules {
        SetRules { name: "sessions".into(), rules: rules.to_vec() }
    }

    fn one(rule: &KeyRule) -> &[KeyRule] {
        std::slice::from_ref(rule)
    }

    fn message(rules: &[KeyRule]) -> String {
        check(&[set(rules)], &[]).unwrap_err().to_string()
    }

    #[test]
    fn every_fault_names_set_rule_and_field() {
        let good = rule(Layer::Ipv4, &[6], &[SourceAddress, DestinationPort]);
        assert_eq!(check(&[set(one(&good))], one(&good)), Ok(()));
        let cases = [
            (rule(Layer::Ethernet, &[], &[SourcePort]), "source-port does not exist at layer eth"),
            (rule(Layer::Ethernet, &[], &[Protocol]), "protocol does not exist at layer ethernet"),
            (rule(Layer::Ethernet, &[6], &[SourceMac]), "layer ethernet has no IP protocols"),
            (rule(Layer::Ipv4, &[], &[SourcePort]), "source-port needs the protocols"),
            (rule(Layer::Ipv4, &[6, 47], &[DestinationPort]), "not from protocol 47"),
            (rule(Layer::Ipv4, &[], &[]), "names no field"),
            (rule(Layer::Ipv6, &[], &[Protocol, Protocol]), "the field protocol twice"),
            (rule(Layer::Ipv4, &[], &[SourceAddress]), "4 bytes and that of rule 1 has 6"),
            (
                KeyRule { ports: vec![1, 64], ..good.clone() },
                "no port 64: ports are numbered from 0",
            ),
            (KeyRule { symmetric: true, ..good.clone() }, "source-address, so it must name destin"),
            (
                KeyRule { symmetric: true, ..rule(Layer::Ipv4, &[], &[Protocol]) },
                "must name a source and a destination",
            ),
        ];
        for (bad, expected) in cases {
            let message = message(&[good.clone(), bad]);
            assert!(message.starts_with("packet set `sessions`, rule 2: "), "{message}");
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains('\n'));
        }
    }

    #[test]
    fn faults_of_whole_sets_and_of_orphans_are_named() {
        assert_eq!(
            message(&[]),
            "packet set `sessions`: it has no rule, so no packet belongs to it; \
             give it at least one"
        );
        let mac = rule(Layer::Ethernet, &[], &[SourceMac]);
        let twice = check(&[set(one(&mac)), set(one(&mac))], &[]).unwrap_err();
        assert_eq!(twice.fault, RuleFault::NameTaken);
        let many: Vec<_> =
            (0..256).map(|i| SetRules { name: i.to_string(), rules: vec![mac.clone()] }).collect();
        assert_eq!(check(&many, &[]).unwrap_err().fault, RuleFault::TooManySets(256));
        let orphan = check(&[], &[mac, rule(Layer::Ipv4, &[], &[])]).unwrap_err();
        assert!(orphan.to_string().starts_with("orphans, rule 2: "));
    }

    #[test]
    fn the_longest_possible_key_fits() {
        let all = [
            SourceMac,
            DestinationMac,
            SourceAddress,
            DestinationAddress,
            Protocol,
            SourcePort,
            DestinationPort,
        ];
        let longest = rule(Layer::Ipv6, &[6], &all);
        assert_eq!(longest.key_bytes(), 49);
        assert!(longest.key_bytes() <= crate::key::KEY_BYTES_MAX);
    }
}
