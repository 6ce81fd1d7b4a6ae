//! What the baselines promise holds with threads too: nothing is lost, no endpoint given twice.

use std::collections::HashMap;
use std::path::PathBuf;
use std::thread;

use nfos::prelude::Packet;
use nfos_bench_baselines::steering::steering;
use nfos_bench_baselines::{NAMES, Outcome, Settings, Variant, run, workers};
use nfos_netio::PortId;
use nfos_traffic::{Kind, Options, Traffic, captures};

/// The frames of a workload.
fn frames(kind: Kind, packets: u64) -> Vec<(u16, Vec<u8>)> {
    let options = Options { packets: Some(packets), ..Options::default() };
    let mut traffic = Traffic::new(kind, &options).expect("it goes well");
    let mut frames = Vec::new();
    while let Some(packet) = traffic.next() {
        frames.push((packet.port, packet.frame.to_owned()));
    }
    frames
}

#[test]
fn every_packet_has_one_outcome_whatever_runs_it() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let mut traffic =
        Traffic::new(Kind::NatBoth, &Options { packets: Some(20_000), ..Options::default() })
            .expect("it goes well");
    let paths = captures::paths(&folder, "threads", traffic.ports());
    captures::write(&mut traffic, &paths).expect("it goes well");
    let ports: Vec<_> = paths
        .iter()
        .map(|path| format!("memory:{},repeat=2", path.display()).parse().expect("it goes well"))
        .collect();
    for name in NAMES {
        for (_, variant) in Variant::ALL {
            let count = if variant == Variant::Sequential { 1 } else { 2 };
            let workers = workers(name, variant, count, &Settings::default());
            let measured =
                run(workers, &ports, &steering(name, count), None).expect("it goes well");
            assert_eq!(measured.received, 40_000, "{name} {variant:?}");
            let ended = measured.sent + measured.consumed + measured.dropped;
            assert_eq!(ended, measured.received, "{name} {variant:?}");
        }
    }
}

#[test]
fn no_addition_to_the_array_is_lost() {
    let frames = frames(Kind::Array, 40_000);
    for variant in [Variant::Expert, Variant::GlobalLock] {
        let settings = Settings { array_exponent: 0.99, ..Settings::default() };
        let mut workers = workers("array", variant, 2, &settings);
        let steering = steering("array", 2);
        thread::scope(|scope| {
            for (index, worker) in workers.iter_mut().enumerate() {
                let (frames, steering) = (&frames, &steering);
                scope.spawn(move || {
                    for (port, frame) in frames {
                        if steering.worker(PortId::new(*port), frame) == index {
                            let mut bytes = frame.clone();
                            worker
                                .packet(&mut Packet::new(*port, &mut bytes, 0), 1)
                                .expect("it goes well");
                        }
                    }
                });
            }
        });
        assert_eq!(workers[0].counted().iter().sum::<u64>(), 40_000, "{variant:?}");
    }
}

/// Both workers see every internal endpoint, which steering would prevent.
#[test]
fn an_internal_endpoint_gets_one_external_one_and_nobody_else_that() {
    let frames = frames(Kind::Caida, 60_000);
    for variant in [Variant::Expert, Variant::GlobalLock] {
        let mut workers = workers("nat", variant, 2, &Settings::default());
        let mut given: Vec<HashMap<Vec<u8>, Vec<u8>>> = thread::scope(|scope| {
            let threads: Vec<_> = workers
                .iter_mut()
                .map(|worker| {
                    let frames = &frames;
                    scope.spawn(move || {
                        let mut given = HashMap::new();
                        for (number, (port, frame)) in frames.iter().enumerate() {
                            let mut bytes = frame.clone();
                            worker.tick(1 + number as u64);
                            let mut packet = Packet::new(*port, &mut bytes, 0);
                            let judged = worker.packet(&mut packet, 1 + number as u64);
                            assert_eq!(judged, Ok(Outcome::Send(1)));
                            // Protocol, address and port, before and after.
                            let endpoint =
                                |of: &[u8]| [&of[23..24], &of[26..30], &of[34..36]].concat();
                            let outside = endpoint(&bytes);
                            let before = given.insert(endpoint(frame), outside.clone());
                            assert!(before.is_none_or(|before| before == outside));
                        }
                        given
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("it goes well")).collect()
        });
        let (one, other) = (given.remove(0), given.remove(0));
        assert_eq!(one, other, "{variant:?}");
        let mut outside: Vec<_> = one.values().collect();
        outside.sort_unstable();
        outside.dedup();
        assert_eq!(outside.len(), one.len(), "{variant:?}: an endpoint was given twice");
    }
}
