//! From the inbox to a burst of events.

use super::{Burst, EVENTS_MAX, Ending, Item, Member, NO_MEMBER, Settled};
use crate::origin::EventOrigin;
use crate::packet_set::NONE;
use crate::packet_set::table::Stage;
use crate::services::Moment;
use nfos_engine::exchange::{Event, EventKind, NO_PREVIOUS, Registration};
use nfos_netio::Frame;
use std::collections::VecDeque;

impl Burst {
    fn handles(&self, kind: EventKind) -> bool {
        self.shape.handles[kind as usize]
    }

    /// Makes a burst of up to `limit` events of the packets in the inbox and of the sets that ran
    /// out before them; when the inbox is empty, of the sets that ran out before `until_ns`.
    pub(crate) fn compose(&mut self, inbox: &mut VecDeque<Frame>, limit: usize, until_ns: u64) {
        self.begin();
        let limit = limit.clamp(1, EVENTS_MAX);
        if !self.classes.has_sets() {
            return self.compose_orphans(inbox, limit);
        }
        self.classes.look(inbox, limit, &self.table);
        if !self.shape.first_alone && self.is_quiet(inbox) {
            for (classified, frame) in inbox.drain(..self.classes.len()).enumerate() {
                self.compose_packet(frame, classified);
            }
        } else if !self.compose_with_ends(inbox, limit) {
            return;
        }
        while inbox.is_empty() && self.items.len() < limit {
            match self.table.expired(until_ns) {
                Some((entry, deadline_ns)) if self.compose_end(entry, deadline_ns) => {}
                _ => return,
            }
        }
    }

    /// Where there are no packet sets: packets in order, and nothing runs out.
    // Apart from the rest, of which it shares nothing.
    #[inline(never)]
    fn compose_orphans(&mut self, inbox: &mut VecDeque<Frame>, limit: usize) {
        let packets = inbox.drain(..limit.min(inbox.len()));
        if self.handles(EventKind::OrphanPacket) {
            for frame in packets {
                self.push_packet(EventKind::OrphanPacket, frame, None);
            }
        } else {
            self.skipped.extend(packets);
        }
    }

    /// Whether no set runs out before the last of the classified packets.
    #[inline]
    fn is_quiet(&self, inbox: &VecDeque<Frame>) -> bool {
        let (Some(first), Some(last)) = (inbox.front(), self.classes.len().checked_sub(1)) else {
            return true;
        };
        let quiet_until_ns = self.table.quiet_until_ns(first.timestamp_ns);
        inbox[last].timestamp_ns <= quiet_until_ns
    }

