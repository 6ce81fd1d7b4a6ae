//! NAT on many workers. Which external endpoint a mapping gets depends on the worker then, so runs
//! are held to what must be true of any choice.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use nfos_engine::services::Value;
use nfos_records::Summary;
use support::{Run, Timed, dropped, guest, udp};

const MS: u64 = 1_000_000;
const START: u64 = 1_000_000 * MS;
const INSIDE: u32 = 0x0A00_0000;
const OUTSIDE: u32 = 0xC633_6400;
/// 203.0.113.1
const EXTERNAL: u32 = 0xCB00_7101;
const FIRST_PORT: u16 = 2_000;

/// An address and a port.
type End = (u32, u16);

/// From a host of the LAN to a server, with the host's end as payload.
fn query(at_ns: u64, inside: End, server: u32) -> Timed {
    Timed { at_ns, bytes: udp(inside, (OUTSIDE + server, 53), &payload(inside)) }
}

/// From a server to an external endpoint, with that as payload.
fn answer(at_ns: u64, external: End) -> Timed {
    Timed { at_ns, bytes: udp((OUTSIDE + 99, 53), external, &payload(external)) }
}

fn payload((address, port): End) -> Vec<u8> {
    [&address.to_be_bytes()[..], &port.to_be_bytes()].concat()
}

fn end(bytes: &[u8]) -> End {
    let address = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    (address, u16::from_be_bytes([bytes[4], bytes[5]]))
}

/// The end that sent a frame, the end that gets it, and the end in its payload.
fn ends(frame: &Timed) -> [End; 3] {
    let bytes = &frame.bytes;
    [
        end(&[&bytes[26..30], &bytes[34..36]].concat()),
        end(&[&bytes[30..34], &bytes[36..38]].concat()),
        end(&bytes[42..]),
    ]
}

fn inside(number: u16) -> End {
    (INSIDE + u32::from(number % 50), 4_000 + number / 50)
}

/// NAT with one address and so many ports.
fn run(
    workers: usize,
    ports: u16,
    inputs: [&[Timed]; 2],
    set: &[(&str, u64)],
) -> (Summary, Vec<Vec<Timed>>) {
    let last = FIRST_PORT + ports - 1;
    let mut run = Run::new(workers, &[inputs[0], inputs[1]])
        .set("external_addresses", Value::Unsigned(1))
        .set("port_first", Value::Unsigned(FIRST_PORT.into()))
        .set("port_last", Value::Unsigned(last.into()));
    for &(name, value) in set {
        run = run.set(name, Value::Unsigned(value));
    }
    let (summary, out) = run.run(&guest("nat"));
    assert_eq!(summary.received as usize, inputs[0].len() + inputs[1].len());
    (summary, out)
}

#[test]
fn answers_come_back_through_one_mapping_of_each_host_on_any_number_of_workers() {
    let (hosts, ports, rounds) = (500, 512, 4);
    // Each host talks to another server in each round, and rounds overlap.
    let queries: Vec<_> = (0..hosts * rounds)
        .map(|step: u16| {
            let (host, round) = (step % hosts, step / hosts);
            query(START + u64::from(step) * 3_000, inside(host), u32::from(round * 7 + host % 5))
        })
        .collect();
    // Then every external endpoint there is gets an answer.
    let all: Vec<_> = (0..ports).map(|port| (EXTERNAL, FIRST_PORT + port)).collect();
    let at = |step: u64| START + 20 * MS + step * 500;
    let answers: Vec<_> =
        (0..).zip(&all).map(|(step, &external)| answer(at(step), external)).collect();
    for workers in [1, 4, 8] {
        let (summary, out) = run(workers, ports, [&queries, &answers], &[]);
        assert_eq!(out[1].len(), queries.len(), "{workers} workers: {:?}", summary.drops);
        let mut mapping = BTreeMap::new();
        for frame in &out[1] {
            let [external, _, host] = ends(frame);
            let known = *mapping.entry(host).or_insert(external);
            assert_eq!(external, known, "one mapping for all destinations");
        }
        let externals: BTreeSet<_> = mapping.values().copied().collect();
        assert_eq!(externals.len(), usize::from(hosts), "no external endpoint of two hosts");
        assert!(externals.iter().all(|external| all.contains(external)));
        assert_eq!(out[0].len(), usize::from(hosts));
        for frame in &out[0] {
            let [_, host, external] = ends(frame);
            assert_eq!(mapping[&host], external, "the answer reaches whom it is for");
        }
        assert_eq!(dropped(&summary, "no_mapping"), u64::from(ports - hosts));
        if workers > 1 {
            let busy = summary.workers.iter().filter(|worker| worker.packets > 0).count();
            assert_eq!(busy, workers);
        }
    }
}

#[test]
fn an_external_endpoint_changes_hands_only_after_its_mapping_has_run_out() {
    let (ports, timeout_ms, interval_ms) = (64, 1_000, 100);
    let set = [("udp_timeout_s", 1), ("refresh_interval_ms", interval_ms)];
    // Twice as many hosts as there are endpoints, in shifts: 40 at a time for 1.5 s each.
    let queries: Vec<_> = (0..20_000_u64)
        .map(|step| {
            let host = step / 2_000 * 40 + step * 7 % 40;
            query(START + step * 750_000, inside(host as u16), step as u32 % 3)
        })
        .collect();
    for workers in [1, 4, 8] {
        let (summary, out) = run(workers, ports, [&queries, &[]], &set);
        let mut last: BTreeMap<End, (End, u64)> = BTreeMap::new();
        let mut changed_hands = 0;
        for frame in &out[1] {
            let [external, _, host] = ends(frame);
            if let Some(&(before, at_ns)) = last.get(&external)
                && before != host
            {
                changed_hands += 1;
                let rest_ns = frame.at_ns - at_ns;
                assert!(rest_ns >= timeout_ms * MS, "after {rest_ns} ns on {workers} workers");
            }
            last.insert(external, (host, frame.at_ns));
        }
        assert!(changed_hands > 200, "only {changed_hands} on {workers} workers");
        let refused = dropped(&summary, "no_free_port");
        assert!(refused > 0, "the pool was to run dry");
        assert_eq!(out[1].len() as u64 + refused, summary.received, "{:?}", summary.drops);
    }
}

#[test]
fn what_one_host_sends_from_one_port_meets_one_worker() {
    let queries: Vec<_> =
        (0..2_000).map(|step| query(START + step * 1_000, inside(7), step as u32)).collect();
    let (summary, out) = run(8, 16, [&queries, &[]], &[]);
    assert_eq!(out[1].len(), queries.len());
    let busy: Vec<_> = summary.workers.iter().map(|worker| worker.packets).collect();
    assert_eq!(busy.iter().filter(|&&packets| packets > 0).count(), 1, "{busy:?}");
}
