//! The commands of `nfos-bench`.

mod compare;
mod count;
mod search;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use nfos_dataplane::Launch;
use nfos_netio::{Memory, Port, open_ports};

use crate::cases::{Case, PACKETS, case};
use crate::subject::Subjects;

/// One measurement at a time, as a line of JSON.
#[derive(Parser)]
#[command(name = "nfos-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Packets per second on each engine and by each baseline, in turns
    Compare(compare::Arguments),
    /// The highest rate at which less than a thousandth of the packets is lost
    Search(search::SearchArguments),
    /// Time from arrival to departure at a rate
    Latency(search::LatencyArguments),
    /// Allocations and crossings of a fixed number of packets; for valgrind
    Count(count::Arguments),
}

/// Which network function, and how.
#[derive(Args, Clone)]
struct Subjected {
    /// The network function
    nf: String,
    /// How many workers
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Most events of a burst
    #[arg(long, default_value_t = 32)]
    burst: usize,
}

/// Does what the arguments say.
///
/// # Errors
/// What is wrong with them.
pub fn run() -> Result<(), String> {
    match Arguments::parse().command {
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Search(arguments) => search::search(&arguments),
        Command::Latency(arguments) => search::latency(&arguments),
        Command::Count(arguments) => count::run(&arguments),
    }
}

/// Where made-up captures are kept.
fn folder() -> PathBuf {
    let folder = crate::build::target_directory().join("bench");
    std::fs::create_dir_all(&folder).expect("the target directory is writable");
    folder
}

impl Subjected {
    fn case(&self) -> Result<Case, String> {
        case(&self.nf).ok_or_else(|| format!("no network function `{}` is measured", self.nf))
    }

    fn subjects(&self) -> Result<Subjects, String> {
        Subjects::new(self.case()?).map_err(|error| error.to_string())
    }

    /// A launch over the workload from memory, with these options for each port.
    fn launch(&self, subjects: &Subjects, options: &str) -> Launch {
        let ports = subjects.case.ports(&folder(), PACKETS, subjects.ports(), options);
        Launch { workers: self.workers, burst_max: self.burst, ports, ..subjects.case.launch() }
    }
}

fn opened(launch: &Launch) -> Vec<Box<dyn Port>> {
    open_ports(&launch.ports, Memory::Automatic).expect("captures that were just made")
}

fn print(line: &impl serde::Serialize) {
    println!("{}", serde_json::to_string(line).expect("plain data"));
}
