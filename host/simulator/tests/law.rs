//! The first-order law of conflicts, held against what is played.
//!
//! N workers, each with bursts of b read-modify-writes of elements drawn with probabilities p, meet
//! λ = (N − 1)·b²·Σp²/2 foreign commits on what a burst has seen so far; the half is because the
//! snapshot moves. Failed attempts commit nothing, so the failing share solves
//! f = 1 − e^(−λ(1 − f)). Only while events run do they see anything: the time of composing and of
//! letting happen, in which others commit as well, takes its part off λ.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::Launch;
use nfos_engine::services::Value;
use nfos_simulator::{Settings, play};
use support::{costs, guest, launch, settings};

const ELEMENTS: u64 = 10_000;
/// The guest draws a sequence of as many elements as there are, with replacement, and walks along
/// it: so some elements come twice or more often, and the sum of squares is twice that of a uniform
/// choice.
const SUM_OF_SQUARES: f64 = 2.0 / ELEMENTS as f64;

fn predicted(workers: usize, burst: usize) -> f64 {
    let f = costs().function;
    let size = burst as f64;
    let inside = size * f.event_ns[1] + f.burst_ns;
    let outside = f.compose_burst_ns
        + f.settle_burst_ns
        + size * (f.compose_event_ns + f.port_ns + f.settle_event_ns);
    let lambda =
        (workers as f64 - 1.0) * size * size * SUM_OF_SQUARES / 2.0 * inside / (inside + outside);
    (0..100).fold(0.0, |f: f64, _| 1.0 - (-lambda * (1.0 - f)).exp())
}

#[test]
fn uniform_read_modify_writes_fail_as_the_law_says() {
    let nf = guest("array");
    let port = "synthetic:flows=16384,packets=65536";
    let elements = [("elements", Value::Unsigned(ELEMENTS))];
    for (workers, burst) in [(2, 8), (8, 8), (23, 4), (23, 8), (64, 4)] {
        let launch = Launch { burst_max: burst, ..launch(workers, &[port, port], &elements) };
        let settings = Settings { warm_up: 100_000, ..settings(400_000) };
        // Moving lines slows everything down alike, and is no part of the law.
        let mut settings = settings;
        settings.costs.machine.transfer_ns = 0.0;
        let played = play(&nf, &launch, &settings).unwrap();
        let (seen, law) = (played.failing_share(), predicted(workers, burst));
        let ratio = seen / law;
        assert!((0.6..=1.4).contains(&ratio), "{workers} × {burst}: {seen:.4}, law {law:.4}");
    }
}
