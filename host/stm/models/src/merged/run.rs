//! Events, merging reads, and looks at the published value.

use super::{At, Gap, Merged, Op, Published, STALENESS, Step};

impl Step<'_> {
    /// The first event of a burst begins, before the snapshot is taken unless that merges ahead.
    pub(super) fn begin(&mut self) -> bool {
        if usize::from(self.own().first) == self.events().len() {
            return self.go(At::Done);
        }
        if self.own().follows {
            self.mine().snapshot = self.state.clock;
            return self.go(At::Clock);
        }
        self.begin_event(self.own().first);
        self.go(At::Snapshot)
    }

    pub(super) fn begin_event(&mut self, event: u8) {
        let time = self.state.time;
        let me = self.mine();
        (me.event, me.op) = (event, 0);
        me.results.push(Vec::new());
        if me.clocks.len() < me.results.len() {
            me.clocks.push(time);
        }
    }

    /// If the published value has passed half of its age, and nobody else has begun.
    pub(super) fn claim_ahead(&mut self) -> bool {
        let now = self.clock_of(self.own().event);
        let newest = self.state.published.time.max(self.state.ahead);
        if now <= newest + STALENESS / 2 {
            return self.go(At::Operate);
        }
        self.state.ahead = now;
        self.go(At::MergeAhead)
    }

    /// Nothing has been observed yet, and nothing is: the state that stands now is merged, and
    /// published at once.
    pub(super) fn merge_ahead(&mut self) -> bool {
        if !self.lacks(Gap::AheadNotMoved) {
            self.mine().snapshot = self.state.clock;
        }
        let (as_of, time) = (self.own().snapshot, self.clock_of(self.own().event));
        let parts = 0..self.state.parts.len() as u8;
        let sum = parts.map(|part| self.newest_of(part, as_of).1).sum();
        self.mine().publishing.push(Published { sequence: 0, time, as_of, words: [sum; 2] });
        self.let_out()
    }

    fn is_last(&self) -> bool {
        let most = if self.own().failed { 1 } else { self.program.burst };
        let end = usize::from(self.own().first + most).min(self.events().len());
        let goes_on = self.running().stands && self.own().doomed.is_none();
        usize::from(self.own().event) + 1 == end || !goes_on
    }

    pub(super) fn operate(&mut self) -> bool {
        match self.running().ops.get(usize::from(self.own().op)).copied() {
            None => self.end_event(),
            Some(Op::Read) => self.go(At::Sequence),
            Some(Op::Update) => {
                let me = self.mine();
                let event = me.event;
                me.updates.push(event);
                me.writer.get_or_insert(event);
                if std::mem::take(&mut me.stale) {
                    me.doomed.get_or_insert(event);
                }
                me.op += 1;
                true
            }
        }
    }

    /// Leading events that wrote nothing are final.
    fn end_event(&mut self) -> bool {
        let (event, is_last) = (self.own().event, self.is_last());
        if self.own().writer.is_none() {
            self.log((self.own().snapshot, true), event, event + 1);
            self.mine().observed.clear();
        }
        if is_last {
            return self.go(At::Commit);
        }
        self.begin_event(event + 1);
        // Behind one that saw an old state there is a new snapshot.
        let is_anew = std::mem::take(&mut self.mine().stale);
        self.go(if is_anew { At::Snapshot } else { At::Operate })
    }

    /// The published value, word by word.
    pub(super) fn look(&mut self, at: At) -> bool {
        let published = self.state.published;
        match at {
            At::Sequence if published.sequence == 0 || !published.sequence.is_multiple_of(2) => {
                self.go(At::MoveFirst)
            }
            At::Sequence => {
                let copy = Published { time: published.time, ..published };
                self.go(At::Word { number: 0, copy })
            }
            At::Word { number, mut copy } => {
                match number {
                    0 => copy.as_of = published.as_of,
                    _ => {
                        copy.words[usize::from(number) - 1] =
                            published.words[usize::from(number) - 1]
                    }
                }
                let next = At::Word { number: number + 1, copy };
                self.go(if number == 2 { At::Check(copy) } else { next })
            }
            At::Check(copy) => {
                let same = published.sequence == copy.sequence || self.lacks(Gap::NotRechecked);
                self.go(if same { At::Serve(copy) } else { At::MoveFirst })
            }
            At::Serve(copy) => self.serve(copy),
            _ => unreachable!("a look has these steps"),
        }
    }

    fn give_result(&mut self, value: u8, is_merged: bool) -> bool {
        let me = self.mine();
        me.results.last_mut().expect("an event runs").push((value, is_merged));
        me.op += 1;
        self.go(At::Operate)
    }

    fn serve(&mut self, copy: Published) -> bool {
        let now = self.clock_of(self.own().event);
        let is_young = now.saturating_sub(copy.time) <= STALENESS;
        if !is_young && !self.lacks(Gap::TooOld) {
            return self.go(At::MoveFirst);
        }
        if copy.as_of > self.own().snapshot && !self.lacks(Gap::Unreached) {
            self.extend();
        }
        if copy.as_of > self.own().snapshot && !self.lacks(Gap::Unreached) {
            return self.go(At::MoveFirst);
        }
        if copy.words[0] != copy.words[1] {
            self.state.wrong = Some("a torn value");
        }
        self.give_result(copy.words[0], false)
    }

    fn sees_old(&self) -> bool {
        self.own().stale || self.own().doomed.is_some()
    }

    /// Moves the snapshot to now if what was observed is still so.
    pub(super) fn extend(&mut self) -> bool {
        let clock = self.state.clock;
        if self.sees_old() {
            return false;
        }
        let failing = self.failing(clock).filter(|_| !self.lacks(Gap::MovedUnchecked));
        let me = self.mine();
        match (failing, me.writer) {
            (None, _) => me.snapshot = clock,
            (Some(_), None) => me.stale = true,
            (Some(_), Some(_)) => me.doomed = failing,
        }
        failing.is_none()
    }

    pub(super) fn merge(&mut self, part: u8, sum: u8) -> bool {
        if usize::from(part) == self.state.parts.len() {
            return self.merged(sum);
        }
        let newest = self.newest_of(part, u8::MAX);
        if newest.0 > self.own().snapshot && self.extend() {
            return true;
        }
        let (snapshot, event) = (self.own().snapshot, self.own().event);
        let version = self.newest_of(part, snapshot);
        let observes = version == newest && !self.own().stale && !self.lacks(Gap::PartNotObserved);
        if observes {
            self.mine().observed.push((event, part, version.0));
        }
        let of_event = self.lacks(Gap::EarlierUpdatesMissed);
        let updates = self.own().updates.iter();
        let own = updates.filter(|&&of| part == self.me && (of == event || !of_event));
        let sum = sum + version.1 + own.count() as u8;
        self.go(At::Part { part: part + 1, sum })
    }

    fn merged(&mut self, value: u8) -> bool {
        if !self.sees_old() {
            let (event, updates) = (self.own().event, &self.own().updates);
            let of_snapshot = match self.gap {
                Some(Gap::OwnUpdatesTooEarly) => true,
                Some(Gap::EarlierUpdatesTooEarly) => !updates.contains(&event),
                _ => updates.is_empty(),
            };
            let as_of = of_snapshot.then_some(self.own().snapshot);
            let time = self.clock_of(event);
            self.mine().merged.push(Merged { event, time, as_of, value });
        }
        self.mine().follows = self.program.ahead;
        self.give_result(value, true)
    }
}
