//! Shortages: what an event found short was in the hands of others at that time.
//!
//! A shortage names no commit, since none is to blame: ids and slots are interchangeable, and all
//! that the state has free may be in the hands of bursts that have not ended. So every burst tells
//! what it took and gave up and between which moments; moments are numbers of one counter that all
//! threads draw from. A certificate holds if something was free at the event's snapshot, by the
//! replay, and each id of that, or for slots as many, was taken or given up by a burst whose time
//! overlaps with the event's. What has moved between pools meanwhile is known by number only. The
//! other ways to come short: an elder has closed the gate, and one who holds an id or a slot gives
//! way; a key that was absent came in between two looks at a map that is full; or one that the
//! burst had set went or came in the meantime, so that its sets want more slots than there are, or
//! have reckoned with one that they do not need.

use std::sync::atomic::{AtomicU64, Ordering};

use nfos_state::SetOutcome;
use nfos_state::rules::ObserverKind;
use nfos_stm::FAILURES_BEFORE_GATE;

use crate::certify::{Abort, Certified, Changes};
use crate::program::Op;

/// From one moment to another.
pub(crate) type When = (u64, u64);

/// What a burst took out of pools or brought back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hands {
    pub(crate) participant: u16,
    pub(crate) when: When,
    /// From before it queued.
    pub(crate) queued: u64,
    /// It closed the gate.
    pub(crate) is_elder: bool,
    pub(crate) ids: Vec<u32>,
    /// Slots, one for each key that it set or removed.
    pub(crate) slots: usize,
    /// What it moved into its own pools.
    pub(crate) stolen: Stolen,
}

/// Ids and slots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stolen {
    pub(crate) ids: u64,
    pub(crate) slots: u64,
}

/// The same of the burst of an event that came short.
#[derive(Clone, Debug, Default)]
pub(crate) struct InHand {
    pub(crate) participant: u16,
    /// The event's run.
    pub(crate) ran: When,
    /// The commit.
    pub(crate) committed: When,
    /// The greatest timestamp that had returned before the burst began.
    pub(crate) returned: u64,
    pub(crate) ids: Vec<u32>,
    pub(crate) slots: usize,
}

impl Stolen {
    pub(crate) fn since(self, before: Self) -> Self {
        Self { ids: self.ids - before.ids, slots: self.slots - before.slots }
    }
}

/// Moments, in the order in which threads pass them.
#[derive(Debug, Default)]
pub(crate) struct Moments(AtomicU64);

impl Moments {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

impl Hands {
    /// Of the operations of a burst, one of which may have been broken off.
    pub(crate) fn add(&mut self, op: &Op) {
        match *op {
            Op::Free(id, true) => self.ids.push(id),
            Op::Set(_, _, SetOutcome::Ok) | Op::Remove(_, true) => self.slots += 1,
            _ => {}
        }
    }
}

pub(crate) fn certify(abort: &Abort, changes: &Changes) -> Result<Certified, &'static str> {
    let conflict = &abort.conflict;
    if conflict.failures > FAILURES_BEFORE_GATE {
        return Err("beside an elder nobody has anything in hand");
    }
    match conflict.observer {
        ObserverKind::Allocate if conflict.object == abort.objects.allocator => ids(abort, changes),
        ObserverKind::MapFull if conflict.object == abort.objects.map => slots(abort, changes),
        _ => Err("nothing of that kind runs short"),
    }
}

/// Bursts of others that were under way at some moment of a time.
fn beside<'a>(
    abort: &'a Abort,
    changes: &'a Changes,
    (from, until): When,
) -> impl Iterator<Item = &'a Hands> {
    let begun = changes.hands.partition_point(|hands| hands.when.0 < until);
    let others = changes.hands[..begun].iter();
    others
        .filter(move |other| other.participant != abort.in_hand.participant && other.when.1 > from)
}

fn beside_an_elder(abort: &Abort, changes: &Changes, (from, until): When) -> bool {
    changes.hands.iter().any(|other| {
        let is_other = other.participant != abort.in_hand.participant;
        is_other && other.is_elder && other.queued < until && other.when.1 > from
    })
}

/// Who has something in hand and finds the gate closed at its commit gives way.
fn gave_way(abort: &Abort, changes: &Changes, has: bool) -> Result<Certified, &'static str> {
    if has && beside_an_elder(abort, changes, abort.in_hand.committed) {
        Ok(Certified::Shortage)
    } else {
        Err("what it asked for was there, or it was told that there is none")
    }
}

