//! What an operation may observe besides a version.

use nfos_stm::{CellId, View};

use crate::Cell;
use crate::allocator::Lease;
use crate::conflict::KeyBytes;
use crate::key::Keys;
use crate::state::State;

/// The arguments of an observation that can stay true although its cell has changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Predicate {
    /// No slot of the map holds the key.
    Absent { map: u16, key: u32 },
    /// Some slot of the map holds the key.
    Present { map: u16, key: u32 },
    /// The id is held, in this generation.
    Tenure { generation: u64 },
    /// The id is held in this generation, and not less long than this.
    HeldUntil { generation: u64, at_ns: u64 },
    /// The id is held in this generation, and exactly until then.
    Due { generation: u64, deadline_ns: u64 },
    /// The id is held at this time or longer.
    Live { at_ns: u64 },
    /// It is not.
    Dead { at_ns: u64 },
    /// The id is not held.
    NotHeld,
}

impl Predicate {
    pub(crate) fn holds(&self, cell: CellId, at: &View<'_>, state: &State, keys: &Keys) -> bool {
        match *self {
            Self::Absent { map, key } => {
                state.map_of(map).presence(keys.key(key), at) == Some(false)
            }
            Self::Present { map, key } => {
                state.map_of(map).presence(keys.key(key), at) == Some(true)
            }
            _ => at.read(cell).is_some_and(|payload| self.holds_of_lease(&payload)),
        }
    }

    /// For one that several cells have a part in: a cell that changes when it ends, if history
    /// still has the state.
    pub(crate) fn witness(&self, at: &View<'_>, state: &State, keys: &Keys) -> Option<CellId> {
        match *self {
            Self::Absent { map, key } | Self::Present { map, key } => {
                state.map_of(map).witness(keys.key(key), at)
            }
            _ => None,
        }
    }

    /// The key it is about.
    #[cold]
    pub(crate) fn key(&self, keys: &Keys) -> Option<KeyBytes> {
        match *self {
            Self::Absent { key, .. } | Self::Present { key, .. } => Some(keys.key(key).record()),
            _ => None,
        }
    }

    fn holds_of_lease(&self, payload: &Cell) -> bool {
        let lease = Lease::new(payload);
        match *self {
            Self::Absent { .. } | Self::Present { .. } => false,
            Self::Tenure { generation } => lease.is_held_in(generation),
            Self::HeldUntil { generation, at_ns } => {
                lease.is_held_in(generation) && lease.deadline_ns >= at_ns
            }
            Self::Due { generation, deadline_ns } => {
                lease.is_held_in(generation) && lease.deadline_ns == deadline_ns
            }
            Self::Live { at_ns } => lease.is_live(at_ns),
            Self::Dead { at_ns } => !lease.is_live(at_ns),
            Self::NotHeld => !lease.held,
        }
    }
}
