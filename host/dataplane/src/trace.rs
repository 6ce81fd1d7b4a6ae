//! Capture ports: time is that of the trace.
//!
//! One thread, the *conductor*, reads all captures in the order of their time stamps and steers
//! each packet to a worker. It does so in *quanta* of trace time: the next one opens when every
//! worker has finished the last, so that workers never drift apart by more than a quantum and a
//! run over several files behaves as the network did. Periodic handlers run between quanta, at
//! their exact time. Stretches in which no packet, timer or period is due are skipped.
//!
//! Frames that leave come back to the conductor and are written at the end of their quantum, by
//! time stamp and order of arrival: so captures are the same for any number of workers wherever
//! the network function's own semantics allow it.

use crate::burst::EVENTS_MAX;
use crate::counters::Counters;
use crate::egress::{Egress, Origin};
use crate::services::WorkerServices;
use crate::worker::Worker;
use nfos_engine::guest::Guest;
use nfos_netio::capture::{CaptureError, CaptureWriter, MergedCaptures};
use nfos_netio::{Frame, Pool, Receiver, Sender, Steering};
use nfos_sync::Waiting;
use nfos_sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// Packets of one quantum; more open the next one at the same instant. Bounds the memory that a
/// capture without time needs.
const QUANTUM_PACKETS_MAX: usize = 8192;

/// Messages in a ring.
const RING_MESSAGES: usize = 1024;

/// Frames that a worker keeps for copies and packets of its own.
const SPARE_FRAMES: usize = 64;

/// To a worker.
#[derive(Debug)]
enum Order {
    /// A packet.
    Packet(Frame),
    /// The quantum ends; so do packet sets that ran out before this instant.
    Finish { until_ns: u64 },
    /// The run ends.
    Leave,
}

/// From a worker.
#[derive(Debug)]
enum Reply {
    /// A frame leaves through a port.
    Leaves(u16, Frame),
    /// A frame goes nowhere.
    Spent(Frame),
    /// The quantum is finished; the next packet set runs out at this instant.
    Finished { deadline_ns: Option<u64> },
}

/// The worker's end of a lane.
#[derive(Debug)]
pub(crate) struct TracePorts {
    orders: Receiver<Order>,
    replies: Sender<Reply>,
    spare: Pool,
    counters: Arc<Counters>,
}

/// The conductor's end of a lane.
#[derive(Debug)]
pub(crate) struct Lane {
    orders: Sender<Order>,
    replies: Receiver<Reply>,
    finished: bool,
    /// Whether it was given packets since it last finished.
    has_packets: bool,
    deadline_ns: Option<u64>,
}

/// A lane between the conductor and a worker, for frames of up to `frame_bytes`.
pub(crate) fn lane(counters: Arc<Counters>, frame_bytes: usize) -> (Lane, TracePorts) {
    let (orders, to_worker) = nfos_netio::ring(RING_MESSAGES);
    let (replies, from_worker) = nfos_netio::ring(RING_MESSAGES);
    let lane = Lane {
        orders,
        replies: from_worker,
        finished: true,
        has_packets: false,
        deadline_ns: None,
    };
    let spare = Pool::new(SPARE_FRAMES, frame_bytes);
    (lane, TracePorts { orders: to_worker, replies, spare, counters })
}

impl TracePorts {
    fn reply(&mut self, mut reply: Reply) {
        let mut waiting = Waiting::new();
        // A conductor that is gone reads no more; the run has failed.
        while !self.replies.is_abandoned() {
            match self.replies.push(reply) {
                Ok(()) => return,
                Err(back) => reply = back,
            }
            waiting.pause_or_sleep();
        }
    }
}

/// Counts a frame that a capture takes: it takes all of them.
fn count_transmitted(counters: &Counters, port: u16, frame: &Frame, origin: Origin) {
    let of_port = &counters.ports[usize::from(port)];
    of_port.transmitted.add(1);
    of_port.transmitted_bytes.add(frame.len() as u64);
    if origin == Origin::Packet {
        counters.sent.add(1);
    }
}

impl Egress for TracePorts {
    fn send(&mut self, port: u16, frame: Frame, origin: Origin) {
        count_transmitted(&self.counters, port, &frame, origin);
        self.reply(Reply::Leaves(port, frame));
    }

    fn spare(&mut self) -> Option<Frame> {
        // Captures are no live ports: a flood may cost an allocation, but never a frame.
        Some(self.spare.take().unwrap_or_else(|| Frame::new(self.spare.bytes_max())))
    }

    fn recycle(&mut self, frame: Frame) {
        if self.spare.len() < SPARE_FRAMES {
            self.spare.give(frame);
        } else {
            self.reply(Reply::Spent(frame));
        }
    }

    fn flush(&mut self) {}
}

