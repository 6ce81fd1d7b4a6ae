//! All that threads share, and where each of them is.

use nfos_sync::Bug;

use crate::find::Find;
use crate::map::{self, Action};
use crate::program::{Events, Program};

/// No snapshot is in use.
pub const INACTIVE: u8 = u8::MAX;

/// What a commit is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// Taking cells.
    Locking,
    /// Between two steps, of which one draws.
    Drawing,
    /// Has a timestamp.
    Drawn(u8),
}

/// A cell's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word {
    /// Of the present version.
    pub timestamp: u8,
    /// It is being replaced.
    pub installing: bool,
    /// Who holds the cell.
    pub owner: Option<u8>,
}

/// A version: in a cell, in a line of history, or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Version {
    /// When it was committed.
    pub timestamp: u8,
    /// Thread and line of the version that it replaced.
    pub replaced: (u8, u8),
    /// Two words that are always equal, unless torn.
    pub words: [u8; 2],
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Its word.
    pub word: Word,
    /// Its version; the timestamp is the word's.
    pub version: Version,
}

/// What a buffered write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Replaces the payload.
    Replace(u8),
    /// Adds to it.
    Add(u8),
}

impl Effect {
    /// The word after it.
    #[must_use]
    pub fn apply(self, word: u8) -> u8 {
        match self {
            Self::Replace(value) => value,
            Self::Add(value) => word.wrapping_add(value),
        }
    }
}

/// Whose turn a thread has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// None.
    None,
    /// That of a cell's waiting room.
    Room(u8),
    /// It has closed the gate.
    Elder,
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the steps are told where they are taken")]
pub enum At {
    Begin,
    RoomTurn { cell: u8, ticket: u8 },
    ElderTurn { ticket: u8 },
    CloseGate,
    Drain(u8),
    LoadClock,
    Publish(u8),
    TakeSnapshot,
    StoreActive,
    Find(Find),
    ExtendClock(u8),
    ExtendStore(u8),
    Locking,
    LookAtGate,
    BackFromGate,
    GateOpen,
    Try(u8),
    GiveBack(u8),
    Ordered(u8),
    Resolve,
    Drawing,
    Draw,
    Drawn,
    EarlyIdle,
    Target(u8),
    Oldest { target: u8, other: u8, oldest: u8 },
    Mark { target: u8, newest: u8 },
    Keep(u8),
    KeepRest(u8),
    Installing(u8),
    Payload(u8),
    PayloadRest(u8),
    Publishes(u8),
    KeepLate(u8),
    Idle,
    Leave,
    Done,
}

/// What a validation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Moving the snapshot, for a read of this cell.
    Extend(u8),
    /// Committing.
    Commit,
}

/// An observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// Of this cell,
    pub cell: u8,
    /// whose version had this timestamp,
    pub seen: u8,
    /// by this event of the burst.
    pub event: u8,
    /// What is observed.
    pub what: Observed,
}

/// What holds of a cell, as long as an observation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observed {
    /// Its version is the newest.
    Version,
    /// It is the bucket, and has not this key.
    Absent(u8),
    /// It is a slot, and some slot has this key.
    Present(u8),
}

/// An event that ran, for the judge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ran {
    /// Timestamp, whether it only read, index in its burst. Of one that failed: snapshot, `true`,
    /// and 1 if it ran behind a writer of its burst, whose writes it saw too.
    pub place: (u8, bool, u8),
    /// It stood.
    pub stood: bool,
    /// Of which thread.
    pub thread: u8,
    /// Which of its events.
    pub event: u8,
    /// What its reads gave.
    pub results: Vec<u8>,
}

/// A thread: first what others see of it, then its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct Thread {
    pub phase: Phase,
    pub active: u8,
    pub overrun: u8,
    pub lines: Vec<Version>,

    pub at: At,
    pub snapshot: u8,
    /// The first event of the burst, in the program.
    pub base: u8,
    pub event: u8,
    pub op: u8,
    pub observations: Vec<Observation>,
    /// Cell, event, effect of that event and all before it.
    pub writes: Vec<(u8, u8, Effect)>,
    pub actions: Vec<Action>,
    /// Actions that a rule left out takes for resolved, although cells were given back since.
    pub kept: u8,
    /// Targets that are taken before anything is resolved.
    pub named: u8,
    pub first_writer: Option<u8>,
    pub stale: bool,
    pub doomed: Option<u8>,
    pub lost: bool,
    pub results: Vec<Vec<u8>>,
    pub snapshots: Vec<u8>,
    pub end: u8,
    pub timestamp: u8,
    pub targets: Vec<u8>,
    /// Observation, bound and purpose of the validation that runs.
    pub validation: (u8, u8, Purpose),
    /// Lines in use with the timestamp of each, oldest first; then the line to be written.
    pub full: Vec<(u8, u8)>,
    pub line: u8,
    pub failures: u8,
    pub failed_on: Option<u8>,
    pub turn: Turn,
    /// What had returned before the burst began.
    pub returned: u8,
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct State {
    pub clock: u8,
    pub cells: Vec<Cell>,
    pub threads: Vec<Thread>,
    /// 0 while open, else the elder + 1.
    pub gate: u8,
    pub elders: (u8, u8),
    pub rooms: Vec<(u8, u8)>,
    /// The greatest timestamp of a commit that has returned.
    pub returned: u8,
    /// A thread has overrun its history.
    pub overran: bool,
    pub ran: Vec<Ran>,
    /// What went wrong on the way.
    pub wrong: Option<&'static str>,
}

