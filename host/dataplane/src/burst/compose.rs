//! From the inbox to a burst of events.

use super::classes::{Classes, Classified};
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
    chain: Chain,
}

impl Place {
    /// Of no set.
    pub(super) const fn alone(kind: EventKind) -> Self {
        Self { kind, member: NO_MEMBER, chain: Chain::NONE }
    }

    /// Among the members, not chained yet.
    fn of(kind: EventKind, member: u8) -> Self {
        Self { kind, member, chain: Chain::NONE }
    }
}

/// How an event is chained to the others of its set: the fields of [`Event`] that say so.
#[derive(Clone, Copy, Debug)]
struct Chain {
    state_offset: u32,
    previous: u32,
}

impl Chain {
    const NONE: Self = Self { state_offset: 0, previous: NO_PREVIOUS };
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
            const ORPHAN: Place = Place::alone(EventKind::OrphanPacket);
            self.push_packets(line, count, |_| ORPHAN);
        } else {
            self.skipped.extend(line.take_all(count));
        }
    }

    /// Composes the classified packets, while no set runs out: all their sets first, then all their
    /// events, each step in a function of its own, so that what it needs stays in registers.
    fn compose_quiet(&mut self, line: &mut Line) {
        let mut known = 0;
        if self.handles(EventKind::Packet) {
            known = match self.table.short_key_words() {
                Some(1) => self.meet_known(|table, _, _, packet| {
                    table.find_short::<1>(packet.head(), packet.hash(), packet.short_key())
                }),
                Some(2) => self.meet_known(|table, _, _, packet| {
                    table.find_short::<2>(packet.head(), packet.hash(), packet.short_key())
                }),
                _ => self.meet_known(|table, classes, index, packet| {
                    table.find(packet.hash(), classes.key(index))
                }),
            };
        }
        let mut events = known;
        for packet in known..self.classes.len() {
            let place = self.place(packet);
            self.places[packet] = self.chain(place, events as u32);
            events += usize::from(place.member != SKIPPED);
        }
        self.push_placed(line, events);
    }

    /// Finds the places of the first packets, up to the first one that is skipped or whose set is
    /// not known: so each is an event, and the heads of chains are as they were when the packets
    /// were looked at. Answers how many these are.
    #[inline(never)]
    fn meet_known(
        &mut self,
        find: impl Fn(&Table, &Classes, usize, &Classified) -> Option<u32>,
    ) -> usize {
        let orphan = self.orphan();
        let room = self.shape.state_room as u32;
        let Self { classes, table, members, places, number, states_length, .. } = self;
        for (index, packet) in classes.all().iter().enumerate() {
            if packet.is_orphan() {
                if orphan.member == SKIPPED {
                    return index;
                }
                places[index] = orphan;
                continue;
            }
            let Some(entry) = find(table, classes, index, packet) else { return index };
            let next = members.len() as u8;
            let member = table.meet(entry, packet.arrived_ns(), *number, next);
            let (state_offset, last) = (*states_length, index as u32);
            *states_length += room;
            let previous = if member == next {
                members.push(Member { last, state_offset, ..Member::new(entry, Stage::Live) });
                NO_PREVIOUS
            } else {
                std::mem::replace(&mut members[usize::from(member)].last, last)
            };
            let chain = Chain { state_offset, previous };
            places[index] = Place { kind: EventKind::Packet, member, chain };
        }
        classes.len()
    }

    /// Makes `events` events of packets, of which the others are skipped.
    #[inline(never)]
    fn push_placed(&mut self, line: &mut Line, events: usize) {
        let places = std::mem::take(&mut self.places);
        let placed = &places[..self.classes.len()];
        if events == placed.len() {
            self.push_packets(line, placed.len(), |packet| placed[packet]);
        } else {
            for (frame, place) in line.take_all(placed.len()).zip(placed) {
                self.push_packet(frame, *place);
            }
        }
        self.places = places;
    }

    /// Makes events of the next `count` packets of the line, of which none is skipped.
    // First all events, then all items: both at once need more registers than there are.
    #[inline(always)]
    fn push_packets(&mut self, line: &mut Line, count: usize, place: impl Fn(usize) -> Place) {
        let first = self.items.len();
        let mut writer = Writer::new(&self.shape, self.frames_length);
        let frames = line.last_first(count);
        let events = &mut self.events[first..][..count];
        let moments = &mut self.moments[first..][..count];
        for packet in 0..count {
            let arrival = Arrival::of_packet(&frames[count - 1 - packet], place(packet));
            (events[packet], moments[packet]) = writer.write(arrival);
        }
        self.frames_length = writer.frames_length;
        let frames = line.take_all(count).enumerate();
        self.items.extend(frames.map(|(packet, frame)| {
            let place = place(packet);
            Item::new(Some(frame), place.kind, place.member)
        }));
    }

    /// Chains the next event to those of its set, and gives it a place for its state.
    #[inline(always)]
    fn chain(&mut self, place: Place, event: u32) -> Place {
        // None has as many members as `NO_MEMBER` or `SKIPPED`.
        let Some(member) = self.members.get_mut(usize::from(place.member)) else { return place };
        let previous = std::mem::replace(&mut member.last, event);
        let state_offset = self.states_length;
        if previous == NO_PREVIOUS {
            member.state_offset = state_offset;
        }
        self.states_length += self.shape.state_room as u32;
        Place { chain: Chain { state_offset, previous }, ..place }
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
            let place = self.chain(place, self.items.len() as u32);
            self.push_packet(frame, place);
            classified += 1;
        }
        true
    }

    /// Whether the burst so far and this packet are not to be one.
    #[cold]
    fn ends_before(&self, classified: usize) -> bool {
        let (packet, key) = (self.classes.get(classified), self.classes.key(classified));
        let is_first = !packet.is_orphan() && self.table.find(packet.hash(), key).is_none();
        let begins_set = |item: &Item| item.kind == EventKind::InitPacketSet;
        !self.items.is_empty() && (is_first || self.items.iter().any(begins_set))
    }

    /// Makes a burst of one periodic event.
    pub(crate) fn compose_period(&mut self, index: u16, now_ns: u64) {
        self.begin();
        let place = Place::alone(EventKind::Periodic);
        let seed = now_ns ^ u64::from(index) << 56;
        self.push(Arrival { place, port: index, now_ns, seed, lengths: None }, None);
    }

    fn begin(&mut self) {
        self.number += 1;
        self.items.clear();
        self.members.clear();
        self.all_live = true;
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
        match self.classes.get(classified).is_orphan() {
            true => self.orphan(),
            false => self.compose_set(classified),
        }
    }

    #[inline(always)]
    fn orphan(&self) -> Place {
        let kind = EventKind::OrphanPacket;
        Place::of(kind, if self.handles(kind) { NO_MEMBER } else { SKIPPED })
    }

    /// What a packet of a set is to its set, and which member of the burst that is.
    fn compose_set(&mut self, classified: usize) -> Place {
        let (packet, key) = (self.classes.get(classified), self.classes.key(classified));
        let (hash, now_ns) = (packet.hash(), packet.arrived_ns());
        let Some(entry) = self.table.find(hash, key) else {
            let member = self.begin_set(classified, now_ns);
            return Place::of(EventKind::InitPacketSet, member);
        };
        let kind = EventKind::Packet;
        if !self.handles(kind) {
            self.table.touch(entry, now_ns);
            let member = self.table.place_in_burst(entry, self.number).unwrap_or(SKIPPED);
            return Place::of(kind, member);
        }
        let next = self.members.len() as u8;
        let member = self.table.meet(entry, now_ns, self.number, next);
        if member == next {
            self.members.push(Member::new(entry, Stage::Live));
        }
        Place::of(kind, member)
    }

    #[inline(never)]
    fn begin_set(&mut self, classified: usize, now_ns: u64) -> u8 {
        if !self.handles(EventKind::InitPacketSet) {
            return SKIPPED;
        }
        let entry = self.capacity.take(self.shape.worker).then(|| {
            let (hash, key) = (self.classes.get(classified).hash(), self.classes.key(classified));
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
        let place = Place::of(EventKind::ExpiredPacketSet, member);
        let place = self.chain(place, self.items.len() as u32);
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
        self.all_live &= stage == Stage::Live;
        index
    }

    #[inline(never)]
    fn push(&mut self, arrival: Arrival, frame: Option<Frame>) {
        let Place { kind, member, .. } = arrival.place;
        let event = self.items.len();
        let mut writer = Writer::new(&self.shape, self.frames_length);
        (self.events[event], self.moments[event]) = writer.write(arrival);
        self.frames_length = writer.frames_length;
        self.items.push(Item::new(frame, kind, member));
    }
}

/// Writes events, and knows how far the frames reach so far.
struct Writer {
    frames_length: u32,
    headroom: u32,
    /// No frame is as long as what is cut off of it here.
    window: u32,
}

impl Writer {
    #[inline(always)]
    fn new(shape: &Shape, frames_length: u32) -> Self {
        Self { frames_length, headroom: shape.headroom as u32, window: shape.window as u32 }
    }

    #[inline(always)]
    fn write(&mut self, arrival: Arrival) -> ([u8; EVENT_SIZE], Moment) {
        let Arrival { place: Place { kind, chain, .. }, port, now_ns, seed, lengths } = arrival;
        let (length, wire_length) = lengths.unwrap_or_default();
        let frame_offset = self.frames_length.next_multiple_of(8) + self.headroom;
        let frame_length = (length as u32).min(self.window);
        self.frames_length = frame_offset + frame_length;
        let Chain { state_offset, previous } = chain;
        let event =
            Event { kind, port, frame_offset, frame_length, wire_length, state_offset, previous };
        let origin = EventOrigin::new(kind, lengths.map(|_| port));
        (event.to_bytes(), Moment { now_ns, seed, origin })
    }
}
