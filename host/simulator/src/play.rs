//! The scheduler: what happens next, by virtual time, and what it costs.
//!
//! ```text
//! heap of (virtual time, tie, worker)
//! poll:    take what has arrived, as a worker does
//! begin:   compose a burst and take its snapshot, when composing it is through
//! event:   run ONE event of the open transaction now; the next, or the commit, at t + its cost
//! commit:  commit now, in one piece; the worker is busy until t + cost and waits, then goes on
//! ```
//! A worker that must queue, for a room or the gate, leaves the heap and is asked again whenever
//! another has committed. Ties are broken, and costs scattered a little, by chance from a seed:
//! workers in lockstep would meet either always or never.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use nfos_dataplane::stepwise::{Decided, Ensemble, Pair, Protocol, Stage, Stepped};
use nfos_dataplane::{Factory, Launch, RunError};
use nfos_netio::Received;
use nfos_netio::synthetic::Random;
use nfos_records::Summary;
use nfos_records::profile::Profile;
use nfos_records::simulation::Costs;

use crate::arrivals::Arrivals;
use crate::lines::{Charge, Lines};
use crate::tally::Tally;

/// Picoseconds of a nanosecond.
const NS: f64 = 1_000.0;
/// By how much a cost is scattered, either way.
const SCATTER: f64 = 0.05;
/// Packets that a poll takes of a port.
const POLL: usize = 32;
/// Where packets hardly get through, the point ends when so many runs have been made for each.
const STEPS_PER_PACKET_MAX: u64 = 50;
/// Of an idle worker between two looks at its ports, at least.
const IDLE_PS: u64 = 50_000;
/// The same of one that waits for others in step: little beside the time that a ring takes.
const IN_STEP_PS: u64 = 1_000_000;

/// What is played, beyond the launch.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What commits follow.
    pub protocol: Protocol,
    /// Packets that are counted.
    pub packets: u64,
    /// Packets before them.
    pub warm_up: u64,
    /// Million packets per second of each port; none: as many as are taken.
    pub port_limit_mpps: Option<f64>,
    /// Whether workers go through the traffic together, each at its share of it.
    pub in_step: bool,
    /// Of ties and scatter.
    pub seed: u64,
    /// What things cost.
    pub costs: Costs,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Played {
    /// What was counted, between the two instants.
    pub(crate) counted: Tally,
    /// Picoseconds that it took.
    pub(crate) span_ps: u64,
    /// Conflicts meanwhile, by pair, most first.
    pub conflicts: Vec<Pair>,
    /// The counters of all of it, warm-up and rest included.
    pub summary: Summary,
    /// The profile of all of it, if the launch asks for one.
    pub profile: Option<Profile>,
}

impl Played {
    /// Million packets per second.
    #[must_use]
    pub fn mpps(&self) -> f64 {
        self.counted.packets as f64 * 1e6 / self.span_ps.max(1) as f64
    }

    /// Runs that were thrown away, of all.
    #[must_use]
    pub fn aborted_share(&self) -> f64 {
        self.counted.aborted_share()
    }

    /// Bursts of which something was thrown away, of all.
    #[must_use]
    pub fn failing_share(&self) -> f64 {
        self.counted.failing_share()
    }
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Poll,
    Turn,
    Begin,
    Event,
    Commit,
    /// The control loop waits for this period.
    Period(usize),
    Rest,
}

#[derive(Clone, Debug)]
struct Actor {
    next: Next,
    /// Since when it has been queueing.
    blocked_ps: Option<u64>,
    /// Kinds of the burst's events.
    kinds: Vec<usize>,
    /// The event that runs next.
    event: usize,
    /// What the events of the burst have cost so far.
    events_ps: u64,
    ended: bool,
    /// Whether nothing of its last burst stood.
    failed: bool,
    /// When it last took packets.
    polled_ps: u64,
    /// Events that it has looked at beyond those of its last burst.
    looked_at: usize,
}

