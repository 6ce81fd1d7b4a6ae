//! Which worker a frame goes to: Toeplitz over header fields, then an indirection table.
//!
//! # What is hashed
//! - A packet of a set: the fields of the rule it fits, in header order (MAC addresses, IP
//!   addresses, ports; source before destination), without the protocol. Where every rule of the
//!   definition lists its fields in that order, the default key serves. Where one does not, or is
//!   symmetric, packets of both directions must meet: the symmetric key serves, under which all
//!   16-bit units of the input weigh the same.
//! - An orphan: the fields of the first orphan rule it fits, likewise. Without one: its addresses
//!   and ports (TCP and UDP, unfragmented), else its IP addresses, else its MAC addresses, under
//!   the default key. A frame without an Ethernet header hashes to 0.
//!
//! # What a NIC computes
//! The same, where it offers the fields at all: for {source address, destination address} and
//! those with {source port, destination port} it is plain RSS of IPv4 or IPv6 with this key, and
//! the low bits of the hash index its table as they do here. The protocol is hashed by no NIC;
//! leaving it out makes sets that differ only there meet one worker, which is allowed. For part
//! of those fields, or for MAC addresses, a NIC must offer the selection, and then hashes the
//! selected bytes alone. Keys whose equality does not follow from equal 16-bit units (the protocol
//! at different places in two rules of one set) are hashed as they stand, which no NIC does.
//!
//! # The table
//! Sixteen entries per worker, rounded up to a power of two, at least 128; worker numbers take
//! turns, so that no two workers differ by more than one entry. It is one for all clones of a
//! [`Steering`], and may be changed while they steer: see [`Steering::assign`].

mod key_hash;
mod lane;
pub(crate) mod spread;

use crate::classifier::{Class, Classifier, Fit, RuleTable};
use crate::gather::Gather;
use crate::headers::shape::shape;
use crate::headers::{TCP, UDP};
use crate::id::PortId;
use crate::key::Key;
use crate::rules::{Field, KeyRule, Layer};
use crate::toeplitz::{DEFAULT_KEY, SymmetricToeplitz, Toeplitz};
use key_hash::KeyHash;
use nfos_sync::Arc;
use nfos_sync::atomic::{AtomicU16, Ordering};

/// The most workers there can be.
pub const WORKERS_MAX: usize = 1023;

const ENTRIES_MIN: usize = 128;
const ENTRIES_PER_WORKER: usize = 16;

/// A number of workers that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} workers: there must be from 1 to {WORKERS_MAX}")]
pub struct WorkerCountError(pub usize);

/// The way of every frame to its worker.
#[derive(Clone, Debug)]
pub struct Steering {
    classifier: Classifier,
    rules: RuleTable<HashRule>,
    plain: Toeplitz,
    symmetric: SymmetricToeplitz,
    /// By definition: how its keys are hashed.
    keys: Vec<KeyHash>,
    /// By entry: its worker.
    // Relaxed: an entry is a number by itself. Who has to know that all use the new one passes the
    // locks of those who steer, see `spread`.
    table: Arc<[AtomicU16]>,
    workers: usize,
}

impl Steering {
    /// Steers what the classifier tells apart to `workers` workers.
    ///
    /// # Errors
    /// [`WorkerCountError`] unless there are from 1 to [`WORKERS_MAX`].
    pub fn new(classifier: Classifier, workers: usize) -> Result<Self, WorkerCountError> {
        if !(1..=WORKERS_MAX).contains(&workers) {
            return Err(WorkerCountError(workers));
        }
        let fallback = fallback_rules();
        let definitions = classifier.definitions().iter().map(|set| &set.rules[..]);
        let groups = definitions.clone().chain([classifier.orphans(), &fallback]);
        let rules = RuleTable::new(groups.flat_map(compile_group));
        let entries = (workers * ENTRIES_PER_WORKER).next_power_of_two().max(ENTRIES_MIN);
        let worker = |entry| AtomicU16::new((entry % workers) as u16);
        Ok(Self {
            rules,
            plain: Toeplitz::new(&DEFAULT_KEY),
            symmetric: SymmetricToeplitz::new(),
            keys: definitions.map(KeyHash::new).collect(),
            table: (0..entries).map(worker).collect(),
            workers,
            classifier,
        })
    }

