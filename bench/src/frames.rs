//! Bursts of frames that cross into a guest and back.

use nfos_engine::exchange::{
    Action, EVENT_SIZE, Event, EventKind, Exchange, Layout, NO_PREVIOUS, VERDICT_SIZE, Verdict,
};
use nfos_engine::fault::GuestFault;
use nfos_engine::services::Services;

/// Frames that take turns: few enough for the second-level cache at any size, since what is
/// measured is the crossing, and more than the first-level cache holds of any but the smallest.
const FRAMES: usize = 256;

/// Bytes that a frame check sequence has, which never crosses.
const FCS: usize = 4;

/// Bursts of packets, each copied from a buffer of its own and back into another.
pub struct Frames {
    received: Vec<Box<[u8]>>,
    sent: Vec<Box<[u8]>>,
    burst: usize,
    next: usize,
}

impl Frames {
    /// Bursts of `burst` frames of `size` bytes on the wire.
    pub fn new(burst: usize, size: usize) -> Self {
        let frame = |index: usize| (0..size - FCS).map(|at| (at + index) as u8).collect();
        let received: Vec<Box<[u8]>> = (0..FRAMES).map(frame).collect();
        let sent = received.iter().map(|frame| vec![0; frame.len()].into()).collect();
        Self { received, sent, burst, next: 0 }
    }

    /// Goes on to the next frames.
    #[inline]
    pub fn advance(&mut self) {
        self.next = (self.next + self.burst) % FRAMES;
    }

    /// Whether every frame of the burst at hand came back with its MAC addresses swapped.
    pub fn came_back_swapped(&self) -> bool {
        let burst = self.next..self.next + self.burst;
        let pairs = self.received[burst.clone()].iter().zip(&self.sent[burst]);
        pairs.into_iter().all(|(received, sent)| {
            received[..6] == sent[6..12]
                && received[6..12] == sent[..6]
                && received[12..] == sent[12..]
        })
    }

    fn length(&self) -> usize {
        self.received[0].len()
    }

    /// From frame to frame in the guest's buffer: as the dataplane has it, a multiple of 8.
    fn stride(&self) -> usize {
        self.length().next_multiple_of(8)
    }
}

impl<S: Services> Exchange<S> for Frames {
    #[inline]
    fn layout(&self) -> Layout {
        let frames = (self.burst - 1) * self.stride() + self.length();
        Layout { events: self.burst as u32, frames: frames as u32, states: 0 }
    }

    #[inline]
    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], _: &mut [u8]) {
        let received = &self.received[self.next..self.next + self.burst];
        let stride = self.stride();
        for (index, (frame, to)) in received.iter().zip(events).enumerate() {
            let offset = index * stride;
            let event = Event {
                kind: EventKind::OrphanPacket,
                port: 0,
                frame_offset: offset as u32,
                frame_length: frame.len() as u32,
                wire_length: frame.len() as u32,
                state_offset: 0,
                previous: NO_PREVIOUS,
            };
            *to = event.to_bytes();
            frames[offset..offset + frame.len()].copy_from_slice(frame);
        }
    }

    #[inline]
    fn accept(
        &mut self,
        _: &mut S,
        verdicts: &[[u8; VERDICT_SIZE]],
        frames: &[u8],
        _: &[u8],
    ) -> Result<(), GuestFault> {
        let sent = &mut self.sent[self.next..self.next + self.burst];
        if verdicts.len() != sent.len() {
            return Err(GuestFault::BadOutcome("too few verdicts".to_owned()));
        }
        for (to, verdict) in sent.iter_mut().zip(verdicts) {
            let verdict = Verdict::load(verdict)?;
            let start = verdict.frame_offset as usize;
            let frame = &frames[start..start + verdict.frame_length as usize];
            if verdict.action != Action::Send(1) || frame.len() != to.len() {
                return Err(GuestFault::BadOutcome("not the verdict of a mirror".to_owned()));
            }
            to.copy_from_slice(frame);
        }
        Ok(())
    }
}

/// A burst of one periodic event.
pub struct Period(pub u16);

impl<S: Services> Exchange<S> for Period {
    fn layout(&self) -> Layout {
        Layout { events: 1, frames: 0, states: 0 }
    }

    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], _: &mut [u8], _: &mut [u8]) {
        let event = Event {
            kind: EventKind::Periodic,
            port: self.0,
            frame_offset: 0,
            frame_length: 0,
            wire_length: 0,
            state_offset: 0,
            previous: NO_PREVIOUS,
        };
        events[0] = event.to_bytes();
    }

    fn accept(
        &mut self,
        _: &mut S,
        verdicts: &[[u8; VERDICT_SIZE]],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), GuestFault> {
        match Verdict::load(&verdicts[0])?.action {
            Action::Consume => Ok(()),
            _ => Err(GuestFault::BadOutcome("a periodic event is consumed".to_owned())),
        }
    }
}