struct Player<'a, F: Factory> {
    ensemble: Ensemble<'a, F>,
    actors: Vec<Actor>,
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    lines: Lines,
    random: Random,
    settings: &'a Settings,
    tally: Tally,
    blocked: Vec<usize>,
    /// Of the control loop: when each period is due, and which runs.
    due_ps: Vec<u64>,
    period: usize,
    /// Events run.
    steps: u64,
    arrivals: Arrivals,
    draining: bool,
    /// Workers to which nothing comes any more.
    resting: usize,
}

/// Plays a launch until enough packets are done with.
///
/// # Errors
/// What the launch is refused for.
pub fn play<F: Factory>(
    factory: &F,
    launch: &Launch,
    settings: &Settings,
) -> Result<Played, RunError> {
    let stage = Stage { protocol: settings.protocol, hash_seed: settings.seed };
    let ensemble = Ensemble::new(factory, launch, stage)?;
    Player::new(ensemble, launch.workers, settings).play()
}

fn ps(ns: f64) -> u64 {
    (ns * NS) as u64
}

/// What guests see of the time: never 0.
fn ns(ps: u64) -> u64 {
    ps / 1_000 + 1
}

impl<'a, F: Factory> Player<'a, F> {
    fn new(mut ensemble: Ensemble<'a, F>, workers: usize, settings: &'a Settings) -> Self {
        let cells = ensemble.state_bytes() / 64 + 64 * (workers as u64 + 2);
        let actor = Actor {
            next: Next::Poll,
            blocked_ps: None,
            kinds: Vec::new(),
            event: 0,
            events_ps: 0,
            ended: false,
            failed: false,
            polled_ps: 0,
            looked_at: 0,
        };
        let ports = 0..ensemble.ports();
        let mut rounds =
            |worker| ports.clone().map(|port| ensemble.round(worker, port)).collect::<Vec<_>>();
        let rounds: Vec<_> = (0..workers).map(&mut rounds).collect();
        let mut player = Self {
            actors: vec![actor; workers + 1],
            heap: BinaryHeap::new(),
            lines: Lines::new(cells as usize, ps(settings.costs.machine.transfer_ns)),
            random: Random::new(settings.seed),
            settings,
            tally: Tally::default(),
            blocked: Vec::new(),
            due_ps: ensemble.periods_ns().iter().map(|period| period * 1_000).collect(),
            period: 0,
            steps: 0,
            arrivals: Arrivals::new(&rounds, settings.port_limit_mpps, settings.in_step),
            draining: false,
            resting: 0,
            ensemble,
        };
        let event_ps = ps(settings.costs.function.event_ns[1]).max(1_000);
        for worker in 0..workers {
            let start = player.random.below(64 * event_ps);
            player.schedule(worker, start, Next::Poll);
        }
        player.schedule_period(0);
        player
    }

    fn play(mut self) -> Result<Played, RunError> {
        let Settings { packets, warm_up, .. } = *self.settings;
        let (mut began, mut ended) = (None, None);
        let mut now = 0;
        let steps_max = STEPS_PER_PACKET_MAX.saturating_mul(packets + warm_up).min(u64::MAX / 2);
        while let Some(Reverse((at, _, worker))) = self.heap.pop() {
            let is_period = matches!(self.actors[worker].next, Next::Period(_));
            if is_period && (self.draining || self.resting == self.ensemble.control()) {
                continue;
            }
            now = at;
            if began.is_none() && self.tally.packets >= warm_up {
                began = Some((at, self.tally, self.ensemble.conflicts()));
            }
            let enough = self.tally.packets >= warm_up + packets || self.steps > steps_max;
            if ended.is_none() && enough {
                ended = Some((at, self.tally, self.ensemble.conflicts()));
                self.draining = true;
            }
            if self.steps > steps_max + steps_max / 4 {
                self.heap.clear();
                self.blocked.clear();
                self.ensemble.give_up();
            } else {
                self.act(worker, at);
            }
        }
        if !self.blocked.is_empty() {
            let what = format!("{} workers wait for nobody", self.blocked.len());
            return Err(RunError::Failed(what));
        }
        let last = || (now, self.tally, self.ensemble.conflicts());
        let (began, ended) = (began.unwrap_or_default(), ended.unwrap_or_else(last));
        let conflicts = since(ended.2, &began.2);
        let counted = ended.1.since(&began.1);
        let (summary, profile) = self.ensemble.finish(ns(now));
        Ok(Played { counted, span_ps: ended.0 - began.0, conflicts, summary, profile })
    }

