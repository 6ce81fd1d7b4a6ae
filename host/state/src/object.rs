//! Structures by number and by name.

use std::fmt;

use nfos_sync::atomic::{AtomicUsize, Ordering};
use nfos_sync::{Arc, Lock, OnceLock, limit};

use crate::allocator::Allocator;
use crate::distributed::Distributed;
use crate::error::{AccessError, OpenError};
use crate::map::Map;
use crate::pool::{Pool, Thefts};
use crate::vector::Vector;
use crate::{Hashing, Merge};

/// A structure. A guest may name any number: every access checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(u32);

impl ObjectId {
    /// The structure of a number, which need not exist.
    #[must_use]
    pub fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// Its number.
    #[must_use]
    pub fn raw(self) -> u32 {
        self.0
    }
}

/// The kind of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// An array of cells.
    Vector,
    /// Byte strings to cells.
    Map,
    /// Ids on lease.
    Allocator,
    /// A cell with a part for each participant.
    Distributed,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vector => "a vector",
            Self::Map => "a map",
            Self::Allocator => "an allocator",
            Self::Distributed => "a distributed object",
        })
    }
}

/// What a structure was opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Cells.
    Vector {
        /// How many.
        length: u32,
    },
    /// Keys and cells.
    Map {
        /// How many keys.
        capacity: u32,
        /// The most bytes of a key.
        key_size: u32,
        /// How keys are hashed.
        hashing: Hashing,
    },
    /// Ids.
    Allocator {
        /// How many.
        capacity: u32,
        /// A refresh that would move a deadline by less is skipped.
        refresh_interval_ns: u64,
    },
    /// One merged cell.
    Distributed {
        /// How each word is merged; none: the network function merges the parts itself.
        merges: Vec<Merge>,
        /// How old a merged value may be.
        staleness_ns: u64,
    },
}

impl Shape {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Vector { .. } => ObjectKind::Vector,
            Self::Map { .. } => ObjectKind::Map,
            Self::Allocator { .. } => ObjectKind::Allocator,
            Self::Distributed { .. } => ObjectKind::Distributed,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::Vector { length } => write!(f, " of {length} cells"),
            Self::Map { capacity, key_size, hashing } => {
                write!(f, " of {capacity} keys of up to {key_size} bytes")?;
                match hashing {
                    Hashing::Keyed => Ok(()),
                    Hashing::Plain => write!(f, ", hashed alike in every run"),
                }
            }
            Self::Allocator { capacity, refresh_interval_ns } => {
                write!(f, " of {capacity} ids with a refresh interval of {refresh_interval_ns} ns")
            }
            Self::Distributed { merges, staleness_ns } if merges.is_empty() => {
                write!(f, " of parts with a staleness of {staleness_ns} ns")
            }
            Self::Distributed { merges, staleness_ns } => {
                write!(f, " of {merges:?} with a staleness of {staleness_ns} ns")
            }
        }
    }
}

/// A structure, as `describe` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectShape {
    /// Its number.
    pub id: ObjectId,
    /// Its name, as given at `open`.
    pub name: String,
    /// Its sizes.
    pub shape: Shape,
    /// Bytes of cells that it occupies.
    pub bytes: u64,
}

#[derive(Debug)]
pub(crate) enum Structure {
    Vector(Vector),
    Map(Arc<Map>),
    Allocator(Arc<Allocator>),
    Distributed(Arc<Distributed>),
}

#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) described: ObjectShape,
    structure: Structure,
}

impl Object {
    /// What moved between the pools of its ids or slots.
    pub(crate) fn thefts(&self) -> Thefts {
        self.structure.pool().map_or_else(Thefts::default, Pool::thefts)
    }
}

impl Structure {
    /// That of its ids or slots.
    fn pool(&self) -> Option<&Pool> {
        match self {
            Self::Allocator(allocator) => Some(&allocator.pool),
            Self::Map(map) => Some(&map.slots),
            Self::Vector(_) | Self::Distributed(_) => None,
        }
    }

    /// How many of these a participant has moved to its own part of the pool.
    pub(crate) fn stolen_by(&self, participant: usize) -> u64 {
        self.pool().map_or(0, |pool| pool.stolen_by(participant))
    }
}

/// The most structures. Numbers fit the 16 bits of a version's provenance.
pub(crate) const OBJECTS_MAX: usize = limit(4_096, 16);

/// All structures. It only grows; look-ups take no lock.
#[derive(Debug)]
pub(crate) struct Objects {
    table: Box<[OnceLock<Object>]>,
    opened: AtomicUsize,
    opening: Lock<()>,
}

impl Objects {
    pub(crate) fn new() -> Self {
        Self {
            table: (0..OBJECTS_MAX).map(|_| OnceLock::new()).collect(),
            opened: AtomicUsize::new(0),
            opening: Lock::new(()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.table.iter().map_while(|slot| slot.get())
    }

    /// Opens `name`, or finds it open with the same shape. `build` makes the structure for a
    /// number and says how many bytes it takes.
    pub(crate) fn open(
        &self,
        name: &str,
        shape: Shape,
        build: impl FnOnce(u16) -> Result<(Structure, u64), OpenError>,
    ) -> Result<ObjectId, OpenError> {
        let _opening = self.opening.lock();
        if let Some(object) = self.iter().find(|object| object.described.name == name) {
            if object.described.shape == shape {
                return Ok(object.described.id);
            }
            let (name, open) = (name.into(), object.described.shape.clone());
            return Err(OpenError::OtherShape { name, open, asked: shape });
        }
        let number = self.opened.load(Ordering::Relaxed);
        if number == OBJECTS_MAX {
            return Err(OpenError::TooMany { name: name.into(), limit: OBJECTS_MAX });
        }
        let (structure, bytes) = build(number as u16)?;
        let id = ObjectId(number as u32);
        let described = ObjectShape { id, name: name.into(), shape, bytes };
        let fresh = self.table[number].set(Object { described, structure });
        assert!(fresh.is_ok(), "the next number is free while the lock is held");
        self.opened.store(number + 1, Ordering::Release);
        Ok(id)
    }

    #[inline(always)]
    pub(crate) fn structure(&self, object: ObjectId) -> Result<&Structure, AccessError> {
        match self.table.get(object.0 as usize).and_then(OnceLock::get) {
            Some(found) => Ok(&found.structure),
            None => Err(AccessError::UnknownObject(object)),
        }
    }
}

macro_rules! lookups {
    ($($name:ident: $kind:ident -> $found:ty),*) => {
        impl Objects {
            $(#[inline(always)]
            pub(crate) fn $name(&self, object: ObjectId) -> Result<&$found, AccessError> {
                match self.structure(object)? {
                    Structure::$kind(found) => Ok(found),
                    _ => Err(AccessError::WrongKind { object, asked: ObjectKind::$kind }),
                }
            })*
        }
    };
}

lookups!(
    vector: Vector -> Vector,
    map: Map -> Arc<Map>,
    allocator: Allocator -> Arc<Allocator>,
    distributed: Distributed -> Arc<Distributed>
);
