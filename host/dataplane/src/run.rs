//! One run, from the first packet to the last: over captures, in the time of the trace, or over
//! live ports, in that of the clock.

use crate::advice::Advice;
use crate::factory::Factory;
use crate::launch::{Launch, Observation, RunError};
use crate::live::{self, LiveClock, LivePorts};
use crate::observer::{Missed, Observer};
use crate::rebalance::{self, Control, Ends};
use crate::setup::Setup;
use crate::summary::Sources;
use crate::trace::{self, Conductor, Outbox};
use crate::worker::Worker;
use nfos_engine::guest::Guest;
use nfos_netio::capture::{CaptureFacts, CaptureWriter, MergedCaptures, inspect};
use nfos_netio::{Clock, Port, PortId, PortSpec, Queue, Steering, enter_thread, open_ports};
use nfos_records::{LossCount, Summary};
use nfos_sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Frames of a live worker for each port: bursts on their way in, through and out.
pub(crate) const FRAMES_PER_PORT: usize = 1024;

/// Longest sleep of the thread that watches live workers.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);

/// Runs what was set up.
///
/// # Errors
/// [`RunError::Input`] for ports that cannot be opened, [`RunError::Failed`] for a run that broke
/// off.
pub(crate) fn run<F: Factory + Sync>(
    setup: Setup<'_, F>,
    launch: &Launch,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<Summary, RunError> {
    nfos_netio::check_files(&launch.ports).map_err(input)?;
    let mut clocks = launch.ports.iter().map(PortSpec::clock);
    let first = clocks.next().unwrap_or(Clock::Live);
    if clocks.any(|clock| clock != first) {
        let what = "pcap ports run in the time of their trace and others live: use one kind";
        return Err(RunError::Input(what.to_owned()));
    }
    let sources = sources(&setup, launch);
    let mut observer = Observer::new(sources, setup.heard.clone(), &setup.state, launch, observe)?;
    if launch.profile {
        observer.profile(setup.function(), setup.locator(), setup.recorded.clone());
    }
    match first {
        Clock::Trace => over_captures(setup, launch, stop, observer),
        Clock::Live => {
            let ports = open_ports(&launch.ports, launch.memory).map_err(input)?;
            live(setup, launch, ports, stop, observer)
        }
    }
}

/// Runs what was set up over live ports that are there already.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_over<F: Factory + Sync>(
    setup: Setup<'_, F>,
    launch: &Launch,
    ports: Vec<Box<dyn Port>>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<Summary, RunError> {
    let sources = sources(&setup, launch);
    let observer = Observer::new(sources, setup.heard.clone(), &setup.state, launch, observe)?;
    live(setup, launch, ports, stop, observer)
}

pub(crate) fn input(error: impl std::fmt::Display) -> RunError {
    RunError::Input(error.to_string())
}

fn failed(error: impl std::fmt::Display) -> RunError {
    RunError::Failed(error.to_string())
}

pub(crate) fn sources<F: Factory>(setup: &Setup<'_, F>, launch: &Launch) -> Sources {
    let description = setup.description();
    Sources {
        nf: description.name.clone(),
        engine: setup.engine().to_owned(),
        counters: setup.counters.clone(),
        ports: launch.ports.iter().map(ToString::to_string).collect(),
        drop_reasons: description.drop_reasons.clone(),
        events: description.events.clone(),
        capacity: setup.capacity(),
        advice: Advice::new(description, &launch.parameters),
        moves: Arc::default(),
    }
}

pub(crate) fn steering<F: Factory>(
    setup: &Setup<'_, F>,
    launch: &Launch,
) -> Result<Steering, RunError> {
    Steering::new((*setup.classifier).clone(), launch.workers).map_err(input)
}

/// Keeps the calling thread on a core of its own, if there are enough.
fn pin(index: usize, launch: &Launch) {
    if !launch.pin {
        return;
    }
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if launch.workers <= cores.len() {
        // Refused by a container, for instance: then the scheduler decides.
        let _ = core_affinity::set_for_current(cores[index]);
    }
}

/// Whether the run's duration is over.
fn is_over(launch: &Launch, clock: &LiveClock) -> bool {
    launch.duration.is_some_and(|duration| u128::from(clock.now_ns()) > duration.as_nanos())
}

/// The captures of a run.
struct Captures {
    read: Vec<(PortId, PathBuf)>,
    largest_bytes: usize,
    writers: Vec<Option<CaptureWriter>>,
}

fn open_captures(ports: &[PortSpec]) -> Result<Captures, RunError> {
    let mut captures = Captures { read: Vec::new(), largest_bytes: 0, writers: Vec::new() };
    let specs = ports.iter().map(|spec| match spec {
        PortSpec::Pcap(files) => files,
        _ => unreachable!("all ports of a trace are captures"),
    });
    let specs: Vec<_> = specs.collect();
    for (number, files) in specs.iter().enumerate() {
        let Some(path) = &files.rx else { continue };
        let CaptureFacts { largest_bytes, .. } = inspect(path).map_err(input)?;
        captures.largest_bytes = captures.largest_bytes.max(largest_bytes);
        captures.read.push((PortId::new(number as u16), path.clone()));
    }
    if captures.read.is_empty() {
        return Err(RunError::Input("no pcap port reads a file: name one as rx=FILE".to_owned()));
    }
    // Nothing is overwritten before all that is to be read is known to be good.
    for files in specs {
        let writer = files.tx.as_ref().map(|path| CaptureWriter::create(path)).transpose();
        captures.writers.push(writer.map_err(input)?);
    }
    Ok(captures)
}

fn over_captures<F: Factory + Sync>(
    mut setup: Setup<'_, F>,
    launch: &Launch,
    stop: &AtomicBool,
    mut observer: Observer<'_>,
) -> Result<Summary, RunError> {
    let captures = open_captures(&launch.ports)?;
    // Room too for what a network function makes by itself.
    let frame_bytes = captures.largest_bytes.max(2048);
    let steering = steering(&setup, launch)?;
    let counters = setup.counters[launch.workers].clone();
    let mut control = setup.control(launch, Outbox::new(counters, frame_bytes));
    let (mut lanes, mut workers) = (Vec::new(), Vec::new());
    for index in 0..launch.workers {
        let (lane, ports) = trace::lane(setup.counters[index].clone(), frame_bytes);
        lanes.push(lane);
        workers.push(setup.worker(index, launch, ports)?);
    }
    let merged = MergedCaptures::open(captures.read).map_err(input)?;
    let clock = LiveClock::start();
    let stopping = AtomicBool::new(false);
    let conductor = Conductor {
        captures: merged,
        writers: captures.writers,
        steering,
        lanes,
        control: &mut control,
        periods_ns: &setup.configuration.periods_ns,
        quantum_ns: launch.quantum.as_nanos() as u64,
        frame_bytes,
    };
    let result = thread::scope(|scope| {
        for (index, mut worker) in workers.into_iter().enumerate() {
            spawn(scope, index, move || {
                pin(index, launch);
                trace::work(&mut worker);
            });
        }
        conductor.run(&stopping, &mut || {
            observer.look(clock.now_ns(), None);
            let over = stop.load(Ordering::Relaxed) || is_over(launch, &clock);
            stopping.store(over, Ordering::Relaxed);
        })
    });
    let conducted = result.map_err(failed)?;
    control.run_exit(conducted.last_ns);
    control.hand_in();
    let trace_ns = conducted.last_ns - conducted.first_ns;
    conducted.finish(control.egress()).map_err(failed)?;
    observer.finish(clock.now_ns(), Some(trace_ns))
}

fn spawn<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    index: usize,
    work: impl FnOnce() + Send + 'scope,
) {
    let builder = thread::Builder::new().name(format!("nfos-worker-{index}"));
    builder.spawn_scoped(scope, work).expect("the system gives a thread for each worker");
}

