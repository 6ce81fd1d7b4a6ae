//! Reads and the moving snapshot.

use nfos_sync::{Bug, Waiting, seeded};

use crate::cell::{Payload, Version, Word};
use crate::failure::{Failure, Reason};
use crate::history::Lost;
use crate::memory::{CellId, Phase};
use crate::observe::{Observation, Observer, Packed};
use crate::settle::{View, first_falsifier, settle, version_at};
use crate::structures::Structures;
use crate::transaction::{Refused, Transaction};
use crate::write::Write;

/// What a read found: the payload at the snapshot and, if it is also the newest, its timestamp.
#[derive(Clone, Copy, Debug)]
struct Found {
    payload: Payload,
    seen: Option<u64>,
}

impl<P: Copy> Transaction<P> {
    /// Reads a cell and observes its version, unless the burst replaced it: that hides the cell.
    ///
    /// # Errors
    /// If the log is full, or the event is doomed and has no snapshot any more.
    #[inline(always)]
    pub fn read<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        observer: Observer,
        structures: &S,
    ) -> Result<Payload, Refused> {
        if let Some(payload) = self.read_settled(cell, observer.packed()) {
            return Ok(payload);
        }
        // Word by word, so that what both ways have in common is registers: a payload stored in
        // words and loaded in larger pieces would wait for the stores.
        let payload = self.read_unsettled(cell, observer, structures)?;
        Ok(std::array::from_fn(|word| payload[word]))
    }

    /// The usual case of [`Self::read`]: the burst has nothing pending on the cell, nobody is at
    /// it, and its version is not newer than the snapshot. The payload stays in registers.
    #[inline(always)]
    pub fn read_settled(&mut self, cell: CellId, by: Packed) -> Option<Payload> {
        let changed = self.has_writer() && self.has_changed(cell);
        if changed { None } else { self.read_unchanged(cell, by) }
    }

    /// Whether the burst has written to the cell, or named it. Not if it
    /// [only reads](Self::only_reads).
    #[inline(always)]
    #[must_use]
    pub fn has_changed(&self, cell: CellId) -> bool {
        self.writes.has(cell) && !seeded(Bug::QuickReadMissesOwnWrites)
    }

    /// The same of a cell that the burst [has not changed](Self::has_changed).
    #[inline(always)]
    pub fn read_unchanged(&mut self, cell: CellId, by: Packed) -> Option<Payload> {
        let place = &self.cells[cell.raw() as usize];
        let word = place.word();
        if !word.is_settled_at(self.snapshot) {
            return None;
        }
        let payload = place.copy_settled(word)?;
        let observation = Observation::version(cell, word, self.begun, by);
        self.observations.push(observation).then_some(payload)
    }

    /// As [`Self::read_settled`], if the first words of `beside` are right. That is a cell which is
    /// changed only by who has `cell` until the same commit has changed that as well: so as it is
    /// between two looks at `cell` that find it unchanged, it belongs to that version.
    #[inline(always)]
    pub fn read_beside<const N: usize>(
        &mut self,
        cell: CellId,
        beside: CellId,
        by: Packed,
        is_right: impl FnOnce([u64; N]) -> bool,
    ) -> Option<Payload> {
        if self.has_writer() && self.has_changed(cell) {
            return None;
        }
        let read = || self.cells[beside.raw() as usize].words();
        let early = seeded(Bug::KeyReadBefore).then(read);
        let place = &self.cells[cell.raw() as usize];
        let word = place.word();
        if !word.is_settled_at(self.snapshot) || !is_right(early.unwrap_or_else(read)) {
            return None;
        }
        let payload = place.copy_settled(word)?;
        let observation = Observation::version(cell, word, self.begun, by);
        self.observations.push(observation).then_some(payload)
    }

    #[inline(never)]
    fn read_unsettled<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        observer: Observer,
        structures: &S,
    ) -> Result<Payload, Refused> {
        if let Some(&write) = self.writes.latest(cell) {
            if write.replaces() {
                return Ok(write.words);
            }
            let found = self.find(cell, observer, structures)?;
            self.observe_version(cell, found, observer)?;
            return Ok(write.apply(&found.payload));
        }
        let found = self.find(cell, observer, structures)?;
        self.observe_version(cell, found, observer)?;
        Ok(found.payload)
    }

    /// Reads a cell for a predicate: `predicate` decides from the content, own writes included,
    /// which one is observed, if any.
    ///
    /// # Errors
    /// As [`Self::read`].
    #[inline(always)]
    pub fn read_predicate<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        observer: Observer,
        structures: &S,
        predicate: impl FnOnce(&Payload) -> Option<P>,
    ) -> Result<Payload, Refused> {
        match self.peek_settled(cell) {
            Some((payload, seen)) => {
                if let Some(predicate) = predicate(&payload) {
                    self.observe_predicate(cell, seen, observer, predicate)?;
                }
                Ok(payload)
            }
            None => self.read_predicate_unsettled(cell, observer, structures, predicate),
        }
    }

    #[inline(never)]
    fn read_predicate_unsettled<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        observer: Observer,
        structures: &S,
        predicate: impl FnOnce(&Payload) -> Option<P>,
    ) -> Result<Payload, Refused> {
        let buffered = self.writes.latest(cell).copied();
        if let Some(write) = buffered.filter(Write::replaces) {
            return Ok(write.words);
        }
        let found = self.find(cell, observer, structures)?;
        if let (Some(predicate), Some(seen)) = (predicate(&found.payload), found.seen) {
            self.observe_predicate(cell, seen, observer, predicate)?;
        }
        Ok(buffered.map_or(found.payload, |write| write.apply(&found.payload)))
    }

    /// The content of a cell that nobody is at, that the burst has nothing pending on, and that is
    /// not newer than the snapshot, with its timestamp; or only its first words. Observes nothing.
    #[inline(always)]
    #[must_use]
    pub fn peek_settled<const N: usize>(&self, cell: CellId) -> Option<([u64; N], u64)> {
        let has = self.has_writer() && self.writes.has(cell);
        if has { None } else { self.peek_committed(cell) }
    }

    /// The content of a cell that nobody is at and that is not newer than the snapshot, with its
    /// timestamp; or only its first words. Observes nothing and does not look at own writes.
    #[inline(always)]
    #[must_use]
    pub fn peek_committed<const N: usize>(&self, cell: CellId) -> Option<([u64; N], u64)> {
        let place = &self.cells[cell.raw() as usize];
        let word = place.word();
        if !word.is_settled_at(self.snapshot) {
            return None;
        }
        place.copy_settled(word).map(|payload| (payload, word.timestamp()))
    }

    /// Reads a cell at the snapshot without observing it; the timestamp is given if that version
    /// is also the newest. Own writes are not looked at.
    ///
    /// # Errors
    /// As [`Self::read`].
    #[inline(always)]
    pub fn peek(
        &mut self,
        cell: CellId,
        observer: Observer,
    ) -> Result<(Payload, Option<u64>), Refused> {
        loop {
            if let Some(found) = self.find_newest(cell) {
                return Ok((found.payload, found.seen));
            }
            if let Some(found) = self.find_older(cell, observer)? {
                return Ok((found.payload, None));
            }
        }
    }

    /// Observes a predicate on a cell that was [peeked](Self::peek) at, with its timestamp.
    ///
    /// # Errors
    /// If the log is full.
    #[inline]
    pub fn observe_predicate(
        &mut self,
        cell: CellId,
        seen: u64,
        observer: Observer,
        predicate: P,
    ) -> Result<(), Refused> {
        let by = observer.packed();
        let room = self.observe_settled(cell, seen, by, predicate)
            || self.make_room() && self.observe_settled(cell, seen, by, predicate);
        if room { Ok(()) } else { Err(Refused::LogFull) }
    }

    /// The usual case of [`Self::observe_predicate`]. `false`: the log is full, as it looks.
    #[inline(always)]
    #[must_use]
    pub fn observe_settled(&mut self, cell: CellId, seen: u64, by: Packed, predicate: P) -> bool {
        let observation = Observation::predicate(cell, Word::free(seen), self.begun, by);
        self.observations.push_predicate(observation, predicate)
    }

    /// Forgets what earlier events observed, if that is of no use; whether it was anything.
    #[cold]
    fn make_room(&mut self) -> bool {
        !self.has_writer() && self.observations.forget_before(self.event())
    }

    /// How many observations are kept, to [forget](Self::forget_observations) later ones of the
    /// same event.
    #[must_use]
    pub fn observations(&mut self) -> usize {
        // Now, since the number would not be good any more behind an extension.
        self.make_room();
        self.observations.entries.len()
    }

    /// Forgets version observations from number `from` on: a search begins anew, and nothing that
    /// it found so far is used.
    #[inline]
    pub fn forget_observations(&mut self, from: usize) {
        debug_assert!(self.observations.entries[from..].iter().all(|o| !o.is_predicate()));
        self.observations.entries.truncate(from);
    }

    #[inline(always)]
    fn observe_version(
        &mut self,
        cell: CellId,
        found: Found,
        observer: Observer,
    ) -> Result<(), Refused> {
        let Some(seen) = found.seen else { return Ok(()) };
        let by = observer.packed();
        let observation = Observation::version(cell, Word::free(seen), self.begun, by);
        let room = self.observations.push(observation)
            || self.make_room() && self.observations.push(observation);
        if room { Ok(()) } else { Err(Refused::LogFull) }
    }

    /// The cell at the snapshot, which moves if need be and possible.
    #[inline(always)]
    fn find<S: Structures<Predicate = P>>(
        &mut self,
        cell: CellId,
        observer: Observer,
        structures: &S,
    ) -> Result<Found, Refused> {
        loop {
            if let Some(found) = self.find_newest(cell) {
                return Ok(found);
            }
            if !self.extend(structures)
                && let Some(found) = self.find_older(cell, observer)?
            {
                return Ok(found);
            }
        }
    }

    /// The newest version, if it is not newer than the snapshot.
    #[inline(always)]
    fn find_newest(&self, cell: CellId) -> Option<Found> {
        let place = self.memory.cell(cell);
        let word = place.word();
        if word.is_settled_at(self.snapshot)
            && let Some(payload) = place.copy(word)
        {
            return Some(Found { payload, seen: Some(word.timestamp()) });
        }
        self.find_newest_waiting(cell)
    }

    #[cold]
    fn find_newest_waiting(&self, cell: CellId) -> Option<Found> {
        let place = self.memory.cell(cell);
        let mut waiting = Waiting::new();
        loop {
            let awaited = if seeded(Bug::ReaderIgnoresDrawn) { 0 } else { self.snapshot };
            let word = settle(&self.memory, place, place.word(), awaited, self.me);
            if word.timestamp() > self.snapshot {
                return None;
            }
            if !word.installing()
                && let Some(payload) = place.copy(word)
            {
                return Some(Found { payload, seen: Some(word.timestamp()) });
            }
            waiting.pause();
        }
    }

    /// The version at the snapshot from history: consistent, but not to be observed, since it is
    /// not the newest. `None`: it was the newest after all.
    #[cold]
    fn find_older(&mut self, cell: CellId, observer: Observer) -> Result<Option<Found>, Refused> {
        if self.original {
            self.note_outdated(cell, observer);
        }
        let place = self.memory.cell(cell);
        match version_at(&self.memory, place, self.snapshot, self.me) {
            Ok(version) => Ok(Some(Found { payload: version.payload, seen: None })),
            Err(Lost) => {
                let reason = Reason::SnapshotLost { observer };
                self.doom(Failure { event: self.event(), cell, reason });
                Err(Refused::RunAgain)
            }
        }
    }

    /// Moves the snapshot to now if every observation so far is still the newest. Otherwise the
    /// event is stale, or doomed if the burst has written.
    #[cold]
    pub fn extend<S: Structures<Predicate = P>>(&mut self, structures: &S) -> bool {
        // From then on reads are not observed, so nothing vouches for them at another snapshot.
        if self.is_stale() || self.original {
            return false;
        }
        if !self.has_writer() {
            self.observations.forget_before(self.event());
        }
        let bound = self.memory.now();
        let end = if seeded(Bug::ExtensionUnchecked) { 0 } else { usize::MAX };
        match self.validate(bound, end, structures) {
            None => {
                self.move_snapshot(bound, self.event());
                true
            }
            Some(failure) => {
                if self.has_writer() {
                    self.doom(failure);
                } else {
                    self.set_stale(failure);
                }
                false
            }
        }
    }

    /// The first observation, of events before `end`, that is not so any more at `bound`.
    #[inline(always)]
    pub(crate) fn validate<S: Structures<Predicate = P>>(
        &self,
        bound: u64,
        end: usize,
        structures: &S,
    ) -> Option<Failure> {
        let mut left = &*self.observations.entries;
        if end < self.events() {
            left = &left[..left.partition_point(|observation| observation.event() < end)];
        }
        let at = self.first_changed(left)?;
        self.recheck_from(left, at, bound, structures)
    }

    /// The first of these observations whose cell has another version, or someone at it.
    #[inline(always)]
    fn first_changed(&self, observations: &[Observation]) -> Option<usize> {
        let (cells, me) = (&*self.cells, self.me);
        observations.iter().position(|observation| {
            let word = cells[observation.cell().raw() as usize].word();
            !observation.is_newest(word, me)
        })
    }

    #[cold]
    fn recheck_from<S: Structures<Predicate = P>>(
        &self,
        mut left: &[Observation],
        mut at: usize,
        bound: u64,
        structures: &S,
    ) -> Option<Failure> {
        let mut predicates = 0;
        loop {
            let before = left[..at].iter().filter(|observation| observation.is_predicate());
            predicates += before.count();
            let failure = self.recheck(&left[at], predicates, bound, structures);
            if failure.is_some() {
                return failure;
            }
            predicates += usize::from(left[at].is_predicate());
            left = &left[at + 1..];
            at = self.first_changed(left)?;
        }
    }

    #[cold]
    fn recheck<S: Structures<Predicate = P>>(
        &self,
        observation: &Observation,
        predicate: usize,
        bound: u64,
        structures: &S,
    ) -> Option<Failure> {
        let place = self.memory.cell(observation.cell());
        let holds = |at| {
            let predicate = &self.observations.predicates[predicate];
            let view = View::new(&self.memory, at, self.me);
            structures.holds(predicate, observation.cell(), &view)
        };
        if seeded(Bug::ValidatorFailsOnDrawn) && self.is_drawn_below(place.word(), bound) {
            return Some(Failure {
                event: observation.event(),
                cell: observation.cell(),
                reason: observation.failed(Ok(place.held_version())),
            });
        }
        match version_at(&self.memory, place, bound, self.me) {
            Ok(version) if version.timestamp == observation.seen() => return None,
            Ok(_) if observation.is_predicate() && holds(bound) => {
                structures.avoided(observation.observer());
                return None;
            }
            Ok(_) | Err(Lost) => {}
        }
        // A predicate that was seen earlier held at the snapshot too, or the snapshot would not
        // have moved there; what lies before it may not be in history any more.
        let range = (observation.seen().max(self.snapshot), bound);
        let falsifies = |at| observation.is_predicate() && !holds(at);
        let mut first = first_falsifier(&self.memory, place, range, self.me, falsifies);
        let is_the_end = |at: u64| at > range.0 && !holds(at) && holds(at - 1);
        if observation.is_predicate()
            && let Ok(version) = &first
            && !is_the_end(version.timestamp)
        {
            let of = (&self.observations.predicates[predicate], observation.cell());
            first = self.follow(of, range, structures).map_or(first, Ok);
        }
        Some(Failure {
            event: observation.event(),
            cell: observation.cell(),
            reason: observation.failed(first),
        })
    }

    /// The change that ended a predicate of several cells, where the one that it was logged on does
    /// not tell: from witness to witness. `None`: history no longer has it.
    fn follow<S: Structures<Predicate = P>>(
        &self,
        (predicate, cell): (&P, CellId),
        (mut at, bound): (u64, u64),
        structures: &S,
    ) -> Option<Version> {
        let view = |at| View::new(&self.memory, at, self.me);
        loop {
            let witness = self.memory.cell(structures.witness(predicate, cell, &view(at)));
            let next = first_falsifier(&self.memory, witness, (at, bound), self.me, |_| false);
            let next = next.ok().filter(|next| next.timestamp > at)?;
            at = next.timestamp;
            if !structures.holds(predicate, cell, &view(at)) {
                return Some(next);
            }
        }
    }

    /// Of a seeded bug: whether the cell is held for a timestamp up to `bound`.
    fn is_drawn_below(&self, word: Word, bound: u64) -> bool {
        let phase = || self.memory.shared[word.owner()].phase();
        !word.is_free() && matches!(phase(), Phase::Drawn(timestamp) if timestamp <= bound)
    }
}

