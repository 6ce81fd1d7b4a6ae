//! A distributed object with a staleness: updates on parts of one's own, merging reads, and the
//! merged value that is published under a sequence lock.
//!
//! The memory is ideal here: every version of every part is kept, a read at a snapshot is a step, a
//! commit is one step that validates, and another until which it has not returned. Bursts have up
//! to two events, of which a prefix may stand. An event's clock is the time at which it first
//! began: the first one's is before the snapshot, a later one's need not be, nor one's that merges
//! ahead. Time passes in steps of its own. The published value is read and written word by word, as
//! in the code.

mod commit;
mod judge;
mod run;

/// How old a value may be.
pub const STALENESS: u8 = 1;
/// When time ends.
const TIME_MAX: u8 = 3;

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Adds one to the thread's own part.
    Update,
    /// Reads the merged value, a little stale perhaps.
    Read,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What it does.
    pub ops: Vec<Op>,
    /// Whether it stands if nothing is in its way; otherwise it ends its burst and is thrown away.
    pub stands: bool,
}

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// The most events of a burst.
    pub burst: u8,
    /// Whether who has merged merges ahead from then on, where a burst begins.
    pub ahead: bool,
    /// The events of each thread.
    pub threads: Vec<Vec<Event>>,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// A value is served whose state the snapshot has not reached: 45 among the bugs of the code.
    Unreached,
    /// A value is served however old it is: 46.
    TooOld,
    /// Events that do not stand publish: 28.
    FailedRunPublishes,
    /// A merge does not move the snapshot to now before it begins: 29.
    NotMovedFirst,
    /// A merge ahead does not move the snapshot to now.
    AheadNotMoved,
    /// A prefix is installed with the updates of later events: 17.
    PrefixWithLaterValues,
    /// A value with own updates in it is told to be of the snapshot and not of the commit.
    OwnUpdatesTooEarly,
    /// So is one with own updates of earlier events of the burst in it.
    EarlierUpdatesTooEarly,
    /// A merge takes in no updates of earlier events of the burst.
    EarlierUpdatesMissed,
    /// A value has the time of its publication and not that of its event.
    TimeOfPublication,
    /// Who reads the words does not look at the sequence again.
    NotRechecked,
    /// The sequence is not odd while words are written.
    NotMarked,
    /// A part's version is not observed.
    PartNotObserved,
    /// Where the snapshot has moved the parts before are not validated.
    MovedUnchecked,
}

/// A published value: sequence, time, timestamp of its state, and two words that are always equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Published {
    sequence: u8,
    time: u8,
    as_of: u8,
    words: [u8; 2],
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Begin,
    Snapshot,
    Clock,
    Ahead,
    MergeAhead,
    Operate,
    Sequence,
    Word { number: u8, copy: Published },
    Check(Published),
    Serve(Published),
    MoveFirst,
    Part { part: u8, sum: u8 },
    Commit,
    Return(u8),
    LookAtPublished,
    Mark(Published),
    Write { number: u8, new: Published },
    Unmark(Published),
    Done,
}

/// A value that an event has merged, and the timestamp of its state, if it is not that of the
/// commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Merged {
    event: u8,
    time: u8,
    as_of: Option<u8>,
    value: u8,
}

/// What a read gave, and whether it has merged that itself.
type Given = (u8, bool);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thread {
    at: At,
    /// The first event of the burst, the one that runs, and its operation.
    first: u8,
    event: u8,
    op: u8,
    /// The clocks of events from the first on that have begun, if only to run again.
    clocks: Vec<u8>,
    snapshot: u8,
    stale: bool,
    doomed: Option<u8>,
    /// The first event that wrote.
    writer: Option<u8>,
    /// Whether the last burst failed, so that this one has one event.
    failed: bool,
    /// Whether it has merged, and so merges ahead.
    follows: bool,
    /// The event of each own update.
    updates: Vec<u8>,
    /// Event, part and timestamp seen.
    observed: Vec<(u8, u8, u8)>,
    results: Vec<Vec<Given>>,
    merged: Vec<Merged>,
    /// What is left to be published.
    publishing: Vec<Published>,
}

