//! The imports of the contract over standard collections, for one thread and one order.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::cell::Words;
use crate::contract::Value;
use crate::native::{Hashing, Imports, Level, MapEntry, Merge};

/// What handlers reach: structures, time, and what they sent, logged and emitted.
///
/// Everything that would end a guest's run panics here.
#[derive(Clone, Default)]
pub struct World {
    parameters: HashMap<String, Value>,
    /// Whether structures may be opened.
    pub(super) starting: bool,
    pub(super) now_ns: u64,
    random: u64,
    structures: Vec<(String, Structure)>,
    /// Frames sent beside the packets' own, each with its port.
    pub sent: Vec<(u16, Vec<u8>)>,
    /// Lines logged.
    pub logged: Vec<(Level, String)>,
    /// Events emitted: index and value.
    pub emitted: Vec<(u32, u64)>,
}

#[derive(Clone)]
enum Structure {
    Vector(Vec<Words>),
    Map { capacity: usize, key_size: usize, hashing: Hashing, entries: Entries },
    Allocator(Leases),
    Distributed { merges: Vec<Merge>, staleness_ns: u64, cell: Words },
    Parts { staleness_ns: u64, cell: Words },
}

/// The entries of a map, each with the number of its insertion: the order in which one goes
/// through them.
#[derive(Clone, Default)]
struct Entries {
    held: HashMap<Vec<u8>, (u64, Words)>,
    insertions: u64,
}

impl Entries {
    fn insert(&mut self, key: &[u8], value: Words) {
        if let Some((_, old)) = self.held.get_mut(key) {
            *old = value;
        } else {
            self.held.insert(key.to_owned(), (self.insertions, value));
            self.insertions += 1;
        }
    }

    fn next(&self, at: u64) -> Option<MapEntry> {
        let behind = self.held.iter().filter(|(_, (number, _))| *number >= at);
        let (bytes, (number, value)) = behind.min_by_key(|(_, (number, _))| *number)?;
        let mut key = [0; 64];
        key[..bytes.len()].copy_from_slice(bytes);
        let (key_length, next) = (bytes.len() as u32, number + 1);
        Some(MapEntry { key, key_length, value: *value, next })
    }
}

#[derive(Clone)]
struct Leases {
    refresh_interval_ns: u64,
    /// By id, of those held.
    deadlines: Vec<Option<u64>>,
    /// The same, soonest first.
    held: BTreeSet<(u64, u32)>,
    free: VecDeque<u32>,
}

impl Leases {
    /// Changes the deadline of an id and answers the old one.
    fn set(&mut self, id: u32, deadline: Option<u64>) -> Option<u64> {
        let old = std::mem::replace(&mut self.deadlines[id as usize], deadline);
        old.map(|at| self.held.remove(&(at, id)));
        self.held.extend(deadline.map(|at| (at, id)));
        old
    }
}

impl Structure {
    /// What two opens of one name must agree on.
    fn shape(&self) -> (u8, usize, u64) {
        match self {
            Self::Vector(cells) => (0, cells.len(), 0),
            Self::Map { capacity, key_size, hashing, .. } => {
                (1, *capacity, (*key_size as u64) << 1 | u64::from(*hashing == Hashing::Plain))
            }
            Self::Allocator(leases) => (2, leases.deadlines.len(), leases.refresh_interval_ns),
            Self::Distributed { merges, staleness_ns, .. } => (3, merges.len(), *staleness_ns),
            Self::Parts { staleness_ns, .. } => (4, 1, *staleness_ns),
        }
    }
}

macro_rules! structure {
    ($world:expr, $handle:expr, $pattern:pat => $answer:expr) => {
        match &mut $world.structures[$handle as usize].1 {
            $pattern => $answer,
            _ => panic!("the handle {} is of another structure", $handle),
        }
    };
}

impl World {
    pub(super) fn starting(parameters: HashMap<String, Value>) -> Self {
        Self { parameters, starting: true, ..Self::default() }
    }

