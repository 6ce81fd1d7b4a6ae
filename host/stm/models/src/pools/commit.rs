//! What ends a burst: the gate, installing, and what goes back to lists.

use super::{At, Change, Gap, LOW_WATER, NIL, Op, Queue, Step, Thread};

impl Step<'_> {
    pub(super) fn commit(&mut self, at: At) -> bool {
        match at {
            At::Locking => {
                self.mine().is_idle = false;
                self.go(At::LookAtGate)
            }
            At::LookAtGate if self.is_closed_to_me() => self.meet_gate(),
            At::LookAtGate => self.go(At::Install),
            At::GateOpen => !self.state.is_gate_closed && self.go(At::Locking),
            At::Install => self.install(),
            At::GiveBack => self.give_back(),
            At::Refill => {
                let own = self.state.queues[self.me].length;
                let ahead = At::Scan { round: 0, other: 0, most: (0, 0), ahead: true };
                let refills = self.mine().took && own < LOW_WATER;
                self.mine().took = false;
                self.go(if refills { ahead } else { At::Idle })
            }
            At::Idle => {
                self.mine().is_idle = true;
                self.go(At::EndReservation)
            }
            At::EndReservation => {
                self.mine().reserving = false;
                self.go(At::Late)
            }
            _ => self.end(),
        }
    }

    /// Who has something in hand gives up all events from the first that wrote.
    fn meet_gate(&mut self) -> bool {
        let waits = self.lacks(Gap::WaitsWithHands);
        let of_standing = self.lacks(Gap::DroppedHandsWait);
        let me = self.mine();
        me.is_idle = true;
        let stands = |taken: &(u8, u8)| taken.1 < me.end;
        let has_hands = if of_standing { me.reserved.iter().any(stands) } else { me.took };
        if has_hands && !waits {
            me.end = me.changes.first().expect("an event has written").event;
            return self.finish();
        }
        // It may have announced a reservation and found nothing to take.
        me.reserving &= me.took;
        self.go(At::GateOpen)
    }

    /// What the events before the end have written.
    fn install(&mut self) -> bool {
        let Thread { changes, end, .. } = self.mine().clone();
        for Change { id, op, .. } in changes.into_iter().filter(|change| change.event < end) {
            let lease = &mut self.state.leases[usize::from(id)];
            let was_free = match op {
                Op::Allocate => lease.replace(self.me as u8).is_none(),
                Op::Free => lease.take().is_none(),
            };
            if was_free != (op == Op::Allocate) {
                self.state.wrong = Some("an id is taken that is held, or given up that is not");
            }
        }
        self.finish()
    }

    /// Nothing more stands than what does: what is to go back to lists is known.
    pub(super) fn finish(&mut self) -> bool {
        let (end, gap) = (self.mine().end, self.gap);
        let returns = |&&(_, event, retaken_by): &&(u8, u8, Option<u8>)| {
            let stands = event < end || gap == Some(Gap::DroppedFreesReturn);
            let retaken = retaken_by.is_some_and(|by| {
                let stands = by < end || gap == Some(Gap::RetakenByDroppedLost);
                stands && gap != Some(Gap::RetakenReturns)
            });
            stands && !retaken && gap != Some(Gap::FreedAtOnce)
        };
        let me = self.mine();
        me.giving = me.freed.iter().filter(returns).map(|freed| freed.0).collect();
        if gap != Some(Gap::PrefixGivesBackAll) {
            me.reserved.retain(|taken| taken.1 >= end);
        }
        self.go(At::GiveBack)
    }

    /// One after the other, the last one first; then, in one go, what was given up.
    fn give_back(&mut self) -> bool {
        let me = &self.state.threads[self.me];
        if self.lacks(Gap::ReservationEndsEarly) && (me.reserving || !me.is_idle) {
            (self.mine().is_idle, self.mine().reserving) = (true, false);
            return true;
        }
        let keeps = if me.end == 0 { Gap::FailedRunKeeps } else { Gap::DroppedKeep };
        if self.lacks(keeps) {
            self.mine().reserved.clear();
        }
        let Some((id, _)) = self.mine().reserved.pop() else { return self.give() };
        let Queue { head, tail, length } = self.state.queues[self.me];
        self.state.next[usize::from(id)] = head;
        let tail = if tail == NIL { id } else { tail };
        self.state.queues[self.me] = Queue { head: id, tail, length: length + 1 };
        true
    }

    fn give(&mut self) -> bool {
        for id in std::mem::take(&mut self.mine().giving) {
            self.state.append(self.me, (id, id, 1));
        }
        self.go(if self.lacks(Gap::RefilledLate) { At::Idle } else { At::Refill })
    }

    fn end(&mut self) -> bool {
        if self.lacks(Gap::RefilledLate) && std::mem::take(&mut self.mine().took) {
            let own = self.state.queues[self.me].length;
            if own < LOW_WATER {
                return self.go(At::Scan { round: 0, other: 0, most: (0, 0), ahead: true });
            }
        }
        if self.is_elder() {
            self.state.is_gate_closed = false;
        }
        let me = self.mine();
        (me.burst, me.event, me.op, me.took, me.end) = (me.burst + 1, 0, 0, false, 0);
        me.reserved.clear();
        me.changes.clear();
        me.freed.clear();
        self.go(At::Begin)
    }
}
