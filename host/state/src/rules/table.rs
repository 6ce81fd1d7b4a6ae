//! The table.
//!
//! `rules!` makes of it: the kinds of observers and mutators as they are logged, the causes with
//! their stable ids and texts, and the total function from a pair to its rule. It leaves no room
//! for a pair without a row: within a structure the match over all pairs has no last arm.

use super::{Operation, Rule, StructureKind, Subject};

macro_rules! outcome {
    (never) => {
        Rule::Never
    };
    ($cause:ident) => {
        Rule::Conflict(Cause::$cause)
    };
}

macro_rules! short_of {
    () => {
        None
    };
    ($cause:ident) => {
        Some(Cause::$cause)
    };
}

macro_rules! rules {
    (
        causes { $($cause:ident: $text:literal => $recipe:literal;)* }
        $($structure:ident as $module:ident {
            changes { $($mutator:ident: $mutator_name:literal;)* }
            observes {
                $($observer:ident: $observer_name:literal of $subject:ident
                    $(or short $short:ident)?
                    { $($row:ident => $outcome:ident;)* })*
            }
            operations {
                $($operation:literal: [$($observes:ident)*] [$($changes:ident)*];)*
            }
        })*
    ) => {
        /// An observing operation, as it is logged.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum ObserverKind {
            $($(#[doc = $observer_name] $observer,)*)*
        }

        /// A changing operation, as a version's provenance names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum MutatorKind {
            $($(#[doc = $mutator_name] $mutator,)*)*
        }

        /// Why a run was thrown away.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause {
            $(#[doc = $text] $cause,)*
        }

        /// All observers.
        pub const OBSERVERS: &[ObserverKind] = &[$($(ObserverKind::$observer),*),*];

        /// All mutators.
        pub const MUTATORS: &[MutatorKind] = &[$($(MutatorKind::$mutator),*),*];

        /// All causes.
        pub const CAUSES: &[Cause] = &[$(Cause::$cause),*];

        /// All operations.
        pub const OPERATIONS: &[Operation] = &[$($(Operation {
            structure: StructureKind::$structure,
            name: $operation,
            observes: &[$(ObserverKind::$observes),*],
            changes: &[$(MutatorKind::$changes),*],
        }),*),*];

        impl ObserverKind {
            /// What it is called.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$observer => $observer_name,)*)* }
            }

            /// The structure that it belongs to.
            #[must_use]
            pub const fn structure(self) -> StructureKind {
                match self { $($(Self::$observer => StructureKind::$structure,)*)* }
            }

            /// What of the structure it observes.
            #[must_use]
            pub const fn subject(self) -> Subject {
                match self { $($(Self::$observer => Subject::$subject,)*)* }
            }
        }

        impl MutatorKind {
            /// What it is called.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$mutator => $mutator_name,)*)* }
            }

            /// The structure that it belongs to.
            #[must_use]
            pub const fn structure(self) -> StructureKind {
                match self { $($(Self::$mutator => StructureKind::$structure,)*)* }
            }
        }

        impl Cause {
            /// The stable id.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$cause => stringify!($cause),)* }
            }

            /// What happened, with placeholders.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$cause => $text,)* }
            }

            /// What relaxes it, with placeholders.
            #[must_use]
            pub const fn recipe(self) -> &'static str {
                match self { $(Self::$cause => $recipe,)* }
            }
        }

        $(mod $module {
            use super::{Cause, Rule};

            #[derive(Clone, Copy)]
            #[allow(clippy::enum_variant_names, reason = "named as the kinds of all structures")]
            pub(super) enum Observer { $($observer),* }

            #[derive(Clone, Copy)]
            #[allow(clippy::enum_variant_names, reason = "named as the kinds of all structures")]
            pub(super) enum Mutator { $($mutator),* }

            pub(super) const fn rule(observer: Observer, mutator: Mutator) -> Rule {
                match observer {
                    $(Observer::$observer => match mutator {
                        $(Mutator::$row => outcome!($outcome),)*
                    },)*
                }
            }
        })*

        #[allow(non_camel_case_types)]
        enum ObserverOf { $($module($module::Observer)),* }

        #[allow(non_camel_case_types)]
        enum MutatorOf { $($module($module::Mutator)),* }

        const fn observer_of(observer: ObserverKind) -> ObserverOf {
            match observer {
                $($(ObserverKind::$observer => {
                    ObserverOf::$module($module::Observer::$observer)
                })*)*
            }
        }

        const fn mutator_of(mutator: MutatorKind) -> MutatorOf {
            match mutator {
                $($(MutatorKind::$mutator => MutatorOf::$module($module::Mutator::$mutator),)*)*
            }
        }

        /// What the table says of a pair.
        #[must_use]
        pub const fn rule(observer: ObserverKind, mutator: MutatorKind) -> Rule {
            match (observer_of(observer), mutator_of(mutator)) {
                $((ObserverOf::$module(observer), MutatorOf::$module(mutator)) => {
                    $module::rule(observer, mutator)
                })*
                // Structures of different kinds share no cell.
                _ => Rule::Never,
            }
        }

        /// What it is called when `observer` finds what is left in the hands of others; none: it
        /// looks for nothing that can run short.
        #[must_use]
        pub const fn shortage(observer: ObserverKind) -> Option<Cause> {
            match observer {
                $($(ObserverKind::$observer => short_of!($($short)?),)*)*
            }
        }
    };
}

