//! A worker's end of a move.

use super::messages::{Answer, Order, Rest};
use super::policy::Shift;
use crate::definitions::StoredKeys;
use crate::live::LivePorts;
use crate::packet_set::moving::Moved;
use crate::reasons::HostReason;
use crate::services::WorkerServices;
use crate::worker::Worker;
use crossbeam_channel::{Receiver, Sender};
use nfos_engine::guest::Guest;
use nfos_netio::{Frame, Steering};
use std::collections::VecDeque;

/// Packets that wait for their sets, at most: half of what a worker has of one port.
const PARKED_MAX: usize = crate::run::FRAMES_PER_PORT / 2;
/// Entries of the packet-set table that are looked at between two bursts.
const SURVEY_ENTRIES: u32 = 1024;
/// Packet sets that are handed over between two bursts.
const HAND_OVER_SETS: usize = 1024;
/// No worker.
const NOBODY: u16 = u16::MAX;

/// What a worker is at, beside its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Giving {
    /// Nothing; entries may be on their way here.
    Nothing,
    /// It looks for their sets, and is at this entry of its table.
    Survey(u32),
    /// It has found them, and packets still come.
    Found,
    /// The last packets are on their way.
    Drain,
    /// They have come, and the sets go.
    HandOver,
    /// Nothing moves after all, and packets that came here by mistake are on their way.
    Mistaken,
}

/// A worker's end.
#[derive(Debug)]
pub(crate) struct Mover {
    index: usize,
    workers: usize,
    steering: Steering,
    keys: StoredKeys,
    orders: Receiver<Order>,
    peers: Vec<Sender<Order>>,
    answers: Sender<Answer>,
    giving: Giving,
    /// By entry: the worker that it goes to.
    to: Vec<u16>,
    found: Vec<u32>,
    /// By entry: the worker that it comes from, until its sets are here.
    from: Vec<u16>,
    /// Entries that are to come.
    coming: usize,
    /// Packets of these, in order, each with its entry.
    parked: VecDeque<(u16, Frame)>,
}

/// What a mover is made of.
pub(crate) struct Parts {
    /// Which worker it belongs to.
    pub index: usize,
    /// Shared with the ports.
    pub steering: Steering,
    /// How keys lie in the packet-set table.
    pub keys: StoredKeys,
    /// To this worker.
    pub orders: Receiver<Order>,
    /// To each worker.
    pub peers: Vec<Sender<Order>>,
    /// To the control loop.
    pub answers: Sender<Answer>,
}

impl Mover {
    /// With nothing to do.
    pub(crate) fn new(parts: Parts) -> Self {
        let entries = parts.steering.entries();
        Self {
            index: parts.index,
            workers: parts.steering.workers(),
            steering: parts.steering,
            keys: parts.keys,
            orders: parts.orders,
            peers: parts.peers,
            answers: parts.answers,
            giving: Giving::Nothing,
            to: vec![NOBODY; entries],
            found: Vec::new(),
            from: vec![NOBODY; entries],
            coming: 0,
            parked: VecDeque::with_capacity(PARKED_MAX),
        }
    }

    /// Whether packets must be looked at before they are received.
    #[inline]
    pub(crate) fn is_parking(&self) -> bool {
        self.coming > 0
    }

