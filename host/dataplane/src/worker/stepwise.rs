//! The worker's loop taken apart, for whoever plays several workers on one thread or wants to know
//! what each part costs.
//!
//! ```text
//! begin → step … → would_wait → end
//! ```

use super::Worker;
use crate::burst::{Step, Whether};
use crate::egress::Egress;
use crate::services::WorkerServices;
use nfos_engine::exchange::EventKind;
use nfos_engine::guest::Guest;

/// What one burst took, in ticks of the clock that timed it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BurstTicks {
    /// By the number of their kind: its events.
    pub events: [u32; 5],
    /// Making it of packets.
    pub compose: u64,
    /// In the guest and at the commit.
    pub handle: u64,
    /// Letting it happen.
    pub settle: u64,
}

impl<G: Guest<WorkerServices>, E: Egress> Worker<G, E> {
    /// Composes the next burst, of packets received and of sets that ran out before `until_ns`, and
    /// begins its transaction; how many events it has, 0 if there is nothing to do.
    pub(crate) fn begin(&mut self, until_ns: u64) -> usize {
        self.counters.queue_max.raise_to(self.inbox.len() as u64);
        let limit = self.limit();
        if self.compose(limit, until_ns) {
            self.begin_composed();
        }
        self.burst.items().len()
    }

    /// All that was received is handled.
    pub(crate) fn pause(&mut self, busy_ns: u64) {
        self.counters.busy_ns.add(busy_ns);
        self.publish_sets();
        self.egress.flush();
    }

    /// Begins a periodic event.
    pub(crate) fn begin_period(&mut self, index: u16, now_ns: u64) {
        self.burst.compose_period(index, now_ns);
        self.begin_composed();
    }

    fn begin_composed(&mut self) {
        if self.broken.is_some() {
            self.replace_guest();
        }
        self.guest.services().start_burst(self.burst.moments());
        self.counters.bursts.add(1);
        self.burst.begin_steps();
        self.undecided = true;
    }

    /// Sets the time by which bursts are recorded, with profiling on, and says that one begins.
    pub(crate) fn record_from(&mut self, now_ns: u64) {
        if let Some(probe) = &mut self.probe {
            probe.times.virtual_ns = Some(now_ns);
            probe.times.begin();
        }
    }

    /// Runs the next event of the burst.
    pub(crate) fn step(&mut self) -> Whether {
        if let Some(reason) = self.broken {
            self.burst.fail(Some(reason.into()));
            self.guest.services().abandon();
            self.undecided = false;
            return Whether::Ends;
        }
        let event = self.burst.stepped();
        self.guest.services().start_step(event as u32);
        if let Err(fault) = self.guest.handle(&mut Step(&mut self.burst)) {
            self.recover(fault);
            self.undecided = false;
            return Whether::Ends;
        }
        if self.burst.stepped() == event {
            Whether::Stops
        } else if self.burst.stepped() == self.burst.items().len() {
            Whether::Ends
        } else {
            Whether::GoesOn
        }
    }

    /// Decides the burst and lets happen what stands; how many of its events are done with, and how
    /// many runs were thrown away for a conflict.
    pub(crate) fn end(&mut self, now_ns: u64) -> (usize, usize) {
        if std::mem::take(&mut self.undecided)
            && let Err(fault) = self.burst.end_steps(self.guest.services())
        {
            self.recover(fault);
        }
        if let Some(probe) = &mut self.probe {
            probe.times.virtual_ns = Some(now_ns);
        }
        self.settle();
        (self.burst.settled().finished, self.burst.settled().aborts)
    }

    /// Throws an open burst away and drops what has not been handled.
    pub(crate) fn give_up(&mut self) {
        if std::mem::take(&mut self.undecided) {
            self.guest.services().abandon();
            self.burst.fail(None);
            self.settle();
        }
        self.stop();
    }

    /// The kinds of the burst's events.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = EventKind> {
        self.burst.items().iter().map(|item| item.kind)
    }

    /// Its services.
    pub(crate) fn services(&mut self) -> &mut WorkerServices {
        self.guest.services()
    }

    /// Runs a whole burst of up to `limit` events as a worker does, and times its parts; none if
    /// there is nothing to do.
    pub(crate) fn time_burst(&mut self, limit: usize, clock: &quanta::Clock) -> Option<BurstTicks> {
        let before = clock.raw();
        let limit = limit.min(self.limit());
        if !self.compose(limit, 0) {
            return None;
        }
        let composed = clock.raw();
        self.dispatch();
        let handled = clock.raw();
        self.settle();
        let settled = clock.raw();
        let mut ticks = BurstTicks {
            compose: composed - before,
            handle: handled - composed,
            settle: settled - handled,
            ..BurstTicks::default()
        };
        self.burst.items().iter().for_each(|item| ticks.events[item.kind as usize] += 1);
        Some(ticks)
    }
}
