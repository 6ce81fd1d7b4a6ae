//! Observer × mutator: the one table from which checks, causes, recipes and their page come.
//!
//! A transaction runs again only if it *observed* something that a commit changed before its own.
//! So a pair has an observing operation on the left and a changing one on the right, and either
//! never conflicts or has a [`Cause`] with an id, a text and a recipe. The `table` has a row for
//! every pair within a structure; structures share no cell, so pairs across them never conflict.
//!
//! A new structure starts by writing its rows.

mod page;
mod remark;
mod table;
mod text;

pub use page::page;
pub(crate) use remark::remarks;
pub use table::{
    CAUSES, Cause, MUTATORS, MutatorKind, OBSERVERS, OPERATIONS, ObserverKind, rule, shortage,
};
pub use text::{Advisor, Change, Lever, Particulars, Setting};

/// What a pair comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The mutator changes nothing that the observer saw.
    Never,
    /// The observer runs again.
    Conflict(Cause),
}

/// Whose operations conflict with whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StructureKind {
    /// An array of cells.
    Vector,
    /// Byte strings to cells.
    Map,
    /// Ids on lease.
    Allocator,
    /// A cell with a part for each participant.
    Distributed,
}

/// What of a structure an observation is about. Changes of anything else of the same kind, of
/// another element or key for instance, never end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One element.
    Element,
    /// One key.
    Key,
    /// One lease.
    Lease,
    /// All of it.
    Whole,
}

/// What a network function calls, and what comes of it for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Of which structure.
    pub structure: StructureKind,
    /// Its name, with its outcome where that makes a difference.
    pub name: &'static str,
    /// What it observes.
    pub observes: &'static [ObserverKind],
    /// What it changes.
    pub changes: &'static [MutatorKind],
}

impl Operation {
    /// The causes for which this operation may have to run again when the other commits; none:
    /// never.
    pub fn conflicts_with(&self, other: &Self) -> impl Iterator<Item = Cause> {
        let pairs = self.observes.iter().flat_map(|o| other.changes.iter().map(|m| (*o, *m)));
        let mut found: Vec<_> = pairs
            .filter_map(|(observer, mutator)| match rule(observer, mutator) {
                Rule::Conflict(cause) => Some(cause),
                Rule::Never => None,
            })
            .collect();
        found.dedup();
        found.into_iter()
    }
}
