//! From a frame to the packet set it belongs to.
//!
//! The rules of all definitions are checked once and compiled: per ingress port one list of the
//! rules that hold there, in the order in which they decide. A frame is looked at once
//! (`headers::shape`): which layers are in order, which protocol, where the transport begins. A
//! rule then fits if one bit of layers and one bit of protocols are set, and its key is collected
//! by a few loads (`gather`). A frame cut by a capture's snapshot length is judged by the bytes
//! that are there.

use crate::gather::{FiveTuple, Gather};
use crate::headers::shape::{self, Shape, shape};
use crate::id::{PORTS_MAX, PortId};
use crate::key::{KEY_BYTES_MAX, Key, SHORT_KEY_BYTES_MAX, ShortKey, tag};
use crate::quick::QuickRule;
use crate::rules::{KeyRule, Layer, RuleError, SetRules, check};

/// What a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A packet set.
    Set {
        /// The index of its definition.
        definition: u8,
        /// Which of the definition's sets.
        key: Key,
    },
    /// None.
    Orphan,
}

/// Packet-set definitions and orphan rules, compiled.
#[derive(Clone, Debug)]
pub struct Classifier {
    sets: RuleTable,
    /// The first rule of each port that a rule names.
    quick: Vec<QuickRule>,
    /// The first rule of every other.
    quick_elsewhere: QuickRule,
    definitions: Vec<SetRules>,
    orphans: Vec<KeyRule>,
}

impl Classifier {
    /// Checks and compiles definitions, and the rules by which orphans are steered.
    ///
    /// # Errors
    /// [`RuleError`]: one line that names the packet set, the rule and the field.
    pub fn new(sets: &[SetRules], orphans: &[KeyRule]) -> Result<Self, RuleError> {
        check(sets, orphans)?;
        let rules = sets.iter().enumerate().flat_map(|(definition, set)| {
            set.rules.iter().map(move |rule| (definition as u8, rule))
        });
        let table = RuleTable::new(
            rules.map(|(definition, rule)| (&rule.ports[..], CompiledRule::new(definition, rule))),
        );
        let mut quick: Vec<_> = table.lists().map(|rules| QuickRule::new(rules.first())).collect();
        Ok(Self {
            quick_elsewhere: quick.pop().expect("one list is for every other port"),
            quick,
            sets: table,
            definitions: sets.to_vec(),
            orphans: orphans.to_vec(),
        })
    }

    /// The packet set of a frame that arrived at a port.
    ///
    /// Reads nothing outside `bytes` and never panics, whatever they are. Cost: some
    /// forty cycles for a 5-tuple under the first rule, a few more for each rule that does not
    /// fit.
    // In place, so that the key is written once, where whoever asks wants it.
    #[inline(always)]
    pub fn classify(&self, port: PortId, bytes: &[u8]) -> Class {
        let rules = self.sets.of_port(port);
        if rules.is_empty() {
            return Class::Orphan;
        }
        let shape = shape(bytes);
        for rule in rules {
            if rule.fits(&shape) {
                let key = rule.key(bytes, &shape);
                return Class::Set { definition: rule.definition, key };
            }
        }
        Class::Orphan
    }

    /// The key of a frame that arrived at a port, if that is found quickly: if the first rule for
    /// the port fits, and its key is of at most 16 bytes and of one direction. `None` says nothing:
    /// then [`Self::classify`].
    #[inline(always)]
    pub fn quick_key(&self, port: PortId, bytes: &[u8]) -> Option<ShortKey> {
        self.quick.get(port.index()).unwrap_or(&self.quick_elsewhere).key(bytes)
    }

    /// Whether there are definitions at all; else every frame is an orphan.
    #[inline]
    pub fn has_sets(&self) -> bool {
        !self.definitions.is_empty()
    }

    /// The definitions it was made of.
    pub fn definitions(&self) -> &[SetRules] {
        &self.definitions
    }

    /// The orphan rules it was made of.
    pub fn orphans(&self) -> &[KeyRule] {
        &self.orphans
    }
}

/// One rule, compiled.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRule {
    fit: Fit,
    definition: u8,
    key: Gather,
    /// The key of the other direction, for a symmetric rule.
    reverse: Option<Gather>,
}

impl CompiledRule {
    fn new(definition: u8, rule: &KeyRule) -> Self {
        let reverse: Vec<_> = rule.key.iter().map(|field| field.reverse()).collect();
        Self {
            fit: Fit::new(rule),
            definition,
            key: Gather::new(rule.layer, &rule.key),
            reverse: rule.symmetric.then(|| Gather::new(rule.layer, &reverse)),
        }
    }

