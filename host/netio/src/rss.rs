//! Whether a network card can spread packets over workers as their packet sets need it.
//!
//! A card hashes what its driver lists as *flow types*: of IPv4 or IPv6 both addresses, or of their
//! TCP or UDP both addresses and both ports. It is believed only where its hash is, bit for bit,
//! what [`Steering`] computes: so [`plan`] accepts a packet set where all fields that the card
//! would hash are in the key and all fields of the key but the protocol are hashed, where one key
//! of the card serves all its rules, and where the card's table is as large as ours. Then ports
//! that a card spreads and ports that software steers agree, and both directions of a session meet
//! whichever way they come. Where anything is amiss, each field that does not fit is named, and
//! packets are steered in software.
//!
//! What a card announces is not enough by itself: some devices list flow types and have no key or
//! no table. And whether the addresses alone can be hashed of TCP and UDP differs from card to card
//! and is announced by none; [`Offer`] says which are known to.

use crate::headers::{TCP, UDP};
use crate::id::PortId;
use crate::rules::{Field, KeyRule, Layer, SetRules};
use crate::steering::{GroupHash, Steering};
use std::fmt;

/// Flow types, numbered as DPDK's `RTE_ETH_RSS_*`.
pub mod flow_types {
    /// IPv4, by its addresses.
    pub const IPV4: u64 = 1 << 2;
    /// Fragments of IPv4.
    pub const FRAG_IPV4: u64 = 1 << 3;
    /// TCP over IPv4, by addresses and ports.
    pub const IPV4_TCP: u64 = 1 << 4;
    /// UDP over IPv4.
    pub const IPV4_UDP: u64 = 1 << 5;
    /// Any other protocol over IPv4, by its addresses.
    pub const IPV4_OTHER: u64 = 1 << 7;
    /// IPv6, by its addresses.
    pub const IPV6: u64 = 1 << 8;
    /// Fragments of IPv6.
    pub const FRAG_IPV6: u64 = 1 << 9;
    /// TCP over IPv6.
    pub const IPV6_TCP: u64 = 1 << 10;
    /// UDP over IPv6.
    pub const IPV6_UDP: u64 = 1 << 11;
    /// Any other protocol over IPv6.
    pub const IPV6_OTHER: u64 = 1 << 13;
}

use flow_types::{
    FRAG_IPV4, FRAG_IPV6, IPV4, IPV4_OTHER, IPV4_TCP, IPV4_UDP, IPV6, IPV6_OTHER, IPV6_TCP,
    IPV6_UDP,
};

const BY_PORTS: u64 = IPV4_TCP | IPV4_UDP | IPV6_TCP | IPV6_UDP;
/// What Intel's drivers `i40e` and `ice` list in common, but for SCTP and frames without IP.
const OF_INTEL: u64 = BY_PORTS | FRAG_IPV4 | IPV4_OTHER | FRAG_IPV6 | IPV6_OTHER;

/// Bytes of the shortest key that hashes two IPv6 addresses and two ports.
const KEY_BYTES_MIN: u8 = 40;

/// What a card offers of receive-side scaling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// What it can hash, of [`flow_types`].
    pub flow_types: u64,
    /// Entries of its indirection table.
    pub table_entries: u16,
    /// Bytes of its key.
    pub key_bytes: u8,
    /// Whether TCP and UDP are hashed by their addresses alone where only IP is asked for. Cards
    /// that have a separate type for each protocol leave them unhashed.
    pub addresses_of_all: bool,
}

impl Offer {
    /// What a driver announces, and what is known of it.
    pub fn of_driver(driver: &str, flow_types: u64, table_entries: u16, key_bytes: u8) -> Self {
        let addresses_of_all = matches!(driver, "net_ice" | "mlx5_pci" | "net_mlx5");
        Self { flow_types, table_entries, key_bytes, addresses_of_all }
    }

    /// Whether there is anything to believe.
    fn is_full(&self) -> bool {
        self.flow_types != 0 && self.table_entries > 0 && self.key_bytes >= KEY_BYTES_MIN
    }
}

/// A card whose offer is known without having it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What its driver announces in DPDK 22.11.
    pub offer: Offer,
}

