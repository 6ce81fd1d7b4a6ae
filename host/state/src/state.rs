//! The state that all workers share, and the opening of structures.

use nfos_records::{CauseCount, ContentionCount, Remark};
use nfos_stm::{Memory, MemoryFull, PARTICIPANTS_MAX};
use nfos_sync::Arc;
use nfos_sync::atomic::{AtomicBool, Ordering};

use crate::allocator::Allocator;
use crate::causes::{self, Causes};
use crate::conflict::{self, ConflictLog, Conflicts};
use crate::distributed::Distributed;
use crate::error::OpenError;
use crate::hash::Hasher;
use crate::key::KEY_BYTES_MAX;
use crate::map::Map;
use crate::object::{ObjectId, ObjectShape, Objects, Shape, Structure};
use crate::rules::{self, Advisor};
use crate::tallies::{self, Tallies};
use crate::vector::Vector;
use crate::worker::Worker;
use crate::{Hashing, Merge};

/// What the state of a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The workers and the control loop, which is the last: 1 to 1,000.
    pub participants: usize,
    /// The most events of a burst, 1 to 64.
    pub burst_max: usize,
    /// The most bytes that structures may take. It is reserved as address space and costs memory
    /// only where structures lie; a machine that does not grant as much gives less.
    pub memory_bytes_max: u64,
    /// Of the maps' keyed hash.
    pub seed: u64,
}

/// What commits follow and structures are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// This project's.
    #[default]
    Ours,
    /// That of the NFOS prototype, for simulations to compare with: see the module `original`.
    Original,
}

/// The aggregate state: open structures and all that workers share.
#[derive(Debug)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) memory: Arc<Memory>,
    pub(crate) objects: Objects,
    pub(crate) causes: Box<[Causes]>,
    pub(crate) tallies: Box<[Tallies]>,
    pub(crate) conflicts: Box<[ConflictLog]>,
    /// What commits follow and structures are made of.
    pub(crate) protocol: Protocol,
    taken: Box<[AtomicBool]>,
}