    /// Whether its keys are short and of one direction.
    pub(crate) fn has_quick_keys(&self) -> bool {
        self.reverse.is_none() && usize::from(self.key.byte_count()) <= SHORT_KEY_BYTES_MAX
    }

    /// What it collects, if it is that.
    pub(crate) fn five_tuple(&self) -> Option<FiveTuple> {
        self.key.five_tuple()
    }

    /// The protocols below 64 that it holds for, as bits.
    pub(crate) fn low_protocols(&self) -> u64 {
        self.fit.protocols[0]
    }

    /// Length and definition of its keys: [`ShortKey::tag`].
    pub(crate) fn tag(&self) -> u64 {
        tag(self.key.byte_count(), self.definition)
    }

    /// The key of a frame that it fits, if its keys are [quick](Self::has_quick_keys).
    #[inline(always)]
    pub(crate) fn short_key(&self, bytes: &[u8], shape: &Shape) -> Option<ShortKey> {
        let words = || self.key.collect_short(bytes, shape.transport);
        self.fits(shape).then(|| ShortKey::new(words(), self.tag()))
    }

    #[inline]
    fn fits(&self, shape: &Shape) -> bool {
        self.fit.holds(shape)
    }

    #[inline(always)]
    fn key(&self, bytes: &[u8], shape: &Shape) -> Key {
        let words = match &self.reverse {
            None => self.key.collect(bytes, shape.transport),
            Some(reverse) => self.key.collect_smaller(reverse, bytes, shape.transport),
        };
        Key::new(words, self.key.byte_count(), self.definition)
    }
}

/// Which frames a rule holds for, whatever the port.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    layer: u8,
    protocols: [u64; 4],
}

impl Fit {
    pub(crate) fn new(rule: &KeyRule) -> Self {
        let mut protocols = [if rule.protocols.is_empty() { u64::MAX } else { 0 }; 4];
        for protocol in &rule.protocols {
            protocols[usize::from(protocol >> 6)] |= 1 << (protocol & 63);
        }
        let layer = match (rule.layer, rule.reads_ports()) {
            (Layer::Ethernet, _) => shape::ETHERNET,
            (Layer::Ipv4, false) => shape::IPV4,
            (Layer::Ipv4, true) => shape::IPV4_PORTS,
            (Layer::Ipv6, false) => shape::IPV6,
            (Layer::Ipv6, true) => shape::IPV6_PORTS,
        };
        Self { layer, protocols }
    }

    #[inline]
    pub(crate) fn holds(&self, shape: &Shape) -> bool {
        let protocol = self.protocols[usize::from(shape.protocol >> 6)] >> (shape.protocol & 63);
        (shape.layers & self.layer != 0) & (protocol & 1 != 0)
    }
}

/// Rules by ingress port, each list in the order of the rules.
#[derive(Clone, Debug)]
pub(crate) struct RuleTable<R = CompiledRule> {
    rules: Vec<R>,
    /// Where the rules of a port lie; the last entry is for every port that no rule names.
    ranges: Vec<(u32, u32)>,
}

impl<R: Clone> RuleTable<R> {
    /// A table of rules, each with the ports it holds for; none: all.
    pub(crate) fn new<'a>(rules: impl Iterator<Item = (&'a [u16], R)>) -> Self {
        let given: Vec<_> = rules.collect();
        let named = given.iter().flat_map(|(ports, _)| ports.iter()).max();
        let named = named.map_or(0, |last| usize::from(*last) + 1).min(PORTS_MAX.into());
        let mut table = Self { rules: Vec::new(), ranges: Vec::new() };
        for port in 0..=named {
            let first = table.rules.len() as u32;
            let holds = |ports: &[u16]| ports.is_empty() || ports.contains(&(port as u16));
            let rules = given.iter().filter(|(ports, _)| holds(ports));
            table.rules.extend(rules.map(|(_, rule)| rule.clone()));
            table.ranges.push((first, table.rules.len() as u32));
        }
        table
    }

    /// The rules of each port, the last for every port that no rule names.
    fn lists(&self) -> impl Iterator<Item = &[R]> {
        self.ranges.iter().map(|(first, end)| &self.rules[*first as usize..*end as usize])
    }

    /// The rules that hold for a port.
    #[inline]
    pub(crate) fn of_port(&self, port: PortId) -> &[R] {
        let last = self.ranges.len() - 1;
        let (first, end) = self.ranges[port.index().min(last)];
        &self.rules[first as usize..end as usize]
    }
}

// Every field once makes the longest key there is.
const _: () = assert!(6 + 6 + 16 + 16 + 1 + 2 + 2 <= KEY_BYTES_MAX);
