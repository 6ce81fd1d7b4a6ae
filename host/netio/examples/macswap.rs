//! Swaps MAC addresses between two devices of DPDK, on one thread, with nothing around it: what a
//! packet costs in ports alone. `macswap SECONDS DEVARGS DEVARGS` prints million packets per
//! second.

use nfos_netio::{
    Classifier, Memory, Pool, Port, PortError, PortSpec, Steering, enter_thread, open_ports,
};
use std::error::Error;
use std::time::{Duration, Instant};

const BURST: usize = 32;
/// Rounds between two looks at the clock.
const ROUNDS: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, first, second] = arguments.as_slice() else {
        return Err("usage: macswap SECONDS DEVARGS DEVARGS".into());
    };
    let specs: Vec<PortSpec> = [first, second]
        .iter()
        .map(|devargs| format!("dpdk:{devargs}").parse())
        .collect::<Result<_, _>>()?;
    let memory = match std::env::var("HUGEPAGES").as_deref() {
        Ok("no") => Memory::Ordinary,
        _ => Memory::Automatic,
    };
    let mut ports = open_ports(&specs, memory)?;
    let time = Duration::from_secs_f64(seconds.parse()?);
    println!("{:.1}", forward(&mut ports, time)? / 1e6);
    Ok(())
}

/// Forwards for some time; packets per second over both ports.
fn forward(ports: &mut [Box<dyn Port>], time: Duration) -> Result<f64, PortError> {
    let steering = Steering::new(Classifier::new(&[], &[]).expect("no rule is wrong"), 1);
    let steering = steering.expect("one worker can be");
    let mut queues = Vec::new();
    for port in &mut *ports {
        queues.extend(port.open_queues(&steering)?);
    }
    let _entered = enter_thread();
    let mut pool = Pool::new(256, 9_216);
    let mut frames = Vec::with_capacity(BURST);
    let start = Instant::now();
    while start.elapsed() < time {
        for round in 0..ROUNDS {
            let from = (round & 1) as usize;
            queues[from].rx_burst(0, &mut frames, &mut pool, BURST);
            for frame in &mut frames {
                let Some(addresses) = frame.bytes_mut().first_chunk_mut::<12>() else { continue };
                addresses.rotate_left(6);
            }
            queues[from ^ 1].tx_burst(&mut frames, &mut pool);
            pool.give_all(&mut frames);
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    let transmitted: u64 = ports.iter().map(|port| port.counters().transmitted).sum();
    Ok(transmitted as f64 / elapsed)
}
