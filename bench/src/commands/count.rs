//! `count`: what a packet costs in numbers that are the same on a busy machine.

use nfos_dataplane::run as run_launch;
use nfos_sync::atomic::AtomicBool;
use serde::Serialize;

use super::{Subjected, folder, opened, print};
use crate::allocations::allocations;
use crate::cases::Case;
use crate::factory::NativeFactory;
use crate::imports::crossings;
use crate::subject::{Subject, Subjects};

/// Packets of a lap: warm tables after the first, and few enough for valgrind.
const LAP: u64 = 16_384;

/// What to count.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subjected: Subjected,
    /// Engine or baseline
    #[arg(long, default_value = "direct")]
    subject: Subject,
    /// Run the workload so often, once, and print the number of packets: for valgrind
    #[arg(long)]
    laps: Option<u64>,
}

#[derive(Serialize)]
struct Packets {
    nf: &'static str,
    subject: String,
    packets: u64,
}

#[derive(Serialize)]
struct Counted {
    nf: &'static str,
    subject: String,
    /// By a packet once tables are warm.
    allocations: f64,
    imports: f64,
    bursts: f64,
}

/// What a run has used.
#[derive(Clone, Copy)]
struct Used {
    packets: f64,
    allocations: f64,
    imports: f64,
    bursts: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let subjects = arguments.subjected.subjects()?;
    let (case, subject) = (subjects.case, arguments.subject);
    if let Some(laps) = arguments.laps {
        let launch = launch(&arguments.subjected, &subjects, laps);
        let ended = subjects.run(subject, &launch, opened(&launch));
        print(&Packets { nf: case.nf, subject: subject.to_string(), packets: ended.received });
        return Ok(());
    }
    let of_laps = |laps| used(arguments, &subjects, case, laps);
    let (short, long) = (of_laps(1), of_laps(5));
    let per_packet = |short: f64, long: f64, packets: f64| (long - short) / packets;
    let packets = long.packets - short.packets;
    print(&Counted {
        nf: case.nf,
        subject: subject.to_string(),
        allocations: per_packet(short.allocations, long.allocations, packets),
        imports: per_packet(short.imports, long.imports, packets),
        bursts: per_packet(short.bursts, long.bursts, packets),
    });
    Ok(())
}

fn launch(subjected: &Subjected, subjects: &Subjects, laps: u64) -> nfos_dataplane::Launch {
    let options = format!("repeat={laps}");
    nfos_dataplane::Launch {
        ports: subjects.case.ports(&folder(), LAP, subjects.ports(), &options),
        packet_sets: Some(1 << 15),
        ..subjected.launch(subjects, &options)
    }
}

fn used(arguments: &Arguments, subjects: &Subjects, case: Case, laps: u64) -> Used {
    let launch = launch(&arguments.subjected, subjects, laps);
    let before = allocations();
    let ended = subjects.run(arguments.subject, &launch, opened(&launch));
    let allocations = allocations() - before;
    // Crossings are those of the same run compiled in, which calls the host as often.
    let counted = NativeFactory::<true>::new(case.function, subjects.described());
    crossings();
    run_launch(&counted, &launch, &AtomicBool::new(false), &mut |_| {}).expect("it ran before");
    let (imports, bursts) = crossings();
    Used {
        packets: ended.received as f64,
        allocations: allocations as f64,
        imports: imports as f64,
        bursts: bursts as f64,
    }
}
