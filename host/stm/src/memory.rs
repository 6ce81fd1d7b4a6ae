//! What all participants share: the cells, the clock, and a few words of each participant.
//!
//! There is no list, no epoch and no thread beside these. Words that different participants write
//! stand 128 bytes apart.

use nfos_sync::atomic::{AtomicU32, AtomicU64, Ordering};
use nfos_sync::{Arc, Padded};

use crate::cell::Cell;
use crate::history::Lines;
use crate::reservation::Reservation;
use crate::retry::{Gate, Rooms};

/// The most participants that a memory can have: a cell's word has ten bits for its holder.
pub const PARTICIPANTS_MAX: usize = 1_000;

/// A cell of a [`Memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(u32);

impl CellId {
    /// That of the lowest number.
    pub const FIRST: Self = Self(0);

    /// The cell `distance` further on.
    #[inline(always)]
    #[must_use]
    pub fn offset(self, distance: u32) -> Self {
        Self(self.0.wrapping_add(distance))
    }

    /// Its number.
    #[inline(always)]
    #[must_use]
    pub fn raw(self) -> u32 {
        self.0
    }

    /// The cell of a number; one that was never reserved makes accesses panic or read zeroes.
    #[inline(always)]
    #[must_use]
    pub fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}

/// What a participant's commit is doing, as anyone who meets one of its cells must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    /// Taking cells; its timestamp is not drawn yet.
    Locking,
    /// Between two instructions; the timestamp may or may not be drawn.
    Drawing,
    /// Has this timestamp until the last of its cells is given back.
    Drawn(u64),
}

impl Phase {
    #[inline(always)]
    fn pack(self) -> u64 {
        match self {
            Self::Idle => 0,
            Self::Locking => 1,
            Self::Drawing => 2,
            Self::Drawn(timestamp) => timestamp << 2 | 3,
        }
    }

    #[inline(always)]
    fn unpack(raw: u64) -> Self {
        match raw & 3 {
            0 => Self::Idle,
            1 => Self::Locking,
            2 => Self::Drawing,
            _ => Self::Drawn(raw >> 2),
        }
    }
}

/// A snapshot that nobody uses.
pub(crate) const INACTIVE: u64 = u64::MAX;

/// What the others may see of one participant.
#[derive(Debug)]
pub(crate) struct Shared {
    descriptor: Padded<AtomicU64>,
    /// The snapshot in use, or [`INACTIVE`].
    pub(crate) active: Padded<AtomicU64>,
    /// Whether the burst that it runs has taken something out of circulation that an elder might
    /// need; see [`crate::retry`].
    pub(crate) reserving: Padded<AtomicU32>,
    pub(crate) lines: Lines,
}

