//! Observer × mutator: the one table from which causes and recipes come.
//!
//! A transaction runs again only if it *observed* something that a commit changed before its own.
//! So a pair has an observing operation on the left and a changing one on the right, and either
//! never conflicts or has a cause with an id, a text and a recipe. A pair without a row does not
//! compile: [`rule`] must be total.

/// An observing operation, as it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ObserverKind {
    /// Read of an element.
    VectorRead,
    /// A key that was there.
    MapHit,
    /// A key that was not.
    MapMiss,
    /// A remove: of a key that was there, or was not.
    MapRemove,
    /// A set that found no room.
    MapFull,
    /// An id taken.
    Allocate,
    /// No id left.
    AllocateNone,
    /// Whether the id was held.
    Refresh,
    /// That the id is held.
    Free,
    /// Whether the id is held and its deadline ahead.
    IsLive,
    /// A lease that has run out.
    NextExpired,
    /// All parts.
    MergingRead,
}

/// A changing operation, as a version's provenance names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MutatorKind {
    /// An element replaced.
    VectorWrite,
    /// Added to an element.
    VectorAdd,
    /// A key set.
    MapSet,
    /// A key removed.
    MapRemove,
    /// The number of free slots of a participant.
    MapCount,
    /// A tenure begun.
    Allocate,
    /// A deadline raised.
    Refresh,
    /// A tenure ended.
    Free,
    /// A part updated.
    Update,
}

/// All observers.
pub const OBSERVERS: [ObserverKind; 12] = {
    use ObserverKind::*;
    [
        VectorRead,
        MapHit,
        MapMiss,
        MapRemove,
        MapFull,
        Allocate,
        AllocateNone,
        Refresh,
        Free,
        IsLive,
        NextExpired,
        MergingRead,
    ]
};

/// All mutators.
pub const MUTATORS: [MutatorKind; 9] = {
    use MutatorKind::*;
    [VectorWrite, VectorAdd, MapSet, MapRemove, MapCount, Allocate, Refresh, Free, Update]
};

/// What a pair comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The mutator changes nothing that the observer saw.
    Never,
    /// The observer runs again.
    Conflict(Cause),
}

macro_rules! causes {
    ($($id:ident: $cause:literal => $recipe:literal;)*) => {
        /// Why a run was thrown away.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause {
            $(
                #[doc = $cause]
                $id,
            )*
        }

        /// All causes.
        pub const CAUSES: &[Cause] = &[$(Cause::$id),*];

        impl Cause {
            /// The stable id.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$id => stringify!($id),)* }
            }

            /// What happened; `{object}` stands for the structure's name.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$id => $cause,)* }
            }

            /// What relaxes it.
            #[must_use]
            pub fn recipe(self) -> &'static str {
                match self { $(Self::$id => $recipe,)* }
            }
        }
    };
}

causes! {
    V1: "an element of {object} was read here and rewritten elsewhere"
        => "make the contended value a distributed object and allow staleness, or write less often";
    V2: "an element of {object} was read here and added to elsewhere"
        => "read it from a distributed object with staleness, or in the periodic handler only";
    M1: "a key of {object} was read here and set elsewhere"
        => "keep the changing part in a distributed object or vector, or set less often";
    M2: "a key of {object} was read here and removed elsewhere"
        => "give entries a longer validity, or remove later";
    M3: "a key of {object} was found absent here and inserted elsewhere"
        => "steer packets that share the key to one worker, or insert at start-up";
    M4: "a key of {object} that was removed here was changed elsewhere"
        => "let one owner remove: the periodic handler";
    M5: "{object} was full here and a key was removed elsewhere"
        => "raise its capacity";
    M6: "the last free slots of {object} were in the hands of transactions under way"
        => "raise its capacity";
    A1: "the ids at hand of {object} ran dry, and another worker's were used by both"
        => "overprovision its capacity, or lease for shorter";
    A2: "a lease of {object} was refreshed or freed here and reclaimed elsewhere"
        => "lease for longer, or refresh more often";
    A3: "a lease of {object} ran out here and was refreshed elsewhere"
        => "lease for longer, or refresh more often";
    A4: "a lease of {object} was reclaimed twice"
        => "none is needed: each worker reclaims its own leases first";
    A5: "whether a lease of {object} is live was asked here and changed elsewhere"
        => "lease for longer, or refresh more often";
    D1: "{object} was older than its staleness, and a part of it was updated while all were merged"
        => "raise its maximum staleness";
    S1: "the transaction on {object} ran so long that the history it read was used up"
        => "do less in one event";
}

