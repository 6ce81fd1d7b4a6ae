//! The `nfos-profile` command: why a network function does not scale, where in its source, and
//! what to change.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use nfos_profile::difference;
use nfos_records::profile::{Profile, SCHEMA};

/// Tells from the profile of a run why it does not scale, where, and what to change
///
/// `nfos-host run --profile FILE.json` records one. Exit status: 0 done, 2 wrong usage or input.
#[derive(Parser, Debug)]
#[command(name = "nfos-profile", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Report(ReportArguments),
    Diff(DiffArguments),
}

/// Tell why the workers of one run got into each other's way
#[derive(Args, Debug)]
struct ReportArguments {
    /// The profile
    #[arg(value_name = "FILE.json")]
    profile: PathBuf,

    /// Write the report as one page for a browser, which needs nothing else
    #[arg(long, value_name = "FILE.html", conflicts_with = "json")]
    html: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    /// Where the network function's source lies, repeated for each folder [default: .]
    #[arg(long, value_name = "DIR")]
    source: Vec<PathBuf>,
}

/// Tell what changed from one run to another
#[derive(Args, Debug)]
struct DiffArguments {
    /// The profile of the first run
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,

    /// The profile of the second run
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let done = match &line.command {
        Command::Report(arguments) => report(arguments),
        Command::Diff(arguments) => diff(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The message is for whoever typed the command.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            ExitCode::from(2)
        }
    }
}

fn report(arguments: &ReportArguments) -> Result<(), String> {
    let profile = read(&arguments.profile)?;
    let folders = match arguments.source.as_slice() {
        [] => &[PathBuf::from(".")][..],
        given => given,
    };
    let report = nfos_profile::Report::of(&profile, folders);
    match &arguments.html {
        Some(path) => std::fs::write(path, report.page())
            .map_err(|error| format!("--html {}: cannot be written: {error}", path.display())),
        None if arguments.json => print(&report.json()),
        None => print(&report.text()),
    }
}

fn diff(arguments: &DiffArguments) -> Result<(), String> {
    print(&difference(&read(&arguments.before)?, &read(&arguments.after)?))
}

/// Reads a profile.
///
/// # Errors
/// A file that cannot be read, is no profile, or is one of another schema.
fn read(path: &Path) -> Result<Profile, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let no_profile = |error| format!("{name}: is no profile of nfos-host run --profile: {error}");
    // First of all, since with another schema anything else may be missing.
    let Versioned { schema } = serde_json::from_slice(&bytes).map_err(no_profile)?;
    if schema != SCHEMA {
        return Err(format!(
            "{name}: has the schema {schema} and this command reads {SCHEMA}: use the nfos-profile \
             of the nfos-host that wrote it"
        ));
    }
    serde_json::from_slice(&bytes).map_err(no_profile)
}

/// What every schema has.
#[derive(serde::Deserialize)]
struct Versioned {
    schema: u32,
}

fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|error| format!("standard output: {error}")),
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

    #[test]
    fn a_file_of_another_schema_is_told_by_that_whatever_else_is_in_it() {
        let name = format!("nfos-profile-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        let told = |text: &str| {
            std::fs::write(&path, text).expect("the folder of temporary files is writable");
            read(&path).expect_err("it is no profile")
        };
        assert!(told(r#"{"schema":9}"#).contains("has the schema 9 and this command reads 1"));
        assert!(told(r#"{"schema":1}"#).contains("is no profile"));
        assert!(told("[]").contains("is no profile"));
        std::fs::remove_file(&path).expect("it was written");
    }
}
