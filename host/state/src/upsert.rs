//! Map actions at the commit.
//!
//! With its bucket held, a key is looked up anew and overwritten or inserted into the bucket's
//! *newest* content, so that insertions into one bucket commute and two sets of one new key make
//! one slot. Where the run has seen the key's slot, the commit takes the slot's value cell instead,
//! and if the slot still holds the key, overwriting it is all: sets of present keys touch no
//! bucket. It does if its value was last set and not removed, since whoever fills or empties a slot
//! holds that cell and leaves his name there, and its key cells change under that cell only. A
//! value cell that nobody has changed since the burst's *first* snapshot needs no look at the name
//! and the key: the slot is as the run saw it. (The last snapshot would not do: a set observes
//! nothing, so the snapshot can have moved over a change of the slot after the run saw it.)
//!
//! So who holds a bucket may find a value cell taken, and who holds a value cell the bucket.
//! Neither waits: what is lacking is taken in order with all the rest, and everything is done anew
//! (see [`Pending::acquire`]).

use nfos_stm::{CellId, Failure, Hold, Mutator, Operation, Pending, Reason};
use nfos_sync::{Bug, seeded};

use crate::Cell;
use crate::chain::{Layout, REFERENCES, Search};
use crate::effects::Taken;
use crate::key::Key;
use crate::map::Map;
use crate::overlay::Action;
use crate::rules::{MutatorKind, ObserverKind};

/// A bucket that is held.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    cell: CellId,
    hold: Hold,
}

/// Where a chain ends: its last cell, what is in it, and how many references are.
#[derive(Clone, Copy, Debug)]
struct End {
    cell: CellId,
    content: Cell,
    used: usize,
}

impl Bucket {
    /// The newest content of a cell of its chain.
    #[inline(always)]
    fn read(self, pending: &Pending<'_>, cell: CellId) -> Cell {
        if cell == self.cell { pending.read_held(cell, self.hold) } else { pending.read(cell) }
    }

    /// Changes a cell of its chain.
    #[inline(always)]
    fn write(
        self,
        pending: &mut Pending<'_>,
        cell: CellId,
        (event, by): (usize, Mutator),
        content: Cell,
    ) {
        if cell == self.cell {
            pending.write_held(self.hold, event, by, &content);
        } else {
            pending.write(cell, event, by, content);
        }
    }
}

impl Map {
    /// Does a buffered action to the newest content of its slot or bucket, whichever is held.
    #[inline]
    pub(crate) fn resolve(
        &self,
        pending: &mut Pending<'_>,
        action: &mut Action,
        key: &Key,
        taken: &mut Taken<'_>,
    ) -> Result<(), Failure> {
        if let (Some(slot), Some(value)) = (action.known(), &action.value)
            && self.overwrite(pending, (action.hold, action.event.into()), slot, key, value)
        {
            return Ok(());
        }
        self.resolve_in_bucket(pending, action, key, taken)
    }

    /// Gives a slot whose value cell is held a value, if it still holds this key.
    #[inline(always)]
    fn overwrite(
        &self,
        pending: &mut Pending<'_>,
        (hold, event): (Hold, usize),
        slot: u32,
        key: &Key,
        value: &Cell,
    ) -> bool {
        let by = self.mutator(MutatorKind::MapSet);
        if !pending.is_untouched(hold) || seeded(Bug::KnownSlotNotChecked) {
            return self.overwrite_again(pending, event, slot, key, value);
        }
        let holds =
            pending.is_as_seen(self.layout.value(slot)) || self.held_before(pending, slot, key);
        if holds {
            pending.write_untouched(hold, event, by, value);
        }
        holds
    }

    /// Whether a slot that the burst has changed nothing of holds this key. Whoever changes a key
    /// cell changes the value cell as well, so there is nothing to look for in the log.
    #[inline(never)]
    fn held_before(&self, pending: &Pending<'_>, slot: u32, key: &Key) -> bool {
        let by = self.mutator(MutatorKind::MapSet);
        let is_filled = pending.last_committed_by(self.layout.value(slot)) == by
            || seeded(Bug::EmptiedSlotOverwritten);
        is_filled
            && (0..self.layout.key_cells()).zip(self.layout.key_cells_of(slot)).all(
                |(number, cell)| {
                    let held = pending.read_committed(cell);
                    key.is_in(number, &held) || seeded(Bug::KnownKeyNotCompared)
                },
            )
    }