    fn open(&mut self, name: &str, structure: Structure) -> u32 {
        assert!(self.starting, "`{name}` is opened outside `init`");
        let (kind, size, detail) = structure.shape();
        assert!(size > 0, "`{name}` is opened with room for nothing");
        if let Some(at) = self.structures.iter().position(|(open, _)| open == name) {
            let same = self.structures[at].1.shape() == (kind, size, detail);
            assert!(same, "`{name}` is open with another shape");
            return at as u32;
        }
        self.structures.push((name.to_owned(), structure));
        self.structures.len() as u32 - 1
    }

    /// The cell `index` of the vector `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn vector_cell(&self, name: &str, index: usize) -> Words {
        match self.structures.iter().find(|(open, _)| open == name) {
            Some((_, Structure::Vector(cells))) => cells[index],
            _ => panic!("no vector `{name}` is open"),
        }
    }

    /// The merged value of the distributed object `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn distributed_cell(&self, name: &str) -> Words {
        match self.structures.iter().find(|(open, _)| open == name) {
            Some((_, Structure::Distributed { cell, .. })) => *cell,
            _ => panic!("no distributed object `{name}` is open"),
        }
    }

    /// How many ids of the allocator `name` are held.
    ///
    /// # Panics
    /// If there is none.
    pub fn held(&self, name: &str) -> usize {
        match self.structures.iter().find(|(open, _)| open == name) {
            Some((_, Structure::Allocator(leases))) => leases.held.len(),
            _ => panic!("no allocator `{name}` is open"),
        }
    }

    /// How many keys the map `name` has.
    ///
    /// # Panics
    /// If there is none.
    pub fn map_len(&self, name: &str) -> usize {
        match self.structures.iter().find(|(open, _)| open == name) {
            Some((_, Structure::Map { entries, .. })) => entries.held.len(),
            _ => panic!("no map `{name}` is open"),
        }
    }
}

impl Imports for World {
    fn begin(&mut self, _: u32) -> bool {
        true
    }

    fn parameter(&mut self, name: &str) -> Value {
        assert!(self.starting, "the parameter `{name}` is asked for outside `init`");
        self.parameters[name].clone()
    }

    fn open_vector(&mut self, name: &str, length: u32) -> u32 {
        self.open(name, Structure::Vector(vec![[0; 6]; length as usize]))
    }

    fn vector_read(&mut self, vector: u32, index: u32) -> Words {
        structure!(self, vector, Structure::Vector(cells) => cells[index as usize])
    }

    fn vector_write(&mut self, vector: u32, index: u32, value: Words) {
        structure!(self, vector, Structure::Vector(cells) => cells[index as usize] = value);
    }

    fn vector_add(&mut self, vector: u32, index: u32, word: u8, delta: i64) {
        structure!(self, vector, Structure::Vector(cells) => {
            let word = &mut cells[index as usize][usize::from(word)];
            *word = word.wrapping_add_signed(delta);
        });
    }

    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> u32 {
        self.open_map_with(name, capacity, key_size, Hashing::Keyed)
    }

    fn open_map_with(&mut self, name: &str, capacity: u32, key_size: u32, hashing: Hashing) -> u32 {
        let (capacity, key_size) = (capacity as usize, key_size as usize);
        let entries = Entries::default();
        self.open(name, Structure::Map { capacity, key_size, hashing, entries })
    }

    fn map_get(&mut self, map: u32, key: &[u8]) -> Option<Words> {
        structure!(self, map, Structure::Map { entries, .. } => {
            entries.held.get(key).map(|(_, value)| *value)
        })
    }

    fn map_set(&mut self, map: u32, key: &[u8], value: Words) -> bool {
        structure!(self, map, Structure::Map { capacity, entries, .. } => {
            if entries.held.len() == *capacity && !entries.held.contains_key(key) {
                return false;
            }
            entries.insert(key, value);
            true
        })
    }

    fn map_remove(&mut self, map: u32, key: &[u8]) -> bool {
        structure!(self, map, Structure::Map { entries, .. } => entries.held.remove(key).is_some())
    }

    fn map_len(&mut self, map: u32) -> u32 {
        structure!(self, map, Structure::Map { entries, .. } => entries.held.len() as u32)
    }

    fn map_next(&mut self, map: u32, at: u64) -> Option<MapEntry> {
        structure!(self, map, Structure::Map { entries, .. } => entries.next(at))
    }

