//! A timer wheel's levels, against a map of what lies in it.
//!
//! Nothing is concurrent here, since a lock guards each wheel: what is gone through is every order
//! of operations. A wheel has levels of few slots and is the code's otherwise: lists with links
//! both ways, a bit for each slot in use, and the tick up to which the wheel has turned. Whose
//! tenure an entry belongs to is for the [leases](crate::leases).

/// No entry.
const NIL: u8 = u8::MAX;

/// A configuration of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// A tick's instants, as a power of two.
    pub tick: u8,
    /// A level's slots, as a power of two.
    pub digit: u8,
    /// How many levels there are.
    pub levels: u8,
    /// How many ids there are.
    pub ids: u8,
    /// When it can be, and until when an id can be held, in order.
    pub instants: Vec<u8>,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// The wheel does not turn to a slot that comes down.
    TickNotMoved,
    /// The wheel turns to the present when a slot comes down.
    TickMovedToNow,
    /// What lies in a slot that comes down is put nowhere.
    ComeDownForgotten,
    /// Who spreads a slot looks for the next entry when this one has been linked.
    NextReadLate,
    /// A slot that has come down is still marked as in use.
    ComeDownMarked,
    /// A slot whose last entry was taken out is still marked as in use.
    EmptiedMarked,
    /// A slot is not marked when something comes into it.
    LinkedUnmarked,
    /// The level is that of the distance and not that of the digits.
    LevelByDistance,
    /// What has passed lies where it would have.
    PassedAsItWas,
    /// The first tick of a slot has none of the wheel's digits above it.
    DigitsAboveForgotten,
    /// Higher levels are looked into first.
    HighestFirst,
    /// Everything in the present tick has passed.
    TickIsPast,
    /// Only the first entry of the present tick is looked at.
    OnlyFirstOfTick,
    /// A head that gets one before it does not hear of it.
    HeadNotTold,
    /// An entry whose predecessor goes does not hear of it.
    NextNotTold,
    /// The head of a list is taken out as if it had a predecessor.
    HeadKept,
    /// An entry in hand is put back though its tenure has ended.
    PutBackAnyway,
    /// An entry is put back where it was, whatever its bound is now.
    PutBackAsItWas,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A tenure begins.
    Insert {
        /// Of which id.
        id: u8,
        /// Not later than its deadline.
        bound: u8,
    },
    /// A tenure ends.
    Remove {
        /// Of which id.
        id: u8,
    },
    /// Takes out an entry that is due.
    Take,
    /// Puts back an entry in hand.
    PutBack {
        /// Of which id.
        id: u8,
        /// Under which bound, not less than before.
        bound: u8,
    },
    /// Time passes, to the next instant.
    Pass,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    bound: u8,
    next: u8,
    previous: Previous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Previous {
    /// In no list. In the code links stay as they were, and nobody reads them.
    Unlinked,
    HeadOf(u8, u8),
    Entry(u8),
}

const UNLINKED: Entry = Entry { bound: 0, next: NIL, previous: Previous::Unlinked };

/// Where an id is, as far as the map is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Known {
    Nowhere,
    InWheel(u8),
    /// Whether the tenure has ended meanwhile.
    InHand {
        bound: u8,
        ended: bool,
    },
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u8,
    tick: u8,
    occupied: Vec<u8>,
    heads: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    known: Vec<Known>,
    /// What went wrong.
    pub wrong: Option<&'static str>,
}

impl State {
    /// Before anything has happened.
    #[must_use]
    pub fn initial(program: &Program) -> Self {
        let levels = usize::from(program.levels);
        Self {
            now: program.instants[0],
            tick: 0,
            occupied: vec![0; levels],
            heads: vec![vec![NIL; 1 << program.digit]; levels],
            entries: vec![UNLINKED; program.ids.into()],
            known: vec![Known::Nowhere; program.ids.into()],
            wrong: None,
        }
    }

