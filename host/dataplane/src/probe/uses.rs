//! How often each operation of each structure is used, in which handler and from where.

use std::collections::HashMap;

use nfos_engine::CallSite;
use nfos_state::rules::{MutatorKind, ObserverKind};
use nfos_state::{Conflict, ConflictKind, Place};

/// An operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    VectorRead,
    VectorWrite,
    VectorAdd,
    MapGet,
    MapSet,
    MapRemove,
    Allocate,
    Refresh,
    Free,
    IsLive,
    NextExpired,
    DistributedUpdate,
    DistributedRead,
    MapNext,
    MapLength,
    OwnPart,
}

/// All, in the order of their numbers.
pub(crate) const OPERATIONS: [Operation; 16] = {
    use Operation::*;
    [
        VectorRead,
        VectorWrite,
        VectorAdd,
        MapGet,
        MapSet,
        MapRemove,
        Allocate,
        Refresh,
        Free,
        IsLive,
        NextExpired,
        DistributedUpdate,
        DistributedRead,
        MapNext,
        MapLength,
        OwnPart,
    ]
};

impl Operation {
    /// Its name in the contract, within its interface.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::VectorRead | Self::DistributedRead => "read",
            Self::VectorWrite => "write",
            Self::VectorAdd => "add",
            Self::MapGet => "get",
            Self::MapSet => "set",
            Self::MapRemove => "remove",
            Self::Allocate => "allocate",
            Self::Refresh => "refresh",
            Self::Free => "free",
            Self::IsLive => "is-live",
            Self::NextExpired => "next-expired",
            Self::DistributedUpdate => "update",
            Self::MapNext => "next",
            Self::MapLength => "len",
            Self::OwnPart => "own-part",
        }
    }

    /// The one that observes this, and what it found, if that makes a difference.
    pub(crate) fn of_observer(kind: ObserverKind) -> (Self, &'static str) {
        match kind {
            ObserverKind::VectorRead => (Self::VectorRead, ""),
            ObserverKind::MapHit => (Self::MapGet, "present"),
            ObserverKind::MapMiss => (Self::MapGet, "absent"),
            ObserverKind::MapRemove => (Self::MapRemove, ""),
            ObserverKind::MapFull => (Self::MapSet, "full"),
            ObserverKind::Allocate => (Self::Allocate, ""),
            ObserverKind::AllocateNone => (Self::Allocate, "none left"),
            ObserverKind::Refresh => (Self::Refresh, ""),
            ObserverKind::Free => (Self::Free, ""),
            ObserverKind::IsLive => (Self::IsLive, ""),
            ObserverKind::NextExpired => (Self::NextExpired, ""),
            ObserverKind::MergingRead => (Self::DistributedRead, "merging"),
            ObserverKind::MapIterate => (Self::MapNext, ""),
            ObserverKind::MapLength => (Self::MapLength, ""),
            ObserverKind::OwnPart => (Self::OwnPart, ""),
        }
    }

    /// The one that changes this.
    pub(crate) fn of_mutator(kind: MutatorKind) -> Self {
        match kind {
            MutatorKind::VectorWrite => Self::VectorWrite,
            MutatorKind::VectorAdd => Self::VectorAdd,
            MutatorKind::MapSet | MutatorKind::MapGrow => Self::MapSet,
            MutatorKind::MapRemove | MutatorKind::MapShrink => Self::MapRemove,
            MutatorKind::Allocate => Self::Allocate,
            MutatorKind::Refresh => Self::Refresh,
            MutatorKind::Free => Self::Free,
            MutatorKind::Update => Self::DistributedUpdate,
        }
    }
}

/// What an operation was about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument<'a> {
    Number(u32),
    Key(&'a [u8]),
    None,
}

impl Argument<'_> {
    fn fits(&self, place: &Place) -> bool {
        match (self, place) {
            (Self::Number(number), Place::Element(wanted) | Place::Lease(wanted)) => {
                number == wanted
            }
            (Self::Key(key), Place::Key(wanted)) => *key == wanted.as_bytes(),
            _ => true,
        }
    }
}

/// One operation of one structure in one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Use {
    /// The structure's number.
    pub object: u32,
    /// Index of the operation.
    pub operation: u8,
    /// The handler's number of an [`EventOrigin`](crate::origin::EventOrigin).
    pub handler: u8,
}

