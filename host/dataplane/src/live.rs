//! Live ports: every worker polls its own queue of each port, and time is that of the clock.

use crate::counters::Counters;
use crate::egress::{Egress, Origin};
use crate::reasons::{DropReason, HostReason};
use crate::rebalance::Mover;
use crate::services::WorkerServices;
use crate::worker::Worker;
use nfos_engine::guest::Guest;
use nfos_netio::{Frame, Pool, Queue, Received};
use nfos_sync::Waiting;
use nfos_sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// How often a port is offered frames before they are dropped.
const TRANSMIT_TRIES: usize = 16;

/// Marks, in a frame's sequence number, a frame that is no received packet.
const FURTHER: u64 = 1 << 63;

/// Time since the start of the run, in nanoseconds, from the time-stamp counter: calibrated, the
/// same on all cores, and no system call.
#[derive(Clone, Debug)]
pub(crate) struct LiveClock {
    clock: quanta::Clock,
    start: quanta::Instant,
}

impl LiveClock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        let clock = quanta::Clock::new();
        let start = clock.now();
        Self { clock, start }
    }

    /// Nanoseconds since the start, and one: so that no time is 0.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        self.clock.now().duration_since(self.start).as_nanos() as u64 + 1
    }
}

/// Frames on their way out through one port.
#[derive(Debug)]
struct Staged {
    frames: Vec<Frame>,
    /// Of these, frames that are no received packets.
    further: u64,
}

/// A worker's queues.
pub(crate) struct LivePorts {
    queues: Vec<Box<dyn Queue>>,
    /// Frames to transmit, by port.
    staged: Vec<Staged>,
    /// Of a queue, while some of it is kept back.
    received: Vec<Frame>,
    pool: Pool,
    counters: Arc<Counters>,
}

impl LivePorts {
    /// Over one queue of each port, with `frames` frames of up to `frame_bytes`.
    pub(crate) fn new(
        queues: Vec<Box<dyn Queue>>,
        frames: usize,
        frame_bytes: usize,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            staged: queues
                .iter()
                .map(|_| Staged { frames: Vec::with_capacity(frames), further: 0 })
                .collect(),
            queues,
            received: Vec::with_capacity(frames),
            pool: Pool::new(frames, frame_bytes),
            counters,
        }
    }

    /// Frames that a queue plays in each round; 0 if it plays none.
    pub(crate) fn round(&self, port: usize) -> usize {
        self.queues[port].round()
    }

    /// Of all queues: see [`Queue::begin_drain`].
    pub(crate) fn begin_drain(&mut self) {
        self.queues.iter_mut().for_each(|queue| queue.begin_drain());
    }

    /// Of all queues: see [`Queue::is_drained`].
    pub(crate) fn is_drained(&self) -> bool {
        self.queues.iter().all(|queue| queue.is_drained())
    }

    /// Takes what one queue has, up to `max` packets.
    #[inline]
    fn receive(
        &mut self,
        now_ns: u64,
        port: usize,
        max: usize,
        frames: &mut Vec<Frame>,
    ) -> Received {
        self.queues[port].rx_burst(now_ns, frames, &mut self.pool, max)
    }

    fn transmit(&mut self, port: usize) {
        let Staged { frames, further } = &mut self.staged[port];
        let count = frames.len() as u64;
        let packets = count - std::mem::take(further);
        let (mut waiting, mut bytes) = (Waiting::new(), 0);
        for _ in 0..TRANSMIT_TRIES {
            bytes += self.queues[port].tx_burst(frames, &mut self.pool);
            if frames.is_empty() {
                break;
            }
            waiting.pause();
        }
        let of_port = &self.counters.ports[port];
        of_port.transmitted.add(count - frames.len() as u64);
        of_port.transmitted_bytes.add(bytes);
        if frames.is_empty() {
            self.counters.sent.add(packets);
        } else {
            self.refuse(port, packets);
        }
    }

    /// Drops what a port did not take, of frames among which there were so many received packets.
    #[cold]
    fn refuse(&mut self, port: usize, packets: u64) {
        let frames = &mut self.staged[port].frames;
        let left = frames.len() as u64;
        let left_packets = frames.iter().filter(|f| f.sequence & FURTHER == 0).count() as u64;
        let reason = DropReason::from(HostReason::TransmitRefused).index();
        self.counters.ports[port].refused.add(left);
        self.counters.sent.add(packets - left_packets);
        self.counters.drops[reason].add(left_packets);
        self.counters.refusals[reason].add(left - left_packets);
        self.pool.give_all(frames);
    }
}