    /// Keeps those packets of one port back whose sets are not here yet.
    #[cold]
    pub(crate) fn park<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        frames: &mut Vec<Frame>,
    ) {
        let (from, steering) = (&self.from, &self.steering);
        let is_coming =
            |frame: &mut Frame| from[steering.entry(frame.port, frame.bytes())] != NOBODY;
        for frame in frames.extract_if(.., is_coming) {
            worker.note_received(&frame);
            if self.parked.len() < PARKED_MAX {
                let entry = self.steering.entry(frame.port, frame.bytes());
                self.parked.push_back((entry as u16, frame));
            } else {
                worker.lose(frame, HostReason::PacketSetMoving);
            }
        }
    }

    /// Between bursts, with everything handled that was received: does what there is to do.
    #[inline]
    pub(crate) fn turn<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        now_ns: u64,
    ) {
        if self.giving != Giving::Nothing || !self.orders.is_empty() {
            self.go_on(worker, now_ns);
        }
    }

    #[cold]
    fn go_on<G: Guest<WorkerServices>>(&mut self, worker: &mut Worker<G, LivePorts>, now_ns: u64) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Prepare(shifts) => self.prepare(worker, &shifts),
                Order::HandOver => {
                    worker.egress().begin_drain();
                    self.giving = Giving::Drain;
                }
                Order::TakeIn { from, sets, rest } => {
                    self.take_in(worker, (from, &sets, rest), now_ns);
                    // Packets before more sets.
                    break;
                }
                Order::Forget => {
                    worker.table().end_survey(&mut self.found);
                    worker.egress().begin_drain();
                    self.giving = Giving::Mistaken;
                }
            }
        }
        match self.giving {
            Giving::Survey(next) => self.survey(worker, next),
            // Packets that came with sets may wait, of other entries: they go first.
            Giving::Drain if worker.egress().is_drained() && worker.waiting() == 0 => {
                worker.table().end_survey(&mut self.found);
                self.hand_over(worker);
            }
            Giving::HandOver => self.hand_over(worker),
            Giving::Mistaken if worker.egress().is_drained() => self.forget(worker),
            Giving::Nothing | Giving::Found | Giving::Drain | Giving::Mistaken => {}
        }
    }

    fn prepare<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        shifts: &[Shift],
    ) {
        for shift in shifts {
            let entry = usize::from(shift.entry);
            if usize::from(shift.to) == self.index {
                self.from[entry] = shift.from;
                self.coming += 1;
            } else if usize::from(shift.from) == self.index {
                self.to[entry] = shift.to;
                self.giving = Giving::Survey(0);
            }
        }
        match self.giving {
            Giving::Nothing => self.answer(Answer::Ready),
            _ => worker.table().begin_survey(),
        }
    }

    fn survey<G: Guest<WorkerServices>>(&mut self, worker: &mut Worker<G, LivePorts>, next: u32) {
        let (to, keys, steering) = (&self.to, &self.keys, &self.steering);
        let goes = |key: &[u64]| destination(to, keys, steering, key).is_some();
        let table = worker.table();
        match table.survey(next, SURVEY_ENTRIES, goes, &mut self.found) {
            Some(next) => self.giving = Giving::Survey(next),
            None => {
                self.giving = Giving::Found;
                self.answer(Answer::Ready);
            }
        }
    }

    /// The last packet has come and is handled: sets go, some at a time.
    fn hand_over<G: Guest<WorkerServices>>(&mut self, worker: &mut Worker<G, LivePorts>) {
        let (to, keys, steering) = (&self.to, &self.keys, &self.steering);
        let mut moved: Vec<Moved> = (0..self.workers).map(|_| Moved::default()).collect();
        let destination = |key: &[u64]| destination(to, keys, steering, key);
        worker.table().take_out(&mut self.found, HAND_OVER_SETS, &mut moved, destination);
        let rest = if self.found.is_empty() { Rest::Nothing } else { Rest::Comes };
        for (peer, sets) in moved.into_iter().enumerate() {
            // Who gets entries without a set must know too.
            if self.to.iter().any(|to| usize::from(*to) == peer) {
                let order = Order::TakeIn { from: self.index, sets, rest };
                // Fails only when nobody waits for it: the run is over.
                let _ = self.peers[peer].send(order);
            }
        }
        self.giving = Giving::HandOver;
        if rest == Rest::Nothing {
            self.to.fill(NOBODY);
            self.giving = Giving::Nothing;
        }
        worker.publish_sets();
    }

    /// Sets of another worker are here: takes them in, and after the last the packets that waited
    /// for them.
    fn take_in<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        (from, sets, rest): (usize, &Moved, Rest),
        now_ns: u64,
    ) {
        worker.table().take_in(sets);
        worker.publish_sets();
        let parked = if rest == Rest::Nothing { self.unpark(worker, from, now_ns) } else { 0 };
        self.answer(Answer::TakenIn { sets: sets.len() as u64, parked, rest });
    }

    /// Packets of entries that have come from this worker arrive, in order; how many.
    fn unpark<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        from: usize,
        now_ns: u64,
    ) -> u64 {
        for of_entry in self.from.iter_mut().filter(|of| usize::from(**of) == from) {
            *of_entry = NOBODY;
            self.coming -= 1;
        }
        let before = self.parked.len();
        for _ in 0..before {
            let Some((entry, mut frame)) = self.parked.pop_front() else { break };
            if self.from[usize::from(entry)] == NOBODY {
                // It waited as in a lane: it arrives now.
                frame.timestamp_ns = now_ns;
                worker.wait_last(frame);
            } else {
                self.parked.push_back((entry, frame));
            }
        }
        (before - self.parked.len()) as u64
    }

    /// The table is as it was, and the last packet that was steered otherwise has come.
    fn forget<G: Guest<WorkerServices>>(&mut self, worker: &mut Worker<G, LivePorts>) {
        self.giving = Giving::Nothing;
        self.found.clear();
        self.to.fill(NOBODY);
        self.from.fill(NOBODY);
        self.coming = 0;
        // What came here meanwhile is of sets that are elsewhere.
        self.drop_parked(worker, HostReason::PacketSetMoving);
    }

    /// The end: takes in what is on its way to this worker, and drops what waits for more. What
    /// waited for that is to be handled still.
    pub(crate) fn leave<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        now_ns: u64,
    ) {
        while let Ok(order) = self.orders.try_recv() {
            if let Order::TakeIn { from, sets, rest } = order {
                self.take_in(worker, (from, &sets, rest), now_ns);
            }
        }
        self.drop_parked(worker, HostReason::Stopped);
    }

    fn drop_parked<G: Guest<WorkerServices>>(
        &mut self,
        worker: &mut Worker<G, LivePorts>,
        reason: HostReason,
    ) {
        for (_, frame) in self.parked.drain(..) {
            worker.lose(frame, reason);
        }
    }

    fn answer(&self, answer: Answer) {
        // Fails only when the control loop is gone, and with it whoever moves entries.
        let _ = self.answers.send(answer);
    }
}

/// The worker that the set of a key goes to, if it goes.
fn destination(
    to: &[u16],
    keys: &StoredKeys,
    steering: &Steering,
    stored: &[u64],
) -> Option<usize> {
    let key = keys.key(stored)?;
    match to[steering.entry_of(&key)] {
        NOBODY => None,
        worker => Some(usize::from(worker)),
    }
}
