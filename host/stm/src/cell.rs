//! The cell: one cache line with the newest value inline.
//!
//! The *word* says who owns it: timestamp of the present value, whether that value is just being
//! replaced, and which participant holds the cell for a commit. *Provenance* says who wrote the
//! present value and where that writer put the value it replaced, so that a chain of versions is
//! a walk along provenance words. The payload is a seqlock under the word.
//!
//! Timestamps of a word only grow, and the payload changes only under `INSTALLING`; so a copy
//! between two loads of the word that agree in both is one version's.

#![allow(unsafe_code, reason = "the marker that zero bytes are a cell")]

use nfos_sync::atomic::{AtomicU64, Ordering, fence};
use nfos_sync::{Bug, seeded};

use crate::reservation::Zeroed;
use crate::write::Write;
use crate::write_log::Mutator;

/// Words of user data in a cell. loom tries every mixture of old and new words, so there are fewer.
pub const WORDS: usize = if cfg!(nfos_loom) { 2 } else { 6 };

/// The user data of a cell.
pub type Payload = [u64; WORDS];

/// Owner (10 bits: 0 free, else participant + 1), `INSTALLING` (1 bit) and timestamp (53 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    const OWNER: u32 = 54;
    const INSTALLING: u64 = 1 << 53;
    const TIMESTAMP: u64 = Self::INSTALLING - 1;
    const VERSION: u64 = Self::INSTALLING | Self::TIMESTAMP;

    #[inline(always)]
    pub(crate) fn free(timestamp: u64) -> Self {
        Self(timestamp)
    }

    #[inline(always)]
    pub(crate) fn timestamp(self) -> u64 {
        self.0 & Self::TIMESTAMP
    }

    #[inline(always)]
    pub(crate) fn installing(self) -> bool {
        self.0 & Self::INSTALLING != 0
    }

    #[inline(always)]
    pub(crate) fn is_free(self) -> bool {
        self.0 >> Self::OWNER == 0
    }

    /// The participant that holds the cell; meaningless if it is free.
    #[inline(always)]
    pub(crate) fn owner(self) -> usize {
        (self.0 >> Self::OWNER) as usize - 1
    }

    #[inline(always)]
    pub(crate) fn held_by(self, participant: usize) -> Self {
        Self(self.version() | (participant as u64 + 1) << Self::OWNER)
    }

    /// The same of a word that is free.
    #[inline(always)]
    pub(crate) fn taken_by(self, participant: usize) -> Self {
        Self(self.0 | (participant as u64 + 1) << Self::OWNER)
    }

    #[inline(always)]
    pub(crate) fn is_held_by(self, participant: usize) -> bool {
        self == self.held_by(participant)
    }

    #[inline(always)]
    fn version(self) -> u64 {
        self.0 & Self::VERSION
    }

    /// Whether nobody is at the cell and its version is not newer than `snapshot`.
    #[inline(always)]
    pub(crate) fn is_settled_at(self, snapshot: u64) -> bool {
        // One comparison: with either of them the word is more than any timestamp.
        self.0 <= snapshot
    }
}

/// Where a version came from and where its predecessor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Provenance {
    pub(crate) participant: u16,
    /// Line of that participant's history with the version that this one replaced.
    pub(crate) line: u32,
    /// Below 2^14.
    pub(crate) object: u16,
    /// What the layer above said of the event that wrote.
    pub(crate) origin: u8,
    pub(crate) kind: u8,
}

impl Provenance {
    #[inline(always)]
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.participant) << 54
            | u64::from(self.line) << 30
            | u64::from(self.object) << 16
            | u64::from(self.origin) << 8
            | u64::from(self.kind)
    }

    #[inline(always)]
    pub(crate) fn unpack(raw: u64) -> Self {
        Self {
            participant: (raw >> 54) as u16,
            line: (raw >> 30) as u32 & 0xff_ffff,
            object: (raw >> 16) as u16 & 0x3fff,
            origin: (raw >> 8) as u8,
            kind: raw as u8,
        }
    }
}

/// One version of a cell, copied out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    pub(crate) timestamp: u64,
    pub(crate) provenance: u64,
    pub(crate) payload: Payload,
}

