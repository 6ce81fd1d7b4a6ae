//! State that a network function keeps in memory of its own is found, with the event and what
//! differed. That those of the repository keep none is shown in `engines.rs`.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::{Purity, run_twice};
use nfos_engine::exchange::EventKind;
use nfos_sync::atomic::AtomicBool;
use support::{Run, Timed, guest, udp};

/// What is found of a guest of `guests/test`, on two workers, of which every packet shows its flaw.
fn found(name: &str) -> Purity {
    let frame = |i: u64| udp((0x0A00_0000 + i as u32, 1000), (0xC000_0201, 53), &i.to_be_bytes());
    let input: Vec<_> =
        (0..500).map(|i| Timed { at_ns: 1_000_000_000 + i * 10_000, bytes: frame(i) }).collect();
    let run = Run::new(2, &[&input, &[]]);
    let nf = guest(&format!("test/{name}"));
    let (summary, found) =
        run_twice(&nf, &run.launch, &AtomicBool::new(false), &mut |_| {}).unwrap();
    support::assert_adds_up(&summary);
    assert_eq!(summary.received, 500);
    found
}

#[track_caller]
fn leaks(name: &str, what: &str) {
    let Purity { leaks, first, .. } = found(name);
    let first = first.unwrap_or_else(|| panic!("{name}: nothing was found"));
    assert!(leaks > 1, "{name}: {leaks}");
    assert!(first.what.contains(what), "{name}: {}", first.what);
    assert_eq!((first.kind, first.port), (EventKind::OrphanPacket, 0));
    assert!(!first.frame.is_empty());
}

#[test]
fn a_number_that_goes_into_frames_is_found() {
    leaks("numbers-in-memory", "of the frame, then 0x");
}

#[test]
fn a_host_that_is_remembered_is_found() {
    leaks("remembers-in-memory", "it answered ");
}

#[test]
fn a_count_that_goes_into_a_structure_is_found() {
    leaks("counts-in-memory", "it asked for vector.add of ");
}

#[test]
fn what_is_right_is_run_again_and_nothing_is_found() {
    let Purity { repeated, leaks, first } = found("trap-on-magic");
    assert!(repeated > 100, "{repeated}");
    assert_eq!((leaks, first), (0, None));
}