impl State {
    /// Before anything has run.
    #[must_use]
    pub fn initial(program: &Program) -> Self {
        let word = Word { timestamp: 0, installing: false, owner: None };
        let cell = Cell { word, version: Version::default() };
        let failures = |thread| if thread == 0 { program.failures } else { 0 };
        let threads = (0..program.threads.len())
            .map(|thread| Thread::initial(program, failures(thread)))
            .collect();
        let mut state = Self {
            clock: 0,
            cells: vec![cell; usize::from(program.cells)],
            threads,
            gate: 0,
            elders: (0, 0),
            rooms: vec![(0, 0); usize::from(program.cells)],
            returned: 0,
            overran: false,
            ran: Vec::new(),
            wrong: None,
        };
        for (cell, word) in map::contents(program.map) {
            state.cells[usize::from(cell)].version.words = [word; 2];
        }
        state
    }
}

impl Thread {
    fn initial(program: &Program, failures: u8) -> Self {
        Self {
            phase: Phase::Idle,
            active: INACTIVE,
            overrun: 0,
            lines: vec![Version::default(); usize::from(program.lines)],
            at: At::Begin,
            snapshot: 0,
            base: 0,
            event: 0,
            op: 0,
            observations: Vec::new(),
            writes: Vec::new(),
            actions: Vec::new(),
            kept: 0,
            named: 0,
            first_writer: None,
            stale: false,
            doomed: None,
            lost: false,
            results: Vec::new(),
            snapshots: Vec::new(),
            end: 0,
            timestamp: 0,
            targets: Vec::new(),
            validation: (0, 0, Purpose::Commit),
            full: Vec::new(),
            line: 0,
            failures,
            failed_on: (failures > 0).then_some(0),
            turn: Turn::None,
            returned: 0,
        }
    }
}

/// One thread of a state, about to take a step.
#[derive(Debug)]
pub struct Step<'a> {
    /// All.
    pub state: &'a mut State,
    /// The thread.
    pub me: u8,
    /// What it runs.
    pub program: &'a Program,
    /// The rule that is left out.
    pub gap: Option<Bug>,
}

/// The state after the next step of a thread, or `None` if it waits or is done.
#[must_use]
pub fn step(program: &Program, gap: Option<Bug>, state: &State, me: u8) -> Option<State> {
    let mut next = state.clone();
    let moved = Step { state: &mut next, me, program, gap }.advance();
    moved.then_some(next)
}

impl Step<'_> {
    pub(crate) fn mine(&mut self) -> &mut Thread {
        &mut self.state.threads[usize::from(self.me)]
    }

    pub(crate) fn own(&self) -> &Thread {
        &self.state.threads[usize::from(self.me)]
    }

    pub(crate) fn cell(&mut self, cell: u8) -> &mut Cell {
        &mut self.state.cells[usize::from(cell)]
    }

    pub(crate) fn events(&self) -> &Events {
        &self.program.threads[usize::from(self.me)]
    }

    pub(crate) fn lacks(&self, rule: Bug) -> bool {
        self.gap == Some(rule)
    }

    pub(crate) fn wrong(&mut self, what: &'static str) {
        self.state.wrong.get_or_insert(what);
    }

    pub(crate) fn go(&mut self, at: At) -> bool {
        self.mine().at = at;
        true
    }

    fn advance(&mut self) -> bool {
        let at = self.own().at;
        match at {
            At::Done => false,
            At::Find(find) => self.find(find),
            At::ExtendClock(cell) => self.extend(cell),
            At::ExtendStore(cell) => self.extended(cell),
            At::Begin
            | At::RoomTurn { .. }
            | At::ElderTurn { .. }
            | At::CloseGate
            | At::Drain(_)
            | At::LoadClock
            | At::Publish(_)
            | At::TakeSnapshot
            | At::StoreActive
            | At::Leave => self.begin(at),
            At::Locking
            | At::LookAtGate
            | At::BackFromGate
            | At::GateOpen
            | At::Try(_)
            | At::GiveBack(_)
            | At::Ordered(_)
            | At::Resolve
            | At::Drawing
            | At::Draw
            | At::Drawn => self.lock_and_draw(at),
            _ => self.install(at),
        }
    }
}
