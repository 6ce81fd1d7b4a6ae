//! Writes a workload to capture files, one per port.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use nfos_traffic::kind::Size;
use nfos_traffic::mixture::Mixture;
use nfos_traffic::{Kind, Options, Traffic, captures};

/// Writes a workload to capture files, one per port; the same bytes for the same words every time
///
/// Workloads: caida, agh, bridge, antiddos, array, flows=N, imix, syn-flood, nat-both, lb-churn,
/// hostile.
#[derive(Parser, Debug)]
#[command(name = "nfos-traffic", version)]
struct CommandLine {
    /// The workload
    name: Kind,
    /// A folder, or a file if it ends in .pcap
    #[arg(long, value_name = "FOLDER|FILE")]
    out: PathBuf,
    /// How many packets [default: 1000000, or one of each flow of flows=N if these are more]
    #[arg(long)]
    packets: Option<u64>,
    /// Where the random numbers begin [default: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Packets a second by their time stamps [default: 1000000; lb-churn: 20000]
    #[arg(long, value_name = "PPS")]
    rate: Option<u64>,
    /// Bytes of a frame with its check sequence, or imix [default: 64]
    #[arg(long, value_parser = size)]
    size: Option<Size>,
    /// Flows in progress [default: 65536]
    #[arg(long)]
    open: Option<u64>,
    /// Senders of bridge and antiddos [default: 21]
    #[arg(long)]
    senders: Option<u64>,
    /// How uneven the flows of array are [default: 0]
    #[arg(long)]
    exponent: Option<f64>,
    /// Which flow lengths agh has [default: all]
    #[arg(long)]
    mixture: Option<Lengths>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lengths {
    All,
    Tcp,
    Udp,
}

fn size(text: &str) -> Result<Size, String> {
    match text {
        "imix" => Ok(Size::Imix),
        _ => text.parse().map(Size::Fixed).map_err(|_| "bytes from 64 to 9018, or imix".to_owned()),
    }
}

impl From<Lengths> for Mixture {
    fn from(lengths: Lengths) -> Self {
        match lengths {
            Lengths::All => Self::All,
            Lengths::Tcp => Self::Tcp,
            Lengths::Udp => Self::Udp,
        }
    }
}

fn main() -> ExitCode {
    match write(&CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr, reason = "it is a command")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}

fn write(line: &CommandLine) -> Result<()> {
    let options = Options {
        packets: line.packets,
        seed: line.seed,
        packets_per_second: line.rate,
        size: line.size,
        open: line.open,
        senders: line.senders,
        exponent: line.exponent,
        mixture: line.mixture.map(Mixture::from),
    };
    let mut traffic = Traffic::new(line.name, &options)?;
    let paths = captures::paths(&line.out, &line.name.to_string(), traffic.ports());
    let folder = paths.first().and_then(|path| path.parent()).unwrap_or(&line.out);
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    for written in captures::write(&mut traffic, &paths)? {
        let captures::Written { path, packets, bytes } = written;
        println!("{}: {packets} packets, {bytes} bytes", path.display());
    }
    Ok(())
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
