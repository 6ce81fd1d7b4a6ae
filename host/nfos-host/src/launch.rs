//! The one place where commands meet the engine and the dataplane.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nfos_dataplane::RunError;
use nfos_engine::{Digest, Engine, EngineChoice, Settings};
use nfos_records::Summary;
use nfos_records::profile::Profile;
use nfos_records::simulation::{FunctionCosts, Point, Simulation};
use nfos_state::{Hashing, ObjectShape, Shape};

use crate::failure::{Failure, warn};
use crate::numbers::{counted, span};
use crate::options;
use crate::parameters::Parameters;
use crate::quantity::{Bytes, Span};

pub(crate) use nfos_dataplane::{Launch, Leak, Observation, Purity, Rebalance, WORKERS_MAX};
pub(crate) use nfos_engine::description::Configuration;
pub(crate) use nfos_engine::{LoadError, NetworkFunction};
pub(crate) use nfos_netio::rss::{Misfit, Offer, PROFILES, Plan};
pub(crate) use nfos_netio::{Memory, PortSpec, SpecError, check_files};
pub(crate) use nfos_simulator::{
    Protocol, Variant, WORKERS_MAX as SIMULATED_WORKERS_MAX, measure_machine,
    page as simulation_page, text as simulation_text,
};

/// The most ports of a run.
pub(crate) const PORTS_MAX: usize = nfos_netio::PORTS_MAX as usize;

/// What runs a network function and what an instance of it may use, where the operator says so;
/// elsewhere the engine's defaults hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sandbox {
    /// What runs it.
    pub(crate) engine: Option<options::Engine>,
    /// CPU time of one call of it.
    pub(crate) time: Option<Span>,
    /// Its own memory.
    pub(crate) memory: Option<Bytes>,
}

/// Something that `init` opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Structure {
    /// Which of the contract's structures it is.
    pub(crate) kind: &'static str,
    /// Its name, as given at `open`.
    pub(crate) name: String,
    /// What it was opened with, in words.
    pub(crate) shape: String,
    /// Bytes of cells that it occupies.
    pub(crate) bytes: u64,
}

/// Loads a network function, from the cache of compiled ones if it is there.
///
/// # Errors
/// A file that cannot be read or that is no network function.
pub(crate) fn load(file: &Path, sandbox: Sandbox) -> Result<NetworkFunction, Failure> {
    engine(sandbox)?.load(file).map_err(|error| unloadable(file, &error))
}

/// What to tell of a file that is no network function.
pub(crate) fn unloadable(file: &Path, error: &LoadError) -> Failure {
    Failure::input(format!("--nf {}: {error}", file.display()))
}

/// What loads network functions.
///
/// # Errors
/// The machine lacks what the engine needs.
pub(crate) fn engine(sandbox: Sandbox) -> Result<Engine, Failure> {
    let defaults = Settings::default();
    let settings = Settings {
        engine: match sandbox.engine {
            None => EngineChoice::Automatic,
            Some(options::Engine::Direct) => EngineChoice::Direct,
            Some(options::Engine::Component) => EngineChoice::Component,
        },
        time_limit: sandbox.time.map_or(defaults.time_limit, |limit| limit.0),
        memory_bytes_max: sandbox.memory.map_or(defaults.memory_bytes_max, |limit| {
            usize::try_from(limit.0).unwrap_or(usize::MAX)
        }),
        cache: cache_directory(),
    };
    let engine = Engine::new(settings)
        .map_err(|error| Failure::failed(format!("the engine does not start: {error}")))?;
    if let Some(refusal) = engine.cache_refusal() {
        warn(&format!("compiled network functions are not kept: {refusal}"));
    }
    Ok(engine)
}

/// Runs until the ports end, the duration is over or `stop` is set.
///
/// # Errors
/// A port, capture or limit that does not work, or a run that broke off.
pub(crate) fn run(
    nf: &NetworkFunction,
    launch: &Launch,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<Summary, Failure> {
    nfos_dataplane::run(nf, launch, stop, observe).map_err(failure)
}

/// What a card offers of receive-side scaling: one that is known by its name, or a device that is
/// opened.
///
/// # Errors
/// Neither, or a device that cannot be opened.
pub(crate) fn offer(nic: &str) -> Result<Offer, Failure> {
    if let Some(known) = PROFILES.iter().find(|known| known.name.eq_ignore_ascii_case(nic)) {
        return Ok(known.offer);
    }
    if !nic.contains(':') {
        let names = PROFILES.map(|known| known.name).join(", ");
        return Err(Failure::input(format!(
            "--nic {nic}: there is no card of this name; write {names} or dpdk:DEVARGS"
        )));
    }
    let spec: PortSpec =
        nic.parse().map_err(|error: SpecError| Failure::input(error.to_string()))?;
    nfos_netio::offer_of(&spec).map_err(|error| Failure::input(error.to_string()))
}

/// What a card with this offer is programmed with for each port, or what does not fit.
///
/// # Errors
/// Packet sets that cannot be.
pub(crate) fn scaling(
    nf: &NetworkFunction,
    workers: usize,
    offer: &Offer,
) -> Result<Vec<Result<Plan, Vec<Misfit>>>, Failure> {
    nfos_dataplane::scaling(nf.description(), workers, offer).map_err(failure)
}

/// Runs as [`run`] does, every burst twice, and tells what differed.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_twice(nf: &NetworkFunction, launch: &Launch) -> Result<Purity, Failure> {
    let stop = AtomicBool::new(false);
    let found = nfos_dataplane::run_twice(nf, launch, &stop, &mut |_| {}).map_err(failure)?;
    Ok(found.1)
}

