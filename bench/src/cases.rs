//! The network functions and what each is measured on: the workload of the evaluation that fits it.

use std::path::{Path, PathBuf};

use nfos::native::Function;
use nfos_dataplane::Launch;
use nfos_engine::services::Value;
use nfos_netio::PortSpec;
use nfos_traffic::{Kind, Options, Traffic, captures};

/// Packets of a workload: what fits the memory of a laptop and no cache.
pub const PACKETS: u64 = 262_144;
/// Room for packet sets.
pub const PACKET_SETS: u32 = 1 << 19;

/// A network function and what it runs on.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name.
    pub nf: &'static str,
    /// It, compiled in.
    pub function: Function,
    /// The workload.
    pub workload: &'static str,
    /// Parameters that are not to have their defaults.
    pub parameters: &'static [(&'static str, u64)],
}

/// All of them.
pub const CASES: [Case; 8] = [
    Case { nf: "counter", function: counter::NATIVE, workload: "flows=4096", parameters: &[] },
    Case { nf: "firewall", function: firewall::NATIVE, workload: "flows=4096", parameters: &[] },
    Case { nf: "policer", function: policer::NATIVE, workload: "flows=4096", parameters: &[] },
    Case {
        nf: "bridge",
        function: bridge::NATIVE,
        workload: "bridge",
        parameters: &[("refresh_interval_ms", 1_000)],
    },
    Case { nf: "nat", function: nat::NATIVE, workload: "caida", parameters: &[] },
    Case { nf: "maglev", function: maglev::NATIVE, workload: "lb-churn", parameters: &[] },
    Case {
        nf: "anti-ddos",
        function: anti_ddos::NATIVE,
        workload: "antiddos",
        parameters: &[("staleness_us", 100)],
    },
    Case { nf: "array", function: array::NATIVE, workload: "array", parameters: &[] },
];

/// The case of a network function.
pub fn case(nf: &str) -> Option<Case> {
    CASES.into_iter().find(|case| case.nf == nf)
}

impl Case {
    /// What it is run with; ports are to be filled in.
    pub fn launch(&self) -> Launch {
        let parameters = self.parameters.iter();
        Launch {
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), Value::Unsigned(*value)))
                .collect(),
            packet_sets: Some(PACKET_SETS),
            ..Launch::default()
        }
    }

    /// Ports that play the workload from memory, each with these options.
    pub fn ports(&self, folder: &Path, packets: u64, ports: u16, options: &str) -> Vec<PortSpec> {
        let files = self.captures(folder, packets, ports).into_iter();
        let specs = files.map(|file| match file {
            Some(file) => format!("memory:{},{options}", file.display()),
            // One packet, and then nothing.
            None => "synthetic:flows=1,packets=1,repeat=1".to_owned(),
        });
        specs.map(|spec| spec.parse().expect("a port")).collect()
    }

    /// The workload as files, one for each port that has packets.
    pub fn captures(&self, folder: &Path, packets: u64, ports: u16) -> Vec<Option<PathBuf>> {
        let kind: Kind = self.workload.parse().expect("a workload");
        let options = Options { packets: Some(packets), ..Options::default() };
        let mut traffic = Traffic::new(kind, &options).expect("options that go together");
        let name = format!("{}.{packets}.pcap", self.workload.replace('=', "-"));
        let paths = captures::paths(&folder.join(name), self.workload, traffic.ports());
        if !paths.iter().all(|path| path.exists()) {
            captures::write(&mut traffic, &paths).expect("the folder is writable");
        }
        let mut files: Vec<_> = paths.into_iter().map(Some).collect();
        // What the policer polices comes from the WAN.
        if self.nf == "policer" {
            files.insert(0, None);
        }
        files.resize(files.len().max(usize::from(ports)), None);
        files
    }
}