fn live<F: Factory + Sync>(
    mut setup: Setup<'_, F>,
    launch: &Launch,
    mut ports: Vec<Box<dyn Port>>,
    stop: &AtomicBool,
    mut observer: Observer<'_>,
) -> Result<Summary, RunError> {
    let steering = steering(&setup, launch)?;
    let frame_bytes = ports.iter().map(|port| port.frame_bytes_max()).max().unwrap_or(0).max(2048);
    let Queues { of_workers, of_control } = open_queues(&mut ports, &steering)?;
    let moves = observer.moves();
    let ends = rebalance::ends(launch.rebalance, &steering, &mut ports, &moves);
    let Ends { control: mut rebalancing, movers, remark } = ends;
    nfos_netio::remarks().iter().for_each(|remark| observer.remark(remark));
    let of_ports = ports.iter().flat_map(|port| port.remarks());
    of_ports.chain(remark).for_each(|remark| observer.remark(&remark));
    let frames = FRAMES_PER_PORT * ports.len();
    let live_ports = |queues, index: usize| {
        LivePorts::new(queues, frames, frame_bytes, setup.counters[index].clone())
    };
    let control_ports = live_ports(of_control, launch.workers);
    let mut workers = Vec::new();
    for ((index, queues), mover) in of_workers.into_iter().enumerate().zip(movers) {
        workers.push((setup.worker(index, launch, live_ports(queues, index))?, mover));
    }
    let periods_ns = setup.configuration.periods_ns.clone();
    let mut control = setup.control(launch, control_ports);
    let (stopping, running) = (AtomicBool::new(false), AtomicUsize::new(launch.workers));
    let _entered = enter_thread();
    let clock = LiveClock::start();
    thread::scope(|scope| {
        for (index, (mut worker, mover)) in workers.into_iter().enumerate() {
            let (clock, stopping, running) = (&clock, &stopping, &running);
            spawn(scope, index, move || {
                let _leaving = Leaving(running);
                pin(index, launch);
                let _entered = enter_thread();
                live::work(&mut worker, mover, launch.burst_max, clock, stopping);
            });
        }
        let mut due_ns: Vec<u64> = periods_ns.clone();
        while running.load(Ordering::Relaxed) > 0 {
            let now_ns = clock.now_ns();
            observer.look(now_ns, None);
            run_periods(&mut control, &periods_ns, &mut due_ns, now_ns);
            let over = stop.load(Ordering::Relaxed) || is_over(launch, &clock);
            stopping.store(over, Ordering::Relaxed);
            if over {
                thread::yield_now();
                continue;
            }
            let next_ns = move_entries(&mut rebalancing, now_ns, &mut ports, &mut observer);
            let due_ns = due_ns.iter().copied().chain([next_ns]);
            thread::sleep(until_next(due_ns, clock.now_ns()));
        }
    });
    let left_over = rebalancing.map_or(0, |rebalancing| rebalancing.left_over());
    setup.counters[launch.workers].sets_live.set(left_over);
    control.run_exit(clock.now_ns());
    control.hand_in();
    observer.missed(ports.iter().map(|port| missed(&**port)).collect());
    observer.finish(clock.now_ns(), None)
}

