//! The `nfos-host` command: arguments → configuration → launch.
//!
//! | module | |
//! |---|---|
//! | [`commands`] | one module per command, and what they share |
//! | [`options`] | the options of `run`, of the command line and of a file |
//! | [`quantity`], [`parameters`] | values as operators write them |
//! | [`plan`] | options checked and completed to a launch |
//! | [`rehearsal`] | the traffic of `check` |
//! | [`launch`] | the calls to the engine and the dataplane |
//! | [`signals`] | the flag that Ctrl-C sets |
//! | [`progress`], [`view`] | what a run looks like while it goes on |
//! | [`profile_file`] | the file of `--profile` |
//! | [`costs`] | the file of what things cost, for simulations |
//! | [`report`], [`portrait`], [`numbers`] | what is printed of a run and of a network function |
//! | [`usage`], [`terminal`], [`failure`] | what reaches the operator, and the exit status |

mod commands;
mod costs;
mod failure;
mod launch;
mod numbers;
mod options;
mod parameters;
mod plan;
mod portrait;
mod profile_file;
mod progress;
mod quantity;
mod rehearsal;
mod report;
mod signals;
mod terminal;
mod usage;
mod view;

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
    Run(Box<commands::run::Arguments>),
    Check(commands::check::Arguments),
    Simulate(Box<commands::simulate::Arguments>),
    Calibrate(Box<commands::calibrate::Arguments>),
    Describe(commands::describe::Arguments),
    Component(commands::component::Arguments),
    New(commands::new::Arguments),
}

fn main() -> ExitCode {
    exit_code(&usage::parse::<CommandLine>().and_then(obey))
}

/// Help and the version are answered by then, and leave nothing to obey.
fn obey(line: Option<CommandLine>) -> Result<(), Failure> {
    match line.map(|line| line.command) {
        None => Ok(()),
        Some(Command::Run(arguments)) => commands::run::run(*arguments),
        Some(Command::Check(arguments)) => commands::check::run(&arguments),
        Some(Command::Simulate(arguments)) => commands::simulate::run(&arguments),
        Some(Command::Calibrate(arguments)) => commands::calibrate::run(&arguments),
        Some(Command::Describe(arguments)) => commands::describe::run(&arguments),
        Some(Command::Component(arguments)) => commands::component::run(&arguments),
        Some(Command::New(arguments)) => commands::new::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