const HANDLERS: usize = 8;
const SLOTS: usize = 16;

/// Uses of which each call site is looked up.
const FIRST: u64 = 2;
/// One of about so many later uses is sampled: at random distances, lest the same one of several
/// that take turns is hit each time.
const EVERY: u64 = 1 << 14;
/// How many uses one that was sampled counts as, beside one of the first.
const SAMPLE_WEIGHT: u64 = 1_024;

/// A conflict whose own call site is looked for while its event runs again.
#[derive(Clone, Copy, Debug)]
struct Sought {
    conflict: Conflict,
    operation: Operation,
    /// Bursts begun since.
    bursts: u32,
}

/// Why the site of the operation that is being answered is wanted.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Use(Use, u64),
    Conflict(ConflictKind, u64, Use),
}

/// What a worker's network function asks of its structures.
#[derive(Debug)]
pub(crate) struct Uses {
    /// By structure, operation and handler.
    counts: Vec<u64>,
    handler: usize,
    wanted: Option<Wanted>,
    sought: Option<Sought>,
    /// Uses until the next sample.
    until: u64,
    random: u64,
    clock: quanta::Clock,
    wanted_at: u64,
    captured_raw: u64,
    /// Of it, what has not been taken off a burst's time.
    to_take_off: u64,
    /// Each call site once.
    pub sites: HashMap<CallSite, usize>,
    /// Weights of call sites by use.
    pub by_use: HashMap<(Use, usize), u64>,
    /// Weights of call sites by kind of conflict.
    pub by_conflict: HashMap<(ConflictKind, usize), u64>,
    /// Call sites looked up.
    pub captured: u64,
    /// Conflicts whose site did not come up again.
    pub missed: u64,
}

impl Uses {
    pub(crate) fn new() -> Self {
        let clock = quanta::Clock::new();
        Self {
            counts: Vec::new(),
            handler: 0,
            wanted: None,
            sought: None,
            until: EVERY,
            random: 0x9e37_79b9_7f4a_7c15,
            clock,
            wanted_at: 0,
            captured_raw: 0,
            to_take_off: 0,
            sites: HashMap::new(),
            by_use: HashMap::new(),
            by_conflict: HashMap::new(),
            captured: 0,
            missed: 0,
        }
    }

    /// A burst begins; a conflict that was sought in the last one is given up.
    #[inline]
    pub(crate) fn begin_burst(&mut self) {
        if let Some(sought) = &mut self.sought {
            sought.bursts += 1;
            if sought.bursts > 1 {
                self.sought = None;
                self.missed += 1;
            }
        }
    }

    /// An event of this [origin](crate::origin::EventOrigin) begins.
    #[inline]
    pub(crate) fn begin_event(&mut self, origin: u8) {
        self.handler = usize::from(origin >> 5);
        // Of an operation that ended in a fault.
        self.wanted = None;
    }

    /// The network function uses an operation.
    #[inline]
    pub(crate) fn note(&mut self, object: u32, operation: Operation, argument: Argument<'_>) {
        let at = (object as usize * SLOTS + operation as usize) * HANDLERS + self.handler;
        let Some(count) = self.counts.get_mut(at) else { return self.grow(at) };
        *count += 1;
        self.until -= 1;
        if *count <= FIRST || self.until == 0 || self.sought.is_some() {
            let count = *count;
            self.consider(count, object, operation, argument);
        }
    }

    /// The first use of a structure; an object that does not exist is refused elsewhere.
    #[cold]
    fn grow(&mut self, at: usize) {
        if at < 4_096 * SLOTS * HANDLERS {
            self.counts.resize(at.next_multiple_of(SLOTS * HANDLERS) + SLOTS * HANDLERS, 0);
            self.counts[at] = 1;
            self.want(Wanted::Use(use_at(at), 1));
        }
    }

