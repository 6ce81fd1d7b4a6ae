//! What must be there before any packet: the structures, `init` run once and recorded, and the
//! parts that all workers are made of.

use crate::burst::{Burst, Shape};
use crate::commit_log::Scribe;
use crate::counters::Counters;
use crate::definitions;
use crate::egress::Egress;
use crate::factory::{Factory, Locator};
use crate::launch::{Launch, RunError, capacity};
use crate::notice::{Notice, WAITING_MAX};
use crate::packet_set::capacity::Capacity;
use crate::packet_set::table::Table;
use crate::probe::{Groups, Heavy, Probe, Recorded, Times};
use crate::reasons::DropReason;
use crate::script::Script;
use crate::services::{Surroundings, WorkerServices};
use crate::worker::{Parts, Worker};
use crossbeam_channel::{Receiver, Sender};
use nfos_engine::description::{Configuration, Parameter};
use nfos_engine::guest::Guest;
use nfos_engine::services::Value;
use nfos_netio::Classifier;
use nfos_records::profile::Function;
use nfos_state::{Protocol, Settings, State};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Everything but the ports.
pub(crate) struct Setup<'a, F: Factory> {
    factory: &'a F,
    around: Arc<Surroundings>,
    /// The structures.
    pub state: Arc<State>,
    /// What `init` returned.
    pub configuration: Configuration,
    script: Script,
    /// The control loop's instance, in which `init` ran.
    control: Option<F::Guest>,
    /// The compiled definitions.
    pub classifier: Arc<Classifier>,
    capacity: Arc<Capacity>,
    hash_seed: u64,
    protocol: Protocol,
    notices: Sender<Notice>,
    /// What workers tell the operator.
    pub heard: Receiver<Notice>,
    /// By participant, the control loop last.
    pub counters: Vec<Arc<Counters>>,
    records: Sender<Recorded>,
    /// What workers hand in, with profiling on.
    pub recorded: Receiver<Recorded>,
}

/// Opens the state and runs `init`, for the first time, in the control loop's instance.
///
/// # Errors
/// [`RunError::Input`] if `init` faults or asks for what there is not.
pub(crate) fn begin<'a, F: Factory>(
    factory: &'a F,
    launch: &Launch,
) -> Result<Setup<'a, F>, RunError> {
    // Nobody outside may know it: keys that collide could be computed.
    let hash_seed = RandomState::new().hash_one(launch.seed);
    begin_with(factory, launch, hash_seed, Protocol::Ours)
}

/// The same with a seed of hashes, and under a protocol.
///
/// # Errors
/// As [`begin`].
pub(crate) fn begin_with<'a, F: Factory>(
    factory: &'a F,
    launch: &Launch,
    hash_seed: u64,
    protocol: Protocol,
) -> Result<Setup<'a, F>, RunError> {
    let description = factory.description();
    let settings = Settings {
        participants: launch.workers + 1,
        burst_max: launch.burst_max,
        memory_bytes_max: launch.state_bytes_max,
        seed: hash_seed,
    };
    let state = State::with_protocol(settings, protocol);
    let around = Arc::new(Surroundings {
        state: Arc::clone(&state),
        parameters: launch.parameters.clone(),
        events: description.events.len() as u32,
        seed: launch.seed,
    });
    let (notices, heard) = crossbeam_channel::bounded(WAITING_MAX);
    let mut services = services(&around, launch.workers, launch);
    services.start_recording();
    let mut control = factory.make(services).map_err(|fault| refused("starting it", &fault))?;
    let configuration = control.init().map_err(|fault| refused("init", &fault))?;
    let committed = control.services().commit(1).committed == 1;
    assert!(committed, "init runs alone, so nothing it observed can have changed");
    for (level, message) in control.services().effects().logs(0) {
        let _ = notices.try_send(Notice::Log {
            worker: launch.workers,
            level,
            message: message.into(),
        });
    }
    let script = control.services().script();
    let classifier =
        definitions::classifier(description).map_err(|error| RunError::Input(error.to_string()))?;
    let sets = capacity(description, &configuration, launch)?;
    let reasons = DropReason::count(description.drop_reasons.len());
    let (records, recorded) = crossbeam_channel::unbounded();
    let counters = || Counters::new(reasons, launch.ports.len(), description.events.len());
    Ok(Setup {
        factory,
        around,
        state,
        script,
        control: Some(control),
        classifier: Arc::new(classifier),
        capacity: Arc::new(Capacity::new(sets.into(), launch.workers + 1)),
        configuration,
        hash_seed,
        protocol,
        notices,
        heard,
        records,
        recorded,
        counters: (0..=launch.workers).map(|_| Arc::new(counters())).collect(),
    })
}

