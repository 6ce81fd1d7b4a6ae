//! Into a guest, and what of the burst stands afterwards.

use super::{Burst, Ending, Item, Member, Settled, Shape};
use crate::packet_set::NONE;
use crate::packet_set::table::Stage;
use crate::reasons::HostReason;
use crate::services::WorkerServices;
use nfos_engine::exchange::{
    Action, EVENT_SIZE, Event, Exchange, Layout, NO_PREVIOUS, Registration, VERDICT_SIZE, Verdict,
};
use nfos_engine::fault::GuestFault;
use nfos_netio::copy_short;
use nfos_sync::{Bug, seeded};

impl Item {
    /// Checks the numbers of its verdict.
    #[inline(always)]
    fn check(
        &self,
        verdict: &Verdict,
        (offset, length): (u32, u32),
        shape: &Shape,
    ) -> Result<(), &'static str> {
        match verdict.action {
            Action::Send(_) | Action::Flood => {}
            Action::Drop(reason) if self.frame.is_some() => {
                let known = usize::from(reason) < shape.reasons;
                return if known { Ok(()) } else { Err("a drop reason that it did not describe") };
            }
            Action::Drop(_) | Action::Consume => return Ok(()),
        }
        if self.frame.is_none() {
            return Err("an event without a packet sends none");
        }
        let first = offset - shape.headroom as u32;
        let end = u64::from(offset) + u64::from(length);
        let verdict_end = u64::from(verdict.frame_offset) + u64::from(verdict.frame_length);
        if verdict.frame_offset < first || verdict_end > end {
            return Err("a frame lies outside the bytes of its event");
        }
        Ok(())
    }
}

impl Burst {
    /// Whether each verdict sends the packet of its event, from where it lay, and no more.
    #[inline(always)]
    fn are_plain(&self, verdicts: &[[u8; VERDICT_SIZE]]) -> bool {
        let events = self.items.iter().zip(&self.events[..]);
        verdicts.iter().zip(events).all(|(verdict, (item, event))| {
            Verdict::sends_in_place(verdict, event).is_some() && item.frame.is_some()
        })
    }

    /// Reads and checks the verdicts; whether any asks for registration.
    #[inline(always)]
    fn read(&mut self, verdicts: &[[u8; VERDICT_SIZE]]) -> Result<bool, GuestFault> {
        let mut registers = false;
        let events = self.items.iter_mut().zip(&self.events[..]);
        for (index, (bytes, (item, event))) in verdicts.iter().zip(events).enumerate() {
            if let Some(port) = Verdict::sends_in_place(bytes, event)
                && item.frame.is_some()
            {
                item.ending = Ending::Stands(Action::Send(port));
                item.registration = Registration::None;
            } else {
                let verdict = Verdict::load(bytes)?;
                let checked = item.check(&verdict, Event::frame_in(event), &self.shape);
                checked.map_err(|rule| bad_verdict(index, rule))?;
                registers |= verdict.registration != Registration::None;
                item.ending = Ending::Stands(verdict.action);
                item.registration = verdict.registration;
            }
        }
        Ok(registers)
    }

    /// Follows the registrations; answers the first event that has to be undone, if its run left
    /// something to undo.
    #[cold]
    fn register(&mut self, services: &WorkerServices) -> Result<Option<usize>, GuestFault> {
        let mut cut = None;
        for (index, item) in self.items.iter_mut().enumerate() {
            if item.registration == Registration::None {
                continue;
            }
            let Some(member) = item.member().map(|member| &mut self.members[member]) else {
                return Err(bad_verdict(index, "registration of an event without a packet set"));
            };
            if member.registered {
                return Err(bad_verdict(index, "registration of a packet set that has state"));
            }
            if member.entry != NONE {
                member.registered = true;
                continue;
            }
            (item.effective, item.refused) = (false, true);
            if item.registration == Registration::Required {
                item.ending = Ending::Dropped(HostReason::PacketSetTableFull.into());
            }
            let unit = (index as u32).min(services.units() - 1);
            if cut.is_none() && services.left_a_trace(unit) {
                cut = Some(index);
            }
        }
        Ok(cut)
    }

