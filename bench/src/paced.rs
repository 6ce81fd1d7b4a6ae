//! A port at which packets arrive at a given rate, whether they are taken or not.
//!
//! Every frame of a trace, played again and again, has a time at which it arrives. It then waits
//! in a ring of its worker's queue; where the ring is full, it is lost and counted, as at a NIC.
//! Nothing runs between polls: a poll looks which frames have arrived since the last one. So the
//! generator costs the worker a look at the clock per poll and some instructions per frame, which
//! count as the port's, and it can never fall behind.
//!
//! What leaves is asked for the time it arrived: of one frame in [`SAMPLED`] the port that it
//! leaves through notes how long that was ago. A departure counts when the burst is handed to the
//! port.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use nfos_netio::port::memory::Trace;
use nfos_netio::{
    Clock, Frame, Pool, Port, PortCounters, PortError, PortId, Queue, Received, Steering,
};

/// One frame in so many is timed.
pub const SAMPLED: u64 = 8;

/// When frames arrive.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Frames per second, of this port.
    pub rate: f64,
    /// How long frames arrive.
    pub duration: Duration,
    /// Frames that wait at most, of each worker.
    pub ring: usize,
    /// Whether departures are timed.
    pub timed: bool,
}

/// The clock of all paced ports of a run: begins shortly after the first poll.
#[derive(Clone, Debug, Default)]
pub struct Start(Arc<OnceLock<(quanta::Clock, quanta::Instant)>>);

impl Start {
    /// Nanoseconds since frames began to arrive; 0 before.
    #[inline]
    fn now_ns(&self) -> u64 {
        let (clock, start) = self.0.get_or_init(|| {
            let clock = quanta::Clock::new();
            let start = clock.now() + Duration::from_millis(5);
            (clock, start)
        });
        clock.now().saturating_duration_since(*start).as_nanos() as u64
    }
}

/// What a port's queues have seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Frames and bytes.
    pub counters: PortCounters,
    /// Nanoseconds from arrival to departure of frames that left through it.
    pub latency: Option<Histogram<u64>>,
}

/// The port.
pub struct PacedPort {
    id: PortId,
    trace: Trace,
    pace: Pace,
    start: Start,
    /// Nanoseconds between two frames of every port of the run, by number.
    periods_ns: Vec<f64>,
    all: Arc<Mutex<Seen>>,
}

impl PacedPort {
    /// A port that plays a trace. Traces without frames never have any.
    pub fn new(id: PortId, trace: Trace, pace: Pace, rates: &[f64], start: &Start) -> Self {
        let periods_ns = rates.iter().map(|rate| 1e9 / rate).collect();
        let all = Arc::default();
        Self { id, trace, pace, start: start.clone(), periods_ns, all }
    }

    /// What its queues have seen, once the run is over.
    pub fn seen(&self) -> Arc<Mutex<Seen>> {
        Arc::clone(&self.all)
    }

    fn queue(&self, frames: Trace, numbers: Vec<u64>) -> PacedQueue {
        let latency =
            Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("bounds that go together");
        let frames_in_all = (self.pace.rate * self.pace.duration.as_secs_f64()) as u64;
        PacedQueue {
            port: self.id,
            period_ns: self.periods_ns[usize::from(self.id.raw())],
            periods_ns: self.periods_ns.clone(),
            lap: self.trace.len() as u64,
            end: if numbers.is_empty() { 0 } else { frames_in_all },
            frames,
            numbers,
            pace: self.pace,
            start: self.start.clone(),
            laps: 0,
            next: 0,
            waiting: VecDeque::with_capacity(self.pace.ring),
            counters: PortCounters::default(),
            latency,
            all: Arc::clone(&self.all),
        }
    }
}

impl Port for PacedPort {
    fn id(&self) -> PortId {
        self.id
    }

    fn clock(&self) -> Clock {
        Clock::Live
    }

    fn frame_bytes_max(&self) -> usize {
        self.trace.largest_bytes()
    }

    fn open_queues(&mut self, steering: &Steering) -> Result<Vec<Box<dyn Queue>>, PortError> {
        let mut shares = vec![(Trace::new(), Vec::new()); steering.workers()];
        for (number, (bytes, wire_length)) in self.trace.frames().enumerate() {
            let (frames, numbers) = &mut shares[steering.worker(self.id, bytes)];
            frames.push(bytes, wire_length);
            numbers.push(number as u64);
        }
        let queue = |(frames, numbers)| Box::new(self.queue(frames, numbers)) as Box<dyn Queue>;
        Ok(shares.into_iter().map(queue).collect())
    }

    fn open_transmit_queue(&mut self) -> Result<Box<dyn Queue>, PortError> {
        Ok(Box::new(self.queue(Trace::new(), Vec::new())))
    }

    fn counters(&self) -> PortCounters {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).counters
    }
}

