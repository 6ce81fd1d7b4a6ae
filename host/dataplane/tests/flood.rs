//! A flood leaves through every port but the one that its frame came from, whatever their number.

mod support;

use nfos_records::Summary;
use support::{Run, Timed, guest};

const MS: u64 = 1_000_000;
const BROADCAST: [u8; 6] = [0xFF; 6];

fn station(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 1, number]
}

fn frame(at_ns: u64, source: [u8; 6], destination: [u8; 6]) -> Timed {
    let bytes = [&destination[..], &source[..], &[0x88, 0xB5][..], &[0x61; 46][..]].concat();
    Timed { at_ns, bytes }
}

/// A frame to `destination` from a station of its own at each port, in turn.
fn from_each(ports: usize, start_ns: u64, destination: impl Fn(usize) -> [u8; 6]) -> Vec<Timed> {
    let at_ns = |port: usize| start_ns + port as u64 * 2 * MS;
    (0..ports).map(|port| frame(at_ns(port), station(port as u8), destination(port))).collect()
}

/// Runs the bridge with one frame list per port.
fn bridge(workers: usize, inputs: &[Vec<Timed>]) -> (Summary, Vec<Vec<Timed>>) {
    let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
    Run::new(workers, &inputs).run(&guest("bridge"))
}

#[test]
fn a_flood_for_2_3_and_16_ports_leaves_through_all_others_and_never_returns() {
    for ports in [2, 3, 16] {
        for workers in [1, 4] {
            let frames = from_each(ports, 1_000 * MS, |_| BROADCAST);
            let inputs: Vec<_> = frames.iter().map(|frame| vec![frame.clone()]).collect();
            let (summary, out) = bridge(workers, &inputs);
            for (port, out) in out.iter().enumerate() {
                let mut expected = frames.clone();
                expected.remove(port);
                assert_eq!(out, &expected, "port {port} of {ports}, {workers} workers");
            }
            let ports = ports as u64;
            assert_eq!((summary.sent, summary.dropped), (ports, 0));
            let copies = summary.frames.copies;
            assert_eq!(summary.frames.transmitted, ports * (ports - 1));
            assert_eq!(summary.frames.forwarded + copies, ports * (ports - 1));
        }
    }
}

#[test]
fn a_frame_to_an_unknown_station_floods_and_one_to_a_known_station_does_not() {
    for workers in [1, 4] {
        let unknown = from_each(3, 1_000 * MS, |_| station(99));
        let known = from_each(3, 2_000 * MS, |port| station((port as u8 + 1) % 3));
        let pairs = unknown.iter().zip(&known);
        let inputs: Vec<_> = pairs.map(|(one, other)| vec![one.clone(), other.clone()]).collect();
        let (summary, out) = bridge(workers, &inputs);
        for port in 0..3 {
            let mut expected = unknown.clone();
            expected.remove(port);
            expected.push(known[(port + 2) % 3].clone());
            assert_eq!(out[port], expected, "port {port}, {workers} workers");
        }
        assert_eq!(summary.sent, 6);
    }
}
