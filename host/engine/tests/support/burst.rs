//! A burst of frames of one byte value each, and what came back.

use nfos_engine::exchange::{
    EVENT_SIZE, Event, EventKind, Exchange, Layout, NO_PREVIOUS, VERDICT_SIZE, Verdict,
};
use nfos_engine::fault::GuestFault;
use nfos_engine::services::Services;

pub const FRAME: u32 = 64;
pub const STATE: u32 = 8;
pub const HEADROOM: u32 = 16;
const STRIDE: u32 = FRAME + HEADROOM;

/// `events` packets; frame `i` is filled with `i`, its state with `100 + i`.
#[derive(Debug)]
pub struct Burst {
    pub events: u32,
    pub verdicts: Vec<Verdict>,
    pub frames: Vec<u8>,
    pub states: Vec<u8>,
    /// What `accept` is to answer instead.
    pub refusal: Option<GuestFault>,
}

impl Burst {
    pub fn of(events: u32) -> Self {
        let [frames, states] =
            [STRIDE, STATE].map(|size| Vec::with_capacity((events * size) as usize));
        Self {
            events,
            verdicts: Vec::with_capacity(events as usize),
            frames,
            states,
            refusal: None,
        }
    }

    pub fn frame(&self, event: u32) -> &[u8] {
        let at = (event * STRIDE + HEADROOM) as usize;
        &self.frames[at..at + FRAME as usize]
    }

    pub fn state(&self, event: u32) -> &[u8] {
        let at = (event * STATE) as usize;
        &self.states[at..at + STATE as usize]
    }
}

pub fn event(index: u32) -> Event {
    Event {
        kind: EventKind::Packet,
        port: 3 + index as u16,
        frame_offset: index * STRIDE + HEADROOM,
        frame_length: FRAME,
        wire_length: 2 * FRAME,
        state_offset: index * STATE,
        previous: NO_PREVIOUS,
    }
}

impl<S: Services> Exchange<S> for Burst {
    fn layout(&self) -> Layout {
        Layout { events: self.events, frames: self.events * STRIDE, states: self.events * STATE }
    }

    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], states: &mut [u8]) {
        for (index, to) in (0..).zip(events) {
            *to = event(index).to_bytes();
        }
        for (index, frame) in (0..).zip(frames.chunks_mut(STRIDE as usize)) {
            frame.fill(index);
        }
        for (index, state) in (100..).zip(states.chunks_mut(STATE as usize)) {
            state.fill(index);
        }
    }

    fn accept(
        &mut self,
        _: &mut S,
        verdicts: &[[u8; VERDICT_SIZE]],
        frames: &[u8],
        states: &[u8],
    ) -> Result<(), GuestFault> {
        self.verdicts.clear();
        self.frames.clear();
        self.states.clear();
        for verdict in verdicts {
            self.verdicts.push(Verdict::load(verdict)?);
        }
        self.frames.extend_from_slice(frames);
        self.states.extend_from_slice(states);
        self.refusal.clone().map_or(Ok(()), Err)
    }
}
