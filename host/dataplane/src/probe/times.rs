//! How long a worker's bursts take, and what becomes of them.

use hdrhistogram::Histogram;
use nfos_engine::exchange::EventKind;

use crate::live::LiveClock;

/// Longest time that is told apart: a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// Runs of one event that are told apart.
pub(crate) const RUNS_MAX: usize = 48;

/// Of one handler.
#[derive(Debug)]
pub(crate) struct HandlerTimes {
    /// Runs that stood.
    pub commits: u64,
    /// Runs that were thrown away.
    pub retries: u64,
    /// Nanoseconds of a burst, divided by its events.
    pub time: Histogram<u64>,
    /// Nanoseconds from arrival to release.
    pub latency: Histogram<u64>,
}

impl HandlerTimes {
    fn new() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST_NS, 2).expect("the bounds are in range");
        Self { commits: 0, retries: 0, time: histogram(), latency: histogram() }
    }
}

/// What a worker records of its bursts.
#[derive(Debug)]
pub(crate) struct Times {
    clock: quanta::Clock,
    began: u64,
    /// In a simulation: the time now.
    pub virtual_ns: Option<u64>,
    /// Of a run over live ports: the clock that packets were stamped with.
    pub live: Option<LiveClock>,
    /// By the number of the event's kind.
    pub handlers: [HandlerTimes; 5],
    /// Events that stood by how often they ran, once first.
    pub attempts: [u64; RUNS_MAX],
    /// Time of bursts.
    pub busy_ns: u64,
    /// Of it, of runs that were thrown away.
    pub wasted_ns: u64,
}

/// What became of one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Its kind.
    pub kind: EventKind,
    /// When its packet came, if it has one.
    pub arrived_ns: Option<u64>,
    /// How often it has run by now, and whether that was the last time.
    pub runs: u32,
    /// Whether its run stands or it was dropped; else it runs again.
    pub finished: bool,
}

impl Times {
    pub(crate) fn new() -> Self {
        Self {
            clock: quanta::Clock::new(),
            began: 0,
            virtual_ns: None,
            live: None,
            handlers: std::array::from_fn(|_| HandlerTimes::new()),
            attempts: [0; RUNS_MAX],
            busy_ns: 0,
            wasted_ns: 0,
        }
    }

    /// A burst begins.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.began = self.virtual_ns.unwrap_or_else(|| self.clock.raw());
    }

    fn since_began_ns(&self) -> u64 {
        match self.virtual_ns {
            Some(now_ns) => now_ns - self.began,
            None => self.clock.delta_as_nanos(self.began, self.clock.raw()),
        }
    }

    /// A burst is decided, of whose time this much went into recording it; answers the time of
    /// runs that were thrown away for a conflict.
    pub(crate) fn end(
        &mut self,
        events: impl ExactSizeIterator<Item = Ended>,
        aborted: usize,
        capture_ns: u64,
    ) -> u64 {
        // Recording takes no virtual time.
        let capture_ns = if self.virtual_ns.is_some() { 0 } else { capture_ns };
        let burst_ns = self.since_began_ns().saturating_sub(capture_ns);
        let count = events.len().max(1) as u64;
        let each_ns = burst_ns / count;
        let now_ns = self.virtual_ns.or_else(|| self.live.as_ref().map(LiveClock::now_ns));
        self.busy_ns += burst_ns;
        let mut alike = [0; 5];
        let mut latency = (0, 0, 0);
        for event in events {
            let kind = event.kind as usize;
            alike[kind] += 1;
            let handler = &mut self.handlers[kind];
            if !event.finished {
                handler.retries += u64::from(aborted > 0);
                continue;
            }
            handler.commits += 1;
            self.attempts[(event.runs as usize).clamp(1, RUNS_MAX) - 1] += 1;
            let (Some(now_ns), Some(arrived_ns)) = (now_ns, event.arrived_ns) else { continue };
            // Packets of a burst mostly came together: they are recorded at once.
            let this = (kind, now_ns.saturating_sub(arrived_ns).max(1));
            if (latency.0, latency.1) == this {
                latency.2 += 1;
            } else {
                self.record_latency(latency);
                latency = (this.0, this.1, 1);
            }
        }
        self.record_latency(latency);
        for (handler, count) in self.handlers.iter_mut().zip(alike) {
            if count > 0 {
                handler.time.saturating_record_n(each_ns.max(1), count);
            }
        }
        let wasted_ns = each_ns * aborted as u64;
        self.wasted_ns += wasted_ns;
        wasted_ns
    }

    #[inline]
    fn record_latency(&mut self, (kind, ns, count): (usize, u64, u64)) {
        if count > 0 {
            self.handlers[kind].latency.saturating_record_n(ns, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_divided_among_its_events() {
        let mut times = Times::new();
        let event = |kind, runs, finished| Ended { kind, arrived_ns: None, runs, finished };
        times.begin();
        let burst = [
            event(EventKind::Packet, 1, true),
            event(EventKind::Packet, 3, true),
            event(EventKind::InitPacketSet, 1, false),
        ];
        let wasted_ns = times.end(burst.into_iter(), 1, 0);
        assert_eq!(wasted_ns, times.wasted_ns);
        assert!(times.wasted_ns <= times.busy_ns / 3);
        let packet = &times.handlers[EventKind::Packet as usize];
        assert_eq!((packet.commits, packet.retries, packet.time.len()), (2, 0, 2));
        let first = &times.handlers[EventKind::InitPacketSet as usize];
        assert_eq!((first.commits, first.retries, first.time.len()), (0, 1, 1));
        assert_eq!(times.attempts[..4], [1, 0, 1, 0]);
    }
}
