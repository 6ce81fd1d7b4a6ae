//! The same network function in every language: the description, the golden captures and the
//! sequential model of the one in Rust hold for each.
//!
//! `NFOS_LANGUAGES`, such as `c python js`, names the languages whose guests must be there; without
//! it those are looked at that have been built.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

#[allow(dead_code, reason = "the bridge's own tests use the rest")]
#[path = "../../../guests/bridge/tests/model/mod.rs"]
mod bridge_model;
#[path = "../../../guests/policer/tests/model/mod.rs"]
mod policer_model;
mod support;

use bridge_model::{BridgeModel, Settings as BridgeSettings};
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Arrival, Golden};
use nfos_engine::{Engine, NetworkFunction, Settings};
use policer_model::PolicerModel;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use support::golden::{cases, check, worker_counts};
use support::{Run, Timed, guest_file, root, scratch};

const MILLISECOND: u64 = 1_000_000;
const START: u64 = 1_700_000_000_000_000_000;
const NETWORK_FUNCTIONS: [&str; 2] = ["policer", "bridge"];
const LANGUAGES: [&str; 3] = ["c", "python", "js"];
const SEEDS: u64 = 6;

/// The guests that there are of a network function, the one in Rust first.
fn guests(name: &str) -> Vec<(String, NetworkFunction)> {
    guests_beside(name, name)
}

/// The same where the one in Rust lies elsewhere.
fn guests_beside(in_rust: &str, name: &str) -> Vec<(String, NetworkFunction)> {
    let required = std::env::var("NFOS_LANGUAGES").unwrap_or_default();
    let in_language = LANGUAGES.iter().filter_map(|language| {
        let named = format!("{name}-{language}");
        let built = root().join("target/guests").join(format!("{named}.wasm")).exists();
        let is_required = required.split_whitespace().any(|one| one == *language);
        assert!(built || !is_required, "target/guests/{named}.wasm is not built");
        built.then_some(named)
    });
    let names = [in_rust.to_owned()].into_iter().chain(in_language);
    names.map(|named| (named.clone(), loaded(&named))).collect()
}

/// A guest. Those of interpreters take seconds to compile, so it is done once and kept, and they
/// get more time for a burst than others.
fn loaded(named: &str) -> NetworkFunction {
    static LOADED: Mutex<BTreeMap<String, NetworkFunction>> = Mutex::new(BTreeMap::new());
    let load = || {
        let settings = Settings {
            time_limit: Duration::from_secs(5),
            cache: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-guests")),
            ..Settings::default()
        };
        let engine = Engine::new(settings).expect("the machine runs guests");
        let file = guest_file(named);
        engine.load(&file).unwrap_or_else(|error| panic!("{named}: {error}"))
    };
    LOADED.lock().unwrap().entry(named.to_owned()).or_insert_with(load).clone()
}

#[test]
fn the_same_network_function_describes_itself_alike_in_every_language() {
    for name in NETWORK_FUNCTIONS {
        let guests = guests(name);
        let rust = guests[0].1.description();
        for (named, nf) in &guests {
            assert_eq!(format!("{:#?}", nf.description()), format!("{rust:#?}"), "{named}");
        }
    }
}

