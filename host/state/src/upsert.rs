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

use nfos_stm::{CellId, Failure, Hold, Operation, Pending, Reason};
use nfos_sync::{Bug, seeded};

use crate::Cell;
use crate::chain::{Layout, Search};
use crate::effects::Taken;
use crate::key::Key;
use crate::map::Map;
use crate::overlay::Action;
use crate::rules::{MutatorKind, ObserverKind};

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
        let event = usize::from(action.event);
        if action.known().is_some() {
            self.acquire(pending, event, self.layout.bucket(key))?;
        }
        // Looked for elsewhere in its chain, it is not found.
        let blind = seeded(Bug::UpsertDoesNotLookAgain) && action.reserved().is_some();
        let sought = Key { hash: key.hash ^ u64::from(blind) << 63, ..*key };
        let search = self.layout.search(&sought, &mut |_, cell| Ok::<_, ()>(pending.read(cell)));
        let search = search.expect("a held chain can be read");
        match (search, action.value) {
            (Search::Found { slot, .. }, Some(value)) => {
                self.set_value(pending, event, slot, value)
            }
            (Search::Absent { last, used }, Some(value)) => {
                self.insert(pending, action, key, (last, used, value), taken)
            }
            (Search::Found { cell, position, slot }, None) => {
                self.take_out(pending, event, key, (cell, position, slot), taken)
            }
            // The key went elsewhere; what the event observed says so to the validation.
            (Search::Absent { .. }, None) => Ok(()),
        }
    }

    fn insert(
        &self,
        pending: &mut Pending<'_>,
        action: &mut Action,
        key: &Key,
        (mut last, mut used, value): (CellId, usize, Cell),
        taken: &mut Taken<'_>,
    ) -> Result<(), Failure> {
        let event = usize::from(action.event);
        let by = self.mutator(MutatorKind::MapSet);
        let short = || self.short(event);
        let mut content = pending.read(last);
        if used == nfos_stm::WORDS - 1 {
            let number = taken.overflow(self, event).ok_or_else(short)?;
            Layout::set_link(&mut content, Some(number));
            pending.write(last, event, by, content);
            (last, used, content) = (self.layout.overflow(number), 0, [0; 6]);
        }
        let slot = match action.reserved() {
            Some(slot) => {
                action.used = true;
                slot
            }
            None => taken.slot(self, event).ok_or_else(short)?,
        };
        Layout::append(&mut content, used, key, slot);
        pending.write(last, event, by, content);
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
        let cell = self.layout.value(slot);
        self.acquire(pending, event, cell)?;
        let removed = self.mutator(MutatorKind::MapRemove);
        let emptied = pending.changed_by(cell) == Some(removed);
        let by = if emptied { removed } else { self.mutator(MutatorKind::MapSet) };
        pending.write(cell, event, by, value);
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
    ) -> Result<(), Failure> {
        if pending.acquire(cell, event) { Ok(()) } else { Err(self.short(event)) }
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
        key: &Key,
        (cell, position, slot): (CellId, usize, u32),
        taken: &mut Taken<'_>,
    ) -> Result<(), Failure> {
        let by = self.mutator(MutatorKind::MapRemove);
        self.acquire(pending, event, self.layout.value(slot))?;
        let (mut before, mut last) = (None, self.layout.bucket(key));
        let mut content = pending.read(last);
        while let Some(next) = self.layout.link(&content) {
            (before, last) = (Some(last), next);
            content = pending.read(last);
        }
        let (moved, left) = Layout::pop(&mut content);
        pending.write(last, event, by, content);
        if (last, left) != (cell, position) {
            let mut holed = pending.read(cell);
            holed[position] = moved;
            pending.write(cell, event, by, holed);
        }
        if let (Some(before), 0) = (before, left) {
            let mut content = pending.read(before);
            let number = Layout::link_number(&content).expect("the last cell is linked");
            Layout::set_link(&mut content, None);
            pending.write(before, event, by, content);
            taken.free_overflow(self.object, event, number);
        }
        pending.write(self.layout.value(slot), event, by, [0; 6]);
        taken.free_slot(self.object, event, slot);
        self.count(pending, event, 1);
        Ok(())
    }

    fn count(&self, pending: &mut Pending<'_>, event: usize, change: i64) {
        // Free slots are counted.
        let grows = change < 0;
        let by = self.mutator(if grows { MutatorKind::MapGrow } else { MutatorKind::MapShrink });
        let own = self.layout.counts.offset(pending.participant() as u32);
        pending.update(own, event, by, 0, (Operation::Add, change as u64));
    }
}