    /// The hash of a frame that arrived at a port.
    ///
    /// Reads nothing outside `bytes` and never panics. Cost: about that of
    /// [`Classifier::classify`], and one table look-up per byte hashed.
    #[inline]
    pub fn hash(&self, port: PortId, bytes: &[u8]) -> u32 {
        let shape = shape(bytes);
        let fits = |rule: &&HashRule| rule.fit.holds(&shape);
        let Some(rule) = self.rules.of_port(port).iter().find(fits) else { return 0 };
        let words = match &rule.reverse {
            None => rule.input.collect(bytes, shape.transport),
            Some(reverse) => rule.input.collect_smaller(reverse, bytes, shape.transport),
        };
        match rule.key {
            HashKey::Plain => self.plain.hash_words(&words, rule.input.byte_count()),
            HashKey::Symmetric => self.symmetric.hash_words(&words),
        }
    }

    /// The entry of the table for a frame that arrived at a port; below [`Self::entries`].
    #[inline]
    pub fn entry(&self, port: PortId, bytes: &[u8]) -> usize {
        self.hash(port, bytes) as usize & (self.table.len() - 1)
    }

    /// The entry of the table for all packets of a set, by its key: the same as for each of them.
    ///
    /// Cost: about that of [`Self::hash`].
    pub fn entry_of(&self, key: &Key) -> usize {
        self.hash_of(key) as usize & (self.table.len() - 1)
    }

    /// The hash of all packets of a set.
    fn hash_of(&self, key: &Key) -> u32 {
        let Some(hash) = self.keys.get(usize::from(key.definition())) else { return 0 };
        let (words, byte_count) = hash.input(key);
        match hash.key {
            HashKey::Plain => self.plain.hash_words(&words, byte_count),
            HashKey::Symmetric => self.symmetric.hash_words(&words),
        }
    }

    /// The worker of a frame that arrived at a port; below [`Self::workers`].
    #[inline]
    pub fn worker(&self, port: PortId, bytes: &[u8]) -> usize {
        self.worker_at(self.entry(port, bytes))
    }

    /// The worker of an entry.
    ///
    /// # Panics
    /// If there is no such entry.
    #[inline]
    pub fn worker_at(&self, entry: usize) -> usize {
        usize::from(self.table[entry].load(Ordering::Relaxed))
    }

    /// Gives an entry to a worker, in all clones of this steering.
    ///
    /// Who steers may use the old one for some time yet, and a device until it is told:
    /// [`Resteer::follow`](crate::Resteer::follow) ends that. Whoever calls this sees to it that
    /// the packets of one set stay in order, and that their state moves with them.
    ///
    /// # Panics
    /// If there is no such entry or worker.
    pub fn assign(&self, entry: usize, worker: usize) {
        assert!(worker < self.workers, "an entry is of one of the workers");
        self.table[entry].store(worker as u16, Ordering::Relaxed);
    }

    /// How many workers there are.
    #[inline]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// How many entries the table has: a power of two.
    #[inline]
    pub fn entries(&self) -> usize {
        self.table.len()
    }

    /// The indirection table as it is now: a worker per entry.
    pub fn table(&self) -> Vec<u16> {
        self.table.iter().map(|worker| worker.load(Ordering::Relaxed)).collect()
    }