/// Runs one worker until the conductor sends it away.
pub(crate) fn work<G: Guest<WorkerServices>>(worker: &mut Worker<G, TracePorts>) {
    let mut waiting = Waiting::new();
    loop {
        let Some(order) = worker.egress().orders.pop() else {
            if worker.egress().orders.is_abandoned() && worker.egress().orders.is_empty() {
                return worker.stop();
            }
            worker.run(0);
            waiting.pause_or_sleep();
            continue;
        };
        waiting = Waiting::new();
        match order {
            Order::Packet(frame) => {
                worker.receive(frame);
                if worker.waiting() >= EVENTS_MAX {
                    worker.run(0);
                }
            }
            Order::Finish { until_ns } => {
                worker.run(until_ns);
                worker.rest();
                let deadline_ns = worker.deadline_ns();
                worker.egress().reply(Reply::Finished { deadline_ns });
            }
            Order::Leave => return worker.hand_in(),
        }
    }
}

/// The control loop's way out: frames wait for the end of the quantum.
#[derive(Debug)]
pub(crate) struct Outbox {
    leaving: Vec<(u16, Frame)>,
    pool: Pool,
    counters: Arc<Counters>,
}

impl Outbox {
    /// An empty one, for frames of up to `frame_bytes`.
    pub(crate) fn new(counters: Arc<Counters>, frame_bytes: usize) -> Self {
        Self { leaving: Vec::new(), pool: Pool::new(0, frame_bytes), counters }
    }
}

impl Egress for Outbox {
    fn send(&mut self, port: u16, frame: Frame, origin: Origin) {
        count_transmitted(&self.counters, port, &frame, origin);
        self.leaving.push((port, frame));
    }

    fn spare(&mut self) -> Option<Frame> {
        Some(self.pool.take().unwrap_or_else(|| Frame::new(self.pool.bytes_max())))
    }

    fn recycle(&mut self, frame: Frame) {
        self.pool.give(frame);
    }

    fn flush(&mut self) {}
}

/// The thread that conducts a run over captures.
pub(crate) struct Conductor<'a, G> {
    /// What comes in.
    pub captures: MergedCaptures,
    /// What goes out, by port; none: frames sent there are counted and forgotten.
    pub writers: Writers,
    /// To which worker.
    pub steering: Steering,
    /// To the workers.
    pub lanes: Vec<Lane>,
    /// The control loop.
    pub control: &'a mut Worker<G, Outbox>,
    /// The intervals of periodic events.
    pub periods_ns: &'a [u64],
    /// Trace time between two meetings of the workers.
    pub quantum_ns: u64,
    /// Bytes of the largest packet.
    pub frame_bytes: usize,
}

/// What a run over captures leaves.
pub(crate) struct Conducted {
    /// The first time stamp.
    pub first_ns: u64,
    /// The last instant of trace time reached.
    pub last_ns: u64,
    /// The captures being written.
    pub writers: Writers,
}

/// The captures being written, by port.
pub(crate) type Writers = Vec<Option<CaptureWriter>>;

