//! Full load beside a reader that sleeps on its snapshot, in a process of its own: its memory is
//! measured.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]
#![allow(clippy::print_stderr, reason = "the figures")]

mod hammering;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hammering::{begin, hammer, state};
use nfos_state::AccessError;

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `NFOS_SOAK_S`: for how many seconds.
#[test]
fn a_reader_that_sleeps_on_its_snapshot_is_told_and_memory_stays_flat() {
    const LENGTH: u32 = 512;
    /// Bursts of 32 writes after which a writer's history has no line of before.
    const BURSTS: u64 = 4_000;
    let seconds = std::env::var("NFOS_SOAK_S").map_or(0, |text| text.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let state = state(4);
    let vector = state.open_vector("hammered", LENGTH).unwrap();
    let stop = AtomicBool::new(false);
    let bursts: [AtomicU64; 3] = Default::default();
    let mut reader = state.worker(3);
    let (mut told, mut rounds, mut warm_kib, mut greatest_kib) = (0, 0, 0, 0);
    std::thread::scope(|scope| {
        for (participant, bursts) in bursts.iter().enumerate() {
            let (worker, stop) = (state.worker(participant), &stop);
            scope.spawn(move || hammer(worker, vector, LENGTH, stop, bursts));
        }
        while rounds < 4 || Instant::now() < until {
            begin(&mut reader, 0);
            (0..LENGTH).for_each(|index| _ = reader.vector_read(vector, index));
            let reach = bursts.each_ref().map(|count| count.load(Ordering::Relaxed) + BURSTS);
            while (0..3).any(|i| bursts[i].load(Ordering::Relaxed) < reach[i]) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let late =
                (0..LENGTH).try_for_each(|index| reader.vector_read(vector, index).map(drop));
            assert!(matches!(late, Ok(()) | Err(AccessError::RunAgain)), "{late:?}");
            let commit = reader.commit(1);
            told += u64::from(commit.conflict.is_some_and(|conflict| conflict.cause.id() == "S1"));
            assert_eq!(late.is_err(), commit.committed == 0);
            rounds += 1;
            greatest_kib = greatest_kib.max(resident_kib());
            if rounds == 3 {
                (warm_kib, greatest_kib) = (greatest_kib, 0);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let bursts: u64 = bursts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    eprintln!(
        "soak: {bursts} bursts beside a reader that slept {rounds} times and was told {told} times \
         that its snapshot was too old; memory {warm_kib} KiB when warm, {greatest_kib} KiB at \
         most afterwards"
    );
    assert!(told > 0, "the reader always found its snapshot");
    assert!(greatest_kib < warm_kib + 4_096, "from {warm_kib} to {greatest_kib} KiB");
}
