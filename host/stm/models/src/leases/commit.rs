//! Commits: cells, wheels, and what becomes of entries and ids.

use super::{At, Entry, Gap, Lies, State, Step, Timer};
use crate::keep_once;

impl State {
    pub(super) fn unlink(&mut self, wheel: u8, id: u8) {
        let wheel = &mut self.wheels[usize::from(wheel)];
        match wheel.iter().position(|&other| other == id) {
            Some(place) => _ = wheel.remove(place),
            None => self.wrong = Some("an entry is not in its wheel"),
        }
    }
}

impl Step<'_> {
    pub(super) fn commit(&mut self) -> bool {
        let own = self.own();
        let (event, doomed, writer) = (own.event, own.doomed, own.writer);
        let end = doomed.unwrap_or(event + 1);
        self.mine().end = end;
        self.mine().failed = doomed.is_some();
        if doomed.is_some() {
            self.log_failed();
        }
        self.go(if writer.is_some_and(|writer| writer < end) { At::Take } else { At::PutBack })
    }

    /// The events from the first that wrote saw the state of the snapshot, and their own.
    fn log_failed(&mut self) {
        let (snapshot, event) = (self.own().snapshot, self.own().event);
        let from = self.own().writer.expect("only events behind a writer fail");
        self.log((snapshot, true), from, event + 1);
    }

    pub(super) fn log(&mut self, place: (u8, bool), from: u8, end: u8) {
        let first = self.own().first;
        let range = usize::from(from - first)..usize::from(end - first);
        let ran = (place, (self.me, from), self.own().results[range].to_vec());
        keep_once(&mut self.state.ran, ran);
    }

    /// Takes all cells, when they are free.
    pub(super) fn take(&mut self) -> bool {
        let changes = self.own().pending.iter().filter(|change| change.0 < self.own().end);
        let ids: Vec<u8> = changes.map(|change| change.1).collect();
        if ids.iter().any(|&id| self.state.owners[usize::from(id)].is_some()) {
            return false;
        }
        ids.iter().for_each(|&id| self.state.owners[usize::from(id)] = Some(self.me));
        self.go(if self.lacks(Gap::ToldEarly) { At::Tell(0) } else { At::Draw })
    }

    /// Cuts the burst short where an observation has ended just before the timestamp.
    pub(super) fn validate(&mut self) -> bool {
        let bound = self.own().timestamp.expect("it was drawn") - 1;
        if !self.is_all_settled(bound) {
            return false;
        }
        let failing = self.failing(bound).filter(|&event| event < self.own().end);
        if let Some(event) = failing {
            if self.own().doomed.is_none() {
                self.log_failed();
            }
            (self.mine().end, self.mine().failed) = (event, true);
        }
        let stands = self.own().writer < Some(self.own().end);
        let tells = stands && !self.lacks(Gap::ToldEarly) && !self.lacks(Gap::ToldLate);
        self.go(if tells { At::Tell(0) } else { At::Install })
    }

    pub(super) fn tell(&mut self, number: u8) -> bool {
        let end = if self.lacks(Gap::ToldOfAll) { u8::MAX } else { self.own().end };
        let mut timers = self.own().timers.iter().filter(|timer| timer.0 < end);
        let Some(&(_, timer)) = timers.nth(number.into()) else {
            return self.go(match self.gap {
                Some(Gap::ToldEarly) => At::Draw,
                Some(Gap::ToldLate) => At::PutBack,
                _ => At::Install,
            });
        };
        let taker = self.me;
        self.state.moves(timer.id());
        match timer {
            Timer::Insert { id, generation, deadline } => {
                let entry = Entry { lies: Lies::InWheel, generation, taker, bound: deadline };
                self.state.entries[usize::from(id)] = entry;
                self.state.wheels[usize::from(taker)].push(id);
            }
            Timer::Remove { id } => {
                let entry = self.state.entries[usize::from(id)];
                if entry.lies == Lies::InWheel {
                    self.state.unlink(entry.taker, id);
                }
                if entry.lies != Lies::InHand || !self.lacks(Gap::HandUnmarked) {
                    self.state.entries[usize::from(id)].lies = Lies::Nowhere;
                }
            }
        }
        self.go(At::Tell(number + 1))
    }

    /// Installs the events before the end, and gives all cells back.
    pub(super) fn install(&mut self) -> bool {
        let (end, timestamp) = (self.own().end, self.own().timestamp.expect("it was drawn"));
        let stands = self.own().writer < Some(end);
        let bound = if self.lacks(Gap::PrefixWithLaterValues) { u8::MAX } else { end };
        for id in 0..self.state.owners.len() as u8 {
            if self.state.owners[usize::from(id)] != Some(self.me) {
                continue;
            }
            self.state.owners[usize::from(id)] = None;
            if stands && self.own().pending.iter().any(|c| c.1 == id && c.0 < bound) {
                let lease = self.as_of(id, bound, self.state.newest(id).1);
                self.state.leases[usize::from(id)].push((timestamp, lease));
                self.state.moves(id);
            }
        }
        self.mine().timestamp = None;
        if stands {
            let writer = self.own().writer.expect("it has written");
            self.log((timestamp, false), writer, end);
        }
        let tells = stands && self.lacks(Gap::ToldLate);
        self.go(if tells { At::Tell(0) } else { At::PutBack })
    }

    /// One after the other.
    pub(super) fn put_back_all(&mut self) -> bool {
        self.mine().timers.clear();
        if self.own().failed && self.lacks(Gap::FailedRunKeepsEntries) {
            self.mine().in_hand.clear();
        }
        if self.own().in_hand.is_empty() {
            return self.go(At::Give);
        }
        let (id, entry) = self.mine().in_hand.remove(0);
        self.put_back(id, entry);
        true
    }

    pub(super) fn give(&mut self) -> bool {
        let (end, gap) = (self.own().end, self.gap);
        let reserved = std::mem::take(&mut self.mine().reserved);
        let unused = reserved.iter().filter(|taken| taken.1 >= end);
        let unused = unused.filter(|_| gap != Some(Gap::TakenByDroppedLost)).map(|taken| taken.0);
        let freed = std::mem::take(&mut self.mine().freed);
        let returns = |freed: &&(u8, u8, Option<u8>)| {
            let stands = freed.1 < end || gap == Some(Gap::DroppedFreesReturn);
            let retaken = freed.2.is_some_and(|by| {
                let stands = by < end || gap == Some(Gap::RetakenByDroppedLost);
                stands && gap != Some(Gap::RetakenReturns)
            });
            stands && !retaken
        };
        let returning = freed.iter().filter(returns).map(|freed| freed.0);
        self.state.pool.extend(unused.chain(returning));
        self.state.pool.sort_unstable();
        let me = self.mine();
        (me.first, me.end, me.event, me.op, me.snapshot) = (end, 0, 0, 0, 0);
        (me.stale, me.doomed, me.writer) = (false, None, None);
        me.observed.clear();
        me.pending.clear();
        me.results.clear();
        me.lying.clear();
        me.found.clear();
        self.go(At::Begin)
    }
}
