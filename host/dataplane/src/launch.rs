//! From arguments to a running dataplane: what to run, on what, and what can go wrong before.

use crate::burst::EVENTS_MAX;
use crate::commit_log::CommitLog;
use crate::definitions;
use crate::factory::Factory;
use crate::packet_set::table::Table;
use crate::rebalance::Rebalance;
use crate::setup::{Setup, begin};
use nfos_engine::description::{Configuration, Description};
use nfos_engine::services::{LogLevel, Value};
use nfos_netio::synthetic::Workload;
use nfos_netio::{Memory, Port, PortSpec};
use nfos_records::Summary;
use nfos_records::profile::Profile;
use nfos_state::ObjectShape;
use nfos_sync::Arc;
use nfos_sync::atomic::AtomicBool;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Most workers.
pub const WORKERS_MAX: usize = 63;

/// Most packet sets, over all workers together.
pub const PACKET_SETS_MAX: u32 = 1 << 26;

/// What to run a network function with.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Workers: 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// Ports in their order; none: synthetic ones, as many as the network function asks for.
    pub ports: Vec<PortSpec>,
    /// A value for every parameter that is not to have its default.
    pub parameters: BTreeMap<String, Value>,
    /// Time after which the run ends, if its ports do not end before.
    pub duration: Option<Duration>,
    /// Room for packet sets, if not what the network function says.
    pub packet_sets: Option<u32>,
    /// Of `random` and of hashes.
    pub seed: u64,
    /// Bytes of aggregate state, and of one worker's packet sets.
    pub state_bytes_max: u64,
    /// Where to write the first packets at which the network function faults.
    pub fault_pcap: Option<PathBuf>,
    /// Trace time between two meetings of the workers; more than 0.
    pub quantum: Duration,
    /// Most events of a burst: 1 to [`EVENTS_MAX`].
    pub burst_max: usize,
    /// Whether a [profile](Observation::Profile) is recorded.
    pub profile: bool,
    /// Whether each worker stays on a core of its own, where there are as many.
    pub pin: bool,
    /// Where ports of DPDK keep packets.
    pub memory: Memory,
    /// Whether entries of the steering table move from worker to worker.
    pub rebalance: Rebalance,
    /// Where workers note in which order packets took effect, for tests that replay them.
    pub commit_log: Option<Arc<CommitLog>>,
}

impl Default for Launch {
    /// One worker, synthetic ports, no end.
    fn default() -> Self {
        Self {
            workers: 1,
            ports: Vec::new(),
            parameters: BTreeMap::new(),
            duration: None,
            packet_sets: None,
            seed: 0,
            state_bytes_max: 16 << 30,
            fault_pcap: None,
            quantum: Duration::from_millis(1),
            burst_max: 32,
            profile: false,
            pin: true,
            memory: Memory::Automatic,
            rebalance: Rebalance::default(),
            commit_log: None,
        }
    }
}

/// Why a run did not end well. The message is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// What was asked for cannot be run.
    #[error("{0}")]
    Input(String),
    /// It could, and something failed.
    #[error("{0}")]
    Failed(String),
}