    /// The classifier it steers by.
    #[inline]
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// The packet set of a frame; see [`Classifier::classify`].
    #[inline]
    pub fn classify(&self, port: PortId, bytes: &[u8]) -> Class {
        self.classifier.classify(port, bytes)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HashKey {
    Plain,
    Symmetric,
}

/// One rule, compiled for hashing.
#[derive(Clone, Debug)]
struct HashRule {
    fit: Fit,
    input: Gather,
    /// The input of the other direction, where the smaller of the two is hashed.
    reverse: Option<Gather>,
    key: HashKey,
}

/// What is hashed of the packets of one definition, or of the orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupHash {
    /// The fields in header order, without the protocol, under the default key.
    Plain,
    /// The same under the symmetric key.
    Symmetric,
    /// The keys as they stand, of a symmetric rule the smaller direction; no card does that.
    AsItStands,
}

impl GroupHash {
    /// Of these rules, within which equal keys must give equal hashes.
    pub(crate) fn of(rules: &[KeyRule]) -> Self {
        let in_order = rules.iter().all(|rule| {
            let hashed = rule.key.iter().filter(|field| **field != Field::Protocol);
            !rule.symmetric && hashed.is_sorted_by_key(|field| rank(*field))
        });
        match (units_decide(rules), in_order) {
            (false, _) => Self::AsItStands,
            (true, true) => Self::Plain,
            (true, false) => Self::Symmetric,
        }
    }
}

/// Compiles the rules of one definition, or of the orphans.
fn compile_group(rules: &[KeyRule]) -> impl Iterator<Item = (&[u16], HashRule)> {
    let group = GroupHash::of(rules);
    rules.iter().map(move |rule| {
        let compile = |fields: &[Field]| Gather::new(rule.layer, fields);
        let reverse: Vec<_> = rule.key.iter().map(|field| field.reverse()).collect();
        let (input, reverse, key) = match group {
            GroupHash::Plain => (compile(&hash_fields(rule)), None, HashKey::Plain),
            GroupHash::Symmetric => (compile(&hash_fields(rule)), None, HashKey::Symmetric),
            GroupHash::AsItStands => {
                let reverse = rule.symmetric.then(|| compile(&reverse));
                (compile(&rule.key), reverse, HashKey::Plain)
            }
        };
        (&rule.ports[..], HashRule { fit: Fit::new(rule), input, reverse, key })
    })
}

/// Whether equal keys are made of equal 16-bit units without the protocol: it must stand at one
/// place in all keys of one length.
fn units_decide(rules: &[KeyRule]) -> bool {
    let protocol_at = |rule: &KeyRule| {
        let before = rule.key.iter().take_while(|field| **field != Field::Protocol);
        let bytes: usize = before.filter_map(|field| field.byte_count(rule.layer)).sum();
        rule.key.contains(&Field::Protocol).then_some(bytes)
    };
    rules.iter().enumerate().all(|(index, rule)| {
        let before = &rules[..index];
        let mut same_length = before.iter().filter(|other| other.key_bytes() == rule.key_bytes());
        same_length.all(|other| protocol_at(other) == protocol_at(rule))
    })
}

/// The fields of a rule that are hashed, in header order.
fn hash_fields(rule: &KeyRule) -> Vec<Field> {
    let mut fields: Vec<Field> =
        rule.key.iter().copied().filter(|field| *field != Field::Protocol).collect();
    fields.sort_by_key(|field| rank(*field));
    if fields.is_empty() { rule.key.clone() } else { fields }
}

/// The place of a field in the input of a hash, where the protocol never is beside others.
fn rank(field: Field) -> u8 {
    match field {
        Field::SourceMac => 0,
        Field::DestinationMac => 1,
        Field::SourceAddress => 2,
        Field::DestinationAddress => 3,
        Field::SourcePort => 4,
        Field::DestinationPort => 5,
        Field::Protocol => 6,
    }
}

/// The rules for orphans that no rule of the network function fits.
fn fallback_rules() -> Vec<KeyRule> {
    use Field::{
        DestinationAddress, DestinationMac, DestinationPort, SourceAddress, SourceMac, SourcePort,
    };
    let rule = |layer, protocols: &[u8], key: &[Field]| KeyRule {
        ports: vec![],
        layer,
        protocols: protocols.to_vec(),
        key: key.to_vec(),
        symmetric: false,
    };
    let tuple = [SourceAddress, DestinationAddress, SourcePort, DestinationPort];
    vec![
        rule(Layer::Ipv4, &[TCP, UDP], &tuple),
        rule(Layer::Ipv6, &[TCP, UDP], &tuple),
        rule(Layer::Ipv4, &[], &tuple[..2]),
        rule(Layer::Ipv6, &[], &tuple[..2]),
        rule(Layer::Ethernet, &[], &[SourceMac, DestinationMac]),
    ]
}