    fn schedule(&mut self, worker: usize, at: u64, next: Next) {
        self.actors[worker].next = next;
        let tie = self.random.next();
        self.heap.push(Reverse((at, tie, worker)));
    }

    /// The control loop's next period, not before `now`.
    fn schedule_period(&mut self, now: u64) {
        let next = self.due_ps.iter().copied().enumerate().min_by_key(|(_, due)| *due);
        if let Some((index, due)) = next {
            let control = self.ensemble.control();
            self.schedule(control, due.max(now), Next::Period(index));
        }
    }

    fn scattered(&mut self, ns: f64) -> u64 {
        ps(ns * (1.0 + SCATTER * (2.0 * self.random.unit() - 1.0)))
    }

    fn act(&mut self, worker: usize, now: u64) {
        match self.actors[worker].next {
            Next::Poll => self.poll(worker, now),
            Next::Turn => self.turn(worker, now),
            Next::Begin => self.begin(worker, now),
            Next::Event => self.event(worker, now),
            Next::Commit => self.commit(worker, now),
            Next::Period(index) => self.period(worker, index, now),
            Next::Rest => {}
        }
    }

    fn poll(&mut self, worker: usize, now: u64) {
        let mut taken = 0;
        if !self.draining {
            let mut ended = true;
            for port in 0..self.ensemble.ports() {
                let max = self.arrivals.of(worker, port, now, POLL);
                if max == 0 {
                    ended = false;
                    continue;
                }
                match self.ensemble.receive(worker, port, max, ns(now)) {
                    Received::Frames { count, .. } => {
                        taken += count;
                        self.arrivals.take(worker, port, count);
                        ended = false;
                    }
                    Received::Idle => ended = false,
                    Received::Ended => self.arrivals.end(worker, port),
                }
            }
            self.actors[worker].ended = ended;
        }
        if taken > 0 {
            self.actors[worker].polled_ps = now;
            let port = self.scattered(taken as f64 * self.settings.costs.function.port_ns);
            self.tally.spent.work += port;
            return self.schedule(worker, now + port, Next::Turn);
        }
        self.ensemble.rest(worker);
        if self.draining || self.actors[worker].ended {
            self.actors[worker].next = Next::Rest;
            self.resting += 1;
            return;
        }
        let idle = if self.settings.in_step { IN_STEP_PS } else { IDLE_PS };
        let again = self.arrivals.next(worker, now).max(now + idle);
        self.tally.spent.idle += again - now;
        self.schedule(worker, again, Next::Poll);
    }

    /// Composes the next burst, if nobody has to be waited for.
    fn turn(&mut self, worker: usize, now: u64) {
        let limit = self.ensemble.limit(worker);
        if !self.ensemble.try_turn(worker) {
            return self.block(worker, now, Next::Turn);
        }
        let costs = &self.settings.costs.function;
        let events = limit.min(self.ensemble.waiting(worker)).max(1);
        let actor = &mut self.actors[worker];
        let compose_ns = match (self.settings.protocol, actor.failed) {
            // It runs the same burst again.
            (Protocol::Original, true) => 0.0,
            _ => {
                // A burst may turn out to be shorter; each event is looked at once.
                let new = events.saturating_sub(actor.looked_at);
                actor.looked_at += new;
                costs.compose_burst_ns + new as f64 * costs.compose_event_ns
            }
        };
        let compose = self.scattered(compose_ns);
        self.tally.spent.work += compose;
        self.schedule(worker, now + compose, Next::Begin);
    }

