//! Certificates that are false: each that holds is changed in one place, and must not hold then.
//!
//! So the check is checked in every history: a record that names another commit, another
//! participant, another element, key, lease or part is refused, and so is the right one if the
//! operation that observed is taken for another that never ended. A shortage is refused without the
//! bursts beside it, of an event that asked for nothing, and of an elder. And whose slot it was
//! that changed is found out once more without the record, which must have said the same.

use std::collections::BTreeMap;

use nfos_state::Place;
use nfos_state::rules::ObserverKind;
use nfos_stm::{FAILURES_BEFORE_GATE, Reason};

use crate::certify::{Abort, Certified, Changes, Subject, certify};
use crate::program::{Drawn, Op};

/// How many false certificates were refused, by what they were about.
pub(crate) type Refused = BTreeMap<&'static str, u64>;

/// What is false in one way or another must come up of each.
pub(crate) const ABOUT: [&str; 6] = [
    "removal of a key that was there",
    "lease that ran out",
    "going through a map",
    "operation that never ended",
    "shortage of ids",
    "shortage of slots",
];

/// Makes false certificates of one that holds.
#[derive(Default)]
pub(crate) struct Falsifier {
    /// Some keys, by name.
    keys: Vec<Place>,
    pub(crate) refused: Refused,
    /// Keys that were found out as they were recorded.
    pub(crate) found_out: u64,
}

impl Falsifier {
    pub(crate) fn check(&mut self, abort: &Abort, changes: &Changes) {
        match abort.reason {
            Reason::Observed { .. } => self.check_observed(abort, changes),
            Reason::Short { .. } => self.check_short(abort, changes),
            Reason::SnapshotLost { .. } => {}
        }
    }

    fn check_observed(&mut self, abort: &Abort, changes: &Changes) {
        self.find_out(abort, changes);
        let about = about(abort);
        let others = self.elsewhere(abort, changes).chain(at_other_times(abort, changes));
        let falsehoods: Vec<Abort> = others.collect();
        for false_one in falsehoods {
            self.refuse(about, &false_one, changes);
        }
        for op in &abort.ops {
            self.never_ended(abort, op, changes);
        }
    }

    fn find_out(&mut self, abort: &Abort, changes: &Changes) {
        if let Some(recorded @ Subject::Key(_)) = Subject::of(&abort.conflict.place)
            && abort.is_by_slot()
        {
            let found = abort.changed_slot(changes);
            assert!(
                found == Some(recorded),
                "whose slot it was: {found:?} and not {recorded:?}: {abort:?}"
            );
            self.found_out += 1;
        }
    }

    fn check_short(&mut self, abort: &Abort, changes: &Changes) {
        let is_of_ids = abort.conflict.observer == ObserverKind::Allocate;
        let about = if is_of_ids { ABOUT[4] } else { ABOUT[5] };
        let mut by_elder = abort.clone();
        by_elder.conflict.failures = FAILURES_BEFORE_GATE + 1;
        self.refuse(about, &by_elder, changes);
        let mut asks_nothing = abort.clone();
        asks_nothing.ops.clear();
        (asks_nothing.in_hand.ids, asks_nothing.in_hand.slots) = (Vec::new(), 0);
        self.refuse(about, &asks_nothing, changes);
        let mut alone = abort.clone();
        alone.in_hand.ran = (u64::MAX, u64::MAX);
        (alone.in_hand.committed, alone.in_hand.slots) = ((u64::MAX, u64::MAX), 0);
        alone.in_hand.returned = abort.conflict.snapshot;
        // A map can also be full with the burst's own sets, whoever is beside it.
        if is_of_ids || certify(&alone, changes).is_err() {
            self.refuse(about, &alone, changes);
        }
    }

    fn refuse(&mut self, about: &'static str, false_one: &Abort, changes: &Changes) {
        let answer = certify(false_one, changes);
        assert!(answer.is_err(), "a false certificate holds: {about}: {false_one:?}");
        *self.refused.entry(about).or_default() += 1;
    }

    /// The same conflict at another place, which the commit has not changed.
    fn elsewhere(&mut self, abort: &Abort, changes: &Changes) -> impl Iterator<Item = Abort> {
        let place = abort.conflict.place;
        if matches!(place, Place::Key(_)) && self.keys.len() < 8 && !self.keys.contains(&place) {
            self.keys.push(place);
        }
        let others = match place {
            Place::Element(index) => vec![Place::Element(index ^ 1)],
            Place::Lease(id) => vec![Place::Lease(id ^ 1)],
            Place::Part(part) => vec![Place::Part(part ^ 1)],
            Place::Key(_) => self.keys.iter().copied().filter(|other| *other != place).collect(),
            Place::Room | Place::Unknown => Vec::new(),
        };
        let at = abort.conflict.change.map_or(0, |change| change.committed);
        let unchanged = |place: &Place| {
            let subject = Subject::of(place);
            subject.is_some_and(|subject| !changes.has_changed(subject, at))
        };
        let others: Vec<Place> = others.into_iter().filter(unchanged).collect();
        let abort = abort.clone();
        others.into_iter().map(move |place| {
            let mut other = abort.clone();
            other.conflict.place = place;
            other
        })
    }

    /// An operation that observed, if it had not ended, would do; another in its place would not.
    fn never_ended(&mut self, abort: &Abort, op: &Op, changes: &Changes) {
        let [Some(same), Some(other)] = [false, true].map(|moved| Drawn::like(op, moved)) else {
            return;
        };
        let mut broken_off = abort.clone();
        broken_off.ops.clear();
        broken_off.broken_off = Some(same);
        // Another operation of the event may be the one that observed.
        if certify(&broken_off, changes) == Ok(Certified::ByACommit) {
            broken_off.broken_off = Some(other);
            self.refuse(ABOUT[3], &broken_off, changes);
        }
    }
}

fn about(abort: &Abort) -> &'static str {
    match abort.conflict.observer {
        ObserverKind::MapRemove if abort.ops.iter().any(|op| matches!(op, Op::Remove(_, true))) => {
            ABOUT[0]
        }
        ObserverKind::NextExpired => ABOUT[1],
        ObserverKind::MapIterate => ABOUT[2],
        _ => "another operation",
    }
}

/// The same conflict by somebody else, at the snapshot, and by commits around the one that is named
/// which have not changed what it is about.
fn at_other_times(abort: &Abort, changes: &Changes) -> impl Iterator<Item = Abort> {
    let change = abort.conflict.change.expect("a commit is named");
    let subject = Subject::of(&abort.conflict.place);
    let neighbours = changes
        .around(change.committed)
        .into_iter()
        .filter(move |&(at, _)| subject.is_some_and(|subject| !changes.has_changed(subject, at)));
    let others =
        [(change.committed, change.participant + 1), (abort.conflict.snapshot, change.participant)];
    others.into_iter().chain(neighbours).map(move |(committed, participant)| {
        let mut other = abort.clone();
        other.conflict.change = Some(nfos_state::Change { committed, participant, ..change });
        other
    })
}
