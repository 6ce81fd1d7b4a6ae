//! Packets per second of the firewall on the direct engine and on the native one.
//!
//! The whole dataplane runs, on synthetic ports: the packets of both directions of a number of
//! sessions lie in memory, and what is sent is counted and forgotten. See `bench/README.md`.

use nfos_bench::build;
use nfos_bench::factory::NativeFactory;
use nfos_bench::rounds::{Mode, is_wanted, median};
use nfos_bench::throughput::{mpps, summary};
use nfos_dataplane::Launch;
use nfos_engine::{Engine, NetworkFunction, Settings};
use nfos_netio::PortSpec;
use nfos_netio::port::Repeat;
use nfos_netio::synthetic::Workload;

const ROUNDS: usize = 11;
/// Room for packet sets: more than there are flows, and no more than fits the memory of a laptop.
const PACKET_SETS: u32 = 1 << 17;

/// What the direct engine should do with one worker and 4,096 flows.
const GOAL_MPPS: f64 = 15.0;
/// What it should do of the native engine's packets.
const GOAL_RATIO: f64 = 0.8;

fn main() {
    let mode = Mode::of_arguments();
    let engine = Engine::new(Settings::default()).expect("this processor runs guests");
    let direct = engine.load(&build::guest("firewall")).expect("it is a network function");
    let native = NativeFactory::new(firewall::NATIVE, &direct);
    match mode {
        Mode::Measure => measure(&direct, &native),
        Mode::Try => try_both(&direct, &native),
    }
}

/// Both engines do the same with the same packets.
fn try_both(direct: &NetworkFunction, native: &NativeFactory) {
    let launch = Launch {
        ports: ports(Workload { flows: 64, packets: 1024, repeat: Repeat::Times(2), ..workload() }),
        ..launch(1, 64)
    };
    let (direct, native) = (summary(direct, &launch), summary(native, &launch));
    assert_eq!((direct.received, native.received), (4096, 4096));
    assert_eq!((direct.sent, direct.dropped), (native.sent, native.dropped));
    assert_eq!(direct.packet_sets.live, native.packet_sets.live);
    println!("firewall: {} packets tried on both engines", direct.received);
}

struct Case {
    workers: usize,
    flows: u64,
}

fn measure(direct: &NetworkFunction, native: &NativeFactory) {
    let cases = [(1, 4096), (2, 4096), (1, 65_536), (2, 65_536)]
        .map(|(workers, flows)| Case { workers, flows });
    println!("firewall: 64 B, medians of {ROUNDS} interleaved runs, Mpps");
    println!("{:<30} {:>8} {:>8} {:>8}", "", "direct", "native", "ratio");
    for case in &cases {
        let name = case.name();
        if !is_wanted(&name) {
            continue;
        }
        let launch = launch(case.workers, case.flows);
        let mut measured = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            measured[0].push(mpps(direct, &launch));
            measured[1].push(mpps(native, &launch));
        }
        let [direct, native] = measured.map(median);
        println!("{name:<30} {direct:>8.2} {native:>8.2} {:>8.2}{}", direct / native, case.goals());
    }
}

impl Case {
    fn name(&self) -> String {
        let plural = if self.workers == 1 { "" } else { "s" };
        format!("{} worker{plural}, {} flows", self.workers, self.flows)
    }

    fn goals(&self) -> String {
        match (self.workers, self.flows) {
            (1, 4096) => format!("  goals: {GOAL_MPPS} and {GOAL_RATIO}"),
            _ => String::new(),
        }
    }
}

fn workload() -> Workload {
    Workload::default()
}

/// The LAN and the WAN: both directions of the same sessions.
fn ports(workload: Workload) -> Vec<PortSpec> {
    vec![PortSpec::Synthetic(workload); 2]
}

fn launch(workers: usize, flows: u64) -> Launch {
    Launch {
        workers,
        ports: ports(Workload { flows, packets: flows.max(65_536), ..workload() }),
        packet_sets: Some(PACKET_SETS),
        ..Launch::default()
    }
}
