//! `nfos-host check`: whether a network function keeps the contract, before anything depends on
//! it. Loads it, runs its `init`, and drives a short synthetic run.

use std::sync::atomic::AtomicBool;

use clap::Args;
use nfos_engine::description::{Description, Relaxation};
use nfos_engine::services::LogLevel;
use nfos_records::Summary;

use super::{Subject, cores_of_machine};
use crate::failure::Failure;
use crate::launch::{
    self, Configuration, Leak, LoadError, NetworkFunction, Observation, Offer, Purity, Structure,
};
use crate::numbers::{bytes, counted, grouped};
use crate::parameters::Parameters;
use crate::plan::{REHEARSAL_WORKERS, rehearsal};
use crate::portrait::handler;
use crate::rehearsal::Rehearsal;
use crate::report::unaccounted;
use crate::terminal::{Style, plain, print};

/// Check that a network function keeps the contract
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,

    /// Whether its packet sets suit a network card too, by name or as a port: E810, ConnectX-5,
    /// ConnectX-6, X710 or dpdk:DEVARGS
    #[arg(long, value_name = "CARD")]
    nic: Option<String>,
}

/// # Errors
/// A check that found something wrong, after it has been told; a file or a parameter that is not
/// what it must be.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let offer = arguments.nic.as_deref().map(launch::offer).transpose()?;
    let nf = load(&arguments.subject)?;
    let parameters = arguments.subject.parameters(&nf)?;
    let description = nf.description();
    right("contract", &format!("{}: {}", description.name, description.summary))?;
    right("imports", &imports(&nf))?;
    right("packet sets", &packet_sets(description))?;
    right("parameters", &counted(description.parameters.len() as u64, "parameter"))?;
    let (configuration, structures) =
        launch::inspect(&nf, &parameters).or_else(|failure| wrong("init", failure.message()))?;
    right("init", &init(&configuration, &structures))?;
    if let Some(finding) = relaxations(description, &structures) {
        right("relaxes", &finding)?;
    }
    let finding = rehearse(&nf, parameters.clone(), &configuration)
        .or_else(|failure| wrong("run", failure.message()))?;
    right("run", &finding)?;
    let finding = repeat(&nf, parameters, &configuration)
        .or_else(|failure| wrong("memory", failure.message()))?;
    right("memory", &finding)?;
    match (&arguments.nic, &offer) {
        (Some(nic), Some(offer)) => card(&nf, nic, offer),
        _ => Ok(()),
    }
}

/// Whether a card can spread packets over workers as the packet sets need it.
fn card(nf: &NetworkFunction, nic: &str, offer: &Offer) -> Result<(), Failure> {
    let ports = launch::scaling(nf, REHEARSAL_WORKERS, offer)?;
    for (port, planned) in ports.iter().enumerate() {
        match planned {
            Ok(plan) => right("nic", &format!("port {port}: {nic} spreads packets: {plan}"))?,
            Err(misfits) => misfits
                .iter()
                .try_for_each(|misfit| tell_wrong("nic", &format!("port {port}: {misfit}")))?,
        }
    }
    let unfit = ports.iter().filter(|planned| planned.is_err()).count();
    if unfit == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the check \"nic\" failed: at {} with {nic}, packets would be steered in software, which \
         is right and costs time of the workers; a key that is all addresses and ports of TCP and \
         UDP would fit",
        counted(unfit as u64, "port")
    )))
}

/// Loads it, and tells which check a file that is no network function fails.
fn load(subject: &Subject) -> Result<NetworkFunction, Failure> {
    launch::engine(subject.sandbox())?.load(&subject.nf).or_else(|error| match error {
        LoadError::Unreadable(_) => Err(launch::unloadable(&subject.nf, &error)),
        _ => wrong(check_that_fails(&error), &error.to_string()),
    })
}

fn check_that_fails(error: &LoadError) -> &'static str {
    match error {
        LoadError::UnknownImport { .. } | LoadError::NotDirect(_) => "imports",
        LoadError::BadDescription { field, .. } if field.starts_with("packet-sets") => {
            "packet sets"
        }
        LoadError::BadDescription { field, .. } if field.starts_with("parameters") => "parameters",
        LoadError::BadDescription { .. } | LoadError::Describe(_) => "description",
        _ => "contract",
    }
}

fn right(check: &str, finding: &str) -> Result<(), Failure> {
    print(&format!("ok     {check:<12} {}\n", plain(finding)))
}