/// The cards that are known.
pub const PROFILES: [Profile; 4] = [
    Profile {
        name: "E810",
        offer: Offer {
            flow_types: OF_INTEL | IPV4 | IPV6,
            table_entries: 512,
            key_bytes: 52,
            addresses_of_all: true,
        },
    },
    Profile { name: "ConnectX-5", offer: CONNECT_X },
    Profile { name: "ConnectX-6", offer: CONNECT_X },
    Profile {
        name: "X710",
        offer: Offer {
            flow_types: OF_INTEL,
            table_entries: 512,
            key_bytes: 52,
            addresses_of_all: false,
        },
    },
];

const CONNECT_X: Offer = Offer {
    flow_types: OF_INTEL | IPV4 | IPV6,
    table_entries: 512,
    key_bytes: 40,
    addresses_of_all: true,
};

/// What a card is programmed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it hashes, of [`flow_types`].
    pub flow_types: u64,
    /// Whether under the symmetric key, otherwise the default one.
    pub symmetric: bool,
    /// A worker for each entry of its table.
    pub table: Vec<u16>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (IPV4, "ipv4"),
            (FRAG_IPV4, "ipv4-fragments"),
            (IPV4_TCP, "ipv4-tcp"),
            (IPV4_UDP, "ipv4-udp"),
            (IPV4_OTHER, "ipv4-other"),
            (IPV6, "ipv6"),
            (FRAG_IPV6, "ipv6-fragments"),
            (IPV6_TCP, "ipv6-tcp"),
            (IPV6_UDP, "ipv6-udp"),
            (IPV6_OTHER, "ipv6-other"),
        ];
        let hashed = names.iter().filter(|(flow_type, _)| self.flow_types & flow_type != 0);
        let hashed: Vec<_> = hashed.map(|(_, name)| *name).collect();
        let key = if self.symmetric { "symmetric" } else { "default" };
        write!(f, "{}, {key} key, table of {}", hashed.join(", "), self.table.len())
    }
}

/// Something that a card would do otherwise than the packet sets need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The rule, as the set's name and the rule's number from 1; none: the card as a whole.
    pub rule: Option<(String, usize)>,
    /// The field, if it is one.
    pub field: Option<Field>,
    /// What is amiss.
    pub why: &'static str,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((set, number)) = &self.rule {
            write!(f, "`{set}`, rule {number}: ")?;
        }
        if let Some(field) = self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(self.why)
    }
}

/// What a card at a port is programmed with so that it spreads packets as `steering` does.
///
/// # Errors
/// Everything that does not fit: packets of this port must be steered in software.
pub fn plan(steering: &Steering, port: PortId, offer: &Offer) -> Result<Plan, Vec<Misfit>> {
    let mut planning = Planning { offer, flow_types: 0, symmetric: None, misfits: Vec::new() };
    if !offer.is_full() {
        planning.misfit(None, None, "the device offers no hash with a key and a table of its own");
        return Err(planning.misfits);
    }
    for set in steering.classifier().definitions() {
        planning.set(set, port);
    }
    let of_port = |rule: &&KeyRule| rule.ports.is_empty() || rule.ports.contains(&port.raw());
    if steering.classifier().orphans().iter().any(|rule| of_port(&rule)) {
        planning.misfit(None, None, "packets of no set are steered by rules of their own");
    }
    let table = steering.table();
    let entries = usize::from(offer.table_entries);
    if !entries.is_power_of_two() || entries < table.len() {
        planning.misfit(None, None, "its table is too small for so many workers");
    }
    if planning.flow_types == 0 && planning.misfits.is_empty() {
        planning.misfit(None, None, "no packet set begins at this port");
    }
    match planning.misfits {
        misfits if misfits.is_empty() => Ok(Plan {
            flow_types: planning.flow_types,
            symmetric: planning.symmetric.unwrap_or(false),
            table: table.into_iter().cycle().take(entries).collect(),
        }),
        misfits => Err(misfits),
    }
}

struct Planning<'a> {
    offer: &'a Offer,
    flow_types: u64,
    symmetric: Option<bool>,
    misfits: Vec<Misfit>,
}

