//! A map of two keys: a bucket and two slots.
//!
//! The bucket says in which slot a key is, and a slot says whose it is and what the value is. A
//! slot that the bucket does not name is empty. A set is blind: where the run has seen the key's
//! slot, the commit takes that alone and overwrites it if the slot still has the key. Else it takes
//! the bucket and looks the key up in its newest content. A cell that was not foreseen is tried
//! without waiting; if someone has it, all cells are given back and taken again with it, in order,
//! and everything is resolved anew.
//!
//! In the code the key lies in cells of its own, which change under the slot's value cell only; and
//! an empty slot is known by who changed it last. Slots that are free come out of pools there; here
//! whoever holds the bucket sees them.

use nfos_sync::Bug;

use crate::execute::look;
use crate::find::Why;
use crate::program::Op;
use crate::state::{At, Effect, Observed, Step, Version};

/// Keys of a map.
pub const KEYS: u8 = 2;
/// Its cells: the bucket, and a slot for each key.
pub const CELLS: u8 = 1 + KEYS;
/// The bucket.
pub const BUCKET: u8 = 0;
/// What keys have that are there at first.
const INITIAL: u8 = 0x3f;

/// A buffered set or remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// Of which event of the burst.
    pub event: u8,
    /// Of this key.
    pub key: u8,
    /// What it sets; none: it removes.
    pub value: Option<u8>,
    /// The slot in which the run has seen the key.
    pub known: Option<u8>,
}

impl Action {
    /// The cell that the commit takes for it.
    #[must_use]
    pub fn target(&self) -> u8 {
        self.known.unwrap_or(BUCKET)
    }
}

/// The slot of a key in a bucket.
#[must_use]
pub fn slot_of(bucket: u8, key: u8) -> Option<u8> {
    let slot = bucket >> (2 * key) & 3;
    (slot != 0).then_some(slot)
}

fn with_slot(bucket: u8, key: u8, slot: u8) -> u8 {
    bucket & !(3 << (2 * key)) | slot << (2 * key)
}

/// A slot that no key has.
fn free_slot(bucket: u8) -> Option<u8> {
    (1..CELLS).find(|&slot| (0..KEYS).all(|key| slot_of(bucket, key) != Some(slot)))
}

fn full(key: u8, value: u8) -> u8 {
    0x80 | key << 6 | value
}

/// Whether a slot has the key.
fn has(slot: u8, key: u8) -> bool {
    slot >> 6 == 2 | key
}

fn value(slot: u8) -> u8 {
    slot & 0x3f
}

/// What the cells of a map have at first.
pub fn contents(present: Option<u8>) -> impl Iterator<Item = (u8, u8)> {
    let keys = 0..present.unwrap_or(0);
    let bucket = keys.clone().fold(0, |bucket, key| with_slot(bucket, key, key + 1));
    keys.map(|key| (key + 1, full(key, INITIAL))).chain(present.map(|_| (BUCKET, bucket)))
}

/// The values of the keys at first, 0 where one is not there.
#[must_use]
pub fn initial(present: Option<u8>) -> [u8; KEYS as usize] {
    std::array::from_fn(|key| if (key as u8) < present.unwrap_or(0) { INITIAL } else { 0 })
}

/// The values of the keys in the cells of a map, or `None` if those disagree.
#[must_use]
pub fn values(cells: &[u8]) -> Option<[u8; KEYS as usize]> {
    let mut values = [0; KEYS as usize];
    let mut filled = 0;
    for (key, at) in (0..).zip(&mut values) {
        if let Some(slot) = slot_of(cells[usize::from(BUCKET)], key) {
            let slot = cells[usize::from(slot)];
            if !has(slot, key) {
                return None;
            }
            (*at, filled) = (value(slot), filled + 1);
        }
    }
    let slots = &cells[1..usize::from(CELLS)];
    (slots.iter().filter(|&&slot| slot != 0).count() == filled).then_some(values)
}

