//! A profile made up for tests.

use nfos_records::profile::{
    Conflict, Function, Handler, HeavySet, Histogram, Interval, Method, Object, Operation,
    PlaceCount, Profile, SCHEMA, Share, Side, Site, Worker, WorkerInterval,
};
use nfos_records::{CauseCount, ParameterAdvice, Remark, Summary, WorkerCounters};

/// Of a run on two workers with two causes, one of them on lines of this file.
pub(crate) fn profile() -> Profile {
    let operation = |name: &str, site| Operation {
        name: name.to_owned(),
        handler: "packet".to_owned(),
        count: 1_000,
        sites: vec![Share { site, weight: 2 }],
    };
    Profile {
        schema: SCHEMA,
        function: Function {
            name: "quota".to_owned(),
            digest: "ab".repeat(32),
            engine: "direct".to_owned(),
            has_lines: true,
            ..Function::default()
        },
        method: Method { conflicts_lost: 10, samples: 50, ..Method::default() },
        summary: summary(),
        objects: vec![Object {
            name: "flows".to_owned(),
            kind: "hash-map".to_owned(),
            shape: "a map".to_owned(),
            operations: vec![operation("get", 0), operation("set", 1)],
        }],
        handlers: vec![Handler {
            name: "packet".to_owned(),
            commits: 9_000,
            retries: 1_000,
            time: Histogram { count: 10, p50_ns: 80, p99_ns: 900, max_ns: 9_000, ..histogram() },
            latency: Some(histogram()),
        }],
        conflicts: vec![conflict("M1", 60, 600), conflict("M3", 30, 900)],
        sites: [3, 5].map(site).into(),
        workers: vec![worker(100), worker(1_400), Worker::default()],
        attempts: vec![8_900, 90, 10],
        intervals: (0..5).map(interval).collect(),
        heaviest: vec![HeavySet {
            worker: 0,
            set: "flow".to_owned(),
            key: "from 10.0.0.1".to_owned(),
            packets: 4_000,
        }],
        remarks: vec![Remark {
            object: "flows".to_owned(),
            times: 77,
            text: "a commit waited for a cell of flows".to_owned(),
            recipe: "set less often (`update_interval_ms`, now 0: try 1000)".to_owned(),
            relaxed_by: Vec::new(),
        }],
        ..Profile::default()
    }
}

fn histogram() -> Histogram {
    Histogram {
        count: 9,
        mean_ns: 90,
        p50_ns: 80,
        p90_ns: 99,
        p99_ns: 200,
        p999_ns: 300,
        max_ns: 400,
    }
}

fn summary() -> Summary {
    let worker = |packets, aborts| WorkerCounters {
        packets,
        events: packets,
        bursts: 300,
        aborts,
        busy_ns: 5_000,
        ..WorkerCounters::default()
    };
    Summary {
        nf: "quota".to_owned(),
        elapsed_ns: 1_000_000_000,
        received: 9_000,
        sent: 9_000,
        workers: vec![worker(8_000, 100), worker(1_000, 900), WorkerCounters::default()],
        causes: vec![CauseCount {
            id: "M1".to_owned(),
            object: "flows".to_owned(),
            relaxed_by: vec![ParameterAdvice {
                name: "update_interval_ms".to_owned(),
                current: "0".to_owned(),
                suggested: Some("1000".to_owned()),
            }],
            ..CauseCount::default()
        }],
        ..Summary::default()
    }
}

fn conflict(cause: &str, aborts: u64, wasted_ns: u64) -> Conflict {
    let side = |operation: &str, site| Side {
        operation: operation.to_owned(),
        detail: String::new(),
        handler: "packet".to_owned(),
        sites: vec![Share { site, weight: 7 }],
        exact: true,
    };
    Conflict {
        object: "flows".to_owned(),
        cause: cause.to_owned(),
        text: format!("a key of flows met {cause}"),
        recipe: "set less often (`update_interval_ms`, now 0: try 1000)".to_owned(),
        observer: side("get", 0),
        mutator: Some(side("set", 1)),
        aborts,
        wasted_ns,
        places: vec![
            PlaceCount { place: "key 0a000001".to_owned(), weight: 3 },
            PlaceCount { place: "key 0a000002".to_owned(), weight: 1 },
        ],
        other_places: 1,
    }
}

fn site(line: u32) -> Site {
    Site {
        file: "/elsewhere/report/src/example.rs".to_owned(),
        line,
        column: 1,
        function: "packet".to_owned(),
    }
}

fn worker(wasted_ns: u64) -> Worker {
    Worker { busy_ns: 5_000, wasted_ns, queue_max: 32, gate_entries: 1 }
}

fn interval(number: u64) -> Interval {
    let worker = WorkerInterval {
        packets: 600,
        events: 600,
        bursts: 60,
        aborts: 60,
        ..WorkerInterval::default()
    };
    Interval { start_ns: number * 200, span_ns: 200, workers: vec![worker; 3] }
}
