//! A burst that crosses event by event, all within one transaction, so that whoever plays several
//! workers on one thread can let others run in between.
//!
//! The guest sees bursts of one event. What it returns is kept here, as it would lie in its memory
//! had all crossed at once, and [`Burst::accept`] takes it at the end.

use super::Burst;
use crate::services::WorkerServices;
use nfos_engine::exchange::{
    EVENT_SIZE, Event, EventKind, Exchange, Layout, NO_PREVIOUS, Registration, VERDICT_SIZE,
    Verdict,
};
use nfos_engine::fault::GuestFault;

/// What has come back so far.
#[derive(Debug, Default)]
pub(super) struct Steps {
    frames: Vec<u8>,
    states: Vec<u8>,
    verdicts: Vec<[u8; VERDICT_SIZE]>,
    /// Whether the event left its set with state, by event.
    keeps: Vec<bool>,
}

/// The next event of a burst.
pub(crate) struct Step<'a>(pub &'a mut Burst);

/// Whether a burst goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whether {
    /// It has more events.
    GoesOn,
    /// It has none.
    Ends,
    /// It was told to stop before this one.
    Stops,
}

impl Burst {
    /// The composed burst is to cross event by event.
    pub(crate) fn begin_steps(&mut self) {
        let Steps { frames, states, verdicts, keeps } = &mut self.steps;
        frames.clear();
        frames.resize(self.frames_length as usize, 0);
        states.clear();
        states.resize(self.states_length as usize, 0);
        verdicts.clear();
        keeps.clear();
    }

    /// How many events have crossed.
    pub(crate) fn stepped(&self) -> usize {
        self.steps.verdicts.len()
    }

    /// Decides the burst as if all that has come back had come at once.
    ///
    /// # Errors
    /// As [`Exchange::accept`].
    pub(crate) fn end_steps(&mut self, services: &mut WorkerServices) -> Result<(), GuestFault> {
        let steps = std::mem::take(&mut self.steps);
        let answer = self.accept(services, &steps.verdicts, &steps.frames, &steps.states);
        self.steps = steps;
        answer
    }

    /// The kind that the event has by what the events before it have answered.
    fn kind_now(&self, index: usize) -> EventKind {
        match self.event(index).previous {
            NO_PREVIOUS => self.items[index].kind,
            previous if self.steps.keeps[previous as usize] => EventKind::Packet,
            _ => EventKind::InitPacketSet,
        }
    }
}

impl Exchange<WorkerServices> for Step<'_> {
    fn layout(&self) -> Layout {
        let index = self.0.stepped();
        let (item, event) = (&self.0.items[index], self.0.event(index));
        let state_bytes = self.0.shape.state_room as u32;
        Layout {
            events: 1,
            frames: self.0.shape.headroom as u32 + event.frame_length,
            states: if item.member().is_some() { state_bytes } else { 0 },
        }
    }

    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], states: &mut [u8]) {
        let (burst, headroom) = (&*self.0, self.0.shape.headroom);
        let index = burst.stepped();
        let (item, kind) = (&burst.items[index], burst.kind_now(index));
        let composed = burst.event(index);
        let event = Event {
            kind,
            frame_offset: headroom as u32,
            state_offset: 0,
            previous: NO_PREVIOUS,
            ..composed
        };
        events[0] = event.to_bytes();
        if let Some(frame) = &item.frame {
            frames[headroom..].copy_from_slice(&frame.bytes()[..composed.frame_length as usize]);
        }
        let Some(member) = item.member() else { return };
        let state = &mut states[..burst.shape.state_room];
        match (composed.previous, kind) {
            (NO_PREVIOUS, _) => burst.load_state(member, state),
            (_, EventKind::InitPacketSet) => state.fill(0),
            (previous, _) => {
                let at = burst.event(previous as usize).state_offset as usize;
                state.copy_from_slice(&burst.steps.states[at..at + burst.shape.state_room]);
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
        let [verdict] = verdicts else {
            if verdicts.is_empty() && services.doomed_at().is_some() {
                return Ok(());
            }
            let rule = format!("{} verdicts for 1 event", verdicts.len());
            return Err(GuestFault::BadOutcome(rule));
        };
        let burst = &mut *self.0;
        let index = burst.stepped();
        let kind = burst.kind_now(index);
        let composed = burst.event(index);
        let (item, steps) = (&burst.items[index], &mut burst.steps);
        let Verdict { registration, frame_offset, .. } = Verdict::load(verdict)?;
        let first = composed.frame_offset - burst.shape.headroom as u32;
        let mut moved = *verdict;
        // Saturating, so that an offset that lies nowhere does not come to lie somewhere.
        moved[4..8].copy_from_slice(&frame_offset.saturating_add(first).to_le_bytes());
        steps.verdicts.push(moved);
        steps.keeps.push(kind != EventKind::InitPacketSet || registration != Registration::None);
        steps.frames[first as usize..][..frames.len()].copy_from_slice(frames);
        if item.member().is_some() {
            steps.states[composed.state_offset as usize..][..states.len()].copy_from_slice(states);
        }
        Ok(())
    }
}
