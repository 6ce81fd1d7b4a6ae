//! An allocator's pools: numbers in linked lists under a lock each, thefts between them, and the
//! gate, behind which an elder must find what is free.
//!
//! Here a transaction is its ends: an event takes ids and gives ids up, and then stands or is
//! thrown away. What is between is for the other models. A step is what is done under one lock, or
//! one look without: the hint how long a list is, the gate, a flag.

/// No number.
pub const NIL: u8 = u8::MAX;
/// Whose list is shorter looks for more when a burst ends.
const LOW_WATER: u8 = 1;

/// An operation of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Takes an id.
    Allocate,
    /// Gives up the first id that the thread holds, if it holds one.
    Free,
}

/// An event, which is a burst of its own here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What it does.
    pub ops: Vec<Op>,
    /// Whether it stands, if nothing was short.
    pub stands: bool,
}

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// How many ids there are.
    pub ids: u8,
    /// All ids are the last thread's at first; otherwise they are dealt out evenly.
    pub uneven: bool,
    /// The first event of the first thread is an elder's.
    pub elder: bool,
    /// The events of each thread.
    pub threads: Vec<Vec<Event>>,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// What a theft cuts off stays in its list, too: 25 among the bugs of the code.
    LootStays,
    /// A theft brings home the one number that is wanted.
    RestOfLootLost,
    /// Who takes the last number leaves the end of the list as it was.
    EndKept,
    /// An id is free as soon as it is given up.
    FreedAtOnce,
    /// An id given up and taken again by one event comes into the pool as well.
    RetakenReturns,
    /// A run that is thrown away keeps its ids.
    FailedRunKeeps,
    /// The gate is looked at before the reservation is told.
    LookBeforeReserving,
    /// The reservation ends before ids have gone back.
    ReservationEndsEarly,
    /// Who has something in hand waits at the gate.
    WaitsWithHands,
    /// Pools are refilled after the reservation.
    RefilledLate,
    /// Who has found the longest list looks at it again, and gives up if it is empty by then.
    LookedAtTwice,
}

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct Queue {
    pub head: u8,
    pub tail: u8,
    pub length: u8,
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the steps are told where they are taken")]
pub enum At {
    Begin,
    Drain(u8),
    Operate,
    Announced,
    Own,
    Pop,
    Scan { round: u8, other: u8, most: (u8, u8), ahead: bool },
    Again { round: u8, victim: u8 },
    Cut { round: u8, victim: u8, ahead: bool },
    Bring { ahead: bool },
    Locking,
    LookAtGate,
    GateOpen,
    Install,
    GiveBack,
    Give,
    Refill,
    Idle,
    EndReservation,
    Late,
    Done,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct Thread {
    pub at: At,
    pub is_idle: bool,
    pub reserving: bool,
    pub event: u8,
    pub op: u8,
    /// Taken out of pools and not committed.
    pub reserved: Vec<u8>,
    /// What the event holds beyond what the leases say.
    pub allocated: Vec<u8>,
    /// Given up, and whether taken again.
    pub freed: Vec<(u8, bool)>,
    /// First, last and number of what a theft has cut off.
    pub loot: Option<(u8, u8, u8)>,
    /// Freed by a commit and not in a pool yet.
    pub giving: Vec<u8>,
    pub took: bool,
    pub failed: bool,
    /// What has lain in lists ever since the thread began to look through them.
    pub lying: Vec<u8>,
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct State {
    pub queues: Vec<Queue>,
    pub next: Vec<u8>,
    /// Which thread holds each id, as committed.
    pub leases: Vec<Option<u8>>,
    pub is_gate_closed: bool,
    pub threads: Vec<Thread>,
    pub wrong: Option<&'static str>,
}

impl State {
    /// Before anything has run.
    #[must_use]
    pub fn initial(program: &Program) -> Self {
        let threads = program.threads.len();
        let thread = Thread {
            at: At::Begin,
            is_idle: true,
            reserving: false,
            event: 0,
            op: 0,
            reserved: Vec::new(),
            allocated: Vec::new(),
            freed: Vec::new(),
            loot: None,
            giving: Vec::new(),
            took: false,
            failed: false,
            lying: Vec::new(),
        };
        let mut state = Self {
            queues: vec![Queue { head: NIL, tail: NIL, length: 0 }; threads],
            next: vec![NIL; program.ids.into()],
            leases: vec![None; program.ids.into()],
            is_gate_closed: false,
            threads: vec![thread; threads],
            wrong: None,
        };
        for id in 0..program.ids {
            let dealt = usize::from(id) * threads / usize::from(program.ids);
            state.append(if program.uneven { threads - 1 } else { dealt }, (id, id, 1));
        }
        state
    }

    /// An id comes into a list or goes.
    fn moves(&mut self, id: u8) {
        self.threads.iter_mut().for_each(|thread| thread.lying.retain(|&other| other != id));
    }

    fn append(&mut self, queue: usize, (first, last, count): (u8, u8, u8)) {
        let Queue { tail, .. } = self.queues[queue];
        self.next[usize::from(last)] = NIL;
        if tail == NIL {
            self.queues[queue].head = first;
        } else {
            self.next[usize::from(tail)] = first;
        }
        self.queues[queue].tail = last;
        self.queues[queue].length += count;
    }

    /// How many numbers a list begins with, by its links.
    fn chain(&self, first: u8, count: usize) -> Vec<u8> {
        let follow = |&id: &u8| Some(self.next[usize::from(id)]).filter(|&next| next != NIL);
        let start = Some(first).filter(|&first| first != NIL);
        std::iter::successors(start, follow).take(count).collect()
    }

    /// Whether every id is in one place, and lists are whole; at the end, in a list or a lease.
    #[must_use]
    pub fn is_right(&self, stuck: bool) -> bool {
        let all = self.next.len();
        let mut places = vec![0; all];
        for queue in &self.queues {
            let ids = self.chain(queue.head, all + 1);
            if ids.len() != usize::from(queue.length) || ids.last().unwrap_or(&NIL) != &queue.tail {
                return false;
            }
            ids.iter().for_each(|&id| places[usize::from(id)] += 1);
        }
        for thread in &self.threads {
            let loot = thread.loot.map(|(first, _, count)| self.chain(first, count.into()));
            let loot = loot.unwrap_or_default();
            for &id in thread.reserved.iter().chain(&thread.giving).chain(&loot) {
                places[usize::from(id)] += 1;
            }
        }
        let held = |id: usize| usize::from(self.leases[id].is_some());
        let once = (0..all).all(|id| places[id] + held(id) == 1);
        let done = self.threads.iter().all(|thread| thread.at == At::Done);
        self.wrong.is_none() && once && (!stuck || done)
    }
}

/// The state after the next step of a thread, or `None` if it waits or is done.
#[must_use]
pub fn step(program: &Program, gap: Option<Gap>, state: &State, me: u8) -> Option<State> {
    let mut next = state.clone();
    let mut step = Step { state: &mut next, me: me.into(), program, gap };
    step.advance().then_some(next)
}

struct Step<'a> {
    state: &'a mut State,
    me: usize,
    program: &'a Program,
    gap: Option<Gap>,
}

impl Step<'_> {
    fn mine(&mut self) -> &mut Thread {
        &mut self.state.threads[self.me]
    }

    fn go(&mut self, at: At) -> bool {
        self.mine().at = at;
        true
    }

    fn lacks(&self, gap: Gap) -> bool {
        self.gap == Some(gap)
    }

    fn event(&mut self) -> Option<Event> {
        let number = usize::from(self.mine().event);
        self.program.threads[self.me].get(number).cloned()
    }

    fn is_elder(&mut self) -> bool {
        self.program.elder && self.me == 0 && self.mine().event == 0
    }

    fn is_closed_to_me(&mut self) -> bool {
        self.state.is_gate_closed && !self.is_elder()
    }

    fn advance(&mut self) -> bool {
        let at = self.mine().at;
        match at {
            At::Done => false,
            At::Begin => {
                if self.event().is_none() {
                    return self.go(At::Done);
                }
                if !self.is_elder() {
                    return self.go(At::Operate);
                }
                self.state.is_gate_closed = true;
                self.go(At::Drain(1))
            }
            At::Drain(other) => match self.state.threads.get(usize::from(other)) {
                None => self.go(At::Operate),
                Some(thread) if thread.is_idle && !thread.reserving => {
                    self.go(At::Drain(other + 1))
                }
                Some(_) => false,
            },
            At::Operate => self.operate(),
            At::Announced | At::Own | At::Pop => self.take(at),
            At::Scan { .. } | At::Again { .. } | At::Cut { .. } | At::Bring { .. } => {
                self.steal(at)
            }
            _ => self.commit(at),
        }
    }

    fn operate(&mut self) -> bool {
        let event = self.event().expect("an event runs");
        let Some(op) = event.ops.get(usize::from(self.mine().op)).copied() else {
            let stands = event.stands;
            self.mine().failed = !stands;
            return self.go(if stands { At::Locking } else { At::GiveBack });
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

    fn free(&mut self) -> bool {
        let me = self.me;
        let held = (0..).zip(&self.state.leases).find(|&(id, lease)| {
            let gone = self.state.threads[me].freed.iter().any(|freed| freed.0 == id);
            *lease == Some(me as u8) && !gone
        });
        if let Some((id, _)) = held {
            self.mine().freed.push((id, false));
            if self.lacks(Gap::FreedAtOnce) {
                self.state.append(me, (id, id, 1));
            }
        }
        self.mine().op += 1;
        self.go(At::Operate)
    }

    fn take(&mut self, at: At) -> bool {
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
        me.reserved.push(id);
        me.allocated.push(id);
        me.lying.clear();
        (me.took, me.op) = (true, me.op + 1);
        self.go(At::Operate)
    }

    /// No id is at hand: one that the event has given up, none at all, or it is short.
    fn none(&mut self) -> bool {
        if let Some(freed) = self.mine().freed.iter_mut().find(|freed| !freed.1) {
            freed.1 = true;
            let id = freed.0;
            self.mine().allocated.push(id);
        } else {
            let free = self.state.leases.iter().filter(|lease| lease.is_none()).count();
            if free > self.mine().reserved.len() {
                if self.is_elder() {
                    self.state.wrong = Some("an elder finds nothing of what is free");
                }
                self.mine().failed = true;
                return self.go(At::GiveBack);
            }
        }
        self.mine().op += 1;
        self.go(At::Operate)
    }

    fn steal(&mut self, at: At) -> bool {
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

    fn commit(&mut self, at: At) -> bool {
        match at {
            At::Locking => {
                self.mine().is_idle = false;
                self.go(At::LookAtGate)
            }
            At::LookAtGate if self.is_closed_to_me() => {
                let gives_way = self.mine().took && !self.lacks(Gap::WaitsWithHands);
                self.mine().is_idle = true;
                if gives_way {
                    self.mine().failed = true;
                    return self.go(At::GiveBack);
                }
                let waits_reserving = self.mine().took;
                self.mine().reserving &= waits_reserving;
                self.go(At::GateOpen)
            }
            At::LookAtGate => self.go(At::Install),
            At::GateOpen => !self.state.is_gate_closed && self.go(At::Locking),
            At::Install => self.install(),
            At::GiveBack => self.give_back(),
            At::Give => self.give(),
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

    fn install(&mut self) -> bool {
        let Thread { freed, allocated, .. } = self.mine().clone();
        for &(id, _) in &freed {
            self.state.leases[usize::from(id)] = None;
        }
        for id in allocated {
            let is_held = self.state.leases[usize::from(id)].replace(self.me as u8).is_some();
            if is_held {
                self.state.wrong = Some("an id is held twice");
            }
        }
        let returns = self.lacks(Gap::RetakenReturns);
        let at_once = self.lacks(Gap::FreedAtOnce);
        let giving = freed.iter().filter(|freed| !at_once && (returns || !freed.1));
        self.mine().giving = giving.map(|freed| freed.0).collect();
        self.mine().reserved.clear();
        self.ended_early(At::Give)
    }

    fn ended_early(&mut self, at: At) -> bool {
        if self.lacks(Gap::ReservationEndsEarly) {
            (self.mine().is_idle, self.mine().reserving) = (true, false);
        }
        self.go(at)
    }

    /// One after the other, the last one first.
    fn give_back(&mut self) -> bool {
        if self.lacks(Gap::ReservationEndsEarly) && self.mine().reserving {
            return self.ended_early(At::GiveBack);
        }
        if self.lacks(Gap::FailedRunKeeps) {
            self.mine().reserved.clear();
        }
        let Some(id) = self.mine().reserved.pop() else { return self.go(At::Give) };
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
        (me.event, me.op, me.took, me.failed) = (me.event + 1, 0, false, false);
        me.reserved.clear();
        me.allocated.clear();
        me.freed.clear();
        self.go(At::Begin)
    }
}
