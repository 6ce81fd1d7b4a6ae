//! The control loop's end of moves: when, what, and in which order.

use super::messages::{Answer, Order, Rest};
use super::policy::{Policy, Shift};
use super::{Moves, Rebalance};
use crossbeam_channel::{Receiver, Sender};
use nfos_netio::{Port, PortError, Steering};
use std::sync::Arc;

/// Most entries that move at random at a time.
const RANDOM_SHIFTS: u64 = 8;

/// What chooses entries.
#[derive(Debug)]
enum Choice {
    Policy(Policy),
    Random { state: u64 },
}

/// Where the move in hand is.
#[derive(Debug)]
enum Step {
    /// There is none.
    Rest,
    /// So many workers are not ready.
    Preparing(Arc<[Shift]>, usize),
    /// So many workers have not taken in what others had for them.
    Moving(usize),
    /// A port did not follow: nothing moves any more.
    GivenUp,
}

/// The control loop's end.
#[derive(Debug)]
pub(crate) struct Control {
    steering: Steering,
    choice: Choice,
    interval_ns: u64,
    next_ns: u64,
    /// By worker. What lies there when all have gone nobody takes.
    orders: Vec<(Sender<Order>, Receiver<Order>)>,
    answers: Receiver<Answer>,
    step: Step,
    /// By entry: packets until the last look.
    packets: Vec<u64>,
    moves: Arc<Moves>,
}

impl Control {
    pub(super) fn new(
        steering: &Steering,
        how: Rebalance,
        orders: Vec<(Sender<Order>, Receiver<Order>)>,
        answers: Receiver<Answer>,
        moves: Arc<Moves>,
    ) -> Self {
        let entries = steering.entries();
        let (interval, choice) = match how {
            Rebalance::AtRandom { interval, seed } => (interval, Choice::Random { state: seed }),
            Rebalance::WhenSkewed { interval } => {
                (interval, Choice::Policy(Policy::new(entries, steering.workers())))
            }
            Rebalance::Never => unreachable!("then there is no control of it"),
        };
        let interval_ns = interval.as_nanos() as u64;
        Self {
            steering: steering.clone(),
            choice,
            interval_ns,
            next_ns: interval_ns,
            orders,
            answers,
            step: Step::Rest,
            packets: vec![0; entries],
            moves,
        }
    }

    /// When it wants to be asked again.
    pub(crate) fn next_ns(&self, now_ns: u64) -> u64 {
        match self.step {
            Step::Rest => self.next_ns,
            // Workers answer within a burst, mostly.
            Step::Preparing(..) | Step::Moving(_) => now_ns + self.interval_ns.min(1_000_000),
            Step::GivenUp => u64::MAX,
        }
    }

