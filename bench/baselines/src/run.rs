//! Ports, threads and time: the least that a network function needs around it.
//!
//! Each worker polls its own queue of each port for up to 32 frames, handles them one by one and
//! hands on what leaves; the clock is looked at once a poll. Nothing is counted but what came, left
//! and was dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nfos::prelude::Packet;
use nfos_netio::{
    Frame, Memory, Pool, Port, PortError, PortSpec, Queue, Received, Steering, open_ports,
};

use crate::worker::{Outcome, Worker};

const BURST: usize = 32;
const FRAMES_PER_PORT: usize = 1024;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Packets that arrived.
    pub received: u64,
    /// Of these, how many left, flooded ones once.
    pub sent: u64,
    /// Of these, how many the network function kept.
    pub consumed: u64,
    /// Of these, how many were dropped.
    pub dropped: u64,
    /// Since the first packet could arrive.
    pub elapsed: Duration,
}

impl Measured {
    fn add(&mut self, other: Self) {
        self.received += other.received;
        self.sent += other.sent;
        self.consumed += other.consumed;
        self.dropped += other.dropped;
    }
}

/// A worker with its ports.
struct Lane {
    worker: Box<dyn Worker>,
    queues: Vec<Box<dyn Queue>>,
    pool: Pool,
    received: Vec<Frame>,
    staged: Vec<Vec<Frame>>,
    measured: Measured,
}

/// Runs workers until their ports end or the duration is over.
///
/// # Errors
/// [`PortError`] for a port that cannot be opened.
pub fn run(
    workers: Vec<Box<dyn Worker>>,
    ports: &[PortSpec],
    steering: &Steering,
    duration: Option<Duration>,
) -> Result<Measured, PortError> {
    run_over(workers, open_ports(ports, Memory::Automatic)?, steering, duration)
}

/// As [`run`], over ports that are there already.
///
/// # Errors
/// As [`run`].
pub fn run_over(
    workers: Vec<Box<dyn Worker>>,
    mut opened: Vec<Box<dyn Port>>,
    steering: &Steering,
    duration: Option<Duration>,
) -> Result<Measured, PortError> {
    let frame_bytes = opened.iter().map(|port| port.frame_bytes_max()).max().unwrap_or(0).max(2048);
    let mut queues: Vec<Vec<_>> = workers.iter().map(|_| Vec::new()).collect();
    for port in &mut opened {
        for (queue, of_worker) in port.open_queues(steering)?.into_iter().zip(&mut queues) {
            of_worker.push(queue);
        }
    }
    let lanes: Vec<_> = workers
        .into_iter()
        .zip(queues)
        .map(|(worker, queues)| Lane::new(worker, queues, frame_bytes))
        .collect();
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let pinned = lanes.len() <= cores.len();
    let stop = AtomicBool::new(false);
    let clock = quanta::Clock::new();
    let start = clock.now();
    let mut measured = Measured::default();
    thread::scope(|scope| {
        let running: Vec<_> = lanes
            .into_iter()
            .enumerate()
            .map(|(index, mut lane)| {
                let (stop, clock, core) = (&stop, &clock, pinned.then(|| cores[index]));
                scope.spawn(move || {
                    if let Some(core) = core {
                        let _ = core_affinity::set_for_current(core);
                    }
                    let now = || clock.now().duration_since(start).as_nanos() as u64 + 1;
                    while !stop.load(Ordering::Relaxed) && lane.poll(now()) {}
                    lane.measured
                })
            })
            .collect();
        if let Some(duration) = duration {
            thread::sleep(duration);
            stop.store(true, Ordering::Relaxed);
        }
        for lane in running {
            measured.add(lane.join().expect("a baseline does not panic"));
        }
        measured.elapsed = clock.now().duration_since(start);
    });
    Ok(measured)
}

impl Lane {
    fn new(worker: Box<dyn Worker>, queues: Vec<Box<dyn Queue>>, frame_bytes: usize) -> Self {
        let frames = FRAMES_PER_PORT * queues.len();
        Self {
            worker,
            pool: Pool::new(frames, frame_bytes),
            received: Vec::with_capacity(frames),
            staged: queues.iter().map(|_| Vec::with_capacity(frames)).collect(),
            queues,
            measured: Measured::default(),
        }
    }

    /// Handles what the ports have; whether they may have more.
    fn poll(&mut self, now_ns: u64) -> bool {
        let mut ended = 0;
        self.worker.tick(now_ns);
        for port in 0..self.queues.len() {
            match self.queues[port].rx_burst(now_ns, &mut self.received, &mut self.pool, BURST) {
                Received::Frames { .. } => self.handle(port as u16, now_ns),
                Received::Idle => {}
                Received::Ended => ended += 1,
            }
        }
        for (queue, staged) in self.queues.iter_mut().zip(&mut self.staged) {
            if !staged.is_empty() {
                queue.tx_burst(staged, &mut self.pool);
                self.pool.give_all(staged);
            }
        }
        ended < self.queues.len()
    }

    fn handle(&mut self, port: u16, now_ns: u64) {
        let Self { worker, pool, received, staged, measured, .. } = self;
        measured.received += received.len() as u64;
        for mut frame in received.drain(..) {
            let mut packet = Packet::new(port, frame.bytes_mut(), 0);
            match worker.packet(&mut packet, now_ns) {
                Ok(Outcome::Send(to)) => {
                    measured.sent += 1;
                    staged[usize::from(to)].push(frame);
                }
                Ok(Outcome::Flood) => {
                    measured.sent += 1;
                    flood(frame, port, staged, pool);
                }
                Ok(Outcome::Consume) => {
                    measured.consumed += 1;
                    pool.give(frame);
                }
                Ok(Outcome::Drop(_)) | Err(_) => {
                    measured.dropped += 1;
                    pool.give(frame);
                }
            }
        }
    }
}

/// Copies for all ports but one and the last, which gets the frame itself.
fn flood(frame: Frame, from: u16, staged: &mut [Vec<Frame>], pool: &mut Pool) {
    let mut others = (0..staged.len()).filter(|port| *port != usize::from(from));
    let Some(last) = others.next_back() else { return pool.give(frame) };
    for port in others {
        if let Some(mut copy) = pool.take() {
            match copy.load_from(&frame) {
                Ok(()) => staged[port].push(copy),
                Err(_) => pool.give(copy),
            }
        }
    }
    staged[last].push(frame);
}
