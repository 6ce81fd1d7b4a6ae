//! Packets per second of counter and firewall as programs of eBPF, in turns with the sequential
//! baseline on the same ports; a line of JSON.
//!
//!     cargo run --release --manifest-path bench/peers/Cargo.toml --target-dir target/peers -- \
//!         counter 3 250

mod program;

use std::env;
use std::time::Duration;

use nfos_bench_baselines::{Settings, Variant, run, steering, workers};
use nfos_netio::{PortError, PortSpec};
use nfos_rounds::median;
use program::{Ebpf, Execution};

fn main() -> Result<(), String> {
    let mut words = env::args().skip(1);
    let nf = words.next().ok_or("which network function: counter or firewall?")?;
    let mut number = |default: u64| match words.next() {
        None => Ok(default),
        Some(word) => word.parse().map_err(|_| format!("`{word}` is no number")),
    };
    let (rounds, ms) = (number(3)?, number(250)?);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        let baseline = workers(&nf, Variant::Sequential, 1, &Settings::default()).remove(0);
        let compiled = Ebpf::new(&nf, Execution::Compiled)?;
        let interpreted = Ebpf::new(&nf, Execution::Interpreted)?;
        let subjects: [Box<dyn nfos_bench_baselines::Worker>; 3] =
            [baseline, Box::new(compiled), Box::new(interpreted)];
        for (rates, subject) in rates.iter_mut().zip(subjects) {
            let rate = measured(&nf, subject, Duration::from_millis(ms));
            rates.push(rate.map_err(|error| error.to_string())?);
        }
    }
    let [sequential, compiled, interpreted] = rates.map(median);
    println!(
        "{{\"nf\":\"{nf}\",\"sequential\":{sequential:.3},\"compiled\":{compiled:.3},\
         \"interpreted\":{interpreted:.3}}}"
    );
    Ok(())
}

/// Million packets per second over two ports of 4,096 flows, both directions.
fn measured(
    nf: &str,
    worker: Box<dyn nfos_bench_baselines::Worker>,
    duration: Duration,
) -> Result<f64, PortError> {
    let port: PortSpec = "synthetic:flows=4096".parse().expect("a port");
    let steering = steering::steering(nf, 1);
    let measured = run(vec![worker], &[port.clone(), port], &steering, Some(duration))?;
    Ok(measured.received as f64 / measured.elapsed.as_nanos() as f64 * 1e3)
}
