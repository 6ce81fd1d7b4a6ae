//! `nfos-host run`: runs a network function over ports until they end, and accounts for every
//! packet.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use nfos_engine::description::Description;
use nfos_engine::services::LogLevel;
use nfos_records::Summary;

use super::{cores_of_machine, json};
use crate::failure::{Failure, warn};
use crate::launch::{self, NetworkFunction, Observation};
use crate::numbers::counted;
use crate::options::Options;
use crate::parameters::differing;
use crate::plan::Plan;
use crate::profile_file::ProfileFile;
use crate::progress::Progress;
use crate::report::{report, unaccounted};
use crate::signals::stop_flag;
use crate::terminal::{Style, plain, print};

/// Run a network function
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Take options from a file; those of the command line win
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,

    /// The least urgent level of the network function's log that is shown
    #[arg(long, value_name = "LEVEL", default_value = "information")]
    log: Log,

    /// Print the summary as JSON, and nothing else on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Log {
    Off,
    Error,
    Warning,
    Information,
    Detail,
}

impl Log {
    fn level(self) -> Option<LogLevel> {
        match self {
            Self::Off => None,
            Self::Error => Some(LogLevel::Error),
            Self::Warning => Some(LogLevel::Warning),
            Self::Information => Some(LogLevel::Information),
            Self::Detail => Some(LogLevel::Detail),
        }
    }
}

/// # Errors
/// Wrong options or input, a run that broke off, an account that does not add up.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let options = match &arguments.config {
        Some(file) => arguments.options.over(Options::from_file(file)?),
        None => arguments.options,
    };
    let mut plan = Plan::new(options, cores_of_machine())?;
    plan.warnings.iter().for_each(|warning| warn(warning));
    let nf = launch::load(&plan.nf, plan.sandbox)?;
    plan.launch.parameters = plan.given.resolve(nf.description())?;
    enough_ports(&plan, nf.description())?;

    let mut sink = plan.profile.as_deref().map(ProfileFile::create).transpose()?;
    let stop = stop_flag()?;
    let heading = (!arguments.json).then(|| announcement(&plan, &nf));
    let (workers, log) = (plan.launch.workers, arguments.log.level());
    let mut progress = Progress::new(heading, workers, arguments.json, log);
    let mut written = Ok(());
    let summary = launch::run(&nf, &plan.launch, &stop, &mut |observation| {
        if let (Observation::Profile(profile), Some(sink)) = (&observation, &mut sink) {
            sink.write(profile);
        } else if written.is_ok() {
            written = progress.see(&observation);
        }
        if written.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    progress.finish()?;
    written?;
    let summary = summary?;
    progress.head()?;
    conclude(&summary, arguments.json)?;
    sink.map_or(Ok(()), |sink| sink.finish(arguments.json))
}

fn enough_ports(plan: &Plan, description: &Description) -> Result<(), Failure> {
    let (given, needed) = (plan.launch.ports.len(), usize::from(description.ports));
    if given > 0 && given < needed {
        let given = counted(given as u64, "port");
        let name = &description.name;
        return Err(Failure::input(format!(
            "{name} works with {needed} ports or more, and {given} is given: repeat --port"
        )));
    }
    Ok(())
}

/// What runs, on what.
fn announcement(plan: &Plan, nf: &NetworkFunction) -> String {
    let description = nf.description();
    let mut lines = vec![format!(
        "{} on {}, {} engine, {}, seed {}",
        description.name,
        counted(plan.launch.workers as u64, "worker"),
        nf.engine_kind(),
        plan.nf.display(),
        plan.launch.seed
    )];
    let ports = plan.ports_written.iter().enumerate();
    lines.extend(ports.map(|(number, spec)| format!("port {number}: {spec}")));
    if plan.ports_written.is_empty() {
        let ports = counted(u64::from(description.ports.max(1)), "synthetic port");
        lines.push(format!("{ports}, for the packet sets of {}", description.name));
    }
    let differing = differing(&plan.launch.parameters, description);
    if !differing.is_empty() {
        lines.push(format!("parameters: {}", differing.join(", ")));
    }
    lines.extend(plan.notes.iter().cloned());
    lines.iter().flat_map(|line| [plain(line).into_owned(), "\n".to_owned()]).collect()
}

fn conclude(summary: &Summary, as_json: bool) -> Result<(), Failure> {
    if as_json {
        print(&json(summary))?;
    } else {
        print(&report(summary, Style::of(&std::io::stdout())))?;
    }
    unaccounted(summary).map_or(Ok(()), |what| Err(Failure::failed(what)))
}
