//! What must hold: each tenure has one entry, ids are in one place, and the events replayed give
//! every result.

use super::{At, Event, Given, Lease, Lies, Op, Program, State};

impl State {
    /// Whether nothing went wrong so far; and where no thread can go on, whether all are done, no
    /// id is lost, and the events replayed give what they gave.
    #[must_use]
    pub fn is_right(&self, program: &Program, stuck: bool) -> bool {
        if self.wrong.is_some() || !self.has_an_entry_each() {
            return false;
        }
        !stuck
            || (self.threads.iter().all(|thread| thread.at == At::Done)
                && self.has_all_ids()
                && self.replays(program))
    }

    /// Whether each tenure that anybody can see has one entry, in the wheel of who took the id or
    /// in one hand, that is not late; and no other id has one.
    fn has_an_entry_each(&self) -> bool {
        (0..self.leases.len() as u8).all(|id| {
            let (entry, lease) = (self.entries[usize::from(id)], self.newest(id).1);
            let in_wheels = |of: usize| self.wheels[of].iter().filter(|&&lies| lies == id).count();
            let links: usize = (0..self.wheels.len()).map(in_wheels).sum();
            let in_its_own = in_wheels(entry.taker.into());
            let is_whole = match entry.lies {
                Lies::InWheel => links == 1 && in_its_own == 1,
                Lies::InHand | Lies::Nowhere => links == 0,
            };
            is_whole && (self.is_being_changed(id) || self.is_of(id, lease))
        })
    }

    /// Whether somebody holds the cell, or is about to tell the wheels of it.
    fn is_being_changed(&self, id: u8) -> bool {
        let tells = |thread: &super::Thread| {
            let tells = matches!(thread.at, At::Tell(_));
            tells && thread.timers.iter().any(|timer| timer.1.id() == id)
        };
        self.owners[usize::from(id)].is_some() || self.threads.iter().any(tells)
    }

    /// Whether the entry of an id is its lease's.
    fn is_of(&self, id: u8, lease: Lease) -> bool {
        let entry = self.entries[usize::from(id)];
        let is_its_own = (entry.generation, entry.taker) == (lease.generation, lease.taker);
        match entry.lies {
            Lies::Nowhere => !lease.held,
            Lies::InWheel => lease.held && is_its_own && entry.bound <= lease.deadline,
            Lies::InHand => {
                let hands = self.threads.iter().flat_map(|thread| &thread.in_hand);
                let of_this = |hand: &&(u8, super::Entry)| {
                    hand.0 == id && hand.1.generation == lease.generation
                };
                lease.held && is_its_own && hands.filter(of_this).count() == 1
            }
        }
    }

    fn has_all_ids(&self) -> bool {
        (0..self.leases.len() as u8).all(|id| {
            let in_pool = self.pool.iter().filter(|&&free| free == id).count();
            in_pool + usize::from(self.newest(id).1.held) == 1
        })
    }

    fn leases_at(&self, bound: u8) -> Vec<Lease> {
        (0..self.leases.len() as u8).map(|id| self.version(id, bound).1).collect()
    }

    fn replays(&self, program: &Program) -> bool {
        let mut plain = self.leases_at(0);
        // Committed bursts come first at their timestamp.
        self.ran.iter().all(|((timestamp, behind), (thread, first), results)| {
            let events = &program.threads[usize::from(*thread)][usize::from(*first)..];
            let mut seen = if *behind { self.leases_at(*timestamp) } else { plain.clone() };
            let run = |(event, given): (&Event, &Vec<Given>)| {
                event.ops.len() == given.len()
                    && event.ops.iter().zip(given).all(|(&op, &given)| {
                        replay(op, given, (program.interval, event.now, *thread), &mut seen)
                    })
            };
            let right = events.iter().zip(results).all(run);
            if !behind {
                plain = seen;
            }
            right
        }) && plain == self.leases_at(u8::MAX)
    }
}

/// An operation again, alone; whether it gives the same.
fn replay(op: Op, given: Given, (interval, now, me): (u8, u8, u8), leases: &mut [Lease]) -> bool {
    match op {
        // That none was at hand is no promise here.
        Op::Allocate(_) | Op::NextExpired if given.0 == 0 => true,
        Op::Allocate(duration) => {
            let lease = &mut leases[usize::from(given.0 - 1)];
            let was_held = lease.held;
            let (generation, deadline) = (lease.generation + 1, now + duration);
            *lease = Lease { held: true, generation, deadline, taker: me };
            !was_held
        }
        Op::Refresh(id, duration) => {
            let (lease, until) = (&mut leases[usize::from(id)], now + duration);
            let suffices = interval != 0 && lease.deadline + interval > until;
            if given.0 == 1 {
                lease.deadline = lease.deadline.max(until);
            }
            lease.held == (given.0 != 0) && (given.0 != 2 || suffices)
        }
        Op::Free(id) => {
            let lease = &mut leases[usize::from(id)];
            let was_held = lease.held;
            if was_held {
                (lease.held, lease.deadline) = (false, 0);
            }
            was_held == (given.0 == 1)
        }
        Op::IsLive(id) => leases[usize::from(id)].is_live(now) == (given.0 == 1),
        Op::NextExpired => {
            let lease = leases[usize::from(given.0 - 1)];
            lease.is_due(now) && lease.deadline == given.1
        }
    }
}
