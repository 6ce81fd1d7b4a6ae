//! `nfos-host component`: makes a component of a core module.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::numbers::grouped;
use crate::terminal::{plain, print};

/// Make a component of a core module that has the contract's type in it
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The core module, as a compiler left it
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// Where the component goes
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

/// # Errors
/// A file that cannot be read or is no such module: input; one that cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (input, output) = (arguments.input.display(), arguments.output.display());
    let module = std::fs::read(&arguments.input)
        .map_err(|error| Failure::input(format!("{input}: cannot be read: {error}")))?;
    let component = nfos_engine::component::encode(&module)
        .map_err(|error| Failure::input(format!("{input}: {error}")))?;
    std::fs::write(&arguments.output, &component)
        .map_err(|error| Failure::failed(format!("{output}: cannot be written: {error}")))?;
    let size = grouped(component.len() as u64);
    print(&plain(&format!("{output}: component of {size} bytes")))?;
    print("\n")
}
