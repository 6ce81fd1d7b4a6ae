//! Counters of aborts: by participant, structure and cause.

use nfos_records::CauseCount;
use nfos_stm::{Reason, Reservation};
use nfos_sync::atomic::{AtomicU64, Ordering};

use crate::object::{OBJECTS_MAX, Objects};
use crate::rules::{
    Advisor, CAUSES, Cause, MUTATORS, MutatorKind, OBSERVERS, ObserverKind, Particulars, Rule,
    rule, shortage,
};

/// The cause of a failure, by the table.
pub(crate) fn cause(reason: &Reason) -> Cause {
    let observer = OBSERVERS[usize::from(reason.observer().kind)];
    match reason {
        Reason::SnapshotLost { .. } => Cause::S1,
        Reason::Short { .. } => shortage(observer).expect("only what is handed out runs short"),
        Reason::Observed { mutator, .. } => {
            let mutator = MUTATORS[usize::from(mutator.kind)];
            conflict(observer, mutator).unwrap_or_else(|| hidden(observer))
        }
    }
}

/// The nearest cause of the table for a failure under the protocol of the original, whose conflicts
/// the table does not know.
pub(crate) fn original_cause(reason: &Reason) -> Cause {
    let Reason::Observed { mutator, .. } = reason else { return cause(reason) };
    let observer = OBSERVERS[usize::from(reason.observer().kind)];
    let row = || MUTATORS.iter().find_map(|mutator| conflict(observer, *mutator));
    conflict(observer, MUTATORS[usize::from(mutator.kind)]).or_else(row).unwrap_or(Cause::A1)
}

fn conflict(observer: ObserverKind, mutator: MutatorKind) -> Option<Cause> {
    match rule(observer, mutator) {
        Rule::Conflict(cause) => Some(cause),
        Rule::Never => None,
    }
}

/// What ended an observation that the change named by the cell's version cannot have ended: an
/// earlier change by the same commit, since a version names what replaced it last. On a lease that
/// is a free, behind which the id was allocated again. On a map's chain the one that did lies in an
/// overflow cell that was not there yet: an insertion. An observer without a conflict in its row
/// has nothing to fail for.
fn hidden(observer: ObserverKind) -> Cause {
    let row = || MUTATORS.iter().find_map(|mutator| conflict(observer, *mutator));
    let found = conflict(observer, MutatorKind::Free).or_else(row);
    found.expect("what nothing ends never fails")
}

/// The counters of one participant, written by it alone.
#[derive(Debug)]
pub(crate) struct Causes(Reservation<AtomicU64>);

impl Causes {
    pub(crate) fn new() -> Self {
        Self(Reservation::new(OBJECTS_MAX * CAUSES.len()))
    }

    fn counter(&self, object: u16, cause: Cause) -> &AtomicU64 {
        &self.0[usize::from(object) * CAUSES.len() + cause as usize]
    }

    #[cold]
    pub(crate) fn count(&self, object: u16, cause: Cause) {
        let counter = self.counter(object, cause);
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// All that is not zero, most first.
pub(crate) fn report(
    participants: &[Causes],
    objects: &Objects,
    advisor: &dyn Advisor,
) -> Vec<CauseCount> {
    let mut report = Vec::new();
    for object in objects.iter() {
        let name = &object.described.name;
        for &cause in CAUSES {
            let number = object.described.id.raw() as u16;
            let count = |one: &Causes| one.counter(number, cause).load(Ordering::Relaxed);
            let aborts = participants.iter().map(count).sum();
            if aborts > 0 {
                let of = Particulars { object: name, ..Particulars::default() };
                report.push(CauseCount {
                    id: cause.id().into(),
                    object: name.clone(),
                    cause: cause.told(&of, advisor),
                    recipe: cause.advised(&of, advisor),
                    relaxed_by: cause.relaxed_by(name, advisor),
                    aborts,
                });
            }
        }
    }
    report.sort_by_key(|count| std::cmp::Reverse(count.aborts));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_change_has_the_cause_of_what_must_have_come_before() {
        let expected = |observer| match observer {
            ObserverKind::VectorRead => Some(Cause::V1),
            ObserverKind::MapHit => Some(Cause::M1),
            ObserverKind::MapMiss => Some(Cause::M3),
            ObserverKind::MapRemove => Some(Cause::M4),
            ObserverKind::MapFull => Some(Cause::M5),
            ObserverKind::MapIterate => Some(Cause::M7),
            ObserverKind::MapLength => Some(Cause::M8),
            ObserverKind::AllocateNone => Some(Cause::A1),
            ObserverKind::Refresh => Some(Cause::A2),
            ObserverKind::Free | ObserverKind::NextExpired => Some(Cause::A4),
            ObserverKind::IsLive => Some(Cause::A5),
            ObserverKind::MergingRead => Some(Cause::D1),
            // Others change nothing of what these look at.
            ObserverKind::Allocate | ObserverKind::OwnPart => None,
        };
        for &observer in OBSERVERS {
            let row: Vec<_> = MUTATORS.iter().filter_map(|m| conflict(observer, *m)).collect();
            match expected(observer) {
                None => assert!(row.is_empty(), "{observer:?}"),
                Some(cause) => {
                    assert_eq!(hidden(observer), cause, "{observer:?}");
                    assert!(row.contains(&cause), "{observer:?}");
                }
            }
        }
    }
}
