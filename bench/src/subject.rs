//! What is compared: a network function on each engine, and its baselines.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nfos_bench_baselines::{Measured, Settings as BaselineSettings, Variant, steering, workers};
use nfos_dataplane::{Factory, Launch, RunError, run_over};
use nfos_engine::{Engine, EngineChoice, EngineError, NetworkFunction, Settings};
use nfos_netio::Port;
use nfos_sync::atomic::AtomicBool;

use crate::build;
use crate::cases::Case;
use crate::factory::NativeFactory;

/// One of the things that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// WebAssembly, linked directly.
    Direct,
    /// WebAssembly, by the component linker.
    Component,
    /// Compiled into this process, on the same host.
    Native,
    /// Written by hand, without the host.
    Baseline(Variant),
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Direct,
        Self::Component,
        Self::Native,
        Self::Baseline(Variant::Sequential),
        Self::Baseline(Variant::Expert),
        Self::Baseline(Variant::GlobalLock),
    ];

    /// Whether it runs on so many workers.
    pub fn runs_on(self, workers: usize) -> bool {
        workers == 1 || self != Self::Baseline(Variant::Sequential)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Component => "component",
            Self::Native => "native",
            Self::Baseline(variant) => {
                let named = Variant::ALL.iter().find(|(_, other)| other == variant);
                named.map_or("baseline", |(name, _)| name)
            }
        })
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|subject| subject.to_string() == text);
        found.ok_or_else(|| format!("no subject `{text}`"))
    }
}

/// What became of the packets of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    /// Packets that arrived.
    pub received: u64,
    /// Dropped by the network function.
    pub by_nf: u64,
    /// Dropped by what is around it.
    pub by_host: u64,
    /// Since the first packet could arrive.
    pub elapsed: Duration,
    /// Runs of events that were repeated, and of those that stood.
    pub aborts: u64,
}

/// A network function, ready to be run in every way.
pub struct Subjects {
    /// What it is.
    pub case: Case,
    file: PathBuf,
    direct: NetworkFunction,
    native: NativeFactory,
    /// Compiled when it is first asked for, which takes valgrind a while.
    component: OnceLock<NetworkFunction>,
}

impl Subjects {
    /// Builds and compiles it.
    ///
    /// # Errors
    /// [`EngineError`] if this machine runs no guests.
    ///
    /// # Panics
    /// If it does not build.
    pub fn new(case: Case) -> Result<Self, EngineError> {
        let file = build::guest(case.nf);
        let direct = load(&file, EngineChoice::Direct)?;
        let native = NativeFactory::new(case.function, &direct);
        Ok(Self { case, file, direct, native, component: OnceLock::new() })
    }

    /// How many ports it has.
    pub fn ports(&self) -> u16 {
        self.direct.description().ports
    }

    /// What describes it.
    pub fn described(&self) -> &NetworkFunction {
        &self.direct
    }

    /// Runs it over ports, which are as many as the launch names, and for as long as that says.
    ///
    /// # Panics
    /// If it does not run.
    pub fn run(&self, subject: Subject, launch: &Launch, ports: Vec<Box<dyn Port>>) -> Ended {
        let ended = match subject {
            Subject::Direct => hosted(&self.direct, launch, ports),
            Subject::Component => {
                let load = || load(&self.file, EngineChoice::Component).expect("as the other");
                hosted(self.component.get_or_init(load), launch, ports)
            }
            Subject::Native => hosted(&self.native, launch, ports),
            Subject::Baseline(variant) => {
                return self.run_baseline(variant, launch, ports);
            }
        };
        ended.unwrap_or_else(|error| panic!("{}: {error}", self.case.nf))
    }

    fn run_baseline(&self, variant: Variant, launch: &Launch, ports: Vec<Box<dyn Port>>) -> Ended {
        let settings = BaselineSettings {
            packet_sets: launch.packet_sets.unwrap_or(1 << 19) as usize,
            ..BaselineSettings::default()
        };
        let workers = workers(self.case.nf, variant, launch.workers, &settings);
        let steering = steering::steering(self.case.nf, workers.len());
        let run = nfos_bench_baselines::run_over(workers, ports, &steering, launch.duration);
        let Measured { received, dropped, elapsed, .. } = run.expect("ports that open");
        Ended { received, by_nf: dropped, by_host: 0, elapsed, aborts: 0 }
    }
}

/// Compiles a network function, or takes it as it was compiled before.
fn load(file: &Path, engine: EngineChoice) -> Result<NetworkFunction, EngineError> {
    let cache = Some(build::target_directory().join("bench-cache"));
    // Under valgrind a call takes a hundred times as long.
    let time_limit = Duration::from_secs(600);
    let engine = Engine::new(Settings { engine, cache, time_limit, ..Settings::default() })?;
    Ok(engine.load(file).expect("it is a network function"))
}

fn hosted<F: Factory + Sync>(
    factory: &F,
    launch: &Launch,
    ports: Vec<Box<dyn Port>>,
) -> Result<Ended, RunError> {
    let started = Instant::now();
    let summary = run_over(factory, launch, ports, &AtomicBool::new(false), &mut |_| {})?;
    let by_nf: u64 = summary.drops.iter().filter(|drop| drop.by_nf).map(|drop| drop.packets).sum();
    Ok(Ended {
        received: summary.received,
        by_nf,
        by_host: summary.dropped - by_nf,
        elapsed: Duration::from_nanos(summary.elapsed_ns).min(started.elapsed()),
        aborts: summary.causes.iter().map(|cause| cause.aborts).sum(),
    })
}