#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Cell {
    word: AtomicU64,
    provenance: AtomicU64,
    payload: [AtomicU64; WORDS],
}

// SAFETY: a cell is eight atomic integers, of which zero is a value, and has no drop glue.
unsafe impl Zeroed for Cell {}

impl Cell {
    /// Its size, under a checker too, where an atomic is larger.
    pub(crate) const BYTES: usize = 64;

    #[inline(always)]
    pub(crate) fn word(&self) -> Word {
        // Acquire: pairs with the Release in `install` and `release`.
        Word(self.word.load(Ordering::Acquire))
    }

    /// The payload of the version `seen`, or `None` if it is being, or has been, replaced.
    #[inline(always)]
    pub(crate) fn copy(&self, seen: Word) -> Option<Payload> {
        let payload = self.load_payload();
        (seeded(Bug::CopyNotRechecked) || self.still(seen)).then_some(payload)
    }

    /// The same of a word with nobody at it, who would be taken for a new version too; or only of
    /// the first words.
    #[inline(always)]
    pub(crate) fn copy_settled<const N: usize>(&self, seen: Word) -> Option<[u64; N]> {
        let payload = self.words();
        // Acquire: as in `still`.
        fence(Ordering::Acquire);
        let same = Word(self.word.load(Ordering::Relaxed)) == seen;
        (same || seeded(Bug::CopyNotRechecked)).then_some(payload)
    }

    /// As [`Self::copy`], with provenance.
    pub(crate) fn copy_version(&self, seen: Word) -> Option<Version> {
        let provenance = self.provenance.load(Ordering::Relaxed);
        let payload = self.load_payload();
        let version = Version { timestamp: seen.timestamp(), provenance, payload };
        let still = seeded(Bug::CopyNotRechecked) || self.still(seen);
        (!seen.installing() && still).then_some(version)
    }

    #[inline(always)]
    fn load_payload(&self) -> Payload {
        self.words()
    }

