//! Going through the map: counts, positions of the chain, values, and the burst's own insertions.

use super::{At, Content, Gap, KEYS, LINK, Observed, Step, count_of, key_cell, slot_of, value_of};

impl Step<'_> {
    pub(super) fn go_through(&mut self) -> bool {
        self.mine().passed.clear();
        let observes = !self.own().goes_through && !self.lacks(Gap::CountsUnobserved);
        self.mine().goes_through = true;
        self.go(if observes { At::Count(0) } else { At::Pass(0) })
    }

    /// Reads a cell and observes its version.
    fn read_version(&mut self, cell: u8) -> [u8; 3] {
        if self.state.newest(cell).0 > self.own().snapshot {
            self.extend();
        }
        let (seen, content) = self.state.version(cell, self.own().snapshot);
        if seen == self.state.newest(cell).0 && !self.is_stale() {
            let event = self.own().event;
            self.mine().observed.push((event, cell, seen, Observed::Version));
        }
        content
    }

    pub(super) fn look_at_count(&mut self, thread: u8) -> bool {
        if usize::from(thread) == self.state.threads.len() {
            return self.go(At::Pass(0));
        }
        if thread == self.me || !self.lacks(Gap::OwnCountOnly) {
            self.read_version(count_of(thread));
        }
        self.go(At::Count(thread + 1))
    }

    /// All references at the snapshot, one chain after the other.
    fn references(&self) -> impl Iterator<Item = u8> {
        let read = |cell| self.state.version(cell, self.own().snapshot).1;
        let first_only = self.lacks(Gap::FirstBucketPassed);
        let buckets = if first_only { 1 } else { self.program.shape.buckets() };
        let link = move |content: &Content| Some(content[LINK]).filter(|&link| link != 0).map(read);
        let cells =
            (0..buckets).flat_map(move |bucket| std::iter::successors(Some(read(bucket)), link));
        cells.flat_map(|content| content.into_iter().take(LINK)).filter(|&found| found != 0)
    }

    /// The entry at a position: nothing of it is observed but the value.
    pub(super) fn pass(&mut self, position: u8) -> bool {
        let read = |cell| self.state.version(cell, self.own().snapshot).1;
        let Some(found) = self.references().nth(position.into()) else {
            let misses = self.lacks(Gap::OwnInsertedMissed);
            return if misses { self.end_passing() } else { self.go(At::PassInserted(0)) };
        };
        let slot = slot_of(found);
        let is_it = |key: &u8| (0..2).all(|n| read(value_of(slot) + 1 + n) == key_cell(*key, n));
        let Some(key) = (0..KEYS).find(is_it) else {
            self.state.wrong = Some("a slot in the chain has no key");
            return true;
        };
        match self.latest_action(key) {
            Some(action) if !self.lacks(Gap::OwnChangesPassed) => {
                self.mine().passed.extend(action.value.map(|value| (key, value)));
                self.go(At::Pass(position + 1))
            }
            _ => self.go(At::PassValue { position, slot, key }),
        }
    }

    pub(super) fn pass_value(&mut self, position: u8, slot: u8, key: u8) -> bool {
        let cell = value_of(slot);
        let observed = self.own().observed.len();
        let value = self.read_version(cell)[1];
        if self.lacks(Gap::PassedUnobserved) {
            self.mine().observed.truncate(observed);
        }
        self.mine().passed.push((key, value));
        self.go(At::Pass(position + 1))
    }

    /// The next key that the burst has inserted, if it is not there anyway.
    pub(super) fn pass_inserted(&mut self, number: u8) -> bool {
        let at = usize::from(number);
        let Some(&action) = self.own().actions.get(at) else { return self.end_passing() };
        let mut earlier = self.own().actions[..at].iter();
        let is_first = earlier.all(|other| other.key != action.key);
        let latest = self.latest_action(action.key).and_then(|action| action.value);
        if latest.is_none() || !(is_first || self.lacks(Gap::OwnInsertedByAction)) {
            return self.go(At::PassInserted(number + 1));
        }
        self.mine().asked = Some(number);
        if self.lacks(Gap::OwnInsertedNotSought) {
            return self.asked_for(false);
        }
        self.walk()
    }

    pub(super) fn asked_for(&mut self, is_there: bool) -> bool {
        let key = self.key();
        let number = self.mine().asked.take().expect("an own insertion was asked for");
        if !is_there {
            let latest = self.latest_action(key).and_then(|action| action.value);
            self.mine().passed.extend(latest.map(|value| (key, value)));
        }
        self.go(At::PassInserted(number + 1))
    }

    /// Of each key its value, or 0.
    fn end_passing(&mut self) -> bool {
        let passed = std::mem::take(&mut self.mine().passed);
        for key in 0..KEYS {
            let mut values = passed.iter().filter(|entry| entry.0 == key).map(|entry| entry.1);
            self.push_result(values.next().unwrap_or(0));
            if values.next().is_some() {
                self.state.wrong = Some("a key is passed twice");
            }
        }
        self.next_op()
    }
}
