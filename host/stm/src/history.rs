//! Replaced versions, kept while a snapshot may want them.
//!
//! Before a commit at `t` replaces a version it copies it into the next line of its own history. A
//! reader follows a line only from a version newer than its snapshot; hence **the rule: a line
//! written by the commit at `t` may be reused once every active snapshot is at least `t`.** Nothing
//! is unlinked: whoever could follow a link keeps its target alive.
//!
//! Lines come in segments. When one is full, the owner looks at the snapshots of the others and
//! takes back every segment that nobody can want; the last freed is used first, so that a few
//! segments stay in the cache. At the limit it does not wait but overruns its oldest segment. It
//! raises its *overrun* mark before any reuse, and readers check the mark after copying a line, as
//! in a seqlock: a snapshot older than history is told so and never sees a wrong value.

use std::collections::VecDeque;

use nfos_sync::atomic::{AtomicU64, Ordering, fence};
use nfos_sync::{Bug, Padded, RESTLESS, limit, seeded};

use crate::cell::{Cell, Provenance, Version};
use crate::memory::Memory;
use crate::reservation::Reservation;

/// Lines of a segment: 4 KiB.
const SEGMENT_LINES: u32 = if RESTLESS { 4 } else { limit(64, 2) as u32 };
/// Segments of a participant: 4 MiB at most.
const SEGMENTS: u32 = if RESTLESS { 16_384 } else { limit(1_024, 3) as u32 };
/// Lines of a participant.
pub(crate) const CAPACITY: u32 = SEGMENTS * SEGMENT_LINES;

/// A version that history no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// The shared side: lines that anyone may read.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: Reservation<Cell>,
    /// The newest timestamp whose lines may have been reused.
    overrun: Padded<AtomicU64>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { lines: Reservation::new(CAPACITY as usize), overrun: Padded(AtomicU64::new(0)) }
    }

    /// All lines, for their owner to write.
    pub(crate) fn all(&self) -> Reservation<Cell> {
        self.lines.clone()
    }

    /// The version that the commit at `replaced_at` replaced.
    pub(crate) fn read(&self, line: u32, replaced_at: u64) -> Result<Version, Lost> {
        let version = self.lines[line as usize].read_line();
        // Acquire: if the copy has anything of a reuse, the mark raised before it is visible.
        fence(Ordering::Acquire);
        let overrun = self.overrun.load(Ordering::Relaxed) >= replaced_at;
        if overrun && !seeded(Bug::OverrunUnchecked) { Err(Lost) } else { Ok(version) }
    }
}

/// The version that `version` replaced.
pub(crate) fn predecessor(memory: &Memory, version: &Version) -> Result<Version, Lost> {
    let provenance = Provenance::unpack(version.provenance);
    memory.shared[usize::from(provenance.participant)]
        .lines
        .read(provenance.line, version.timestamp)
}

/// The owner's side.
#[derive(Debug)]
pub(crate) struct History {
    lines: Reservation<Cell>,
    segments: Segments,
}

/// Which lines are in use.
#[derive(Debug)]
struct Segments {
    owner: usize,
    segment: u32,
    /// The next line of the segment, and the one behind its last.
    next: u32,
    end: u32,
    /// The timestamp of the last line.
    newest: u64,
    /// Full segments with the newest timestamp in each, oldest first.
    full: VecDeque<(u32, u64)>,
    free: Vec<u32>,
    fresh: u32,
}

/// The lines for what one commit replaces.
#[derive(Debug)]
pub(crate) struct NextLines<'a> {
    /// What is left of the segment, and the number of its first line.
    left: std::slice::Iter<'a, Cell>,
    number: u32,
    lines: &'a [Cell],
    segments: &'a mut Segments,
    replaced_at: u64,
}

impl<'a> NextLines<'a> {
    /// The next line and its number. A version that the commit is about to replace is to be
    /// written there.
    #[inline(always)]
    pub(crate) fn next(&mut self, memory: &Memory) -> (&'a Cell, u32) {
        let line = match self.left.next() {
            Some(line) => line,
            None => {
                // By value, so that what is used for each line stays in registers.
                (self.left, self.number) =
                    self.segments.take_segment(memory, self.lines, self.replaced_at);
                self.left.next().expect("a segment has lines")
            }
        };
        self.number += 1;
        (line, self.number - 1)
    }
}

impl Drop for NextLines<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.segments.next = self.number;
    }
}

impl History {
    /// That of an owner, who has these lines.
    pub(crate) fn new(owner: usize, lines: Reservation<Cell>) -> Self {
        let segments = Segments {
            owner,
            segment: 0,
            next: 0,
            end: SEGMENT_LINES,
            newest: 0,
            full: VecDeque::with_capacity(SEGMENTS as usize),
            free: Vec::with_capacity(SEGMENTS as usize),
            fresh: 1,
        };
        Self { lines, segments }
    }