impl Step<'_> {
    /// The first step of an operation on a key, or `None`: what the burst did before says it all.
    pub(crate) fn operate_on_key(&mut self, op: Op, key: u8) -> Option<At> {
        let Some(&latest) = self.own().actions.iter().rev().find(|action| action.key == key) else {
            return Some(look(BUCKET, self.own().snapshot, Why::Peek));
        };
        match op {
            Op::Get(_) => self.give(latest.value.unwrap_or(0)),
            Op::Set(_, value) => {
                let known = latest.known.filter(|_| latest.value.is_some());
                self.act(key, Some(value), known);
            }
            _ => {
                self.give(latest.value.is_some().into());
                if latest.value.is_some() {
                    self.act(key, None, None);
                }
            }
        }
        None
    }

    pub(crate) fn is_on_key(&self) -> bool {
        matches!(self.operation(), Some(Op::Get(_) | Op::Set(..) | Op::Remove(_)))
    }

    /// A look at the bucket, or at a slot that is to be removed, has found its version.
    pub(crate) fn peeked(&mut self, cell: u8, version: Version, newest: bool) -> bool {
        if version.words[0] != version.words[1] {
            self.wrong("a torn copy");
        }
        let Some(&op) = self.operation() else { unreachable!("an operation looks") };
        let (Op::Get(key) | Op::Set(key, _) | Op::Remove(key)) = op else {
            unreachable!("only operations on keys look")
        };
        if cell != BUCKET {
            return self.present(key, (cell, version.timestamp), newest);
        }
        let slot = slot_of(version.words[0], key);
        match (op, slot) {
            (Op::Set(_, value), _) => {
                self.act(key, Some(value), slot);
                self.next_op()
            }
            (_, None) => self.absent(key, version.timestamp, newest),
            (Op::Remove(_), Some(slot)) => self.go(look(slot, self.own().snapshot, Why::Peek)),
            (_, Some(slot)) => self.go(look(slot, self.own().snapshot, Why::Read)),
        }
    }

    /// A key is not there at the snapshot. If the bucket is newer, that is not observed yet.
    fn absent(&mut self, key: u8, seen: u8, newest: bool) -> bool {
        if !newest && self.may_extend() {
            return self.go(At::ExtendClock(BUCKET));
        }
        if newest && self.may_extend() && !self.lacks(Bug::MissNotObserved) {
            self.observe(BUCKET, seen, Observed::Absent(key));
        }
        self.give(0);
        self.next_op()
    }

    /// A key is there at the snapshot and will be removed.
    fn present(&mut self, key: u8, (slot, seen): (u8, u8), newest: bool) -> bool {
        if !newest && self.may_extend() {
            return self.go(At::ExtendClock(slot));
        }
        if newest && self.may_extend() {
            self.observe(slot, seen, Observed::Present(key));
        }
        self.give(1);
        self.act(key, None, None);
        self.next_op()
    }

    fn may_extend(&self) -> bool {
        !self.own().stale && self.own().doomed.is_none()
    }

    /// The slot of a key, observed, proves that it is there.
    pub(crate) fn has_slot(&mut self, cell: u8, version: Version, why: Why) -> bool {
        let Some(&Op::Get(key)) = self.operation() else { unreachable!("a get reads a slot") };
        let [word, other] = version.words;
        if word != other {
            self.wrong("a torn copy");
        }
        if !has(word, key) {
            self.wrong("a bucket and a slot of one snapshot disagree");
        }
        if why == Why::Read {
            self.observe(cell, version.timestamp, Observed::Version);
        }
        self.give(value(word));
        self.next_op()
    }

    fn act(&mut self, key: u8, value: Option<u8>, known: Option<u8>) {
        self.note_writer();
        let event = self.own().event;
        self.mine().actions.push(Action { event, key, value, known });
    }

    fn next_op(&mut self) -> bool {
        self.mine().op += 1;
        self.run()
    }

    /// Turns actions into writes; one attempt to take a cell that was not foreseen is a step.
    pub(crate) fn resolve(&mut self) -> bool {
        let kept = self.own().kept;
        let mark = self.own().writes.len();
        let mut number = kept;
        while let Some(&action) = self.own().actions.get(usize::from(number))
            && action.event < self.own().end
        {
            if let Err(cell) = self.resolve_action(action) {
                return self.acquire(cell, mark, number);
            }
            number += 1;
        }
        self.all_held()
    }

    /// All that was resolved so far is done anew, whether or not the cell is free.
    fn acquire(&mut self, cell: u8, mark: usize, number: u8) -> bool {
        if self.hold_cell(cell) {
            self.mine().writes.truncate(mark);
            self.mine().targets.push(cell);
            return self.go(At::Resolve);
        }
        if self.lacks(Bug::AcquireWaits) {
            self.mine().writes.truncate(mark);
            return false;
        }
        if self.lacks(Bug::RetakenNotResolvedAnew) {
            self.mine().kept = number;
        } else {
            self.mine().writes.truncate(mark);
        }
        let held = self.own().targets.len() as u8;
        self.mine().targets.push(cell);
        self.go(At::GiveBack(held))
    }

    /// After cells were given back because one was lacking: which to take now.
    pub(crate) fn name_lacking(&mut self) {
        let forgets = !self.lacks(Bug::RetakenNotResolvedAnew);
        let me = self.mine();
        let named = usize::from(me.named);
        if forgets && me.targets.len() > named {
            let last = me.targets.len() - 1;
            me.targets.drain(named..last);
        }
        me.named = me.targets.len() as u8;
    }

    /// The newest content of a cell that is held, with what was resolved before.
    fn latest(&self, cell: u8) -> u8 {
        let written = self.own().writes.iter().rev().find(|write| write.0 == cell);
        let held = self.state.cells[usize::from(cell)].version.words[0];
        written.map_or(held, |write| write.2.apply(held))
    }

    /// Its writes, or the cell that is lacking.
    fn resolve_action(&mut self, Action { event, key, value, known }: Action) -> Result<(), u8> {
        if let (Some(slot), Some(value)) = (known, value)
            && (self.lacks(Bug::KnownSlotNotChecked) || has(self.latest(slot), key))
        {
            self.put(slot, event, full(key, value));
            return Ok(());
        }
        self.need(BUCKET)?;
        let bucket = self.latest(BUCKET);
        let free = free_slot(bucket);
        let blind = self.lacks(Bug::UpsertDoesNotLookAgain) && known.is_none() && free.is_some();
        let found = slot_of(bucket, key).filter(|_| !(blind && value.is_some()));
        match (found, value) {
            (Some(slot), Some(value)) => {
                self.need(slot)?;
                self.put(slot, event, full(key, value));
            }
            (None, Some(value)) => {
                let slot = free.expect("there are as many slots as keys");
                self.need(slot)?;
                self.put(BUCKET, event, with_slot(bucket, key, slot));
                self.put(slot, event, full(key, value));
            }
            (Some(slot), None) => {
                self.need(slot)?;
                self.put(BUCKET, event, with_slot(bucket, key, 0));
                self.put(slot, event, 0);
            }
            // The key went elsewhere; what the event observed says so to the validation.
            (None, None) => {}
        }
        Ok(())
    }

    fn need(&self, cell: u8) -> Result<(), u8> {
        if self.own().targets.contains(&cell) { Ok(()) } else { Err(cell) }
    }

    fn put(&mut self, cell: u8, event: u8, word: u8) {
        self.mine().writes.push((cell, event, Effect::Replace(word)));
    }
}