/// One queue of each port for each worker, and for the control loop.
struct Queues {
    of_workers: Vec<Vec<Box<dyn Queue>>>,
    of_control: Vec<Box<dyn Queue>>,
}

fn open_queues(ports: &mut [Box<dyn Port>], steering: &Steering) -> Result<Queues, RunError> {
    let mut of_workers: Vec<Vec<_>> = (0..steering.workers()).map(|_| Vec::new()).collect();
    let mut of_control = Vec::new();
    for port in ports {
        let opened = port.open_queues(steering).map_err(input)?;
        for (queue, of_worker) in opened.into_iter().zip(&mut of_workers) {
            of_worker.push(queue);
        }
        of_control.push(port.open_transmit_queue().map_err(input)?);
    }
    Ok(Queues { of_workers, of_control })
}

/// Moves entries of the steering table if there is a reason; when to look again.
fn move_entries(
    rebalancing: &mut Option<Control>,
    now_ns: u64,
    ports: &mut [Box<dyn Port>],
    observer: &mut Observer<'_>,
) -> u64 {
    let Some(control) = rebalancing else { return u64::MAX };
    if let Err(error) = control.look(now_ns, ports) {
        observer.warn(&format!("steering: nothing moves any more: {error}"));
    }
    control.next_ns(now_ns)
}

/// Frames that a port could not hand over.
fn missed(port: &dyn Port) -> Missed {
    let losses = port.losses().into_iter();
    let losses =
        losses.map(|loss| LossCount { reason: loss.reason.to_owned(), frames: loss.frames });
    Missed { frames: port.counters().missed, losses: losses.collect() }
}

/// Counts a worker as gone, also one that panicked.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn run_periods<G: Guest<crate::services::WorkerServices>>(
    control: &mut Worker<G, LivePorts>,
    periods_ns: &[u64],
    due_ns: &mut [u64],
    now_ns: u64,
) {
    for (index, (due_ns, period_ns)) in due_ns.iter_mut().zip(periods_ns).enumerate() {
        if *due_ns <= now_ns {
            control.run_period(index as u16, now_ns);
            // A period that was missed as a whole is not caught up on.
            *due_ns += period_ns * ((now_ns - *due_ns) / period_ns + 1);
        }
    }
}

/// How long the watching thread may sleep.
fn until_next(due_ns: impl Iterator<Item = u64>, now_ns: u64) -> Duration {
    let next_ns = due_ns.min().unwrap_or(u64::MAX);
    WATCH_INTERVAL.min(Duration::from_nanos(next_ns.saturating_sub(now_ns)))
}
