//! Cells taken, actions resolved, and what becomes of numbers.

use super::{
    Action, At, Content, Freed, Gap, LINK, REMOVED, SET, Step, Taken, count_of, key_cell,
    reference, search, value_of,
};
use crate::keep_once;

impl Step<'_> {
    pub(super) fn commit(&mut self) -> bool {
        let own = self.own();
        let (doomed, writer) = (own.doomed, own.writer);
        let end = doomed.unwrap_or(own.event + 1);
        (self.mine().end, self.mine().failed) = (end, doomed.is_some());
        if doomed.is_some() {
            self.log_failed();
        }
        if writer.is_none_or(|writer| writer >= end) {
            return self.go(At::Finish);
        }
        let target = |action: &Action| match (action.known, action.value) {
            (Some(slot), Some(_)) => value_of(slot),
            _ => self.program.shape.bucket_of(action.key),
        };
        let actions = self.own().actions.iter().filter(|action| action.event < end);
        self.mine().named = actions.map(target).collect();
        self.go(At::Take)
    }

    /// The events from the first that wrote saw the state of the snapshot, and their own.
    fn log_failed(&mut self) {
        let (snapshot, event) = (self.own().snapshot, self.own().event);
        let from = self.own().writer.expect("only events behind a writer fail");
        self.log((snapshot, true), from, event + 1);
    }

    /// Takes all cells that are named, when they are free.
    pub(super) fn take(&mut self) -> bool {
        let named = self.own().named.clone();
        if named.iter().any(|&cell| self.state.owners[usize::from(cell)].is_some()) {
            return false;
        }
        named.iter().for_each(|&cell| self.state.owners[usize::from(cell)] = Some(self.me));
        self.go(At::Resolve)
    }

    fn release(&mut self) {
        let me = Some(self.me);
        self.state.owners.iter_mut().filter(|owner| **owner == me).for_each(|owner| *owner = None);
        self.mine().writes.clear();
    }

    pub(super) fn give(&mut self, of: usize, numbers: Vec<u8>) {
        self.state.pools[of].extend(numbers);
        self.state.pools[of].sort_unstable();
    }

    /// Gives back what was taken to no end.
    fn undo(&mut self) {
        for of in 0..2 {
            let taken = std::mem::take(&mut self.mine().taken[of]);
            self.mine().freed[of].clear();
            self.give(of, taken.into_iter().map(|taken| taken.0).collect());
        }
    }

    pub(super) fn log(&mut self, place: (u8, bool), from: u8, end: u8) {
        let first = self.own().first;
        let range = usize::from(from - first)..usize::from(end - first);
        let ran = (place, (self.me, from), self.own().results[range].to_vec());
        keep_once(&mut self.state.ran, ran);
    }

    pub(super) fn resolve(&mut self) -> bool {
        let mut actions = self.own().actions.clone();
        actions.retain(|action| action.event < self.own().end);
        for action in actions {
            if let Err(cell) = self.resolve_action(action) {
                if self.lacks(Gap::AcquireWaits) {
                    self.mine().writes.clear();
                    self.undo();
                    return false;
                }
                self.release();
                if self.lacks(Gap::NumbersKept) {
                    self.mine().taken = [Vec::new(), Vec::new()];
                }
                self.undo();
                self.mine().named.push(cell);
                return self.go(At::Take);
            }
        }
        self.go(At::Install)
    }

    /// The newest content of a cell, with what the commit has written.
    fn latest(&self, cell: u8) -> Content {
        let written = self.own().writes.iter().rev().find(|write| write.0 == cell);
        written.map_or_else(|| self.state.newest(cell).1, |write| write.1)
    }

    /// Takes a cell that others may hold, without waiting.
    fn acquire(&mut self, cell: u8) -> Result<(), u8> {
        let owner = &mut self.state.owners[usize::from(cell)];
        if owner.is_some_and(|owner| owner != self.me) {
            return Err(cell);
        }
        *owner = Some(self.me);
        Ok(())
    }

    /// Writes a cell that is held or lies behind a held one.
    fn write(&mut self, event: u8, cell: u8, content: Content) {
        if self.acquire(cell).is_err() {
            self.state.wrong = Some("a cell behind a held one is taken by somebody else");
        }
        self.mine().writes.push((cell, content, event));
    }

    /// Whether a slot that the burst has changed nothing of is as each of its events saw it.
    fn is_as_seen(&self, cell: u8) -> bool {
        let own = self.own();
        let late = self.lacks(Gap::KnownSlotOldSinceLast);
        let since = if late { own.snapshot } else { own.begun_at };
        let is_untouched = own.writes.iter().all(|write| write.0 != cell);
        is_untouched && self.state.newest(cell).0 <= since
    }

    fn resolve_action(&mut self, action: Action) -> Result<(), u8> {
        let Action { event, key, value, known } = action;
        if let (Some(slot), Some(value)) = (known, value) {
            let cell = value_of(slot);
            let as_seen = self.is_as_seen(cell);
            let is_set = self.latest(cell)[0] == SET || self.lacks(Gap::EmptiedOverwritten);
            let is_it = |number| self.latest(cell + 1 + number) == key_cell(key, number);
            let holds = is_set && ((0..2).all(is_it) || self.lacks(Gap::KnownKeyNotCompared));
            if as_seen || holds {
                self.write(event, cell, [SET, value, 0]);
                return Ok(());
            }
        }
        let shape = self.program.shape;
        self.acquire(shape.bucket_of(key))?;
        let mut place = search(shape, key, self.gap, |cell| self.latest(cell));
        if self.lacks(Gap::NotLookedAgain) && value.is_some() && known.is_none() {
            // As if it were another key's.
            let (_, last) = self.end_of_chain(key);
            let used = self.latest(last)[..LINK].iter().filter(|&&found| found != 0).count();
            place = Err((last, used));
        }
        match (place, value) {
            (Ok((.., slot)), Some(value)) => self.set_value(event, slot, value),
            (Err(end), Some(value)) => self.insert((event, key), end, value),
            (Ok(place), None) => self.take_out((event, key), place),
            (Err(_), None) => Ok(()),
        }
    }

    /// The last cell of a key's chain, and the one before it.
    fn end_of_chain(&self, key: u8) -> (Option<u8>, u8) {
        let (mut before, mut last) = (None, self.program.shape.bucket_of(key));
        while self.latest(last)[LINK] != 0 {
            (before, last) = (Some(last), self.latest(last)[LINK]);
        }
        (before, last)
    }

    /// One that the burst has given up, or of the pool.
    fn number(&mut self, event: u8, of: usize) -> Option<u8> {
        if let Some(freed) = self.mine().freed[of].iter_mut().find(|freed| freed.2.is_none()) {
            freed.2 = Some(event);
            return Some(freed.0);
        }
        if self.state.pools[of].is_empty() {
            self.state.wrong = Some("no slot or overflow cell is left");
            return None;
        }
        let number = self.state.pools[of].remove(0);
        self.mine().taken[of].push((number, event));
        Some(number)
    }

    fn insert(
        &mut self,
        (event, key): (u8, u8),
        (mut last, mut used): (u8, usize),
        value: u8,
    ) -> Result<(), u8> {
        let mut content = self.latest(last);
        if used == self.program.shape.references() {
            let Some(link) = self.number(event, 1) else { return Ok(()) };
            content[LINK] = link;
            self.write(event, last, content);
            (last, used, content) = (link, 0, [0; 3]);
        }
        let Some(slot) = self.number(event, 0) else { return Ok(()) };
        content[used] = reference(key, slot);
        self.write(event, last, content);
        self.set_value(event, slot, value)?;
        for number in 0..2 {
            self.write(event, value_of(slot) + 1 + number, key_cell(key, number));
        }
        self.count(event, key);
        Ok(())
    }

    /// That it was changed is what others observe.
    fn count(&mut self, event: u8, key: u8) {
        if self.program.shape.bucket_of(key) > 0 && self.lacks(Gap::FirstBucketCounted) {
            return;
        }
        let own = count_of(self.me);
        let content = self.latest(own);
        self.write(event, own, content);
    }

    /// A slot that this commit has emptied is known by the removal.
    fn set_value(&mut self, event: u8, slot: u8, value: u8) -> Result<(), u8> {
        let cell = value_of(slot);
        self.acquire(cell)?;
        let emptied =
            self.own().writes.iter().any(|write| write.0 == cell && write.1[0] == REMOVED);
        self.write(event, cell, [if emptied { REMOVED } else { SET }, value, 0]);
        Ok(())
    }

    fn take_out(
        &mut self,
        (event, key): (u8, u8),
        (cell, position, slot): (u8, usize, u8),
    ) -> Result<(), u8> {
        self.acquire(value_of(slot))?;
        let (before, last) = self.end_of_chain(key);
        if self.lacks(Gap::HoleLeft) {
            let mut content = self.latest(cell);
            content[position] = 0;
            self.write(event, cell, content);
        } else {
            let mut content = self.latest(last);
            let left = content[..LINK].iter().filter(|&&found| found != 0).count() - 1;
            let moved = std::mem::take(&mut content[left]);
            self.write(event, last, content);
            if (last, left) != (cell, position) {
                let mut holed = self.latest(cell);
                holed[position] = moved;
                self.write(event, cell, holed);
            }
            if let Some(before) = before.filter(|_| left == 0 && !self.lacks(Gap::EmptyKept)) {
                let mut content = self.latest(before);
                content[LINK] = 0;
                self.write(event, before, content);
                self.mine().freed[1].push((last, event, None));
            }
        }
        if !self.lacks(Gap::RemovalUncounted) {
            self.count(event, key);
        }
        self.write(event, value_of(slot), [REMOVED, 0, 0]);
        if self.lacks(Gap::NumbersFreeEarly) {
            self.give(0, vec![slot]);
        } else {
            self.mine().freed[0].push((slot, event, None));
        }
        Ok(())
    }

    /// Validates just before the timestamp that it draws, and installs the longest valid prefix.
    pub(super) fn install(&mut self) -> bool {
        let timestamp = self.state.clock + 1;
        if let Some(event) = self.failing(timestamp - 1).filter(|&event| event < self.own().end) {
            if self.own().doomed.is_none() {
                self.log_failed();
            }
            (self.mine().end, self.mine().failed) = (event, true);
        }
        let (end, writer) = (self.own().end, self.own().writer.expect("it has written"));
        let bound = if self.lacks(Gap::PrefixWithLaterValues) { u8::MAX } else { end };
        if writer < end {
            self.state.clock = timestamp;
            for (cell, content, event) in self.own().writes.clone() {
                let versions = &mut self.state.cells[usize::from(cell)];
                if event < bound {
                    versions.retain(|version| version.0 != timestamp);
                    versions.push((timestamp, content));
                }
            }
            self.log((timestamp, false), writer, end);
        }
        self.release();
        self.go(At::Finish)
    }

    /// Numbers go back to where they belong if the events before the end stand.
    pub(super) fn finish(&mut self) -> bool {
        let (end, gap) = (self.own().end, self.gap);
        for of in 0..2 {
            let taken = std::mem::take(&mut self.mine().taken[of]).into_iter();
            let unused = |taken: &Taken| taken.1 >= end && gap != Some(Gap::DroppedNumbersKept);
            let returns = |freed: &Freed| {
                let stands = freed.1 < end || gap == Some(Gap::DroppedFreesReturn);
                let retaken = freed.2.is_some_and(|by| {
                    let stands = by < end || gap == Some(Gap::RetakenByDroppedLost);
                    stands && gap != Some(Gap::RetakenReturns)
                });
                stands && !retaken
            };
            let freed = std::mem::take(&mut self.mine().freed[of]).into_iter();
            let unused = taken.filter(unused).map(|taken| taken.0);
            self.give(of, unused.chain(freed.filter(returns).map(|freed| freed.0)).collect());
        }
        let me = self.mine();
        (me.first, me.event, me.op, me.end) = (end, 0, 0, 0);
        (me.begun_at, me.snapshot) = (0, 0);
        (me.stale, me.doomed, me.writer) = (false, None, None);
        me.observed.clear();
        me.walked.clear();
        me.actions.clear();
        me.results.clear();
        me.named.clear();
        me.passed.clear();
        me.goes_through = false;
        self.go(At::Begin)
    }
}
