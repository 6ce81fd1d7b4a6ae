//! From options to a launch: everything about a run that can be checked without the network
//! function.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::launch::{
    Launch, Memory, PORTS_MAX, PortSpec, Rebalance, Sandbox, SpecError, check_files,
};
use crate::options::{Hugepages, Options};
use crate::parameters::{Given, Parameters};

const WORKERS_DEFAULT: usize = 1;
/// Of a run without ports, and so without an end of its own.
const DURATION_WITHOUT_PORTS: Duration = Duration::from_secs(10);
const SEED_DEFAULT: u64 = 1;
const QUANTUM_DEFAULT: Duration = Duration::from_millis(1);
/// Events of one call: enough to hide the cost of the crossing, few enough to stay in the cache.
const BURST_MAX: usize = 32;
/// Workers of `check`.
pub(crate) const REHEARSAL_WORKERS: usize = 2;
/// Long enough for all of it, unless the network function meets its time limit at every packet.
const REHEARSAL_TIME_MAX: Duration = Duration::from_secs(60);
/// Of aggregate state and packet sets, in bytes.
const STATE_LIMIT_DEFAULT: u64 = 1 << 30;

/// A run that is ready but for the network function and its parameters.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) nf: PathBuf,
    pub(crate) sandbox: Sandbox,
    pub(crate) given: Given,
    /// Ports as the operator wrote them.
    pub(crate) ports_written: Vec<String>,
    /// Without parameters.
    pub(crate) launch: Launch,
    /// Where the profile goes.
    pub(crate) profile: Option<PathBuf>,
    /// What the operator should know and did not ask for.
    pub(crate) warnings: Vec<String>,
    /// The same, without being a reason to worry.
    pub(crate) notes: Vec<String>,
}

impl Plan {
    /// Checks options for a machine of `cores`.
    ///
    /// # Errors
    /// No network function, a port that is not written as ports are.
    pub(crate) fn new(options: Options, cores: usize) -> Result<Self, Failure> {
        let given = options.given();
        let nf = options
            .nf
            .ok_or_else(|| Failure::input("no network function is given: add --nf FILE"))?;
        let workers = options.cores.map_or(WORKERS_DEFAULT, |cores| cores.0);
        let mut duration = options.duration.map(|span| span.0);
        let mut notes = Vec::new();
        if options.ports.is_empty() && duration.is_none() {
            duration = Some(DURATION_WITHOUT_PORTS);
            let seconds = DURATION_WITHOUT_PORTS.as_secs();
            notes.push(format!("no --port and no --duration: synthetic traffic for {seconds} s"));
        }
        let launch = Launch {
            workers,
            ports: ports(&options.ports)?,
            parameters: BTreeMap::new(),
            duration,
            packet_sets: options.packet_sets.map(u32::from),
            seed: options.seed.unwrap_or(SEED_DEFAULT),
            state_bytes_max: options.state_limit.map_or(STATE_LIMIT_DEFAULT, |limit| limit.0),
            fault_pcap: options.fault_pcap,
            quantum: options.quantum.map_or(QUANTUM_DEFAULT, |span| span.0),
            burst_max: BURST_MAX,
            profile: options.profile.is_some(),
            pin: workers <= cores,
            memory: match options.hugepages {
                None | Some(Hugepages::Auto) => Memory::Automatic,
                Some(Hugepages::Yes) => Memory::Huge,
                Some(Hugepages::No) => Memory::Ordinary,
            },
            rebalance: match options.no_rebalance {
                true => Rebalance::Never,
                false => Rebalance::default(),
            },
            commit_log: None,
        };
        Ok(Self {
            nf,
            sandbox: Sandbox {
                engine: options.engine,
                time: options.time_limit,
                memory: options.memory_limit,
            },
            given,
            ports_written: options.ports,
            launch,
            profile: options.profile,
            warnings: crowded(workers, cores).into_iter().collect(),
            notes,
        })
    }
}

/// The launch of `check`: on these ports, until they end, with two workers so that packets meet
/// where they would on any number.
pub(crate) fn rehearsal(ports: Vec<PortSpec>, parameters: Parameters, cores: usize) -> Launch {
    Launch {
        workers: REHEARSAL_WORKERS,
        ports,
        parameters,
        duration: Some(REHEARSAL_TIME_MAX),
        packet_sets: None,
        seed: SEED_DEFAULT,
        state_bytes_max: STATE_LIMIT_DEFAULT,
        fault_pcap: None,
        quantum: QUANTUM_DEFAULT,
        burst_max: BURST_MAX,
        profile: false,
        pin: REHEARSAL_WORKERS <= cores,
        memory: Memory::Automatic,
        rebalance: Rebalance::Never,
        commit_log: None,
    }
}

fn ports(written: &[String]) -> Result<Vec<PortSpec>, Failure> {
    let wrong = |error: SpecError| Failure::input(error.to_string());
    if written.len() > PORTS_MAX {
        let given = written.len();
        return Err(Failure::input(format!("{given} ports are given; at most {PORTS_MAX} can be")));
    }
    let ports: Vec<PortSpec> =
        written.iter().map(|spec| spec.parse()).collect::<Result<_, _>>().map_err(wrong)?;
    check_files(&ports).map_err(wrong)?;
    Ok(ports)
}

fn crowded(workers: usize, cores: usize) -> Option<String> {
    (workers > cores).then(|| {
        format!(
            "--cores {workers} on a machine that has {cores}: the workers take turns, so rates say \
             nothing about {workers} cores"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Cores;

    fn options() -> Options {
        Options { nf: Some("fw.wasm".into()), ..Options::default() }
    }

    fn refused(options: Options) -> String {
        match Plan::new(options, 2) {
            Err(Failure::Input(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_ports_and_duration_it_runs_ten_seconds_and_says_so() {
        let plan = Plan::new(options(), 2).unwrap();
        assert_eq!(plan.launch.duration, Some(Duration::from_secs(10)));
        assert_eq!(plan.notes, ["no --port and no --duration: synthetic traffic for 10 s"]);
        assert!(plan.warnings.is_empty() && plan.launch.pin);

        let timed = Options { duration: Some("3".parse().unwrap()), ..options() };
        let plan = Plan::new(timed, 2).unwrap();
        assert_eq!(plan.launch.duration, Some(Duration::from_secs(3)));
        assert!(plan.notes.is_empty());
    }

    #[test]
    fn more_workers_than_cores_are_warned_about_and_run() {
        let plan = Plan::new(Options { cores: Some(Cores(23)), ..options() }, 2).unwrap();
        assert_eq!(plan.launch.workers, 23);
        assert!(!plan.launch.pin);
        assert!(plan.warnings[0].starts_with("--cores 23 on a machine that has 2"));
    }

    #[test]
    fn what_cannot_run_is_refused() {
        assert!(refused(Options::default()).contains("--nf"));
        let ports = vec!["token-ring:0".to_owned()];
        assert!(refused(Options { ports, ..options() }).starts_with("port `token-ring:0`: "));
        let ports = vec!["pcap:rx=a.pcap,tx=a.pcap".to_owned()];
        assert!(refused(Options { ports, ..options() }).contains("overwritten"));
        let ports = vec!["synthetic:".to_owned(); PORTS_MAX + 1];
        assert!(refused(Options { ports, ..options() }).contains("at most 64"));
    }
}
