//! Looking keys up, what is observed, buffered actions, and the moving snapshot.

use super::{Action, At, Content, Gap, LINK, Observed, Op, Step, search, tag, value_of};

impl Step<'_> {
    pub(super) fn begin(&mut self) -> bool {
        if usize::from(self.own().first) == self.program.threads[usize::from(self.me)].len() {
            return self.go(At::Done);
        }
        let clock = self.state.clock;
        let me = self.mine();
        (me.begun_at, me.snapshot, me.event) = (clock, clock, me.first);
        me.results.push(Vec::new());
        self.go(At::Operate)
    }

    fn is_last(&self) -> bool {
        let most = if self.own().failed { 1 } else { self.program.burst };
        let events = self.program.threads[usize::from(self.me)].len();
        let end = usize::from(self.own().first + most).min(events);
        usize::from(self.own().event) + 1 == end || self.own().doomed.is_some()
    }

    /// Leading events that wrote nothing are final.
    fn end_event(&mut self) -> bool {
        let is_last = self.is_last();
        if self.own().writer.is_none() {
            let event = self.own().event;
            self.log((self.own().snapshot, true), event, event + 1);
        }
        let forgets = self.lacks(Gap::ObservationsDropped) && !is_last;
        if self.own().writer.is_none() || forgets {
            self.mine().observed.clear();
        }
        if is_last {
            return self.commit();
        }
        let (clock, once) = (self.state.clock, self.lacks(Gap::CountsObservedOnce));
        let me = self.mine();
        if me.writer.is_none() && std::mem::take(&mut me.stale) {
            me.snapshot = clock;
        }
        (me.event, me.op) = (me.event + 1, 0);
        me.goes_through &= once;
        me.results.push(Vec::new());
        true
    }

    pub(super) fn is_stale(&self) -> bool {
        self.own().stale || self.own().doomed.is_some()
    }

    pub(super) fn key(&self) -> u8 {
        match self.operation().expect("an operation runs") {
            Op::Get(key) | Op::Set(key, _) | Op::Remove(key) => key,
            Op::Entries => {
                let asked = self.own().asked.expect("an own insertion is asked for");
                self.own().actions[usize::from(asked)].key
            }
        }
    }

    pub(super) fn operate(&mut self) -> bool {
        let Some(op) = self.operation() else { return self.end_event() };
        if op == Op::Entries {
            return self.go_through();
        }
        let key = self.key();
        let Some(latest) = self.latest_action(key) else { return self.walk() };
        match op {
            Op::Get(_) => self.give_result(latest.value.unwrap_or(0)),
            Op::Set(_, value) => self.act(Some(value), latest.value.and(latest.known)),
            Op::Remove(_) => {
                let there = latest.value.is_some();
                self.push_result(there.into());
                if there { self.act(None, None) } else { self.next_op() }
            }
            Op::Entries => unreachable!("it asks for no key"),
        }
    }

    pub(super) fn latest_action(&self, key: u8) -> Option<Action> {
        self.own().actions.iter().rev().find(|action| action.key == key).copied()
    }

    pub(super) fn walk(&mut self) -> bool {
        self.mine().walked.clear();
        let cell = self.program.shape.bucket_of(self.key());
        self.go(At::Walk { cell, newest: true })
    }

    /// From a position of a chain cell to the next reference that may be the key's, or to the end.
    pub(super) fn search_on(
        &mut self,
        cell: u8,
        content: Content,
        from: usize,
        newest: bool,
    ) -> bool {
        let (key, references) = (self.key(), self.program.shape.references());
        for (position, &found) in content.iter().enumerate().take(references).skip(from) {
            if found == 0 {
                return self.absent(newest);
            }
            if found >> 4 == tag(key) {
                return self.go(At::Key { cell, content, position, number: 0, newest });
            }
        }
        match content[LINK] {
            0 => self.absent(newest),
            cell => self.go(At::Walk { cell, newest }),
        }
    }

    pub(super) fn found(&mut self, slot: u8) -> bool {
        match self.operation() {
            Some(Op::Set(_, value)) => self.act(Some(value), Some(slot)),
            Some(Op::Entries) => self.asked_for(true),
            _ => self.go(At::Value { slot }),
        }
    }

    fn absent(&mut self, newest: bool) -> bool {
        let key = self.key();
        if let Some(Op::Set(_, value)) = self.operation() {
            return self.act(Some(value), None);
        }
        if !newest && self.extend() {
            return self.walk();
        }
        if newest && !self.is_stale() {
            let event = self.own().event;
            let walked = std::mem::take(&mut self.mine().walked);
            let count = if self.lacks(Gap::BucketObserved) { 1 } else { walked.len() };
            let observed = walked[..count]
                .iter()
                .map(|&(cell, seen)| (event, cell, seen, Observed::Absent(key)));
            self.mine().observed.extend(observed);
        }
        if self.own().asked.is_some() {
            return self.asked_for(false);
        }
        self.give_result(0)
    }

    /// The value of a key that was found: read, or looked at to be removed.
    pub(super) fn look_at_value(&mut self, slot: u8) -> bool {
        let cell = value_of(slot);
        let removes = matches!(self.operation(), Some(Op::Remove(_)));
        let is_newest = |step: &Self| step.state.newest(cell).0 <= step.own().snapshot;
        let mut moved = false;
        if !is_newest(self) {
            moved = self.extend();
        }
        if moved && !self.lacks(Gap::SearchGoesOn) {
            return self.walk();
        }
        let (seen, content) = self.state.version(cell, self.own().snapshot);
        let observes = is_newest(self) && !self.is_stale();
        let what = if removes { Observed::Present(self.key()) } else { Observed::Version };
        if observes && !(removes && self.lacks(Gap::PresenceNotObserved)) {
            let event = self.own().event;
            self.mine().observed.push((event, cell, seen, what));
        }
        if removes {
            self.push_result(1);
            return self.act(None, None);
        }
        self.give_result(content[1])
    }

    pub(super) fn push_result(&mut self, result: u8) {
        self.mine().results.last_mut().expect("an event runs").push(result);
    }

    fn give_result(&mut self, result: u8) -> bool {
        self.push_result(result);
        self.next_op()
    }

    fn act(&mut self, value: Option<u8>, known: Option<u8>) -> bool {
        let key = self.key();
        let me = self.mine();
        let event = me.event;
        if std::mem::take(&mut me.stale) {
            me.doomed.get_or_insert(event);
        }
        me.writer.get_or_insert(event);
        me.actions.push(Action { event, key, value, known });
        self.next_op()
    }

    pub(super) fn next_op(&mut self) -> bool {
        self.mine().op += 1;
        self.go(At::Operate)
    }

    /// The event whose observation does not hold any more, if one's does not.
    pub(super) fn failing(&self, bound: u8) -> Option<u8> {
        let (read, shape) = (|cell| self.state.version(cell, bound).1, self.program.shape);
        let holds = |cell, seen, what| {
            let presence = |key| {
                if self.lacks(Gap::PredicateOnBucket) {
                    let bucket = read(shape.bucket_of(key));
                    return bucket[..LINK].iter().any(|found| found >> 4 == tag(key));
                }
                search(shape, key, self.gap, read).is_ok()
            };
            self.state.version(cell, bound).0 == seen
                || match what {
                    Observed::Version => false,
                    Observed::Absent(key) => !presence(key),
                    Observed::Present(key) => presence(key),
                }
        };
        let mut observed = self.own().observed.iter();
        let failing = observed.find(|&&(_, cell, seen, what)| !holds(cell, seen, what));
        failing.map(|observed| observed.0)
    }

    pub(super) fn extend(&mut self) -> bool {
        if self.is_stale() {
            return false;
        }
        let clock = self.state.clock;
        match (self.failing(clock), self.own().writer) {
            (None, _) => self.mine().snapshot = clock,
            (Some(_), None) => self.mine().stale = true,
            (failing, Some(_)) => self.mine().doomed = failing,
        }
        !self.is_stale()
    }
}
