//! Causes rank on simulated workers as on threads that are real, of which there may be more than
//! cores.
//!
//! Threads that share a core are paused anywhere, and for far longer than a burst takes; virtual
//! workers never are. So how often they get into each other's way differs, but not at what: of the
//! causes that carry 95 % of all aborts the order must be the same. Only counts are compared.
//!
//! `cargo test --release -p nfos-simulator --test ranking -- --nocapture` prints the shares.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use std::collections::BTreeMap;

use nfos_dataplane::{Launch, Observation};
use nfos_engine::NetworkFunction;
use nfos_engine::services::Value;
use nfos_netio::synthetic::Random;
use nfos_records::profile::{Conflict, Profile, Side};
use nfos_simulator::{Settings, play};
use nfos_sync::atomic::AtomicBool;
use support::{capture, guest, launch, settings, text};

/// Aborts after which a ranking is believed. The causes compared differ by half and more.
const ENOUGH: u64 = 1_000;
/// Where threads hardly meet, so many are enough; fewer than that is no ranking.
const LEAST: u64 = 100;
/// Runs of real threads at most.
const RUNS_MAX: usize = 40;
/// Of all aborts: what the compared causes carry.
const CARRIED: f64 = 0.95;

/// Aborts by structure and cause, observer and mutator.
type Counts = BTreeMap<String, u64>;

fn name(conflict: &Conflict) -> String {
    let side = |side: &Side| match side.detail.as_str() {
        "" => side.operation.clone(),
        detail => format!("{} ({detail})", side.operation),
    };
    let Conflict { object, cause, observer, mutator, .. } = conflict;
    let mutator = mutator.as_ref().map_or_else(|| "nothing left".to_owned(), side);
    format!("{object} {cause}: {} × {mutator}", side(observer))
}

fn add(counts: &mut Counts, profile: &Profile) {
    for conflict in &profile.conflicts {
        *counts.entry(name(conflict)).or_default() += conflict.aborts;
    }
}

fn all(counts: &Counts) -> u64 {
    counts.values().sum()
}

/// What real threads count, of as many runs as it takes.
fn real(nf: &NetworkFunction, launch: &Launch) -> Counts {
    let mut counts = Counts::new();
    for _ in 0..RUNS_MAX {
        let observe = &mut |observation: Observation<'_>| {
            if let Observation::Profile(profile) = observation {
                add(&mut counts, profile);
            }
        };
        nfos_dataplane::run(nf, launch, &AtomicBool::new(false), observe).unwrap();
        if all(&counts) >= ENOUGH {
            break;
        }
    }
    counts
}

fn simulated(nf: &NetworkFunction, launch: &Launch) -> Counts {
    let mut counts = Counts::new();
    for seed in 1..=20 {
        let settings = Settings { seed, ..settings(100_000) };
        let played = play(nf, &Launch { seed, ..launch.clone() }, &settings).unwrap();
        add(&mut counts, &played.profile.unwrap());
        if all(&counts) >= ENOUGH {
            break;
        }
    }
    counts
}

/// The fewest causes that carry most aborts, most first, with their shares.
fn ranking(counts: &Counts) -> Vec<(&str, f64)> {
    let all = all(counts) as f64;
    let mut ranked: Vec<_> =
        counts.iter().map(|(name, aborts)| (name.as_str(), *aborts as f64 / all)).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut carried = 0.0;
    let enough = ranked.iter().position(|(_, share)| {
        carried += share;
        carried >= CARRIED
    });
    ranked.truncate(enough.map_or(0, |last| last + 1));
    ranked
}

fn assert_ranked_alike(what: &str, ports: &[&str], parameters: &[(&str, Value)], causes: &[&str]) {
    let nf = guest(what);
    for workers in [4, 8] {
        let launch = Launch { profile: true, ..launch(workers, ports, parameters) };
        let counts = [real(&nf, &launch), simulated(&nf, &launch)];
        let rankings = counts.each_ref().map(ranking);
        for ((side, counts), ranking) in ["threads", "simulated"].iter().zip(&counts).zip(&rankings)
        {
            let shares: Vec<_> = ranking
                .iter()
                .map(|(name, share)| format!("{name} {:.0} %", share * 100.0))
                .collect();
            println!("{what}, {workers} {side}: {} aborts: {}", all(counts), shares.join(", "));
            assert!(all(counts) >= LEAST, "{what}, {workers} {side}: {counts:?}");
        }
        for ranking in &rankings {
            let names: Vec<_> = ranking.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, causes, "{what}, {workers} workers: {counts:?}");
        }
    }
}

#[test]
fn several_causes_rank_as_on_real_threads() {
    // Operations of `every-conflict` with what they are about, of 1,000 frames. Of each pair the
    // product is about twice the next one's and more, and so is the observers' share alone, which
    // is what counts where whoever observes meets a change for certain.
    let shares = [
        ((b'm', 0), 280),
        ((b'u', 0), 220),
        ((b'r', 0), 150),
        ((b'w', 0), 150),
        ((b'g', 1), 80),
        ((b's', 1), 120),
    ];
    let mut random = Random::new(1);
    let frames = (0..100_000).map(|_| {
        let (station, mut choice) = (random.below(64) as u8, random.below(1_000));
        let asked = shares.iter().find(|(_, share)| {
            let here = choice < *share;
            choice = choice.saturating_sub(*share);
            here
        });
        let (operation, subject) = asked.unwrap().0;
        let mut frame = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, station, 0x88, 0xb5];
        frame.extend([operation, subject]);
        frame.resize(60, 0);
        frame
    });
    let port = format!("memory:{},repeat=1", capture("mixed", frames).display());
    let causes = [
        "merged D1: read (merging) × update",
        "elements V1: read × write",
        "keys M1: get (present) × set",
    ];
    let silent = "synthetic:packets=1,flows=1,repeat=1";
    assert_ranked_alike("test/every-conflict", &[&port, silent], &[], &causes);
}

#[test]
fn a_skewed_array_ranks_as_on_real_threads() {
    let port = "synthetic:flows=4096,packets=100000,repeat=1";
    let skew = [("skew", text("0.99"))];
    assert_ranked_alike("array", &[port, port], &skew, &["elements V1: read × write"]);
}

#[test]
fn first_packets_that_judge_by_fresh_counters_rank_as_on_real_threads() {
    let port = "synthetic:flows=65536,packets=65536,repeat=1";
    let causes = ["counters D1: read (merging) × update"];
    assert_ranked_alike("anti-ddos", &[port, port], &[], &causes);
}

#[test]
fn a_bridge_that_renews_by_writing_ranks_as_on_real_threads() {
    // Two stations that talk in 512 conversations, which all workers share.
    let frames = |port: u8| {
        let frame = move |number: u16| {
            let mut frame = vec![2, 0, 0, 0, 0, 1 - port, 2, 0, 0, 0, 0, port, 0x08, 0x00];
            frame.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0]);
            frame.extend([10, 0, 0, port, 10, 0, 0, 1 - port]);
            frame.extend(number.to_be_bytes());
            frame.extend([0, 53, 0, 26, 0, 0]);
            frame.resize(60, 0);
            frame
        };
        (0..512).map(frame)
    };
    let ports = [0, 1].map(|port| {
        let file = capture(&format!("two-stations-{port}"), frames(port));
        format!("memory:{},repeat=100", file.display())
    });
    let write = [("refresh", text("write"))];
    let causes = ["last_seen V1: read × write"];
    assert_ranked_alike("bridge", &[&ports[0], &ports[1]], &write, &causes);
}
