//! Golden cases, run through the host.

use std::path::{Path, PathBuf};

use nfos_engine::NetworkFunction;
use nfos_engine::services::Value;
use serde_json::Value as Json;

use super::{Run, assert_adds_up, dropped, read_capture};

/// The cases of one folder: paths without `.expected.json`.
pub(crate) fn cases(folder: &Path) -> Vec<PathBuf> {
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

/// The parameters of a case, with values of their types.
pub(crate) fn parameters(nf: &NetworkFunction, case: &Path) -> Vec<(String, Value)> {
    let expected = expected(case);
    let parameters = expected["parameters"].as_object().unwrap().iter();
    parameters.map(|(name, text)| (name.clone(), value(nf, name, text.as_str().unwrap()))).collect()
}

/// The numbers of workers to run a case on: those for which it says that it holds, or else all.
pub(crate) fn worker_counts(case: &Path) -> Vec<usize> {
    match expected(case).get("workers") {
        Some(named) => serde_json::from_value(named.clone()).unwrap(),
        None => vec![1, 2, 4, 8],
    }
}

/// Runs a case, and expects what it expects.
pub(crate) fn check(nf: &NetworkFunction, case: &Path, workers: usize) {
    let file = |suffix: &str| PathBuf::from(format!("{}.{suffix}", case.display()));
    let expected = expected(case);
    let inputs = ["in0.pcap", "in1.pcap"].map(|suffix| read_capture(&file(suffix)));
    let mut run = Run::new(workers, &[&inputs[0], &inputs[1]]);
    for (name, value) in parameters(nf, case) {
        run = run.set(&name, value);
    }
    let (summary, out) = run.run(nf);
    let what = format!("{} on {workers} workers, {} engine", case.display(), nf.engine_kind());
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