    /// What can happen next.
    #[must_use]
    pub fn actions(&self, program: &Program) -> Vec<Action> {
        let mut actions = vec![Action::Take];
        if self.now < *program.instants.last().expect("there are instants") {
            actions.push(Action::Pass);
        }
        for (id, known) in (0..).zip(&self.known) {
            let instants = program.instants.iter().copied();
            match *known {
                Known::Nowhere => {
                    actions.extend(instants.map(|bound| Action::Insert { id, bound }));
                }
                Known::InWheel(_) => actions.push(Action::Remove { id }),
                Known::InHand { bound, ended } => {
                    let raised = instants.filter(|&other| other >= bound);
                    actions.extend(raised.map(|bound| Action::PutBack { id, bound }));
                    if !ended {
                        actions.push(Action::Remove { id });
                    }
                }
            }
        }
        actions
    }

    /// Whether nothing went wrong, and the lists have what the map has.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let mut found = vec![0; self.known.len()];
        let follow = |&id: &u8| Some(self.entries[usize::from(id)].next).filter(|&id| id != NIL);
        for &head in self.heads.iter().flatten().filter(|&&head| head != NIL) {
            // More than there are would be a circle.
            let list = std::iter::successors(Some(head), follow).take(found.len() + 1);
            list.for_each(|id| found[usize::from(id)] += 1);
        }
        let agrees = |((known, count), entry): ((&Known, usize), &Entry)| match *known {
            Known::InWheel(bound) => count == 1 && entry.bound == bound,
            Known::Nowhere | Known::InHand { .. } => count == 0,
        };
        self.wrong.is_none() && self.known.iter().zip(found).zip(&self.entries).all(agrees)
    }
}

/// The state after an action.
#[must_use]
pub fn step(program: &Program, gap: Option<Gap>, state: &State, action: Action) -> State {
    let mut next = state.clone();
    let mut step = Step { state: &mut next, program, gap };
    match action {
        Action::Insert { id, bound } => step.insert(id, bound),
        Action::Remove { id } => step.remove(id),
        Action::Take => step.take(),
        Action::PutBack { id, bound } => step.put_back(id, bound),
        Action::Pass => {
            let later = program.instants.iter().find(|&&instant| instant > state.now);
            next.now = *later.expect("time has not ended");
        }
    }
    next
}

struct Step<'a> {
    state: &'a mut State,
    program: &'a Program,
    gap: Option<Gap>,
}

