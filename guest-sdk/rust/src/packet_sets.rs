//! Packet sets: which packets share state, and by which key.

use crate::contract;

pub use crate::contract::{Field, Layer};

/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// Source and destination of both layers, and the protocol.
pub const FIVE_TUPLE: [Field; 5] = [
    Field::SourceAddress,
    Field::DestinationAddress,
    Field::SourcePort,
    Field::DestinationPort,
    Field::Protocol,
];

/// The 5-tuple that the answer to a packet has: destination first.
pub const ANSWERING_FIVE_TUPLE: [Field; 5] = [
    Field::DestinationAddress,
    Field::SourceAddress,
    Field::DestinationPort,
    Field::SourcePort,
    Field::Protocol,
];

/// Which packets a rule is about, and the key that it reads from them.
///
/// ```
/// use nfos::prelude::*;
/// let from_lan = Rule::ipv4(FIVE_TUPLE).ports([0]).protocols([TCP, UDP]);
/// let stations = Rule::ethernet([Field::SourceMac]);
/// let one_way_or_the_other = Rule::ipv4(FIVE_TUPLE).protocols([TCP]).symmetric();
/// # let _ = (from_lan, stations, one_way_or_the_other);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Rule(contract::Rule);

impl Rule {
    fn at(layer: Layer, key: impl Into<Vec<Field>>) -> Self {
        let rule = contract::Rule {
            ports: Vec::new(),
            layer,
            protocols: Vec::new(),
            key: key.into(),
            symmetric: false,
        };
        Self(rule)
    }

    /// Untagged IPv4 packets; no fragments, if the key has ports.
    pub fn ipv4(key: impl Into<Vec<Field>>) -> Self {
        Self::at(Layer::Ipv4, key)
    }

    /// Untagged IPv6 packets without extension headers.
    pub fn ipv6(key: impl Into<Vec<Field>>) -> Self {
        Self::at(Layer::Ipv6, key)
    }

    /// Every frame with an Ethernet header.
    pub fn ethernet(key: impl Into<Vec<Field>>) -> Self {
        Self::at(Layer::Ethernet, key)
    }

    /// Only packets from these ports.
    pub fn ports(mut self, ports: impl Into<Vec<u16>>) -> Self {
        self.0.ports = ports.into();
        self
    }

    /// Only these protocols, by their IP protocol numbers. A key with ports wants some of
    /// [`TCP`] and [`UDP`].
    pub fn protocols(mut self, protocols: impl Into<Vec<u8>>) -> Self {
        self.0.protocols = protocols.into();
        self
    }

    /// Both directions of a conversation, seen at one port, are one set.
    pub fn symmetric(mut self) -> Self {
        self.0.symmetric = true;
        self
    }

    pub(crate) fn into_contract(self) -> contract::Rule {
        self.0
    }
}

/// A packet-set definition: packets whose keys have equal bytes are one set, and are handled by
/// one worker in their order of arrival.
#[derive(Clone, Debug)]
#[must_use]
pub struct PacketSet(contract::PacketSet);

impl PacketSet {
    /// A definition without rules, which no packet fits.
    pub fn new(name: &str) -> Self {
        Self(contract::PacketSet { name: name.to_owned(), rules: Vec::new() })
    }

    /// Adds a rule. The first that a packet fits decides.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.0.rules.push(rule.into_contract());
        self
    }

    pub(crate) fn into_contract(self) -> contract::PacketSet {
        self.0
    }
}