/// What is to be simulated.
#[derive(Debug)]
pub(crate) struct SimulatedPlan {
    /// Numbers of cores.
    pub(crate) cores: Vec<usize>,
    /// One, or one for each value of a parameter.
    pub(crate) variants: Vec<Variant>,
    /// What commits and structures follow.
    pub(crate) protocol: Protocol,
    /// Packets of each point.
    pub(crate) packets: u64,
    /// Packets before them.
    pub(crate) warm_up: u64,
    /// Of each port.
    pub(crate) port_limit_mpps: Option<f64>,
    /// Whether workers go through the traffic together.
    pub(crate) in_step: bool,
    /// Whether the ends of the band are simulated too.
    pub(crate) band: bool,
    /// Whether the last point is profiled.
    pub(crate) profile: bool,
}

/// Simulates; `done` is told of each point.
///
/// # Errors
/// A port, capture or limit that does not work.
pub(crate) fn simulate(
    nf: &NetworkFunction,
    plan: &SimulatedPlan,
    done: &mut dyn FnMut(&Variant, &Point),
) -> Result<(Simulation, Option<Profile>), Failure> {
    let settings = nfos_simulator::Settings {
        protocol: plan.protocol,
        packets: plan.packets,
        warm_up: plan.warm_up,
        port_limit_mpps: plan.port_limit_mpps,
        in_step: plan.in_step,
        seed: plan.variants[0].launch.seed,
        costs: plan.variants[0].costs.clone(),
    };
    let plan = nfos_simulator::Plan {
        cores: plan.cores.clone(),
        variants: plan.variants.clone(),
        settings,
        band: plan.band,
        profile: plan.profile,
    };
    nfos_simulator::curves(nf, &plan, done).map_err(failure)
}

/// What a launch costs on one core.
///
/// # Errors
/// As [`simulate`].
pub(crate) fn measure_function(
    nf: &NetworkFunction,
    launch: &Launch,
    duration: Duration,
) -> Result<FunctionCosts, Failure> {
    nfos_simulator::measure_function(nf, launch, duration).map_err(failure)
}

/// Names this build of the host: its version and the digest of the file that runs.
pub(crate) fn build_of_host() -> String {
    let file = std::env::current_exe().and_then(std::fs::read);
    let digest =
        file.map_or_else(|_| "unreadable".to_owned(), |file| Digest::of(&file).to_string());
    format!("{} {digest}", env!("CARGO_PKG_VERSION"))
}

/// Runs `init` alone and tells what it returned and what it opened.
///
/// # Errors
/// `init` faulted, or asked for what there is not.
pub(crate) fn inspect(
    nf: &NetworkFunction,
    parameters: &Parameters,
) -> Result<(Configuration, Vec<Structure>), Failure> {
    let inspection = nfos_dataplane::inspect(nf, parameters).map_err(failure)?;
    let structures = inspection.objects.iter().map(structure).collect();
    Ok((inspection.configuration, structures))
}

fn failure(error: RunError) -> Failure {
    match error {
        RunError::Input(message) => Failure::Input(message),
        RunError::Failed(message) => Failure::Failed(message),
    }
}

/// Where compiled network functions and costs are kept: `nfos` in the user's cache directory (XDG
/// Base Directory Specification), nowhere for a user without one.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let user = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(user.join("nfos"))
}

/// What an object is in the contract's words.
fn structure(object: &ObjectShape) -> Structure {
    let name = object.name.clone();
    let (kind, shape) = match &object.shape {
        Shape::Vector { length } => ("vector", counted((*length).into(), "cell")),
        Shape::Map { capacity, key_size, hashing } => {
            let hashed = match hashing {
                Hashing::Keyed => "",
                Hashing::Plain => ", hashed alike in every run",
            };
            let keys = counted((*capacity).into(), "key");
            ("hash-map", format!("{keys} of up to {key_size} B{hashed}"))
        }
        Shape::Allocator { capacity, refresh_interval_ns } => {
            let refreshed = match refresh_interval_ns {
                0 => String::new(),
                ns => format!(", refreshed at most every {}", span(*ns)),
            };
            ("allocator", format!("{}{refreshed}", counted((*capacity).into(), "id")))
        }
        Shape::Distributed { merges, staleness_ns } => {
            let words = match merges.len() as u64 {
                0 => "merged by itself".to_owned(),
                words => counted(words, "word"),
            };
            ("distributed-object", format!("{words}, at most {} old", span(*staleness_ns)))
        }
    };
    Structure { kind, name, shape, bytes: object.bytes }
}
