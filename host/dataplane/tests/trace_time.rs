//! What capture ports promise: expiry in the time of the trace, and several files that behave as
//! the network did.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_engine::services::Value;
use support::{Run, Timed, dropped, guest, udp};

const MS: u64 = 1_000_000;
const INSIDE: u32 = 0x0A00_0001;
const OUTSIDE: u32 = 0xC633_6401;

fn request(at_ns: u64, host: u32) -> Timed {
    Timed { at_ns, bytes: udp((INSIDE + host, 4000), (OUTSIDE, 53), b"request") }
}

fn reply(at_ns: u64, host: u32) -> Timed {
    Timed { at_ns, bytes: udp((OUTSIDE, 53), (INSIDE + host, 4000), b"reply") }
}

#[test]
fn a_set_idle_for_longer_than_its_timeout_is_gone_and_one_idle_for_less_is_kept() {
    let nf = guest("firewall");
    let start = 1_000 * MS;
    for workers in [1, 2, 8] {
        let requests: Vec<_> = (0..3).map(|host| request(start, host)).collect();
        // A timeout of 100 ms: just kept, exactly at it, just gone.
        let replies = [
            reply(start + 100 * MS - 1, 0),
            reply(start + 100 * MS, 1),
            reply(start + 100 * MS + 1, 2),
        ];
        let mut run =
            Run::new(workers, &[&requests, &replies]).set("idle_timeout_ms", Value::Unsigned(100));
        let (summary, out) = run.run(&nf);
        assert_eq!(out[0].len(), 2, "{workers} workers: {:?}", summary.drops);
        assert_eq!(dropped(&summary, "unsolicited"), 1);
        assert!(summary.packet_sets.expired >= 1);
        assert_eq!(summary.packet_sets.registered, 3);
    }
}

#[test]
fn a_reply_100_us_after_its_request_meets_its_session_on_any_number_of_workers() {
    let nf = guest("firewall");
    let hosts = 500;
    // Many sessions, each answered within 100 µs, spread over some quanta.
    let requests: Vec<_> =
        (0..hosts).map(|host| request(5_000 * MS + u64::from(host) * 37_000, host)).collect();
    let replies: Vec<_> =
        requests.iter().zip(0..).map(|(sent, host)| reply(sent.at_ns + 100_000, host)).collect();
    for workers in [1, 8] {
        let (summary, out) = Run::new(workers, &[&requests, &replies]).run(&nf);
        assert_eq!(summary.dropped, 0, "{workers} workers: {:?}", summary.drops);
        assert_eq!((out[0].len(), out[1].len()), (hosts as usize, hosts as usize));
    }
}

#[test]
fn a_reply_before_its_request_is_unsolicited_also_within_one_quantum() {
    let nf = guest("firewall");
    for workers in [1, 4] {
        let (requests, replies) = ([request(7_000 * MS + 1000, 0)], [reply(7_000 * MS, 0)]);
        let (summary, _) = Run::new(workers, &[&requests, &replies]).run(&nf);
        assert_eq!(dropped(&summary, "unsolicited"), 1);
    }
}

#[test]
fn output_is_the_same_on_any_number_of_workers_and_with_any_quantum() {
    let nf = guest("firewall");
    let requests: Vec<_> =
        (0..2000).map(|i| request(9_000 * MS + i * 3_000, (i * 7 % 300) as u32)).collect();
    let replies: Vec<_> =
        (0..2000).map(|i| reply(9_000 * MS + i * 3_100, (i * 11 % 320) as u32)).collect();
    let (_, expected) = Run::new(1, &[&requests, &replies]).run(&nf);
    assert!(expected[0].len() > 1000 && expected[1].len() == 2000);
    for workers in [2, 4, 8] {
        for quantum_us in [1, 50, 1000, 1_000_000] {
            let mut run = Run::new(workers, &[&requests, &replies]);
            run.launch.quantum = std::time::Duration::from_micros(quantum_us);
            let (_, out) = run.run(&nf);
            assert!(out == expected, "{workers} workers, a quantum of {quantum_us} µs");
        }
    }
}
