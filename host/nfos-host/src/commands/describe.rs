//! `nfos-host describe`: what a network function says of itself, and what its `init` opens.

use clap::Args;

use super::{Subject, json};
use crate::failure::Failure;
use crate::launch;
use crate::portrait::Portrait;
use crate::terminal::{Style, print};

/// Tell what a network function says of itself
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// No network function, a wrong parameter, an `init` that faults.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let nf = arguments.subject.load()?;
    let parameters = arguments.subject.parameters(&nf)?;
    let (configuration, structures) = launch::inspect(&nf, &parameters)?;
    let portrait = Portrait {
        description: nf.description(),
        engine: nf.engine_kind(),
        engine_reason: nf.engine_reason(),
        configuration,
        structures,
    };
    print(&match arguments.json {
        true => json(&portrait.json()),
        false => portrait.text(Style::of(&std::io::stdout())),
    })
}