    /// Off the heap until another has committed.
    fn block(&mut self, worker: usize, now: u64, next: Next) {
        self.actors[worker].next = next;
        self.actors[worker].blocked_ps.get_or_insert(now);
        self.blocked.push(worker);
    }

    /// Asks those again who wait: something has changed, which they see from `now` on.
    fn wake(&mut self, now: u64) {
        for worker in std::mem::take(&mut self.blocked) {
            let next = self.actors[worker].next;
            let goes_on = match next {
                Next::Commit => !self.ensemble.would_wait(worker),
                _ => self.ensemble.try_turn(worker),
            };
            if !goes_on {
                self.blocked.push(worker);
                continue;
            }
            let since = self.actors[worker].blocked_ps.take().unwrap_or(now);
            let now = now.max(since) + ps(self.settings.costs.machine.transfer_ns);
            let is_gate = next == Next::Commit || self.ensemble.is_elder(worker);
            let spent = &mut self.tally.spent;
            *(if is_gate { &mut spent.gate } else { &mut spent.rooms }) += now - since;
            self.schedule(worker, now, next);
        }
    }

    fn begin(&mut self, worker: usize, now: u64) {
        let waiting = self.ensemble.waiting(worker);
        if self.ensemble.begin(worker, ns(now)) == 0 {
            // For some packets no handler asks.
            self.tally.packets += (waiting - self.ensemble.waiting(worker)) as u64;
            self.actors[worker].looked_at = 0;
            self.pause(worker, now);
            return self.schedule(worker, now + 1, Next::Poll);
        }
        self.begun(worker, now);
    }

    fn period(&mut self, worker: usize, index: usize, now: u64) {
        if !self.ensemble.try_turn(worker) {
            return self.block(worker, now, Next::Period(index));
        }
        self.period = index;
        self.ensemble.begin_period(index, ns(now));
        self.begun(worker, now);
    }

    /// All that a worker has taken is handled.
    fn pause(&mut self, worker: usize, now: u64) {
        let busy = now - self.actors[worker].polled_ps;
        self.ensemble.flush(worker, busy / 1_000);
    }

    /// A burst has its snapshot.
    fn begun(&mut self, worker: usize, now: u64) {
        let clock = self.lines.clock();
        let Charge { transfer, wait } = self.lines.read(clock, worker, now);
        self.tally.spent.clock += transfer + wait;
        let actor = &mut self.actors[worker];
        actor.kinds.clear();
        actor.kinds.extend(self.ensemble.kinds(worker));
        (actor.event, actor.events_ps) = (0, 0);
        if !(self.settings.protocol == Protocol::Original && actor.failed) {
            actor.looked_at = actor.looked_at.saturating_sub(actor.kinds.len());
        }
        self.tally.bursts += 1;
        self.tally.begun += actor.kinds.len() as u64;
        self.schedule(worker, now + transfer + wait, Next::Event);
    }

    fn event(&mut self, worker: usize, now: u64) {
        let actor = &mut self.actors[worker];
        let kind = actor.kinds[actor.event];
        actor.event += 1;
        self.steps += 1;
        let stepped = self.ensemble.step(worker);
        let mut moved = Charge::default();
        for cell in self.ensemble.observed(worker) {
            let Charge { transfer, wait } = self.lines.read(cell as usize, worker, now);
            moved.transfer += transfer;
            // Held lines become free one after the other, while they are waited for.
            moved.wait = moved.wait.max(wait);
        }
        // An event that the burst is told not to run takes no time, and is not of those that ran.
        let event_ns = match stepped {
            Stepped::Stopped => 0.0,
            Stepped::GoesOn | Stepped::Ends => self.settings.costs.function.event_ns[kind],
        };
        self.actors[worker].event -= usize::from(stepped == Stepped::Stopped);
        let cost = self.scattered(event_ns);
        self.actors[worker].events_ps += cost;
        self.tally.spent.transfers += moved.transfer;
        self.tally.spent.locks += moved.wait;
        let next = match stepped {
            Stepped::GoesOn => Next::Event,
            Stepped::Ends | Stepped::Stopped => Next::Commit,
        };
        self.schedule(worker, now + cost + moved.transfer + moved.wait, next);
    }