fn ids(abort: &Abort, changes: &Changes) -> Result<Certified, &'static str> {
    let denied = abort.ops.iter().position(|op| matches!(op, Op::Allocate(_, None)));
    if let Some(denied) = denied
        && let Some(is_short) = ids_were_short(abort, changes, denied)
    {
        return is_short;
    }
    gave_way(abort, changes, !abort.in_hand.ids.is_empty())
}

/// Whether no id was to be had for this operation; `None`: none was left, which is an answer.
fn ids_were_short(
    abort: &Abort,
    changes: &Changes,
    denied: usize,
) -> Option<Result<Certified, &'static str>> {
    let ran = abort.in_hand.ran;
    let own: Vec<u32> = abort.before.iter().chain(&abort.ops[..denied]).filter_map(taken).collect();
    let is_free = |id: &u32| !changes.is_held(*id, abort.conflict.snapshot) && !own.contains(id);
    let free: Vec<u32> = (0..changes.room.1).filter(is_free).collect();
    let others: Vec<&Hands> = beside(abort, changes, ran).collect();
    let in_hand = |id: &u32| others.iter().any(|other| other.ids.contains(id));
    let in_no_hands = free.iter().filter(|id| !in_hand(id)).count();
    let moved: u64 = others.iter().map(|other| other.stolen.ids).sum();
    let is_short = in_no_hands as u64 <= moved || beside_an_elder(abort, changes, ran);
    let answer = if is_short {
        Ok(Certified::Shortage)
    } else {
        Err("an id was left that nobody had in hand")
    };
    (!free.is_empty()).then_some(answer)
}

fn taken(op: &Op) -> Option<u32> {
    if let Op::Allocate(_, id) = *op { id } else { None }
}

fn slots(abort: &Abort, changes: &Changes) -> Result<Certified, &'static str> {
    let denied = abort.ops.iter().enumerate().find_map(|(number, op)| match *op {
        Op::Set(key, _, SetOutcome::Full) => Some((number, key)),
        _ => None,
    });
    if let Some(denied) = denied
        && let Some(is_short) = slots_were_short(abort, changes, denied)
    {
        return is_short;
    }
    if slots_were_short_at_commit(abort, changes) {
        return Ok(Certified::Shortage);
    }
    gave_way(abort, changes, abort.in_hand.slots > 0)
}

/// Whether no slot was to be had for this operation; `None`: the map was full, which is an answer.
fn slots_were_short(
    abort: &Abort,
    changes: &Changes,
    (number, denied): (usize, u16),
) -> Option<Result<Certified, &'static str>> {
    let (in_hand, snapshot) = (&abort.in_hand, abort.conflict.snapshot);
    let since = (in_hand.returned, snapshot);
    let (mut keys, mut has_lost, mut own) = (changes.keys_at(snapshot), false, 0);
    for op in abort.before.iter().chain(&abort.ops[..number]) {
        match *op {
            Op::Set(key, _, SetOutcome::Ok) => {
                has_lost |= keys.insert(key) && changes.has_made(key, false, since);
                own += usize::from(changes.has_made(key, true, since));
            }
            Op::Remove(key, true) => _ = keys.remove(&key),
            _ => {}
        }
    }
    let is_short = match changes.room.0.checked_sub(keys.len()) {
        None => has_lost,
        Some(0) if keys.contains(&denied) => changes.has_made(denied, true, since),
        Some(0) => return None,
        Some(free) => {
            is_in_hands(abort, changes, (free - own.min(free), in_hand.ran))
                || beside_an_elder(abort, changes, in_hand.ran)
        }
    };
    Some(if is_short {
        Ok(Certified::Shortage)
    } else {
        Err("a slot was left that nobody had in hand")
    })
}

/// Whether so many slots were in the hands of others, or its own.
fn is_in_hands(abort: &Abort, changes: &Changes, (free, when): (usize, When)) -> bool {
    let others = beside(abort, changes, when);
    let hands: usize = others.map(|other| other.slots + other.stolen.slots as usize).sum();
    free <= hands + abort.in_hand.slots
}

/// A key that the run saw had gone, or was to go by an own removal that another's came before, so
/// that the commit needed a slot. It may have gone before the snapshot that the event ended with: a
/// set observes nothing, so that the snapshot moves over whatever becomes of its key.
fn slots_were_short_at_commit(abort: &Abort, changes: &Changes) -> bool {
    let from = abort.in_hand.returned.min(abort.conflict.snapshot);
    let until = abort.not_after;
    let inserts = abort.ops.iter().any(|op| match *op {
        Op::Set(key, _, SetOutcome::Ok) => changes.is_absent_between(key, (from, until)),
        _ => false,
    });
    let free = changes.room.0.saturating_sub(changes.keys_max(from, until));
    inserts && is_in_hands(abort, changes, (free, abort.in_hand.committed))
}