impl State {
    /// A state without structures.
    ///
    /// # Panics
    /// If a setting is out of its range.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        Self::with_protocol(settings, Protocol::Ours)
    }

    /// The same under a protocol. [`Protocol::Original`] is for one thread that plays all
    /// participants, event by event: see [`Worker::hold_written`].
    ///
    /// # Panics
    /// As [`Self::new`].
    #[must_use]
    pub fn with_protocol(settings: Settings, protocol: Protocol) -> Arc<Self> {
        let participants = settings.participants;
        assert!((1..=PARTICIPANTS_MAX).contains(&participants), "1 to 1,000 participants");
        assert!((1..=nfos_stm::BURST_LIMIT).contains(&settings.burst_max), "bursts of 1 to 64");
        Arc::new(Self {
            settings,
            memory: Arc::new(Memory::new(participants, settings.memory_bytes_max)),
            objects: Objects::new(),
            causes: (0..participants).map(|_| Causes::new()).collect(),
            tallies: (0..participants).map(|_| Tallies::new()).collect(),
            conflicts: (0..participants).map(|_| ConflictLog::new()).collect(),
            protocol,
            taken: (0..participants).map(|_| AtomicBool::new(false)).collect(),
        })
    }

    /// The oldest snapshot that a participant works on; what is older than it is forgotten.
    #[must_use]
    pub fn oldest_snapshot(&self) -> Option<u64> {
        self.memory.oldest_snapshot()
    }

    /// Opens the vector `name` of `length` cells, all zero at first, or finds it.
    ///
    /// # Errors
    /// Another shape under this name; a length of 0; the memory limit.
    pub fn open_vector(&self, name: &str, length: u32) -> Result<ObjectId, OpenError> {
        in_range(name, "length", u64::from(length), (1, u64::from(u32::MAX)))?;
        self.open(name, Shape::Vector { length }, |object| {
            Vector::open(&self.memory, object, length)
        })
    }

    /// Opens the map `name` with room for `capacity` keys of up to `key_size` bytes, or finds it.
    ///
    /// # Errors
    /// Another shape under this name; a capacity of 0; a key size of 0 or above 64; the memory
    /// limit.
    pub fn open_map(
        &self,
        name: &str,
        capacity: u32,
        key_size: u32,
    ) -> Result<ObjectId, OpenError> {
        self.open_map_with(name, (capacity, key_size), Hashing::default())
    }

    /// As [`Self::open_map`], with a choice of the hash.
    ///
    /// # Errors
    /// As [`Self::open_map`].
    pub fn open_map_with(
        &self,
        name: &str,
        (capacity, key_size): (u32, u32),
        hashing: Hashing,
    ) -> Result<ObjectId, OpenError> {
        in_range(name, "capacity", u64::from(capacity), (1, 1 << 30))?;
        in_range(name, "key size", u64::from(key_size), (1, KEY_BYTES_MAX as u64))?;
        self.open(name, Shape::Map { capacity, key_size, hashing }, |object| {
            // Maps differ in their secrets, so that two do not share their collisions.
            let hasher = Hasher::new(match hashing {
                Hashing::Keyed => self.settings.seed.wrapping_add(u64::from(object)),
                Hashing::Plain => Hasher::PLAIN,
            });
            Map::open(&self.memory, object, (capacity, key_size), hasher)
        })
    }

    /// Opens the allocator `name` of the ids below `capacity`, or finds it. A refresh that would
    /// move a deadline by less than `refresh_interval_ns` is skipped; 0: none is.
    ///
    /// # Errors
    /// Another shape under this name; a capacity of 0; the memory limit.
    pub fn open_allocator(
        &self,
        name: &str,
        capacity: u32,
        refresh_interval_ns: u64,
    ) -> Result<ObjectId, OpenError> {
        in_range(name, "capacity", u64::from(capacity), (1, 1 << 31))?;
        self.open(name, Shape::Allocator { capacity, refresh_interval_ns }, |object| {
            let allocator = Allocator::open(&self.memory, object, capacity, refresh_interval_ns)?;
            Ok(Structure::Allocator(Arc::new(match self.protocol {
                Protocol::Ours => allocator,
                Protocol::Original => allocator.with_lists(&self.memory)?,
            })))
        })
    }

    /// Opens the distributed object `name` with one word per merge, or finds it. A read may be
    /// served a merged value that is up to `staleness_ns` old.
    ///
    /// # Errors
    /// Another shape under this name; no merge or more than six; the memory limit.
    pub fn open_distributed(
        &self,
        name: &str,
        merges: &[Merge],
        staleness_ns: u64,
    ) -> Result<ObjectId, OpenError> {
        in_range(name, "number of merges", merges.len() as u64, (1, 6))?;
        self.open(name, Shape::Distributed { merges: merges.into(), staleness_ns }, |object| {
            let opened = Distributed::open(&self.memory, object, merges, staleness_ns)?;
            Ok(Structure::Distributed(Arc::new(match self.protocol {
                Protocol::Ours => opened,
                Protocol::Original => opened.with_copies(self.settings.participants),
            })))
        })
    }

    /// Opens the distributed object `name` whose parts the network function merges itself, or
    /// finds it. A value that it publishes is good for `staleness_ns`.
    ///
    /// # Errors
    /// Another shape under this name; the memory limit.
    pub fn open_parts(&self, name: &str, staleness_ns: u64) -> Result<ObjectId, OpenError> {
        self.open(name, Shape::Distributed { merges: Vec::new(), staleness_ns }, |object| {
            let opened = Distributed::open(&self.memory, object, &[], staleness_ns)?;
            Ok(Structure::Distributed(Arc::new(opened)))
        })
    }

    fn open(
        &self,
        name: &str,
        shape: Shape,
        build: impl FnOnce(u16) -> Result<Structure, MemoryFull>,
    ) -> Result<ObjectId, OpenError> {
        self.objects.open(name, shape, |object| {
            let before = self.memory.bytes_reserved();
            let structure = build(object).map_err(|full| OpenError::MemoryLimit {
                name: name.into(),
                wanted: full.wanted * size_of::<[u64; 8]>() as u64,
                left: full.left * size_of::<[u64; 8]>() as u64,
            })?;
            Ok((structure, self.memory.bytes_reserved() - before))
        })
    }

    /// The open structures, in the order of their opening.
    #[must_use]
    pub fn objects(&self) -> Vec<ObjectShape> {
        self.objects.iter().map(|object| object.described.clone()).collect()
    }

    /// The worker of a participant.
    ///
    /// # Panics
    /// If there is no such participant, or it has its worker already.
    #[must_use]
    pub fn worker(self: &Arc<Self>, participant: usize) -> Worker {
        let taken = self.taken[participant].swap(true, Ordering::Relaxed);
        assert!(!taken, "participant {participant} has its worker already");
        Worker::new(self.clone(), participant)
    }

    /// Why runs were thrown away so far, over all workers, most first. The advisor knows which
    /// parameters relax what; `&()` knows none.
    #[must_use]
    pub fn causes(&self, advisor: &dyn Advisor) -> Vec<CauseCount> {
        causes::report(&self.causes, &self.objects, advisor)
    }

    /// What slowed workers down without making any of them run again, by structure.
    #[must_use]
    pub fn contention(&self) -> Vec<ContentionCount> {
        tallies::report(&self.tallies, &self.objects)
    }

    /// The same in words, with what relaxes it.
    #[must_use]
    pub fn remarks(&self, advisor: &dyn Advisor) -> Vec<Remark> {
        rules::remarks(&self.contention(), &self.objects(), advisor)
    }

    /// Causes in detail: by kind of conflict, with samples. Exact once no worker runs.
    #[must_use]
    pub fn conflicts(&self) -> Conflicts {
        conflict::collect(&self.conflicts)
    }
}

/// Look-ups of what the state itself has numbered.
macro_rules! known {
    ($($name:ident: $lookup:ident -> $kind:ident),*) => {
        impl State {
            $(pub(crate) fn $name(&self, object: u16) -> &$kind {
                let found = self.objects.$lookup(ObjectId::from_raw(u32::from(object)));
                found.expect("the number was logged by a structure of this kind")
            })*
        }
    };
}

known!(
    map_of: map -> Map,
    allocator_of: allocator -> Allocator,
    distributed_of: distributed -> Distributed
);

fn in_range(
    name: &str,
    what: &'static str,
    value: u64,
    (least, greatest): (u64, u64),
) -> Result<(), OpenError> {
    if (least..=greatest).contains(&value) {
        return Ok(());
    }
    Err(OpenError::BadSize { name: name.into(), what, value, least, greatest })
}