rules! {
    causes {
        V1: "{element} of {object} was read here and rewritten elsewhere"
            => "make the contended value a distributed object and allow staleness, or \
                {raise write_interval}, or {choose method}";
        V2: "{element} of {object} was read here and added to elsewhere"
            => "read it from a distributed object with staleness, or in the periodic handler \
                only, or {choose method}";
        M1: "{key} of {object} was read here and set elsewhere"
            => "keep the changing part in a distributed object or vector, or \
                {raise write_interval}, or {choose method}";
        M2: "{key} of {object} was read here and removed elsewhere"
            => "{raise duration}, or remove later";
        M3: "{key} of {object} was found absent here and inserted elsewhere"
            => "steer packets that share {key} to one worker, or insert at start-up";
        M4: "{key} of {object} was removed here and changed elsewhere"
            => "let one owner remove: the periodic handler";
        M5: "{object} was full here and a key was removed elsewhere"
            => "{raise capacity}";
        M6: "the last free slots of {object} were in the hands of transactions under way"
            => "{raise capacity}";
        M7: "{object} was gone through here while {key} of it was set or removed elsewhere"
            => "go through it in an event that writes nothing, in a period of its own for instance";
        M8: "the keys of {object} were counted here while one was inserted or removed elsewhere"
            => "count them in an event that writes nothing, or in a distributed object";
        A1: "the ids at hand of {object} ran dry here, and those of {worker} were used by both"
            => "overprovision: {raise capacity}, or {lower duration}";
        A2: "{lease} of {object} was refreshed or freed here and reclaimed elsewhere"
            => "{raise duration}, or {lower refresh_interval}";
        A3: "{lease} of {object} ran out here and was refreshed elsewhere"
            => "{raise duration}, or {lower refresh_interval}";
        A4: "{lease} of {object} was reclaimed twice"
            => "none is needed: each worker reclaims its own leases first";
        A5: "whether {lease} of {object} is live was asked here and changed elsewhere"
            => "{raise duration}, or {lower refresh_interval}";
        D1: "{object} was older than {staleness}, so its parts were merged while {worker} updated \
             one"
            => "{raise staleness}";
        S1: "the transaction on {object} ran so long that the history it read was used up"
            => "do less in one event";
    }

    Vector as vector {
        changes {
            VectorWrite: "write";
            VectorAdd: "add";
        }
        observes {
            VectorRead: "read" of Element {
                VectorWrite => V1;
                VectorAdd => V2;
            }
        }
        operations {
            "read": [VectorRead] [];
            "write": [] [VectorWrite];
            "add": [] [VectorAdd];
        }
    }

    // A hit observes its own slot; an absence is looked up again: other keys of the bucket change
    // neither. Whoever goes through a map observes its values and, for its keys, its counts.
    Map as map {
        changes {
            MapSet: "set";
            MapRemove: "remove";
            MapGrow: "number of keys, by an insertion";
            MapShrink: "number of keys, by a removal";
        }
        observes {
            MapHit: "get of a key that is there" of Key {
                MapSet => M1;
                MapRemove => M2;
                MapGrow => never;
                MapShrink => never;
            }
            MapMiss: "get of a key that is not there" of Key {
                MapSet => M3;
                MapRemove => never;
                MapGrow => never;
                MapShrink => never;
            }
            MapRemove: "remove, whose answer tells whether the key was there" of Key {
                MapSet => M4;
                MapRemove => M4;
                MapGrow => never;
                MapShrink => never;
            }
            MapFull: "set that finds the map full" of Whole or short M6 {
                MapSet => never;
                MapRemove => never;
                MapGrow => M5;
                MapShrink => M5;
            }
            MapIterate: "next, going through the map" of Whole {
                MapSet => M7;
                MapRemove => M7;
                MapGrow => M7;
                MapShrink => M7;
            }
            MapLength: "len" of Whole {
                MapSet => never;
                MapRemove => never;
                MapGrow => M8;
                MapShrink => M8;
            }
        }
        operations {
            "get, present": [MapHit] [];
            "get, absent": [MapMiss] [];
            "set, present": [] [MapSet];
            "set, absent": [] [MapSet MapGrow];
            "set, full": [MapFull MapMiss] [];
            "remove, present": [MapRemove] [MapRemove MapShrink];
            "remove, absent": [MapRemove] [];
            "next": [MapIterate] [];
            "len": [MapLength] [];
        }
    }

    // Nobody else changes the lease of an id at hand; "none" observes the counts.
    Allocator as allocator {
        changes {
            Allocate: "allocate";
            Refresh: "refresh";
            Free: "free";
        }
        observes {
            Allocate: "allocate" of Lease or short A1 {
                Allocate => never;
                Refresh => never;
                Free => never;
            }
            AllocateNone: "allocate that finds no id" of Whole {
                Allocate => A1;
                Refresh => never;
                Free => A1;
            }
            // "Not held" is an answer, too, which an allocation ends.
            Refresh: "refresh, whose answer tells whether the id is held" of Lease {
                Allocate => A5;
                Refresh => never;
                Free => A2;
            }
            Free: "free, of an id that is held" of Lease {
                Allocate => A5;
                Refresh => never;
                Free => A4;
            }
            IsLive: "is-live" of Lease {
                Allocate => A5;
                Refresh => A5;
                Free => A5;
            }
            NextExpired: "next-expired that finds a lease" of Lease {
                Allocate => never;
                Refresh => A3;
                Free => A4;
            }
        }
        operations {
            "allocate": [Allocate] [Allocate];
            "allocate, none": [AllocateNone] [];
            "refresh": [Refresh] [Refresh];
            "refresh, skipped": [Refresh] [];
            "free": [Free] [Free];
            "is-live": [IsLive] [];
            "next-expired": [NextExpired] [];
            "next-expired, none": [] [];
        }
    }

    Distributed as distributed {
        changes {
            Update: "update";
        }
        observes {
            MergingRead: "read that merges" of Whole {
                Update => D1;
            }
            // Only its own worker changes a part.
            OwnPart: "own-part" of Element {
                Update => never;
            }
        }
        operations {
            "update": [] [Update];
            "set-part": [] [Update];
            "own-part": [OwnPart] [];
            "read, within the staleness": [] [];
            "read, merging": [MergingRead] [];
            "part": [MergingRead] [];
            "publish": [] [];
        }
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
            let by_shortage = OBSERVERS.iter().any(|o| shortage(*o) == Some(*cause));
            assert!(by_pair || by_shortage || *cause == Cause::S1, "{cause:?}");
        }
    }

    #[test]
    fn every_observer_and_mutator_belongs_to_an_operation() {
        for observer in OBSERVERS {
            assert!(OPERATIONS.iter().any(|operation| operation.observes.contains(observer)));
        }
        for mutator in MUTATORS {
            assert!(OPERATIONS.iter().any(|operation| operation.changes.contains(mutator)));
        }
        for Operation { structure, observes, changes, .. } in OPERATIONS {
            assert!(observes.iter().all(|observer| observer.structure() == *structure));
            assert!(changes.iter().all(|mutator| mutator.structure() == *structure));
        }
    }

    /// Mutators never conflict with each other, and structures not across their bounds.
    #[test]
    fn what_observes_nothing_never_runs_again() {
        for (first, second) in
            OPERATIONS.iter().flat_map(|f| OPERATIONS.iter().map(move |s| (f, s)))
        {
            let conflicts = first.conflicts_with(second).count() > 0;
            let may = !first.observes.is_empty()
                && !second.changes.is_empty()
                && first.structure == second.structure;
            assert!(may || !conflicts, "{first:?} × {second:?}");
        }
    }
}
