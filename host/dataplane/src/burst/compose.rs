//! From the inbox to a burst of events.

use super::classes::Classes;
use super::{Burst, EVENTS_MAX, Item, Member, NO_MEMBER, Settled, Shape};
use crate::inbox::{Inbox, Line};
use crate::origin::EventOrigin;
use crate::packet_set::NONE;
use crate::packet_set::table::{Stage, Table};
use crate::services::Moment;
use nfos_engine::exchange::{EVENT_SIZE, Event, EventKind, NO_PREVIOUS};
use nfos_netio::Frame;

/// What a packet is to its set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    kind: EventKind,
    /// Its set among the members of the burst, [`NO_MEMBER`], or [`SKIPPED`].
    member: u8,
}

/// What is true of a packet that was classified.
const WAITS: &str = "classified packets are in line";

/// Of a packet that the network function does not handle.
const SKIPPED: u8 = NO_MEMBER - 1;

/// What an event is made of, beside its packet.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    place: Place,
    /// Ingress port, or index of the period.
    port: u16,
    now_ns: u64,
    seed: u64,
    /// Bytes of the frame, here and on the wire.
    lengths: Option<(usize, u32)>,
}

impl Arrival {
    #[inline(always)]
    fn of_packet(frame: &Frame, place: Place) -> Self {
        let port = frame.port.raw();
        let seed = frame.sequence ^ u64::from(port) << 48;
        let lengths = Some((frame.len(), frame.wire_length));
        Self { place, port, now_ns: frame.timestamp_ns, seed, lengths }
    }
}

impl Burst {
    #[inline(always)]
    fn handles(&self, kind: EventKind) -> bool {
        self.shape.handles[kind as usize]
    }

    /// Makes a burst of up to `limit` events of the packets in the inbox and of the sets that ran
    /// out before them; when the inbox is empty, of the sets that ran out before `until_ns`.
    pub(crate) fn compose(&mut self, inbox: &mut Inbox, limit: usize, until_ns: u64) {
        self.begin();
        let line = inbox.line_up();
        let limit = limit.clamp(1, EVENTS_MAX);
        if !self.classes.has_sets() {
            return self.compose_orphans(line, limit);
        }
        self.classes.look(line, limit, &self.table);
        if !self.shape.first_alone && self.is_quiet(line) {
            self.compose_quiet(line);
        } else if !self.compose_with_ends(line, limit) {
            return;
        }
        while line.is_empty() && self.items.len() < limit {
            match self.table.expired(until_ns) {
                Some((entry, deadline_ns)) if self.compose_end(entry, deadline_ns) => {}
                _ => return,
            }
        }
    }

    /// Where there are no packet sets: packets in order, and nothing runs out.
    // Apart from the rest, of which it shares nothing.
    #[inline(never)]
    fn compose_orphans(&mut self, line: &mut Line, limit: usize) {
        let count = limit.min(line.len());
        if self.handles(EventKind::OrphanPacket) {
            // Known to the compiler, which leaves out what concerns sets.
            const ORPHAN: Place = Place { kind: EventKind::OrphanPacket, member: NO_MEMBER };
            self.push_packets(line, count, |_| ORPHAN);
        } else {
            self.skipped.extend(line.take_all(count));
        }
    }

    /// Composes the classified packets, while no set runs out: all their sets first, then all their
    /// events, each step in a function of its own, so that what it needs stays in registers.
    fn compose_quiet(&mut self, line: &mut Line) {
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        if self.handles(EventKind::Packet) {
            match self.table.has_short_keys() {
                true => self.meet_known(&mut places, |table, classes, packet| {
                    let (head, hash) = (classes.head(packet), classes.hash(packet));
                    table.find_short(head, hash, classes.short_key(packet))
                }),
                false => self.meet_known(&mut places, |table, classes, packet| {
                    table.find(classes.hash(packet), classes.key(packet))
                }),
            }
        }
        // From the first set on that is not known.
        for packet in places.len()..self.classes.len() {
            places.push(self.place(packet));
        }
        self.push_placed(line, &places);
        self.places = places;
    }

    /// The places of the first packets, up to the first one whose set is not known: so the heads of
    /// chains are as they were when the packets were looked at.
    #[inline(never)]
    fn meet_known(
        &mut self,
        places: &mut Vec<Place>,
        find: impl Fn(&Table, &Classes, usize) -> Option<u32>,
    ) {
        let orphan = self.orphan();
        let Self { classes, table, members, number, .. } = self;
        for packet in 0..classes.len() {
            if classes.is_orphan(packet) {
                places.push(orphan);
                continue;
            }
            let Some(entry) = find(table, classes, packet) else { return };
            let next = members.len() as u8;
            let member = table.meet(entry, classes.arrived_ns(packet), *number, next);
            if member == next {
                members.push(Member::new(entry, Stage::Live));
            }
            places.push(Place { kind: EventKind::Packet, member });
        }
    }