    fn commit(&mut self, worker: usize, now: u64) {
        if self.ensemble.would_wait(worker) {
            return self.block(worker, now, Next::Commit);
        }
        let (took, cells) = self.take_cells(worker, now);
        let burst = self.scattered(self.settings.costs.function.burst_ns);
        let through = now + took + burst;
        cells.iter().for_each(|&cell| self.lines.keep(cell, through));
        let decided = self.ensemble.end(worker, ns(through));
        self.actors[worker].failed = decided.finished == 0;
        let settled = self.count(worker, decided, burst);
        if worker == self.ensemble.control() {
            if decided.finished > 0 {
                self.due_ps[self.period] += self.ensemble.periods_ns()[self.period] * 1_000;
            }
            self.schedule_period(through + settled);
        } else if self.ensemble.waiting(worker) > 0 {
            self.schedule(worker, through + settled, Next::Turn);
        } else {
            self.pause(worker, through + settled);
            self.schedule(worker, through + settled, Next::Poll);
        }
        if !self.blocked.is_empty() {
            self.wake(through);
        }
    }

    /// Charges the lines that a commit takes; what that took, and which they are.
    fn take_cells(&mut self, worker: usize, now: u64) -> (u64, Vec<usize>) {
        let cells: Vec<usize> =
            self.ensemble.to_be_written(worker).map(|cell| cell as usize).collect();
        let mut at = now;
        for &cell in &cells {
            let Charge { transfer, wait } = self.lines.own(cell, worker, at);
            at += transfer + wait;
            self.tally.spent.transfers += transfer;
            self.tally.spent.locks += wait;
        }
        if !cells.is_empty() {
            let clock = self.lines.clock();
            let Charge { transfer, wait } = self.lines.own(clock, worker, at);
            at += transfer + wait;
            self.tally.spent.clock += transfer + wait;
            self.lines.keep(clock, at);
        }
        (at - now, cells)
    }

    /// Counts a burst; what letting it happen takes.
    fn count(&mut self, worker: usize, decided: Decided, burst: u64) -> u64 {
        let Decided { finished, aborts } = decided;
        let costs = &self.settings.costs.function;
        let settle = costs.settle_burst_ns + finished as f64 * costs.settle_event_ns;
        let actor = &self.actors[worker];
        let is_packet = |kind: &&usize| matches!(**kind, 0 | 1 | 3);
        let packets = actor.kinds.iter().take(finished).filter(is_packet).count();
        // Of the events that ran, those behind the valid prefix ran in vain.
        let ran = actor.event.max(1) as u64;
        let vain = ran.saturating_sub(finished as u64);
        let wasted = (actor.events_ps + burst) * vain / ran;
        let tally = &mut self.tally;
        tally.spent.wasted += wasted;
        tally.spent.work += actor.events_ps + burst - wasted;
        tally.packets += packets as u64;
        tally.events += finished as u64;
        tally.aborts += aborts as u64;
        tally.failing += u64::from(vain > 0);
        let settle = self.scattered(settle);
        self.tally.spent.work += settle;
        settle
    }
}

/// Conflicts since an earlier time.
fn since(later: Vec<Pair>, earlier: &[Pair]) -> Vec<Pair> {
    let key = |pair: &Pair| (pair.object.clone(), pair.cause, pair.observer, pair.mutator);
    let mut pairs: Vec<_> = later
        .into_iter()
        .map(|pair| {
            let before = earlier.iter().find(|known| key(known) == key(&pair));
            let aborts = pair.aborts - before.map_or(0, |known| known.aborts);
            Pair { aborts, ..pair }
        })
        .filter(|pair| pair.aborts > 0)
        .collect();
    pairs.sort_by(|a, b| b.aborts.cmp(&a.aborts).then_with(|| key(a).cmp(&key(b))));
    pairs
}
