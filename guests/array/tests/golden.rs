//! The golden captures of the benchmark. `cargo test -p array --test golden -- --ignored` writes
//! them anew, from the scenario below and the model.

mod model;

use std::net::Ipv4Addr;

use model::ArrayModel;
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};

const START: u64 = 1_700_000_000_000_000_000;

fn case() -> (Golden, ArrayModel) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into();
    let parameters = &[("skew", "0.99"), ("elements", "100"), ("access", "read-write")];
    let model = ArrayModel::new(100, 0.99, "read-write", 42, 65_536);
    (Golden { folder, name: "zipf", parameters }, model)
}

/// Many flows of a few packets each, of which all workers write one element now and then; and
/// what is in no flow.
fn scenario() -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let mut at = |step: u64, port: u16, frame: Vec<u8>| {
        arrivals.push(Arrival { time_ns: START + step * 2_000, port, frame });
    };
    for step in 0..600_u64 {
        let number = (step * 7 % 90) as u16;
        let inside = (Ipv4Addr::new(10, 0, 0, 1), 1_024 + number);
        let flow = Flow::new(inside, (Ipv4Addr::new(198, 51, 100, 7), 53));
        match number % 3 {
            0 => at(step, 0, frames::udp(flow, &[0x61; 18])),
            1 => at(step, 0, frames::tcp(flow, 0x10, b"")),
            _ => at(step, 1, frames::udp(flow.answer(), &[0x62; 300])),
        }
    }
    let flow = Flow::new((Ipv4Addr::new(10, 0, 0, 2), 1), (Ipv4Addr::new(198, 51, 100, 7), 53));
    let whole = frames::udp(flow, &[0x63; 20]);
    let odd = [
        frames::ethernet(0x0806, &[0; 46]),
        frames::tagged(&whole, 42),
        frames::with_fragment(whole.clone(), 0x2000),
        whole[..40].to_owned(),
        whole[..10].to_owned(),
        frames::with_ttl(whole.clone(), 0),
        frames::padded(frames::udp(flow, b"x"), 60),
    ];
    for (step, frame) in (600..).zip(odd) {
        at(step, 0, frame.clone());
        at(step, 1, frame);
    }
    arrivals
}

#[test]
fn the_benchmark_makes_of_the_golden_captures_what_the_model_makes() {
    let (golden, mut model) = case();
    golden.check(scenario(), &mut model, array::NATIVE);
    assert!(model.flows() > 90, "{} flows", model.flows());
    assert_eq!(model.elements.iter().sum::<u64>(), 604, "each packet of a flow is counted");
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    let (golden, mut model) = case();
    golden.regenerate(scenario(), &mut model);
}