    #[inline(never)]
    fn push_placed(&mut self, line: &mut Line, places: &[Place]) {
        if places.iter().all(|place| place.member != SKIPPED) {
            let first = self.items.len();
            self.push_packets(line, places.len(), |packet| places[packet]);
            return self.chain(first);
        }
        for (frame, place) in line.take_all(places.len()).zip(places) {
            self.push_packet(frame, *place);
        }
    }

    /// Makes events of the next `count` packets of the line, of which none is skipped.
    // One iterator, and places counted by hand: a chain of several keeps them in memory here.
    #[inline(always)]
    fn push_packets(&mut self, line: &mut Line, count: usize, place: impl Fn(usize) -> Place) {
        let Self { items, shape, frames_length, .. } = self;
        let first = items.len();
        let mut writer = Writer { frames_length: *frames_length, shape };
        let (events, moments) = (&mut *self.events, &mut *self.moments);
        let mut event = first;
        items.extend(line.take_all(count).map(|frame| {
            let place = place(event - first);
            let slots = (&mut events[event], &mut moments[event]);
            writer.write(Arrival::of_packet(&frame, place), slots);
            event += 1;
            Item::new(Some(frame), place.kind, place.member)
        }));
        *frames_length = writer.frames_length;
    }

    /// Chains the events of each set, from event `first` on, and gives each a place for its state.
    #[inline(always)]
    fn chain(&mut self, first: usize) {
        let room = self.shape.state_room as u32;
        let events = self.items[first..].iter().zip(&mut self.events[first..]);
        for (index, (item, event)) in (first as u32..).zip(events) {
            // None has as many members as `NO_MEMBER`.
            let Some(member) = self.members.get_mut(usize::from(item.member)) else { continue };
            let previous = std::mem::replace(&mut member.last, index);
            if previous == NO_PREVIOUS {
                member.state_offset = self.states_length;
            }
            Event::set_chain_in(event, self.states_length, previous);
            self.states_length += room;
        }
    }

    /// Whether no set runs out before the last of the classified packets.
    #[inline]
    fn is_quiet(&self, line: &Line) -> bool {
        let Some(last) = self.classes.len().checked_sub(1).and_then(|last| line.get(last)) else {
            return true;
        };
        let first = line.get(0).expect(WAITS);
        last.timestamp_ns <= self.table.quiet_until_ns(first.timestamp_ns)
    }

    /// Composes the classified packets, and the end of each set before the first packet after it;
    /// `false` if the burst must end before a set does.
    fn compose_with_ends(&mut self, line: &mut Line, limit: usize) -> bool {
        let mut classified = 0;
        while self.items.len() < limit && classified < self.classes.len() {
            let now_ns = line.get(0).expect(WAITS).timestamp_ns;
            if let Some((entry, deadline_ns)) = self.table.expired(now_ns) {
                if !self.compose_end(entry, deadline_ns) {
                    return false;
                }
                continue;
            }
            if self.shape.first_alone && self.ends_before(classified) {
                return true;
            }
            let frame = line.take().expect(WAITS);
            let place = self.place(classified);
            self.push_packet(frame, place);
            classified += 1;
        }
        true
    }

    /// Whether the burst so far and this packet are not to be one.
    #[cold]
    fn ends_before(&self, classified: usize) -> bool {
        let (hash, key) = (self.classes.hash(classified), self.classes.key(classified));
        let is_orphan = self.classes.is_orphan(classified);
        let is_first = !is_orphan && self.table.find(hash, key).is_none();
        let begins_set = |item: &Item| item.kind == EventKind::InitPacketSet;
        !self.items.is_empty() && (is_first || self.items.iter().any(begins_set))
    }

    /// Makes a burst of one periodic event.
    pub(crate) fn compose_period(&mut self, index: u16, now_ns: u64) {
        self.begin();
        let place = Place { kind: EventKind::Periodic, member: NO_MEMBER };
        let seed = now_ns ^ u64::from(index) << 56;
        self.push(Arrival { place, port: index, now_ns, seed, lengths: None }, None);
    }

    fn begin(&mut self) {
        self.number += 1;
        self.items.clear();
        self.members.clear();
        (self.frames_length, self.states_length) = (0, 0);
        self.settled = Settled::default();
    }

    fn push_packet(&mut self, frame: Frame, place: Place) {
        if place.member == SKIPPED {
            self.skipped.push(frame);
        } else {
            self.push(Arrival::of_packet(&frame, place), Some(frame));
        }
    }

