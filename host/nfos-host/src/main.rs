//! The `nfos-host` command.

#[path = "commands/component.rs"]
mod component;
mod failure;
mod numbers;
mod terminal;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{Failure, exit_code};

/// Runs network functions, written as plain sequential code, in a sandbox on many cores
///
/// Exit status: 0 done, 1 the run failed, 2 wrong usage or input.
#[derive(Parser, Debug)]
#[command(name = "nfos-host", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Component(component::Arguments),
}

fn main() -> ExitCode {
    exit_code(&usage::parse::<CommandLine>().and_then(obey))
}

/// Help and the version are answered by then, and leave nothing to obey.
fn obey(line: Option<CommandLine>) -> Result<(), Failure> {
    match line.map(|line| line.command) {
        None => Ok(()),
        Some(Command::Component(arguments)) => component::run(&arguments),
    }
}
