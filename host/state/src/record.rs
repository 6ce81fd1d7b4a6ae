//! The record of a failure: what was observed, who changed it, and where.

use nfos_stm::{Failure, Reason};

use crate::causes::{cause, original_cause};
use crate::conflict::{Change, Conflict, Place};
use crate::object::{ObjectId, Structure};
use crate::rules::{MUTATORS, OBSERVERS, ObserverKind};
use crate::state::Protocol;
use crate::worker::Worker;

impl Worker {
    /// Counts a failure, and tells what it was about.
    #[cold]
    pub(crate) fn record(&mut self, failure: &Failure) -> Conflict {
        let participant = self.tx.participant();
        let observer = failure.reason.observer();
        let cause = match self.state.protocol {
            Protocol::Ours => cause(&failure.reason),
            Protocol::Original => original_cause(&failure.reason),
        };
        self.state.causes[participant].count(observer.object, cause);
        let change = match failure.reason {
            Reason::Observed { mutator, participant, origin, seen, changed, .. } => Some(Change {
                mutator: MUTATORS[usize::from(mutator.kind)],
                participant,
                origin,
                seen,
                committed: changed,
            }),
            Reason::SnapshotLost { .. } | Reason::Short { .. } => None,
        };
        let mut conflict = Conflict {
            object: ObjectId::from_raw(observer.object.into()),
            cause,
            failures: self.tx.failures(),
            event: failure.event,
            origin: self.tx.origin_of(failure.event),
            observer: OBSERVERS[usize::from(observer.kind)],
            change,
            place: self.place(failure),
            snapshot: self.tx.snapshot_of(failure.event),
            weight: 0,
        };
        self.state.conflicts[participant].note(&mut conflict, self.effects.now_ns);
        conflict
    }

    /// Where in the structure the cell lies that an event fell over.
    fn place(&mut self, failure: &Failure) -> Place {
        let observer = failure.reason.observer();
        match self.state.objects.structure(ObjectId::from_raw(observer.object.into())) {
            Ok(Structure::Vector(vector)) => vector.place(failure.cell),
            Ok(Structure::Allocator(allocator)) => allocator.place(failure.cell),
            Ok(Structure::Distributed(distributed)) => distributed.place(failure.cell),
            Ok(Structure::Map(map)) => match OBSERVERS[usize::from(observer.kind)] {
                ObserverKind::MapHit | ObserverKind::MapIterate => {
                    map.place(&mut self.tx, failure.cell)
                }
                ObserverKind::MapFull | ObserverKind::MapLength => Place::Room,
                _ => self.effects.failed_key.take().map_or(Place::Unknown, Place::Key),
            },
            Err(_) => Place::Unknown,
        }
    }
}
