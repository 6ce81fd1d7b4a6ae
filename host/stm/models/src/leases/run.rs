//! Events, operations on leases, what they observe, and looking into wheels.

use super::{At, Entry, Gap, Given, Lease, Lies, Observed, Op, Step, Timer, Write};

impl Step<'_> {
    pub(super) fn begin(&mut self) -> bool {
        if usize::from(self.own().first) == self.events().len() {
            return self.go(At::Done);
        }
        let clock = self.state.clock;
        let me = self.mine();
        (me.snapshot, me.event) = (clock, me.first);
        me.results.push(Vec::new());
        self.go(At::Operate)
    }

    fn is_last(&self) -> bool {
        let most = if self.own().failed { 1 } else { self.program.burst };
        let end = usize::from(self.own().first + most).min(self.events().len());
        usize::from(self.own().event) + 1 == end || self.own().doomed.is_some()
    }

    pub(super) fn operate(&mut self) -> bool {
        match self.running().ops.get(usize::from(self.own().op)).copied() {
            None => self.end_event(),
            Some(Op::Allocate(_)) => self.take_id(),
            Some(Op::Refresh(id, duration)) => self.refresh(id, duration),
            Some(Op::Free(id)) => self.free(id),
            Some(Op::IsLive(id)) => self.is_live(id),
            Some(Op::NextExpired) => {
                self.mine().lying = self.lying();
                self.go(At::Wheel(0))
            }
        }
    }

    /// Leading events that wrote nothing are final.
    fn end_event(&mut self) -> bool {
        let is_last = self.is_last();
        if self.own().writer.is_none() {
            let event = self.own().event;
            self.log((self.own().snapshot, true), event, event + 1);
            self.mine().observed.clear();
        }
        if is_last {
            return self.commit();
        }
        let clock = self.state.clock;
        let me = self.mine();
        if me.writer.is_none() && std::mem::take(&mut me.stale) {
            me.snapshot = clock;
        }
        (me.event, me.op) = (me.event + 1, 0);
        me.results.push(Vec::new());
        true
    }

    fn give_result(&mut self, given: Given) -> bool {
        let me = self.mine();
        me.results.last_mut().expect("an event runs").push(given);
        me.op += 1;
        self.go(At::Operate)
    }

    fn write(&mut self, id: u8, write: Write) {
        let me = self.mine();
        let event = me.event;
        if std::mem::take(&mut me.stale) && me.doomed.is_none() {
            me.doomed = Some(event);
        }
        me.writer.get_or_insert(event);
        me.pending.push((event, id, write));
    }

    /// The lease as events before `end` have left it.
    pub(super) fn as_of(&self, id: u8, end: u8, committed: Lease) -> Lease {
        let changes = self.own().pending.iter().filter(|change| change.1 == id && change.0 < end);
        changes.fold(committed, |lease, change| change.2.apply(lease))
    }

    fn is_stale(&self) -> bool {
        self.own().stale || self.own().doomed.is_some()
    }

    /// Whether nobody can still install a version up to a bound.
    fn is_settled(&self, id: u8, bound: u8) -> bool {
        self.state.owners[usize::from(id)].is_none_or(|owner| {
            let drawn = self.state.threads[usize::from(owner)].timestamp;
            owner == self.me || drawn.is_none_or(|drawn| drawn > bound)
        })
    }

    pub(super) fn is_all_settled(&self, bound: u8) -> bool {
        self.own().observed.iter().all(|observed| self.is_settled(observed.1, bound))
    }

    /// The event whose observation does not hold any more, if one's does not.
    pub(super) fn failing(&self, bound: u8) -> Option<u8> {
        let fails = |&&(_, id, seen, what): &&(u8, u8, u8, Observed)| {
            let (timestamp, lease) = self.state.version(id, bound);
            timestamp != seen && !what.holds(lease)
        };
        self.own().observed.iter().find(fails).map(|observed| observed.0)
    }

    /// Moves the snapshot to now; `None`: it has to wait.
    fn extend(&mut self) -> Option<bool> {
        if self.is_stale() {
            return Some(false);
        }
        let clock = self.state.clock;
        if !self.is_all_settled(clock) {
            return None;
        }
        match (self.failing(clock), self.own().writer) {
            (None, _) => self.mine().snapshot = clock,
            (Some(_), None) => self.mine().stale = true,
            (failing, Some(_)) => self.mine().doomed = failing,
        }
        Some(!self.is_stale())
    }

    /// The committed lease at the snapshot, and its timestamp if it is the newest; `None`: the
    /// thread has to wait.
    fn find(&mut self, id: u8) -> Option<(Option<u8>, Lease)> {
        if !self.is_settled(id, self.own().snapshot) {
            return None;
        }
        if self.state.newest(id).0 > self.own().snapshot && self.extend()? {
            return self.find(id);
        }
        let (seen, lease) = self.state.version(id, self.own().snapshot);
        Some(((seen == self.state.newest(id).0).then_some(seen), lease))
    }

    /// The lease as the event sees it, and as committed unless the burst has replaced it.
    fn read(
        &mut self,
        id: u8,
        what: impl FnOnce(Lease) -> Option<Observed>,
    ) -> Option<(Lease, Option<Lease>)> {
        let changes = self.own().pending.iter().filter(|change| change.1 == id);
        let replaced = changes.into_iter().any(|change| matches!(change.2, Write::Replace(_)));
        if replaced {
            let nothing = self.state.version(id, 0).1;
            return Some((self.as_of(id, u8::MAX, nothing), None));
        }
        let (seen, committed) = self.find(id)?;
        if let (Some(what), Some(seen)) = (what(committed), seen) {
            let event = self.own().event;
            self.mine().observed.push((event, id, seen, what));
        }
        Some((self.as_of(id, u8::MAX, committed), Some(committed)))
    }

    fn take_id(&mut self) -> bool {
        let event = self.own().event;
        if !self.state.pool.is_empty() {
            let id = self.state.pool.remove(0);
            self.mine().reserved.push((id, event));
            return self.go(At::Got { id, of_pool: true });
        }
        match self.mine().freed.iter_mut().find(|freed| freed.2.is_none()) {
            None => self.give_result((0, 0)),
            Some(freed) => {
                freed.2 = Some(event);
                let id = freed.0;
                self.go(At::Got { id, of_pool: false })
            }
        }
    }

    /// The id is out of circulation; its lease is looked at.
    pub(super) fn got(&mut self, id: u8, of_pool: bool) -> bool {
        let is_pending = self.own().pending.iter().any(|change| change.1 == id);
        if of_pool && is_pending && !self.lacks(Gap::ContestedTaken) {
            match self.extend() {
                None => return false,
                Some(false) => return self.give_result((0, 0)),
                Some(true) => {}
            }
        }
        let Some((old, _)) = self.read(id, |_| Some(Observed::Version)) else { return false };
        let event = self.own().event;
        if self.is_stale() && !self.lacks(Gap::StaleAllocates) {
            let me = self.mine();
            me.stale = false;
            me.writer.get_or_insert(event);
            me.doomed.get_or_insert(event);
            return self.give_result((0, 0));
        }
        let Some(Op::Allocate(duration)) =
            self.running().ops.get(usize::from(self.own().op)).copied()
        else {
            unreachable!("an allocation runs")
        };
        let generation = old.generation + u8::from(!self.lacks(Gap::GenerationKept));
        let deadline = self.running().now + duration;
        let lease = Lease { held: true, generation, deadline, taker: self.me };
        self.write(id, Write::Replace(lease));
        self.mine().timers.push((event, Timer::Insert { id, generation, deadline }));
        self.give_result((id + 1, 0))
    }

    fn refresh(&mut self, id: u8, duration: u8) -> bool {
        let (now, interval) = (self.running().now, self.program.interval);
        let (deadline, gap) = (now + duration, self.gap);
        let at = (deadline + 1).saturating_sub(interval);
        let suffices = |lease: Lease| interval != 0 && lease.deadline >= at;
        let read = self.read(id, |lease| match (lease.held, suffices(lease)) {
            (true, true) if gap == Some(Gap::SkipUnobserved) => None,
            (true, true) if gap != Some(Gap::SkipByTenure) => {
                Some(Observed::HeldUntil(lease.generation, at))
            }
            (true, _) => {
                let observes = gap != Some(Gap::RefreshIgnoresTenure);
                observes.then_some(Observed::Tenure(lease.generation))
            }
            (false, _) => (gap != Some(Gap::NotHeldUnobserved)).then_some(Observed::NotHeld),
        });
        let Some((lease, committed)) = read else { return false };
        if !lease.held {
            return self.give_result((0, 0));
        }
        if suffices(committed.unwrap_or(lease)) {
            return self.give_result((2, 0));
        }
        let replaces = self.lacks(Gap::RefreshReplaces);
        let replaced = Write::Replace(Lease { deadline, ..lease });
        self.write(id, if replaces { replaced } else { Write::Raise(deadline) });
        self.give_result((1, 0))
    }

    fn free(&mut self, id: u8) -> bool {
        let gap = self.gap;
        let read = self.read(id, |lease| match lease.held {
            true if gap == Some(Gap::FreeIgnoresTenure) => None,
            true => Some(Observed::Tenure(lease.generation)),
            false => (gap != Some(Gap::NotHeldUnobserved)).then_some(Observed::NotHeld),
        });
        let Some((lease, _)) = read else { return false };
        if !lease.held {
            return self.give_result((0, 0));
        }
        self.write(id, Write::Replace(Lease { held: false, deadline: 0, ..lease }));
        let event = self.own().event;
        self.mine().freed.push((id, event, None));
        self.mine().timers.push((event, Timer::Remove { id }));
        self.give_result((1, 0))
    }

    fn is_live(&mut self, id: u8) -> bool {
        let (at, observes) = (self.running().now, !self.lacks(Gap::LiveUnobserved));
        let read = self.read(id, |lease| {
            let live = lease.is_live(at);
            observes.then_some(if live { Observed::Live(at) } else { Observed::Dead(at) })
        });
        let Some((lease, _)) = read else { return false };
        self.give_result((lease.is_live(at).into(), 0))
    }

    /// The wheels that the thread looks into: its own, and the control loop into all others.
    fn wheels(&self, all: bool) -> Vec<u8> {
        let is_control = usize::from(self.me) + 1 == self.program.threads.len();
        let others = if all && is_control { 0..self.me } else { 0..0 };
        std::iter::once(self.me).chain(others).collect()
    }

    fn lying(&self) -> Vec<u8> {
        let now = self.running().now;
        let due = |&id: &u8| {
            let is_due = self.state.newest(id).1.is_due(now);
            is_due && self.state.entries[usize::from(id)].bound < now
        };
        let ids = self.wheels(true).into_iter();
        ids.flat_map(|of| self.state.wheels[usize::from(of)].clone()).filter(due).collect()
    }

    /// Takes out what is due first.
    pub(super) fn look_into(&mut self, number: u8) -> bool {
        let wheels = self.wheels(!self.lacks(Gap::OwnWheelOnly));
        let Some(&of) = wheels.get(usize::from(number)) else { return self.found_none() };
        let (of, now) = (usize::from(of), self.running().now);
        let bound = |id: u8| self.state.entries[usize::from(id)].bound;
        let due = self.state.wheels[of].iter().copied().filter(|&id| bound(id) < now);
        let Some(id) = due.min_by_key(|&id| (bound(id), id)) else {
            return self.go(At::Wheel(number + 1));
        };
        self.state.unlink(of as u8, id);
        self.state.entries[usize::from(id)].lies = Lies::InHand;
        self.state.moves(id);
        let entry = self.state.entries[usize::from(id)];
        self.mine().in_hand.push((id, entry));
        self.go(At::Due(number))
    }

    fn found_none(&mut self) -> bool {
        if !std::mem::take(&mut self.mine().lying).is_empty() {
            self.state.wrong = Some("a lease that had run out lay in a wheel all the time");
        }
        self.give_result((0, 0))
    }

    /// Whether the lease of the entry taken last is due; if not, nothing is observed.
    pub(super) fn look_at_due(&mut self, number: u8) -> bool {
        let (now, gap) = (self.running().now, self.gap);
        let (id, entry) = *self.own().in_hand.last().expect("an entry is in hand");
        let is_due = |lease: Lease| {
            let of_entry = lease.generation == entry.generation;
            lease.is_due(now) && (of_entry || gap == Some(Gap::FoundByAnother))
        };
        let is_pending = self.own().pending.iter().any(|change| change.1 == id);
        let what = |lease: Lease| {
            let observed = match gap {
                Some(Gap::DueByTenure) => Observed::Tenure(lease.generation),
                _ => Observed::Due(lease.generation, lease.deadline),
            };
            (is_due(lease) && gap != Some(Gap::DueUnobserved)).then_some(observed)
        };
        let Some((mut lease, committed)) =
            self.read(id, |lease| if is_pending { None } else { what(lease) })
        else {
            return false;
        };
        if is_pending && is_due(lease) {
            let Some((again, _)) = self.read(id, what) else { return false };
            lease = again;
        }
        let is_due = is_due(lease);
        if !is_due && let Some(committed) = committed {
            let raised = if self.lacks(Gap::RaisedByOwn) { lease } else { committed };
            let any = self.lacks(Gap::RaisedByAnother);
            let (_, entry) = self.mine().in_hand.last_mut().expect("an entry is in hand");
            if any || entry.generation == raised.generation {
                entry.bound = entry.bound.max(raised.deadline);
            }
        }
        if !is_due && self.lacks(Gap::RaisedDropped) {
            self.mine().in_hand.pop();
        }
        if self.lacks(Gap::PutBackAtOnce) {
            let (id, entry) = self.mine().in_hand.pop().expect("an entry is in hand");
            self.put_back(id, entry);
        }
        match is_due {
            true => self.found_due(id, lease),
            false if self.lacks(Gap::StopsAtRaised) => self.found_none(),
            false => self.go(At::Wheel(number)),
        }
    }

    fn found_due(&mut self, id: u8, lease: Lease) -> bool {
        let found = (id, lease.generation);
        if self.own().found.contains(&found) {
            self.state.wrong = Some("a lease was found twice in one burst");
        }
        let me = self.mine();
        me.lying.clear();
        me.found.push(found);
        self.give_result((id + 1, lease.deadline))
    }

    pub(super) fn put_back(&mut self, id: u8, entry: Entry) {
        let place = self.state.entries[usize::from(id)];
        let same = match self.gap {
            Some(Gap::PutBackUnchecked) => true,
            Some(Gap::PutBackByState) => place.lies == Lies::InHand,
            _ => Entry { bound: entry.bound, ..place } == Entry { lies: Lies::InHand, ..entry },
        };
        if same {
            self.state.entries[usize::from(id)] = Entry { lies: Lies::InWheel, ..entry };
            self.state.wheels[usize::from(entry.taker)].push(id);
        }
    }
}
