//! The golden captures of the bridge. `cargo test -p bridge --test golden -- --ignored` writes them
//! anew, from the scenario below and the model.
//!
//! What one frame teaches and another needs lies more than a millisecond apart: the host hands
//! frames to its workers in quanta of that length, and says nothing of the order of frames of
//! different conversations within one.

mod model;

use model::{BridgeModel, Settings};
use nfos::testing::{Arrival, Golden};

const MILLISECOND: u64 = 1_000_000;
const STEP: u64 = MILLISECOND + 100_000;
const START: u64 = 1_700_000_000_000_000_000;
const AGEING_MS: u64 = 200;
const BROADCAST: [u8; 6] = [0xff; 6];

/// One scenario, once for each way to renew stations: the same frames leave.
fn cases() -> Vec<(Golden, BridgeModel)> {
    let case = |name, parameters, refresh_interval_ms: u64| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden").into();
        let settings = Settings {
            capacity: 16,
            ageing_ns: AGEING_MS * MILLISECOND,
            refresh_interval_ns: refresh_interval_ms * MILLISECOND,
            period_ns: 10 * MILLISECOND,
            expire_max: 256,
        };
        (Golden { folder, name, parameters }, BridgeModel::new(settings))
    };
    vec![
        case("lease", &[("capacity", "16"), ("ageing_ms", "200")], 0),
        case("write", &[("capacity", "16"), ("ageing_ms", "200"), ("refresh", "write")], 0),
        case(
            "interval",
            &[("capacity", "16"), ("ageing_ms", "200"), ("refresh_interval_ms", "50")],
            50,
        ),
    ]
}

fn station(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 1, number]
}

fn frame(source: [u8; 6], destination: [u8; 6], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&destination[..], &source[..], &ether_type.to_be_bytes()[..], payload].concat()
}

/// A frame of local experiment, which no layer above Ethernet knows.
fn plain(source: [u8; 6], destination: [u8; 6]) -> Vec<u8> {
    frame(source, destination, 0x88b5, &[0x61; 46])
}

/// Collects arrivals.
struct Script {
    time_ns: u64,
    arrivals: Vec<Arrival>,
}

impl Script {
    fn then(&mut self, port: u16, frame: Vec<u8>) -> &mut Self {
        self.time_ns += STEP;
        self.arrivals.push(Arrival { time_ns: self.time_ns, port, frame });
        self
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.time_ns += ms * MILLISECOND;
        self
    }
}

fn scenario() -> Vec<Arrival> {
    let mut script = Script { time_ns: START, arrivals: Vec::new() };
    learning_and_moves(&mut script);
    groups_and_bad_frames(&mut script);
    ageing(&mut script);
    a_full_table(&mut script);
    many_frames_at_once(&mut script);
    script.arrivals
}

fn learning_and_moves(script: &mut Script) {
    let [a, b, c] = [1, 2, 3].map(station);
    script
        .then(0, plain(a, b))
        .then(1, plain(b, a))
        .then(0, plain(a, b))
        .then(0, plain(c, a))
        .then(1, plain(a, b))
        .then(0, plain(c, a))
        .then(1, plain(b, a))
        .then(0, plain(a, a))
        .then(1, plain(b, a))
        .wait(AGEING_MS + 20);
}

fn groups_and_bad_frames(script: &mut Script) {
    let [a, b] = [1, 2].map(station);
    script
        .then(0, plain(a, BROADCAST))
        .then(1, plain(b, BROADCAST))
        .then(0, plain(a, [0x01, 0x00, 0x5e, 0, 0, 1]))
        .then(0, plain(a, [0x33, 0x33, 0, 0, 0, 1]))
        .then(1, plain([0x01, 0x00, 0x5e, 0, 0, 2], a))
        .then(0, plain(a, [0x01, 0x00, 0x5e, 0, 0, 2]))
        .then(1, plain(BROADCAST, a))
        .then(1, plain([0; 6], a))
        .then(0, plain(a, [0; 6]));
    for last in [0x00, 0x01, 0x0e, 0x0f, 0x10, 0xff] {
        script.then(0, plain(a, [0x01, 0x80, 0xc2, 0, 0, last]));
    }
    let whole = plain(a, b);
    for length in [1, 12, 13, 14, 59] {
        script.then(0, whole[..length].to_owned());
    }
    for (ether_type, payload) in [
        (0x8100, &[0x00, 0x2a, 0x08, 0x00, 0x45][..]),
        (0x0806, &[0; 46][..]),
        (0x86dd, &[0x60; 60][..]),
        (0x0800, &[0x65; 30][..]),
        (0x0026, &[0x42; 38][..]),
        (0x0800, &[0x45; 1_500][..]),
    ] {
        script.then(0, frame(a, b, ether_type, payload)).then(1, frame(b, a, ether_type, payload));
    }
    script.wait(AGEING_MS + 20);
}

fn ageing(script: &mut Script) {
    let [a, b, c] = [1, 2, 3].map(station);
    script
        .then(0, plain(a, BROADCAST))
        .then(1, plain(b, a))
        .wait(AGEING_MS - 60)
        .then(0, plain(a, b))
        .wait(80)
        .then(1, plain(c, b))
        .then(1, plain(c, a))
        .wait(AGEING_MS - 40)
        .then(1, plain(c, a))
        .wait(AGEING_MS + 20)
        .then(0, plain(a, c));
    // Its second frame comes within 50 ms of the first.
    script
        .wait(AGEING_MS + 20)
        .then(0, plain(a, BROADCAST))
        .wait(38)
        .then(0, plain(a, BROADCAST))
        .wait(175)
        .then(1, plain(b, a))
        .wait(AGEING_MS + 20);
}

fn a_full_table(script: &mut Script) {
    let a = station(1);
    for number in 1..=20 {
        script.then(u16::from(number) % 2, plain(station(number), BROADCAST));
    }
    for number in 1..=20 {
        script.then(u16::from(number + 1) % 2, plain(a, station(number)));
    }
    script.wait(AGEING_MS + 20);
    for number in 21..=36 {
        script.then(u16::from(number) % 2, plain(station(number), BROADCAST));
    }
    script.then(1, plain(station(36), station(21))).then(1, plain(station(36), a));
    script.wait(AGEING_MS + 20);
}

/// Stations that all talk at once: many frames renew one station on many cores.
fn many_frames_at_once(script: &mut Script) {
    for number in 1..=8 {
        script.then(u16::from(number) % 2, plain(station(number), BROADCAST));
    }
    script.wait(2);
    for burst in 0..4_u64 {
        for step in 0..160_u64 {
            let (from, to) = (1 + step * 7 % 8, 1 + (step * 7 + 1 + step / 8 % 7) % 8);
            let frame = plain(station(from as u8), station(to as u8));
            let time_ns = script.time_ns + burst * 30 * MILLISECOND + step * 3_000;
            script.arrivals.push(Arrival { time_ns, port: from as u16 % 2, frame });
        }
    }
}

#[test]
fn the_bridge_makes_of_the_golden_captures_what_the_model_makes() {
    for (golden, mut model) in cases() {
        golden.check(scenario(), &mut model, bridge::NATIVE);
        let reached = [model.moves, model.not_learned, model.stations() as u64];
        assert!(!reached.contains(&0), "moves, a full table, stations at the end: {reached:?}");
    }
}

#[test]
#[ignore = "writes the golden captures anew"]
fn regenerate() {
    for (golden, mut model) in cases() {
        golden.regenerate(scenario(), &mut model);
    }
}
