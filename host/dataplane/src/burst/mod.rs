//! The burst in hand: which events it has, how it goes into a guest, and what of it stands.
//!
//! **Composing** takes packets in order of time from the inbox and makes events of them, with the
//! ends of idle packet sets in between, each where its time is. Packets of one set are chained:
//! each event knows the one before it, and has a place of its own for the state it leaves, so that
//! a prefix of the burst can stand while the rest runs again. Original frames and states stay
//! untouched until then: nothing has to be undone in them.
//!
//! **Accepting** happens while the guest's buffers are at hand: the verdicts are checked, what the
//! registrations ask for is settled, the transaction commits its longest valid prefix, and only
//! then are frames and states of that prefix copied out.
//!
//! A registration for which there is no room undoes its event. If the event left no trace in
//! aggregate state that is nothing but forgetting its effects. Otherwise the burst is cut there:
//! the events before it commit, it is finished without a commit, and those behind it run again.

mod classes;
mod compose;
mod settle;
mod steps;

use crate::packet_set::capacity::Capacity;
use crate::packet_set::table::{Stage, Table};
use crate::reasons::DropReason;
use crate::services::Moment;
use classes::Classes;
use compose::Place;
use nfos_engine::description::Description;
use nfos_engine::exchange::{Action, EVENT_SIZE, Event, EventKind, NO_PREVIOUS, Registration};
use nfos_netio::{Classifier, Frame};
use std::sync::Arc;
use steps::Steps;
pub(crate) use steps::{Step, Whether};

/// Most events of a burst.
pub const EVENTS_MAX: usize = 64;

/// What the burst needs to know of the network function and the run.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Which worker this is.
    pub worker: usize,
    /// By [`EventKind`]: whether the network function handles it.
    pub handles: [bool; 5],
    /// Bytes of whole words that a packet-set state takes.
    pub state_room: usize,
    /// Leading bytes of a frame that it sees.
    pub window: usize,
    /// Bytes by which a frame may grow at its front.
    pub headroom: usize,
    /// Drop reasons of its own.
    pub reasons: usize,
    /// Of the hash of packet-set keys.
    pub hash_seed: u64,
    /// Whether the first packet of a set has a burst of its own, as in the NFOS prototype.
    pub first_alone: bool,
}

impl Shape {
    /// Of a worker.
    pub(crate) fn new(worker: usize, description: &Description, hash_seed: u64) -> Self {
        let mut handles = [false; 5];
        for kind in &description.handles {
            handles[*kind as usize] = true;
        }
        Self {
            worker,
            handles,
            state_room: (description.state_size as usize).next_multiple_of(8),
            window: match description.window {
                0 => usize::MAX,
                window => window as usize,
            },
            headroom: description.headroom as usize,
            reasons: description.drop_reasons.len(),
            hash_seed,
            first_alone: false,
        }
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its run stands; what the verdict says happens.
    Stands(Action),
    /// Its run does not stand, and it is not run again.
    Dropped(DropReason),
    /// It runs again.
    Again,
}

/// One event of the burst. When it happens is in [`Burst::moments`].
#[derive(Debug)]
pub(crate) struct Item {
    /// The packet, if there is one.
    pub frame: Option<Frame>,
    /// What becomes of it; until the burst is decided, what its verdict asks for.
    pub ending: Ending,
    /// Which handler.
    pub kind: EventKind,
    /// Whether what it did through `send`, `log` and `emit` happens.
    pub effective: bool,
    /// Whether its set asked for registration and found no room.
    refused: bool,
    /// What its verdict says of its set.
    registration: Registration,
    /// Index of its packet set in `members`, or [`NO_MEMBER`].
    member: u8,
}

impl Item {
    /// Of which nothing is decided.
    #[inline(always)]
    fn new(frame: Option<Frame>, kind: EventKind, member: u8) -> Self {
        Self {
            frame,
            ending: Ending::Again,
            kind,
            effective: true,
            refused: false,
            registration: Registration::None,
            member,
        }
    }

    /// How often it was tried, this time included.
    #[inline]
    pub(crate) fn runs(&self) -> u32 {
        self.frame.as_ref().map_or(0, |frame| frame.tries) + 1
    }

    #[inline]
    fn member(&self) -> Option<usize> {
        (self.member != NO_MEMBER).then_some(usize::from(self.member))
    }
}

/// Of an event without a packet set. There are fewer members than this.
const NO_MEMBER: u8 = u8::MAX;

/// A packet set with events in the burst.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// In the table; `NONE`: there was no room for it.
    entry: u32,
    /// Its last event so far.
    last: u32,
    /// Where the state lies that its first event finds.
    state_offset: u32,
    /// Its last event that stands and leaves state, or [`NO_PREVIOUS`].
    state_from: u32,
    stage: Stage,
    /// Whether the verdicts read so far leave it with state.
    registered: bool,
}

impl Member {
    /// Of which no event is known yet.
    #[inline(always)]
    fn new(entry: u32, stage: Stage) -> Self {
        Self {
            entry,
            last: NO_PREVIOUS,
            state_offset: 0,
            state_from: NO_PREVIOUS,
            stage,
            registered: stage != Stage::Tentative,
        }
    }
}

/// Packet sets that came to life or ended with a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetChanges {
    /// Got state.
    pub registered: u64,
    /// Ended.
    pub expired: u64,
    /// Found no room.
    pub refused: u64,
}

