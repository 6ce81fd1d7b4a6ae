//! What a network function says of itself before any packet: `types.description` of the contract,
//! checked.

use crate::exchange::EventKind;
use crate::services::Value;

/// The names under which the host itself drops packets, beside those of guest faults: no network
/// function may use them.
pub const HOST_REASONS: [&str; 9] = [
    "no_handler",
    "packet_set_table_full",
    "no_such_port",
    "frame_too_long",
    "frame_too_short",
    "transmit_refused",
    "no_buffer",
    "stopped",
    "packet_set_moving",
];

/// Which values of its type a parameter takes; `types.constraint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// All of them.
    Any,
    /// A number from the first to the second.
    Range(u64, u64),
    /// One of these.
    Choices(Vec<String>),
}

/// What of a structure a parameter sets; `types.setting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Room.
    Capacity,
    /// How long leases or entries are valid.
    Duration,
    /// By how much a refresh must prolong a lease.
    RefreshInterval,
    /// How old a merged value may be.
    Staleness,
    /// Time between two writes.
    WriteInterval,
    /// In which of several ways it is used.
    Method,
}

impl Setting {
    /// Its name in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Duration => "duration",
            Self::RefreshInterval => "refresh-interval",
            Self::Staleness => "staleness",
            Self::WriteInterval => "write-interval",
            Self::Method => "method",
        }
    }
}

/// A structure that a parameter sets something of; `types.relaxation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relaxation {
    /// What.
    pub setting: Setting,
    /// The structure's name, or the beginning of several and a `*`.
    pub structure: String,
}

impl Relaxation {
    /// Whether it is about the structure `name`.
    #[must_use]
    pub fn is_about(&self, name: &str) -> bool {
        match self.structure.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.structure,
        }
    }
}

/// Something the operator may set; `types.parameter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Its default, which has its type.
    pub default: Value,
    /// What else a value must obey.
    pub constraint: Constraint,
    /// Which conflicts a change of its value relaxes.
    pub relaxes: Vec<Relaxation>,
}

/// The layer at which a rule reads its fields; `types.layer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Every frame.
    Ethernet,
    /// Untagged IPv4.
    Ipv4,
    /// Untagged IPv6.
    Ipv6,
}

/// A header field of a key; `types.field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 6 bytes.
    SourceMac,
    /// 6 bytes.
    DestinationMac,
    /// 4 or 16 bytes.
    SourceAddress,
    /// 4 or 16 bytes.
    DestinationAddress,
    /// 1 byte.
    Protocol,
    /// 2 bytes.
    SourcePort,
    /// 2 bytes.
    DestinationPort,
}

/// Which packets belong to a packet set; `types.rule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Ingress ports; none: all.
    pub ports: Vec<u16>,
    /// Where its fields are read.
    pub layer: Layer,
    /// IP protocol numbers; none: all.
    pub protocols: Vec<u8>,
    /// The fields of the key.
    pub key: Vec<Field>,
    /// Whether the smaller endpoint comes first.
    pub symmetric: bool,
}

/// A packet-set definition; `types.packet-set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSet {
    /// Its name.
    pub name: String,
    /// The first rule that fits decides.
    pub rules: Vec<Rule>,
}

/// A network function's description; `types.description`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// The least number of ports.
    pub ports: u16,
    /// The kinds of events that it handles.
    pub handles: Vec<EventKind>,
    /// Its packet-set definitions.
    pub packet_sets: Vec<PacketSet>,
    /// Which orphans belong together.
    pub orphans: Vec<Rule>,
    /// Bytes of packet-set state.
    pub state_size: u32,
    /// Leading bytes of a frame that it sees; 0: all.
    pub window: u32,
    /// Bytes by which a frame may grow at its front.
    pub headroom: u32,
    /// What the operator may set.
    pub parameters: Vec<Parameter>,
    /// The names of its drop reasons.
    pub drop_reasons: Vec<String>,
    /// The names of the events it emits.
    pub events: Vec<String>,
}

/// What depends on parameters; `types.configuration`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Nanoseconds until an idle set expires; 0: never.
    pub idle_timeout_ns: u64,
    /// Room for packet sets, of all workers together.
    pub packet_sets: u32,
    /// The intervals of periodic events, in nanoseconds.
    pub periods_ns: Vec<u64>,
}
