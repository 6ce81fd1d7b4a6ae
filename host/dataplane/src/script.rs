//! `init` runs once; the instances of the other workers run it by replay.
//!
//! The first run records what each import answered; a replay answers the same without touching
//! anything, so what `init` leaves in guest memory is the same in every instance, and a structure
//! is opened once. A replay that asks for something else is a guest whose `init` is not
//! deterministic, and is refused.

use nfos_engine::fault::GuestFault;
use nfos_engine::services::{Answer, Cell, ExpiredLease, MapEntry, SetOutcome, Value};
use std::sync::Arc;

/// What an import answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Recorded {
    /// Nothing.
    Unit(()),
    /// A flag.
    Flag(bool),
    /// A handle.
    Handle(u32),
    /// A number.
    Number(u64),
    /// A cell.
    Cell(Cell),
    /// A cell, or a miss.
    MaybeCell(Option<Cell>),
    /// An id, or none.
    MaybeId(Option<u32>),
    /// How a set ended.
    Outcome(SetOutcome),
    /// A lease, or none.
    MaybeLease(Option<ExpiredLease>),
    /// An entry of a map, or none.
    MaybeEntry(Option<MapEntry>),
    /// A parameter's value.
    Value(Value),
}

/// A type that an import answers with.
pub(crate) trait Recordable: Clone {
    /// As one of the recorded kinds.
    fn record(&self) -> Recorded;
    /// Out of it, if it is of this kind.
    fn recall(recorded: &Recorded) -> Option<Self>;
}

macro_rules! recordable {
    ($($type:ty => $kind:ident),* $(,)?) => {$(
        impl Recordable for $type {
            fn record(&self) -> Recorded {
                Recorded::$kind(self.clone())
            }
            fn recall(recorded: &Recorded) -> Option<Self> {
                match recorded {
                    Recorded::$kind(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    )*};
}

recordable! {
    () => Unit,
    bool => Flag,
    u32 => Handle,
    u64 => Number,
    Cell => Cell,
    Option<Cell> => MaybeCell,
    Option<u32> => MaybeId,
    SetOutcome => Outcome,
    Option<ExpiredLease> => MaybeLease,
    Option<MapEntry> => MaybeEntry,
    Value => Value,
}

/// The recorded run of `init`: the import called, and what it answered.
pub(crate) type Script = Arc<[(&'static str, Recorded)]>;

/// A replay in progress.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    script: Script,
    at: usize,
}

impl Replay {
    /// From the beginning.
    pub(crate) fn new(script: Script) -> Self {
        Self { script, at: 0 }
    }

    /// What the import answered the first time.
    ///
    /// # Errors
    /// [`GuestFault::OutOfTurn`] if the first run did not call it at this place.
    pub(crate) fn answer<T: Recordable>(&mut self, import: &'static str) -> Answer<T> {
        let answer = match self.script.get(self.at) {
            Some((name, recorded)) if *name == import => T::recall(recorded),
            _ => None,
        };
        self.at += 1;
        answer.ok_or(GuestFault::OutOfTurn("init called other imports than it did the first time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_answers_as_the_first_run_and_refuses_another() {
        let script: Script = [("open", 7_u32.record()), ("get", Some([1_u64; 6]).record())].into();
        let mut replay = Replay::new(Arc::clone(&script));
        assert_eq!(replay.answer::<u32>("open"), Ok(7));
        assert_eq!(replay.answer::<Option<Cell>>("get"), Ok(Some([1; 6])));
        assert!(replay.answer::<()>("get").is_err(), "the script is over");
        assert!(Replay::new(Arc::clone(&script)).answer::<u32>("get").is_err(), "another import");
        assert!(Replay::new(script).answer::<bool>("open").is_err(), "another type");
    }
}