    /// The first words of the payload, of whatever versions; they mean nothing until a look at a
    /// word tells that nobody has been at them.
    #[inline(always)]
    pub(crate) fn words<const N: usize>(&self) -> [u64; N] {
        std::array::from_fn(|i| self.payload[i].load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn still(&self, seen: Word) -> bool {
        // Acquire: if any payload word above came from an install, that install's INSTALLING mark,
        // which a Release fence precedes the payload with, is visible to the load below.
        fence(Ordering::Acquire);
        Word(self.word.load(Ordering::Relaxed)).version() == seen.version()
    }

    /// Takes the cell for a commit, unless someone has it.
    #[inline(always)]
    pub(crate) fn try_hold(&self, participant: usize) -> bool {
        let word = Word(self.word.load(Ordering::Relaxed));
        // Acquire: pairs with the Release of the previous holder, so that its payload is seen.
        word.is_free()
            && self
                .word
                .compare_exchange(
                    word.0,
                    word.taken_by(participant).0,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Gives a held cell back as it was.
    pub(crate) fn release(&self) {
        let word = Word(self.word.load(Ordering::Relaxed));
        self.word.store(Word::free(word.timestamp()).0, Ordering::Release);
    }

    /// The present payload of a cell that the caller holds.
    #[inline(always)]
    pub(crate) fn held_payload(&self) -> Payload {
        self.load_payload()
    }

    /// Who wrote the present version of a cell that the caller holds.
    #[inline(always)]
    pub(crate) fn held_mutator(&self) -> Mutator {
        let provenance = Provenance::unpack(self.provenance.load(Ordering::Relaxed));
        Mutator { object: provenance.object, kind: provenance.kind }
    }

    /// The present version of a cell that the caller holds.
    #[inline(always)]
    pub(crate) fn held_version(&self) -> Version {
        Version {
            timestamp: Word(self.word.load(Ordering::Relaxed)).timestamp(),
            provenance: self.provenance.load(Ordering::Relaxed),
            payload: self.load_payload(),
        }
    }

    /// Replaces the version of a cell that the caller holds, and gives the cell back. What is
    /// replaced must be in history by now.
    #[inline(always)]
    pub(crate) fn install(&self, timestamp: u64, provenance: u64, payload: &Payload) {
        self.install_with(timestamp, provenance, |words| {
            for (word, value) in words.iter().zip(payload) {
                word.store(*value, Ordering::Relaxed);
            }
        });
    }

    /// The same with operations on some words of the old payload.
    #[inline(always)]
    pub(crate) fn install_operations(&self, timestamp: u64, provenance: u64, write: &Write) {
        self.install_with(timestamp, provenance, |words| {
            write.operations(|word, operation, operand| {
                let old = words[word].load(Ordering::Relaxed);
                words[word].store(operation.apply(old, operand), Ordering::Relaxed);
            });
        });
    }

    #[inline(always)]
    fn install_with(&self, timestamp: u64, provenance: u64, put: impl FnOnce(&[AtomicU64; WORDS])) {
        let held = self.word.load(Ordering::Relaxed);
        if !seeded(Bug::NoInstalling) {
            self.word.store(held | Word::INSTALLING, Ordering::Relaxed);
        }
        // Release: pairs with the Acquire fence in `still`.
        fence(Ordering::Release);
        self.provenance.store(provenance, Ordering::Relaxed);
        put(&self.payload);
        // Release: publishes payload, provenance and the history line.
        let publish = if seeded(Bug::WordRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.word.store(Word::free(timestamp).0, publish);
    }

    /// Writes a history line: a cell that nobody holds and whose only reader checks for reuse.
    #[inline(always)]
    pub(crate) fn write_line(&self, version: &Version) {
        self.word.store(version.timestamp, Ordering::Relaxed);
        self.provenance.store(version.provenance, Ordering::Relaxed);
        for (word, value) in self.payload.iter().zip(&version.payload) {
            word.store(*value, Ordering::Relaxed);
        }
    }

    /// Reads a history line; the caller checks afterwards that it was not reused.
    pub(crate) fn read_line(&self) -> Version {
        Version {
            timestamp: self.word.load(Ordering::Relaxed),
            provenance: self.provenance.load(Ordering::Relaxed),
            payload: self.load_payload(),
        }
    }

    /// Makes the kernel back the page of this cell.
    pub(crate) fn touch(&self) {
        self.word.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(any(nfos_loom, nfos_shuttle))))]
mod tests {
    use super::*;
    use crate::reservation::Reservation;

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!((size_of::<Cell>(), align_of::<Cell>()), (Cell::BYTES, 64));
    }

    #[test]
    fn a_cell_is_settled_if_nobody_is_at_it_and_it_is_old_enough() {
        let (word, latest) = (Word::free(7), Word::TIMESTAMP);
        assert!(word.is_settled_at(7) && word.is_settled_at(latest) && !word.is_settled_at(6));
        for at_it in [word.held_by(0), word.held_by(1_000), Word(word.0 | Word::INSTALLING)] {
            assert!(!at_it.is_settled_at(7) && !at_it.is_settled_at(latest), "{at_it:?}");
        }
    }

    #[test]
    fn provenance_survives_packing() {
        let provenance = Provenance {
            participant: 1021,
            line: 0xff_fffe,
            object: 0x3ffe,
            origin: 254,
            kind: 255,
        };
        assert_eq!(Provenance::unpack(provenance.pack()), provenance);
    }

    #[test]
    fn a_copy_across_an_install_is_refused_and_a_new_owner_alone_is_harmless() {
        let cells = Reservation::<Cell>::new(1);
        let cell = &cells[0];
        let seen = cell.word();
        assert!(cell.try_hold(4) && !cell.try_hold(5));
        assert_eq!(cell.word().owner(), 4);
        assert_eq!(cell.copy(seen), Some([0; WORDS]));
        assert_eq!(cell.copy_settled::<WORDS>(seen), None);
        cell.install(9, 0, &[1; WORDS]);
        assert_eq!(cell.copy(seen), None);
        assert_eq!(cell.copy(cell.word()), Some([1; WORDS]));
        assert_eq!(cell.copy_settled(cell.word()), Some([1; WORDS]));
        assert!(cell.word().is_free() && cell.word().timestamp() == 9);
    }
}