/// A run of events that has ended: its timestamp and whether it stands behind that, whose it is and
/// from which event on, what the reads of each gave, and how many updates had returned more than a
/// staleness before its clock.
type Ran = ((u8, bool), (u8, u8), Vec<(Vec<Given>, u8)>);

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    time: u8,
    clock: u8,
    /// The versions of each part: timestamp and sum of updates.
    parts: Vec<Vec<(u8, u8)>>,
    published: Published,
    /// The clock of the last merge ahead that somebody has begun.
    ahead: u8,
    threads: Vec<Thread>,
    /// How many updates have returned at each time or before.
    returned: [u8; TIME_MAX as usize + 1],
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
            clocks: Vec::new(),
            snapshot: 0,
            stale: false,
            doomed: None,
            writer: None,
            failed: false,
            follows: false,
            updates: Vec::new(),
            observed: Vec::new(),
            results: Vec::new(),
            merged: Vec::new(),
            publishing: Vec::new(),
        };
        Self {
            time: 0,
            clock: 0,
            parts: vec![vec![(0, 0)]; program.threads.len()],
            published: Published::default(),
            ahead: 0,
            threads: vec![thread; program.threads.len()],
            returned: [0; TIME_MAX as usize + 1],
            ran: Vec::new(),
            wrong: None,
        }
    }
}

/// The state after the next step of a thread, or `None` if it waits or is done; the number after
/// the last thread's is time's.
#[must_use]
pub fn step(program: &Program, gap: Option<Gap>, state: &State, me: u8) -> Option<State> {
    let mut next = state.clone();
    if usize::from(me) == program.threads.len() {
        let time = state.time + 1;
        next.time = time;
        let running = state.threads.iter().any(|thread| thread.at != At::Done);
        if time > TIME_MAX || !running {
            return None;
        }
        next.returned[usize::from(time)] = state.returned[usize::from(state.time)];
        return Some(next);
    }
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

    /// The clock of an event of the burst.
    fn clock_of(&self, event: u8) -> u8 {
        self.own().clocks[usize::from(event - self.own().first)]
    }

    fn newest_of(&self, part: u8, bound: u8) -> (u8, u8) {
        let versions = &self.state.parts[usize::from(part)];
        *versions.iter().rev().find(|version| version.0 <= bound).expect("there is a first")
    }

    /// The event whose observation does not hold any more, if one's does not.
    fn failing(&self, bound: u8) -> Option<u8> {
        let ended = |&&(_, part, seen): &&(u8, u8, u8)| self.newest_of(part, bound).0 != seen;
        self.own().observed.iter().find(ended).map(|observed| observed.0)
    }

    fn advance(&mut self) -> bool {
        let at = self.own().at;
        match at {
            At::Done => false,
            At::Begin => self.begin(),
            At::Snapshot => {
                self.mine().snapshot = self.state.clock;
                self.go(At::Operate)
            }
            At::Clock => {
                self.begin_event(self.own().first);
                self.go(At::Ahead)
            }
            At::Ahead => self.claim_ahead(),
            At::MergeAhead => self.merge_ahead(),
            At::Operate => self.operate(),
            At::MoveFirst => {
                if !self.lacks(Gap::NotMovedFirst) {
                    self.extend();
                }
                self.go(At::Part { part: 0, sum: 0 })
            }
            At::Part { part, sum } => self.merge(part, sum),
            At::Commit => self.commit(),
            At::Return(updates) => {
                self.state.returned[usize::from(self.state.time)] += updates;
                self.let_out()
            }
            At::Sequence | At::Word { .. } | At::Check(_) | At::Serve(_) => self.look(at),
            _ => self.publish(at),
        }
    }
}