#[cfg(test)]
mod tests {
    use nfos_sync::Arc;

    use super::*;
    use crate::memory::Memory;
    use crate::structures::Pending;
    use crate::write_log::Mutator;

    /// A predicate: the first word is below it.
    struct Below;

    impl Structures for Below {
        type Predicate = u64;

        fn holds(&self, bound: &u64, cell: CellId, at: &View<'_>) -> bool {
            at.read(cell).is_some_and(|payload| payload[0] < *bound)
        }

        fn resolve(&mut self, end: usize, _: &mut Pending<'_>) -> (usize, Option<Failure>) {
            (end, None)
        }

        fn announce(&mut self, _: usize) {}

        fn reserving(&self) -> Option<Observer> {
            None
        }

        fn finish(&mut self, _: usize, _: Option<u64>) {}
    }

    const OBSERVER: Observer = Observer { object: 1, kind: 1 };

    fn set(tx: &mut Transaction<u64>, cell: CellId, value: u64) -> u64 {
        tx.begin_burst();
        assert!(tx.begin_event());
        tx.write(cell, Mutator { object: 1, kind: 2 }, [value; crate::cell::WORDS]).unwrap();
        assert_eq!(tx.commit(1, &mut Below).committed, 1);
        tx.committed_at().unwrap()
    }

