//! A distributed object with a staleness: updates on parts of one's own, merging reads, and the
//! merged value that is published under a sequence lock.
//!
//! The memory is ideal here: every version of every part is kept, a read at a snapshot is a step, a
//! commit is one step that validates, and another until which it has not returned. An event's clock
//! is the time at which it was made, before its burst began; time passes in steps of its own. The
//! published value is read and written word by word, as in the code.

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

/// A configuration of the model: the events of each thread, each a burst of its own, and whether
/// it stands if nothing is in its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// The events of each thread.
    pub threads: Vec<Vec<(Vec<Op>, bool)>>,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// A value is served whose state the snapshot has not reached: 45 among the bugs of the code.
    Unreached,
    /// A value is served however old it is: 46.
    TooOld,
    /// A run that is thrown away publishes: 28.
    FailedRunPublishes,
    /// A value with own updates in it is told to be of the snapshot and not of the commit.
    OwnUpdatesTooEarly,
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
#[allow(missing_docs, reason = "as the sentence above says")]
pub struct Published {
    pub sequence: u8,
    pub time: u8,
    pub as_of: u8,
    pub words: [u8; 2],
}

/// The next step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the steps are told where they are taken")]
pub enum At {
    Begin,
    Snapshot,
    Operate,
    Sequence,
    Word { number: u8, copy: Published },
    Check(Published),
    Serve(Published),
    MoveFirst,
    Part { part: u8, sum: u8 },
    Commit,
    Return,
    LookAtPublished,
    Mark(Published),
    Write { number: u8, new: Published },
    Unmark(Published),
    Done,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct Thread {
    pub at: At,
    pub event: u8,
    pub op: u8,
    /// The event's clock.
    pub now: u8,
    pub snapshot: u8,
    pub stale: bool,
    pub doomed: bool,
    /// Own updates.
    pub pending: u8,
    /// Parts with the timestamps seen.
    pub observed: Vec<(u8, u8)>,
    /// What reads gave, and whether they have merged it themselves.
    pub results: Vec<(u8, bool)>,
    /// Time, timestamp of the state, if it is not that of the commit, and value.
    pub merged: Option<(u8, Option<u8>, u8)>,
    pub committed_at: u8,
}

/// An event that has ended, for the judge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ran {
    /// Timestamp, and whether it only read or did not stand.
    pub place: (u8, bool),
    /// Of which thread, and which of its events.
    pub event: (u8, u8),
    /// What its reads gave, and whether they had merged it themselves.
    pub results: Vec<(u8, bool)>,
    /// How many updates had returned more than a staleness before its clock.
    pub least: u8,
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the code that it models")]
pub struct State {
    pub time: u8,
    pub clock: u8,
    /// The versions of each part: timestamp and sum of updates.
    pub parts: Vec<Vec<(u8, u8)>>,
    pub published: Published,
    pub threads: Vec<Thread>,
    /// How many updates have returned at each time or before.
    pub returned: [u8; TIME_MAX as usize + 1],
    pub ran: Vec<Ran>,
    pub wrong: Option<&'static str>,
}

impl State {
    /// Before anything has run.
    #[must_use]
    pub fn initial(program: &Program) -> Self {
        let thread = Thread {
            at: At::Begin,
            event: 0,
            op: 0,
            now: 0,
            snapshot: 0,
            stale: false,
            doomed: false,
            pending: 0,
            observed: Vec::new(),
            results: Vec::new(),
            merged: None,
            committed_at: 0,
        };
        Self {
            time: 0,
            clock: 0,
            parts: vec![vec![(0, 0)]; program.threads.len()],
            published: Published::default(),
            threads: vec![thread; program.threads.len()],
            returned: [0; TIME_MAX as usize + 1],
            ran: Vec::new(),
            wrong: None,
        }
    }

