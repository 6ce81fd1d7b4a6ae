//! Commits of a prefix, and publishing what its events have merged.

use super::{At, Gap, Merged, Published, Step};
use crate::keep_once;

impl Step<'_> {
    /// Validates just before the timestamp that it draws, and installs.
    pub(super) fn commit(&mut self) -> bool {
        let (event, stands) = (self.own().event, self.running().stands);
        let last = event + u8::from(stands);
        let mut end = self.own().doomed.unwrap_or(last).min(last);
        if self.writes(end)
            && let Some(failing) = self.failing(self.state.clock)
        {
            end = end.min(failing);
        }
        if end <= event
            && let Some(writer) = self.own().writer
        {
            self.log((self.own().snapshot, true), writer, event + 1);
        }
        let timestamp = self.writes(end).then(|| self.install(end));
        self.choose_published(end, timestamp);
        self.mine().failed = end < last;
        let next = if end < last { end } else { event + 1 };
        let updates = self.own().updates.iter().filter(|&&of| of < end).count() as u8;
        self.leave(next);
        if updates > 0 { self.go(At::Return(updates)) } else { self.let_out() }
    }

    fn writes(&self, end: u8) -> bool {
        self.own().writer.is_some_and(|writer| writer < end)
    }

    fn install(&mut self, end: u8) -> u8 {
        self.state.clock += 1;
        let timestamp = self.state.clock;
        let bound = if self.lacks(Gap::PrefixWithLaterValues) { u8::MAX } else { end };
        let updates = self.own().updates.iter().filter(|&&of| of < bound).count() as u8;
        let sum = self.newest_of(self.me, u8::MAX).1 + updates;
        self.state.parts[usize::from(self.me)].push((timestamp, sum));
        let writer = self.own().writer.expect("it has written");
        self.log((timestamp, false), writer, end);
        timestamp
    }

    /// Events before `end` have the values published that they merged.
    fn choose_published(&mut self, end: u8, timestamp: Option<u8>) {
        let all = self.lacks(Gap::FailedRunPublishes);
        let me = self.mine();
        let stands = |merged: &Merged| merged.event < end || all;
        let published = |Merged { time, as_of, value, .. }| {
            // One that nobody reaches.
            let as_of = as_of.or(timestamp).unwrap_or(u8::MAX);
            Published { sequence: 0, time, as_of, words: [value; 2] }
        };
        me.publishing = me.merged.drain(..).filter(stands).map(published).collect();
    }

    /// Nothing is left of the burst but clocks of events that run again.
    fn leave(&mut self, next: u8) {
        let me = self.mine();
        me.clocks.drain(..usize::from(next - me.first));
        (me.first, me.event, me.op, me.snapshot) = (next, 0, 0, 0);
        (me.stale, me.doomed, me.writer) = (false, None, None);
        me.updates.clear();
        me.observed.clear();
        me.results.clear();
    }

    pub(super) fn log(&mut self, place: (u8, bool), from: u8, end: u8) {
        let result = |event: u8| {
            // One that returned at the very time may have come behind the snapshot of that time.
            let before = self.clock_of(event).checked_sub(super::STALENESS + 1);
            let least = before.map_or(0, |before| self.state.returned[usize::from(before)]);
            (self.own().results[usize::from(event - self.own().first)].clone(), least)
        };
        let ran = (place, (self.me, from), (from..end).map(result).collect());
        keep_once(&mut self.state.ran, ran);
    }

    /// The commit has returned; then its effects are let out. Or a burst has merged ahead, and goes
    /// on behind that.
    pub(super) fn let_out(&mut self) -> bool {
        let goes_on = if self.own().results.is_empty() { At::Begin } else { At::Operate };
        let is_through = self.own().publishing.is_empty();
        self.go(if is_through { goes_on } else { At::LookAtPublished })
    }

    fn end_publishing(&mut self) -> bool {
        self.mine().publishing.remove(0);
        self.let_out()
    }

    pub(super) fn publish(&mut self, at: At) -> bool {
        let published = self.state.published;
        match at {
            At::LookAtPublished => {
                let mut new = self.own().publishing[0];
                if self.lacks(Gap::TimeOfPublication) {
                    new.time = self.state.time;
                }
                new.sequence = published.sequence;
                let is_later = new.sequence == 0 || published.time < new.time;
                let writes = new.sequence.is_multiple_of(2) && is_later;
                if writes { self.go(At::Mark(new)) } else { self.end_publishing() }
            }
            At::Mark(new) if published.sequence != new.sequence => self.end_publishing(),
            At::Mark(new) => {
                self.state.published.sequence += u8::from(!self.lacks(Gap::NotMarked));
                self.go(At::Write { number: 0, new })
            }
            At::Write { number, new } => {
                let place = &mut self.state.published;
                match number {
                    0 => place.time = new.time,
                    1 => place.as_of = new.as_of,
                    _ => place.words[usize::from(number) - 2] = new.words[usize::from(number) - 2],
                }
                let next = At::Write { number: number + 1, new };
                self.go(if number == 3 { At::Unmark(new) } else { next })
            }
            At::Unmark(new) => {
                self.state.published.sequence = new.sequence + 2;
                self.end_publishing()
            }
            _ => unreachable!("publishing has these steps"),
        }
    }
}
