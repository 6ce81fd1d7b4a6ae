//! Made-up workloads: the same bytes every time, and frames that are in order.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod frames;

use frames::sessions;
use nfos_netio::headers::{checksum, ethernet, ipv4};
use nfos_netio::port::memory::Trace;
use nfos_netio::synthetic::trace;
use nfos_netio::{
    Class, Classifier, Pool, PortId, PortSpec, Received, Steering, Workload, open_live,
};
use std::collections::{HashMap, HashSet};

fn workload(text: &str) -> Workload {
    match format!("synthetic:{text}").parse().unwrap() {
        PortSpec::Synthetic(workload) => workload,
        other => panic!("{other}"),
    }
}

fn make(port: u16, text: &str) -> Trace {
    trace(PortId::new(port), &workload(text))
}

/// How many packets each session of a trace has.
fn sessions_of(port: u16, trace: &Trace) -> HashMap<[u8; 56], u64> {
    let classifier = Classifier::new(&[sessions()], &[]).unwrap();
    let mut counts = HashMap::new();
    for (frame, _) in trace.frames() {
        match classifier.classify(PortId::new(port), frame) {
            Class::Set { key, .. } => *counts.entry(key.to_bytes()).or_default() += 1,
            Class::Orphan => panic!("every frame is in order"),
        }
    }
    counts
}

#[test]
fn a_seed_gives_the_same_bytes_every_time_and_another_seed_others() {
    let text = "flows=50,packets=500,size=imix,distribution=zipf";
    assert!(make(0, text) == make(0, text));
    assert!(make(0, text) != make(0, &format!("{text},seed=2")));
    assert!(make(0, text) != make(1, text));
    // These exact bytes, on every machine and in every version: golden runs depend on them.
    let sum = |trace: &Trace| {
        trace.frames().flat_map(|(frame, _)| frame).fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        })
    };
    assert_eq!(sum(&make(0, "flows=50,packets=500")), GOLDEN);
}

const GOLDEN: u64 = 10_797_351_917_371_575_393;

#[test]
fn every_frame_is_in_order_down_to_its_checksums() {
    for (text, ports) in [("protocol=tcp", [6, 6]), ("protocol=udp", [17, 17]), ("", [6, 17])] {
        for size in ["64", "65", "1518", "imix", "9018"] {
            let trace = make(1, &format!("flows=64,packets=300,size={size},{text}"));
            let mut protocols = HashSet::new();
            for (frame, wire_length) in trace.frames() {
                assert_eq!(frame.len(), wire_length as usize);
                let link = ethernet::View::new_checked(frame).unwrap();
                let ip = ipv4::View::new_checked(link.payload()).unwrap();
                assert_eq!(ip.payload().len() + 34, frame.len());
                assert_eq!(checksum(&[&frame[14..34]]), 0);
                let length = (ip.payload().len() as u16).to_be_bytes();
                let pseudo = [&frame[26..34], &[0, ip.protocol()], &length].concat();
                assert_eq!(checksum(&[&pseudo, ip.payload()]), 0);
                protocols.insert(ip.protocol());
            }
            assert_eq!(protocols, HashSet::from(ports));
        }
    }
}

#[test]
fn sizes_count_the_check_sequence_and_imix_mixes() {
    assert!(make(0, "packets=10").frames().all(|(frame, _)| frame.len() == 60));
    let mut counts = HashMap::<usize, u32>::new();
    let trace = make(0, "packets=12000,size=imix");
    trace.frames().for_each(|(frame, _)| *counts.entry(frame.len()).or_default() += 1);
    assert_eq!(counts.len(), 3);
    assert!((6600..7400).contains(&counts[&60]), "{counts:?}");
    assert!((3600..4400).contains(&counts[&566]), "{counts:?}");
    assert!((800..1200).contains(&counts[&1514]), "{counts:?}");
}

#[test]
fn uniform_workloads_have_exactly_their_flows() {
    for flows in [1, 7, 4096, 70_000] {
        let text = format!("flows={flows},packets=140000");
        let counts = sessions_of(0, &make(0, &text));
        assert_eq!(counts.len(), flows);
        let fair = 140_000 / flows as u64;
        assert!(counts.values().all(|count| (fair..=fair + 1).contains(count)));
    }
    assert_eq!(make(0, "flows=100000").len(), 100_000, "at least one packet for each flow");
    assert_eq!(make(0, "").len(), 65_536);
}

#[test]
fn odd_ports_carry_the_answers_and_pairs_of_ports_differ() {
    let text = "flows=300,packets=3000";
    let requests = sessions_of(0, &make(0, text));
    let answers = sessions_of(1, &make(1, text));
    assert_eq!(requests.keys().collect::<HashSet<_>>(), answers.keys().collect::<HashSet<_>>());
    let firsts = |port| {
        let trace = make(port, text);
        trace.frames().map(|(frame, _)| frame[26..34].to_vec()).collect::<HashSet<_>>()
    };
    assert!(firsts(0).is_disjoint(&firsts(2)));
    assert!(firsts(0).iter().all(|addresses| addresses[0] == 10 && addresses[4] == 198));
    assert!(firsts(3).iter().all(|addresses| addresses[4] == 10 && addresses[0] == 198));
}

#[test]
fn every_host_has_its_own_mac_address() {
    let trace = make(0, "flows=5000");
    let mut macs = HashMap::new();
    for (frame, _) in trace.frames() {
        for (mac, address) in [(&frame[6..12], &frame[26..30]), (&frame[..6], &frame[30..34])] {
            assert_eq!(macs.entry(mac.to_vec()).or_insert(address.to_vec()), address);
            assert_eq!(mac[0] & 3, 2, "locally administered, no group");
        }
    }
}

#[test]
fn zipf_prefers_low_ranks() {
    let counts = sessions_of(0, &make(0, "flows=1000,packets=100000,distribution=zipf"));
    let mut sorted: Vec<u64> = counts.into_values().collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    // Rank 1 has 1 / 7.7 of the packets at exponent 0.99, rank 10 a tenth of that.
    assert!((11_500..14_500).contains(&sorted[0]), "{}", sorted[0]);
    assert!((1_100..1_700).contains(&sorted[9]), "{}", sorted[9]);
}

#[test]
fn a_synthetic_port_is_played_in_full_over_its_queues() {
    let spec: PortSpec = "synthetic:flows=256,packets=2000,repeat=3".parse().unwrap();
    let classifier = Classifier::new(&[sessions()], &[]).unwrap();
    let steering = Steering::new(classifier, 4).unwrap();
    let mut port = open_live(PortId::new(0), &spec).unwrap();
    let mut pool = Pool::new(64, port.frame_bytes_max());
    let mut frames = Vec::new();
    for (worker, mut queue) in port.open_queues(&steering).unwrap().into_iter().enumerate() {
        while let Received::Frames { .. } = queue.rx_burst(0, &mut frames, &mut pool, 32) {
            for frame in &frames {
                assert_eq!(steering.worker(PortId::new(0), frame.bytes()), worker);
            }
            queue.tx_burst(&mut frames, &mut pool);
        }
    }
    let counters = port.counters();
    assert_eq!((counters.received, counters.transmitted), (6000, 6000));
    assert_eq!(counters.received_bytes, 6000 * 60);
}
