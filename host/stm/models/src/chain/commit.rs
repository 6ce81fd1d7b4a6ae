//! Cells taken, actions resolved, and what becomes of numbers.

use super::{
    Action, At, BUCKET, Content, Gap, REFERENCES, REMOVED, SET, Step, key_cell, reference, search,
    value_of,
};

impl Step<'_> {
    pub(super) fn commit(&mut self) -> bool {
        if self.own().doomed {
            return self.fail();
        }
        if self.own().actions.is_empty() {
            self.log((self.own().snapshot, true));
            return self.go(At::Finish);
        }
        let target = |action: &Action| match (action.known, action.value) {
            (Some(slot), Some(_)) => value_of(slot),
            _ => BUCKET,
        };
        self.mine().named = self.own().actions.iter().map(target).collect();
        self.go(At::Take)
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
            self.give(of, taken);
        }
    }

    fn fail(&mut self) -> bool {
        self.release();
        self.undo();
        self.log((self.own().snapshot, true));
        self.go(At::Begin)
    }

    fn log(&mut self, place: (u8, bool)) {
        let own = self.own();
        let ran = (place, (self.me, own.event), own.results.clone());
        self.state.ran.push(ran);
        self.state.ran.sort();
        self.state.ran.dedup();
    }

    pub(super) fn resolve(&mut self) -> bool {
        for action in self.own().actions.clone() {
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
    fn write(&mut self, cell: u8, content: Content) {
        if self.acquire(cell).is_err() {
            self.state.wrong = Some("a cell behind a held one is taken by somebody else");
        }
        self.mine().writes.push((cell, content));
    }

    fn resolve_action(&mut self, Action { key, value, known }: Action) -> Result<(), u8> {
        if let (Some(slot), Some(value)) = (known, value) {
            let cell = value_of(slot);
            let is_set = self.latest(cell)[0] == SET || self.lacks(Gap::EmptiedOverwritten);
            let is_it = |number| self.latest(cell + 1 + number) == key_cell(key, number);
            if is_set && ((0..2).all(is_it) || self.lacks(Gap::KnownKeyNotCompared)) {
                self.write(cell, [SET, value, 0]);
                return Ok(());
            }
        }
        self.acquire(BUCKET)?;
        let mut place = search(key, self.gap, |cell| self.latest(cell));
        if self.lacks(Gap::NotLookedAgain) && value.is_some() && known.is_none() {
            // As if it were another key's.
            let mut cell = BUCKET;
            while self.latest(cell)[REFERENCES] != 0 {
                cell = self.latest(cell)[REFERENCES];
            }
            let used = self.latest(cell)[..REFERENCES].iter().filter(|&&found| found != 0).count();
            place = Err((cell, used));
        }
        match (place, value) {
            (Ok((.., slot)), Some(value)) => self.set_value(slot, value),
            (Err(end), Some(value)) => self.insert(key, end, value),
            (Ok(place), None) => self.take_out(place),
            (Err(_), None) => Ok(()),
        }
    }

    fn number(&mut self, of: usize) -> u8 {
        if let Some(number) = self.mine().freed[of].pop() {
            return number;
        }
        let number = self.state.pools[of].remove(0);
        self.mine().taken[of].push(number);
        number
    }

    fn insert(&mut self, key: u8, (mut last, mut used): (u8, usize), value: u8) -> Result<(), u8> {
        let mut content = self.latest(last);
        if used == REFERENCES {
            if self.state.pools[1].is_empty() && self.own().freed[1].is_empty() {
                self.state.wrong = Some("no overflow cell is left");
                return Ok(());
            }
            let link = self.number(1);
            content[REFERENCES] = link;
            self.write(last, content);
            (last, used, content) = (link, 0, [0; 3]);
        }
        if self.state.pools[0].is_empty() && self.own().freed[0].is_empty() {
            self.state.wrong = Some("no slot is left");
            return Ok(());
        }
        let slot = self.number(0);
        content[used] = reference(key, slot);
        self.write(last, content);
        self.set_value(slot, value)?;
        for number in 0..2 {
            self.write(value_of(slot) + 1 + number, key_cell(key, number));
        }
        Ok(())
    }

    /// A slot that this commit has emptied is known by the removal.
    fn set_value(&mut self, slot: u8, value: u8) -> Result<(), u8> {
        let cell = value_of(slot);
        self.acquire(cell)?;
        let emptied =
            self.own().writes.iter().any(|write| write.0 == cell && write.1[0] == REMOVED);
        self.write(cell, [if emptied { REMOVED } else { SET }, value, 0]);
        Ok(())
    }

    fn take_out(&mut self, (cell, position, slot): (u8, usize, u8)) -> Result<(), u8> {
        self.acquire(value_of(slot))?;
        let (mut before, mut last) = (None, BUCKET);
        while self.latest(last)[REFERENCES] != 0 {
            (before, last) = (Some(last), self.latest(last)[REFERENCES]);
        }
        if self.lacks(Gap::HoleLeft) {
            let mut content = self.latest(cell);
            content[position] = 0;
            self.write(cell, content);
        } else {
            let mut content = self.latest(last);
            let left = content[..REFERENCES].iter().filter(|&&found| found != 0).count() - 1;
            let moved = std::mem::take(&mut content[left]);
            self.write(last, content);
            if (last, left) != (cell, position) {
                let mut holed = self.latest(cell);
                holed[position] = moved;
                self.write(cell, holed);
            }
            if let Some(before) = before.filter(|_| left == 0 && !self.lacks(Gap::EmptyKept)) {
                let mut content = self.latest(before);
                content[REFERENCES] = 0;
                self.write(before, content);
                self.mine().freed[1].push(last);
            }
        }
        self.write(value_of(slot), [REMOVED, 0, 0]);
        if self.lacks(Gap::NumbersFreeEarly) {
            self.give(0, vec![slot]);
        } else {
            self.mine().freed[0].push(slot);
        }
        Ok(())
    }

    /// Validates just before the timestamp that it draws, and installs.
    pub(super) fn install(&mut self) -> bool {
        let timestamp = self.state.clock + 1;
        if !self.holds(timestamp - 1) {
            return self.fail();
        }
        self.state.clock = timestamp;
        for (cell, content) in self.own().writes.clone() {
            let versions = &mut self.state.cells[usize::from(cell)];
            versions.retain(|version| version.0 != timestamp);
            versions.push((timestamp, content));
        }
        self.release();
        self.mine().taken = [Vec::new(), Vec::new()];
        self.log((timestamp, false));
        self.go(At::Finish)
    }
}
