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
        Reason::Short { .. } => shortage(observer).unwrap_or(Cause::A1),
        Reason::Observed { mutator, .. } => {
            match rule(observer, MUTATORS[usize::from(mutator.kind)]) {
                Rule::Conflict(cause) => cause,
                Rule::Never => hidden(observer),
            }
        }
    }
}

/// What ended an observation that the change named by the cell's version cannot have ended. On a
/// map's chain the one that did lies in an overflow cell that was not there yet. On a lease the
/// commit freed the id and then allocated it again, and a version names what replaced it last.
fn hidden(observer: ObserverKind) -> Cause {
    match (observer, rule(observer, MutatorKind::Free)) {
        (ObserverKind::MapMiss, _) => Cause::M3,
        (ObserverKind::MapRemove, _) => Cause::M4,
        (_, Rule::Conflict(cause)) => cause,
        (_, Rule::Never) => Cause::A1,
    }
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
