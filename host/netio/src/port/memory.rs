//! A port whose packets lie in memory: a trace, loaded once and played without end.
//!
//! When its queues are made, every frame of the trace is steered, as a NIC would steer it, and
//! copied to the queue of its worker: one stretch of bytes and one of places for each worker, both
//! read from front to back. So the processor's own prefetching sees a plain sequence, workers
//! share nothing, and nothing is computed per packet but a copy into a free frame, which is what a
//! NIC's DMA does. Sending counts the frames and gives them back to the pool.
//!
//! A trace is dealt out once: if the steering table changes while it plays, its packets stay where
//! they are, so a run with such a port is not rebalanced.
//!
//! There is no clock: frames arrive as fast as they are asked for, and none is ever lost.

use super::{Clock, Port, PortCounters, PortError, Queue, QueueCounters, Received, Repeat};
use crate::capture::{CaptureError, CaptureFault, Reader};
use crate::frame::Frame;
use crate::id::PortId;
use crate::pool::Pool;
use crate::steering::Steering;
use nfos_sync::Arc;
use std::path::Path;

const CACHE_LINE: usize = 64;

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    length: u32,
    wire_length: u32,
}

/// Frames behind one another in memory, each beginning 64-byte aligned to the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    bytes: Vec<u8>,
    places: Vec<Place>,
    largest_bytes: usize,
}

impl Trace {
    /// An empty trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// All frames of a capture, in file order.
    ///
    /// # Errors
    /// [`CaptureError`] for a capture that is bad or empty.
    pub fn load(path: &Path) -> Result<Self, CaptureError> {
        let mut reader = Reader::open(path)?;
        let mut trace = Self::new();
        while let Some(record) = reader.read()? {
            trace.push(record.bytes, record.wire_length);
        }
        if trace.is_empty() {
            return Err(CaptureError::new(path, CaptureFault::Empty));
        }
        Ok(trace)
    }

    /// Appends a frame.
    pub fn push(&mut self, bytes: &[u8], wire_length: u32) {
        let offset = self.bytes.len().next_multiple_of(CACHE_LINE);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(bytes);
        self.places.push(Place { offset, length: bytes.len() as u32, wire_length });
        self.largest_bytes = self.largest_bytes.max(bytes.len());
    }

    /// How many frames it has.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of the largest frame.
    pub fn largest_bytes(&self) -> usize {
        self.largest_bytes
    }

    /// The frames in order, each with its length on the wire.
    pub fn frames(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.places.iter().map(|place| (self.bytes_at(place), place.wire_length))
    }

    /// A frame by its place, with its length on the wire.
    ///
    /// # Panics
    /// If there is none in that place.
    #[inline]
    pub fn frame(&self, index: usize) -> (&[u8], u32) {
        let place = &self.places[index];
        (self.bytes_at(place), place.wire_length)
    }

    #[inline]
    fn bytes_at(&self, place: &Place) -> &[u8] {
        &self.bytes[place.offset..place.offset + place.length as usize]
    }
}

/// A trace as a port.
#[derive(Debug)]
pub struct MemoryPort {
    id: PortId,
    trace: Trace,
    repeat: Repeat,
    frame_bytes_max: usize,
    counters: Vec<Arc<QueueCounters>>,
}

impl MemoryPort {
    /// A port that plays a trace.
    pub fn new(id: PortId, trace: Trace, repeat: Repeat) -> Self {
        let frame_bytes_max = trace.largest_bytes();
        Self { id, trace, repeat, frame_bytes_max, counters: Vec::new() }
    }

    /// The trace, steered: one for each worker.
    fn steer(&self, steering: &Steering) -> Vec<Trace> {
        let mut traces = vec![Trace::new(); steering.workers()];
        for (bytes, wire_length) in self.trace.frames() {
            traces[steering.worker(self.id, bytes)].push(bytes, wire_length);
        }
        traces
    }
}

impl Port for MemoryPort {
    fn id(&self) -> PortId {
        self.id
    }

    fn clock(&self) -> Clock {
        Clock::Live
    }

    fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }

    fn open_queues(&mut self, steering: &Steering) -> Result<Vec<Box<dyn Queue>>, PortError> {
        if !self.counters.is_empty() {
            return Err(PortError::QueuesMade(self.id));
        }
        let traces = self.steer(steering);
        // The queues hold it all now.
        self.trace = Trace::new();
        self.counters = traces.iter().map(|_| Arc::default()).collect();
        let queues = traces.into_iter().zip(&self.counters).map(|(trace, counters)| {
            Box::new(MemoryQueue::new(self.id, trace, self.repeat, counters)) as Box<dyn Queue>
        });
        Ok(queues.collect())
    }

    fn open_transmit_queue(&mut self) -> Result<Box<dyn Queue>, PortError> {
        let counters = Arc::default();
        let queue = MemoryQueue::new(self.id, Trace::new(), self.repeat, &counters);
        self.counters.push(counters);
        Ok(Box::new(queue))
    }

    fn counters(&self) -> PortCounters {
        self.counters.iter().fold(PortCounters::default(), |mut sum, queue| {
            sum.add(&queue.read());
            sum
        })
    }
}

/// One worker's part of the trace.
#[derive(Debug)]
struct MemoryQueue {
    port: PortId,
    trace: Trace,
    next: usize,
    /// Rounds still to play, the current one included.
    rounds: u64,
    sequence: u64,
    counters: Arc<QueueCounters>,
}

impl MemoryQueue {
    fn new(port: PortId, trace: Trace, repeat: Repeat, counters: &Arc<QueueCounters>) -> Self {
        let rounds = match repeat {
            // More than any machine plays.
            Repeat::Endless => u64::MAX,
            Repeat::Times(times) => times,
        };
        let rounds = if trace.is_empty() { 0 } else { rounds };
        Self { port, trace, next: 0, rounds, sequence: 0, counters: Arc::clone(counters) }
    }

    /// Hands over up to `max` frames without passing the end of the trace; how many, of how many
    /// bytes, and how many places of the trace that took.
    #[inline]
    fn play(
        &mut self,
        now_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
        max: usize,
    ) -> (u64, u64, usize) {
        let end = self.next.saturating_add(max).min(self.trace.places.len());
        let (mut count, mut byte_count, first) = (0, 0, self.next);
        for place in &self.trace.places[first..end] {
            let Some(mut frame) = pool.take() else { break };
            let bytes = self.trace.bytes_at(place);
            self.next += 1;
            match frame.load(bytes, self.port, place.wire_length, now_ns, self.sequence + count) {
                Ok(()) => {
                    frames.push(frame);
                    count += 1;
                    byte_count += u64::from(place.length);
                }
                Err(_) => pool.give(frame),
            }
        }
        self.sequence += count;
        (count, byte_count, self.next - first)
    }
}

impl Queue for MemoryQueue {
    fn rx_burst(
        &mut self,
        now_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
        max: usize,
    ) -> Received {
        let (mut received, mut byte_count, mut played) = (0, 0, 0);
        while self.rounds > 0 && played < max {
            let (count, bytes, places) = self.play(now_ns, frames, pool, max - played);
            received += count;
            byte_count += bytes;
            played += places;
            if self.next == self.trace.places.len() {
                self.next = 0;
                self.rounds -= 1;
            } else {
                break;
            }
        }
        self.counters.count_received(received, byte_count);
        if played as u64 != received {
            self.counters.count_missed(played as u64 - received);
        }
        match received {
            0 if self.rounds == 0 => Received::Ended,
            0 => Received::Idle,
            count => Received::Frames { count: count as usize, bytes: byte_count },
        }
    }

    fn tx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64 {
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        self.counters.count_transmitted(frames.len() as u64, bytes);
        pool.give_all(frames);
        bytes
    }

