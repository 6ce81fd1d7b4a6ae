//! A workload made up, the same bytes for the same words every time.
//!
//! `flows` conversations between hosts in 10.0.0.0/8 and hosts in 198.18.0.0/15 (RFC 2544's range
//! for benchmarks). Ports come in pairs: even ones see the packets from 10.0.0.0/8, odd ones the
//! answers of the same conversations; each pair has its own. Frames are in order in every length
//! and checksum, TCP segments carry ACK and payloads are zeros.
//!
//! A *uniform* workload has every flow as often as any other (one packet more for some), in random
//! order; a *Zipf* one draws flow k with a weight of k to the power of −`exponent`.

mod flow;
mod random;
mod workload;

pub use random::Random;
pub use workload::{Distribution, Protocols, Size, Workload};

use crate::id::PortId;
use crate::port::memory::Trace;
use flow::{Direction, Flow};

/// The trace that a port plays.
///
/// Cost: start-up; some 100 ns per packet.
pub fn trace(port: PortId, workload: &Workload) -> Trace {
    let pair = u64::from(port.raw() / 2);
    let direction = if port.raw().is_multiple_of(2) { Direction::Out } else { Direction::Back };
    let flow_seed = Random::new(workload.seed).fork(pair);
    let mut order = flow_seed.fork(1 + u64::from(port.raw() % 2));
    let flows = workload.distribution.order(workload.flows, workload.packets, &mut order);
    let mut sizes = order.fork(0);
    let mut trace = Trace::new();
    let mut frame = Vec::new();
    for flow in flows {
        let flow = Flow::new(flow, workload, &flow_seed);
        flow.write(direction, workload.size.draw(&mut sizes), &mut frame);
        trace.push(&frame, frame.len() as u32);
    }
    trace
}
