//! An allocator's leases and its timer wheels: generations, deadlines, and entries in a sweeper's
//! hand.
//!
//! A lease is a cell with a generation and a deadline; here every version is kept, a read at a
//! snapshot is a step, and a commit takes its cells, draws, validates, tells the wheels, installs,
//! puts entries back and gives ids up, a step each, and one for each entry. A wheel is a set of
//! entries under a lock: taking one out, or bringing one in, is a step. Bursts have up to two
//! events, of which a prefix may stand. Clocks are given by the program; nothing makes those of two
//! threads agree. Who finds no free id goes on without: what is short is for the
//! [pools](crate::pools).

mod commit;
mod judge;
mod run;

/// An operation of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Takes an id for a time.
    Allocate(u8),
    /// Keeps an id for a time from now on at least.
    Refresh(u8, u8),
    /// Gives an id up.
    Free(u8),
    /// Whether an id is held and has not run out.
    IsLive(u8),
    /// A lease that has run out.
    NextExpired,
}

/// An event: its clock and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// When it runs, also when it runs again.
    pub now: u8,
    /// What it does.
    pub ops: Vec<Op>,
}

/// A configuration of the model. The last thread looks at all wheels, as the control loop does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// For each id, who has taken it at first, and until when.
    pub held: Vec<Option<(u8, u8)>>,
    /// A refresh is skipped that would move the deadline by less; 0: none is.
    pub interval: u8,
    /// The most events of a burst.
    pub burst: u8,
    /// The events of each thread.
    pub threads: Vec<Vec<Event>>,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// A refresh does not observe the tenure: 26 among the bugs of the code.
    RefreshIgnoresTenure,
    /// Giving up does not observe the tenure.
    FreeIgnoresTenure,
    /// That an id is not held is not observed.
    NotHeldUnobserved,
    /// A skipped refresh observes nothing.
    SkipUnobserved,
    /// Whether a lease is live is not observed.
    LiveUnobserved,
    /// A lease that has run out is not observed.
    DueUnobserved,
    /// Of a lease that has run out only the tenure is observed.
    DueByTenure,
    /// An allocation leaves the generation as it was.
    GenerationKept,
    /// A refresh sets the deadline, whatever that has become.
    RefreshReplaces,
    /// Who sees an old state takes an id that is free by now.
    StaleAllocates,
    /// Wheels are told after the leases were installed.
    ToldLate,
    /// Wheels are told before the commit has validated.
    ToldEarly,
    /// Wheels are told of events that do not stand, too.
    ToldOfAll,
    /// A tenure that ends leaves an entry in somebody's hand as it is.
    HandUnmarked,
    /// An entry is put back whatever has become of it.
    PutBackUnchecked,
    /// An entry is put back if some tenure of its id is in somebody's hand.
    PutBackByState,
    /// An entry in hand is raised to the deadline of another tenure.
    RaisedByAnother,
    /// An entry in hand is raised to the deadline of a refresh that has not committed.
    RaisedByOwn,
    /// An entry stands for whatever lease the event sees of its id.
    FoundByAnother,
    /// An entry goes back when it was looked at, and not with the burst.
    PutBackAtOnce,
    /// A burst that is thrown away keeps what it has in hand.
    FailedRunKeepsEntries,
    /// An entry that is not due any more is not put back.
    RaisedDropped,
    /// Who has met an entry that is not due any more looks no further.
    StopsAtRaised,
    /// Who looks at all wheels stops at its own.
    OwnWheelOnly,
    /// Ids given up by events that do not stand come into the pool.
    DroppedFreesReturn,
    /// Ids given up and taken again come into the pool, too.
    RetakenReturns,
    /// Ids given up and taken again by an event that does not stand come into no pool.
    RetakenByDroppedLost,
    /// Ids taken by events that do not stand come into no pool.
    TakenByDroppedLost,
    /// A prefix is installed with what later events have written: 17.
    PrefixWithLaterValues,
    /// A skipped refresh observes the tenure only.
    SkipByTenure,
    /// An id that the burst has given up, and somebody else before, is taken all the same.
    ContestedTaken,
}

