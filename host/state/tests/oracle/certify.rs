//! Certificates: each abort names a committed change, newer than what the event saw, by an
//! operation that the table holds against the one that observed, on the same element, key or lease.
//!
//! What exactly ended the observation of a cell is checked below, cell by cell, by the oracle of
//! `nfos-stm`; here it is operations and causes.

use std::collections::BTreeMap;

use nfos_state::rules::{Cause, MUTATORS, MutatorKind, OBSERVERS, ObserverKind, Rule, rule};
use nfos_state::{ExpiredLease, SetOutcome};
use nfos_stm::{Failure, Reason};

use crate::driver::Committed;
use crate::program::Op;

/// An event that did not stand, and what was said of it.
pub(crate) struct Abort {
    pub(crate) failure: Failure,
    pub(crate) cause: Cause,
    /// What the event had logged.
    pub(crate) ops: Vec<Op>,
    /// Whether all its operations came to an end: one that has to run again is not logged.
    pub(crate) is_whole: bool,
    /// The timestamp that the events before it committed at.
    pub(crate) committed_at: Option<u64>,
}

/// What changes were committed at a timestamp, and by whom.
pub(crate) type ByTime<'a> = BTreeMap<u64, Vec<&'a Committed>>;

pub(crate) fn by_time(committed: &[Committed]) -> ByTime<'_> {
    let mut by_time = ByTime::new();
    for event in committed.iter().filter(|event| !event.place.1) {
        by_time.entry(event.place.0).or_default().push(event);
    }
    by_time
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

pub(crate) fn certify(abort: &Abort, commits: &ByTime<'_>) -> Result<Certified, &'static str> {
    let Reason::Observed { observer, mutator, participant, seen, changed, .. } =
        abort.failure.reason
    else {
        let lost = matches!(abort.failure.reason, Reason::SnapshotLost { .. });
        let told = matches!(abort.cause, Cause::S1) == lost;
        return match (told, lost) {
            (false, _) => Err("the cause is not what happened"),
            (true, true) => Ok(Certified::Lost),
            (true, false) => Ok(Certified::Shortage),
        };
    };
    if seen >= changed {
        return Err("the change is not newer than what was seen");
    }
    if abort.committed_at.is_some_and(|timestamp| changed >= timestamp) {
        return Err("the change is newer than the commit");
    }
    let commit = commits.get(&changed).ok_or("nobody committed at that time")?;
    if commit.iter().any(|event| event.participant != participant) {
        return Err("somebody else committed at that time");
    }
    let observer = OBSERVERS[usize::from(observer.kind)];
    let mutator = MUTATORS[usize::from(mutator.kind)];
    let changes = || commit.iter().flat_map(|event| &event.ops);
    if !changes().any(|change| changes_of(change).contains(&mutator)) {
        return Err("it did not change anything in that way");
    }
    // A version names the last change that its commit made; an earlier one may have done it.
    let ends = |kind: &MutatorKind| rule(observer, *kind) == Rule::Conflict(abort.cause);
    let ended = |change: &Op| {
        let met = |op: &&Op| observes(op, observer) && meets(op, change, observer);
        changes_of(change).iter().any(ends) && abort.ops.iter().any(|op| met(&op))
    };
    // The operation that found its observation gone is not among those that came to an end.
    let meets_unknown = |change: &Op| !abort.is_whole && changes_of(change).iter().any(ends);
    if changes().any(|change| ended(change) || meets_unknown(change)) {
        Ok(Certified::ByACommit)
    } else {
        Err("the table does not say so")
    }
}

fn observes(op: &Op, observer: ObserverKind) -> bool {
    use ObserverKind as O;
    match *op {
        Op::Read(..) => observer == O::VectorRead,
        Op::Get(_, Some(_)) => observer == O::MapHit,
        Op::Get(_, None) => observer == O::MapMiss,
        Op::Set(_, _, SetOutcome::Full) => matches!(observer, O::MapFull | O::MapMiss),
        Op::Remove(..) => observer == O::MapRemove,
        Op::Allocate(_, Some(_)) => observer == O::Allocate,
        Op::Allocate(_, None) => observer == O::AllocateNone,
        Op::Refresh(..) => observer == O::Refresh,
        Op::Free(..) => observer == O::Free,
        Op::IsLive(..) => observer == O::IsLive,
        Op::NextExpired(_) => observer == O::NextExpired,
        Op::Merge(_) | Op::MergeStale(_) => observer == O::MergingRead,
        Op::Length(_) => observer == O::MapLength,
        Op::Entries(..) => matches!(observer, O::MapIterate | O::MapMiss),
        _ => false,
    }
}

fn changes_of(op: &Op) -> &'static [MutatorKind] {
    use MutatorKind as M;
    match op {
        Op::Write(..) => &[M::VectorWrite],
        Op::Add(..) => &[M::VectorAdd],
        Op::Set(_, _, SetOutcome::Ok) => &[M::MapSet, M::MapGrow],
        Op::Remove(_, true) => &[M::MapRemove, M::MapShrink],
        Op::Allocate(_, Some(_)) => &[M::Allocate],
        Op::Refresh(_, _, true) => &[M::Refresh],
        Op::Free(_, true) => &[M::Free],
        Op::Update | Op::UpdateStale => &[M::Update],
        _ => &[],
    }
}

/// Whether both are about the same element, key or lease, if the observation is about one.
fn meets(op: &Op, change: &Op, observer: ObserverKind) -> bool {
    use ObserverKind as O;
    let whole = matches!(observer, O::MapFull | O::AllocateNone | O::MapLength | O::MapIterate);
    // A lease that ran out and that the burst itself has refreshed or freed is observed, too, and
    // passed over.
    let passed_over = matches!(op, Op::NextExpired(_) | Op::Entries(..));
    // A key that moved to another slot is removed from there: who changed the first is named.
    let moved = matches!(op, Op::Remove(_, true));
    whole || moved || passed_over || subject(op) == subject(change)
}

fn subject(op: &Op) -> Option<u32> {
    match *op {
        Op::Read(index, _) | Op::Write(index, _) | Op::Add(index, ..) => Some(index),
        Op::Get(key, _) | Op::Set(key, ..) | Op::Remove(key, _) => Some(key.into()),
        Op::Allocate(_, id) => id,
        Op::Refresh(id, ..) | Op::Free(id, _) | Op::IsLive(id, _) => Some(id),
        Op::NextExpired(expired) => expired.map(|ExpiredLease { id, .. }| id),
        Op::Update | Op::Merge(_) | Op::UpdateStale | Op::MergeStale(_) => None,
        Op::Length(_) | Op::Entries(..) => None,
    }
}