fn refused(what: &str, fault: &dyn std::fmt::Display) -> RunError {
    RunError::Input(format!("the network function does not start: in {what} it {fault}"))
}

/// A value as `--set` takes it.
fn written(value: &Value) -> String {
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Text(text) => text.clone(),
    }
}

fn services(around: &Arc<Surroundings>, index: usize, launch: &Launch) -> WorkerServices {
    WorkerServices::new(Arc::clone(around), around.state.worker(index), launch.burst_max)
}

impl<F: Factory> Setup<'_, F> {
    /// The network function's description.
    pub(crate) fn description(&self) -> &nfos_engine::description::Description {
        self.factory.description()
    }

    /// The engine's name.
    pub(crate) fn engine(&self) -> &'static str {
        self.factory.engine()
    }

    /// How to find its source lines.
    pub(crate) fn locator(&self) -> Locator {
        self.factory.locator()
    }

    /// Room for packet sets.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity.total()
    }

    /// Makes a worker, whose instance runs `init` by replay.
    ///
    /// # Errors
    /// [`RunError::Input`] if the replay goes another way than the first run.
    pub(crate) fn worker<E: Egress>(
        &self,
        index: usize,
        launch: &Launch,
        egress: E,
    ) -> Result<Worker<F::Guest, E>, RunError> {
        let mut services = services(&self.around, index, launch);
        services.start_replay(Arc::clone(&self.script));
        let mut guest =
            self.factory.make(services).map_err(|fault| refused("starting it", &fault))?;
        let configuration = guest.init().map_err(|fault| refused("the replay of init", &fault))?;
        if configuration != self.configuration {
            let what = "init is not deterministic: it returned another configuration";
            return Err(RunError::Input(what.to_owned()));
        }
        Ok(self.assemble(index, launch, guest, egress, self.capacity.total() as u32))
    }

    /// Makes the control loop of the instance in which `init` ran first.
    pub(crate) fn control<E: Egress>(&mut self, launch: &Launch, egress: E) -> Worker<F::Guest, E> {
        let guest = self.control.take().expect("the control loop is made once");
        self.assemble(launch.workers, launch, guest, egress, 0)
    }

    fn probe(&self) -> Probe {
        let heavy = Heavy::new(Groups::of(self.description()).map(Arc::new));
        Probe { times: Times::new(), heavy, to: self.records.clone() }
    }

    /// What a profile says of the network function.
    pub(crate) fn function(&self) -> Function {
        let names: Vec<_> = self.state.objects().into_iter().map(|object| object.name).collect();
        let relaxes = |parameter: &Parameter| {
            let about = |name: &&String| parameter.relaxes.iter().any(|one| one.is_about(name));
            names.iter().filter(about).cloned().collect()
        };
        let value = |parameter: &Parameter| {
            let value = self.around.parameters.get(&parameter.name);
            nfos_records::profile::Parameter {
                name: parameter.name.clone(),
                about: parameter.help.clone(),
                value: written(value.unwrap_or(&parameter.default)),
                default: written(&parameter.default),
                relaxes: relaxes(parameter),
            }
        };
        let description = self.description();
        Function {
            name: description.name.clone(),
            digest: self.factory.digest(),
            engine: self.engine().to_owned(),
            parameters: description.parameters.iter().map(value).collect(),
            has_lines: false,
        }
    }

    fn assemble<E: Egress>(
        &self,
        index: usize,
        launch: &Launch,
        mut guest: F::Guest,
        egress: E,
        sets: u32,
    ) -> Worker<F::Guest, E> {
        if launch.profile {
            guest.services().watch();
        }
        let description = self.description();
        let key_words = definitions::key_words(description);
        let state_bytes = description.state_size as usize;
        let idle_timeout_ns = self.configuration.idle_timeout_ns;
        let table = Table::new(sets, key_words, state_bytes, idle_timeout_ns);
        let mut shape = Shape::new(index, description, self.hash_seed);
        shape.first_alone = self.protocol == Protocol::Original;
        let burst =
            Burst::new(shape, Arc::clone(&self.classifier), Arc::clone(&self.capacity), table);
        let parts = Parts {
            index,
            guest,
            script: Arc::clone(&self.script),
            burst,
            burst_max: launch.burst_max,
            egress,
            counters: Arc::clone(&self.counters[index]),
            notices: self.notices.clone(),
            ports: launch.ports.len() as u16,
            scribe: launch.commit_log.clone().map(|log| Scribe::new(log, index)),
            probe: launch.profile.then(|| Box::new(self.probe())),
        };
        Worker::new(parts)
    }
}
