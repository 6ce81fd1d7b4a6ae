//! Waiting for undecided commits, and versions as of a bound.
//!
//! Whoever needs the newest version up to a bound must know that no smaller one is still to come.
//! If the clock was read and is at least the bound, then any later install up to the bound is by a
//! holder already visible in the cell's word, whose phase says that its timestamp is being drawn
//! or is not above the bound: whoever is seen taking cells or idle draws later. The word is loaded
//! again after the phase, since the holder may have finished and begun anew in between; then the
//! cell's timestamp has changed.

use nfos_sync::{Bug, Waiting, seeded};

use crate::cell::{Cell, Payload, Version, Word};
use crate::history::{Lost, predecessor};
use crate::memory::{CellId, Memory, Phase};

/// Waits until no version up to `bound` can come into the cell any more; returns its word.
pub(crate) fn settle(memory: &Memory, cell: &Cell, mut word: Word, bound: u64, me: usize) -> Word {
    let mut waiting = Waiting::new();
    loop {
        if word.is_free() || word.owner() == me {
            return word;
        }
        let phase = memory.shared[word.owner()].phase();
        let again = cell.word();
        if again != word && !seeded(Bug::WordNotReloaded) {
            word = again;
            continue;
        }
        match phase {
            Phase::Drawing if seeded(Bug::DrawingIgnored) => return word,
            Phase::Drawing => {}
            Phase::Drawn(timestamp) if timestamp <= bound => {}
            Phase::Idle | Phase::Locking | Phase::Drawn(_) => return word,
        }
        waiting.pause();
        word = cell.word();
    }
}

/// The newest version of a cell up to `bound`, a timestamp that the clock has reached.
pub(crate) fn version_at(
    memory: &Memory,
    cell: &Cell,
    bound: u64,
    me: usize,
) -> Result<Version, Lost> {
    let mut version = newest_settled(memory, cell, bound, me);
    while version.timestamp > bound {
        version = predecessor(memory, &version)?;
    }
    Ok(version)
}

fn newest_settled(memory: &Memory, cell: &Cell, bound: u64, me: usize) -> Version {
    let mut waiting = Waiting::new();
    loop {
        let awaited = if seeded(Bug::ValidatorIgnoresDrawn) { 0 } else { bound };
        let word = settle(memory, cell, cell.word(), awaited, me);
        if let Some(version) = cell.copy_version(word) {
            return version;
        }
        waiting.pause();
    }
}

/// The timestamp of the first version of the cell, after `seen` and up to `bound`, that `falsifies`
/// says yes to, or else of the first at all, with its provenance.
pub(crate) fn first_falsifier(
    memory: &Memory,
    cell: &Cell,
    (seen, bound): (u64, u64),
    me: usize,
    mut falsifies: impl FnMut(u64) -> bool,
) -> Result<Version, Lost> {
    let mut version = version_at(memory, cell, bound, me)?;
    let (mut first, mut first_falsifying) = (version, None);
    while version.timestamp > seen {
        first = version;
        if falsifies(version.timestamp) {
            first_falsifying = Some(version);
        }
        version = predecessor(memory, &version)?;
    }
    if seeded(Bug::LastWriterBlamed) {
        return version_at(memory, cell, bound, me);
    }
    Ok(first_falsifying.unwrap_or(first))
}

/// All cells as of one timestamp, for the evaluation of predicates.
#[derive(Debug)]
pub struct View<'a> {
    memory: &'a Memory,
    bound: u64,
    me: usize,
}

impl<'a> View<'a> {
    pub(crate) fn new(memory: &'a Memory, bound: u64, me: usize) -> Self {
        Self { memory, bound, me }
    }

    /// The cell's content, or `None` if history no longer has it: a predicate then counts as false.
    #[must_use]
    pub fn read(&self, cell: CellId) -> Option<Payload> {
        version_at(self.memory, self.memory.cell(cell), self.bound, self.me)
            .ok()
            .map(|version| version.payload)
    }
}