impl Planning<'_> {
    fn misfit(&mut self, rule: Option<(&str, usize)>, field: Option<Field>, why: &'static str) {
        let rule = rule.map(|(set, number)| (set.to_owned(), number));
        self.misfits.push(Misfit { rule, field, why });
    }

    fn set(&mut self, set: &SetRules, port: PortId) {
        let numbered = set.rules.iter().enumerate();
        let here: Vec<(usize, &KeyRule)> = numbered
            .filter(|(_, rule)| rule.ports.is_empty() || rule.ports.contains(&port.raw()))
            .collect();
        let Some((first, _)) = here.first() else { return };
        let symmetric = match GroupHash::of(&set.rules) {
            GroupHash::Plain => false,
            GroupHash::Symmetric => true,
            GroupHash::AsItStands => {
                let at = Some((&*set.name, first + 1));
                self.misfit(at, Some(Field::Protocol), "its rules have it at different places");
                return;
            }
        };
        if *self.symmetric.get_or_insert(symmetric) != symmetric {
            let why = "it needs another key than the packet set before it";
            self.misfit(Some((&set.name, first + 1)), None, why);
        }
        for (index, rule) in here {
            self.rule((&set.name, index + 1), rule);
        }
    }

    fn rule(&mut self, at: (&str, usize), rule: &KeyRule) {
        for field in rule.key.iter().filter(|field| is_mac(**field)) {
            self.misfit(Some(at), Some(*field), "no card hashes it");
        }
        if rule.layer == Layer::Ethernet {
            return;
        }
        let has = |field| rule.key.contains(&field);
        let by_ports = rule.reads_ports();
        let all = [
            Field::SourceAddress,
            Field::DestinationAddress,
            Field::SourcePort,
            Field::DestinationPort,
        ];
        let hashed = if by_ports { &all[..] } else { &all[..2] };
        for field in hashed.iter().filter(|field| !has(**field)) {
            self.misfit(Some(at), Some(*field), "the card hashes it, and the key does not have it");
        }
        let wanted =
            if by_ports { types_by_ports(rule) } else { self.types_by_addresses(at, rule) };
        if wanted & !self.offer.flow_types != 0 {
            let field = if by_ports { Field::SourcePort } else { Field::SourceAddress };
            self.misfit(Some(at), Some(field), "the card does not hash it of all these packets");
        }
        if self.clashes(rule, wanted) {
            let why = "another rule at this port wants TCP or UDP hashed otherwise";
            self.misfit(Some(at), None, why);
        }
        self.flow_types |= wanted;
    }

    /// The types for a rule whose key has no ports.
    fn types_by_addresses(&mut self, at: (&str, usize), rule: &KeyRule) -> u64 {
        if covers_ports(rule) && !self.offer.addresses_of_all {
            let why = "the card hashes addresses of TCP and UDP with the ports or not at all";
            self.misfit(Some(at), Some(Field::SourcePort), why);
        }
        let of_all = self.offer.addresses_of_all;
        match rule.layer {
            Layer::Ipv4 => FRAG_IPV4 | IPV4_OTHER | (if of_all { IPV4 } else { 0 }),
            _ => FRAG_IPV6 | IPV6_OTHER | (if of_all { IPV6 } else { 0 }),
        }
    }

    /// Whether packets of TCP or UDP would be hashed by addresses for one rule and by ports for
    /// another. Those with IP options fit the first, and the card knows no difference.
    fn clashes(&self, rule: &KeyRule, wanted: u64) -> bool {
        let by_ports = |types: u64, layer| match layer {
            Layer::Ipv4 => types & (IPV4_TCP | IPV4_UDP) != 0,
            _ => types & (IPV6_TCP | IPV6_UDP) != 0,
        };
        let by_addresses = |types: u64, layer| match layer {
            Layer::Ipv4 => types & IPV4 != 0,
            _ => types & IPV6 != 0,
        };
        let (before, layer) = (self.flow_types, rule.layer);
        by_ports(before, layer) && !rule.reads_ports() && covers_ports(rule)
            || by_addresses(before, layer) && by_ports(wanted, layer)
    }
}