    fn open_allocator(&mut self, name: &str, capacity: u32, refresh_interval_ns: u64) -> u32 {
        let deadlines = vec![None; capacity as usize];
        let (held, free) = (BTreeSet::new(), (0..capacity).collect());
        let leases = Leases { refresh_interval_ns, deadlines, held, free };
        self.open(name, Structure::Allocator(leases))
    }

    fn allocate(&mut self, allocator: u32, duration_ns: u64) -> Option<u32> {
        let deadline = self.now_ns.saturating_add(duration_ns);
        structure!(self, allocator, Structure::Allocator(leases) => {
            let id = leases.free.pop_front()?;
            leases.set(id, Some(deadline));
            Some(id)
        })
    }

    fn refresh(&mut self, allocator: u32, id: u32, duration_ns: u64) -> bool {
        let renewed = self.now_ns.saturating_add(duration_ns);
        structure!(self, allocator, Structure::Allocator(leases) => {
            let Some(deadline) = leases.deadlines[id as usize] else { return false };
            if renewed >= deadline.saturating_add(leases.refresh_interval_ns) {
                leases.set(id, Some(renewed));
            }
            true
        })
    }

    fn free(&mut self, allocator: u32, id: u32) {
        structure!(self, allocator, Structure::Allocator(leases) => {
            assert!(leases.set(id, None).is_some(), "the id {id} is not held");
            leases.free.push_back(id);
        });
    }

    fn is_live(&mut self, allocator: u32, id: u32) -> bool {
        let now = self.now_ns;
        structure!(self, allocator, Structure::Allocator(leases) => {
            leases.deadlines[id as usize].is_some_and(|deadline| deadline >= now)
        })
    }

    fn next_expired(&mut self, allocator: u32) -> Option<(u32, u64)> {
        let now = self.now_ns;
        structure!(self, allocator, Structure::Allocator(leases) => {
            let &(at, id) = leases.held.first()?;
            (at < now).then_some((id, at))
        })
    }

    fn open_distributed(&mut self, name: &str, merges: &[Merge], staleness_ns: u64) -> u32 {
        let mut cell = [0; 6];
        for (word, merge) in cell.iter_mut().zip(merges) {
            *word = if matches!(merge, Merge::Min) { u64::MAX } else { 0 };
        }
        self.open(name, Structure::Distributed { merges: merges.to_owned(), staleness_ns, cell })
    }

    fn distributed_update(&mut self, object: u32, word: u8, operand: i64) {
        structure!(self, object, Structure::Distributed { merges, cell, .. } => {
            let (value, operand) = (&mut cell[usize::from(word)], operand as u64);
            *value = match merges[usize::from(word)] {
                Merge::Sum => value.wrapping_add(operand),
                Merge::Max => (*value).max(operand),
                Merge::Min => (*value).min(operand),
                Merge::Or => *value | operand,
            };
        });
    }

    fn distributed_read(&mut self, object: u32) -> Words {
        structure!(self, object, Structure::Distributed { cell, .. } => *cell)
    }

    fn open_parts(&mut self, name: &str, staleness_ns: u64) -> u32 {
        self.open(name, Structure::Parts { staleness_ns, cell: [0; 6] })
    }

    fn parts(&mut self, _: u32) -> u32 {
        1
    }

    fn part(&mut self, object: u32, index: u32) -> Words {
        assert_eq!(index, 0, "there is one worker");
        self.own_part(object)
    }

    fn own_part(&mut self, object: u32) -> Words {
        structure!(self, object, Structure::Parts { cell, .. } => *cell)
    }

    fn set_part(&mut self, object: u32, value: Words) {
        structure!(self, object, Structure::Parts { cell, .. } => *cell = value);
    }

    /// Never old: a test sees what it has just changed.
    fn published(&mut self, _: u32) -> Option<Words> {
        None
    }

    fn publish(&mut self, _: u32, _: Words) {}

    fn send(&mut self, port: u16, frame: &[u8]) {
        self.sent.push((port, frame.to_owned()));
    }

    fn now(&mut self) -> u64 {
        self.now_ns
    }

    /// splitmix64 over a counter.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn log(&mut self, level: Level, line: &str) {
        self.logged.push((level, line.to_owned()));
    }

    fn emit(&mut self, event: u32, value: u64) {
        self.emitted.push((event, value));
    }
}
