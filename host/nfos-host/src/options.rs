//! The options of `run`, on the command line and in a configuration file: one list for both.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::failure::Failure;
use crate::launch::WORKERS_MAX;
use crate::parameters::{Assignment, Given};
use crate::quantity::{Bytes, Span, written};

/// Options that the command line and the configuration file both take.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// The network function: a component, or a core module with the contract's type in it
    #[arg(long, value_name = "FILE")]
    pub(crate) nf: Option<PathBuf>,

    /// How many workers run it [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(deserialize_with = "written")]
    pub(crate) cores: Option<Cores>,

    /// A port, repeated for each: pcap:rx=IN,tx=OUT, synthetic:KEY=VALUE,…, memory:FILE or
    /// dpdk:DEVICE
    /// [default: synthetic traffic for what the network function asks for]
    #[arg(long = "port", value_name = "SPEC")]
    pub(crate) ports: Vec<String>,

    /// A parameter of the network function, repeated for each; `describe` lists them
    #[arg(long = "set", value_name = "NAME=VALUE")]
    #[serde(skip)]
    pub(crate) assignments: Vec<Assignment>,

    /// The same in a file, where values have types.
    #[arg(skip)]
    pub(crate) parameters: BTreeMap<String, toml::Value>,

    /// How long to run: 10, 10s, 500ms [default: until the ports end]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "written")]
    pub(crate) duration: Option<Span>,

    /// Room for packet sets, of all workers together [default: what the network function asks for]
    #[arg(long, value_name = "N")]
    pub(crate) packet_sets: Option<NonZeroU32>,

    /// What random numbers start from [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// What runs the network function [default: direct where it applies, else component]
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<Engine>,

    /// Save the first packets that were lost to a fault of the network function in a capture
    #[arg(long, value_name = "FILE")]
    pub(crate) fault_pcap: Option<PathBuf>,

    /// Record where the network function's workers get into each other's way, for nfos-profile
    #[arg(long, value_name = "FILE.json")]
    pub(crate) profile: Option<PathBuf>,

    /// How far apart workers may be in the time of a capture [default: 1ms]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "written")]
    pub(crate) quantum: Option<Span>,

    /// How much CPU time one call of the network function may take [default: 200ms]
    #[arg(long, value_name = "TIME")]
    #[serde(deserialize_with = "written")]
    pub(crate) time_limit: Option<Span>,

    /// How much memory one instance of the network function may have [default: 256M]
    #[arg(long, value_name = "SIZE")]
    #[serde(deserialize_with = "written")]
    pub(crate) memory_limit: Option<Bytes>,

    /// Whether ports of DPDK keep packets in hugepages [default: if 48 MiB are free]
    #[arg(long, value_name = "WHETHER")]
    pub(crate) hugepages: Option<Hugepages>,

    /// Leave each packet set with the worker it began at, however unevenly workers are loaded
    #[arg(long)]
    pub(crate) no_rebalance: bool,

    /// How much memory its structures and packet sets may take [default: 1G]
    #[arg(long, value_name = "SIZE")]
    #[serde(deserialize_with = "written")]
    pub(crate) state_limit: Option<Bytes>,
}

/// What runs the network function.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Engine {
    /// The core module of a component, linked directly: fast
    Direct,
    /// The component as it is: for any language
    Component,
}

/// Where ports of DPDK keep packets.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Hugepages {
    /// In hugepages if enough are free.
    Auto,
    /// In hugepages.
    Yes,
    /// In ordinary memory.
    No,
}

/// A number of workers that a run can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores(pub(crate) usize);

impl FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|cores| (1..=WORKERS_MAX).contains(cores))
            .map(Self)
            .ok_or_else(|| format!("write a whole number from 1 to {WORKERS_MAX}"))
    }
}