fn is_mac(field: Field) -> bool {
    matches!(field, Field::SourceMac | Field::DestinationMac)
}

/// Whether packets of TCP or UDP may fit a rule.
fn covers_ports(rule: &KeyRule) -> bool {
    rule.protocols.is_empty() || rule.protocols.contains(&TCP) || rule.protocols.contains(&UDP)
}

/// The types for a rule whose key has ports.
fn types_by_ports(rule: &KeyRule) -> u64 {
    let wants = |protocol| rule.protocols.is_empty() || rule.protocols.contains(&protocol);
    let (tcp, udp) = match rule.layer {
        Layer::Ipv4 => (IPV4_TCP, IPV4_UDP),
        _ => (IPV6_TCP, IPV6_UDP),
    };
    let of = |protocol, flow_type| if wants(protocol) { flow_type } else { 0 };
    of(TCP, tcp) | of(UDP, udp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classifier::Classifier;
    use Field::*;

    const FIVE: [Field; 5] =
        [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
    const BACK: [Field; 5] =
        [DestinationAddress, SourceAddress, DestinationPort, SourcePort, Protocol];

    fn rule(ports: &[u16], layer: Layer, protocols: &[u8], key: &[Field]) -> KeyRule {
        let (ports, protocols, key) = (ports.to_vec(), protocols.to_vec(), key.to_vec());
        KeyRule { ports, layer, protocols, key, symmetric: false }
    }

    fn planned(profile: &str, rules: &[KeyRule], workers: usize) -> Result<Plan, Vec<String>> {
        let set = SetRules { name: "s".to_owned(), rules: rules.to_vec() };
        let steering = Steering::new(Classifier::new(&[set], &[]).unwrap(), workers).unwrap();
        let profile = PROFILES.iter().find(|known| known.name == profile).unwrap();
        plan(&steering, PortId::new(0), &profile.offer)
            .map_err(|misfits| misfits.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn sessions_fit_every_card_that_is_known_under_the_symmetric_key() {
        let rules =
            [rule(&[0], Layer::Ipv4, &[6, 17], &FIVE), rule(&[1], Layer::Ipv4, &[6, 17], &BACK)];
        for profile in PROFILES {
            let plan = planned(profile.name, &rules, 3).unwrap();
            assert_eq!((plan.flow_types, plan.symmetric), (IPV4_TCP | IPV4_UDP, true));
            assert_eq!(plan.table.len(), 512);
            assert!(plan.table.iter().zip(0..).all(|(worker, entry)| *worker == entry % 128 % 3));
        }
        let one_way = planned("X710", &rules[..1], 2).unwrap();
        assert!(!one_way.symmetric);
    }

    #[test]
    fn each_field_that_does_not_fit_is_named() {
        let misfits = |profile, rules: &[KeyRule]| planned(profile, rules, 2).unwrap_err();
        let mac = rule(&[], Layer::Ethernet, &[], &[SourceMac, DestinationMac]);
        assert_eq!(
            misfits("E810", &[mac]),
            [
                "`s`, rule 1: source-mac: no card hashes it",
                "`s`, rule 1: destination-mac: no card hashes it"
            ]
        );
        let half = rule(&[], Layer::Ipv4, &[17], &[DestinationAddress, DestinationPort]);
        assert_eq!(
            misfits("E810", &[half]),
            [
                "`s`, rule 1: source-address: the card hashes it, and the key does not have it",
                "`s`, rule 1: source-port: the card hashes it, and the key does not have it"
            ]
        );
        let protocol = rule(&[], Layer::Ipv4, &[], &[Protocol]);
        assert_eq!(misfits("ConnectX-5", &[protocol]).len(), 2);
    }

    #[test]
    fn addresses_alone_fit_cards_that_hash_them_of_every_protocol() {
        let pair = [rule(&[], Layer::Ipv4, &[], &[SourceAddress, DestinationAddress])];
        for name in ["E810", "ConnectX-5", "ConnectX-6"] {
            let plan = planned(name, &pair, 2).unwrap();
            assert_eq!(plan.flow_types, IPV4 | FRAG_IPV4 | IPV4_OTHER);
        }
        let refused = planned("X710", &pair, 2).unwrap_err();
        assert!(refused[0].starts_with("`s`, rule 1: source-port: the card hashes addresses"));
        let icmp = [rule(&[], Layer::Ipv4, &[1], &[SourceAddress, DestinationAddress])];
        assert_eq!(planned("X710", &icmp, 2).unwrap().flow_types, FRAG_IPV4 | IPV4_OTHER);
    }

    #[test]
    fn rules_that_want_one_packet_hashed_in_two_ways_are_refused() {
        let sets = [
            SetRules { name: "flow".to_owned(), rules: vec![rule(&[], Layer::Ipv4, &[6], &FIVE)] },
            SetRules {
                name: "pair".to_owned(),
                rules: vec![rule(&[], Layer::Ipv4, &[], &[SourceAddress, DestinationAddress])],
            },
        ];
        for sets in [sets.clone(), [sets[1].clone(), sets[0].clone()]] {
            let steering = Steering::new(Classifier::new(&sets, &[]).unwrap(), 2).unwrap();
            let misfits = plan(&steering, PortId::new(0), &PROFILES[0].offer).unwrap_err();
            assert_eq!(misfits.len(), 1, "{misfits:?}");
            assert!(misfits[0].to_string().contains("another rule at this port"), "{misfits:?}");
        }
    }

    #[test]
    fn what_is_not_offered_in_full_is_not_believed() {
        let set =
            SetRules { name: "s".to_owned(), rules: vec![rule(&[], Layer::Ipv4, &[6], &FIVE)] };
        let steering = Steering::new(Classifier::new(&[set], &[]).unwrap(), 2).unwrap();
        let full = PROFILES[0].offer;
        assert!(plan(&steering, PortId::new(0), &full).is_ok());
        let partly = [
            Offer { flow_types: 0, ..full },
            Offer { table_entries: 0, ..full },
            Offer { table_entries: 64, ..full },
            Offer { table_entries: 500, ..full },
            Offer { key_bytes: 0, ..full },
            Offer { flow_types: full.flow_types & !IPV4_TCP, ..full },
        ];
        for offer in partly {
            assert_eq!(plan(&steering, PortId::new(0), &offer).unwrap_err().len(), 1, "{offer:?}");
        }
    }

    #[test]
    fn more_workers_than_the_table_is_made_for_are_refused() {
        let rules = [rule(&[], Layer::Ipv4, &[6], &FIVE)];
        assert!(planned("E810", &rules, 32).is_ok());
        let refused = planned("E810", &rules, 33).unwrap_err();
        assert_eq!(refused, ["its table is too small for so many workers"]);
    }

    #[test]
    fn a_card_hashes_as_software_does() {
        use crate::toeplitz::{DEFAULT_KEY, SYMMETRIC_KEY, Toeplitz};
        let rules =
            [rule(&[0], Layer::Ipv4, &[6, 17], &FIVE), rule(&[1], Layer::Ipv4, &[6, 17], &BACK)];
        for rules in [&rules[..], &rules[..1]] {
            let set = SetRules { name: "s".to_owned(), rules: rules.to_vec() };
            let steering = Steering::new(Classifier::new(&[set], &[]).unwrap(), 5).unwrap();
            let plan = plan(&steering, PortId::new(0), &PROFILES[0].offer).unwrap();
            let card = Toeplitz::new(if plan.symmetric { &SYMMETRIC_KEY } else { &DEFAULT_KEY });
            let workload = crate::Workload { flows: 500, packets: 1_000, ..Default::default() };
            let trace = crate::synthetic::trace(PortId::new(0), &workload);
            let mut compared = 0;
            for (bytes, _) in trace.frames() {
                // What the card takes from a packet: addresses and ports, in their order.
                let hash = card.hash(&bytes[26..38]);
                let entry = hash as usize % plan.table.len();
                let worker = usize::from(plan.table[entry]);
                assert_eq!(worker, steering.worker(PortId::new(0), bytes));
                compared += 1;
            }
            assert_eq!(compared, 1_000);
        }
    }
}