impl Step<'_> {
    fn lacks(&self, gap: Gap) -> bool {
        self.gap == Some(gap)
    }

    fn entry(&mut self, id: u8) -> &mut Entry {
        &mut self.state.entries[usize::from(id)]
    }

    fn know(&mut self, id: u8, known: Known) {
        self.state.known[usize::from(id)] = known;
    }

    fn insert(&mut self, id: u8, bound: u8) {
        self.know(id, Known::InWheel(bound));
        self.entry(id).bound = bound;
        self.link(id);
    }

    fn remove(&mut self, id: u8) {
        match self.state.known[usize::from(id)] {
            Known::InHand { bound, .. } => self.know(id, Known::InHand { bound, ended: true }),
            _ => {
                self.know(id, Known::Nowhere);
                self.unlink(id);
                *self.entry(id) = UNLINKED;
            }
        }
    }

    fn put_back(&mut self, id: u8, bound: u8) {
        let Known::InHand { bound: old, ended } = self.state.known[usize::from(id)] else {
            unreachable!("it is in hand")
        };
        if ended {
            self.know(id, Known::Nowhere);
        } else {
            self.know(id, Known::InWheel(bound));
        }
        if !ended || self.lacks(Gap::PutBackAnyway) {
            self.entry(id).bound = if self.lacks(Gap::PutBackAsItWas) { old } else { bound };
            self.link(id);
            self.entry(id).bound = bound;
        }
    }

    fn take(&mut self) {
        let (now, found) = (self.state.now, self.find_due());
        let due = |known: &Known| matches!(*known, Known::InWheel(bound) if bound < now);
        let Some(id) = found else {
            if self.state.known.iter().any(due) {
                self.state.wrong = Some("what is due is not found");
            }
            return;
        };
        let known = self.state.known[usize::from(id)];
        match known {
            Known::InWheel(bound) if due(&known) => {
                self.know(id, Known::InHand { bound, ended: false });
                self.unlink(id);
                *self.entry(id) = UNLINKED;
            }
            _ => self.state.wrong = Some("what is found is not due"),
        }
    }

    fn find_due(&mut self) -> Option<u8> {
        let (now, only_first) = (self.state.now, self.lacks(Gap::OnlyFirstOfTick));
        // Each round brings a level down.
        for _ in 0..=self.program.levels {
            let (level, slot, tick) = self.earliest()?;
            if tick > now >> self.program.tick {
                return None;
            }
            if level > 0 {
                self.turn(tick);
                self.come_down(level, slot);
                continue;
            }
            let mut id = self.state.heads[0][usize::from(slot)];
            while id != NIL {
                if self.entry(id).bound < now || self.lacks(Gap::TickIsPast) {
                    return Some(id);
                }
                id = if only_first { NIL } else { self.entry(id).next };
            }
            return None;
        }
        self.state.wrong = Some("the wheel turns for ever");
        None
    }

    fn turn(&mut self, tick: u8) {
        let now = self.state.now >> self.program.tick;
        match self.gap {
            Some(Gap::TickNotMoved) => {}
            Some(Gap::TickMovedToNow) => self.state.tick = now,
            _ => self.state.tick = self.state.tick.max(tick),
        }
    }

    /// Level, slot and first tick of the earliest slot in use.
    fn earliest(&self) -> Option<(u8, u8, u8)> {
        let Program { digit, .. } = *self.program;
        let mut levels = (0..self.program.levels).filter(|&l| self.occupied(l) != 0);
        let last = self.lacks(Gap::HighestFirst);
        let level = if last { levels.next_back() } else { levels.next() }?;
        let slot = self.occupied(level).trailing_zeros() as u8;
        let above = self.state.tick >> (digit * level) >> digit << digit;
        let above = if self.lacks(Gap::DigitsAboveForgotten) { 0 } else { above };
        Some((level, slot, (above | slot) << (digit * level)))
    }

    fn occupied(&self, level: u8) -> u8 {
        self.state.occupied[usize::from(level)]
    }

    /// Spreads a slot over the levels below.
    fn come_down(&mut self, level: u8, slot: u8) {
        let head = &mut self.state.heads[usize::from(level)][usize::from(slot)];
        let mut id = std::mem::replace(head, NIL);
        if !self.lacks(Gap::ComeDownMarked) {
            self.state.occupied[usize::from(level)] &= !(1 << slot);
        }
        while id != NIL && !self.lacks(Gap::ComeDownForgotten) {
            let next = self.entry(id).next;
            self.link(id);
            id = if self.lacks(Gap::NextReadLate) { self.entry(id).next } else { next };
        }
    }

    /// Level and slot of a bound; one that has passed lies in the present slot.
    fn place(&self, bound: u8) -> (u8, u8) {
        let (digit, now) = (self.program.digit, self.state.tick);
        let tick = bound >> self.program.tick;
        let tick = if self.lacks(Gap::PassedAsItWas) { tick } else { tick.max(now) };
        let by_distance = self.lacks(Gap::LevelByDistance);
        let differing = if by_distance { tick - now } else { tick ^ now } | 1;
        let level = differing.ilog2() as u8 / digit;
        (level, (tick >> (digit * level)) % (1 << digit))
    }

    fn link(&mut self, id: u8) {
        let (level, slot) = self.place(self.state.entries[usize::from(id)].bound);
        let head = &mut self.state.heads[usize::from(level)][usize::from(slot)];
        let head = std::mem::replace(head, id);
        if !self.lacks(Gap::LinkedUnmarked) {
            self.state.occupied[usize::from(level)] |= 1 << slot;
        }
        self.entry(id).next = head;
        self.entry(id).previous = Previous::HeadOf(level, slot);
        if head != NIL && !self.lacks(Gap::HeadNotTold) {
            self.entry(head).previous = Previous::Entry(id);
        }
    }

    fn unlink(&mut self, id: u8) {
        let Entry { next, previous, .. } = *self.entry(id);
        if next != NIL && !self.lacks(Gap::NextNotTold) {
            self.entry(next).previous = previous;
        }
        match previous {
            Previous::Entry(previous) => self.entry(previous).next = next,
            Previous::HeadOf(..) if self.lacks(Gap::HeadKept) => {}
            Previous::HeadOf(level, slot) => {
                self.state.heads[usize::from(level)][usize::from(slot)] = next;
                if next == NIL && !self.lacks(Gap::EmptiedMarked) {
                    self.state.occupied[usize::from(level)] &= !(1 << slot);
                }
            }
            Previous::Unlinked => self.state.wrong = Some("it is in no list"),
        }
    }
}