    fn round(&self) -> usize {
        self.trace.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classifier::Classifier;

    fn steering(workers: usize) -> Steering {
        Steering::new(Classifier::new(&[], &[]).unwrap(), workers).unwrap()
    }

    /// Frames of 14 to 45 bytes that differ in their MAC addresses and carry their number.
    fn trace(frames: u8) -> Trace {
        let mut trace = Trace::new();
        for number in 0..frames {
            let length = 14 + usize::from(number % 32);
            trace.push(&vec![number; length], 100 + u32::from(number));
        }
        trace
    }

    fn numbers(frames: &[Frame]) -> Vec<u8> {
        frames.iter().map(|frame| frame.bytes()[0]).collect()
    }

    #[test]
    fn a_trace_is_played_in_order_and_ends_after_its_rounds() {
        let mut port = MemoryPort::new(PortId::new(2), trace(5), Repeat::Times(2));
        assert_eq!(port.frame_bytes_max(), 18);
        let mut queues = port.open_queues(&steering(1)).unwrap();
        let (mut pool, mut frames) = (Pool::new(32, 18), Vec::new());
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 3).count(), 3);
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 4).count(), 4);
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 32).count(), 3);
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 32), Received::Ended);
        assert_eq!(numbers(&frames), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
        assert!(frames.iter().enumerate().all(|(i, frame)| frame.sequence == i as u64));
        assert_eq!((frames[3].wire_length, frames[3].port), (103, PortId::new(2)));
        let bytes = 2 * (14 + 15 + 16 + 17 + 18);
        queues[0].tx_burst(&mut frames, &mut pool);
        assert_eq!((pool.len(), frames.len()), (32, 0));
        let expected = PortCounters {
            received: 10,
            received_bytes: bytes,
            transmitted: 10,
            transmitted_bytes: bytes,
            missed: 0,
        };
        assert_eq!(port.counters(), expected);
    }

    #[test]
    fn an_endless_trace_fills_a_burst_larger_than_itself() {
        let mut port = MemoryPort::new(PortId::new(0), trace(3), Repeat::Endless);
        let mut queues = port.open_queues(&steering(1)).unwrap();
        let (mut pool, mut frames) = (Pool::new(32, 64), Vec::new());
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 8).count(), 8);
        assert_eq!(numbers(&frames), [0, 1, 2, 0, 1, 2, 0, 1]);
    }

    #[test]
    fn an_empty_pool_makes_a_queue_wait_and_loses_nothing() {
        let mut port = MemoryPort::new(PortId::new(0), trace(4), Repeat::Times(1));
        let mut queues = port.open_queues(&steering(1)).unwrap();
        let (mut pool, mut frames) = (Pool::new(3, 64), Vec::new());
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 8).count(), 3);
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 8), Received::Idle);
        queues[0].tx_burst(&mut frames, &mut pool);
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 8).count(), 1);
        assert_eq!(numbers(&frames), [3]);
        assert_eq!(queues[0].rx_burst(0, &mut frames, &mut pool, 8), Received::Ended);
    }

    #[test]
    fn frames_larger_than_the_pools_are_counted_as_missed() {
        let mut port = MemoryPort::new(PortId::new(0), trace(4), Repeat::Times(1));
        let mut queues = port.open_queues(&steering(1)).unwrap();
        let (mut pool, mut frames) = (Pool::new(8, 15), Vec::new());
        // A frame's buffer has up to a cache line to spare, so shrink what it takes for room.
        let room = pool.take().unwrap().capacity();
        let fitting = (0..4).filter(|number| 14 + number <= room).count();
        queues[0].rx_burst(0, &mut frames, &mut pool, 8);
        let counters = port.counters();
        assert_eq!(counters.received + counters.missed, 4);
        assert!(counters.received >= fitting.min(2) as u64);
    }

    #[test]
    fn queues_share_the_trace_out_as_steering_says_and_keep_its_order() {
        let steering = steering(3);
        let expected: Vec<Vec<u8>> = (0..3)
            .map(|worker| {
                let frames = trace(200);
                let steered = frames.frames().map(|(bytes, _)| bytes);
                let of_worker = steered
                    .filter(|bytes| steering.worker(PortId::new(0), bytes) == worker)
                    .map(|bytes| bytes[0]);
                of_worker.collect()
            })
            .collect();
        let mut port = MemoryPort::new(PortId::new(0), trace(200), Repeat::Times(1));
        let queues = port.open_queues(&steering).unwrap();
        assert_eq!(queues.len(), 3);
        for (mut queue, expected) in queues.into_iter().zip(expected) {
            assert_eq!(queue.round(), expected.len());
            let (mut pool, mut frames) = (Pool::new(256, 64), Vec::new());
            while queue.rx_burst(0, &mut frames, &mut pool, 32) != Received::Ended {}
            assert!(expected.len() > 20);
            assert_eq!(numbers(&frames), expected);
        }
        assert_eq!(port.counters().received, 200);
    }

    #[test]
    fn a_queue_without_packets_has_ended_and_queues_are_made_once() {
        let mut port = MemoryPort::new(PortId::new(0), trace(1), Repeat::Endless);
        let mut queues = port.open_queues(&steering(2)).unwrap();
        let mut pool = Pool::new(4, 64);
        let mut ended = queues.iter_mut().map(|q| q.rx_burst(0, &mut Vec::new(), &mut pool, 1));
        assert!(ended.any(|received| received == Received::Ended));
        assert!(matches!(port.open_queues(&steering(2)), Err(PortError::QueuesMade(_))));
    }
}
