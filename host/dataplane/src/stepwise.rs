//! All workers of a run on one thread, one event at a time: the seam of the simulator.
//!
//! Guests, packet sets, structures and the transactional memory are those of [`run`](crate::run());
//! what is not here is time. Whoever drives an [`Ensemble`] says when packets arrive, when each
//! event runs and when each burst commits, and nothing waits: a worker that would have to queue
//! says so, and is asked again later.
//!
//! ```text
//! receive → try_turn → begin → (step → observed)* → would_wait → end → flush
//! ```

use std::sync::Arc;

use nfos_netio::{PortSpec, Received, open_ports};
use nfos_records::Summary;
use nfos_records::profile::Profile;
pub use nfos_state::Protocol;
use nfos_state::State;

use crate::burst::Whether;
use crate::factory::{Factory, Locator};
use crate::launch::{Launch, RunError, complete};
use crate::live::{self, LivePorts};
use crate::probe::{self, Course, Facts, Recorded};
use crate::run::{FRAMES_PER_PORT, input, sources, steering};
use crate::setup::begin_with;
use crate::summary::Sources;
use crate::worker::Worker;

/// Most workers of an ensemble.
pub const WORKERS_MAX: usize = 127;

/// How an ensemble is set up, beyond what a run is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stage {
    /// What commits follow and structures are made of.
    pub protocol: Protocol,
    /// Of all hashes: a run of other people's packets would keep it to itself.
    pub hash_seed: u64,
}

/// Whether a burst has more events after one has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// It has.
    GoesOn,
    /// It has none.
    Ends,
    /// The event was told not to run: the burst is known to fail.
    Stopped,
}

/// What became of a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Leading events that are done with.
    pub finished: usize,
    /// Runs of events that were thrown away for a conflict.
    pub aborts: usize,
}

/// Conflicts of one pair of operations on one structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The structure's name.
    pub object: String,
    /// The id of the cause in the rules table.
    pub cause: &'static str,
    /// Who ran in vain.
    pub observer: &'static str,
    /// Who was first; empty if something was short.
    pub mutator: &'static str,
    /// How many runs.
    pub aborts: u64,
}

/// How long the parts of one burst took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BurstTime {
    /// Its events, by the number of their [kind](nfos_engine::exchange::EventKind).
    pub events: [u32; 5],
    /// Nanoseconds from packets to a burst.
    pub compose_ns: f64,
    /// Nanoseconds in the guest and at the commit.
    pub handle_ns: f64,
    /// Nanoseconds of letting it happen.
    pub settle_ns: f64,
}

/// All workers, and the control loop behind them.
pub struct Ensemble<'a, F: Factory> {
    workers: Vec<Worker<F::Guest, LivePorts>>,
    state: Arc<State>,
    protocol: Protocol,
    periods_ns: Vec<u64>,
    /// Whether anything arrives, by port.
    receives: Vec<bool>,
    sources: Sources,
    function: nfos_records::profile::Function,
    locator: Locator,
    recorded: crossbeam_channel::Receiver<Recorded>,
    heard: crossbeam_channel::Receiver<crate::notice::Notice>,
    course: Course,
    profile: bool,
    clock: quanta::Clock,
    factory: std::marker::PhantomData<&'a F>,
}

impl<'a, F: Factory> Ensemble<'a, F> {
    /// Sets up a launch, whose ports are live, or captures to be played from memory without end.
    ///
    /// # Errors
    /// [`RunError::Input`] for what cannot be run.
    pub fn new(factory: &'a F, launch: &Launch, stage: Stage) -> Result<Self, RunError> {
        let mut launch = complete(factory.description(), launch, WORKERS_MAX)?;
        let receives: Vec<_> = launch.ports.iter().map(receives).collect();
        for port in &mut launch.ports {
            *port = played(port)?;
        }
        let mut setup = begin_with(factory, &launch, stage.hash_seed, stage.protocol)?;
        let sources = sources(&setup, &launch);
        let steering = steering(&setup, &launch)?;
        let mut ports = open_ports(&launch.ports, launch.memory).map_err(input)?;
        let largest = ports.iter().map(|port| port.frame_bytes_max()).max();
        let frame_bytes = largest.unwrap_or(0).max(2048);
        let mut queues: Vec<Vec<_>> = (0..=launch.workers).map(|_| Vec::new()).collect();
        for port in &mut ports {
            let opened = port.open_queues(&steering).map_err(input)?;
            opened.into_iter().zip(&mut queues).for_each(|(queue, of)| of.push(queue));
            let control = port.open_transmit_queue().map_err(input)?;
            queues[launch.workers].push(control);
        }
        let frames = FRAMES_PER_PORT * ports.len();
        let mut workers = Vec::new();
        for (index, queues) in queues.into_iter().enumerate() {
            let counters = setup.counters[index].clone();
            let live = LivePorts::new(queues, frames, frame_bytes, counters);
            workers.push(match index == launch.workers {
                true => setup.control(&launch, live),
                false => setup.worker(index, &launch, live)?,
            });
        }
        Ok(Self {
            workers,
            state: Arc::clone(&setup.state),
            protocol: stage.protocol,
            periods_ns: setup.configuration.periods_ns.clone(),
            receives,
            sources,
            function: setup.function(),
            locator: setup.locator(),
            recorded: setup.recorded.clone(),
            heard: setup.heard.clone(),
            course: Course::new(),
            profile: launch.profile,
            clock: quanta::Clock::new(),
            factory: std::marker::PhantomData,
        })
    }