/// A worker's queue.
struct PacedQueue {
    port: PortId,
    /// Between two frames of the port.
    period_ns: f64,
    periods_ns: Vec<f64>,
    /// Frames of the whole trace.
    lap: u64,
    /// Frames of the port that ever arrive.
    end: u64,
    frames: Trace,
    /// The places of `frames` in the whole trace.
    numbers: Vec<u64>,
    pace: Pace,
    start: Start,
    laps: u64,
    /// The frame that arrives next.
    next: usize,
    /// Frames that wait: where they lie, and their number among all of the port.
    waiting: VecDeque<(u32, u64)>,
    counters: PortCounters,
    latency: Histogram<u64>,
    all: Arc<Mutex<Seen>>,
}

impl PacedQueue {
    /// Lets frames arrive whose time has come; whether some are to come yet.
    fn arrive(&mut self, now_ns: u64) -> bool {
        let due = ((now_ns as f64 / self.period_ns) as u64).min(self.end);
        while self.end > 0 {
            let number = self.laps * self.lap + self.numbers[self.next];
            if number >= due {
                return number < self.end;
            }
            if self.waiting.len() < self.pace.ring {
                self.waiting.push_back((self.next as u32, number));
            } else {
                self.counters.missed += 1;
            }
            self.next += 1;
            if self.next == self.numbers.len() {
                (self.next, self.laps) = (0, self.laps + 1);
            }
        }
        false
    }
}

impl Queue for PacedQueue {
    fn rx_burst(
        &mut self,
        arrived_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
        max: usize,
    ) -> Received {
        let now_ns = self.start.now_ns();
        let more = self.arrive(now_ns);
        let (mut count, mut received_bytes) = (0, 0);
        while count < max {
            let Some(&(at, number)) = self.waiting.front() else { break };
            let Some(mut frame) = pool.take() else { break };
            self.waiting.pop_front();
            let (bytes, wire_length) = self.frames.frame(at as usize);
            frame
                .load(bytes, self.port, wire_length, arrived_ns, number)
                .expect("the pool was made for it");
            received_bytes += bytes.len() as u64;
            frames.push(frame);
            count += 1;
        }
        self.counters.received += count as u64;
        self.counters.received_bytes += received_bytes;
        match count {
            0 if !more => Received::Ended,
            0 => Received::Idle,
            _ => Received::Frames { count, bytes: received_bytes },
        }
    }

    fn tx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64 {
        self.counters.transmitted += frames.len() as u64;
        if self.pace.timed {
            let now_ns = self.start.now_ns();
            // Copies and what was made have the highest bit set.
            let timed = |frame: &&Frame| {
                frame.sequence.is_multiple_of(SAMPLED) && frame.sequence >> 63 == 0
            };
            for frame in frames.iter().filter(timed) {
                let period_ns = self.periods_ns[usize::from(frame.port.raw())];
                let arrived_ns = (frame.sequence as f64 * period_ns) as u64;
                self.latency.saturating_record(now_ns.saturating_sub(arrived_ns).max(1));
            }
        }
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        pool.give_all(frames);
        bytes
    }
}

impl Drop for PacedQueue {
    /// Hands in what it has counted.
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // What has not been taken by now is lost.
        self.counters.missed += self.waiting.len() as u64;
        all.counters.add(&self.counters);
        let latency = all.latency.get_or_insert_with(|| {
            Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("bounds that go together")
        });
        latency.add(&self.latency).expect("the same bounds");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue of a port at which a frame of `frames` arrives every 100 ns, a thousand in all, and
    /// which has the frames in even places.
    fn queue(frames: u64, ring: usize) -> PacedQueue {
        let mut trace = Trace::new();
        (0..frames).for_each(|number| trace.push(&[number as u8; 60], 60));
        let pace = Pace { rate: 1e7, duration: Duration::from_micros(100), ring, timed: false };
        let port = PacedPort::new(PortId::new(0), trace.clone(), pace, &[1e7], &Start::default());
        let numbers = (0..frames).step_by(2).collect();
        let mut share = Trace::new();
        trace.frames().step_by(2).for_each(|(bytes, length)| share.push(bytes, length));
        port.queue(share, numbers)
    }

    #[test]
    fn frames_arrive_when_their_time_has_come_and_wait_in_the_ring() {
        let mut queue = queue(10, 4);
        assert!(queue.arrive(0));
        assert!(queue.waiting.is_empty());
        assert!(queue.arrive(450));
        assert_eq!(queue.waiting, [(0, 0), (1, 2)]);
        assert!(queue.arrive(2_050));
        let waiting: Vec<_> = queue.waiting.iter().map(|(_, number)| *number).collect();
        assert_eq!(waiting, [0, 2, 4, 6]);
        assert_eq!(queue.counters.missed, 6);
    }

    #[test]
    fn every_frame_of_the_schedule_is_received_or_missed_and_then_it_ends() {
        let mut queue = queue(10, 64);
        assert!(!queue.arrive(u64::MAX));
        assert_eq!((queue.waiting.len(), queue.counters.missed), (64, 500 - 64));
        assert!(!queue.arrive(u64::MAX));
        assert_eq!(queue.counters.missed, 500 - 64);
    }
}