impl Shared {
    fn new() -> Self {
        Self {
            descriptor: Padded(AtomicU64::new(0)),
            active: Padded(AtomicU64::new(INACTIVE)),
            reserving: Padded(AtomicU32::new(0)),
            lines: Lines::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn phase(&self) -> Phase {
        // Acquire: a phase that moved on happens after the install that it finished.
        Phase::unpack(self.descriptor.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(crate) fn enter(&self, phase: Phase) {
        self.descriptor.store(phase.pack(), Ordering::Release);
    }

    /// [`Phase::Locking`], ordered before the load of the gate that follows.
    #[inline(always)]
    pub(crate) fn enter_locking(&self) {
        // SeqCst: pairs with the elder's `gate.swap` and its loads of this word.
        self.descriptor.swap(Phase::Locking.pack(), Ordering::SeqCst);
    }

    pub(crate) fn phase_seq_cst(&self) -> Phase {
        Phase::unpack(self.descriptor.load(Ordering::SeqCst))
    }
}

/// There is no room for more cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFull {
    /// Cells that were asked for.
    pub wanted: u64,
    /// Cells that are left.
    pub left: u64,
}

/// The cells and all that participants share.
#[derive(Debug)]
pub struct Memory {
    pub(crate) cells: Reservation<Cell>,
    reserved: AtomicU64,
    pub(crate) clock: Padded<AtomicU64>,
    pub(crate) shared: Box<[Arc<Shared>]>,
    pub(crate) gate: Gate,
    pub(crate) rooms: Rooms,
}

impl Memory {
    /// A memory for `participants` and at most `bytes_max` bytes of cells.
    ///
    /// # Panics
    /// Unless there are 1 to [`PARTICIPANTS_MAX`] participants.
    #[must_use]
    pub fn new(participants: usize, bytes_max: u64) -> Self {
        assert!((1..=PARTICIPANTS_MAX).contains(&participants), "1 to 1,000 participants");
        let cells = (bytes_max / Cell::BYTES as u64).min(u64::from(u32::MAX));
        Self {
            cells: Reservation::new(usize::try_from(cells).unwrap_or(usize::MAX)),
            reserved: AtomicU64::new(0),
            clock: Padded(AtomicU64::new(0)),
            shared: (0..participants).map(|_| Arc::new(Shared::new())).collect(),
            gate: Gate::new(),
            rooms: Rooms::new(),
        }
    }

    /// Participants.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.shared.len()
    }

    /// Reserves `count` cells in a row, all zero, and has their pages backed.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn reserve(&self, count: u64) -> Result<CellId, MemoryFull> {
        let room = self.cells.len() as u64;
        let first = self
            .reserved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
                reserved.checked_add(count).filter(|&end| end <= room)
            })
            .map_err(|reserved| MemoryFull { wanted: count, left: room - reserved })?;
        let cells = &self.cells[first as usize..(first + count) as usize];
        nfos_sync::prefer_huge_pages(cells);
        // Cells of a page, so that the packet path meets no page fault.
        for cell in cells.iter().step_by(64) {
            cell.touch();
        }
        Ok(CellId(u32::try_from(first).expect("the reservation holds fewer than 2^32 cells")))
    }

    /// Bytes of cells reserved so far.
    #[must_use]
    pub fn bytes_reserved(&self) -> u64 {
        self.reserved.load(Ordering::Relaxed) * Cell::BYTES as u64
    }

    /// The oldest snapshot in use, for which history is kept.
    #[must_use]
    pub fn oldest_snapshot(&self) -> Option<u64> {
        let active = self.shared.iter().map(|shared| shared.active.load(Ordering::Acquire));
        active.min().filter(|snapshot| *snapshot != INACTIVE)
    }

    #[inline(always)]
    pub(crate) fn cell(&self, cell: CellId) -> &Cell {
        &self.cells[cell.0 as usize]
    }

    #[inline(always)]
    pub(crate) fn now(&self) -> u64 {
        // Acquire: pairs with the AcqRel of `draw`. Who reads a clock of at least t sees the cells
        // that the transaction with t holds, and its phase.
        self.clock.load(Ordering::Acquire)
    }

    #[inline(always)]
    pub(crate) fn draw(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::AcqRel) + 1
    }
}

#[cfg(all(test, not(any(nfos_loom, nfos_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn cells_are_reserved_until_the_limit_and_not_beyond() {
        let memory = Memory::new(1, 10 * 64);
        assert_eq!(memory.reserve(7).map(CellId::raw), Ok(0));
        assert_eq!(memory.reserve(4), Err(MemoryFull { wanted: 4, left: 3 }));
        assert_eq!(memory.reserve(3).map(CellId::raw), Ok(7));
        assert_eq!(memory.bytes_reserved(), 640);
    }

    #[test]
    fn elements_share_no_cache_line() {
        let memory = Memory::new(1, 1 << 20);
        let first = memory.reserve(100).unwrap();
        let line = |distance| std::ptr::from_ref(memory.cell(first.offset(distance))).addr() / 64;
        assert_eq!(std::ptr::from_ref(memory.cell(first)).addr() % 64, 0);
        assert!((0..99).all(|distance| line(distance + 1) == line(distance) + 1));
    }

    #[test]
    fn phases_survive_packing() {
        for phase in [Phase::Idle, Phase::Locking, Phase::Drawing, Phase::Drawn(77)] {
            assert_eq!(Phase::unpack(phase.pack()), phase);
        }
    }
}
