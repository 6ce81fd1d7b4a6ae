//! Every golden capture of every network function of the repository, on one worker and on many:
//! the expected packets come from plain sequential models, never from the network functions.
//!
//! A case whose network function hands out what is not specified names the numbers of workers that
//! give its output.
//!
//! The frames that leave are compared with their time stamps and in their order. One worker must
//! give them exactly; so must more, since output is written in the order of arrival: that is more
//! than the same order within each packet set.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_engine::NetworkFunction;
use nfos_engine::services::Value;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use support::{Run, assert_adds_up, dropped, guest, read_capture, root};

/// The cases of one folder: paths without `.expected.json`.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries
        .filter_map(|path| Some(PathBuf::from(path.to_str()?.strip_suffix(".expected.json")?)))
        .collect();
    cases.sort();
    cases
}

/// A parameter's value, of its type.
fn value(nf: &NetworkFunction, name: &str, text: &str) -> Value {
    let parameters = &nf.description().parameters;
    let parameter = parameters.iter().find(|parameter| parameter.name == name).unwrap();
    match parameter.default {
        Value::Unsigned(_) => Value::Unsigned(text.parse().unwrap()),
        Value::Boolean(_) => Value::Boolean(text.parse().unwrap()),
        Value::Text(_) => Value::Text(text.to_owned()),
    }
}

/// What a case expects.
fn expected(case: &Path) -> Json {
    let file = std::fs::read(format!("{}.expected.json", case.display())).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// The numbers of workers to run a case on: those for which it says that it holds, or else all.
fn worker_counts(case: &Path) -> Vec<usize> {
    match expected(case).get("workers") {
        Some(named) => serde_json::from_value(named.clone()).unwrap(),
        None => vec![1, 2, 4, 8],
    }
}

fn check(nf: &NetworkFunction, case: &Path, workers: usize) {
    let file = |suffix: &str| PathBuf::from(format!("{}.{suffix}", case.display()));
    let expected = expected(case);
    let inputs = ["in0.pcap", "in1.pcap"].map(|suffix| read_capture(&file(suffix)));
    let mut run = Run::new(workers, &[&inputs[0], &inputs[1]]);
    for (name, text) in expected["parameters"].as_object().unwrap() {
        run = run.set(name, value(nf, name, text.as_str().unwrap()));
    }
    let (summary, out) = run.run(nf);
    let what = format!("{} on {workers} workers", case.display());
    assert_adds_up(&summary);
    for (port, out) in out.iter().enumerate() {
        let wanted = read_capture(&file(&format!("out{port}.pcap")));
        assert_eq!(out.len(), wanted.len(), "{what}: frames of port {port}");
        let differs = out.iter().zip(&wanted).position(|(frame, wanted)| frame != wanted);
        assert_eq!(differs, None, "{what}: the first frame of port {port} that differs");
    }
    let count = |name: &str| expected[name].as_u64().unwrap();
    assert_eq!(summary.received, count("received"), "{what}");
    assert_eq!(summary.sent, count("sent"), "{what}");
    assert_eq!(summary.consumed, count("consumed"), "{what}");
    let drops = expected["dropped"].as_object().unwrap();
    for (reason, packets) in drops {
        assert_eq!(dropped(&summary, reason), packets.as_u64().unwrap(), "{what}: {reason}");
    }
    assert_eq!(summary.drops.len(), drops.len(), "{what}: {:?}", summary.drops);
}

#[test]
fn golden_captures_come_out_as_expected_on_any_number_of_workers() {
    let mut checked = 0;
    let mut folders: Vec<_> = std::fs::read_dir(root().join("guests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("golden").is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        let nf = guest(folder.file_name().unwrap().to_str().unwrap());
        for case in cases(&folder.join("golden")) {
            for workers in worker_counts(&case) {
                check(&nf, &case, workers);
                checked += 1;
            }
        }
    }
    assert!(checked >= 4 * 4, "only {checked} runs");
}