    /// Notes what plain verdicts say, which were only looked at until now, and copies out what the
    /// first `finished` events leave.
    #[inline(always)]
    fn copy_out_plain(&mut self, finished: usize, verdicts: &[[u8; VERDICT_SIZE]], frames: &[u8]) {
        let crossed = self.events.iter().zip(verdicts);
        for (item, (event, verdict)) in self.items[..finished].iter_mut().zip(crossed) {
            item.ending = Ending::Stands(Action::Send(Verdict::target_in(verdict)));
            let (start, length) = Event::frame_in(event);
            let window = &frames[start as usize..][..length as usize];
            item.frame.as_mut().expect("it is sent").replace_bytes(window);
        }
    }

    /// Copies out what the first `finished` events leave, all but those that are dropped.
    #[inline(always)]
    fn copy_out(&mut self, finished: usize, verdicts: &[[u8; VERDICT_SIZE]], frames: &[u8]) {
        let crossed = self.events.iter().zip(verdicts);
        let mut refused = 0;
        for (item, (event, verdict)) in self.items[..finished].iter_mut().zip(crossed) {
            refused += u64::from(item.refused);
            let (Ending::Stands(Action::Send(_) | Action::Flood), Some(frame)) =
                (item.ending, &mut item.frame)
            else {
                continue;
            };
            let (start, length) = Verdict::frame_in(verdict);
            let window = &frames[start as usize..][..length as usize];
            let (_, given) = Event::frame_in(event);
            if frame.replace_front(given as usize, window).is_err() {
                item.ending = Ending::Dropped(HostReason::FrameTooLong.into());
            }
        }
        self.changes.refused += refused;
    }

    /// Finds, for each set, its last event that stands and leaves state.
    #[inline]
    fn follow_states(&mut self, stands: usize) {
        if stands < self.items.len() {
            return self.follow_states_of_some(stands);
        }
        for member in &mut self.members {
            member.state_from = if member.registered { member.last } else { NO_PREVIOUS };
        }
    }

    #[cold]
    fn follow_states_of_some(&mut self, stands: usize) {
        for member in &mut self.members {
            member.registered = member.stage != Stage::Tentative;
        }
        for (index, item) in self.items.iter().enumerate().take(stands) {
            let Some(member) = item.member() else { continue };
            let member = &mut self.members[member];
            let registers = item.registration != Registration::None && member.entry != NONE;
            member.registered |= registers;
            let has_one = member.state_from != NO_PREVIOUS;
            let keeps_first = seeded(Bug::UndoneInAscendingOrder) && has_one;
            if member.registered && !keeps_first {
                member.state_from = index as u32;
            }
        }
    }

    /// Brings the table to where the finished events leave it, and undoes what the others composed.
    #[inline]
    pub(super) fn settle_sets(&mut self, finished: usize, states: &[u8]) {
        if self.members.is_empty() || self.all_live && self.store_short(states) {
            return;
        }
        for member in self.members.iter().rev() {
            let entry = member.entry;
            if entry == NONE {
                continue;
            }
            match member.stage {
                Stage::Live => {}
                Stage::Tentative if member.registered => {
                    self.table.confirm(entry);
                    self.changes.registered += 1;
                }
                Stage::Tentative => {
                    self.table.remove(entry);
                    self.capacity.give(self.shape.worker);
                    continue;
                }
                Stage::Expiring if (member.last as usize) < finished => {
                    self.table.remove(entry);
                    self.capacity.give(self.shape.worker);
                    self.changes.expired += 1;
                    continue;
                }
                Stage::Expiring => self.table.restore(entry),
            }
            if member.state_from != NO_PREVIOUS && self.shape.state_room > 0 {
                let at = self.state_offset(member.state_from as usize);
                self.table.store_state(entry, &states[at..at + self.shape.state_room]);
            }
        }
    }
}

/// States of sets that are all live, as in most bursts: copied in a loop that knows how long they
/// are, if they are short.
impl Burst {
    /// The states that the sets have as the burst begins.
    #[inline]
    fn load_states(&mut self, states: &mut [u8]) {
        if self.all_live && self.load_short(states) {
            return;
        }
        for (index, member) in self.members.iter().enumerate() {
            let at = member.state_offset as usize;
            self.load_state(index, &mut states[at..at + self.shape.state_room]);
        }
    }

    /// The state that a set has as the burst begins.
    #[inline]
    pub(super) fn load_state(&self, member: usize, to: &mut [u8]) {
        match self.members[member] {
            Member { entry, stage: Stage::Live | Stage::Expiring, .. } if entry != NONE => {
                self.table.load_state(entry, to);
            }
            _ => to.fill(0),
        }
    }

