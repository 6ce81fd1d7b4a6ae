//! The worker: receive, dispatch, commit, transmit, expire.
//!
//! [`Worker::run`] handles everything in its inbox, in order of time, burst by burst. Where the
//! packets come from and go to is the business of [`crate::live`] and [`crate::trace`].

use crate::burst::{Burst, Ending, Item};
use crate::commit_log::Scribe;
use crate::counters::Counters;
use crate::egress::Egress;
use crate::inbox::Inbox;
use crate::live::LiveClock;
use crate::notice::{FAULTS_REPORTED_MAX, FaultPacket, Notice};
use crate::packet_set::table::Table;
use crate::probe::{Ended, Probe, Recorded};
use crate::reasons::HostReason;
use crate::script::Script;
use crate::services::{Moment, WorkerServices};
use crossbeam_channel::Sender;
use nfos_engine::fault::{FaultReason, GuestFault};
use nfos_engine::guest::Guest;
use nfos_netio::{Frame, Received};
use nfos_sync::{Bug, seeded};
use std::sync::Arc;

mod outcome;
mod stepwise;

/// Packets that may wait in the inbox without an allocation: a burst from each of 64 ports.
const INBOX_PACKETS: usize = 4096;

/// One worker, or the control loop.
pub(crate) struct Worker<G, E> {
    index: usize,
    guest: G,
    script: Script,
    burst: Burst,
    burst_max: usize,
    inbox: Inbox,
    egress: E,
    counters: Arc<Counters>,
    notices: Sender<Notice>,
    /// After a fault: how to run what was in its burst.
    suspects: Suspects,
    /// Why there is no instance: the last one broke, and the next did not start.
    broken: Option<FaultReason>,
    faults_reported: u64,
    ports: u16,
    scribe: Option<Scribe>,
    /// With profiling on.
    probe: Option<Box<Probe>>,
    /// Whether events have crossed one by one that are not decided yet.
    undecided: bool,
}

/// The events of a burst in which the guest faulted, from the first on.
#[derive(Clone, Copy, Debug, Default)]
struct Suspects {
    /// These ran well, and may run together again.
    before: usize,
    /// Of these one faulted: each runs alone.
    alone: usize,
}

impl Suspects {
    /// A trap is of the event begun last; a bad outcome may be of any, and so may the trap of a
    /// guest that begins none.
    fn of(fault: &GuestFault, begun: usize, events: usize) -> Self {
        match (fault, begun) {
            (GuestFault::BadOutcome(_), _) | (_, 0) => Self { before: 0, alone: events },
            _ => Self { before: begun - 1, alone: 1 },
        }
    }

    /// That many events are done with.
    fn finish(&mut self, events: usize) {
        let after = events.saturating_sub(self.before);
        self.before -= events - after;
        self.alone = self.alone.saturating_sub(after);
    }
}

/// What a worker is made of.
pub(crate) struct Parts<G, E> {
    /// Its number.
    pub index: usize,
    /// Its instance, in which `init` has run.
    pub guest: G,
    /// What `init` was answered, for instances to come.
    pub script: Script,
    /// Its burst and packet sets.
    pub burst: Burst,
    /// Most events of a burst.
    pub burst_max: usize,
    /// Its way out.
    pub egress: E,
    /// Its counters.
    pub counters: Arc<Counters>,
    /// To the operator.
    pub notices: Sender<Notice>,
    /// Ports of the run.
    pub ports: u16,
    /// Notes the order of commits, in tests that ask for it.
    pub scribe: Option<Scribe>,
    /// With profiling on.
    pub probe: Option<Box<Probe>>,
}

impl<G: Guest<WorkerServices>, E: Egress> Worker<G, E> {
    /// Puts one together.
    pub(crate) fn new(parts: Parts<G, E>) -> Self {
        Self {
            index: parts.index,
            guest: parts.guest,
            script: parts.script,
            burst: parts.burst,
            burst_max: parts.burst_max,
            inbox: Inbox::new(INBOX_PACKETS),
            egress: parts.egress,
            counters: parts.counters,
            notices: parts.notices,
            suspects: Suspects::default(),
            broken: None,
            faults_reported: 0,
            ports: parts.ports,
            scribe: parts.scribe,
            probe: parts.probe,
            undecided: false,
        }
    }