    /// Whether each read gave what its place in the order says, or of a time that is not too old.
    #[must_use]
    pub fn is_right(&self, program: &Program, stuck: bool) -> bool {
        let done = self.threads.iter().all(|thread| thread.at == At::Done);
        if self.wrong.is_some() || (stuck && !done) {
            return false;
        }
        if !stuck {
            return true;
        }
        let updates_before = |timestamp: u8, inclusive: bool| {
            let newest = |versions: &Vec<(u8, u8)>| {
                let of = |version: &&(u8, u8)| {
                    version.0 < timestamp || (inclusive && version.0 == timestamp)
                };
                versions.iter().rev().find(of).map_or(0, |version| version.1)
            };
            self.parts.iter().map(newest).sum::<u8>()
        };
        self.ran.iter().all(|ran| {
            let (thread, event) = (usize::from(ran.event.0), usize::from(ran.event.1));
            let mut most = updates_before(ran.place.0, ran.place.1);
            let mut results = ran.results.iter();
            program.threads[thread][event].0.iter().all(|op| match op {
                Op::Update => {
                    most += 1;
                    true
                }
                Op::Read => results.next().is_some_and(|&(given, is_fresh)| {
                    given <= most && given >= if is_fresh { most } else { ran.least }
                }),
            })
        })
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
    Step { state: &mut next, me: me.into(), program, gap }.advance().then_some(next)
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

    fn event(&self) -> Option<&(Vec<Op>, bool)> {
        let number = usize::from(self.state.threads[self.me].event);
        self.program.threads[self.me].get(number)
    }

    fn advance(&mut self) -> bool {
        let at = self.mine().at;
        match at {
            At::Done => false,
            At::Begin => {
                if self.event().is_none() {
                    return self.go(At::Done);
                }
                self.mine().now = self.state.time;
                self.go(At::Snapshot)
            }
            At::Snapshot => {
                let clock = self.state.clock;
                let me = self.mine();
                (me.snapshot, me.op, me.pending, me.merged) = (clock, 0, 0, None);
                (me.stale, me.doomed) = (false, false);
                me.observed.clear();
                me.results.clear();
                self.go(At::Operate)
            }
            At::Operate => self.operate(),
            At::MoveFirst => {
                self.extend();
                self.go(At::Part { part: 0, sum: 0 })
            }
            At::Part { part, sum } => self.merge(part, sum),
            At::Commit => self.commit(),
            At::Return => self.returned(),
            At::Sequence | At::Word { .. } | At::Check(_) | At::Serve(_) => self.look(at),
            _ => self.publish(at),
        }
    }

    fn operate(&mut self) -> bool {
        let number = usize::from(self.mine().op);
        match self.event().expect("an event runs").0.get(number).copied() {
            None => self.go(At::Commit),
            Some(Op::Read) => self.go(At::Sequence),
            Some(Op::Update) => {
                let me = self.mine();
                (me.pending, me.op) = (me.pending + 1, me.op + 1);
                me.doomed |= std::mem::take(&mut me.stale);
                true
            }
        }
    }

    /// The published value, word by word.
    fn look(&mut self, at: At) -> bool {
        let published = self.state.published;
        match at {
            At::Sequence if published.sequence == 0 || !published.sequence.is_multiple_of(2) => {
                self.go(At::MoveFirst)
            }
            At::Sequence => {
                let copy = Published { time: published.time, ..published };
                self.go(At::Word { number: 0, copy })
            }
            At::Word { number, mut copy } => {
                match number {
                    0 => copy.as_of = published.as_of,
                    _ => {
                        copy.words[usize::from(number) - 1] =
                            published.words[usize::from(number) - 1]
                    }
                }
                let next = At::Word { number: number + 1, copy };
                self.go(if number == 2 { At::Check(copy) } else { next })
            }
            At::Check(copy) => {
                let same = published.sequence == copy.sequence || self.lacks(Gap::NotRechecked);
                self.go(if same { At::Serve(copy) } else { At::MoveFirst })
            }
            At::Serve(copy) => self.serve(copy),
            _ => unreachable!("a look has these steps"),
        }
    }

    fn serve(&mut self, copy: Published) -> bool {
        let is_young = self.mine().now.saturating_sub(copy.time) <= STALENESS;
        if !is_young && !self.lacks(Gap::TooOld) {
            return self.go(At::MoveFirst);
        }
        if copy.as_of > self.mine().snapshot && !self.lacks(Gap::Unreached) {
            self.extend();
        }
        if copy.as_of > self.mine().snapshot && !self.lacks(Gap::Unreached) {
            return self.go(At::MoveFirst);
        }
        if copy.words[0] != copy.words[1] {
            self.state.wrong = Some("a torn value");
        }
        let me = self.mine();
        me.results.push((copy.words[0], false));
        me.op += 1;
        self.go(At::Operate)
    }

    fn newest_of(&self, part: u8, bound: u8) -> (u8, u8) {
        let versions = &self.state.parts[usize::from(part)];
        *versions.iter().rev().find(|version| version.0 <= bound).expect("there is a first")
    }

    fn holds_at(&mut self, bound: u8) -> bool {
        let observed = self.mine().observed.clone();
        observed.iter().all(|&(part, seen)| self.newest_of(part, bound).0 == seen)
    }

    /// Moves the snapshot to now if what was observed is still so.
    fn extend(&mut self) -> bool {
        let clock = self.state.clock;
        if self.mine().stale || self.mine().doomed {
            return false;
        }
        let holds = self.holds_at(clock) || self.lacks(Gap::MovedUnchecked);
        let me = self.mine();
        if holds {
            me.snapshot = clock;
        } else if me.pending > 0 {
            me.doomed = true;
        } else {
            me.stale = true;
        }
        holds
    }

    fn merge(&mut self, part: u8, sum: u8) -> bool {
        if usize::from(part) == self.state.parts.len() {
            return self.merged(sum);
        }
        let newest = self.newest_of(part, u8::MAX);
        if newest.0 > self.mine().snapshot && self.extend() {
            return true;
        }
        let snapshot = self.mine().snapshot;
        let version = self.newest_of(part, snapshot);
        let observes = version == newest && !self.mine().stale && !self.lacks(Gap::PartNotObserved);
        if observes {
            self.mine().observed.push((part, version.0));
        }
        let own = if usize::from(part) == self.me { self.mine().pending } else { 0 };
        self.go(At::Part { part: part + 1, sum: sum + version.1 + own })
    }

    fn merged(&mut self, sum: u8) -> bool {
        let early = self.lacks(Gap::OwnUpdatesTooEarly);
        let me = self.mine();
        me.results.push((sum, true));
        me.op += 1;
        if !me.stale && !me.doomed {
            let as_of = (me.pending == 0 || early).then_some(me.snapshot);
            me.merged = Some((me.now, as_of, sum));
        }
        self.go(At::Operate)
    }

    /// Validates just before the timestamp that it draws, and installs.
    fn commit(&mut self) -> bool {
        let stands = self.event().expect("an event runs").1;
        let writes = self.mine().pending > 0;
        let bound = self.state.clock;
        let fails = self.mine().doomed || (writes && !self.holds_at(bound));
        if stands && !fails && writes {
            self.state.clock += 1;
            let (me, clock) = (self.me, self.state.clock);
            let sum = self.newest_of(me as u8, u8::MAX).1 + self.mine().pending;
            self.state.parts[me].push((clock, sum));
            self.mine().committed_at = clock;
        }
        self.log(stands && !fails);
        if stands && !fails {
            return self.go(At::Return);
        }
        if self.lacks(Gap::FailedRunPublishes) && self.mine().merged.is_some() {
            return self.go(At::LookAtPublished);
        }
        // One that fails runs again, one that is thrown away does not.
        if !stands {
            self.mine().event += 1;
            return self.go(At::Begin);
        }
        self.go(At::Snapshot)
    }

    fn log(&mut self, stood: bool) {
        let me = self.state.threads[self.me].clone();
        let writes = stood && me.pending > 0;
        let place = if writes { (me.committed_at, false) } else { (me.snapshot, true) };
        // One that returned at the very time may have come behind the snapshot of that time.
        let before = me.now.checked_sub(STALENESS + 1);
        let least = before.map_or(0, |before| self.state.returned[usize::from(before)]);
        let event = (self.me as u8, me.event);
        self.state.ran.push(Ran { place, event, results: me.results, least });
        self.state.ran.sort();
        self.state.ran.dedup();
    }

    /// The commit has returned, at this time; then its effects are let out.
    fn returned(&mut self) -> bool {
        let time = usize::from(self.state.time);
        self.state.returned[time] += self.mine().pending;
        let publishes = self.mine().merged.is_some();
        self.go(if publishes { At::LookAtPublished } else { At::Unmark(Published::default()) })
    }

    fn publish(&mut self, at: At) -> bool {
        let published = self.state.published;
        match at {
            At::LookAtPublished => {
                let (time, as_of, sum) = self.mine().merged.expect("it has merged");
                let as_of = as_of.unwrap_or(self.mine().committed_at);
                let late = self.lacks(Gap::TimeOfPublication);
                let time = if late { self.state.time } else { time };
                let sequence = published.sequence;
                let new = Published { sequence, time, as_of, words: [sum; 2] };
                let is_later = sequence == 0 || published.time < time;
                let writes = sequence.is_multiple_of(2) && is_later;
                self.go(if writes { At::Mark(new) } else { At::Unmark(Published::default()) })
            }
            At::Mark(new) if published.sequence != new.sequence => {
                self.go(At::Unmark(Published::default()))
            }
            At::Mark(new) => {
                self.state.published.sequence += u8::from(!self.lacks(Gap::NotMarked));
                self.go(At::Write { number: 0, new })
            }
            At::Write { number, new } => {
                let place = &mut self.state.published;
                match number {
                    0 => place.time = new.time,
                    1 => place.as_of = new.as_of,
                    _ => place.words[usize::from(number) - 2] = new.words[usize::from(number) - 2],
                }
                let next = At::Write { number: number + 1, new };
                self.go(if number == 3 { At::Unmark(new) } else { next })
            }
            At::Unmark(new) => {
                if new != Published::default() {
                    self.state.published.sequence = new.sequence + 2;
                }
                self.mine().event += 1;
                self.go(At::Begin)
            }
            _ => unreachable!("publishing has these steps"),
        }
    }
}