    /// The lines for the commit at `replaced_at`, which takes at least one.
    #[inline(always)]
    pub(crate) fn lines(&mut self, replaced_at: u64) -> NextLines<'_> {
        let left = self.segments.left(&self.lines);
        if !left.as_slice().is_empty() {
            self.segments.newest = replaced_at;
        }
        NextLines {
            left,
            number: self.segments.next,
            lines: &self.lines,
            segments: &mut self.segments,
            replaced_at,
        }
    }

    /// Keeps a version that the commit at `replaced_at` replaces.
    #[cfg(test)]
    pub(crate) fn keep(&mut self, memory: &Memory, version: &Version, replaced_at: u64) {
        self.lines(replaced_at).next(memory).0.write_line(version);
    }
}

impl Segments {
    #[inline(always)]
    fn left<'a>(&self, lines: &'a [Cell]) -> std::slice::Iter<'a, Cell> {
        lines[self.next as usize..self.end as usize].iter()
    }

    /// The lines of another segment, for the commit at `replaced_at`, and the number of the first.
    #[cold]
    fn take_segment<'a>(
        &mut self,
        memory: &Memory,
        lines: &'a [Cell],
        replaced_at: u64,
    ) -> (std::slice::Iter<'a, Cell>, u32) {
        self.next_segment(memory);
        self.newest = replaced_at;
        (self.left(lines), self.next)
    }

    fn next_segment(&mut self, memory: &Memory) {
        self.full.push_back((self.segment, self.newest));
        if seeded(Bug::SegmentTakenUnseen) {
            self.free.extend(self.full.pop_front().map(|full| full.0));
        }
        // Only then, since the others have to fetch back what is looked at here.
        if self.free.is_empty() {
            self.reclaim(memory);
        }
        let fresh_max = if seeded(Bug::OverrunBeforeFresh) { 2 } else { SEGMENTS };
        if self.free.is_empty() && self.fresh < fresh_max {
            self.free.push(self.fresh);
            self.fresh += 1;
        }
        if self.free.is_empty() {
            let (segment, newest) = self.full.pop_front().expect("all segments are full");
            self.free.push(segment);
            self.give_up(memory, newest);
        }
        self.segment = self.free.pop().expect("a segment was freed above");
        self.next = self.segment * SEGMENT_LINES;
        self.end = self.next + SEGMENT_LINES;
    }

    /// Frees the full segments that no snapshot can want.
    fn reclaim(&mut self, memory: &Memory) {
        // SeqCst: pairs with the publication of snapshots. Either the snapshot is seen below, or
        // it was taken from a clock that is at least every timestamp given up here.
        fence(Ordering::SeqCst);
        let mut wanted = self.oldest_snapshot_of_others(memory);
        if seeded(Bug::ReclaimedEarly) {
            wanted = wanted.saturating_add(1);
        }
        let mut given_up = None;
        while let Some(&(segment, newest)) = self.full.front().filter(|full| full.1 <= wanted) {
            self.full.pop_front();
            self.free.push(segment);
            given_up = Some(newest);
        }
        if let Some(newest) = given_up {
            self.give_up(memory, newest);
        }
    }

    /// Raises the mark, before any line up to this timestamp is written again.
    fn give_up(&self, memory: &Memory, newest: u64) {
        memory.shared[self.owner].lines.overrun.store(newest, Ordering::Relaxed);
        // Release: pairs with the fence in `Lines::read`.
        fence(Ordering::Release);
    }

    /// The owner itself is installing and will read nothing older any more.
    fn oldest_snapshot_of_others(&self, memory: &Memory) -> u64 {
        memory
            .shared
            .iter()
            .enumerate()
            .filter(|(participant, _)| *participant != self.owner)
            .map(|(_, shared)| shared.active.load(Ordering::SeqCst))
            .min()
            .unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, not(any(nfos_loom, nfos_shuttle))))]
mod tests {
    use super::*;

    fn version(timestamp: u64) -> Version {
        Version { timestamp, provenance: 0, payload: [timestamp; 6] }
    }

    #[test]
    fn segments_are_reused_as_soon_as_no_snapshot_wants_them() {
        let memory = Memory::new(2, 64);
        let mut history = History::new(0, memory.shared[0].lines.all());
        for timestamp in 1..10_000 {
            history.keep(&memory, &version(timestamp - 1), timestamp);
        }
        assert!(history.segments.fresh <= 2, "{} segments", history.segments.fresh);
    }

    #[test]
    fn a_snapshot_keeps_its_versions_until_the_limit_and_is_told_beyond_it() {
        let memory = Memory::new(2, 64);
        memory.shared[1].active.store(0, Ordering::SeqCst);
        let mut history = History::new(0, memory.shared[0].lines.all());
        let lines = &memory.shared[0].lines;
        for timestamp in 1..=u64::from(CAPACITY) {
            history.keep(&memory, &version(timestamp - 1), timestamp);
        }
        assert_eq!(lines.read(0, 1).map(|v| v.timestamp), Ok(0));
        history.keep(&memory, &version(0), u64::from(CAPACITY) + 1);
        assert_eq!(lines.read(0, 1).map(|v| v.timestamp), Err(Lost));
        let next = lines.read(SEGMENT_LINES, u64::from(SEGMENT_LINES) + 1);
        assert_eq!(next.map(|v| v.timestamp), Ok(u64::from(SEGMENT_LINES)));
    }
}
