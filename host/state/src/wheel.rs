//! When leases may have run out: one timer wheel for each participant of an allocator.
//!
//! A wheel holds each lease that its participant took, under a lower bound of the deadline. Within
//! a tenure deadlines only grow, so no entry is late, and a refresh touches no wheel: who finds an
//! entry due reads the lease and puts the entry back under the true deadline. Entries come in when
//! an allocation commits and go when the free does, so there is at most one for each id and the
//! wheel needs no memory beside a few words per id.
//!
//! The wheel is hierarchical: eight levels of 64 slots; an entry lies at the level of the highest
//! digit in which its tick differs from the wheel's, and comes down level by level as the wheel
//! turns. A lock guards each wheel and is held for one entry at a time; sweepers who find it taken
//! go on without. An entry that a sweeper has taken out is *in hand* until its burst ends.

use nfos_sync::atomic::{AtomicU32, AtomicU64, Ordering};
use nfos_sync::{Lock, LockGuard, Padded};

use crate::pool::NIL;

/// Nanoseconds of a tick, as a power of two: 65.5 µs.
const TICK: u32 = 16;
const LEVELS: usize = 8;
const SLOTS: usize = 64;

/// Which tenure an entry belongs to: generation 46 bits, participant 16, state 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag(u64);

impl Tag {
    const ABSENT: u64 = 0;
    const LINKED: u64 = 1;
    const IN_HAND: u64 = 2;

    fn new(generation: u64, participant: usize, state: u64) -> Self {
        Self(generation << 18 | (participant as u64) << 2 | state)
    }

    fn state(self) -> u64 {
        self.0 & 3
    }

    fn participant(self) -> usize {
        (self.0 >> 2 & 0xffff) as usize
    }

    fn with_state(self, state: u64) -> Self {
        Self(self.0 & !3 | state)
    }
}

/// An entry in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InHand {
    pub(crate) id: u32,
    tag: Tag,
    pub(crate) deadline_ns: u64,
}

impl InHand {
    /// Of the tenure that it belongs to.
    pub(crate) fn generation(&self) -> u64 {
        self.tag.0 >> 18
    }

    /// The entry is not due yet: in this generation the deadline has become this.
    pub(crate) fn raise(&mut self, generation: u64, deadline_ns: u64) {
        if self.generation() == generation {
            self.deadline_ns = self.deadline_ns.max(deadline_ns);
        }
    }
}

#[derive(Debug)]
struct Wheel {
    /// The tick up to which the wheel has turned.
    tick: u64,
    occupied: [u64; LEVELS],
    heads: [[u32; SLOTS]; LEVELS],
}

#[derive(Debug)]
pub(crate) struct Wheels {
    wheels: Box<[Padded<Lock<Wheel>>]>,
    entries: Box<[Entry]>,
}

/// The links of one id; guarded by the lock of the wheel that it is in.
#[derive(Debug)]
struct Entry {
    tag: AtomicU64,
    deadline_ns: AtomicU64,
    next: AtomicU32,
    previous: AtomicU32,
}

impl Wheels {
    pub(crate) fn new(ids: u32, participants: usize) -> Self {
        let wheel = || Wheel { tick: 0, occupied: [0; LEVELS], heads: [[NIL; SLOTS]; LEVELS] };
        let entry = |_| Entry {
            tag: AtomicU64::new(0),
            deadline_ns: AtomicU64::new(0),
            next: AtomicU32::new(NIL),
            previous: AtomicU32::new(NIL),
        };
        Self {
            wheels: (0..participants).map(|_| Padded(Lock::new(wheel()))).collect(),
            entries: (0..ids).map(entry).collect(),
        }
    }

    pub(crate) fn participants(&self) -> usize {
        self.wheels.len()
    }

