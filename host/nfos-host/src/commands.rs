//! One module per command.

pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod component;
pub(crate) mod describe;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod simulate;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::launch::{Launch, NetworkFunction, PortSpec, Sandbox, SpecError, load};
use crate::options::{Engine, Options};
use crate::parameters::{Assignment, Given, Parameters};
use crate::plan::Plan;
use crate::quantity::{Bytes, Span};

/// What commands that only look at a network function need to know.
#[derive(Args, Debug)]
pub(crate) struct Subject {
    /// The network function: a component, or a core module with the contract's type in it
    #[arg(long, value_name = "FILE")]
    nf: PathBuf,

    /// A parameter of it, repeated for each
    #[arg(long = "set", value_name = "NAME=VALUE")]
    assignments: Vec<Assignment>,

    /// What runs it [default: direct where it applies, else component]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<Engine>,

    /// How much CPU time one call of it may take [default: 200ms]
    #[arg(long, value_name = "TIME")]
    time_limit: Option<Span>,

    /// How much memory one instance of it may have [default: 256M]
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<Bytes>,
}

impl Subject {
    /// # Errors
    /// A file that cannot be read or that is no network function.
    fn load(&self) -> Result<NetworkFunction, Failure> {
        load(&self.nf, self.sandbox())
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox { engine: self.engine, time: self.time_limit, memory: self.memory_limit }
    }

    /// # Errors
    /// A parameter that it lacks, or a value that the parameter cannot take.
    fn parameters(&self, nf: &NetworkFunction) -> Result<Parameters, Failure> {
        Given::default().overridden_by(&self.assignments).resolve(nf.description())
    }
}

/// What a simulated network function is given, ports and parameters above all.
#[derive(Args, Debug)]
pub(crate) struct Traffic {
    /// A port, repeated for each: synthetic:KEY=VALUE,…, memory:FILE or pcap:rx=FILE, of which the
    /// packets are taken as fast as they can be, and again from the first on
    /// [default: synthetic traffic for what the network function asks for]
    #[arg(long = "port", value_name = "SPEC")]
    ports: Vec<String>,

    /// A parameter of the network function, repeated for each
    #[arg(long = "set", value_name = "NAME=VALUE")]
    assignments: Vec<Assignment>,

    /// Room for packet sets, of all workers together [default: what the network function asks for]
    #[arg(long, value_name = "N")]
    packet_sets: Option<std::num::NonZeroU32>,

    /// What random numbers start from [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// What runs the network function [default: direct where it applies, else component]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<Engine>,

    /// How much CPU time one call of it may take [default: 200ms]
    #[arg(long, value_name = "TIME")]
    time_limit: Option<Span>,

    /// How much memory one instance of it may have [default: 256M]
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<Bytes>,

    /// How much memory its structures and packet sets may take [default: 1G]
    #[arg(long, value_name = "SIZE")]
    state_limit: Option<Bytes>,
}

impl Traffic {
    /// Loads a network function, and the launch of it on one worker.
    ///
    /// # Errors
    /// A file that cannot be read or that is no network function; wrong options.
    fn load(
        &self,
        nf: &std::path::Path,
        cores: usize,
    ) -> Result<(NetworkFunction, Launch), Failure> {
        let options = Options {
            nf: Some(nf.to_path_buf()),
            ports: self.ports.clone(),
            packet_sets: self.packet_sets,
            seed: self.seed,
            engine: self.engine,
            time_limit: self.time_limit,
            memory_limit: self.memory_limit,
            state_limit: self.state_limit,
            ..Options::default()
        };
        let plan = Plan::new(options, cores)?;
        let nf = load(nf, plan.sandbox)?;
        let parameters = self.given().resolve(nf.description())?;
        let mut launch = Launch { parameters, pin: false, ..plan.launch };
        if launch.ports.is_empty() {
            let ports = usize::from(nf.description().ports.max(1));
            launch.ports = std::iter::repeat_n(synthetic()?, ports).collect();
        }
        Ok((nf, launch))
    }

    fn given(&self) -> Given {
        Given::default().overridden_by(&self.assignments)
    }

    /// The parameters with one of them changed.
    ///
    /// # Errors
    /// A parameter that it lacks, or a value that the parameter cannot take.
    fn parameters_with(
        &self,
        nf: &NetworkFunction,
        name: &str,
        value: &str,
    ) -> Result<Parameters, Failure> {
        let changed: Assignment = format!("{name}={value}").parse().map_err(Failure::Input)?;
        self.given().overridden_by(&[changed]).resolve(nf.description())
    }
}

fn synthetic() -> Result<PortSpec, Failure> {
    "synthetic".parse().map_err(|error: SpecError| Failure::input(error.to_string()))
}

/// How many threads this machine runs at once, as far as this process may use them.
fn cores_of_machine() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Indented JSON with a newline at its end.
pub(crate) fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("records have string keys and no value that refuses to be written");
    text.push('\n');
    text
}
