//! The course of a run: the counters from time to time, as differences.

use std::sync::Arc;

use nfos_records::profile::{INTERVALS_MAX, Interval, WorkerInterval};

use crate::counters::Counters;

/// The shortest stretch.
const SHORTEST_NS: u64 = 20_000_000;

/// Stretches of equal length, which doubles whenever there are too many.
#[derive(Debug)]
pub(crate) struct Course {
    span_ns: u64,
    last_ns: u64,
    before: Vec<WorkerInterval>,
    intervals: Vec<Interval>,
}

impl Course {
    pub(crate) fn new() -> Self {
        Self { span_ns: SHORTEST_NS, last_ns: 0, before: Vec::new(), intervals: Vec::new() }
    }

    /// Takes the counters if it is time. Cheap if not.
    pub(crate) fn look(&mut self, now_ns: u64, counters: &[Arc<Counters>]) {
        if now_ns >= self.last_ns + self.span_ns {
            self.take(now_ns, counters);
        }
    }

    /// The stretches, with what has happened since the last look.
    pub(crate) fn finish(mut self, now_ns: u64, counters: &[Arc<Counters>]) -> Vec<Interval> {
        self.take(now_ns, counters);
        self.intervals
    }

    fn take(&mut self, now_ns: u64, counters: &[Arc<Counters>]) {
        let now: Vec<_> = counters.iter().map(|counters| reading(counters)).collect();
        self.before.resize(now.len(), WorkerInterval::default());
        let workers = now.iter().zip(&self.before).map(|(now, before)| since(now, before));
        self.intervals.push(Interval {
            start_ns: self.last_ns,
            span_ns: now_ns.saturating_sub(self.last_ns),
            workers: workers.collect(),
        });
        (self.before, self.last_ns) = (now, now_ns);
        if self.intervals.len() == INTERVALS_MAX {
            self.span_ns *= 2;
            self.intervals = self.intervals.chunks(2).map(joined).collect();
        }
    }
}

fn reading(counters: &Counters) -> WorkerInterval {
    WorkerInterval {
        packets: counters.packets.value(),
        events: counters.events.value(),
        bursts: counters.bursts.value(),
        aborts: counters.aborts.value(),
        busy_ns: counters.busy_ns.value(),
        queue: counters.queue.value(),
    }
}

fn since(now: &WorkerInterval, before: &WorkerInterval) -> WorkerInterval {
    WorkerInterval {
        packets: now.packets.saturating_sub(before.packets),
        events: now.events.saturating_sub(before.events),
        bursts: now.bursts.saturating_sub(before.bursts),
        aborts: now.aborts.saturating_sub(before.aborts),
        busy_ns: now.busy_ns.saturating_sub(before.busy_ns),
        queue: now.queue,
    }
}

/// Neighbouring stretches as one.
fn joined(stretches: &[Interval]) -> Interval {
    let mut joined = stretches[0].clone();
    for later in &stretches[1..] {
        joined.span_ns += later.span_ns;
        for (sum, more) in joined.workers.iter_mut().zip(&later.workers) {
            sum.packets += more.packets;
            sum.events += more.events;
            sum.bursts += more.bursts;
            sum.aborts += more.aborts;
            sum.busy_ns += more.busy_ns;
            sum.queue = more.queue;
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_few_stretches_that_sum_to_all_of_it() {
        let counters = [Arc::new(Counters::new(1, 1, 0)), Arc::new(Counters::new(1, 1, 0))];
        let mut course = Course::new();
        for tick in 1..=10_000u64 {
            counters[0].packets.add(3);
            counters[1].aborts.add(1);
            course.look(tick * 10_000_000, &counters);
        }
        let intervals = course.finish(100_000_000_001, &counters);
        assert!((60..=INTERVALS_MAX).contains(&intervals.len()), "{}", intervals.len());
        let packets: u64 = intervals.iter().map(|i| i.workers[0].packets).sum();
        let aborts: u64 = intervals.iter().map(|i| i.workers[1].aborts).sum();
        assert_eq!((packets, aborts), (30_000, 10_000));
        assert_eq!(intervals.iter().map(|i| i.span_ns).sum::<u64>(), 100_000_000_001);
        assert!(intervals.windows(2).all(|w| w[0].start_ns + w[0].span_ns == w[1].start_ns));
    }
}