/// The content of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lease {
    held: bool,
    generation: u8,
    deadline: u8,
    /// In the code the entry alone says in whose wheel that is.
    taker: u8,
}

impl Lease {
    fn is_live(self, at: u8) -> bool {
        self.held && self.deadline >= at
    }

    fn is_due(self, now: u8) -> bool {
        self.held && self.deadline < now
    }

    fn is_held_in(self, generation: u8) -> bool {
        self.held && self.generation == generation
    }
}

/// What a lease must still be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Observed {
    Version,
    Tenure(u8),
    NotHeld,
    HeldUntil(u8, u8),
    Due(u8, u8),
    Live(u8),
    Dead(u8),
}

impl Observed {
    fn holds(self, lease: Lease) -> bool {
        match self {
            Self::Version => false,
            Self::Tenure(generation) => lease.is_held_in(generation),
            Self::NotHeld => !lease.held,
            Self::HeldUntil(generation, at) => lease.is_held_in(generation) && lease.is_live(at),
            Self::Due(generation, at) => lease.is_held_in(generation) && lease.deadline == at,
            Self::Live(at) => lease.is_live(at),
            Self::Dead(at) => !lease.is_live(at),
        }
    }
}

/// A buffered change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Write {
    Replace(Lease),
    Raise(u8),
}

impl Write {
    fn apply(self, lease: Lease) -> Lease {
        match self {
            Self::Replace(new) => new,
            Self::Raise(least) => Lease { deadline: lease.deadline.max(least), ..lease },
        }
    }
}

/// What a wheel is told when an event commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Timer {
    Insert { id: u8, generation: u8, deadline: u8 },
    Remove { id: u8 },
}

impl Timer {
    fn id(self) -> u8 {
        let (Self::Insert { id, .. } | Self::Remove { id }) = self;
        id
    }
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lies {
    Nowhere,
    InWheel,
    InHand,
}

/// What the wheels know of an id; and a copy of that, in somebody's hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    lies: Lies,
    generation: u8,
    taker: u8,
    /// Not later than the deadline.
    bound: u8,
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Begin,
    Operate,
    Got { id: u8, of_pool: bool },
    Wheel(u8),
    Due(u8),
    Take,
    Draw,
    Validate,
    Tell(u8),
    Install,
    PutBack,
    Give,
    Done,
}

/// What an operation gave: for ids one more than they are, and 0 for none; 2 of a skipped refresh;
/// the deadline of a lease that has run out.
type Given = (u8, u8);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thread {
    at: At,
    /// The first event of the burst, the one that runs, and its operation.
    first: u8,
    event: u8,
    op: u8,
    snapshot: u8,
    stale: bool,
    doomed: Option<u8>,
    /// The first event that wrote.
    writer: Option<u8>,
    /// Whether the last burst failed, so that this one has one event.
    failed: bool,
    /// Event, id, timestamp seen, and what of it.
    observed: Vec<(u8, u8, u8, Observed)>,
    /// Event, id and change.
    pending: Vec<(u8, u8, Write)>,
    results: Vec<Vec<Given>>,
    /// Ids taken out of the pool, and by which event.
    reserved: Vec<(u8, u8)>,
    /// Ids given up, by which event, and which one has taken them again.
    freed: Vec<(u8, u8, Option<u8>)>,
    timers: Vec<(u8, Timer)>,
    in_hand: Vec<(u8, Entry)>,
    /// The leases that the burst has found: id and generation.
    found: Vec<(u8, u8)>,
    /// What has been due and lain in the wheels all the time since the thread began to look.
    lying: Vec<u8>,
    /// Events before this one stand.
    end: u8,
    timestamp: Option<u8>,
}

/// A run of events that has ended: its place and whether it stands behind that, whose it is and
/// from which event on, and what these gave.
type Ran = ((u8, bool), (u8, u8), Vec<Vec<Given>>);

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    clock: u8,
    leases: Vec<Vec<(u8, Lease)>>,
    owners: Vec<Option<u8>>,
    pool: Vec<u8>,
    entries: Vec<Entry>,
    wheels: Vec<Vec<u8>>,
    threads: Vec<Thread>,
    ran: Vec<Ran>,
    /// What went wrong on the way.
    pub wrong: Option<&'static str>,
}