    /// Changes to be made, for which each wheel is locked once for those in a row.
    pub(crate) fn changes(&self) -> Changes<'_> {
        Changes { wheels: self, held: None }
    }

    /// Takes out an entry whose deadline is before `now_ns`; none if the wheel is being used.
    pub(crate) fn take_due(&self, participant: usize, now_ns: u64) -> Option<InHand> {
        let mut wheel = self.wheels[participant].try_lock()?;
        let id = self.find_due(&mut wheel, now_ns)?;
        self.unlink(&mut wheel, id);
        let entry = &self.entries[id as usize];
        let tag = entry.tag();
        entry.set_tag(tag.with_state(Tag::IN_HAND));
        Some(InHand { id, tag, deadline_ns: entry.deadline_ns.load(Ordering::Relaxed) })
    }

    /// Puts an entry back, unless its tenure has ended.
    pub(crate) fn put_back(&self, in_hand: &InHand) {
        let mut wheel = self.wheels[in_hand.tag.participant()].lock();
        let entry = &self.entries[in_hand.id as usize];
        if entry.tag() == in_hand.tag.with_state(Tag::IN_HAND) {
            entry.set_tag(in_hand.tag.with_state(Tag::LINKED));
            entry.deadline_ns.store(in_hand.deadline_ns, Ordering::Relaxed);
            self.link(&mut wheel, in_hand.id);
        }
    }

    fn find_due(&self, wheel: &mut Wheel, now_ns: u64) -> Option<u32> {
        let now = now_ns >> TICK;
        loop {
            let (level, slot, tick) = wheel.earliest()?;
            if tick > now {
                return None;
            }
            if level > 0 {
                wheel.tick = wheel.tick.max(tick);
                self.come_down(wheel, level, slot);
                continue;
            }
            // Within the present tick deadlines may still be ahead of `now_ns`.
            let mut id = wheel.heads[0][slot];
            while id != NIL {
                let entry = &self.entries[id as usize];
                if entry.deadline_ns.load(Ordering::Relaxed) < now_ns {
                    return Some(id);
                }
                id = entry.next.load(Ordering::Relaxed);
            }
            return None;
        }
    }

    /// Spreads a slot over the levels below.
    fn come_down(&self, wheel: &mut Wheel, level: usize, slot: usize) {
        let mut id = std::mem::replace(&mut wheel.heads[level][slot], NIL);
        wheel.occupied[level] &= !(1 << slot);
        while id != NIL {
            let next = self.entries[id as usize].next.load(Ordering::Relaxed);
            self.link(wheel, id);
            id = next;
        }
    }

    fn link(&self, wheel: &mut Wheel, id: u32) {
        let entry = &self.entries[id as usize];
        let (level, slot) = wheel.place(entry.deadline_ns.load(Ordering::Relaxed));
        let head = std::mem::replace(&mut wheel.heads[level][slot], id);
        wheel.occupied[level] |= 1 << slot;
        entry.next.store(head, Ordering::Relaxed);
        // A head has no previous entry but says where it is the head of.
        entry.previous.store(NIL - 1 - (level * SLOTS + slot) as u32, Ordering::Relaxed);
        if head != NIL {
            self.entries[head as usize].previous.store(id, Ordering::Relaxed);
        }
    }

    fn unlink(&self, wheel: &mut Wheel, id: u32) {
        let entry = &self.entries[id as usize];
        let next = entry.next.load(Ordering::Relaxed);
        let previous = entry.previous.load(Ordering::Relaxed);
        if next != NIL {
            self.entries[next as usize].previous.store(previous, Ordering::Relaxed);
        }
        if previous < NIL - (LEVELS * SLOTS) as u32 {
            self.entries[previous as usize].next.store(next, Ordering::Relaxed);
        } else {
            let place = (NIL - 1 - previous) as usize;
            wheel.heads[place / SLOTS][place % SLOTS] = next;
            if next == NIL {
                wheel.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
            }
        }
    }
}

/// Tenures that begin and end. At most one wheel is locked at a time.
pub(crate) struct Changes<'a> {
    wheels: &'a Wheels,
    held: Option<(usize, LockGuard<'a, Wheel>)>,
}

impl Changes<'_> {
    /// A tenure has begun.
    pub(crate) fn insert(
        &mut self,
        participant: usize,
        id: u32,
        generation: u64,
        deadline_ns: u64,
    ) {
        let wheels = self.wheels;
        let wheel = self.wheel(participant);
        let entry = &wheels.entries[id as usize];
        entry.set_tag(Tag::new(generation, participant, Tag::LINKED));
        entry.deadline_ns.store(deadline_ns, Ordering::Relaxed);
        wheels.link(wheel, id);
    }

    /// A tenure has ended.
    pub(crate) fn remove(&mut self, id: u32) {
        let wheels = self.wheels;
        let entry = &wheels.entries[id as usize];
        let wheel = self.wheel(entry.tag().participant());
        let tag = entry.tag();
        if tag.state() == Tag::LINKED {
            wheels.unlink(wheel, id);
        }
        entry.set_tag(tag.with_state(Tag::ABSENT));
    }

    /// The wheel of a participant, locked; another that was is not any more.
    #[inline(always)]
    fn wheel(&mut self, participant: usize) -> &mut Wheel {
        match &self.held {
            Some(held) if held.0 == participant => {}
            _ => self.lock(participant),
        }
        &mut self.held.as_mut().expect("it is locked by now").1
    }

    #[inline(never)]
    fn lock(&mut self, participant: usize) {
        // Before the other is locked.
        self.held = None;
        self.held = Some((participant, self.wheels.wheels[participant].lock()));
    }
}

