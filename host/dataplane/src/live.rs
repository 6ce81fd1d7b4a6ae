//! Live ports: every worker polls its own queue of each port, and time is that of the clock.

use crate::counters::Counters;
use crate::egress::{Egress, Origin};
use crate::reasons::{DropReason, HostReason};
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

/// A worker's queues.
pub(crate) struct LivePorts {
    queues: Vec<Box<dyn Queue>>,
    /// Frames to transmit, by port.
    staged: Vec<Vec<Frame>>,
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
            staged: queues.iter().map(|_| Vec::with_capacity(frames)).collect(),
            queues,
            received: Vec::with_capacity(frames),
            pool: Pool::new(frames, frame_bytes),
            counters,
        }
    }

    /// Takes what one queue has, up to `max` packets, into `self.received`.
    fn receive(&mut self, port: usize, max: usize) -> Received {
        self.queues[port].rx_burst(&mut self.received, &mut self.pool, max)
    }

    fn transmit(&mut self, port: usize) {
        let staged = &mut self.staged[port];
        let (frames, bytes) = (staged.len() as u64, bytes_of(staged));
        let packets = packets_of(staged);
        let mut waiting = Waiting::new();
        for _ in 0..TRANSMIT_TRIES {
            self.queues[port].tx_burst(staged, &mut self.pool);
            if staged.is_empty() {
                break;
            }
            waiting.pause();
        }
        let (left, left_packets) = (staged.len() as u64, packets_of(staged));
        let of_port = &self.counters.ports[port];
        of_port.transmitted.add(frames - left);
        of_port.transmitted_bytes.add(bytes - bytes_of(staged));
        self.counters.sent.add(packets - left_packets);
        if left > 0 {
            let reason = DropReason::from(HostReason::TransmitRefused).index();
            of_port.refused.add(left);
            self.counters.drops[reason].add(left_packets);
            self.counters.refusals[reason].add(left - left_packets);
            self.pool.give_all(staged);
        }
    }
}

fn bytes_of(frames: &[Frame]) -> u64 {
    frames.iter().map(|frame| frame.len() as u64).sum()
}

fn packets_of(frames: &[Frame]) -> u64 {
    frames.iter().filter(|frame| frame.sequence & FURTHER == 0).count() as u64
}

impl Egress for LivePorts {
    #[inline]
    fn send(&mut self, port: u16, mut frame: Frame, origin: Origin) {
        if origin == Origin::Further {
            frame.sequence |= FURTHER;
        }
        self.staged[usize::from(port)].push(frame);
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
            if !self.staged[port].is_empty() {
                self.transmit(port);
            }
        }
    }
}

/// Runs one worker until its ports end or it is told to stop; packets it has taken are handled
/// before it returns.
pub(crate) fn work<G: Guest<WorkerServices>>(
    worker: &mut Worker<G, LivePorts>,
    burst_max: usize,
    clock: &LiveClock,
    stop: &AtomicBool,
) {
    let mut waiting = Waiting::new();
    let mut now_ns = clock.now_ns();
    while !stop.load(Ordering::Relaxed) {
        let polled = poll(worker, burst_max, now_ns);
        worker.run(now_ns);
        let after_ns = clock.now_ns();
        match polled {
            Received::Frames(_) => {
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
    worker.rest();
}

/// Takes what the ports have, each up to a burst. Ended if all have.
fn poll<G: Guest<WorkerServices>>(
    worker: &mut Worker<G, LivePorts>,
    burst_max: usize,
    now_ns: u64,
) -> Received {
    let mut frames = 0;
    let mut ended = 0;
    let ports = worker.egress().queues.len();
    for port in 0..ports {
        match worker.egress().receive(port, burst_max) {
            Received::Frames(_) => {
                let mut received = std::mem::take(&mut worker.egress().received);
                frames += received.len();
                for mut frame in received.drain(..) {
                    frame.timestamp_ns = now_ns;
                    worker.receive(frame);
                }
                worker.egress().received = received;
            }
            Received::Idle => {}
            Received::Ended => ended += 1,
        }
    }
    match frames {
        0 if ended == ports => Received::Ended,
        0 => Received::Idle,
        _ => Received::Frames(frames),
    }
}