    #[test]
    fn who_ended_a_predicate_is_found_though_the_version_it_saw_is_out_of_history() {
        let memory = Arc::new(Memory::new(2, 1 << 12));
        let cell = memory.reserve(2).unwrap();
        let mut observer = Transaction::new(memory.clone(), 0, 1);
        let mut writer = Transaction::new(memory.clone(), 1, 1);
        observer.begin_burst();
        assert!(observer.begin_event());
        observer.read_predicate(cell, OBSERVER, &Below, |_| Some(5_000)).unwrap();
        for value in 1..4_000 {
            set(&mut writer, cell, value);
            // Read, so that the snapshot moves past the version that the predicate saw.
            set(&mut writer, cell.offset(1), value);
            observer.read_predicate(cell.offset(1), OBSERVER, &Below, |_| None).unwrap();
        }
        let changed = set(&mut writer, cell, 5_000);
        set(&mut writer, cell, 6_000);
        observer
            .write(cell.offset(1), Mutator { object: 1, kind: 2 }, [0; crate::cell::WORDS])
            .unwrap();
        let failure = observer.commit(1, &mut Below).failure.unwrap();
        let Reason::Observed { seen, changed: named, .. } = failure.reason else {
            panic!("{failure:?}");
        };
        assert_eq!((seen, named), (0, changed));
    }
}
