//! A bucket with overflow cells, and keys that take two cells.
//!
//! The [model of the protocol](crate::map) has a bucket of one cell and keys that lie in their
//! slot. Here a bucket holds two references and a link, and behind a reference are a value cell and
//! two key cells. Of the four keys two and two share the first key cell and the tag of their
//! references. So a look-up reads many cells, between which the snapshot may move, and absence is
//! observed on each cell of a chain. Who goes through the map observes values, and of chains and
//! keys only how many there are: each thread has a cell in which it counts what it inserts and
//! removes. In other programs there are two buckets, of one reference and a link each, that share
//! these counts, and slots and overflow cells: what one gives up, the other takes.
//!
//! The memory is ideal: every version is kept, a read at a snapshot is a step, and a commit is few
//! steps: its cells are taken at once, all is resolved, validated and installed at once, and
//! numbers go back to their pools. That these steps are right is for the model of the protocol.
//! Bursts have up to two events, of which a prefix may stand: cells are as of its end, and numbers
//! that the others took and gave up are as if they had not.

mod commit;
mod run;
mod through;

/// Keys.
pub const KEYS: u8 = 4;
/// Where a chain cell has its link, behind its references.
const LINK: usize = 2;
/// The most buckets, which are the first cells.
const BUCKETS: u8 = 2;
/// Overflow cells: two in use, and some on their way.
const OVERFLOW: u8 = 6;
/// Slots: for each key, and some on their way.
const SLOTS: u8 = 10;
/// A value cell and two key cells.
const STRIDE: u8 = 3;
const SET: u8 = 1;
const REMOVED: u8 = 2;
const INITIAL: u8 = 99;

type Content = [u8; 3];

/// An operation of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Looks a key up.
    Get(u8),
    /// Sets a key, blindly.
    Set(u8, u8),
    /// Removes a key, if it is there.
    Remove(u8),
    /// Goes through all entries.
    Entries,
}

/// How many buckets there are, and so how many references a chain cell has: four in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One bucket for all keys.
    OneBucket,
    /// Two, for two keys each.
    TwoBuckets,
}

impl Shape {
    fn buckets(self) -> u8 {
        match self {
            Self::OneBucket => 1,
            Self::TwoBuckets => BUCKETS,
        }
    }

    fn references(self) -> usize {
        match self {
            Self::OneBucket => 2,
            Self::TwoBuckets => 1,
        }
    }

    fn bucket_of(self, key: u8) -> u8 {
        (tag(key) - 1) % self.buckets()
    }
}

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// How chains are.
    pub shape: Shape,
    /// The first so many keys are there.
    pub present: u8,
    /// The most events of a burst.
    pub burst: u8,
    /// The events of each thread.
    pub threads: Vec<Vec<Vec<Op>>>,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// Where the snapshot has moved a search goes on with the slot that it had found.
    SearchGoesOn,
    /// Absence is observed on the bucket only.
    BucketObserved,
    /// Of a key only the first cell is compared.
    FirstCellCompared,
    /// A removal leaves a hole in the chain.
    HoleLeft,
    /// An overflow cell that has become empty stays.
    EmptyKept,
    /// A known slot is overwritten whatever key it has: 39 among the bugs of the code.
    KnownKeyNotCompared,
    /// A known slot is overwritten although it was emptied: 40.
    EmptiedOverwritten,
    /// An insertion does not look again: 24.
    NotLookedAgain,
    /// A predicate is evaluated on the bucket only.
    PredicateOnBucket,
    /// Numbers that were taken stay taken where all is resolved anew.
    NumbersKept,
    /// Numbers are free before the commit that gives them up.
    NumbersFreeEarly,
    /// Presence is not observed.
    PresenceNotObserved,
    /// Who lacks a cell waits for it and keeps the others: 37.
    AcquireWaits,
    /// A prefix is installed with what later events have written: 17.
    PrefixWithLaterValues,
    /// Observations are forgotten where an event ends, whether or not the burst has written: 16.
    ObservationsDropped,
    /// A known slot is taken for as it was seen if it is older than the burst's last snapshot: 53.
    KnownSlotOldSinceLast,
    /// Numbers taken by events that do not stand stay taken.
    DroppedNumbersKept,
    /// Numbers given up by events that do not stand come into their pool.
    DroppedFreesReturn,
    /// Numbers given up and taken again come into their pool, too.
    RetakenReturns,
    /// Numbers given up and taken again by an event that does not stand come into no pool.
    RetakenByDroppedLost,
    /// Who goes through the map does not observe that its keys stay.
    CountsUnobserved,
    /// Who goes through the map observes what it counts itself only.
    OwnCountOnly,
    /// A burst whose first event has gone through the map observes no more that its keys stay.
    CountsObservedOnce,
    /// A removal is not counted.
    RemovalUncounted,
    /// A value on the way through the map is not observed.
    PassedUnobserved,
    /// Who goes through the map does not ask for its own changes of what is there.
    OwnChangesPassed,
    /// Who goes through the map does not come by what it has inserted itself.
    OwnInsertedMissed,
    /// Own insertions are passed whether or not they are there anyway.
    OwnInsertedNotSought,
    /// Own insertions are passed once for each action on their key.
    OwnInsertedByAction,
    /// Who goes through the map ends with the first bucket.
    FirstBucketPassed,
    /// What is inserted into the first bucket, or removed, is counted alone.
    FirstBucketCounted,
}