impl Entry {
    fn tag(&self) -> Tag {
        // Acquire: the tenure's last change may have been made under another wheel's lock.
        Tag(self.tag.load(Ordering::Acquire))
    }

    fn set_tag(&self, tag: Tag) {
        self.tag.store(tag.0, Ordering::Release);
    }
}

impl Wheel {
    /// Level and slot of a deadline; one that has passed lies in the present slot.
    fn place(&self, deadline_ns: u64) -> (usize, usize) {
        let tick = (deadline_ns >> TICK).max(self.tick);
        let differing = (tick ^ self.tick) | 1;
        let level = (differing.ilog2() / 6) as usize;
        (level, (tick >> (6 * level)) as usize % SLOTS)
    }

    /// Level, slot and first tick of the earliest slot in use.
    fn earliest(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let above = self.tick >> (6 * level) >> 6 << 6;
        Some((level, slot, (above | slot as u64) << (6 * level)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn drain(wheels: &Wheels, participant: usize, now_ns: u64) -> Vec<u32> {
        let mut ids: Vec<_> =
            std::iter::from_fn(|| wheels.take_due(participant, now_ns)).map(|e| e.id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn entries_come_due_at_their_deadline_and_no_earlier() {
        let wheels = Wheels::new(4, 1);
        for (id, deadline) in [(0, 5), (1, 1 << 20), (2, 1_700_000_000_000_000_000), (3, u64::MAX)]
        {
            wheels.changes().insert(0, id, 1, deadline);
        }
        assert_eq!(drain(&wheels, 0, 5), []);
        assert_eq!(drain(&wheels, 0, 6), [0]);
        assert_eq!(drain(&wheels, 0, 1 << 20), []);
        assert_eq!(drain(&wheels, 0, (1 << 20) + 1), [1]);
        assert_eq!(drain(&wheels, 0, 1_700_000_000_000_000_000), []);
        assert_eq!(drain(&wheels, 0, 1_700_000_000_000_000_001), [2]);
        assert_eq!(drain(&wheels, 0, u64::MAX), []);
    }

    #[test]
    fn an_ended_tenure_leaves_the_wheel_also_out_of_a_sweepers_hand() {
        let wheels = Wheels::new(2, 2);
        wheels.changes().insert(0, 0, 1, 10);
        wheels.changes().remove(0);
        assert_eq!(drain(&wheels, 0, 100), []);
        wheels.changes().insert(0, 0, 2, 10);
        let in_hand = wheels.take_due(0, 100).unwrap();
        wheels.changes().remove(0);
        wheels.changes().insert(1, 0, 3, 20);
        wheels.put_back(&in_hand);
        assert_eq!((drain(&wheels, 0, 100), drain(&wheels, 1, 100)), (vec![], vec![0]));
    }

    #[test]
    fn a_wheel_agrees_with_a_sorted_map() {
        let wheels = Wheels::new(500, 1);
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        let (mut random, mut now, mut due) = (9u64, 0u64, 0);
        for generation in 0..200_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let id = (random >> 20) as u32 % 500;
            match random % 8 {
                0 => now += random >> 30 & 0x3ff_ffff,
                1..4 if model.remove(&id).is_some() => wheels.changes().remove(id),
                1..4 => {}
                4 => {
                    if let Some(mut found) = wheels.take_due(0, now) {
                        due += 1;
                        assert!(model[&found.id] < now);
                        found.deadline_ns = now + (random & 0xfff_ffff);
                        model.insert(found.id, found.deadline_ns);
                        wheels.put_back(&found);
                    } else {
                        assert!(model.values().all(|&deadline| deadline >= now));
                    }
                }
                _ => {
                    let deadline = now + ((random >> 24) & ((1 << (random >> 3 & 31)) - 1));
                    if model.insert(id, deadline).is_some() {
                        wheels.changes().remove(id);
                    }
                    wheels.changes().insert(0, id, generation, deadline);
                }
            }
        }
        assert!(due > 1_000, "{due}");
    }
}