/// Tells what is wrong; the status says so too.
fn wrong<T>(check: &str, finding: &str) -> Result<T, Failure> {
    tell_wrong(check, finding)?;
    Err(Failure::failed(format!("the check \"{check}\" failed")))
}

fn tell_wrong(check: &str, finding: &str) -> Result<(), Failure> {
    let mark = Style::of(&std::io::stdout()).alarm("wrong");
    print(&format!("{mark}  {check:<12} {}\n", plain(finding)))
}

fn imports(nf: &NetworkFunction) -> String {
    match nf.imports() {
        [] => "none".to_owned(),
        imports => imports.join(", "),
    }
}

fn packet_sets(description: &Description) -> String {
    let rules = description.packet_sets.iter().map(|set| set.rules.len() as u64).sum();
    format!(
        "{}, {}",
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

/// Which parameters are tied to structures. One that is not open need not be wrong: other values
/// of the parameters may open it.
fn relaxations(description: &Description, structures: &[Structure]) -> Option<String> {
    let ties: Vec<_> = description.parameters.iter().flat_map(|p| &p.relaxes).collect();
    let is_open =
        |tie: &Relaxation| structures.iter().any(|structure| tie.is_about(&structure.name));
    let mut absent: Vec<_> =
        ties.iter().filter(|tie| !is_open(tie)).map(|tie| format!("`{}`", tie.structure)).collect();
    absent.dedup();
    let count = counted(ties.len() as u64, "tied setting");
    match (ties.len(), absent.len()) {
        (0, _) => None,
        (_, 0) => Some(count),
        _ => Some(format!("{count}; not open with these parameters: {}", absent.join(", "))),
    }
}

/// A short run over frames of every kind. An account that does not add up is as wrong as a fault.
fn rehearse(
    nf: &NetworkFunction,
    parameters: Parameters,
    configuration: &Configuration,
) -> Result<String, Failure> {
    let traffic = Rehearsal::new(nf.description().ports.max(1), configuration)?;
    let launch = rehearsal(traffic.ports(), parameters, cores_of_machine());
    let mut complaint = None;
    let summary = launch::run(nf, &launch, &AtomicBool::new(false), &mut |observation| {
        if let Observation::Log { level: LogLevel::Error, message, .. } = observation {
            complaint.get_or_insert_with(|| message.to_owned());
        }
    })?;
    if let Some(what) = unaccounted(&summary) {
        return Err(Failure::failed(what));
    }
    let faults: u64 = summary.workers.iter().map(|worker| worker.faults).sum();
    if faults > 0 {
        let (faults, reasons) = (counted(faults, "fault"), fault_reasons(&summary));
        let first = complaint.map_or_else(String::new, |what| format!("; the first: {what}"));
        return Err(Failure::failed(format!("{faults}: {reasons}{first}")));
    }
    Ok(format!(
        "{} on {}, no fault: {} sent, {} consumed, {} dropped",
        counted(summary.received, "packet"),
        counted(launch.workers as u64, "worker"),
        grouped(summary.sent),
        grouped(summary.consumed),
        grouped(summary.dropped)
    ))
}

/// The same run again, in which every burst is broken off, thrown away and run a second time: what
/// differs then is state in memory that a handler must not rely on.
fn repeat(
    nf: &NetworkFunction,
    parameters: Parameters,
    configuration: &Configuration,
) -> Result<String, Failure> {
    let traffic = Rehearsal::new(nf.description().ports.max(1), configuration)?;
    let launch = rehearsal(traffic.ports(), parameters, cores_of_machine());
    let Purity { repeated, leaks, first } = launch::run_twice(nf, &launch)?;
    let repeated = counted(repeated, "event");
    let Some(Leak { kind, port, frame, what }) = first else {
        return Ok(format!("{repeated} broken off or thrown away and run again, to the same end"));
    };
    let event = match frame.len() as u64 {
        0 => handler(kind).to_owned(),
        size => format!("{} of {} at port {port}", handler(kind), bytes(size)),
    };
    Err(Failure::failed(format!(
        "{} of {repeated} ended otherwise when they ran again; the first, {event}: {what}. Memory \
         of a handler's own may vanish or come back: keep state in the packet set or a structure",
        grouped(leaks)
    )))
}

fn fault_reasons(summary: &Summary) -> String {
    let reasons = summary.drops.iter().filter(|drop| drop.reason.starts_with("guest_"));
    reasons
        .map(|drop| format!("{} {}", drop.reason, grouped(drop.packets)))
        .collect::<Vec<_>>()
        .join(", ")
}
