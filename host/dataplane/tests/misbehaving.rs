//! Guests that break the contract: each loses the packet it breaks it on, under the fault's name,
//! and nothing else.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use std::time::Duration;

use nfos_engine::NetworkFunction;
use nfos_records::Summary;
use support::{Run, Timed, dropped, guest, guest_with_limit, magic, udp};

/// Good traffic with a magic frame at every tenth place.
fn traffic() -> Vec<Timed> {
    let frame = |i: u64| match i % 10 {
        3 => magic(),
        _ => udp((0x0A00_0000 + i as u32, 1000), (0xC000_0201, 53), &i.to_be_bytes()),
    };
    (0..200).map(|i| Timed { at_ns: 1_000_000_000 + i * 10_000, bytes: frame(i) }).collect()
}

/// Runs a misbehaving guest on one and on three workers. Whatever it does at magic frames, all
/// others pass, in order and unchanged. Answers the summaries and the first run's lines.
fn run(name: &str) -> (Vec<Summary>, Vec<String>) {
    run_loaded(name, &guest(&format!("test/{name}")))
}

fn run_loaded(name: &str, nf: &NetworkFunction) -> (Vec<Summary>, Vec<String>) {
    let input = traffic();
    let is_good = |frame: &&Timed| frame.bytes != magic();
    let good: Vec<_> = input.iter().filter(is_good).cloned().collect();
    let mut lines = Vec::new();
    let summaries = [1, 3].map(|workers| {
        let mut run = Run::new(workers, &[&input, &[]]);
        let (summary, out) = run.run(nf);
        assert_eq!(summary.received, 200);
        let passed: Vec<_> = out[1].iter().filter(is_good).cloned().collect();
        assert_eq!(passed.len(), good.len(), "{name} on {workers}: {:?}", summary.drops);
        assert!(passed == good, "{name} on {workers}: good traffic came out changed");
        if lines.is_empty() {
            lines = run.lines;
        }
        summary
    });
    (summaries.into(), lines)
}

/// All magic frames are lost under this reason, and each costs an instance.
fn loses_magic(name: &str, reason: &str) -> Vec<String> {
    held_to(name, reason, run(name))
}

/// Of these runs.
fn held_to(
    name: &str,
    reason: &str,
    (summaries, lines): (Vec<Summary>, Vec<String>),
) -> Vec<String> {
    for summary in summaries {
        assert_eq!(dropped(&summary, reason), 20, "{name}: {:?}", summary.drops);
        assert_eq!((summary.sent, summary.dropped), (180, 20), "{name}");
        let replaced: u64 = summary.workers.iter().map(|worker| worker.instances_replaced).sum();
        let faults: u64 = summary.workers.iter().map(|worker| worker.faults).sum();
        assert!(replaced >= 20, "{name}: {replaced} instances replaced");
        assert_eq!(faults, 20, "{name}");
    }
    assert!(!lines.is_empty(), "{name}: the operator hears of it");
    lines
}

#[test]
fn a_trap_loses_its_packet() {
    loses_magic("trap-on-magic", "guest_trap");
}

#[test]
fn an_endless_loop_loses_its_packet() {
    let nf = guest_with_limit("test/loop-forever", Duration::from_millis(50));
    held_to("loop-forever", "guest_time_limit", run_loaded("loop-forever", &nf));
}

#[test]
fn endless_allocation_loses_its_packet() {
    loses_magic("allocate-without-end", "guest_memory_limit");
}

#[test]
fn a_panic_loses_its_packet_and_its_message_is_told() {
    let lines = loses_magic("panic-with-message", "guest_panic");
    assert!(lines[0].contains("panicked"), "{lines:?}");
}

#[test]
fn offsets_outside_the_buffers_lose_their_packet() {
    loses_magic("bad-outcome-offsets", "guest_bad_outcome");
}

#[test]
fn too_few_verdicts_lose_the_packet_without_one() {
    loses_magic("too-few-verdicts", "guest_bad_outcome");
}

#[test]
fn too_many_verdicts_lose_the_packet_with_two() {
    loses_magic("too-many-verdicts", "guest_bad_outcome");
}

#[test]
fn opening_outside_init_loses_the_packet() {
    loses_magic("opens-outside-init", "guest_bad_call");
}

#[test]
fn an_index_beyond_a_vector_loses_its_packet() {
    loses_magic("writes-beyond-vector", "guest_bad_call");
}

#[test]
fn a_pointer_beyond_memory_loses_its_packet() {
    loses_magic("pointers-beyond-memory", "guest_bad_pointer");
}

#[test]
fn a_frame_for_a_port_that_is_not_there_is_counted_and_its_packet_passes() {
    for summary in run("send-to-missing-port").0 {
        assert_eq!((summary.sent, summary.dropped), (200, 0));
        assert_eq!((summary.frames.generated, summary.frames.refused), (20, 20));
        assert_eq!(summary.frames.refusals[0].reason, "no_such_port");
    }
}

#[test]
fn a_guest_that_never_begins_an_event_is_right_too() {
    for summary in run("no-begin").0 {
        assert_eq!((summary.sent, summary.dropped), (200, 0));
    }
}

#[test]
fn one_name_with_two_shapes_is_refused_at_start() {
    let nf = guest("test/two-shapes");
    let error = Run::new(1, &[&traffic(), &[]]).try_run(&nf).unwrap_err();
    assert!(matches!(error, nfos_dataplane::RunError::Input(_)));
    assert!(error.to_string().contains("two shapes"), "{error}");
}