/// What happens during a run.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// Before packets flow: what the operator should know of the ports.
    Remark(&'a str),
    /// The counters, about twice a second.
    Counters(&'a Summary),
    /// What was recorded, at the end of a run with profiling on.
    Profile(&'a Profile),
    /// A line that the network function logged, or what it did wrong.
    Log {
        /// How grave.
        level: LogLevel,
        /// Which worker; the control loop is the last.
        worker: usize,
        /// The line.
        message: &'a str,
    },
}

/// What `init` asks for.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it returned.
    pub configuration: Configuration,
    /// The structures it opened.
    pub objects: Vec<ObjectShape>,
}

/// Runs a network function until its ports end, the duration is over or `stop` is set; packets
/// taken from the ports by then are handled. `observe` is called on this thread.
///
/// # Errors
/// [`RunError::Input`] before any packet is taken, [`RunError::Failed`] after.
pub fn run<F: Factory + Sync>(
    factory: &F,
    launch: &Launch,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<Summary, RunError> {
    let launch = complete(factory.description(), launch, WORKERS_MAX)?;
    let setup = begin(factory, &launch)?;
    crate::run::run(setup, &launch, stop, observe)
}

/// As [`run`], over live ports of the caller's own instead of those that the launch names, which
/// are as many and only lend their names.
///
/// # Errors
/// As [`run`].
pub fn run_over<F: Factory + Sync>(
    factory: &F,
    launch: &Launch,
    ports: Vec<Box<dyn Port>>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<Summary, RunError> {
    let launch = complete(factory.description(), launch, WORKERS_MAX)?;
    if ports.len() != launch.ports.len() {
        return input(format!("{} ports for {} names", ports.len(), launch.ports.len()));
    }
    let setup = begin(factory, &launch)?;
    crate::run::run_over(setup, &launch, ports, stop, observe)
}

/// Runs `init` alone, with these values for parameters.
///
/// # Errors
/// [`RunError::Input`] if `init` faults or asks for what there is not.
pub fn inspect<F: Factory>(
    factory: &F,
    parameters: &BTreeMap<String, Value>,
) -> Result<Inspection, RunError> {
    let launch = Launch { parameters: parameters.clone(), ..Launch::default() };
    let launch = complete(factory.description(), &launch, WORKERS_MAX)?;
    let Setup { configuration, state, .. } = begin(factory, &launch)?;
    Ok(Inspection { configuration, objects: state.objects() })
}

/// Checks what a launch asks for and adds what it leaves open.
pub(crate) fn complete(
    description: &Description,
    launch: &Launch,
    workers_max: usize,
) -> Result<Launch, RunError> {
    let mut launch = launch.clone();
    for parameter in &description.parameters {
        let value = || parameter.default.clone();
        launch.parameters.entry(parameter.name.clone()).or_insert_with(value);
    }
    if launch.ports.is_empty() {
        let port = PortSpec::Synthetic(Workload::default());
        launch.ports = vec![port; usize::from(description.ports)];
    }
    if !(1..=workers_max).contains(&launch.workers) {
        return input(format!("{} workers: 1 to {workers_max} can be", launch.workers));
    }
    if launch.ports.len() < usize::from(description.ports) {
        let (name, least) = (&description.name, description.ports);
        return input(format!("{} ports: {name} works with {least} or more", launch.ports.len()));
    }
    if launch.ports.len() > usize::from(nfos_netio::PORTS_MAX) {
        return input(format!(
            "{} ports: at most {} can be",
            launch.ports.len(),
            nfos_netio::PORTS_MAX
        ));
    }
    if !(1..=EVENTS_MAX).contains(&launch.burst_max) {
        return input(format!("bursts of {}: 1 to {EVENTS_MAX} can be", launch.burst_max));
    }
    if launch.quantum.is_zero() {
        return input("a quantum of 0: it must be longer".to_owned());
    }
    if let Rebalance::WhenSkewed { interval } | Rebalance::AtRandom { interval, .. } =
        launch.rebalance
        && interval.is_zero()
    {
        return input("a rebalancing interval of 0: it must be longer".to_owned());
    }
    if let Err(error) = definitions::classifier(description) {
        return input(error.to_string());
    }
    Ok(launch)
}

/// How many packet sets there is room for.
pub(crate) fn capacity(
    description: &Description,
    configuration: &Configuration,
    launch: &Launch,
) -> Result<u32, RunError> {
    let sets = launch.packet_sets.unwrap_or(configuration.packet_sets);
    if sets > PACKET_SETS_MAX {
        return input(format!("{sets} packet sets: at most {PACKET_SETS_MAX} can be"));
    }
    let key_words = definitions::key_words(description);
    let bytes = Table::bytes(sets, key_words, description.state_size as usize);
    if bytes > launch.state_bytes_max {
        return input(format!(
            "{sets} packet sets take {bytes} bytes for each worker: fewer sets, or a state limit \
             above {}",
            launch.state_bytes_max
        ));
    }
    Ok(sets)
}

fn input<T>(message: String) -> Result<T, RunError> {
    Err(RunError::Input(message))
}