    /// Whether it did.
    #[inline]
    fn load_short(&mut self, states: &mut [u8]) -> bool {
        self.load_short_of::<2, 1>(states)
            || self.load_short_of::<2, 2>(states)
            || self.load_short_of::<1, 1>(states)
            || self.load_short_of::<1, 2>(states)
            || self.load_short_of::<1, 3>(states)
    }

    #[inline(always)]
    fn load_short_of<const KEY: usize, const STATE: usize>(&mut self, states: &mut [u8]) -> bool {
        let Some(table) = self.table.short_states::<KEY, STATE>() else { return false };
        for member in &self.members {
            table.load(member.entry, &mut states[member.state_offset as usize..][..8 * STATE]);
        }
        true
    }

    /// Whether it did.
    #[inline]
    fn store_short(&mut self, states: &[u8]) -> bool {
        let has_none = self.shape.state_room == 0;
        has_none
            || self.store_short_of::<2, 1>(states)
            || self.store_short_of::<2, 2>(states)
            || self.store_short_of::<1, 1>(states)
            || self.store_short_of::<1, 2>(states)
            || self.store_short_of::<1, 3>(states)
    }

    #[inline(always)]
    fn store_short_of<const KEY: usize, const STATE: usize>(&mut self, states: &[u8]) -> bool {
        let Some(mut table) = self.table.short_states::<KEY, STATE>() else { return false };
        for member in self.members.iter().filter(|member| member.state_from != NO_PREVIOUS) {
            let at = Event::state_offset_in(&self.events[member.state_from as usize]);
            table.store(member.entry, &states[at as usize..][..8 * STATE]);
        }
        true
    }
}

#[cold]
fn bad_verdict(index: usize, rule: &str) -> GuestFault {
    GuestFault::BadOutcome(format!("verdict {index}: {rule}"))
}

impl Exchange<WorkerServices> for Burst {
    #[inline]
    fn layout(&self) -> Layout {
        Layout {
            events: self.items.len() as u32,
            frames: self.frames_length,
            states: self.states_length,
        }
    }

    #[inline]
    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], states: &mut [u8]) {
        events.copy_from_slice(&self.events[..self.items.len()]);
        for (item, event) in self.items.iter().zip(&self.events[..]) {
            if let Some(frame) = &item.frame {
                let (at, length) = Event::frame_in(event);
                let (at, length) = (at as usize, length as usize);
                copy_short(&mut frames[at..at + length], &frame.bytes()[..length]);
            }
        }
        if self.shape.state_room > 0 {
            self.load_states(states);
        }
    }

    fn accept(
        &mut self,
        services: &mut WorkerServices,
        verdicts: &[[u8; VERDICT_SIZE]],
        frames: &[u8],
        states: &[u8],
    ) -> Result<(), GuestFault> {
        let events = services.doomed_at().map_or(self.items.len(), |event| event as usize);
        if verdicts.len() != events {
            let rule = format!("{} verdicts for {events} events", verdicts.len());
            return Err(GuestFault::BadOutcome(rule));
        }
        let plain = self.are_plain(verdicts);
        let registers = !plain && self.read(verdicts)?;
        let cut = if registers { self.register(services)? } else { None };
        let units = services.units() as usize;
        if cut.is_some_and(|cut| cut >= units || (cut + 1 == units && events > units)) {
            // The unit to undo has other events too.
            services.abandon();
            self.fail(None);
            self.settled = Settled { isolate: self.items.len(), accepted: true, ..self.settled };
            return Ok(());
        }
        let end = cut.unwrap_or(units);
        let commit = services.commit(end as u32);
        let (stands, finished) = match (commit.committed == end, cut) {
            (true, None) => (events, events),
            (true, Some(cut)) => (cut, cut + 1),
            (false, _) => (commit.committed, commit.committed),
        };
        let failed = commit.conflict.is_some() || services.doomed_at().is_some();
        let aborts = if failed { self.items.len() - finished } else { 0 };
        for item in &mut self.items[finished..] {
            (item.effective, item.ending) = (false, Ending::Again);
        }
        self.follow_states(stands);
        match plain {
            true => self.copy_out_plain(finished, verdicts, frames),
            false => self.copy_out(finished, verdicts, frames),
        }
        self.settle_sets(finished, states);
        self.settled = Settled { finished, aborts, isolate: 0, accepted: true };
        Ok(())
    }
}