    /// The same where the burst has changed the slot before.
    #[inline(never)]
    fn overwrite_again(
        &self,
        pending: &mut Pending<'_>,
        event: usize,
        slot: u32,
        key: &Key,
        value: &Cell,
    ) -> bool {
        let holds = self.still_holds(pending, slot, key);
        if holds {
            let by = self.mutator(MutatorKind::MapSet);
            pending.write(self.layout.value(slot), event, by, *value);
        }
        holds
    }

    /// Whether a slot whose value cell is held holds this key. Where an earlier action has emptied
    /// it, the answer is no, whatever came into it since.
    #[inline(always)]
    fn still_holds(&self, pending: &Pending<'_>, slot: u32, key: &Key) -> bool {
        if seeded(Bug::KnownSlotNotChecked) {
            return true;
        }
        let set = self.mutator(MutatorKind::MapSet);
        pending.last_changed_by(self.layout.value(slot)) == set
            && (0..self.layout.key_cells())
                .zip(self.layout.key_cells_of(slot))
                .all(|(number, cell)| key.is_in(number, &pending.read(cell)))
    }

    #[inline(never)]
    fn resolve_in_bucket(
        &self,
        pending: &mut Pending<'_>,
        action: &mut Action,
        key: &Key,
        taken: &mut Taken<'_>,
    ) -> Result<(), Failure> {
        let (event, cell) = (usize::from(action.event), self.layout.bucket(key));
        let hold = match action.known() {
            Some(_) => self.acquire(pending, event, cell)?,
            None => action.hold,
        };
        let bucket = Bucket { cell, hold };
        if let (Some(value), Some(end)) = (action.value, self.end_as_seen(pending, action, bucket))
        {
            return self.insert(pending, action, key, (bucket, end, value), taken);
        }
        // Looked for elsewhere in its chain, it is not found.
        let blind = seeded(Bug::UpsertDoesNotLookAgain) && action.reserved().is_some();
        let sought = Key { hash: key.hash ^ u64::from(blind) << 63, ..*key };
        let search =
            self.layout.search(&sought, &mut |_, cell| Ok::<_, ()>(bucket.read(pending, cell)));
        let search = search.expect("a held chain can be read");
        match (search, action.value) {
            (Search::Found { slot, .. }, Some(value)) => {
                self.set_value(pending, event, slot, value)
            }
            (Search::Absent { last, used }, Some(value)) => {
                let end = End { cell: last, content: bucket.read(pending, last), used };
                self.insert(pending, action, key, (bucket, end, value), taken)
            }
            (Search::Found { cell, position, slot }, None) => {
                self.take_out(pending, event, bucket, (cell, position, slot), taken)
            }
            // The key went elsewhere; what the event observed says so to the validation.
            (Search::Absent { .. }, None) => Ok(()),
        }
    }

    /// Where a key is to be inserted that the run found absent, if nobody has changed its bucket
    /// since, the burst included. A chain of one cell, and not a full one: of a longer chain others
    /// may have changed a cell further on.
    #[inline(always)]
    fn end_as_seen(
        &self,
        pending: &Pending<'_>,
        action: &Action,
        Bucket { cell, hold }: Bucket,
    ) -> Option<End> {
        let as_seen = action.reserved().is_some()
            && pending.is_untouched(hold)
            && (pending.is_as_seen(cell) || seeded(Bug::EndTakenForSeen));
        if !as_seen {
            return None;
        }
        let content = pending.read_committed(cell);
        let used = Layout::used(&content).filter(|_| self.layout.link(&content).is_none())?;
        Some(End { cell, content, used })
    }