    /// Its way out.
    pub(crate) fn egress(&mut self) -> &mut E {
        &mut self.egress
    }

    /// Its counters.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Its instance.
    #[cfg(test)]
    pub(crate) fn guest(&self) -> &G {
        &self.guest
    }

    /// Its instance, to change what it does.
    #[cfg(test)]
    pub(crate) fn guest_mut(&mut self) -> &mut G {
        &mut self.guest
    }

    /// Its way out, to look at.
    #[cfg(test)]
    pub(crate) fn egress_ref(&self) -> &E {
        &self.egress
    }

    /// The state of every packet set that has some.
    #[cfg(test)]
    pub(crate) fn states(&self, bytes: usize) -> Vec<Vec<u8>> {
        self.burst.states(bytes)
    }

    /// When the next packet set runs out.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.burst.deadline_ns()
    }

    /// Receives a packet. Packets come in order of time.
    pub(crate) fn receive(&mut self, frame: Frame) {
        let port = frame.port.index();
        self.count_received(port, 1, frame.len() as u64);
        self.inbox.arrived().push(frame);
    }

    /// Receives packets that come from one port at this instant: all that `receive` appends.
    #[inline]
    pub(crate) fn receive_from(
        &mut self,
        port: usize,
        receive: impl FnOnce(&mut E, &mut Vec<Frame>) -> Received,
    ) -> Received {
        let received = receive(&mut self.egress, self.inbox.arrived());
        if let Received::Frames { count, bytes } = received {
            self.count_received(port, count as u64, bytes);
        }
        received
    }

    /// Counts a packet as received that is not handled yet.
    pub(crate) fn note_received(&self, frame: &Frame) {
        self.count_received(frame.port.index(), 1, frame.len() as u64);
    }

    /// Puts a packet behind all others that are to be handled, which was counted before.
    pub(crate) fn wait_last(&mut self, frame: Frame) {
        self.inbox.arrived().push(frame);
    }

    /// Drops a packet that was counted before and is not handled.
    pub(crate) fn lose(&mut self, frame: Frame, reason: HostReason) {
        self.drop_packet(frame, reason.into());
    }

    /// Its packet sets; to be changed between bursts alone.
    pub(crate) fn table(&mut self) -> &mut Table {
        self.burst.table()
    }

    fn count_received(&self, port: usize, packets: u64, bytes: u64) {
        let of_port = &self.counters.ports[port];
        of_port.received.add(packets);
        of_port.received_bytes.add(bytes);
        self.counters.packets.add(packets);
    }

    /// Records the time of live packets by this clock, with profiling on.
    pub(crate) fn watch(&mut self, clock: &LiveClock) {
        if let Some(probe) = &mut self.probe {
            probe.times.live = Some(clock.clone());
        }
    }

    /// The end: hands in what was recorded.
    pub(crate) fn hand_in(&mut self) {
        let services = self.guest.services();
        let (uses, gate_entries) = (services.take_uses(), services.gate_entries());
        if let (Some(probe), Some(uses)) = (self.probe.take(), uses) {
            let Probe { times, heavy, to } = *probe;
            let recorded = Recorded { worker: self.index, times, uses, heavy, gate_entries };
            // Fails only when nobody waits for it.
            let _ = to.send(recorded);
        }
    }

    fn probe_burst(&mut self) {
        let Some(probe) = &mut self.probe else { return };
        let settled = self.burst.settled();
        let ended = self.burst.items().iter().enumerate().map(|(index, item)| Ended {
            kind: item.kind,
            arrived_ns: item.frame.as_ref().map(|frame| frame.timestamp_ns),
            runs: item.runs(),
            finished: index < settled.finished,
        });
        for item in &self.burst.items()[..settled.finished] {
            if let Some(frame) = &item.frame {
                probe.heavy.note(frame);
            }
        }
        let capture_ns = self.guest.services().take_capture_ns();
        let wasted_ns = probe.times.end(ended, settled.aborts, capture_ns);
        if wasted_ns > 0 {
            self.guest.services().waste(wasted_ns);
        }
    }

    /// Packets received and not yet handled.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.inbox.len()
    }

    /// Handles all packets received, and the end of all sets that ran out before `until_ns`.
    pub(crate) fn run(&mut self, until_ns: u64) {
        self.counters.queue.set(self.inbox.len() as u64);
        self.counters.queue_max.raise_to(self.inbox.len() as u64);
        loop {
            let limit = self.limit();
            if !self.compose(limit, until_ns) {
                break;
            }
            self.dispatch();
            self.settle();
        }
        self.publish_sets();
        self.egress.flush();
    }

    /// Composes the next burst of up to `limit` events, and drops packets before it that nobody
    /// handles; `false` if there is nothing to do.
    #[inline]
    fn compose(&mut self, limit: usize, until_ns: u64) -> bool {
        loop {
            self.burst.compose(&mut self.inbox, limit, until_ns);
            self.drop_skipped();
            if !self.burst.items().is_empty() {
                return true;
            }
            // Else all that was taken of the inbox was skipped.
            if self.inbox.is_empty() {
                return false;
            }
        }
    }

    /// Runs a periodic event.
    pub(crate) fn run_period(&mut self, index: u16, now_ns: u64) {
        loop {
            self.burst.compose_period(index, now_ns);
            self.dispatch();
            let finished = self.burst.settled().finished;
            self.settle();
            if finished > 0 {
                break;
            }
        }
        self.egress.flush();
    }

    /// Runs `exit`.
    pub(crate) fn run_exit(&mut self, now_ns: u64) {
        loop {
            self.guest.services().start_exit(Moment::new(now_ns, now_ns));
            let result = self.guest.exit();
            let services = self.guest.services();
            match result {
                Ok(()) if services.commit(1).committed == 1 => break,
                Err(fault) if services.observations_hold() => {
                    services.abandon();
                    self.report(fault, None);
                    return;
                }
                _ => {}
            }
        }
        self.release(0, now_ns, 0);
        self.egress.flush();
    }

    /// Nothing to do: nobody needs to keep history for this worker.
    pub(crate) fn rest(&mut self) {
        self.guest.services().idle();
    }

    /// Gives back what is in the inbox when a run ends in haste.
    pub(crate) fn stop(&mut self) {
        while let Some(frame) = self.inbox.line_up().take() {
            self.drop_packet(frame, HostReason::Stopped.into());
        }
        self.egress.flush();
    }

    /// How many events its next burst may have.
    pub(crate) fn limit(&mut self) -> usize {
        let usual = self.guest.services().burst_limit().min(self.burst_max);
        match self.suspects {
            Suspects { before: 0, alone: 0 } => usual,
            Suspects { before: 0, .. } => 1,
            Suspects { before, .. } => usual.min(before),
        }
    }

    /// Runs the burst in the guest and decides what of it stands.
    fn dispatch(&mut self) {
        if self.broken.is_some() {
            self.replace_guest();
        }
        if let Some(reason) = self.broken {
            return self.burst.fail(Some(reason.into()));
        }
        if let Some(probe) = &mut self.probe {
            probe.times.begin();
        }
        self.guest.services().start_burst(self.burst.moments());
        self.counters.bursts.add(1);
        if let Err(fault) = self.guest.handle(&mut self.burst) {
            self.recover(fault);
        }
    }

    /// After a fault: a new instance, and either the event is dropped or all run again, alone.
    ///
    /// A fault counts only if everything that the run observed still holds: if not, it was a run
    /// that would have been thrown away.
    #[cold]
    fn recover(&mut self, fault: GuestFault) {
        let alone = self.burst.items().len() == 1;
        if self.burst.settled().accepted {
            // The outcome was taken; only the way back from it failed.
            self.count_fault(fault, None);
        } else {
            let services = self.guest.services();
            let (counts, begun) = (services.observations_hold(), services.begun());
            if counts {
                services.abandon();
            } else {
                // Nothing commits, but the failure is noted: so the event gets through in the end.
                services.commit(0);
            }
            if counts && alone {
                self.burst.fail(Some(fault.reason().into()));
                let packet = self.burst.items()[0].frame.as_ref().map(fault_packet);
                self.count_fault(fault, packet);
            } else if counts {
                self.burst.fail(None);
                self.suspects = Suspects::of(&fault, begun, self.burst.items().len());
            } else {
                self.burst.fail_in_conflict();
            }
        }
        self.replace_guest();
    }

    /// Makes a new instance. `init` ran before with the same answers, but it may meet a limit that
    /// it just did not meet then: what comes is then dropped, and the next burst tries again.
    fn replace_guest(&mut self) {
        self.counters.instances_replaced.add(1);
        self.guest.services().start_replay(Arc::clone(&self.script));
        let made = self.guest.replace().and_then(|()| self.guest.init());
        self.broken = made.as_ref().err().map(GuestFault::reason);
        if let Err(fault) = made {
            self.count_fault(fault, None);
        }
    }

    fn count_fault(&mut self, fault: GuestFault, packet: Option<FaultPacket>) {
        self.counters.faults.add(1);
        self.report(fault, packet);
    }

    fn report(&mut self, fault: GuestFault, packet: Option<FaultPacket>) {
        self.faults_reported += 1;
        if self.faults_reported <= FAULTS_REPORTED_MAX {
            self.tell(Notice::Fault { worker: self.index, fault, packet });
        }
    }

    fn tell(&self, notice: Notice) {
        // Fails only when the operator's thread is gone, and with it whoever could read.
        let _ = self.notices.send(notice);
    }

    /// Lets finished events happen and puts the others back into the inbox.
    fn settle(&mut self) {
        let settled = self.burst.settled();
        self.counters.aborts.add(settled.aborts as u64);
        self.suspects.finish(settled.finished);
        if settled.isolate > 0 {
            self.suspects = Suspects { before: 0, alone: settled.isolate };
        }
        self.probe_burst();
        self.count_changes();
        for item in self.burst.items_mut()[settled.finished..].iter_mut().rev() {
            if let Some(mut frame) = item.frame.take() {
                frame.tries += 1;
                self.inbox.put_back(frame);
            }
        }
        if seeded(Bug::EffectsOutliveRollback) {
            for unit in settled.finished..self.burst.items().len() {
                let now_ns = self.burst.moment(unit).now_ns;
                self.release(unit as u32, now_ns, 0);
            }
        }
        let silent = self.guest.services().effects().is_empty() && self.scribe.is_none();
        let runs_max = self.burst.runs_max(settled.finished);
        let mut items = std::mem::take(self.burst.items_mut());
        let finished = &mut items[..settled.finished];
        let stood = finished.iter().filter(|item| matches!(item.ending, Ending::Stands(_))).count();
        if silent {
            self.finish_all(finished);
        } else {
            for (unit, item) in finished.iter_mut().enumerate() {
                self.tell_of(unit, item);
                self.finish(item);
            }
        }
        *self.burst.items_mut() = items;
        self.counters.events.add(stood as u64);
        self.counters.runs_per_event_max.raise_to(runs_max.into());
    }

    /// Lets happen what a finished event asked for beside its packet, and notes the packet in the
    /// log of commits.
    #[cold]
    fn tell_of(&mut self, unit: usize, item: &Item) {
        let now_ns = self.burst.moment(unit).now_ns;
        let Item { effective, ending, ref frame, .. } = *item;
        if effective {
            let sequence = frame.as_ref().map_or(0, |frame| frame.sequence);
            self.release(unit as u32, now_ns, sequence);
        }
        if let (Some(scribe), Some(frame)) = (&mut self.scribe, frame) {
            let position = self.guest.services().position_of(unit);
            scribe.note(position, frame, now_ns, ending);
        }
    }

    fn count_changes(&mut self) {
        let changes = self.burst.take_changes();
        self.counters.sets_registered.add(changes.registered);
        self.counters.sets_expired.add(changes.expired);
        self.counters.sets_refused.add(changes.refused);
    }

    /// Says how many sets there are now.
    pub(crate) fn publish_sets(&mut self) {
        self.count_changes();
        self.counters.sets_live.set(self.burst.sets_live() as u64);
    }
}

fn fault_packet(frame: &Frame) -> FaultPacket {
    FaultPacket {
        port: frame.port.raw(),
        timestamp_ns: frame.timestamp_ns,
        wire_length: frame.wire_length,
        bytes: frame.bytes().into(),
    }
}
