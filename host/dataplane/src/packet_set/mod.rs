//! Packet sets: who holds state, for how long, and how many there may be.
//!
//! Each worker has a [`table::Table`] of its own, so looking a set up needs no synchronisation;
//! only the number of sets is shared, through [`capacity::Capacity`]. Sets that move from worker to
//! worker go in a [`moving::Moved`].

mod adopted;
pub(crate) mod capacity;
mod entries;
mod index;
mod lru;
pub(crate) mod moving;
pub(crate) mod table;

pub(crate) use index::NONE;
