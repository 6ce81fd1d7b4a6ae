//! `nfos-host check`: whether a network function keeps the contract, before anything depends on
//! it. Loads it, runs its `init`, and drives a short synthetic run.

use std::fs::File;
use std::sync::atomic::AtomicBool;

use clap::Args;
use nfos_engine::description::Description;
use nfos_records::Summary;

use super::{Subject, cores_of_machine};
use crate::failure::Failure;
use crate::launch::{self, Configuration, NetworkFunction, Structure};
use crate::numbers::{counted, grouped};
use crate::parameters::Parameters;
use crate::plan::rehearsal;
use crate::report::unaccounted;
use crate::terminal::{Style, plain, print};

/// Check that a network function keeps the contract
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
}

/// What a check found: its finding in words, either way.
type Finding = Result<String, String>;

/// # Errors
/// A check that found something wrong, after all have been told; a file or a parameter that is not
/// what it must be.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = &arguments.subject.nf;
    File::open(file).map_err(|error| {
        Failure::input(format!("--nf {}: cannot be read: {error}", file.display()))
    })?;
    let nf = told("contract", arguments.subject.load(), |nf| contract(nf.description()))?;
    tell("packet sets", &Ok(packet_sets(nf.description())))?;
    let parameters = arguments.subject.parameters(&nf)?;
    tell("parameters", &Ok(counted(nf.description().parameters.len() as u64, "parameter")))?;
    told("init", launch::inspect(&nf, &parameters), |(configuration, structures)| {
        init(configuration, structures)
    })?;
    told("run", rehearse(&nf, parameters), |finding| finding.clone()).map(|_| ())
}

/// Tells what a check found. What it needs was there, so a failure of it is the guest's.
fn told<T>(
    check: &str,
    outcome: Result<T, Failure>,
    finding: impl Fn(&T) -> String,
) -> Result<T, Failure> {
    match outcome {
        Ok(value) => tell(check, &Ok(finding(&value))).map(|()| value),
        Err(Failure::Input(what) | Failure::Failed(what)) => {
            tell(check, &Err(what))?;
            Err(Failure::failed(format!("the check of its {check} failed")))
        }
    }
}

fn tell(check: &str, finding: &Finding) -> Result<(), Failure> {
    let style = Style::of(&std::io::stdout());
    let (mark, what) = match finding {
        Ok(what) => ("ok   ".to_owned(), what),
        Err(what) => (style.alarm("wrong"), what),
    };
    print(&format!("{mark}  {check:<12} {}\n", plain(what)))
}

fn contract(description: &Description) -> String {
    let Description { name, summary, .. } = description;
    format!("{name}: {summary} One core module that imports nothing but nfos:nf")
}

fn packet_sets(description: &Description) -> String {
    let rules = description.packet_sets.iter().map(|set| set.rules.len() as u64).sum();
    format!(
        "{} of {}",
        counted(description.packet_sets.len() as u64, "definition"),
        counted(rules, "rule")
    )
}

fn init(configuration: &Configuration, structures: &[Structure]) -> String {
    format!(
        "{} opened, room for {}",
        counted(structures.len() as u64, "structure"),
        counted(configuration.packet_sets.into(), "packet set")
    )
}

/// A short run over frames of every kind. An account that does not add up is as wrong as a fault.
fn rehearse(nf: &NetworkFunction, parameters: Parameters) -> Result<String, Failure> {
    let rehearsal = rehearsal(nf.description(), parameters, cores_of_machine())?;
    let summary = launch::run(nf, &rehearsal, &AtomicBool::new(false), &mut |_| ())?;
    if let Some(what) = unaccounted(&summary) {
        return Err(Failure::failed(what));
    }
    let faults: u64 = summary.workers.iter().map(|worker| worker.faults).sum();
    if faults > 0 {
        let what = format!("{}: {}", counted(faults, "fault"), fault_reasons(&summary));
        return Err(Failure::failed(what));
    }
    Ok(format!(
        "{} on {}, no fault: {} sent, {} consumed, {} dropped",
        counted(summary.received, "packet"),
        counted(rehearsal.workers as u64, "worker"),
        grouped(summary.sent),
        grouped(summary.consumed),
        grouped(summary.dropped)
    ))
}

fn fault_reasons(summary: &Summary) -> String {
    let reasons = summary.drops.iter().filter(|drop| drop.reason.starts_with("guest_"));
    reasons
        .map(|drop| format!("{} {}", drop.reason, grouped(drop.packets)))
        .collect::<Vec<_>>()
        .join(", ")
}
