//! Locks, the draw, installs, history's lines, and what follows a failure.

use nfos_sync::Bug;

use crate::FAILURES_BEFORE_GATE;
use crate::state::{At, Effect, INACTIVE, Phase, Purpose, Ran, Step, Turn, Version, Word};

impl Step<'_> {
    /// All events that ran have ended.
    pub(crate) fn commit(&mut self) -> bool {
        let me = self.mine();
        me.end = me.doomed.unwrap_or(me.event);
        if me.first_writer.is_none_or(|first| first >= me.end) {
            return self.finish();
        }
        self.go(At::Locking)
    }

    pub(crate) fn lock_and_draw(&mut self, at: At) -> bool {
        match at {
            At::Locking => {
                self.mine().phase = Phase::Locking;
                self.go(At::LookAtGate)
            }
            At::LookAtGate if self.closed() => self.go(At::BackFromGate),
            At::LookAtGate => {
                self.name_targets();
                self.go(At::Try(0))
            }
            At::BackFromGate => {
                self.mine().phase = Phase::Idle;
                self.go(At::GateOpen)
            }
            At::GateOpen => !self.closed() && self.go(At::Locking),
            At::Try(index) => self.attempt(index),
            At::GiveBack(0) => {
                self.name_lacking();
                if !self.lacks(Bug::UnorderedWaiting) {
                    self.mine().targets.sort_unstable();
                }
                self.go(At::Ordered(0))
            }
            At::GiveBack(index) => {
                let target = self.own().targets[usize::from(index) - 1];
                self.cell(target).word.owner = None;
                self.go(At::GiveBack(index - 1))
            }
            At::Ordered(index) => self.hold(index) && self.go_on(At::Ordered(index + 1), index),
            At::Resolve => self.resolve(),
            At::Drawing => {
                self.mine().phase = Phase::Drawing;
                self.go(At::Draw)
            }
            At::Draw => {
                self.state.clock += 1;
                self.mine().timestamp = self.state.clock;
                self.go(At::Drawn)
            }
            _ => self.drawn(),
        }
    }

    fn closed(&self) -> bool {
        self.state.gate != 0 && self.state.gate != self.me + 1
    }

    /// The cells to take, in the order of their first write.
    fn name_targets(&mut self) {
        let me = self.mine();
        me.targets.clear();
        for &(cell, event, _) in &me.writes {
            if event < me.end && !me.targets.contains(&cell) {
                me.targets.push(cell);
            }
        }
        for action in &me.actions {
            if action.event < me.end && !me.targets.contains(&action.target()) {
                me.targets.push(action.target());
            }
        }
        me.named = me.targets.len() as u8;
    }

    fn hold(&mut self, index: u8) -> bool {
        self.hold_cell(self.own().targets[usize::from(index)])
    }

    pub(crate) fn hold_cell(&mut self, target: u8) -> bool {
        let me = self.me;
        let word = &mut self.cell(target).word;
        let free = word.owner.is_none();
        if free {
            word.owner = Some(me);
        }
        free
    }

    fn attempt(&mut self, index: u8) -> bool {
        if self.hold(index) {
            return self.go_on(At::Try(index + 1), index);
        }
        self.go(At::GiveBack(index))
    }

    fn go_on(&mut self, at: At, index: u8) -> bool {
        if usize::from(index) + 1 < self.own().targets.len() {
            return self.go(at);
        }
        if self.own().actions.iter().any(|action| action.event < self.own().end) {
            return self.go(At::Resolve);
        }
        self.all_held()
    }

    /// All cells are held and all writes known.
    pub(crate) fn all_held(&mut self) -> bool {
        if self.lacks(Bug::ValidationBeforeDraw) {
            self.mine().validation = (0, self.state.clock, Purpose::Commit);
            return self.validate_next();
        }
        self.go(At::Drawing)
    }

    fn drawn(&mut self) -> bool {
        let timestamp = self.own().timestamp;
        self.mine().phase = Phase::Drawn(timestamp);
        if self.lacks(Bug::NoValidation) || self.lacks(Bug::ValidationBeforeDraw) {
            return self.install_first();
        }
        self.mine().validation = (0, timestamp - 1, Purpose::Commit);
        self.validate_next()
    }

    /// The end of the prefix that stands is known.
    pub(crate) fn validated(&mut self) -> bool {
        if self.own().timestamp == 0 {
            return self.go(At::Drawing);
        }
        self.install_first()
    }

    fn install_first(&mut self) -> bool {
        let early = self.lacks(Bug::IdleBeforeInstall);
        self.go(if early { At::EarlyIdle } else { At::Target(0) })
    }

    /// What a target becomes, or `None`: nothing that stands wrote it.
    fn effect(&self, index: u8) -> Option<Effect> {
        let own = self.own();
        let target = own.targets[usize::from(index)];
        let end = if self.lacks(Bug::PrefixWithLaterValues) { u8::MAX } else { own.end };
        let mut writes = own.writes.iter().rev();
        writes.find(|write| write.0 == target && write.1 < end).map(|write| write.2)
    }

    pub(crate) fn install(&mut self, at: At) -> bool {
        match at {
            At::EarlyIdle => {
                self.mine().phase = Phase::Idle;
                self.go(At::Target(0))
            }
            At::Target(index) => self.target(index),
            At::Oldest { target, other, oldest } => self.oldest(target, other, oldest),
            At::Mark { target, newest } => {
                self.mine().overrun = newest;
                self.go(At::Keep(target))
            }
            At::Keep(index) | At::KeepRest(index) | At::KeepLate(index) => self.keep(at, index),
            At::Installing(index) => {
                let marks = !self.lacks(Bug::NoInstalling);
                let target = self.own().targets[usize::from(index)];
                self.cell(target).word.installing = marks;
                self.go(At::Payload(index))
            }
            At::Payload(index) | At::PayloadRest(index) | At::Publishes(index) => {
                self.replace(at, index)
            }
            _ => {
                self.mine().phase = Phase::Idle;
                self.finish()
            }
        }
    }

    fn target(&mut self, index: u8) -> bool {
        let Some(&target) = self.own().targets.get(usize::from(index)) else {
            return self.go(At::Idle);
        };
        if self.effect(index).is_none() {
            self.cell(target).word.owner = None;
            return self.go(At::Target(index + 1));
        }
        let used = self.own().full.len() as u8;
        if used == 0 {
            return self.take_line(index, 0, None);
        }
        self.oldest(index, 0, INACTIVE)
    }

    /// Looks at the snapshots of the others, one after the other.
    fn oldest(&mut self, target: u8, other: u8, oldest: u8) -> bool {
        match self.state.threads.get(usize::from(other)) {
            Some(_) if other == self.me => self.oldest(target, other + 1, oldest),
            Some(thread) => {
                let oldest = oldest.min(thread.active);
                self.go(At::Oldest { target, other: other + 1, oldest })
            }
            None => self.reclaim(target, oldest),
        }
    }

    fn reclaim(&mut self, target: u8, oldest: u8) -> bool {
        let early = u8::from(self.lacks(Bug::ReclaimedEarly));
        let limit = self.program.lines;
        let me = self.mine();
        let reusable = me.full.iter().take_while(|full| full.1 <= oldest.saturating_add(early));
        let count = reusable.count();
        let given_up: Vec<_> = me.full.drain(..count).collect();
        let fresh = (0..limit).find(|line| me.full.iter().all(|full| full.0 != *line));
        let newest = given_up.last().map(|full| full.1);
        match fresh {
            // The last freed is the first reused.
            Some(line) => self.take_line(target, given_up.last().map_or(line, |f| f.0), newest),
            None => {
                let (line, newest) = me.full.remove(0);
                self.state.overran = true;
                self.take_line(target, line, Some(newest))
            }
        }
    }

    fn take_line(&mut self, target: u8, line: u8, newest: Option<u8>) -> bool {
        let me = self.mine();
        me.line = line;
        me.full.push((line, me.timestamp));
        self.go(newest.map_or(At::Keep(target), |newest| At::Mark { target, newest }))
    }

    /// Copies what is replaced into history, in two steps.
    fn keep(&mut self, at: At, index: u8) -> bool {
        let late = self.lacks(Bug::HistoryAfterOverwrite);
        let line = usize::from(self.own().line);
        let target = self.own().targets[usize::from(index)];
        let cell = *self.cell(target);
        let old = Version { timestamp: cell.word.timestamp, ..cell.version };
        match at {
            At::Keep(_) if late => self.go(At::Installing(index)),
            At::Keep(_) => {
                let kept = &mut self.mine().lines[line];
                let rest = kept.words[1];
                *kept = Version { words: [old.words[0], rest], ..old };
                self.go(At::KeepRest(index))
            }
            At::KeepRest(_) => {
                self.mine().lines[line].words[1] = old.words[1];
                self.go(At::Installing(index))
            }
            _ => {
                self.mine().lines[line] = old;
                self.go(At::Publishes(index))
            }
        }
    }

    fn replace(&mut self, at: At, index: u8) -> bool {
        let effect = self.effect(index).expect("only what was written is installed");
        let (line, timestamp, me) = (self.own().line, self.own().timestamp, self.me);
        let target = self.own().targets[usize::from(index)];
        let late = self.lacks(Bug::HistoryAfterOverwrite);
        let cell = self.cell(target);
        match at {
            At::Payload(_) => {
                cell.version.replaced = (me, line);
                cell.version.words[0] = effect.apply(cell.version.words[0]);
                self.go(At::PayloadRest(index))
            }
            At::PayloadRest(_) => {
                cell.version.words[1] = effect.apply(cell.version.words[1]);
                self.go(if late { At::KeepLate(index) } else { At::Publishes(index) })
            }
            _ => {
                cell.word = Word { timestamp, installing: false, owner: None };
                cell.version.timestamp = timestamp;
                self.go(At::Target(index + 1))
            }
        }
    }

    /// Lets out what stands and tells the judge.
    fn finish(&mut self) -> bool {
        let me = self.me;
        let own = self.own().clone();
        let first = own.first_writer.unwrap_or(u8::MAX);
        let drew = own.timestamp != 0 && own.end > first;
        for (index, results) in (0..).zip(&own.results).take(usize::from(own.event)) {
            let stood = index < own.end;
            let writes = drew && index >= first;
            let snapshot = own.snapshots[usize::from(index)];
            let place = match (stood, writes) {
                (true, true) => (own.timestamp, false, index),
                (true, false) => (snapshot, true, index),
                (false, _) => (snapshot, true, u8::from(index > first)),
            };
            let results = results.clone();
            self.state.ran.push(Ran { place, stood, thread: me, event: own.base + index, results });
        }
        self.state.ran.sort();
        if drew {
            self.state.returned = self.state.returned.max(own.timestamp);
        }
        let failed = own.end < own.event;
        if failed && own.turn == Turn::Elder {
            self.wrong("an elder failed");
        }
        if failed && own.end < first && !own.lost {
            self.wrong("an event failed that only read");
        }
        if own.failures > FAILURES_BEFORE_GATE {
            self.wrong("an event ran too often");
        }
        let mine = self.mine();
        mine.base += own.end;
        mine.failures = match (failed, own.end) {
            (false, _) => 0,
            (true, 0) => own.failures + 1,
            (true, _) => 1,
        };
        if !failed {
            mine.failed_on = None;
        }
        if own.turn == Turn::None { self.conclude() } else { self.go(At::Leave) }
    }

    /// Forgets the burst; the next one begins.
    pub(crate) fn conclude(&mut self) -> bool {
        let done = usize::from(self.own().base) == self.events().len();
        let me = self.mine();
        me.observations.clear();
        me.writes.clear();
        me.actions.clear();
        me.targets.clear();
        me.results.clear();
        me.snapshots.clear();
        if done {
            me.active = INACTIVE;
        }
        self.go(if done { At::Done } else { At::Begin })
    }
}