impl Options {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// A file that cannot be read, is not TOML, has a key that no option has or a value that its
    /// option cannot take: with the line.
    pub(crate) fn from_file(file: &Path) -> Result<Self, Failure> {
        let name = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::input(format!("--config {name}: cannot be read: {error}")))?;
        toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
            let what = error.message().trim().replace('\n', ", ");
            Failure::input(format!("--config {name}, line {line}: {what}"))
        })
    }

    /// These options where they are given, elsewhere those of `file`. Ports are not mixed: any port
    /// here replaces all of the file's. Of parameters each stands alone.
    pub(crate) fn over(self, file: Self) -> Self {
        Self {
            nf: self.nf.or(file.nf),
            cores: self.cores.or(file.cores),
            ports: if self.ports.is_empty() { file.ports } else { self.ports },
            assignments: self.assignments,
            parameters: file.parameters,
            duration: self.duration.or(file.duration),
            packet_sets: self.packet_sets.or(file.packet_sets),
            seed: self.seed.or(file.seed),
            engine: self.engine.or(file.engine),
            fault_pcap: self.fault_pcap.or(file.fault_pcap),
            profile: self.profile.or(file.profile),
            quantum: self.quantum.or(file.quantum),
            time_limit: self.time_limit.or(file.time_limit),
            memory_limit: self.memory_limit.or(file.memory_limit),
            hugepages: self.hugepages.or(file.hugepages),
            no_rebalance: self.no_rebalance || file.no_rebalance,
            state_limit: self.state_limit.or(file.state_limit),
        }
    }

    /// The parameters that the operator gave.
    pub(crate) fn given(&self) -> Given {
        Given::from_file(self.parameters.clone()).overridden_by(&self.assignments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn a_file_takes_every_option() {
        let options = parse(
            "nf = 'fw.wasm'\ncores = 2\nports = ['synthetic:flows=4']\nduration = 0.5\n\
             packet-sets = 100\nseed = 7\nengine = 'direct'\nfault-pcap = 'f.pcap'\n\
             profile = 'p.json'\n\
             quantum = '2ms'\ntime-limit = '20ms'\nmemory-limit = 65536\nstate-limit = '2G'\n\
             hugepages = 'no'\nno-rebalance = true\n\
             [parameters]\nidle_timeout = 3\n",
        )
        .unwrap();
        assert_eq!(options.cores, Some(Cores(2)));
        assert_eq!(options.ports, ["synthetic:flows=4"]);
        assert_eq!(options.duration, Some("500ms".parse().unwrap()));
        assert_eq!(options.packet_sets, NonZeroU32::new(100));
        assert_eq!(options.memory_limit, Some(Bytes(65536)));
        assert_eq!(options.parameters["idle_timeout"], toml::Value::Integer(3));
        assert!(options.nf.is_some() && options.seed == Some(7) && options.engine.is_some());
        assert!(options.quantum.is_some() && options.time_limit.is_some());
        assert!(options.profile.is_some());
        assert!(options.fault_pcap.is_some() && options.state_limit.is_some());
        assert_eq!(options.hugepages, Some(Hugepages::No));
        assert!(options.no_rebalance);
    }

    #[test]
    fn an_unknown_key_is_named() {
        assert!(parse("corse = 2").unwrap_err().starts_with("unknown field `corse`"));
    }

    #[test]
    fn a_wrong_value_says_what_would_be_right() {
        assert_eq!(parse("cores = 0").unwrap_err(), "\"0\": write a whole number from 1 to 63");
        assert_eq!(parse("cores = 64").unwrap_err(), "\"64\": write a whole number from 1 to 63");
        assert!(parse("duration = 'soon'").unwrap_err().contains("10s"));
        assert!(parse("duration = -1").unwrap_err().contains("greater than 0"));
        assert!(parse("packet-sets = 0").is_err());
        assert!(parse("ports = 'synthetic:'").is_err());
        assert!(parse("engine = 'fast'").unwrap_err().contains("direct"));
    }

    #[test]
    fn the_command_line_wins_and_the_rest_is_the_files() {
        let file = parse("cores = 2\nseed = 7\nports = ['a', 'b']").unwrap();
        let line = Options { cores: Some(Cores(4)), ..Options::default() };
        let merged = line.over(file.clone());
        assert_eq!(merged.cores, Some(Cores(4)));
        assert_eq!(merged.seed, Some(7));
        assert_eq!(merged.ports, ["a", "b"]);

        let line = Options { ports: vec!["c".to_owned()], ..Options::default() };
        assert_eq!(line.over(file).ports, ["c"]);
    }
}
