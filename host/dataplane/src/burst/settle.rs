//! Into a guest, and what of the burst stands afterwards.

use super::{Burst, Ending, Item, Member, Settled};
use crate::packet_set::table::Stage;
use crate::reasons::HostReason;
use crate::services::WorkerServices;
use nfos_engine::exchange::{
    Action, EVENT_SIZE, Event, Exchange, Layout, NO_PREVIOUS, Registration, VERDICT_SIZE, Verdict,
};
use nfos_engine::fault::GuestFault;
use nfos_sync::{Bug, seeded};

impl Burst {
    /// Checks one verdict's numbers.
    #[inline]
    fn check(&self, item: &Item, verdict: &Verdict) -> Result<(), &'static str> {
        match verdict.action {
            Action::Drop(reason) if item.frame.is_some() => {
                let known = usize::from(reason) < self.shape.reasons;
                return if known { Ok(()) } else { Err("a drop reason that it did not describe") };
            }
            Action::Drop(_) | Action::Consume => return Ok(()),
            Action::Send(_) | Action::Flood => {}
        }
        if item.frame.is_none() {
            return Err("an event without a packet sends none");
        }
        let first = item.frame_offset - self.shape.headroom as u32;
        let end = u64::from(item.frame_offset) + u64::from(item.frame_length);
        let verdict_end = u64::from(verdict.frame_offset) + u64::from(verdict.frame_length);
        if verdict.frame_offset < first || verdict_end > end {
            return Err("a frame lies outside the bytes of its event");
        }
        Ok(())
    }

    /// Reads and checks the verdicts; whether any asks for registration.
    #[inline]
    fn read(&mut self, verdicts: &[[u8; VERDICT_SIZE]]) -> Result<bool, GuestFault> {
        self.verdicts.clear();
        let mut registers = false;
        for (index, (bytes, item)) in verdicts.iter().zip(&self.items).enumerate() {
            let verdict = Verdict::load(bytes)?;
            self.check(item, &verdict).map_err(|rule| bad_verdict(index, rule))?;
            registers |= verdict.registration != Registration::None;
            self.verdicts.push(verdict);
        }
        Ok(registers)
    }

    /// Follows the registrations; answers the first event that has to be undone, if its run left
    /// something to undo.
    #[cold]
    fn register(&mut self, services: &WorkerServices) -> Result<Option<usize>, GuestFault> {
        let mut cut = None;
        for (index, verdict) in self.verdicts.iter().enumerate() {
            if verdict.registration == Registration::None {
                continue;
            }
            let item = &mut self.items[index];
            let Some(member) = item.member.map(|member| &mut self.members[usize::from(member)])
            else {
                return Err(bad_verdict(index, "registration of an event without a packet set"));
            };
            if member.registered {
                return Err(bad_verdict(index, "registration of a packet set that has state"));
            }
            if member.entry.is_some() {
                member.registered = true;
                continue;
            }
            (item.effective, item.refused) = (false, true);
            if verdict.registration == Registration::Required {
                item.ending = Ending::Dropped(HostReason::PacketSetTableFull.into());
            }
            let unit = (index as u32).min(services.units() - 1);
            if cut.is_none() && services.left_a_trace(unit) {
                cut = Some(index);
            }
        }
        Ok(cut)
    }

    /// Copies out what the first `finished` events leave, all but those that are dropped.
    #[inline]
    fn copy_out(&mut self, finished: usize, frames: &[u8]) {
        for (item, verdict) in self.items.iter_mut().zip(&self.verdicts).take(finished) {
            self.changes.refused += u64::from(item.refused);
            if item.ending != Ending::Again {
                continue;
            }
            item.ending = Ending::Stands(verdict.action);
            let (Action::Send(_) | Action::Flood, Some(frame)) = (verdict.action, &mut item.frame)
            else {
                continue;
            };
            let start = verdict.frame_offset as usize;
            let window = &frames[start..start + verdict.frame_length as usize];
            if frame.replace_front(item.frame_length as usize, window).is_err() {
                item.ending = Ending::Dropped(HostReason::FrameTooLong.into());
            }
        }
    }

    /// Finds, for each set, its last event that stands and leaves state.
    #[inline]
    fn follow_states(&mut self, stands: usize) {
        if stands < self.items.len() {
            return self.follow_states_of_some(stands);
        }
        for member in &mut self.members {
            member.state_from = member.registered.then_some(member.last);
        }
    }

    #[cold]
    fn follow_states_of_some(&mut self, stands: usize) {
        for member in &mut self.members {
            member.registered = member.stage != Stage::Tentative;
        }
        for (index, verdict) in self.verdicts.iter().enumerate().take(stands) {
            let Some(member) = self.items[index].member else { continue };
            let member = &mut self.members[usize::from(member)];
            let registers = verdict.registration != Registration::None && member.entry.is_some();
            member.registered |= registers;
            let keeps_first = seeded(Bug::UndoneInAscendingOrder) && member.state_from.is_some();
            if member.registered && !keeps_first {
                member.state_from = Some(index as u32);
            }
        }
    }

    /// Brings the table to where the finished events leave it, and undoes what the others composed.
    #[inline]
    pub(super) fn settle_sets(&mut self, finished: usize, states: &[u8]) {
        for member in self.members.iter().rev() {
            let Some(entry) = member.entry else { continue };
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
            if let Some(index) = member.state_from
                && self.shape.state_bytes > 0
            {
                let at = self.items[index as usize].state_offset as usize;
                self.table.store_state(entry, &states[at..at + self.shape.state_bytes]);
            }
        }
    }
}

impl Burst {
    /// The state that a set has as the burst begins.
    #[inline]
    pub(super) fn load_state(&self, member: u8, to: &mut [u8]) {
        match self.members[usize::from(member)] {
            Member { entry: Some(entry), stage: Stage::Live | Stage::Expiring, .. } => {
                self.table.load_state(entry, to);
            }
            _ => to.fill(0),
        }
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
        for (item, to) in self.items.iter().zip(events) {
            let event = Event {
                kind: item.kind,
                port: item.port,
                frame_offset: item.frame_offset,
                frame_length: item.frame_length,
                wire_length: item.frame.as_ref().map_or(0, |frame| frame.wire_length),
                state_offset: item.state_offset,
                previous: item.previous,
            };
            event.store(to);
            if let Some(frame) = &item.frame {
                let (at, length) = (item.frame_offset as usize, item.frame_length as usize);
                frames[at..at + length].copy_from_slice(&frame.bytes()[..length]);
            }
            if let Some(member) = item.member
                && item.previous == NO_PREVIOUS
            {
                let at = item.state_offset as usize;
                self.load_state(member, &mut states[at..at + self.shape.state_bytes]);
            }
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
        let registers = self.read(verdicts)?;
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
        self.copy_out(finished, frames);
        self.settle_sets(finished, states);
        self.settled = Settled { finished, aborts, isolate: 0, accepted: true };
        Ok(())
    }
}
