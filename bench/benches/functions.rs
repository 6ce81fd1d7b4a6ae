//! Packets per second of every network function on the direct engine and on the native one.
//!
//! One worker, the whole dataplane, frames of 64 B with their check sequence, each network function
//! on the workload of the evaluation that fits it, played from memory without an end. See
//! `bench/README.md`.

use std::path::PathBuf;

use nfos::native::Function;
use nfos_bench::build;
use nfos_bench::factory::NativeFactory;
use nfos_bench::rounds::{Mode, is_wanted, median};
use nfos_bench::throughput::{mpps, summary};
use nfos_dataplane::Launch;
use nfos_engine::services::Value;
use nfos_engine::{Engine, NetworkFunction, Settings};
use nfos_traffic::{Kind, Options, Traffic, captures};

const ROUNDS: usize = 5;
/// Packets of a workload: what fits the memory of a laptop and no cache.
const PACKETS: u64 = 262_144;
/// Room for packet sets.
const PACKET_SETS: u32 = 1 << 19;
/// What the direct engine should do of the native engine's packets.
const GOAL_RATIO: f64 = 0.8;

/// A network function and what it runs on.
struct Case {
    nf: &'static str,
    function: Function,
    workload: &'static str,
    parameters: &'static [(&'static str, u64)],
}

const CASES: [Case; 8] = [
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

fn main() {
    let mode = Mode::of_arguments();
    let engine = Engine::new(Settings::default()).expect("this processor runs guests");
    if mode == Mode::Measure {
        println!("functions: one worker, 64 B, medians of {ROUNDS} interleaved runs, Mpps");
        println!("{:<24} {:>8} {:>8} {:>8}", "", "direct", "native", "ratio");
    }
    for case in CASES.iter().filter(|case| is_wanted(case.nf)) {
        let direct = engine.load(&build::guest(case.nf)).expect("it is a network function");
        let native = NativeFactory::new(case.function, &direct);
        match mode {
            Mode::Measure => case.measure(&direct, &native),
            Mode::Try => case.try_both(&direct, &native),
        }
    }
}

impl Case {
    /// Both engines do the same with the same packets.
    fn try_both(&self, direct: &NetworkFunction, native: &NativeFactory) {
        let launch = self.launch(direct, 2_048, "repeat=1");
        let (direct, native) = (summary(direct, &launch), summary(native, &launch));
        assert_eq!(direct.received, native.received);
        assert_eq!((direct.sent, direct.dropped), (native.sent, native.dropped));
        assert!(direct.received >= 2_048, "{} packets", direct.received);
        println!("{}: {} packets tried on both engines", self.nf, direct.received);
    }

    fn measure(&self, direct: &NetworkFunction, native: &NativeFactory) {
        let launch = self.launch(direct, PACKETS, "repeat=endless");
        let mut measured = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            measured[0].push(mpps(direct, &launch));
            measured[1].push(mpps(native, &launch));
        }
        let [direct, native] = measured.map(median);
        let (ratio, name) = (direct / native, format!("{}, {}", self.nf, self.workload));
        let goal = if ratio < GOAL_RATIO { "  goal 0.8: MISSED" } else { "" };
        println!("{name:<24} {direct:>8.2} {native:>8.2} {ratio:>8.2}{goal}");
    }

    fn launch(&self, nf: &NetworkFunction, packets: u64, repeat: &str) -> Launch {
        let ports = self.captures(packets, nf.description().ports).into_iter();
        let ports = ports.map(|file| match file {
            Some(file) => format!("memory:{},{repeat}", file.display()),
            // One packet, and then nothing.
            None => "synthetic:flows=1,packets=1,repeat=1".to_owned(),
        });
        let parameters = self.parameters.iter();
        Launch {
            ports: ports.map(|port| port.parse().expect("a port")).collect(),
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), Value::Unsigned(*value)))
                .collect(),
            packet_sets: Some(PACKET_SETS),
            ..Launch::default()
        }
    }

    /// The workload as files, one for each port that has packets.
    fn captures(&self, packets: u64, ports: u16) -> Vec<Option<PathBuf>> {
        let kind: Kind = self.workload.parse().expect("a workload");
        let options = Options { packets: Some(packets), ..Options::default() };
        let mut traffic = Traffic::new(kind, &options).expect("options that go together");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let paths = captures::paths(&folder, self.workload, traffic.ports());
        captures::write(&mut traffic, &paths).expect("the target directory is writable");
        let mut files: Vec<_> = paths.into_iter().map(Some).collect();
        // What the policer polices comes from the WAN.
        if self.nf == "policer" {
            files.insert(0, None);
        }
        files.resize(files.len().max(usize::from(ports)), None);
        files
    }
}