#[test]
fn the_same_network_function_gives_the_golden_captures_in_every_language() {
    let mut checked = 0;
    for name in NETWORK_FUNCTIONS {
        for (_, nf) in guests(name) {
            for case in cases(&root().join("guests").join(name).join("golden")) {
                for workers in worker_counts(&case) {
                    check(&nf, &case, workers);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 4 * 4, "only {checked} runs");
}

/// What the ledger of `guests/test` writes to a frame, by its own words.
#[derive(Default)]
struct LedgerModel {
    counts: BTreeMap<u16, u64>,
    sum: u64,
    greatest: u8,
}

impl LedgerModel {
    fn handle(&mut self, frame: &mut [u8]) {
        let key = u16::from_be_bytes([frame[14], frame[15]]);
        match frame[16] % 3 {
            0 => *self.counts.entry(key).or_default() += 1,
            1 => _ = self.counts.remove(&key),
            _ => {}
        }
        self.sum += u64::from(frame[17]);
        self.greatest = self.greatest.max(frame[17]);
        let all = self.counts.iter().map(|(key, count)| u64::from(*key) * 65_537 + count);
        frame[22..30].copy_from_slice(&all.sum::<u64>().to_be_bytes());
        frame[20..22].copy_from_slice(&(self.counts.len() as u16).to_be_bytes());
        frame[30..38].copy_from_slice(&self.sum.to_be_bytes());
        frame[38] = self.greatest;
    }
}

#[test]
fn maps_are_gone_through_and_parts_are_merged_alike_in_every_language() {
    let mut random = 7_u64;
    let mut frame = |number: u64| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let mut bytes = vec![2; 60];
        bytes[12..14].copy_from_slice(&[0x88, 0xb5]);
        let [_, choice, part, low, high, ..] = random.to_be_bytes();
        bytes[14..18].copy_from_slice(&[high % 3, low % 16, choice, part]);
        Timed { at_ns: START + number * MILLISECOND, bytes }
    };
    let input: Vec<_> = (0..500).map(&mut frame).collect();
    let mut model = LedgerModel::default();
    let mut expected = input.clone();
    expected.iter_mut().for_each(|frame| model.handle(&mut frame.bytes));
    assert!(model.counts.len() > 10, "{:?}", model.counts);
    for (named, nf) in guests_beside("test/ledger", "ledger") {
        let (_, out) = Run::new(1, &[&input, &[]]).run(&nf);
        assert_eq!(out[1], expected, "{named}");
    }
}

#[test]
fn the_policer_agrees_with_its_model_in_every_language() {
    let guests = guests("policer");
    for seed in 1..=SEEDS {
        let golden = random_case(&[("rate_bytes_per_second", "700001"), ("burst_bytes", "3000")]);
        let mut model = PolicerModel::new(700_001, 3_000, 155_000);
        golden.regenerate(policed(seed), &mut model);
        hold(&guests, &golden);
    }
}

#[test]
fn the_bridge_agrees_with_its_model_in_every_language() {
    let guests = guests("bridge");
    let (mut moves, mut not_learned) = (0, 0);
    for seed in 1..=SEEDS {
        let golden =
            random_case(&[("capacity", "6"), ("ageing_ms", "60"), ("refresh_interval_ms", "7")]);
        let mut model = BridgeModel::new(BridgeSettings {
            capacity: 6,
            ageing_ns: 60 * MILLISECOND,
            refresh_interval_ns: 7 * MILLISECOND,
            period_ns: 10 * MILLISECOND,
            expire_max: 256,
        });
        golden.regenerate(bridged(seed), &mut model);
        hold(&guests, &golden);
        moves += model.moves;
        not_learned += model.not_learned;
    }
    assert!(moves > 0 && not_learned > 0, "{moves} moves, {not_learned} times a full table");
}

fn random_case(parameters: &'static [(&'static str, &'static str)]) -> Golden {
    let folder = scratch("languages");
    std::fs::create_dir_all(&folder).unwrap();
    Golden { folder, name: "random", parameters }
}

/// On one worker, since what is random has packets of different sets at one time.
fn hold(guests: &[(String, NetworkFunction)], golden: &Golden) {
    let case: PathBuf = golden.folder.join(golden.name);
    for (_, nf) in guests {
        check(nf, &case, 1);
    }
    std::fs::remove_dir_all(&golden.folder).unwrap();
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x5851_f42d);
        (self.0 >> 33) % bound
    }
}

fn policed(seed: u64) -> Vec<Arrival> {
    let mut random = Random(seed);
    let mut time_ns = START;
    let mut arrivals = Vec::new();
    for _ in 0..400 {
        time_ns += match random.below(20) {
            0 => random.below(9 * MILLISECOND),
            _ => random.below(400_000),
        };
        let host = Ipv4Addr::new(10, 0, 0, random.below(5) as u8);
        let flow = Flow::new((Ipv4Addr::new(198, 51, 100, 7), 53), (host, 4_000));
        let mut frame = frames::udp(flow, &vec![0x61; 18 + random.below(900) as usize]);
        match random.below(16) {
            0 => frame.truncate(1 + random.below(40) as usize),
            1 => frame[12 + random.below(10) as usize] ^= 1 << random.below(8),
            _ => {}
        }
        arrivals.push(Arrival { time_ns, port: random.below(8).min(1) as u16, frame });
    }
    arrivals
}

/// No frame comes within two milliseconds of a period, so that none shares a quantum with one.
fn bridged(seed: u64) -> Vec<Arrival> {
    let mut random = Random(seed);
    let mut arrivals = Vec::new();
    let mac = |number: u64| match number {
        0 => [0xff; 6],
        1 => [0x01, 0x80, 0xc2, 0, 0, 0x05],
        2 => [0; 6],
        _ => [2, 0, 0, 0, 1, number as u8],
    };
    for period in 0..120 {
        let mut offsets: Vec<_> =
            (0..random.below(5)).map(|_| 2 * MILLISECOND + random.below(6 * MILLISECOND)).collect();
        offsets.sort_unstable();
        if period == 0 {
            offsets = vec![0];
        }
        for offset in offsets {
            let (source, destination) = (mac(random.below(12)), mac(random.below(12)));
            let mut frame =
                [&destination[..], &source[..], &[0x88, 0xb5][..], &[0x61; 46][..]].concat();
            if random.below(30) == 0 {
                frame.truncate(1 + random.below(20) as usize);
            }
            let time_ns = START + period * 10 * MILLISECOND + offset;
            arrivals.push(Arrival { time_ns, port: random.below(2) as u16, frame });
        }
    }
    arrivals
}