/// A buffered set or remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Action {
    event: u8,
    key: u8,
    value: Option<u8>,
    known: Option<u8>,
}

/// What holds of a cell as long as an observation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Observed {
    Version,
    Absent(u8),
    Present(u8),
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Begin,
    Operate,
    Walk { cell: u8, newest: bool },
    Key { cell: u8, content: Content, position: usize, number: u8, newest: bool },
    Value { slot: u8 },
    Count(u8),
    Pass(u8),
    PassValue { position: u8, slot: u8, key: u8 },
    PassInserted(u8),
    Take,
    Resolve,
    Install,
    Finish,
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thread {
    at: At,
    /// The first event of the burst, the one that runs, and its operation.
    first: u8,
    event: u8,
    op: u8,
    /// The burst's first snapshot.
    begun_at: u8,
    snapshot: u8,
    stale: bool,
    doomed: Option<u8>,
    /// The first event that wrote.
    writer: Option<u8>,
    /// Whether the last burst failed, so that this one has one event.
    failed: bool,
    /// Event, cell, timestamp seen, and what of it.
    observed: Vec<(u8, u8, u8, Observed)>,
    walked: Vec<(u8, u8)>,
    actions: Vec<Action>,
    results: Vec<Vec<u8>>,
    /// Whether the event has observed that the map's keys stay; what it has passed, and which of
    /// its actions it asks for.
    goes_through: bool,
    passed: Vec<(u8, u8)>,
    asked: Option<u8>,
    named: Vec<u8>,
    /// Cell, content and event.
    writes: Vec<(u8, Content, u8)>,
    /// Numbers taken, and given up: slots, then overflow cells.
    taken: [Vec<Taken>; 2],
    freed: [Vec<Freed>; 2],
    /// Events before this one stand.
    end: u8,
}

/// A number, and which event has taken it.
type Taken = (u8, u8);

/// A number, which event has given it up, and which one has taken it again.
type Freed = (u8, u8, Option<u8>);

/// Events that have ended: their place, whether they only read or failed, whose they are and from
/// which one on, and what they read.
type Ran = ((u8, bool), (u8, u8), Vec<Vec<u8>>);

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    clock: u8,
    cells: Vec<Vec<(u8, Content)>>,
    owners: Vec<Option<u8>>,
    /// Free slots, and free overflow cells.
    pools: [Vec<u8>; 2],
    threads: Vec<Thread>,
    ran: Vec<Ran>,
    /// What went wrong on the way.
    pub wrong: Option<&'static str>,
}

fn value_of(slot: u8) -> u8 {
    BUCKETS + OVERFLOW + slot * STRIDE
}

/// Where a thread counts the keys that it has inserted and removed.
fn count_of(thread: u8) -> u8 {
    value_of(SLOTS) + thread
}

fn tag(key: u8) -> u8 {
    1 + key / 2
}

fn key_cell(key: u8, number: u8) -> Content {
    [if number == 0 { tag(key) } else { 1 + key % 2 }, 0, 0]
}

