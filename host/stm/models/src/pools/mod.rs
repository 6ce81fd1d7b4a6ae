//! An allocator's pools: numbers in linked lists under a lock each, thefts between them, and the
//! gate, behind which an elder must find what is free.
//!
//! Here a transaction is its ends: the events of a burst, up to two, take ids and give ids up, and
//! then a prefix of them stands and the others are thrown away. What is between is for the other
//! models. An id that the burst has given up may be taken again by it, by the same event or a later
//! one. A step is what is done under one lock, or one look without: the hint how long a list is,
//! the gate, a flag.

mod commit;
mod run;

/// No number.
pub const NIL: u8 = u8::MAX;
/// Whose list is shorter looks for more when a burst ends.
const LOW_WATER: u8 = 1;

/// An operation of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Takes an id.
    Allocate,
    /// Gives up the first id that the thread holds or has taken in this burst, if there is one.
    Free,
}

/// A burst.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Burst {
    /// What its events do.
    pub events: Vec<Vec<Op>>,
    /// How many of them stand, if nothing was short.
    pub stands: u8,
}

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// How many ids there are.
    pub ids: u8,
    /// All ids are the last thread's at first; otherwise they are dealt out evenly.
    pub uneven: bool,
    /// The first burst of the first thread is an elder's, which has one event.
    pub elder: bool,
    /// The bursts of each thread.
    pub threads: Vec<Vec<Burst>>,
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
    /// An id given up and taken again comes into the pool as well.
    RetakenReturns,
    /// An id given up once is taken again as often as it is wanted.
    RetakenTwice,
    /// An id given up, and taken again by an event that does not stand, comes into no pool.
    RetakenByDroppedLost,
    /// Ids given up by events that do not stand come into the pool.
    DroppedFreesReturn,
    /// A run that is thrown away keeps its ids.
    FailedRunKeeps,
    /// Where a prefix stands, the events behind it keep their ids.
    DroppedKeep,
    /// Where a prefix stands, it gives back what it has taken itself, too.
    PrefixGivesBackAll,
    /// The gate is looked at before the reservation is told.
    LookBeforeReserving,
    /// The reservation ends before ids have gone back.
    ReservationEndsEarly,
    /// Who has something in hand waits at the gate.
    WaitsWithHands,
    /// Who has something in hand waits at the gate if events have taken it that do not stand.
    DroppedHandsWait,
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

/// What becomes of an id's lease when the event commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "as the sentence above says")]
pub struct Change {
    pub event: u8,
    pub id: u8,
    pub op: Op,
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
    pub burst: u8,
    /// The event that runs, and its operation.
    pub event: u8,
    pub op: u8,
    /// Events before this one stand.
    pub end: u8,
    /// Taken out of pools and not committed, and by which event.
    pub reserved: Vec<(u8, u8)>,
    /// What becomes of leases, in order.
    pub changes: Vec<Change>,
    /// Ids given up, by which event, and which one has taken them again.
    pub freed: Vec<(u8, u8, Option<u8>)>,
    /// First, last and number of what a theft has cut off.
    pub loot: Option<(u8, u8, u8)>,
    /// Freed by a commit and not in a pool yet.
    pub giving: Vec<u8>,
    pub took: bool,
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
            burst: 0,
            event: 0,
            op: 0,
            end: 0,
            reserved: Vec::new(),
            changes: Vec::new(),
            freed: Vec::new(),
            loot: None,
            giving: Vec::new(),
            took: false,
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
            let reserved: Vec<u8> = thread.reserved.iter().map(|taken| taken.0).collect();
            for &id in reserved.iter().chain(&thread.giving).chain(&loot) {
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

    fn burst(&self) -> Option<&Burst> {
        let number = usize::from(self.state.threads[self.me].burst);
        self.program.threads[self.me].get(number)
    }

    fn is_elder(&mut self) -> bool {
        self.program.elder && self.me == 0 && self.mine().burst == 0
    }

    fn is_closed_to_me(&mut self) -> bool {
        self.state.is_gate_closed && !self.is_elder()
    }

    fn advance(&mut self) -> bool {
        let at = self.mine().at;
        match at {
            At::Done => false,
            At::Begin => {
                if self.burst().is_none() {
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
}
