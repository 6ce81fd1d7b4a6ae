//! Events take ids and give ids up, and thefts.

use super::{At, Change, Gap, NIL, Op, Queue, Step};

impl Step<'_> {
    pub(super) fn operate(&mut self) -> bool {
        let (event, op) = (self.mine().event, self.mine().op);
        let burst = self.burst().expect("a burst runs");
        let Some(ops) = burst.events.get(usize::from(event)) else {
            let stands = burst.stands;
            return self.end_run(stands);
        };
        let Some(op) = ops.get(usize::from(op)).copied() else {
            (self.mine().event, self.mine().op) = (event + 1, 0);
            return self.operate();
        };
        match op {
            Op::Free => self.free(),
            Op::Allocate if self.mine().reserving => self.go(At::Own),
            Op::Allocate if self.lacks(Gap::LookBeforeReserving) => {
                if self.is_closed_to_me() {
                    self.none()
                } else {
                    self.go(At::Announced)
                }
            }
            Op::Allocate => {
                self.mine().reserving = true;
                self.go(At::Announced)
            }
        }
    }

    /// No event runs any more; those before `end` stand, if the gate lets them.
    fn end_run(&mut self, end: u8) -> bool {
        let me = self.mine();
        me.end = end;
        let writes = me.changes.iter().any(|change| change.event < end);
        if writes { self.go(At::Locking) } else { self.finish() }
    }

    fn change(&mut self, id: u8, op: Op) {
        let me = self.mine();
        me.changes.push(Change { event: me.event, id, op });
        me.op += 1;
        me.at = At::Operate;
    }

    /// Whether the thread holds an id, as its burst sees that.
    fn holds(&self, id: u8) -> bool {
        let own = self.state.threads[self.me].changes.iter().rev();
        own.copied()
            .find(|change| change.id == id)
            .map_or(self.state.leases[usize::from(id)] == Some(self.me as u8), |change| {
                change.op == Op::Allocate
            })
    }

    fn free(&mut self) -> bool {
        let Some(id) = (0..self.program.ids).find(|&id| self.holds(id)) else {
            self.mine().op += 1;
            return true;
        };
        let event = self.mine().event;
        self.mine().freed.push((id, event, None));
        if self.lacks(Gap::FreedAtOnce) {
            self.state.append(self.me, (id, id, 1));
        }
        self.change(id, Op::Free);
        true
    }

    pub(super) fn take(&mut self, at: At) -> bool {
        let own = self.state.queues[self.me];
        match at {
            At::Announced => {
                if self.lacks(Gap::LookBeforeReserving) {
                    self.mine().reserving = true;
                } else if self.is_closed_to_me() {
                    self.mine().reserving = false;
                    return self.none();
                }
                self.go(At::Own)
            }
            At::Own if own.length > 0 => self.go(At::Pop),
            At::Pop if own.head != NIL => {
                let next = self.state.next[usize::from(own.head)];
                let queue = &mut self.state.queues[self.me];
                (queue.head, queue.length) = (next, own.length - 1);
                if next == NIL && self.gap != Some(Gap::EndKept) {
                    queue.tail = NIL;
                }
                self.state.moves(own.head);
                self.got(own.head)
            }
            _ => {
                let lists = self.state.queues.iter();
                let lying = lists.flat_map(|queue| self.state.chain(queue.head, NIL.into()));
                self.mine().lying = lying.collect();
                self.go(At::Scan { round: 0, other: 0, most: (0, 0), ahead: false })
            }
        }
    }

    fn got(&mut self, id: u8) -> bool {
        let me = self.mine();
        me.reserved.push((id, me.event));
        me.lying.clear();
        me.took = true;
        self.change(id, Op::Allocate);
        true
    }

    /// No id is at hand: one that the burst has given up, none at all, or it is short.
    fn none(&mut self) -> bool {
        let again = self.lacks(Gap::RetakenTwice);
        let me = self.mine();
        let event = me.event;
        if let Some(freed) = me.freed.iter_mut().find(|freed| again || freed.2.is_none()) {
            freed.2 = Some(event);
            let id = freed.0;
            self.change(id, Op::Allocate);
            return true;
        }
        let taken = me.reserved.len();
        let free = self.state.leases.iter().filter(|lease| lease.is_none()).count();
        if free > taken {
            if self.is_elder() {
                self.state.wrong = Some("an elder finds nothing of what is free");
            }
            let stands = self.burst().expect("a burst runs").stands;
            return self.end_run(stands.min(event));
        }
        self.mine().op += 1;
        self.go(At::Operate)
    }

    pub(super) fn steal(&mut self, at: At) -> bool {
        match at {
            At::Scan { round, other, most, ahead } => self.scan((round, other), most, ahead),
            At::Again { round, victim } => {
                let is_empty = self.state.queues[usize::from(victim)].length == 0;
                if is_empty {
                    self.found_nothing()
                } else {
                    self.go(At::Cut { round, victim, ahead: false })
                }
            }
            At::Cut { round, victim, ahead } => {
                let Some(loot) = self.cut(usize::from(victim)) else {
                    let again = At::Scan { round: round + 1, other: 0, most: (0, 0), ahead };
                    return self.go(if ahead { At::Idle } else { again });
                };
                if !ahead && loot.2 == 1 {
                    return self.got(loot.0);
                }
                self.mine().loot = Some(loot);
                self.go(At::Bring { ahead })
            }
            At::Bring { ahead } => self.bring(ahead),
            _ => unreachable!("thefts have these steps"),
        }
    }

    fn found_nothing(&mut self) -> bool {
        if !std::mem::take(&mut self.mine().lying).is_empty() {
            self.state.wrong = Some("an id lay in a list all the time");
        }
        self.none()
    }

    fn scan(&mut self, (round, other): (u8, u8), most: (u8, u8), ahead: bool) -> bool {
        let Some(queue) = self.state.queues.get(usize::from(other)) else {
            let own = self.state.queues[self.me].length;
            let (length, victim) = most;
            if ahead {
                let pays = usize::from(victim) != self.me && length >= 2 * own.max(1);
                return self.go(if pays { At::Cut { round, victim, ahead } } else { At::Idle });
            }
            if usize::from(round) == 2 * self.state.queues.len() {
                self.mine().lying.clear();
                return self.none();
            }
            let again = self.lacks(Gap::LookedAtTwice);
            let next =
                if again { At::Again { round, victim } } else { At::Cut { round, victim, ahead } };
            return if length == 0 { self.found_nothing() } else { self.go(next) };
        };
        let most = most.max((queue.length, other));
        self.go(At::Scan { round, other: other + 1, most, ahead })
    }

    /// The front half of a list.
    fn cut(&mut self, victim: usize) -> Option<(u8, u8, u8)> {
        let Queue { head, length, .. } = self.state.queues[victim];
        if head == NIL {
            return None;
        }
        if self.lacks(Gap::LootStays) {
            return Some((head, head, 1));
        }
        let count = length.div_ceil(2);
        let last = *self.state.chain(head, count.into()).last().expect("it has a head");
        let next = self.state.next[usize::from(last)];
        self.state.chain(head, count.into()).into_iter().for_each(|id| self.state.moves(id));
        let queue = &mut self.state.queues[victim];
        (queue.head, queue.length) = (next, length - count);
        if next == NIL {
            queue.tail = NIL;
        }
        Some((head, last, count))
    }

    fn bring(&mut self, ahead: bool) -> bool {
        let (first, last, count) = self.mine().loot.take().expect("a theft has cut it off");
        if ahead {
            self.state.append(self.me, (first, last, count));
            return self.go(At::Idle);
        }
        if !self.lacks(Gap::RestOfLootLost) {
            let second = self.state.next[usize::from(first)];
            self.state.append(self.me, (second, last, count - 1));
        }
        self.got(first)
    }
}