impl<G: Guest<WorkerServices>> Conductor<'_, G> {
    /// Conducts the run to the end of the captures, or until told to stop. `observe` is called
    /// between quanta, and while workers are waited for.
    ///
    /// # Errors
    /// A capture that cannot be read or written.
    pub(crate) fn run(
        mut self,
        stop: &AtomicBool,
        observe: &mut dyn FnMut(),
    ) -> Result<Conducted, CaptureError> {
        let mut stage = Stage {
            pool: Pool::new(256, self.frame_bytes),
            leaving: Vec::new(),
            sequence: 0,
            frame_bytes: self.frame_bytes,
        };
        let first_ns = self.captures.peek_ns()?.unwrap_or(0);
        let mut now_ns = first_ns;
        let mut due_ns: Vec<u64> =
            self.periods_ns.iter().map(|period| first_ns.saturating_add(*period)).collect();
        while let Some(packet_ns) = self.captures.peek_ns()?
            && !stop.load(Ordering::Relaxed)
        {
            let period_ns = due_ns.iter().copied().min().unwrap_or(u64::MAX);
            let timer_ns = self.lanes.iter().filter_map(|lane| lane.deadline_ns).min();
            let start_ns = packet_ns.min(timer_ns.map_or(u64::MAX, |ns| ns.saturating_add(1)));
            let start_ns = start_ns.max(now_ns);
            let end_ns = start_ns.saturating_add(self.quantum_ns).min(period_ns.max(now_ns));
            now_ns = if packet_ns < end_ns || timer_ns.is_some_and(|ns| ns < end_ns) {
                self.conduct_quantum(end_ns, &mut stage, observe)?
            } else {
                end_ns
            };
            self.run_periods(now_ns, &mut due_ns);
            self.write_out(&mut stage)?;
            observe();
        }
        for lane in &mut self.lanes {
            lane.give(Order::Leave, &mut stage);
        }
        Ok(Conducted { first_ns, last_ns: now_ns, writers: self.writers })
    }

    /// Hands out the packets before `end_ns` and waits until all are handled. Answers the instant
    /// it ended at: `end_ns`, or earlier if there were too many packets.
    fn conduct_quantum(
        &mut self,
        end_ns: u64,
        stage: &mut Stage,
        observe: &mut dyn FnMut(),
    ) -> Result<u64, CaptureError> {
        let mut until_ns = end_ns;
        let mut packets = 0;
        while self.captures.peek_ns()?.is_some_and(|at_ns| at_ns < end_ns) {
            let Some(arrival) = self.captures.read()? else { break };
            if packets == QUANTUM_PACKETS_MAX {
                until_ns = arrival.timestamp_ns;
            }
            let lane = self.steering.worker(arrival.port, arrival.bytes);
            let mut frame = stage.frame();
            frame
                .load(
                    arrival.bytes,
                    arrival.port,
                    arrival.wire_length,
                    arrival.timestamp_ns,
                    stage.sequence,
                )
                .expect("frames have room for the largest packet of the captures");
            stage.sequence += 1;
            self.lanes[lane].has_packets = true;
            self.lanes[lane].give(Order::Packet(frame), stage);
            packets += 1;
            if packets > QUANTUM_PACKETS_MAX {
                break;
            }
        }
        for lane in &mut self.lanes {
            // A lane without packets, in which nothing runs out, has finished already.
            if lane.has_packets || lane.deadline_ns.is_some_and(|ns| ns < until_ns) {
                (lane.finished, lane.has_packets) = (false, false);
                lane.give(Order::Finish { until_ns }, stage);
            }
        }
        let mut waiting = Waiting::new();
        while !self.lanes.iter().all(|lane| lane.finished) {
            let mut heard = false;
            for lane in &mut self.lanes {
                heard |= lane.listen(stage);
            }
            if heard {
                waiting = Waiting::new();
            } else {
                waiting.pause_or_sleep();
                observe();
            }
        }
        Ok(until_ns)
    }

    /// Runs the periodic events that are due at this instant.
    fn run_periods(&mut self, now_ns: u64, due_ns: &mut [u64]) {
        for (index, (due_ns, period_ns)) in due_ns.iter_mut().zip(self.periods_ns).enumerate() {
            while *due_ns <= now_ns {
                self.control.run_period(index as u16, *due_ns);
                *due_ns = due_ns.saturating_add(*period_ns);
            }
        }
    }

    /// Writes what left during the quantum, in order.
    fn write_out(&mut self, stage: &mut Stage) -> Result<(), CaptureError> {
        stage.leaving.append(&mut self.control.egress().leaving);
        stage.leaving.sort_by_key(|(_, frame)| (frame.timestamp_ns, frame.sequence));
        for (port, frame) in stage.leaving.drain(..) {
            write(&mut self.writers, port, &frame)?;
            stage.pool.give(frame);
        }
        Ok(())
    }
}

fn write(writers: &mut Writers, port: u16, frame: &Frame) -> Result<(), CaptureError> {
    match &mut writers[usize::from(port)] {
        Some(writer) => writer.write(frame.timestamp_ns, frame.wire_length, frame.bytes()),
        None => Ok(()),
    }
}

impl Conducted {
    /// Writes what the network function sent at its end, and completes the captures.
    ///
    /// # Errors
    /// A capture that cannot be written.
    pub(crate) fn finish(mut self, outbox: &mut Outbox) -> Result<(), CaptureError> {
        for (port, frame) in outbox.leaving.drain(..) {
            write(&mut self.writers, port, &frame)?;
        }
        self.writers.into_iter().flatten().try_for_each(CaptureWriter::finish)
    }
}

/// Frames in the conductor's hands.
#[derive(Debug)]
struct Stage {
    pool: Pool,
    leaving: Vec<(u16, Frame)>,
    sequence: u64,
    frame_bytes: usize,
}

impl Stage {
    fn frame(&mut self) -> Frame {
        self.pool.take().unwrap_or_else(|| Frame::new(self.frame_bytes))
    }
}

impl Lane {
    /// Gives an order, listening while the ring is full.
    fn give(&mut self, mut order: Order, stage: &mut Stage) {
        let mut waiting = Waiting::new();
        while !self.orders.is_abandoned() {
            match self.orders.push(order) {
                Ok(()) => return,
                Err(back) => order = back,
            }
            if !self.listen(stage) {
                waiting.pause_or_sleep();
            }
        }
    }

    /// Takes the replies that are there; whether there were any. A worker that is gone has
    /// finished.
    fn listen(&mut self, stage: &mut Stage) -> bool {
        let mut heard = false;
        while let Some(reply) = self.replies.pop() {
            heard = true;
            match reply {
                Reply::Leaves(port, frame) => stage.leaving.push((port, frame)),
                Reply::Spent(frame) => stage.pool.give(frame),
                Reply::Finished { deadline_ns } => {
                    self.finished = true;
                    self.deadline_ns = deadline_ns;
                }
            }
        }
        self.finished |= self.replies.is_abandoned() && self.replies.is_empty();
        heard
    }
}