    #[cold]
    fn consider(&mut self, count: u64, object: u32, operation: Operation, argument: Argument<'_>) {
        let is_sample = self.until == 0;
        if is_sample {
            self.until = self.distance();
        }
        let handler = self.handler as u8;
        let used = Use { object, operation: operation as u8, handler };
        if let Some(Sought { conflict, operation: sought, .. }) = &self.sought
            && (*sought, conflict.object.raw()) == (operation, object)
            && conflict.origin >> 5 == handler
            && argument.fits(&conflict.place)
        {
            let wanted = Wanted::Conflict(conflict.kind(), conflict.weight, used);
            self.sought = None;
            return self.want(wanted);
        }
        if count <= FIRST {
            self.want(Wanted::Use(used, 1));
        } else if is_sample {
            self.want(Wanted::Use(used, SAMPLE_WEIGHT));
        }
    }

    /// Uses up to the next sample, half to one and a half times as many as on average.
    fn distance(&mut self) -> u64 {
        // Xorshift: any generator will do.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        EVERY / 2 + self.random % EVERY
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(wanted);
        self.wanted_at = self.clock.raw();
    }

    /// A burst failed, and a sample was kept of that: from where its event did what made it fail is
    /// looked for when it runs again.
    #[cold]
    pub(crate) fn seek(&mut self, conflict: Conflict) {
        if conflict.weight > 0 {
            let (operation, _) = Operation::of_observer(conflict.observer);
            self.sought = Some(Sought { conflict, operation, bursts: 0 });
        }
    }

    #[inline]
    pub(crate) fn wants_site(&self) -> bool {
        self.wanted.is_some()
    }

    /// The site that was wanted.
    pub(crate) fn site(&mut self, site: CallSite) {
        self.captured += 1;
        let spent = self.clock.raw().wrapping_sub(self.wanted_at);
        self.captured_raw += spent;
        self.to_take_off += spent;
        let next = self.sites.len();
        let number = *self.sites.entry(site).or_insert(next);
        match self.wanted.take() {
            Some(Wanted::Use(used, weight)) => {
                *self.by_use.entry((used, number)).or_default() += weight;
            }
            Some(Wanted::Conflict(kind, weight, used)) => {
                *self.by_conflict.entry((kind, number)).or_default() += weight;
                self.by_use.entry((used, number)).or_insert(1);
            }
            None => {}
        }
    }

    /// Time spent on looking sites up since it was asked for last.
    pub(crate) fn take_capture_ns(&mut self) -> u64 {
        match std::mem::take(&mut self.to_take_off) {
            0 => 0,
            raw => self.clock.delta_as_nanos(0, raw),
        }
    }

    /// Time spent on looking sites up.
    pub(crate) fn capture_ns(&self) -> u64 {
        self.clock.delta_as_nanos(0, self.captured_raw)
    }

    /// Uses that happened.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Use, u64)> {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(at, count)| (use_at(at), *count))
    }
}

fn use_at(at: usize) -> Use {
    Use {
        object: (at / HANDLERS / SLOTS) as u32,
        operation: (at / HANDLERS % SLOTS) as u8,
        handler: (at % HANDLERS) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_at_their_numbers() {
        assert!(OPERATIONS.iter().enumerate().all(|(i, op)| *op as usize == i));
        assert!(OPERATIONS.len() <= SLOTS);
    }

    #[test]
    fn a_use_is_counted_by_structure_operation_and_handler_and_its_site_is_learnt() {
        let mut uses = Uses::new();
        for (object, handler) in [(3, 1), (3, 2), (0, 1), (3, 2)] {
            uses.begin_event(handler << 5);
            uses.note(object, Operation::MapSet, Argument::Key(b"k"));
            assert!(uses.wants_site(), "each of the first two is wanted");
            uses.site(CallSite::at(&[object + 1]));
        }
        uses.note(3, Operation::MapSet, Argument::None);
        assert!(!uses.wants_site());
        let until_sampled = (0..2 * EVERY).find(|_| {
            uses.note(3, Operation::MapSet, Argument::None);
            uses.wanted.take().is_some()
        });
        assert!(until_sampled.is_some(), "later uses are sampled");
        let of = |object, handler| Use { object, operation: Operation::MapSet as u8, handler };
        let counts: Vec<_> = uses.counts().collect();
        let last = 4 + until_sampled.unwrap_or(0);
        assert_eq!(counts, [(of(0, 1), 1), (of(3, 1), 1), (of(3, 2), last)]);
        let number = uses.sites[&CallSite::at(&[4])];
        assert_eq!(uses.by_use[&(of(3, 2), number)], 2);
    }
}