    fn place(&mut self, classified: usize) -> Place {
        match self.classes.is_orphan(classified) {
            true => self.orphan(),
            false => self.compose_set(classified),
        }
    }

    #[inline(always)]
    fn orphan(&self) -> Place {
        let kind = EventKind::OrphanPacket;
        Place { kind, member: if self.handles(kind) { NO_MEMBER } else { SKIPPED } }
    }

    /// What a packet of a set is to its set, and which member of the burst that is.
    fn compose_set(&mut self, classified: usize) -> Place {
        let (hash, key) = (self.classes.hash(classified), self.classes.key(classified));
        let now_ns = self.classes.arrived_ns(classified);
        let Some(entry) = self.table.find(hash, key) else {
            let member = self.begin_set(classified, now_ns);
            return Place { kind: EventKind::InitPacketSet, member };
        };
        let kind = EventKind::Packet;
        if !self.handles(kind) {
            self.table.touch(entry, now_ns);
            let member = self.table.place_in_burst(entry, self.number).unwrap_or(SKIPPED);
            return Place { kind, member };
        }
        let next = self.members.len() as u8;
        let member = self.table.meet(entry, now_ns, self.number, next);
        if member == next {
            self.members.push(Member::new(entry, Stage::Live));
        }
        Place { kind, member }
    }

    #[inline(never)]
    fn begin_set(&mut self, classified: usize, now_ns: u64) -> u8 {
        if !self.handles(EventKind::InitPacketSet) {
            return SKIPPED;
        }
        let entry = self.capacity.take(self.shape.worker).then(|| {
            let (hash, key) = (self.classes.hash(classified), self.classes.key(classified));
            let inserted = self.table.insert(hash, key, now_ns);
            inserted.expect("a table has an entry for every place there is")
        });
        self.join(entry, Stage::Tentative)
    }

    /// Composes the end of a set; `false` if the burst must end before it, because the set has
    /// events in it.
    fn compose_end(&mut self, entry: u32, deadline_ns: u64) -> bool {
        if self.table.place_in_burst(entry, self.number).is_some() {
            return false;
        }
        if !self.handles(EventKind::ExpiredPacketSet) {
            self.table.remove(entry);
            self.capacity.give(self.shape.worker);
            self.changes.expired += 1;
            return true;
        }
        self.table.begin_expiry(entry);
        let member = self.join(Some(entry), Stage::Expiring);
        let place = Place { kind: EventKind::ExpiredPacketSet, member };
        let seed = deadline_ns ^ u64::from(entry) << 32;
        self.push(Arrival { place, port: 0, now_ns: deadline_ns, seed, lengths: None }, None);
        true
    }

    /// A set has its first event in this burst.
    fn join(&mut self, entry: Option<u32>, stage: Stage) -> u8 {
        let index = self.members.len() as u8;
        if let Some(entry) = entry {
            self.table.place_or_join(entry, self.number, index);
        }
        self.members.push(Member::new(entry.unwrap_or(NONE), stage));
        index
    }

    #[inline(never)]
    fn push(&mut self, arrival: Arrival, frame: Option<Frame>) {
        let Place { kind, member } = arrival.place;
        let Self { items, shape, frames_length, .. } = self;
        let event = items.len();
        let mut writer = Writer { frames_length: *frames_length, shape };
        writer.write(arrival, (&mut self.events[event], &mut self.moments[event]));
        *frames_length = writer.frames_length;
        items.push(Item::new(frame, kind, member));
        self.chain(event);
    }
}

/// Writes events, as if they were of no set. How far the frames reach stays in a register.
struct Writer<'a> {
    frames_length: u32,
    shape: &'a Shape,
}

impl Writer<'_> {
    #[inline(always)]
    fn write(&mut self, arrival: Arrival, (event, moment): (&mut [u8; EVENT_SIZE], &mut Moment)) {
        let Arrival { place: Place { kind, .. }, port, now_ns, seed, lengths } = arrival;
        let (length, wire_length) = lengths.unwrap_or_default();
        let frame_offset = self.frames_length.next_multiple_of(8) + self.shape.headroom as u32;
        // No frame is as long as what is cut off of the window here.
        let frame_length = (length as u32).min(self.shape.window as u32);
        self.frames_length = frame_offset + frame_length;
        let (state_offset, previous) = (0, NO_PREVIOUS);
        *event =
            Event { kind, port, frame_offset, frame_length, wire_length, state_offset, previous }
                .to_bytes();
        let of_port = lengths.map(|_| port);
        let origin = EventOrigin { kind: Some(kind), port: of_port }.pack();
        *moment = Moment { now_ns, seed, origin };
    }
}