impl Egress for LivePorts {
    #[inline]
    fn send(&mut self, port: u16, mut frame: Frame, origin: Origin) {
        let staged = &mut self.staged[usize::from(port)];
        if origin == Origin::Further {
            frame.sequence |= FURTHER;
            staged.further += 1;
        }
        staged.frames.push(frame);
    }

    #[inline]
    fn send_packets(&mut self, port: u16, frames: impl Iterator<Item = Frame>) {
        self.staged[usize::from(port)].frames.extend(frames);
    }

    #[inline]
    fn spare(&mut self) -> Option<Frame> {
        self.pool.take()
    }

    #[inline]
    fn recycle(&mut self, frame: Frame) {
        self.pool.give(frame);
    }

    #[inline]
    fn flush(&mut self) {
        for port in 0..self.staged.len() {
            if !self.staged[port].frames.is_empty() {
                self.transmit(port);
            }
        }
    }
}

/// Runs one worker until its ports end or it is told to stop; packets it has taken are handled
/// before it returns, but those that wait for their sets. With a `mover`, entries of the steering
/// table come and go.
pub(crate) fn work<G: Guest<WorkerServices>>(
    worker: &mut Worker<G, LivePorts>,
    mut mover: Option<Mover>,
    burst_max: usize,
    clock: &LiveClock,
    stop: &AtomicBool,
) {
    worker.watch(clock);
    let mut waiting = Waiting::new();
    let mut now_ns = clock.now_ns();
    while !stop.load(Ordering::Relaxed) {
        let polled = poll(worker, &mut mover, burst_max, now_ns);
        worker.run(now_ns);
        if let Some(mover) = &mut mover {
            mover.turn(worker, now_ns);
        }
        let after_ns = clock.now_ns();
        match polled {
            Received::Frames { .. } => {
                worker.counters().busy_ns.add(after_ns - now_ns);
                waiting = Waiting::new();
            }
            Received::Idle => {
                worker.rest();
                waiting.pause();
            }
            Received::Ended => break,
        }
        now_ns = after_ns;
    }
    if let Some(mover) = &mut mover {
        mover.leave(worker, now_ns);
        worker.run(now_ns);
    }
    worker.rest();
    worker.hand_in();
}

/// Takes up to `max` packets of one port; with a `mover`, some of them may be kept back.
#[inline]
pub(crate) fn take<G: Guest<WorkerServices>>(
    worker: &mut Worker<G, LivePorts>,
    mover: &mut Option<Mover>,
    port: usize,
    max: usize,
    now_ns: u64,
) -> Received {
    match mover {
        Some(mover) if mover.is_parking() => {
            let mut received = std::mem::take(&mut worker.egress().received);
            let answer = worker.egress().receive(now_ns, port, max, &mut received);
            mover.park(worker, &mut received);
            received.drain(..).for_each(|frame| worker.receive(frame));
            worker.egress().received = received;
            answer
        }
        _ => worker.receive_from(port, |ports, arrived| ports.receive(now_ns, port, max, arrived)),
    }
}

/// Takes what the ports have, each up to a burst. Ended if all have.
fn poll<G: Guest<WorkerServices>>(
    worker: &mut Worker<G, LivePorts>,
    mover: &mut Option<Mover>,
    burst_max: usize,
    now_ns: u64,
) -> Received {
    let (mut frames, mut all_bytes, mut ended) = (0, 0, 0);
    let ports = worker.egress().queues.len();
    for port in 0..ports {
        match take(worker, mover, port, burst_max, now_ns) {
            Received::Frames { count, bytes } => {
                (frames, all_bytes) = (frames + count, all_bytes + bytes);
            }
            Received::Idle => {}
            Received::Ended => ended += 1,
        }
    }
    match frames {
        0 if ended == ports => Received::Ended,
        0 => Received::Idle,
        count => Received::Frames { count, bytes: all_bytes },
    }
}