    /// Composes the classified packets, and the end of each set before the first packet after it;
    /// `false` if the burst must end before a set does.
    fn compose_with_ends(&mut self, inbox: &mut VecDeque<Frame>, limit: usize) -> bool {
        let mut classified = 0;
        while self.items.len() < limit && classified < self.classes.len() {
            let now_ns = inbox[0].timestamp_ns;
            if let Some((entry, deadline_ns)) = self.table.expired(now_ns) {
                if !self.compose_end(entry, deadline_ns) {
                    return false;
                }
                continue;
            }
            if self.shape.first_alone && self.ends_before(classified) {
                return true;
            }
            let frame = inbox.pop_front().expect("classified packets are in the inbox");
            self.compose_packet(frame, classified);
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
        let moment = Moment::new(now_ns, now_ns ^ u64::from(index) << 56);
        self.push(EventKind::Periodic, index, None, moment, None);
    }

    fn begin(&mut self) {
        self.number += 1;
        self.items.clear();
        self.events.clear();
        self.moments.clear();
        self.members.clear();
        (self.frames_length, self.states_length) = (0, 0);
        self.settled = Settled::default();
    }

    #[inline(always)]
    fn compose_packet(&mut self, frame: Frame, classified: usize) {
        let (kind, member) = match self.classes.is_orphan(classified) {
            true => (EventKind::OrphanPacket, None),
            false => self.compose_set(classified, frame.timestamp_ns),
        };
        if member.is_none() && !self.handles(kind) {
            self.skipped.push(frame);
        } else {
            self.push_packet(kind, frame, member);
        }
    }

    /// What a packet of a set is to its set, and which member of the burst that is: none, if the
    /// network function does not handle it.
    #[inline(always)]
    fn compose_set(&mut self, classified: usize, now_ns: u64) -> (EventKind, Option<u8>) {
        let (hash, key) = (self.classes.hash(classified), self.classes.key(classified));
        let Some(entry) = self.table.find(hash, key) else {
            return (EventKind::InitPacketSet, self.begin_set(classified, now_ns));
        };
        self.table.touch(entry, now_ns);
        let member = match self.table.place_in_burst(entry, self.number) {
            Some(member) => Some(member),
            None if self.handles(EventKind::Packet) => Some(self.join(Some(entry), Stage::Live)),
            None => None,
        };
        (EventKind::Packet, member)
    }

    #[inline(never)]
    fn begin_set(&mut self, classified: usize, now_ns: u64) -> Option<u8> {
        if !self.handles(EventKind::InitPacketSet) {
            return None;
        }
        let entry = self.capacity.take(self.shape.worker).then(|| {
            let (hash, key) = (self.classes.hash(classified), self.classes.key(classified));
            let inserted = self.table.insert(hash, key, now_ns);
            inserted.expect("a table has an entry for every place there is")
        });
        Some(self.join(entry, Stage::Tentative))
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
        let moment = Moment::new(deadline_ns, deadline_ns ^ u64::from(entry) << 32);
        self.push(EventKind::ExpiredPacketSet, 0, None, moment, Some(member));
        true
    }

    /// A set has its first event in this burst.
    #[inline]
    fn join(&mut self, entry: Option<u32>, stage: Stage) -> u8 {
        let index = self.members.len() as u8;
        if let Some(entry) = entry {
            self.table.set_place_in_burst(entry, self.number, index);
        }
        self.members.push(Member {
            entry: entry.unwrap_or(NONE),
            last: NO_PREVIOUS,
            state_offset: self.states_length,
            state_from: NO_PREVIOUS,
            stage,
            registered: stage != Stage::Tentative,
        });
        index
    }

    #[inline(always)]
    fn push_packet(&mut self, kind: EventKind, frame: Frame, member: Option<u8>) {
        let port = frame.port.raw();
        let seed = frame.sequence ^ u64::from(port) << 48;
        let moment = Moment::new(frame.timestamp_ns, seed);
        self.push(kind, port, Some(frame), moment, member);
    }

    #[inline(always)]
    fn push(
        &mut self,
        kind: EventKind,
        port: u16,
        frame: Option<Frame>,
        moment: Moment,
        member: Option<u8>,
    ) {
        let index = self.items.len() as u32;
        let frame_offset = self.frames_length.next_multiple_of(8) + self.shape.headroom as u32;
        let frame_length =
            frame.as_ref().map_or(0, |frame| frame.len().min(self.shape.window) as u32);
        self.frames_length = frame_offset + frame_length;
        let mut previous = NO_PREVIOUS;
        let mut state_offset = 0;
        if let Some(member) = member {
            previous = std::mem::replace(&mut self.members[usize::from(member)].last, index);
            state_offset = self.states_length;
            self.states_length += self.shape.state_room as u32;
        }
        let wire_length = frame.as_ref().map_or(0, |frame| frame.wire_length);
        let event =
            Event { kind, port, frame_offset, frame_length, wire_length, state_offset, previous };
        self.events.push(event.to_bytes());
        let origin = EventOrigin { kind: Some(kind), port: frame.as_ref().map(|_| port) }.pack();
        self.moments.push(Moment { origin, ..moment });
        self.items.push(Item {
            frame,
            ending: Ending::Again,
            kind,
            effective: true,
            refused: false,
            registration: Registration::None,
            member: member.unwrap_or(NO_MEMBER),
            frame_offset,
            frame_length,
            sent: (0, 0),
        });
    }
}