/// What the table says of a pair.
#[must_use]
pub fn rule(observer: ObserverKind, mutator: MutatorKind) -> Rule {
    use MutatorKind as M;
    use ObserverKind as O;
    let cause = match (observer, mutator) {
        (O::VectorRead, M::VectorWrite) => Cause::V1,
        (O::VectorRead, M::VectorAdd) => Cause::V2,

        // A hit observes its own slot; an absence is looked up again: other keys of the bucket
        // change neither.
        (O::MapHit, M::MapSet) => Cause::M1,
        (O::MapHit, M::MapRemove) => Cause::M2,
        (O::MapMiss, M::MapSet) => Cause::M3,
        (O::MapMiss, M::MapRemove) => return Rule::Never,
        (O::MapRemove, M::MapSet | M::MapRemove) => Cause::M4,
        (O::MapFull, M::MapCount) => Cause::M5,
        (O::MapHit | O::MapMiss | O::MapRemove, M::MapCount) => return Rule::Never,
        (O::MapFull, M::MapSet | M::MapRemove) => return Rule::Never,

        // Nobody else changes the lease of an id at hand; "none" observes the counts.
        (O::Allocate, M::Allocate | M::Refresh | M::Free) => return Rule::Never,
        (O::AllocateNone, M::Allocate | M::Free) => Cause::A1,
        (O::AllocateNone, M::Refresh) => return Rule::Never,
        (O::Refresh, M::Free) => Cause::A2,
        // "Not held" was the answer.
        (O::Refresh | O::Free, M::Allocate) => Cause::A5,
        (O::Refresh, M::Refresh) => return Rule::Never,
        (O::Free, M::Free) => Cause::A4,
        (O::Free, M::Refresh) => return Rule::Never,
        (O::IsLive, M::Allocate | M::Refresh | M::Free) => Cause::A5,
        (O::NextExpired, M::Refresh) => Cause::A3,
        (O::NextExpired, M::Free) => Cause::A4,
        (O::NextExpired, M::Allocate) => return Rule::Never,

        (O::MergingRead, M::Update) => Cause::D1,

        // Structures of different kinds share no cell.
        (O::VectorRead, _)
        | (O::MapHit | O::MapMiss | O::MapRemove | O::MapFull, _)
        | (O::Allocate | O::AllocateNone | O::Refresh | O::Free | O::IsLive | O::NextExpired, _)
        | (O::MergingRead, _) => return Rule::Never,
    };
    Rule::Conflict(cause)
}

/// What it is called when `observer` finds the last free numbers in the hands of others.
#[must_use]
pub fn shortage(observer: ObserverKind) -> Cause {
    match observer {
        ObserverKind::MapFull => Cause::M6,
        _ => Cause::A1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_texts_and_numbers_are_in_order() {
        for (number, cause) in CAUSES.iter().enumerate() {
            assert_eq!(*cause as usize, number);
            assert!(cause.text().contains("{object}") && !cause.recipe().is_empty());
        }
        assert!(OBSERVERS.iter().enumerate().all(|(i, o)| *o as usize == i));
        assert!(MUTATORS.iter().enumerate().all(|(i, m)| *m as usize == i));
    }

    #[test]
    fn every_cause_is_reached_by_some_pair_or_shortage() {
        for cause in CAUSES {
            let by_pair = OBSERVERS
                .iter()
                .any(|o| MUTATORS.iter().any(|m| rule(*o, *m) == Rule::Conflict(*cause)));
            let by_shortage = OBSERVERS.iter().any(|o| shortage(*o) == *cause);
            assert!(by_pair || by_shortage || *cause == Cause::S1, "{cause:?}");
        }
    }
}