impl State {
    /// Before anything has run.
    #[must_use]
    pub fn initial(program: &Program) -> Self {
        let thread = Thread {
            at: At::Begin,
            first: 0,
            event: 0,
            op: 0,
            snapshot: 0,
            stale: false,
            doomed: None,
            writer: None,
            failed: false,
            observed: Vec::new(),
            pending: Vec::new(),
            results: Vec::new(),
            reserved: Vec::new(),
            freed: Vec::new(),
            timers: Vec::new(),
            in_hand: Vec::new(),
            found: Vec::new(),
            lying: Vec::new(),
            end: 0,
            timestamp: None,
        };
        let lease = |held: &Option<(u8, u8)>| {
            let (taker, deadline) = held.unwrap_or_default();
            let held = held.is_some();
            vec![(0, Lease { held, generation: held.into(), deadline, taker })]
        };
        let entry = |held: &Option<(u8, u8)>| {
            let lies = if held.is_some() { Lies::InWheel } else { Lies::Nowhere };
            let (taker, bound) = held.unwrap_or_default();
            Entry { lies, generation: held.is_some().into(), taker, bound }
        };
        let ids = || (0..).zip(&program.held);
        let wheel = |of: u8| {
            let taken = ids().filter(|(_, held)| held.is_some_and(|(taker, _)| taker == of));
            taken.map(|(id, _)| id).collect()
        };
        let free = ids().filter(|(_, held)| held.is_none());
        Self {
            clock: 0,
            leases: program.held.iter().map(lease).collect(),
            owners: vec![None; program.held.len()],
            pool: free.map(|(id, _)| id).collect(),
            entries: program.held.iter().map(entry).collect(),
            wheels: (0..program.threads.len() as u8).map(wheel).collect(),
            threads: vec![thread; program.threads.len()],
            ran: Vec::new(),
            wrong: None,
        }
    }

    fn version(&self, id: u8, bound: u8) -> (u8, Lease) {
        let versions = &self.leases[usize::from(id)];
        *versions.iter().rev().find(|version| version.0 <= bound).expect("there is a first")
    }

    fn newest(&self, id: u8) -> (u8, Lease) {
        self.version(id, u8::MAX)
    }

    /// An entry or its lease changes.
    fn moves(&mut self, id: u8) {
        self.threads.iter_mut().for_each(|thread| thread.lying.retain(|&other| other != id));
    }
}

/// The state after the next step of a thread, or `None` if it waits or is done.
#[must_use]
pub fn step(program: &Program, gap: Option<Gap>, state: &State, me: u8) -> Option<State> {
    let mut next = state.clone();
    Step { state: &mut next, me, program, gap }.advance().then_some(next)
}

struct Step<'a> {
    state: &'a mut State,
    me: u8,
    program: &'a Program,
    gap: Option<Gap>,
}

impl Step<'_> {
    fn mine(&mut self) -> &mut Thread {
        &mut self.state.threads[usize::from(self.me)]
    }

    fn own(&self) -> &Thread {
        &self.state.threads[usize::from(self.me)]
    }

    fn go(&mut self, at: At) -> bool {
        self.mine().at = at;
        true
    }

    fn lacks(&self, gap: Gap) -> bool {
        self.gap == Some(gap)
    }

    fn events(&self) -> &[Event] {
        &self.program.threads[usize::from(self.me)]
    }

    fn running(&self) -> &Event {
        &self.events()[usize::from(self.own().event)]
    }

    fn advance(&mut self) -> bool {
        match self.own().at {
            At::Done => false,
            At::Begin => self.begin(),
            At::Operate => self.operate(),
            At::Got { id, of_pool } => self.got(id, of_pool),
            At::Wheel(number) => self.look_into(number),
            At::Due(number) => self.look_at_due(number),
            At::Take => self.take(),
            At::Draw => {
                self.state.clock += 1;
                self.mine().timestamp = Some(self.state.clock);
                self.go(At::Validate)
            }
            At::Validate => self.validate(),
            At::Tell(number) => self.tell(number),
            At::Install => self.install(),
            At::PutBack => self.put_back_all(),
            At::Give => self.give(),
        }
    }
}
