//! `nfos-host calibrate`: measures anew what simulations take for granted.

use std::path::PathBuf;

use clap::Args;

use super::{Traffic, cores_of_machine, json};
use crate::costs::CostsFile;
use crate::failure::Failure;
use crate::terminal::{plain, print};

/// Measure what `simulate` computes with: on this machine, and of a network function on one core
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// A network function to time; without one the machine alone is measured
    #[arg(long, value_name = "FILE")]
    nf: Option<PathBuf>,

    #[command(flatten)]
    traffic: Traffic,

    /// The file of costs to write to [default: one in the user's cache]
    #[arg(long, value_name = "FILE.json")]
    costs: Option<PathBuf>,

    /// Print the costs as JSON, and nothing else on standard output
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Wrong options or input; the file of costs cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut file = CostsFile::open(arguments.costs.as_deref())?;
    file.forget_machine();
    let machine = file.machine()?;
    let Some(nf) = &arguments.nf else {
        if arguments.json {
            return print(&json(&machine));
        }
        return print(&format!("{:.1} ns a transfer of a cache line\n", machine.transfer_ns));
    };
    let (nf, launch) = arguments.traffic.load(nf, cores_of_machine())?;
    file.forget(&nf, &launch);
    let costs = file.of(&nf, &launch)?;
    if arguments.json {
        return print(&json(&costs));
    }
    let f = &costs.function;
    let lines = [
        format!("{:.1} ns a transfer of a cache line", costs.machine.transfer_ns),
        format!("{}:", plain(&nf.description().name)),
        format!("  {:8.1} ns receiving and transmitting a packet", f.port_ns),
        format!("  {:8.1} ns making a burst", f.compose_burst_ns),
        format!("  {:8.1} ns   each of its events", f.compose_event_ns),
        format!("  {:8.1} ns running and committing a burst", f.burst_ns),
        format!("  {:8.1} ns   the first packet of a set", f.event_ns[0]),
        format!("  {:8.1} ns   a packet", f.event_ns[1]),
        format!("  {:8.1} ns   the end of a set", f.event_ns[2]),
        format!("  {:8.1} ns   an orphan packet", f.event_ns[3]),
        format!("  {:8.1} ns   a period", f.event_ns[4]),
        format!("  {:8.1} ns letting a burst happen", f.settle_burst_ns),
        format!("  {:8.1} ns   each of its events", f.settle_event_ns),
    ];
    print(&lines.map(|line| line + "\n").concat())
}
