//! The two engines agree on every network function of the repository: on every golden capture and
//! on random packets, all that passes between it and its host is the same on both, byte by byte,
//! and so is what leaves.
//!
//! Network functions are found where they lie; a new one is held to this without being named here.
//! Those that only the component engine can run have nothing to be compared with.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::{Observation, run_twice, run_witnessed};
use nfos_engine::services::Value;
use nfos_engine::{EngineChoice, NetworkFunction};
use nfos_records::Summary;
use nfos_sync::atomic::AtomicBool;
use std::path::{Path, PathBuf};
use support::golden::{cases, parameters};
use support::{Run, Timed, guest_on, read_capture, root, udp};

/// Every network function that was built, and on which both engines agree that it can run.
fn network_functions() -> Vec<(String, [NetworkFunction; 2])> {
    let folders = std::fs::read_dir(root().join("guests")).unwrap();
    let mut names: Vec<_> = folders
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let both =
        |name: &String| [EngineChoice::Direct, EngineChoice::Component].map(|e| guest_on(name, e));
    names.iter().map(|name| (name.clone(), both(name))).collect()
}

/// Everything that a run on one worker shows.
#[derive(Debug, PartialEq)]
struct Shown {
    passed: Vec<String>,
    out: Vec<Vec<Timed>>,
    account: Vec<u64>,
    lines: Vec<String>,
}

fn account(summary: &Summary) -> Vec<u64> {
    let Summary { received, sent, consumed, dropped, drops, workers, .. } = summary;
    let mut account = vec![*received, *sent, *consumed, *dropped];
    account.extend(drops.iter().map(|count| count.packets));
    account.extend(workers.iter().flat_map(|w| [w.events, w.aborts, w.faults]));
    account
}

fn show(nf: &NetworkFunction, make: &dyn Fn() -> Run) -> Shown {
    let mut run = make();
    let (summary, passed) =
        run_witnessed(nf, &run.launch, &AtomicBool::new(false), &mut |_| {}).unwrap();
    let (_, out) = run.run(nf);
    let lines = std::mem::take(&mut run.lines);
    Shown { passed, out, account: account(&summary), lines }
}

/// Runs it on both engines; what differs first is told.
fn agree(what: &str, nfs: &[NetworkFunction; 2], make: &dyn Fn() -> Run) {
    let [direct, component] = [&nfs[0], &nfs[1]].map(|nf| show(nf, make));
    assert!(direct.passed.len() > 2, "{what}: nothing ran");
    for (number, (ours, theirs)) in direct.passed.iter().zip(&component.passed).enumerate() {
        assert_eq!(ours, theirs, "{what}: line {number}");
    }
    assert_eq!(direct, component, "{what}");
    for nf in nfs {
        let run = make();
        let mut lines = Vec::new();
        let mut observe = |observation: Observation<'_>| {
            if let Observation::Log { message, .. } = observation {
                lines.push(message.to_owned());
            }
        };
        let (summary, found) =
            run_twice(nf, &run.launch, &AtomicBool::new(false), &mut observe).unwrap();
        let told = (account(&summary), &direct.account);
        assert_eq!(told.0, *told.1, "{what}, every burst run again: {lines:?}");
        assert_eq!(found.leaks, 0, "{what}: {:?}", found.first);
        assert!(found.repeated > 0, "{what}: nothing was run again");
    }
}

fn of_case(nf: &NetworkFunction, case: &Path) -> Run {
    let inputs = ["in0.pcap", "in1.pcap"]
        .map(|suffix| read_capture(&PathBuf::from(format!("{}.{suffix}", case.display()))));
    let run = Run::new(1, &[&inputs[0], &inputs[1]]);
    parameters(nf, case)
        .into_iter()
        .fold(run, |run, (name, value): (String, Value)| run.set(&name, value))
}

#[test]
fn both_engines_do_the_same_on_every_golden_capture() {
    let mut compared = 0;
    for (name, nfs) in network_functions() {
        for case in cases(&root().join("guests").join(&name).join("golden")) {
            agree(&case.display().to_string(), &nfs, &|| of_case(&nfs[0], &case));
            compared += 1;
        }
    }
    assert!(compared >= 8, "only {compared} captures");
}

/// Frames of few hosts, so that they meet; some are damaged, cut short or noise.
fn random_frames(seed: u64, count: u64) -> Vec<Timed> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 16
    };
    (0..count)
        .map(|number| {
            let mut host = || (0x0A00_0000 + next() as u32 % 9, 1000 + next() as u16 % 5);
            let mut bytes = udp(host(), host(), &number.to_be_bytes());
            let length = bytes.len();
            match next() % 8 {
                0 => bytes[next() as usize % length] ^= next() as u8,
                1 => bytes.truncate(14 + next() as usize % (length - 14)),
                2 => bytes[6..12].copy_from_slice(&next().to_be_bytes()[2..]),
                _ => {}
            }
            Timed { at_ns: 1_000_000_000 + number * (1 + next() % 40_000_000), bytes }
        })
        .scan(0, |last, mut frame| {
            frame.at_ns = frame.at_ns.max(*last);
            *last = frame.at_ns;
            Some(frame)
        })
        .collect()
}

#[test]
fn both_engines_do_the_same_on_random_packets() {
    for (name, nfs) in network_functions() {
        for seed in [1, 2, 3] {
            let frames = [random_frames(seed, 300), random_frames(!seed, 300)];
            let make = || Run::new(1, &[&frames[0], &frames[1]]);
            agree(&format!("{name}, seed {seed}"), &nfs, &make);
        }
    }
}
