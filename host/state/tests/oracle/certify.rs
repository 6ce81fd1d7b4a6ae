//! Certificates: each abort names a committed change between its snapshot and its next run, by an
//! operation that the table holds against the one that observed, at the element, key, lease or part
//! that the record names.
//!
//! What exactly ended the observation of a cell is checked below, cell by cell, by the oracle of
//! `nfos-stm`; here it is operations and causes. Whether a set inserted and whether a key was there
//! at a time is known from the replay, not from the record.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

use nfos_state::rules::{MutatorKind, ObserverKind, Rule, StructureKind, rule};
use nfos_state::{Conflict, Place, SetOutcome};
use nfos_stm::Reason;

use crate::driver::{Committed, Config};
use crate::program::{Drawn, Objects, Op};
use crate::shortage::{self, Hands, InHand};

/// An event that did not stand, and what was said of it.
#[derive(Clone, Debug)]
pub(crate) struct Abort {
    pub(crate) conflict: Conflict,
    pub(crate) reason: Reason,
    pub(crate) objects: Objects,
    /// The event's clock.
    pub(crate) now_ns: u64,
    /// What the events before it in its burst had logged.
    pub(crate) before: Vec<Op>,
    /// What it had logged itself.
    pub(crate) ops: Vec<Op>,
    /// The operation at which it was broken off: that one is not logged.
    pub(crate) broken_off: Option<Drawn>,
    /// The timestamp that the events before it committed at.
    pub(crate) committed_at: Option<u64>,
    /// The snapshot of its next run.
    pub(crate) not_after: u64,
    /// What its burst had in its own hands, and when.
    pub(crate) in_hand: InHand,
}

/// What an operation observes or changes, within its structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Element(u32),
    Key(u16),
    Lease(u32),
    Part(u32),
    /// How much is free.
    Room,
}