    fn insert(
        &self,
        pending: &mut Pending<'_>,
        action: &mut Action,
        key: &Key,
        (bucket, mut end, value): (Bucket, End, Cell),
        taken: &mut Taken<'_>,
    ) -> Result<(), Failure> {
        let event = usize::from(action.event);
        let by = self.mutator(MutatorKind::MapSet);
        let short = || self.short(event);
        if end.used == REFERENCES {
            let number = taken.overflow(self, event).ok_or_else(short)?;
            Layout::set_link(&mut end.content, Some(number));
            bucket.write(pending, end.cell, (event, by), end.content);
            end = End { cell: self.layout.overflow(number), content: [0; 6], used: 0 };
        }
        let slot = match action.reserved() {
            Some(slot) => {
                action.used = true;
                slot
            }
            None => taken.slot(self, event).ok_or_else(short)?,
        };
        Layout::append(&mut end.content, end.used, key, slot);
        bucket.write(pending, end.cell, (event, by), end.content);
        self.set_value(pending, event, slot, value)?;
        for (cell, words) in self.layout.cells_of_key(slot, key) {
            pending.write(cell, event, by, words);
        }
        self.count(pending, event, -1);
        Ok(())
    }

    /// A slot that the burst has emptied and fills again is known by the removal, which is what
    /// ends an observation of the key that was in it.
    fn set_value(
        &self,
        pending: &mut Pending<'_>,
        event: usize,
        slot: u32,
        value: Cell,
    ) -> Result<(), Failure> {
        let hold = self.acquire(pending, event, self.layout.value(slot))?;
        let removed = self.mutator(MutatorKind::MapRemove);
        let emptied = pending.changed_by(hold) == Some(removed);
        let by = if emptied { removed } else { self.mutator(MutatorKind::MapSet) };
        pending.write_held(hold, event, by, &value);
        Ok(())
    }

    /// Takes a bucket or a value cell. Where someone has it, all is resolved again, and how this
    /// ends is forgotten.
    #[inline(always)]
    fn acquire(
        &self,
        pending: &mut Pending<'_>,
        event: usize,
        cell: CellId,
    ) -> Result<Hold, Failure> {
        pending.acquire(cell, event).ok_or_else(|| self.short(event))
    }

    #[cold]
    fn short(&self, event: usize) -> Failure {
        let reason = Reason::Short { observer: self.observer(ObserverKind::MapFull) };
        Failure { event, cell: self.layout.counts, reason }
    }

    fn take_out(
        &self,
        pending: &mut Pending<'_>,
        event: usize,
        bucket: Bucket,
        (cell, position, slot): (CellId, usize, u32),
        taken: &mut Taken<'_>,
    ) -> Result<(), Failure> {
        let by = self.mutator(MutatorKind::MapRemove);
        let value = self.acquire(pending, event, self.layout.value(slot))?;
        let (mut before, mut last) = (None, bucket.cell);
        let mut content = bucket.read(pending, last);
        while let Some(next) = self.layout.link(&content) {
            (before, last) = (Some(last), next);
            content = pending.read(last);
        }
        let (moved, left) = Layout::pop(&mut content);
        if last == cell && left != position {
            content[position] = moved;
        }
        bucket.write(pending, last, (event, by), content);
        if last != cell {
            let mut holed = bucket.read(pending, cell);
            holed[position] = moved;
            bucket.write(pending, cell, (event, by), holed);
        }
        if let (Some(before), 0) = (before, left) {
            let mut content = bucket.read(pending, before);
            let number = Layout::link_number(&content).expect("the last cell is linked");
            Layout::set_link(&mut content, None);
            bucket.write(pending, before, (event, by), content);
            taken.free_overflow(self.object, event, number);
        }
        pending.write_held(value, event, by, &[0; 6]);
        taken.free_slot(self.object, event, slot);
        self.count(pending, event, 1);
        Ok(())
    }

    // Once, with the operation known where it is compiled.
    #[inline(never)]
    fn count(&self, pending: &mut Pending<'_>, event: usize, change: i64) {
        // Free slots are counted.
        let grows = change < 0;
        let by = self.mutator(if grows { MutatorKind::MapGrow } else { MutatorKind::MapShrink });
        let own = self.layout.counts.offset(pending.participant() as u32);
        pending.update(own, event, by, 0, (Operation::Add, change as u64));
    }
}