fn reference(key: u8, slot: u8) -> u8 {
    tag(key) << 4 | (slot + 1)
}

fn slot_of(reference: u8) -> u8 {
    (reference & 15) - 1
}

/// Looks for a key: its chain cell, position and slot, or where the chain ends and how many
/// references are there.
fn search(
    shape: Shape,
    key: u8,
    gap: Option<Gap>,
    read: impl Fn(u8) -> Content,
) -> Result<(u8, usize, u8), (u8, usize)> {
    let mut cell = shape.bucket_of(key);
    let compared = if gap == Some(Gap::FirstCellCompared) { 1 } else { 2 };
    loop {
        let content = read(cell);
        for (position, &found) in content[..shape.references()].iter().enumerate() {
            if found == 0 {
                return Err((cell, position));
            }
            let is_it =
                |number| read(value_of(slot_of(found)) + 1 + number) == key_cell(key, number);
            if found >> 4 == tag(key) && (0..compared).all(is_it) {
                return Ok((cell, position, slot_of(found)));
            }
        }
        match content[LINK] {
            0 => return Err((cell, shape.references())),
            link => cell = link,
        }
    }
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
            begun_at: 0,
            snapshot: 0,
            stale: false,
            doomed: None,
            writer: None,
            failed: false,
            observed: Vec::new(),
            walked: Vec::new(),
            actions: Vec::new(),
            results: Vec::new(),
            goes_through: false,
            passed: Vec::new(),
            asked: None,
            named: Vec::new(),
            writes: Vec::new(),
            taken: [Vec::new(), Vec::new()],
            freed: [Vec::new(), Vec::new()],
            end: 0,
        };
        let cells = usize::from(value_of(SLOTS)) + program.threads.len();
        let overflow = (BUCKETS..BUCKETS + OVERFLOW).collect();
        let mut state = Self {
            clock: 0,
            cells: vec![vec![(0, [0; 3])]; cells],
            owners: vec![None; cells],
            pools: [(program.present..SLOTS).collect(), overflow],
            threads: vec![thread; program.threads.len()],
            ran: Vec::new(),
            wrong: None,
        };
        (0..program.present).for_each(|key| state.put(program.shape, key));
        state
    }

    /// A key is there from the first, in the slot of its number.
    fn put(&mut self, shape: Shape, key: u8) {
        let (mut cell, mut used) = search(shape, key, None, |cell| self.newest(cell).1)
            .expect_err("each key is there once");
        if used == shape.references() {
            let link = self.pools[1].remove(0);
            self.cells[usize::from(cell)][0].1[LINK] = link;
            (cell, used) = (link, 0);
        }
        self.cells[usize::from(cell)][0].1[used] = reference(key, key);
        let value = usize::from(value_of(key));
        let contents = [[SET, INITIAL, 0], key_cell(key, 0), key_cell(key, 1)];
        (self.cells[value..].iter_mut().zip(contents)).for_each(|(cell, new)| cell[0].1 = new);
    }

    fn version(&self, cell: u8, bound: u8) -> (u8, Content) {
        let versions = &self.cells[usize::from(cell)];
        *versions.iter().rev().find(|version| version.0 <= bound).expect("there is a first")
    }

    fn newest(&self, cell: u8) -> (u8, Content) {
        self.version(cell, u8::MAX)
    }

    /// The values of all keys at a timestamp, 0 where one is not there.
    fn values(&self, shape: Shape, bound: u8) -> [u8; KEYS as usize] {
        let read = |cell| self.version(cell, bound).1;
        std::array::from_fn(|key| match search(shape, key as u8, None, read) {
            Ok((.., slot)) => read(value_of(slot))[1],
            Err(_) => 0,
        })
    }

    /// Whether nothing went wrong so far; and where no thread can go on, whether all are done,
    /// chains are whole, numbers are in one place, and the events replayed give what was read.
    #[must_use]
    pub fn is_right(&self, program: &Program, stuck: bool) -> bool {
        if self.wrong.is_some() || !stuck {
            return self.wrong.is_none();
        }
        self.threads.iter().all(|thread| thread.at == At::Done)
            && self.is_whole(program.shape)
            && self.replays(program)
    }

    /// The cells of a bucket's chain.
    fn chain(&self, bucket: u8) -> impl Iterator<Item = u8> {
        let link = |&cell: &u8| Some(self.newest(cell).1[LINK]).filter(|&link| link != 0);
        std::iter::successors(Some(bucket), link)
    }

    fn is_whole(&self, shape: Shape) -> bool {
        let mut used = [Vec::new(), Vec::new()];
        for cell in (0..shape.buckets()).flat_map(|bucket| self.chain(bucket)) {
            let content = self.newest(cell).1;
            let count = content[..LINK].iter().filter(|&&found| found != 0).count();
            if content[..count].contains(&0) || (cell >= BUCKETS && count == 0) {
                return false;
            }
            used[0].extend(content[..count].iter().map(|&found| slot_of(found)));
            used[1].extend(Some(cell).filter(|&cell| cell >= BUCKETS));
        }
        let all = [(0..SLOTS).collect::<Vec<_>>(), (BUCKETS..BUCKETS + OVERFLOW).collect()];
        (0..2).all(|of| {
            let mut numbers: Vec<u8> = used[of].iter().chain(&self.pools[of]).copied().collect();
            numbers.sort_unstable();
            numbers == all[of]
        })
    }

    fn replays(&self, program: &Program) -> bool {
        let run = |plain: &mut [u8; KEYS as usize], ran: &Ran| {
            let (thread, from) = (usize::from(ran.1.0), usize::from(ran.1.1));
            let mut results = ran.2.iter().flatten();
            program.threads[thread][from..][..ran.2.len()].iter().flatten().all(|op| {
                let (result, key) = match *op {
                    Op::Set(key, value) => {
                        plain[usize::from(key)] = value;
                        return true;
                    }
                    Op::Get(key) => (plain[usize::from(key)], key),
                    Op::Remove(key) => (u8::from(plain[usize::from(key)] != 0), key),
                    Op::Entries => return plain.iter().all(|value| results.next() == Some(value)),
                };
                if matches!(op, Op::Remove(_)) {
                    plain[usize::from(key)] = 0;
                }
                results.next() == Some(&result)
            })
        };
        let mut plain =
            std::array::from_fn(|key| if (key as u8) < program.present { INITIAL } else { 0 });
        let stood = self.ran.iter().filter(|ran| !ran.0.1);
        stood.into_iter().all(|ran| run(&mut plain, ran))
            && plain == self.values(program.shape, u8::MAX)
            && self.ran.iter().filter(|ran| ran.0.1).all(|ran| {
                let mut seen = self.values(program.shape, ran.0.0);
                run(&mut seen, ran)
            })
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

    fn operation(&self) -> Option<Op> {
        let own = self.own();
        let events = &self.program.threads[usize::from(self.me)];
        events[usize::from(own.event)].get(usize::from(own.op)).copied()
    }

    fn advance(&mut self) -> bool {
        match self.own().at {
            At::Done => false,
            At::Begin => self.begin(),
            At::Operate => self.operate(),
            At::Walk { cell, newest } => {
                let (seen, content) = self.state.version(cell, self.own().snapshot);
                let newest = newest && seen == self.state.newest(cell).0;
                self.mine().walked.push((cell, seen));
                self.search_on(cell, content, 0, newest)
            }
            At::Key { cell, content, position, number, newest } => {
                let key = self.key();
                let slot = slot_of(content[position]);
                let held = self.state.version(value_of(slot) + 1 + number, self.own().snapshot).1;
                if held != key_cell(key, number) {
                    return self.search_on(cell, content, position + 1, newest);
                }
                if number == 0 && !self.lacks(Gap::FirstCellCompared) {
                    return self.go(At::Key { cell, content, position, number: 1, newest });
                }
                self.found(slot)
            }
            At::Value { slot } => self.look_at_value(slot),
            At::Count(thread) => self.look_at_count(thread),
            At::Pass(position) => self.pass(position),
            At::PassValue { position, slot, key } => self.pass_value(position, slot, key),
            At::PassInserted(number) => self.pass_inserted(number),
            At::Take => self.take(),
            At::Resolve => self.resolve(),
            At::Install => self.install(),
            At::Finish => self.finish(),
        }
    }
}
