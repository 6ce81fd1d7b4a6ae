//! One module per command.

pub(crate) mod check;
pub(crate) mod component;
pub(crate) mod describe;
pub(crate) mod new;
pub(crate) mod run;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::launch::{NetworkFunction, Sandbox, load};
use crate::options::Engine;
use crate::parameters::{Assignment, Given, Parameters};
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

/// How many threads this machine runs at once, as far as this process may use them.
fn cores_of_machine() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Indented JSON with a newline at its end.
fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("records have string keys and no value that refuses to be written");
    text.push('\n');
    text
}
