//! Looking keys up, what is observed, buffered actions, and the moving snapshot.

use super::{
    Action, At, BUCKET, Content, Gap, Observed, Op, REFERENCES, Step, search, tag, value_of,
};

impl Step<'_> {
    pub(super) fn begin(&mut self) -> bool {
        if usize::from(self.own().event) == self.program.threads[usize::from(self.me)].len() {
            return self.go(At::Done);
        }
        let clock = self.state.clock;
        let me = self.mine();
        (me.snapshot, me.op, me.stale, me.doomed) = (clock, 0, false, false);
        me.observed.clear();
        me.walked.clear();
        me.actions.clear();
        me.results.clear();
        me.named.clear();
        self.go(At::Operate)
    }

    pub(super) fn key(&self) -> u8 {
        let (Op::Get(key) | Op::Set(key, _) | Op::Remove(key)) =
            self.operation().expect("an operation runs");
        key
    }

    pub(super) fn operate(&mut self) -> bool {
        let Some(op) = self.operation() else { return self.commit() };
        let key = self.key();
        let Some(&latest) = self.own().actions.iter().rev().find(|action| action.key == key) else {
            return self.walk();
        };
        match op {
            Op::Get(_) => self.give_result(latest.value.unwrap_or(0)),
            Op::Set(_, value) => self.act(Some(value), latest.value.and(latest.known)),
            Op::Remove(_) => {
                let there = latest.value.is_some();
                self.mine().results.push(there.into());
                if there { self.act(None, None) } else { self.next_op() }
            }
        }
    }

    fn walk(&mut self) -> bool {
        self.mine().walked.clear();
        self.go(At::Walk { cell: BUCKET, newest: true })
    }

    /// From a position of a chain cell to the next reference that may be the key's, or to the end.
    pub(super) fn search_on(
        &mut self,
        cell: u8,
        content: Content,
        from: usize,
        newest: bool,
    ) -> bool {
        let key = self.key();
        for (position, &found) in content.iter().enumerate().take(REFERENCES).skip(from) {
            if found == 0 {
                return self.absent(newest);
            }
            if found >> 4 == tag(key) {
                return self.go(At::Key { cell, content, position, number: 0, newest });
            }
        }
        match content[REFERENCES] {
            0 => self.absent(newest),
            cell => self.go(At::Walk { cell, newest }),
        }
    }

    pub(super) fn found(&mut self, slot: u8) -> bool {
        match self.operation() {
            Some(Op::Set(_, value)) => self.act(Some(value), Some(slot)),
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
        if newest && !self.own().stale && !self.own().doomed {
            let walked = std::mem::take(&mut self.mine().walked);
            let count = if self.lacks(Gap::BucketObserved) { 1 } else { walked.len() };
            let observed =
                walked[..count].iter().map(|&(cell, seen)| (cell, seen, Observed::Absent(key)));
            self.mine().observed.extend(observed);
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
        let observes = is_newest(self) && !self.own().stale && !self.own().doomed;
        let what = if removes { Observed::Present(self.key()) } else { Observed::Version };
        if observes && !(removes && self.lacks(Gap::PresenceNotObserved)) {
            self.mine().observed.push((cell, seen, what));
        }
        if removes {
            self.mine().results.push(1);
            return self.act(None, None);
        }
        self.give_result(content[1])
    }

    fn give_result(&mut self, result: u8) -> bool {
        self.mine().results.push(result);
        self.next_op()
    }

    fn act(&mut self, value: Option<u8>, known: Option<u8>) -> bool {
        let key = self.key();
        let me = self.mine();
        me.doomed |= std::mem::take(&mut me.stale);
        me.actions.push(Action { key, value, known });
        self.next_op()
    }

    fn next_op(&mut self) -> bool {
        self.mine().op += 1;
        self.go(At::Operate)
    }

    pub(super) fn holds(&self, bound: u8) -> bool {
        let read = |cell| self.state.version(cell, bound).1;
        self.own().observed.iter().all(|&(cell, seen, what)| {
            let presence = |key| {
                if self.lacks(Gap::PredicateOnBucket) {
                    return read(BUCKET)[..REFERENCES].iter().any(|found| found >> 4 == tag(key));
                }
                search(key, self.gap, read).is_ok()
            };
            self.state.version(cell, bound).0 == seen
                || match what {
                    Observed::Version => false,
                    Observed::Absent(key) => !presence(key),
                    Observed::Present(key) => presence(key),
                }
        })
    }

    fn extend(&mut self) -> bool {
        if self.own().stale || self.own().doomed {
            return false;
        }
        let (clock, writes) = (self.state.clock, !self.own().actions.is_empty());
        let holds = self.holds(clock);
        let me = self.mine();
        if holds {
            me.snapshot = clock;
        }
        (me.doomed, me.stale) = (!holds && writes, !holds && !writes);
        holds
    }
}
