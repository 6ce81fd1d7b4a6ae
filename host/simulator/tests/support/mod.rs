//! Plays guests of the repository with costs that are the same everywhere.

#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

use nfos_dataplane::Launch;
use nfos_engine::services::Value;
use nfos_engine::{Engine, NetworkFunction, Settings as EngineSettings};
use nfos_netio::PortSpec;
use nfos_netio::capture::CaptureWriter;
use nfos_records::simulation::{Costs, FunctionCosts, MachineCosts};
use nfos_simulator::{Played, Protocol, Settings, play};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A guest; built by ci/guests.sh if it is not there.
pub(crate) fn guest(name: &str) -> NetworkFunction {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    static BUILT: OnceLock<()> = OnceLock::new();
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let file = root.join("target/guests").join(format!("{name}.wasm"));
    if !file.exists() {
        BUILT.get_or_init(|| {
            let status = Command::new("bash").arg("ci/guests.sh").current_dir(root).status();
            assert!(status.expect("bash is there").success(), "ci/guests.sh failed");
        });
    }
    let engine = ENGINE
        .get_or_init(|| Engine::new(EngineSettings::default()).expect("the machine runs guests"));
    engine.load(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Costs of no machine in particular.
pub(crate) fn costs() -> Costs {
    Costs {
        machine: MachineCosts { date: String::new(), transfer_ns: 60.0 },
        function: FunctionCosts {
            date: String::new(),
            port_ns: 10.0,
            compose_burst_ns: 40.0,
            compose_event_ns: 15.0,
            burst_ns: 150.0,
            event_ns: [120.0, 80.0, 100.0, 60.0, 500.0],
            settle_burst_ns: 30.0,
            settle_event_ns: 10.0,
        },
    }
}

pub(crate) fn settings(packets: u64) -> Settings {
    Settings {
        protocol: Protocol::Ours,
        packets,
        warm_up: 0,
        port_limit_mpps: None,
        in_step: false,
        seed: 1,
        costs: costs(),
    }
}

/// A launch over ports as an operator writes them, with parameters.
pub(crate) fn launch(workers: usize, ports: &[&str], parameters: &[(&str, Value)]) -> Launch {
    let ports = ports.iter().map(|port| port.parse::<PortSpec>().unwrap()).collect();
    let named = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    let parameters = parameters.iter().map(named).collect();
    Launch { workers, ports, parameters, pin: false, seed: 1, ..Launch::default() }
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A capture of frames, a nanosecond apart.
pub(crate) fn capture(name: &str, frames: impl IntoIterator<Item = Vec<u8>>) -> PathBuf {
    let name = format!("{name}-{}.pcap", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut writer = CaptureWriter::create(&path).unwrap();
    for (frame, at_ns) in frames.into_iter().zip(1..) {
        writer.write(at_ns, frame.len() as u32, &frame).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// Plays `array` on two synthetic ports that end.
pub(crate) fn array(
    workers: usize,
    packets: u64,
    parameters: &[(&str, Value)],
    settings: &Settings,
) -> Played {
    let port = format!("synthetic:flows=4096,packets={packets},repeat=1");
    let launch = launch(workers, &[&port, &port], parameters);
    play(&guest("array"), &launch, settings).unwrap()
}
