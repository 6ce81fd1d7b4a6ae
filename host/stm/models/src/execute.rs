//! Operations, extension, savepoints.

use nfos_sync::Bug;

use crate::find::{Find, Part, Why};
use crate::program::Op;
use crate::state::{At, Effect, Observation, Observed, Purpose, Step, Version};

impl Step<'_> {
    /// Events of the burst: one alone after a failure.
    fn burst(&self) -> u8 {
        let left = self.events().len() as u8 - self.own().base;
        if self.own().failures > 0 { 1 } else { left.min(self.program.burst) }
    }

    /// Runs on to the next operation that needs something shared.
    pub(crate) fn run(&mut self) -> bool {
        loop {
            let (event, op) = (self.own().event, usize::from(self.own().op));
            let index = usize::from(self.own().base + event);
            let Some(&op) = self.events()[index].get(op) else {
                match self.end_event() {
                    Some(at) => return self.go(at),
                    None if self.own().doomed.is_some() || self.own().event == self.burst() => {
                        return self.commit();
                    }
                    None => {
                        self.mine().results.push(Vec::new());
                        continue;
                    }
                }
            };
            if let Some(at) = self.operate(op) {
                return self.go(at);
            }
        }
    }

    /// Sets the next savepoint; a stale event that wrote nothing is final, and the next one has a
    /// snapshot of its own.
    fn end_event(&mut self) -> Option<At> {
        let forgets = self.lacks(Bug::ObservationsDropped);
        let more = self.own().event + 1 < self.burst();
        let clock = self.state.clock;
        let me = self.mine();
        me.snapshots.push(me.snapshot);
        (me.event, me.op) = (me.event + 1, 0);
        if me.first_writer.is_none() || forgets {
            me.observations.clear();
        }
        if me.first_writer.is_none() && more && std::mem::take(&mut me.stale) {
            me.snapshot = clock;
            me.results.push(Vec::new());
            return Some(At::StoreActive);
        }
        None
    }

    fn operate(&mut self, op: Op) -> Option<At> {
        match op {
            Op::Read(cell) => match self.pending(cell) {
                Some(Effect::Replace(value)) => self.give(value),
                _ => return Some(look(cell, self.own().snapshot, Why::Read)),
            },
            Op::Add(cell, _) if self.lacks(Bug::OperationOnSnapshot) => {
                return Some(look(cell, self.own().snapshot, Why::Blind));
            }
            Op::Write(cell, value) => self.buffer(cell, Effect::Replace(value)),
            Op::Add(cell, value) => self.buffer(cell, Effect::Add(value)),
            Op::Get(key) | Op::Set(key, _) | Op::Remove(key) => {
                let at = self.operate_on_key(op, key);
                if at.is_some() {
                    return at;
                }
            }
        }
        self.mine().op += 1;
        None
    }

    /// The effect on a cell of the burst so far.
    fn pending(&self, cell: u8) -> Option<Effect> {
        self.own().writes.iter().rev().find(|write| write.0 == cell).map(|write| write.2)
    }

    fn buffer(&mut self, cell: u8, effect: Effect) {
        let merged = match (self.pending(cell), effect) {
            (Some(Effect::Replace(old)), Effect::Add(_)) => Effect::Replace(effect.apply(old)),
            (Some(Effect::Add(old)), Effect::Add(_)) => Effect::Add(effect.apply(old)),
            _ => effect,
        };
        self.note_writer();
        let me = self.mine();
        me.writes.push((cell, me.event, merged));
    }

    pub(crate) fn note_writer(&mut self) {
        let me = self.mine();
        if std::mem::take(&mut me.stale) {
            me.doomed = Some(me.event);
        }
        me.first_writer.get_or_insert(me.event);
    }

    pub(crate) fn give(&mut self, value: u8) {
        let me = self.mine();
        me.results.last_mut().expect("an event runs").push(value);
    }

    /// A read has found its version.
    pub(crate) fn found(&mut self, cell: u8, version: Version, why: Why) -> bool {
        if version.words[0] != version.words[1] {
            self.wrong("a torn copy");
        }
        let value = version.words[0];
        if why == Why::Blind {
            let Some(&Op::Add(_, operand)) = self.operation() else { unreachable!("an addition") };
            self.buffer(cell, Effect::Replace(value.wrapping_add(operand)));
        } else {
            if why == Why::Read {
                self.observe(cell, version.timestamp, Observed::Version);
            }
            let pending = self.pending(cell);
            self.give(pending.map_or(value, |effect| effect.apply(value)));
        }
        self.mine().op += 1;
        self.run()
    }

    pub(crate) fn observe(&mut self, cell: u8, seen: u8, what: Observed) {
        let event = self.own().event;
        self.mine().observations.push(Observation { cell, seen, event, what });
    }

    pub(crate) fn operation(&self) -> Option<&Op> {
        let own = self.own();
        self.events()[usize::from(own.base + own.event)].get(usize::from(own.op))
    }

    /// History no longer has what a read wants.
    pub(crate) fn lose(&mut self, cell: u8) -> bool {
        if !self.state.overran {
            self.wrong("history lost what a snapshot wanted");
        }
        let me = self.mine();
        me.doomed.get_or_insert(me.event);
        (me.lost, me.failed_on) = (true, Some(cell));
        me.snapshots.push(me.snapshot);
        me.event += 1;
        self.commit()
    }

    /// A read met a newer version: may the snapshot move?
    pub(crate) fn extend(&mut self, cell: u8) -> bool {
        if self.own().stale || self.own().doomed.is_some() {
            return self.go(look(cell, self.own().snapshot, Why::Old));
        }
        let bound = self.state.clock;
        self.mine().validation = (0, bound, Purpose::Extend(cell));
        if self.lacks(Bug::ExtensionUnchecked) {
            return self.go(At::ExtendStore(cell));
        }
        self.validate_next()
    }

    pub(crate) fn extended(&mut self, cell: u8) -> bool {
        let bound = self.own().validation.1;
        let me = self.mine();
        (me.snapshot, me.active) = (bound, bound);
        if self.is_on_key() {
            // The key may be elsewhere now.
            return self.run();
        }
        self.go(look(cell, bound, Why::Read))
    }

    pub(crate) fn not_extended(&mut self, cell: u8, failed: Observation) -> bool {
        let me = self.mine();
        if me.first_writer.is_none() {
            me.stale = true;
        } else {
            me.doomed.get_or_insert(failed.event);
        }
        me.failed_on = Some(failed.cell);
        let bound = me.snapshot;
        if self.is_on_key() {
            return self.run();
        }
        self.go(look(cell, bound, Why::Old))
    }
}

/// The first step of looking for a version.
pub(crate) fn look(cell: u8, bound: u8, why: Why) -> At {
    At::Find(Find { cell, bound, why, part: Part::Load })
}
