//! The golden captures of the counter, and that it agrees with them. `cargo test -p counter --test
//! golden -- --ignored` writes them anew.

use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Fate, Golden, Harness};

const START: u64 = 1_700_000_000_000_000_000;

fn case() -> Golden {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into();
    Golden { folder, name: "both-ways", parameters: &[] }
}

fn scenario() -> Vec<Arrival> {
    let flow = Flow::new((Ipv4Addr::new(10, 0, 0, 1), 1), (Ipv4Addr::new(10, 0, 0, 2), 2));
    let forth =
        [frames::udp(flow, b"one"), frames::tcp(flow, 2, b""), frames::ethernet(0x0806, &[1; 46])];
    let back =
        [frames::udp(flow.answer(), &[3; 1_400]), frames::tagged(&frames::udp(flow, b"x"), 5)];
    let mut arrivals = Vec::new();
    for step in 0..50 {
        let mut at = |port, frame| {
            arrivals.push(Arrival { time_ns: START + step * 1_000, port, frame });
        };
        at(0, forth[step as usize % 3].clone());
        at(1, back[step as usize % 2].clone());
    }
    arrivals
}

fn model(arrival: &Arrival) -> Fate {
    Fate::Sent(1 - arrival.port, arrival.frame.clone())
}

#[test]
fn every_packet_leaves_unchanged_through_the_other_port() {
    case().check(scenario(), &mut model, counter::NATIVE);
}

#[test]
fn every_packet_and_every_byte_is_counted() {
    let mut counter = Harness::new(counter::NATIVE, &[]);
    let mut counts = [[0_u64; 2]; 2];
    for Arrival { time_ns, port, frame } in scenario() {
        counter.at(time_ns).packet(port, &frame);
        counts[usize::from(port)][0] += 1;
        counts[usize::from(port)][1] += frame.len() as u64;
    }
    for (port, [packets, bytes]) in counts.into_iter().enumerate() {
        assert_eq!(counter.world().vector_cell("traffic", port), [packets, bytes, 0, 0, 0, 0]);
    }
    counter.exit();
    let lines: Vec<_> = counter.world().logged.iter().map(|(_, line)| line.clone()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], format!("port 0: {} packets, {} bytes", counts[0][0], counts[0][1]));
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    case().regenerate(scenario(), &mut model);
}