/// What became of a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Leading events that are finished: their runs stand, or they are dropped.
    pub finished: usize,
    /// Runs of events that were thrown away because of a conflict.
    pub aborts: usize,
    /// Leading events that have to run alone to find out more.
    pub isolate: usize,
    /// Whether the guest's outcome was taken.
    pub accepted: bool,
}

/// The burst, and the packet sets that its events belong to.
#[derive(Debug)]
pub(crate) struct Burst {
    shape: Shape,
    capacity: Arc<Capacity>,
    table: Table,
    number: u64,
    items: Vec<Item>,
    /// The events as the guest gets them; as many as there are items.
    events: Box<[[u8; EVENT_SIZE]; EVENTS_MAX]>,
    /// When the events happen; likewise.
    moments: Box<[Moment; EVENTS_MAX]>,
    members: Vec<Member>,
    /// Whether every member is live.
    all_live: bool,
    /// Of the packets that were looked at, while they are composed; [`EVENTS_MAX`].
    places: Vec<Place>,
    classes: Classes,
    frames_length: u32,
    states_length: u32,
    skipped: Vec<Frame>,
    changes: SetChanges,
    settled: Settled,
    steps: Steps,
}

impl Burst {
    /// An empty burst over an empty table.
    pub(crate) fn new(
        shape: Shape,
        classifier: Arc<Classifier>,
        capacity: Arc<Capacity>,
        table: Table,
    ) -> Self {
        Self {
            classes: Classes::new(classifier, shape.hash_seed, table.key_words()),
            shape,
            capacity,
            number: 0,
            items: Vec::with_capacity(EVENTS_MAX),
            events: Box::new([[0; EVENT_SIZE]; EVENTS_MAX]),
            moments: Box::new([Moment::default(); EVENTS_MAX]),
            members: Vec::with_capacity(EVENTS_MAX),
            all_live: true,
            places: vec![Place::alone(EventKind::OrphanPacket); EVENTS_MAX],
            table,
            frames_length: 0,
            states_length: 0,
            skipped: Vec::with_capacity(EVENTS_MAX),
            changes: SetChanges::default(),
            settled: Settled::default(),
            steps: Steps::default(),
        }
    }

    /// The events.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// When they happen.
    #[inline]
    pub(crate) fn moments(&self) -> &[Moment] {
        &self.moments[..self.items.len()]
    }

    /// When one of them happens, until the next is composed.
    pub(crate) fn moment(&self, event: usize) -> Moment {
        self.moments[event]
    }

    /// The most runs of the events before `finished`, this one included.
    #[inline]
    pub(crate) fn runs_max(&self, finished: usize) -> u32 {
        let items = &self.items[..finished];
        // Packets that run again come before all others: if the first does not, none does.
        match items.first() {
            Some(Item { frame: Some(frame), .. }) if frame.tries == 0 => 1,
            _ => items.iter().map(Item::runs).max().unwrap_or(0),
        }
    }

    /// Where the state lies that an event finds and leaves.
    #[inline(always)]
    fn state_offset(&self, event: usize) -> usize {
        Event::state_offset_in(&self.events[event]) as usize
    }

    /// An event as the guest gets it.
    fn event(&self, index: usize) -> Event {
        Event::load(&self.events[index]).expect("it was stored")
    }

    /// The events, to take what is finished.
    pub(crate) fn items_mut(&mut self) -> &mut Vec<Item> {
        &mut self.items
    }

    /// Packets for which there is no handler, taken from the inbox with the burst.
    pub(crate) fn skipped(&mut self) -> &mut Vec<Frame> {
        &mut self.skipped
    }

    /// What became of it.
    pub(crate) fn settled(&self) -> Settled {
        self.settled
    }

    /// What happened to packet sets since the last call.
    pub(crate) fn take_changes(&mut self) -> SetChanges {
        std::mem::take(&mut self.changes)
    }

    /// The state of every packet set that has some.
    #[cfg(test)]
    pub(crate) fn states(&self, bytes: usize) -> Vec<Vec<u8>> {
        self.table.states(bytes)
    }

    /// Packet sets that have state now.
    pub(crate) fn sets_live(&self) -> usize {
        self.table.live()
    }

    /// The packet sets; to be changed while no burst is open.
    pub(crate) fn table(&mut self) -> &mut Table {
        &mut self.table
    }

    /// When the next packet set runs out.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.table.deadline_ns()
    }

    /// Nothing of the burst stands. Of a burst of one event, `reason` says why it is dropped for
    /// good.
    pub(crate) fn fail(&mut self, reason: Option<DropReason>) {
        for member in &mut self.members {
            member.registered = member.stage != Stage::Tentative;
            member.state_from = NO_PREVIOUS;
        }
        let finished = if reason.is_some() { self.items.len() } else { 0 };
        self.settle_sets(finished, &[]);
        for item in &mut self.items {
            item.effective = false;
            item.ending = reason.map_or(Ending::Again, Ending::Dropped);
        }
        self.settled = Settled { finished, ..self.settled };
    }

    /// Nothing of the burst stands, since what it had read was changed meanwhile.
    pub(crate) fn fail_in_conflict(&mut self) {
        self.fail(None);
        self.settled.aborts = self.items.len();
    }
}
