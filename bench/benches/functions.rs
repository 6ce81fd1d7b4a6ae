//! Packets per second of every network function on the direct engine and on the native one.
//!
//! One worker, the whole dataplane, frames of 64 B with their check sequence, each network function
//! on the workload of the evaluation that fits it, played from memory without an end. See
//! `bench/README.md`.

use std::path::PathBuf;

use nfos_bench::build;
use nfos_bench::cases::{CASES, Case, PACKETS};
use nfos_bench::factory::NativeFactory;
use nfos_bench::rounds::{Mode, is_wanted, median};
use nfos_bench::throughput::{mpps, summary};
use nfos_dataplane::Launch;
use nfos_engine::{Engine, NetworkFunction, Settings};

const ROUNDS: usize = 5;
/// What the direct engine should do of the native engine's packets.
const GOAL_RATIO: f64 = 0.8;

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
            Mode::Measure => measure(case, &direct, &native),
            Mode::Try => try_both(case, &direct, &native),
        }
    }
}

/// Both engines do the same with the same packets.
fn try_both(case: &Case, direct: &NetworkFunction, native: &NativeFactory) {
    let launch = launch(case, direct, 2_048, "repeat=1");
    let (direct, native) = (summary(direct, &launch), summary(native, &launch));
    assert_eq!(direct.received, native.received);
    assert_eq!((direct.sent, direct.dropped), (native.sent, native.dropped));
    assert!(direct.received >= 2_048, "{} packets", direct.received);
    println!("{}: {} packets tried on both engines", case.nf, direct.received);
}

fn measure(case: &Case, direct: &NetworkFunction, native: &NativeFactory) {
    let launch = launch(case, direct, PACKETS, "repeat=endless");
    let mut measured = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        measured[0].push(mpps(direct, &launch));
        measured[1].push(mpps(native, &launch));
    }
    let [direct, native] = measured.map(median);
    let (ratio, name) = (direct / native, format!("{}, {}", case.nf, case.workload));
    let goal = if ratio < GOAL_RATIO { "  goal 0.8: MISSED" } else { "" };
    println!("{name:<24} {direct:>8.2} {native:>8.2} {ratio:>8.2}{goal}");
}

fn launch(case: &Case, nf: &NetworkFunction, packets: u64, options: &str) -> Launch {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    Launch { ports: case.ports(&folder, packets, nf.description().ports, options), ..case.launch() }
}