    /// The number of the control loop: that of workers.
    #[must_use]
    pub fn control(&self) -> usize {
        self.workers.len() - 1
    }

    /// How many ports there are.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.receives.len()
    }

    /// The intervals of periodic events.
    #[must_use]
    pub fn periods_ns(&self) -> &[u64] {
        &self.periods_ns
    }

    /// Bytes of cells that structures occupy.
    #[must_use]
    pub fn state_bytes(&self) -> u64 {
        self.state.objects().iter().map(|object| object.bytes).sum()
    }

    /// Hands up to `max` packets of a port to a worker: they arrive now.
    pub fn receive(&mut self, worker: usize, port: usize, max: usize, now_ns: u64) -> Received {
        if !self.receives[port] {
            return Received::Ended;
        }
        live::take(&mut self.workers[worker], &mut None, port, max, now_ns)
    }

    /// Packets that steering sends a worker in each round of a port's traffic.
    pub fn round(&mut self, worker: usize, port: usize) -> usize {
        if self.receives[port] { self.workers[worker].egress().round(port) } else { 0 }
    }

    /// How many events the worker's next burst may have.
    pub fn limit(&mut self, worker: usize) -> usize {
        self.workers[worker].limit()
    }

    /// Packets received and not yet handled.
    #[must_use]
    pub fn waiting(&self, worker: usize) -> usize {
        self.workers[worker].waiting()
    }

    /// Whether the worker's next burst can begin; if not, ask again when another has committed.
    pub fn try_turn(&mut self, worker: usize) -> bool {
        self.workers[worker].services().state().try_turn()
    }

    /// Whether it waits for the gate rather than for a room.
    pub fn is_elder(&mut self, worker: usize) -> bool {
        self.workers[worker].services().state().is_elder()
    }

    /// Begins the next burst; how many events it has, 0 if there is nothing to do.
    pub fn begin(&mut self, worker: usize, now_ns: u64) -> usize {
        let events = self.workers[worker].begin(now_ns);
        self.workers[worker].record_from(now_ns);
        events
    }

    /// Begins a burst of one periodic event in the control loop.
    pub fn begin_period(&mut self, index: usize, now_ns: u64) {
        let control = self.control();
        self.workers[control].begin_period(index as u16, now_ns);
        self.workers[control].record_from(now_ns);
    }

    /// The kinds of the burst's events, as numbers.
    pub fn kinds(&self, worker: usize) -> impl Iterator<Item = usize> {
        self.workers[worker].kinds().map(|kind| kind as usize)
    }

    /// Runs the burst's next event.
    pub fn step(&mut self, worker: usize) -> Stepped {
        let whether = self.workers[worker].step();
        if self.protocol == Protocol::Original {
            self.workers[worker].services().state().hold_written();
        }
        match whether {
            Whether::GoesOn => Stepped::GoesOn,
            Whether::Ends => Stepped::Ends,
            Whether::Stops => Stepped::Stopped,
        }
    }

    /// The cells that the last event has observed, latest first.
    pub fn observed(&mut self, worker: usize) -> impl Iterator<Item = u32> {
        self.workers[worker].services().state().observed()
    }

    /// The cells that the commit will change or hold.
    pub fn to_be_written(&mut self, worker: usize) -> impl Iterator<Item = u32> {
        self.workers[worker].services().state().to_be_written()
    }

    /// Whether the commit must wait for the gate; if so, ask again when another has committed.
    pub fn would_wait(&mut self, worker: usize) -> bool {
        self.workers[worker].services().state().would_wait_at_gate()
    }

    /// Commits the burst and lets happen what stands.
    pub fn end(&mut self, worker: usize, now_ns: u64) -> Decided {
        // Nobody reads them here, and the channel holds so many.
        while self.heard.try_recv().is_ok() {}
        let (finished, aborts) = self.workers[worker].end(now_ns);
        self.course.look(now_ns, &self.sources.counters);
        Decided { finished, aborts }
    }

    /// Hands over what was sent, after a stretch in which the worker was busy.
    pub fn flush(&mut self, worker: usize, busy_ns: u64) {
        self.workers[worker].pause(busy_ns);
    }

    /// Nothing to do: nobody needs to keep history for this worker.
    pub fn rest(&mut self, worker: usize) {
        self.workers[worker].rest();
    }

    /// Throws every open burst away and drops what has not been handled.
    pub fn give_up(&mut self) {
        self.workers.iter_mut().for_each(Worker::give_up);
    }

    /// All conflicts so far by pair, most first.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Pair> {
        let shapes = self.state.objects();
        let mut pairs: Vec<Pair> = Vec::new();
        for count in self.state.conflicts().counts {
            let kind = count.kind;
            let shape = shapes.iter().find(|shape| shape.id == kind.object);
            let pair = Pair {
                object: shape.map_or_else(String::new, |shape| shape.name.clone()),
                cause: kind.cause.id(),
                observer: kind.observer.name(),
                mutator: kind.change.map_or("", |(mutator, _)| mutator.name()),
                aborts: 0,
            };
            let same = |known: &&mut Pair| {
                (&known.object, known.cause, known.observer, known.mutator)
                    == (&pair.object, pair.cause, pair.observer, pair.mutator)
            };
            match pairs.iter_mut().find(same) {
                Some(known) => known.aborts += count.aborts,
                None => pairs.push(Pair { aborts: count.aborts, ..pair }),
            }
        }
        pairs.sort_by(|a, b| {
            let key = |pair: &Pair| (pair.object.clone(), pair.cause, pair.observer, pair.mutator);
            b.aborts.cmp(&a.aborts).then_with(|| key(a).cmp(&key(b)))
        });
        pairs
    }

    /// The counters now, with causes and recipes.
    #[must_use]
    pub fn summary(&self, elapsed_ns: u64) -> Summary {
        let causes = self.state.causes(&self.sources.advice);
        let mut summary = self.sources.summary(elapsed_ns, None, causes);
        summary.contention = self.state.contention();
        summary
    }

    /// The end, when no burst is open: runs `exit`, and answers the final counters and, if it was
    /// asked for, the profile.
    pub fn finish(mut self, now_ns: u64) -> (Summary, Option<Profile>) {
        let control = self.control();
        self.workers[control].run_exit(now_ns);
        let summary = self.summary(now_ns);
        if !self.profile {
            return (summary, None);
        }
        self.workers.iter_mut().for_each(Worker::hand_in);
        let counters = &self.sources.counters;
        let facts = Facts {
            function: self.function,
            locator: self.locator,
            objects: self.state.objects(),
            queue_max: counters.iter().map(|counters| counters.queue_max.value()).collect(),
            intervals: self.course.finish(now_ns, counters),
            remarks: self.state.remarks(&self.sources.advice),
        };
        let recorded: Vec<_> = self.recorded.try_iter().collect();
        let profile = probe::profile(facts, summary.clone(), &recorded, &self.state.conflicts());
        (summary, Some(profile))
    }

    /// Runs a whole burst of up to `limit` events of a worker as a run does, and times its parts.
    pub fn time_burst(&mut self, worker: usize, limit: usize) -> Option<BurstTime> {
        let ticks = self.workers[worker].time_burst(limit, &self.clock)?;
        while self.heard.try_recv().is_ok() {}
        let ns = |ticks: u64| self.clock.delta_as_nanos(0, ticks) as f64;
        Some(BurstTime {
            events: ticks.events,
            compose_ns: ns(ticks.compose),
            handle_ns: ns(ticks.handle),
            settle_ns: ns(ticks.settle),
        })
    }
}

/// Whether a port has packets.
fn receives(port: &PortSpec) -> bool {
    !matches!(port, PortSpec::Pcap(files) if files.rx.is_none())
}

/// A capture is played from memory, as fast as it is taken.
fn played(port: &PortSpec) -> Result<PortSpec, RunError> {
    let PortSpec::Pcap(files) = port else { return Ok(port.clone()) };
    match &files.rx {
        Some(file) => format!("memory:{}", file.display()).parse().map_err(input),
        // Nothing of it is taken.
        None => "synthetic:packets=1,flows=1".parse().map_err(input),
    }
}
