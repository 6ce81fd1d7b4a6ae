//! Counters of one worker: written by it alone, read by whoever shows them.
//!
//! Each is a relaxed atomic that its owner loads, raises and stores: no read-modify-write, no line
//! shared with another writer. A reader may see one counter a few packets ahead of another, so a
//! live view is a view; at the end, with the workers joined, all are exact.

use nfos_sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Raises it. For its owner only.
    #[inline]
    pub(crate) fn add(&self, by: u64) {
        // Relaxed: only the owner writes, and a count publishes nothing.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// Replaces it. For its owner only.
    #[inline]
    pub(crate) fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }

    /// Makes it at least `to`. For its owner only.
    #[inline]
    pub(crate) fn raise_to(&self, to: u64) {
        if to > self.value() {
            self.set(to);
        }
    }

    /// What it counts now.
    #[inline]
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one port at one worker.
#[derive(Debug, Default)]
pub(crate) struct PortCounters {
    /// Frames received.
    pub received: Counter,
    /// Bytes of them.
    pub received_bytes: Counter,
    /// Frames transmitted.
    pub transmitted: Counter,
    /// Bytes of them.
    pub transmitted_bytes: Counter,
    /// Frames the port did not take.
    pub refused: Counter,
}

/// How often an event was emitted, and its last value.
#[derive(Debug, Default)]
pub(crate) struct EmissionCounters {
    /// How often.
    pub count: Counter,
    /// The last value.
    pub last_value: Counter,
}

/// All counters of one worker. On lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    /// Packets received.
    pub packets: Counter,
    /// Packets sent on.
    pub sent: Counter,
    /// Packets consumed.
    pub consumed: Counter,
    /// Dropped packets by reason.
    pub drops: Box<[Counter]>,
    /// Frames that were no received packet and did not leave, by reason.
    pub refusals: Box<[Counter]>,
    /// Further copies of flooded packets.
    pub copies: Counter,
    /// Frames made by the network function.
    pub generated: Counter,
    /// Events whose run stood.
    pub events: Counter,
    /// Bursts run.
    pub bursts: Counter,
    /// Runs of events thrown away because of a conflict.
    pub aborts: Counter,
    /// Runs that ended in a fault.
    pub faults: Counter,
    /// Instances made anew.
    pub instances_replaced: Counter,
    /// Sets that have state.
    pub sets_live: Counter,
    /// Sets that got state.
    pub sets_registered: Counter,
    /// Sets that ended.
    pub sets_expired: Counter,
    /// Registrations without room.
    pub sets_refused: Counter,
    /// Time spent on bursts.
    pub busy_ns: Counter,
    /// Packets that waited when it last looked at what to do.
    pub queue: Counter,
    /// The most that did.
    pub queue_max: Counter,
    /// Most runs of one event.
    pub runs_per_event_max: Counter,
    /// By port.
    pub ports: Box<[PortCounters]>,
    /// By event of the description.
    pub emissions: Box<[EmissionCounters]>,
}

impl Counters {
    /// All zero, for that many drop reasons, ports and events.
    pub(crate) fn new(reasons: usize, ports: usize, events: usize) -> Self {
        Self {
            refusals: std::iter::repeat_with(Counter::default).take(reasons).collect(),
            drops: std::iter::repeat_with(Counter::default).take(reasons).collect(),
            ports: std::iter::repeat_with(PortCounters::default).take(ports).collect(),
            emissions: std::iter::repeat_with(EmissionCounters::default).take(events).collect(),
            ..Self::default()
        }
    }

    /// Packets dropped, for whatever reason.
    pub(crate) fn dropped(&self) -> u64 {
        self.drops.iter().map(Counter::value).sum()
    }
}