    /// Begins a move if it is time and there is a reason, or goes on with the one in hand.
    ///
    /// # Errors
    /// [`PortError`] of a port that does not follow: then nothing has moved, and nothing will.
    pub(crate) fn look(
        &mut self,
        now_ns: u64,
        ports: &mut [Box<dyn Port>],
    ) -> Result<(), PortError> {
        while let Ok(answer) = self.answers.try_recv() {
            self.hear(&answer);
        }
        match &self.step {
            Step::Rest if now_ns >= self.next_ns => {
                self.next_ns = now_ns + self.interval_ns;
                let shifts = self.choose(ports);
                if !shifts.is_empty() {
                    self.prepare(shifts);
                }
            }
            Step::Preparing(shifts, 0) => {
                let shifts = Arc::clone(shifts);
                return self.change(&shifts, ports);
            }
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, answer: &Answer) {
        match (answer, &mut self.step) {
            (Answer::Ready, Step::Preparing(_, waiting)) => *waiting -= 1,
            (Answer::TakenIn { sets, parked, rest }, Step::Moving(waiting)) => {
                self.moves.sets.add(*sets);
                self.moves.parked.add(*parked);
                *waiting -= usize::from(*rest == Rest::Nothing);
                if *waiting == 0 {
                    self.step = Step::Rest;
                }
            }
            _ => unreachable!("a worker answers once, and what it was asked"),
        }
    }

    fn choose(&mut self, ports: &mut [Box<dyn Port>]) -> Vec<Shift> {
        let table = self.steering.table();
        let mut packets = vec![0; table.len()];
        for port in ports.iter_mut().filter_map(|port| port.resteer()) {
            port.add_loads(&mut packets);
        }
        let before = std::mem::replace(&mut self.packets, packets);
        let loads: Vec<u64> =
            self.packets.iter().zip(&before).map(|(now, before)| now - before).collect();
        match &mut self.choice {
            Choice::Policy(policy) => policy.after(&loads, &table),
            Choice::Random { state } => at_random(state, &table, self.steering.workers()),
        }
    }

    fn prepare(&mut self, shifts: Vec<Shift>) {
        let shifts: Arc<[Shift]> = shifts.into();
        let workers = self.concerned(&shifts);
        for worker in &workers {
            self.tell(*worker, Order::Prepare(Arc::clone(&shifts)));
        }
        self.step = Step::Preparing(shifts, workers.len());
    }

    /// All are ready: changes the table, makes every port follow, and lets sets go.
    fn change(&mut self, shifts: &[Shift], ports: &mut [Box<dyn Port>]) -> Result<(), PortError> {
        for shift in shifts {
            self.steering.assign(shift.entry.into(), shift.to.into());
        }
        if let Err(error) = follow(ports) {
            self.take_back(shifts, ports);
            return Err(error);
        }
        let mut pairs: Vec<_> = shifts.iter().map(|shift| (shift.from, shift.to)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut givers: Vec<_> = pairs.iter().map(|(from, _)| usize::from(*from)).collect();
        givers.dedup();
        for giver in givers {
            self.tell(giver, Order::HandOver);
        }
        self.moves.moves.add(1);
        self.moves.entries.add(shifts.len() as u64);
        self.step = Step::Moving(pairs.len());
        Ok(())
    }

    /// A port did not take the table: all go back to the one before.
    #[cold]
    fn take_back(&mut self, shifts: &[Shift], ports: &mut [Box<dyn Port>]) {
        for shift in shifts {
            self.steering.assign(shift.entry.into(), shift.from.into());
        }
        // A device that takes no table keeps the one that it has.
        let _ = follow(ports);
        for worker in self.concerned(shifts) {
            self.tell(worker, Order::Forget);
        }
        self.step = Step::GivenUp;
    }

    fn concerned(&self, shifts: &[Shift]) -> Vec<usize> {
        let is_concerned = |worker: &usize| {
            shifts.iter().any(|shift| [shift.from, shift.to].contains(&(*worker as u16)))
        };
        (0..self.steering.workers()).filter(is_concerned).collect()
    }

    fn tell(&self, worker: usize, order: Order) {
        self.orders[worker].0.send(order).expect("the other end is kept here too");
    }

    /// All workers are gone: sets that were on their way to one that had gone before.
    pub(crate) fn left_over(&self) -> u64 {
        let orders = self.orders.iter().flat_map(|(_, orders)| orders.try_iter());
        let sets = orders.map(|order| match order {
            Order::TakeIn { sets, .. } => sets.len() as u64,
            Order::Prepare(_) | Order::HandOver | Order::Forget => 0,
        });
        sets.sum()
    }
}

/// Makes every port steer by the table as it is.
fn follow(ports: &mut [Box<dyn Port>]) -> Result<(), PortError> {
    ports.iter_mut().filter_map(|port| port.resteer()).try_for_each(|port| port.follow())
}

/// Some entries, each to any other worker.
fn at_random(state: &mut u64, table: &[u16], workers: usize) -> Vec<Shift> {
    let mut random = |below: u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*state >> 33) % below
    };
    let mut shifts: Vec<Shift> = Vec::new();
    for _ in 0..=random(RANDOM_SHIFTS) {
        let entry = random(table.len() as u64) as u16;
        let from = table[usize::from(entry)];
        let to = (u64::from(from) + 1 + random(workers as u64 - 1)) % workers as u64;
        if shifts.iter().all(|shift| shift.entry != entry) {
            shifts.push(Shift { entry, from, to: to as u16 });
        }
    }
    shifts
}