impl Subject {
    pub(crate) fn of(place: &Place) -> Option<Self> {
        Some(match *place {
            Place::Element(index) => Self::Element(index),
            Place::Key(key) => {
                let &[low, _, high, ..] = key.as_bytes() else { return None };
                Self::Key(u16::from_le_bytes([low, high]))
            }
            Place::Lease(id) => Self::Lease(id),
            Place::Part(part) => Self::Part(part),
            Place::Room => Self::Room,
            Place::Unknown => return None,
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Change {
    participant: u16,
    kind: MutatorKind,
    subject: Subject,
}

/// What was changed when, and what that made of keys and leases.
#[derive(Default)]
pub(crate) struct Changes {
    by_time: BTreeMap<u64, Vec<Change>>,
    /// Whether a key is there from a timestamp on.
    keys: HashMap<u16, BTreeMap<u64, bool>>,
    /// Until when an id is held at least, if it is, from a timestamp on.
    leases: HashMap<u32, BTreeMap<u64, Option<u64>>>,
    /// What bursts had in their hands, by when they began.
    pub(crate) hands: Vec<Hands>,
    /// How many keys there may be, and how many ids there are.
    pub(crate) room: (usize, u32),
}

/// What a timeline has at a timestamp.
fn at<T: Copy>(timeline: Option<&BTreeMap<u64, T>>, timestamp: u64) -> Option<T> {
    timeline.and_then(|times| times.range(..=timestamp).next_back()).map(|(_, &what)| what)
}

impl Changes {
    /// Of events in their order.
    pub(crate) fn new(committed: &[Committed], config: &Config, mut hands: Vec<Hands>) -> Self {
        hands.sort_by_key(|hands| hands.when.0);
        let room = (config.map_capacity as usize, config.ids);
        let mut changes = Self { hands, room, ..Self::default() };
        // A refresh that is skipped changes nothing.
        for event in committed.iter().filter(|event| !event.place.1) {
            for op in &event.ops {
                changes.add(event, op, config.refresh_interval_ns);
            }
        }
        changes
    }

    fn add(&mut self, event: &Committed, op: &Op, refresh_interval_ns: u64) {
        use MutatorKind as M;
        let (timestamp, participant) = (event.place.0, event.participant);
        let (kind, subject, room) = match *op {
            Op::Write(index, _) => (M::VectorWrite, Subject::Element(index), None),
            Op::Add(index, ..) => (M::VectorAdd, Subject::Element(index), None),
            Op::Set(key, _, SetOutcome::Ok) => {
                let was_there = self.is_there(key, timestamp);
                self.keys.entry(key).or_default().insert(timestamp, true);
                (M::MapSet, Subject::Key(key), (!was_there).then_some(M::MapGrow))
            }
            Op::Remove(key, true) => {
                self.keys.entry(key).or_default().insert(timestamp, false);
                (M::MapRemove, Subject::Key(key), Some(M::MapShrink))
            }
            Op::Allocate(duration, Some(id)) => {
                let until = Some(event.now_ns + duration);
                self.leases.entry(id).or_default().insert(timestamp, until);
                (M::Allocate, Subject::Lease(id), Some(M::Allocate))
            }
            Op::Refresh(id, duration, true) => {
                let least = (event.now_ns + duration).saturating_sub(refresh_interval_ns);
                let until = at(self.leases.get(&id), timestamp).flatten().max(Some(least));
                self.leases.entry(id).or_default().insert(timestamp, until);
                (M::Refresh, Subject::Lease(id), None)
            }
            Op::Free(id, true) => {
                self.leases.entry(id).or_default().insert(timestamp, None);
                (M::Free, Subject::Lease(id), Some(M::Free))
            }
            Op::Update | Op::UpdateStale => (M::Update, Subject::Part(participant.into()), None),
            _ => return,
        };
        let commit = self.by_time.entry(timestamp).or_default();
        commit.push(Change { participant, kind, subject });
        commit.extend(room.map(|kind| Change { participant, kind, subject: Subject::Room }));
    }

    /// Whether a commit changed something.
    pub(crate) fn has_changed(&self, subject: Subject, at: u64) -> bool {
        let commit = self.by_time.get(&at).into_iter().flatten();
        commit.into_iter().any(|by| by.subject == subject)
    }

    /// The commits before and after one, with who made them.
    pub(crate) fn around(&self, at: u64) -> Vec<(u64, u16)> {
        let before = self.by_time.range(..at).next_back();
        let after = self.by_time.range(at + 1..).next();
        before.into_iter().chain(after).map(|(&at, commit)| (at, commit[0].participant)).collect()
    }

    pub(crate) fn is_there(&self, key: u16, timestamp: u64) -> bool {
        at(self.keys.get(&key), timestamp).unwrap_or(false)
    }

    /// Whether a commit after a time and until another has inserted a key, or removed it.
    pub(crate) fn has_made(&self, key: u16, there: bool, (after, until): (u64, u64)) -> bool {
        let range = (Bound::Excluded(after), Bound::Included(until));
        let mut times = self.keys.get(&key).into_iter().flat_map(|times| times.range(range));
        times.any(|(&at, &made)| made == there && self.is_there(key, at - 1) != there)
    }

    /// Whether a key is not there at some time of a range.
    pub(crate) fn is_absent_between(&self, key: u16, (from, until): (u64, u64)) -> bool {
        let mut later = self.keys.get(&key).into_iter().flat_map(|t| t.range(from..=until));
        !self.is_there(key, from) || later.any(|(_, &there)| !there)
    }

    /// The keys that are there at a time.
    pub(crate) fn keys_at(&self, timestamp: u64) -> HashSet<u16> {
        self.keys.keys().copied().filter(|&key| self.is_there(key, timestamp)).collect()
    }

    /// The most keys that there are at once from one time to another.
    pub(crate) fn keys_max(&self, from: u64, until: u64) -> usize {
        let grows = |commit: &&Vec<Change>| commit.iter().any(|by| by.kind == MutatorKind::MapGrow);
        let times = self.by_time.range((Bound::Excluded(from), Bound::Included(until)));
        let times = times.filter(|(_, commit)| grows(commit)).map(|(&at, _)| at);
        times.chain([from]).map(|at| self.keys_at(at).len()).max().unwrap_or(0)
    }

    pub(crate) fn is_held(&self, id: u32, timestamp: u64) -> bool {
        at(self.leases.get(&id), timestamp).flatten().is_some()
    }

    fn has_run_out(&self, id: u32, timestamp: u64, now_ns: u64) -> bool {
        at(self.leases.get(&id), timestamp).flatten().is_some_and(|until| until < now_ns)
    }
}

/// How an abort is accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certified {
    ByACommit,
    /// Something interchangeable was in the hands of events that had not committed.
    Shortage,
    /// Its snapshot was older than history.
    Lost,
}

pub(crate) fn certify(abort: &Abort, changes: &Changes) -> Result<Certified, &'static str> {
    let Abort { conflict, reason, .. } = abort;
    let is_lost = conflict.cause.id() == "S1";
    let (observer, mutator) = match reason {
        Reason::SnapshotLost { .. } if is_lost => return Ok(Certified::Lost),
        Reason::Short { .. } if !is_lost => return shortage::certify(abort, changes),
        Reason::Observed { observer, mutator, .. } => (observer, mutator),
        _ => return Err("the cause is not what happened"),
    };
    let change = conflict.change.ok_or("it names no change")?;
    if change.seen >= change.committed || conflict.snapshot >= change.committed {
        return Err("the change is not newer than what was seen");
    }
    if change.committed > abort.until() {
        return Err("the change is newer than the abort");
    }
    let commit = changes.by_time.get(&change.committed).ok_or("nobody committed at that time")?;
    if commit.iter().any(|by| by.participant != change.participant) {
        return Err("somebody else committed at that time");
    }
    let same_object = observer.object == mutator.object;
    if !same_object || !commit.iter().any(|by| by.kind == change.mutator) {
        return Err("it did not change anything in that way");
    }
    let subject = abort.subject(changes)?;
    if !abort.has_observed(subject, changes) {
        return Err("the event did not observe that");
    }
    if abort.is_ended(subject, changes) {
        Ok(Certified::ByACommit)
    } else {
        Err("that did not end the observation")
    }
}

impl Abort {
    /// Until when what made it fail had been committed.
    fn until(&self) -> u64 {
        self.committed_at.map_or(self.not_after, |timestamp| timestamp - 1)
    }

    /// Whether the record is of a slot's version, from which its key has to be found out.
    pub(crate) fn is_by_slot(&self) -> bool {
        matches!(self.conflict.observer, ObserverKind::MapHit | ObserverKind::MapIterate)
    }

    /// What the record is about; where history had lost whose slot it was, what the replay says.
    fn subject(&self, changes: &Changes) -> Result<Subject, &'static str> {
        let found_out = || match self.is_by_slot() {
            true => self.changed_slot(changes).ok_or("nothing that it had found was changed"),
            false => Err("it does not name the place"),
        };
        Subject::of(&self.conflict.place).map_or_else(found_out, Ok)
    }

    /// Whose slot it was, without asking the record: of the keys that the event had found and whose
    /// observation the named commit ended, the first that it looked at, since observations are
    /// looked through in their order. On its way through a map it has observed no key that it has
    /// not passed: of an entry the value is read last, and no other cell is observed.
    pub(crate) fn changed_slot(&self, changes: &Changes) -> Option<Subject> {
        let is_one = |key: u16| {
            let subject = Subject::Key(key);
            let is_found = changes.is_there(key, self.conflict.snapshot);
            is_found && self.has_observed(subject, changes) && self.is_ended(subject, changes)
        };
        let goes_through = self.conflict.observer == ObserverKind::MapIterate;
        let looked_at = self.ops.iter().enumerate().filter_map(|(number, op)| match *op {
            Op::Passed(key) if goes_through && !self.is_hidden(number) => Some(key),
            Op::Get(key, Some(_)) if !goes_through => Some(key),
            _ => None,
        });
        let broken_off = self.broken_off.iter().filter(|op| !goes_through && op.choice == 1);
        let mut in_order = looked_at.chain(broken_off.map(|op| op.key));
        in_order.find(|&key| is_one(key)).map(Subject::Key)
    }

    /// Whether the named commit ended the observation. A version names the last change that its
    /// commit made; an earlier one may have done it.
    fn is_ended(&self, subject: Subject, changes: &Changes) -> bool {
        let Conflict { observer, cause, snapshot, .. } = self.conflict;
        let change = self.conflict.change.expect("it names a change");
        let ends =
            |by: &Change| by.subject == subject && rule(observer, by.kind) == Rule::Conflict(cause);
        let flips = match (observer, subject) {
            (ObserverKind::MapMiss | ObserverKind::MapRemove, Subject::Key(key)) => {
                changes.is_there(key, snapshot) != changes.is_there(key, change.committed)
            }
            _ => true,
        };
        flips && changes.by_time.get(&change.committed).into_iter().flatten().any(ends)
    }

    /// Whether an operation of the event observes what the record says.
    fn has_observed(&self, subject: Subject, changes: &Changes) -> bool {
        let conflict = &self.conflict;
        let Objects { vector, map, allocator, fresh, stale } = self.objects;
        let object_fits = match conflict.observer.structure() {
            StructureKind::Vector => conflict.object == vector,
            StructureKind::Map => conflict.object == map,
            StructureKind::Allocator => conflict.object == allocator,
            StructureKind::Distributed => [fresh, stale].contains(&conflict.object),
        };
        let observes = |number: usize| {
            self.observes(&self.ops[number], subject, changes) && !self.is_hidden(number)
        };
        object_fits
            && ((0..self.ops.len()).any(observes)
                || self.broken_off.is_some_and(|op| self.may_observe(&op, subject, changes)))
    }

    /// Whether the burst itself had set, by then, all that an operation asks for.
    fn is_hidden(&self, number: usize) -> bool {
        let mut earlier = self.before.iter().chain(&self.ops[..number]);
        earlier.any(|op| match (*op, self.ops[number]) {
            (Op::Write(wrote, _), Op::Read(index, _)) => wrote == index,
            (
                Op::Set(wrote, _, SetOutcome::Ok) | Op::Remove(wrote, true),
                Op::Get(key, _) | Op::Passed(key) | Op::Remove(key, _),
            ) => wrote == key,
            (
                Op::Allocate(_, Some(wrote)) | Op::Free(wrote, true),
                Op::Refresh(id, ..) | Op::Free(id, _) | Op::IsLive(id, _),
            ) => wrote == id,
            _ => false,
        })
    }

    fn observes(&self, op: &Op, subject: Subject, changes: &Changes) -> bool {
        use ObserverKind as O;
        let observer = self.conflict.observer;
        match (*op, subject) {
            (Op::Read(index, _), _) => {
                (observer, subject) == (O::VectorRead, Subject::Element(index))
            }
            (Op::Get(key, found), _) => {
                let by = if found.is_some() { O::MapHit } else { O::MapMiss };
                (observer, subject) == (by, Subject::Key(key))
            }
            (Op::Set(key, _, SetOutcome::Full), _) => {
                let full = (observer, subject) == (O::MapFull, Subject::Room);
                full || (observer, subject) == (O::MapMiss, Subject::Key(key))
            }
            (Op::Remove(key, _), _) => (observer, subject) == (O::MapRemove, Subject::Key(key)),
            (Op::Length(_), _) => (observer, subject) == (O::MapLength, Subject::Room),
            (Op::Entries(..), _) => self.goes_through(subject, changes),
            (Op::Allocate(_, None), _) => (observer, subject) == (O::AllocateNone, Subject::Room),
            (Op::Refresh(id, ..), _) => (observer, subject) == (O::Refresh, Subject::Lease(id)),
            (Op::Free(id, _), _) => (observer, subject) == (O::Free, Subject::Lease(id)),
            (Op::IsLive(id, _), _) => (observer, subject) == (O::IsLive, Subject::Lease(id)),
            (Op::NextExpired(Some(expired)), Subject::Lease(id)) => {
                expired.id == id && self.finds_due(id, changes)
            }
            (Op::Merge(_), Subject::Part(_)) => {
                observer == O::MergingRead && self.conflict.object == self.objects.fresh
            }
            (Op::MergeStale(_), Subject::Part(_)) => {
                observer == O::MergingRead && self.conflict.object == self.objects.stale
            }
            _ => false,
        }
    }

    /// The same of an operation that was broken off, whose result nobody knows.
    fn may_observe(&self, op: &Drawn, subject: Subject, changes: &Changes) -> bool {
        use ObserverKind as O;
        let &Drawn { choice, index, key, id, .. } = op;
        let seen = (self.conflict.observer, subject);
        match (choice, seen) {
            (0, _) => seen == (O::VectorRead, Subject::Element(index)),
            (1, (O::MapHit | O::MapMiss, _)) => subject == Subject::Key(key),
            (2, _) => seen == (O::IsLive, Subject::Lease(id)),
            (3, (O::MergingRead, _)) => self.conflict.object == self.objects.fresh,
            (4, (O::MergingRead, _)) => self.conflict.object == self.objects.stale,
            (7 | 8, (O::MapFull, _)) => subject == Subject::Room,
            (7 | 8, (O::MapMiss, _)) => subject == Subject::Key(key),
            (9, _) => seen == (O::MapRemove, Subject::Key(key)),
            (10, _) => seen == (O::AllocateNone, Subject::Room),
            (11, _) => seen == (O::Refresh, Subject::Lease(id)),
            (12, _) => seen == (O::Free, Subject::Lease(id)),
            (14, (_, Subject::Lease(id))) => self.finds_due(id, changes),
            _ if op.goes_through() => self.goes_through(subject, changes),
            (15 | 16, _) => seen == (O::MapLength, Subject::Room),
            _ => false,
        }
    }

    /// Who goes through a map observes the keys that are there, that no others come, and, of those
    /// that its burst has set, which are new.
    fn goes_through(&self, subject: Subject, changes: &Changes) -> bool {
        let is_set = |op: &Op, wanted| matches!(*op, Op::Set(key, ..) if key == wanted);
        match (self.conflict.observer, subject) {
            (ObserverKind::MapIterate, Subject::Room) => true,
            (ObserverKind::MapIterate, Subject::Key(key)) => {
                changes.is_there(key, self.conflict.snapshot)
            }
            (ObserverKind::MapMiss, Subject::Key(key)) => {
                self.before.iter().chain(&self.ops).any(|op| is_set(op, key))
            }
            _ => false,
        }
    }

    /// Who looks for leases that have run out observes such.
    fn finds_due(&self, id: u32, changes: &Changes) -> bool {
        self.conflict.observer == ObserverKind::NextExpired
            && changes.has_run_out(id, self.conflict.snapshot, self.now_ns)
    }
}
