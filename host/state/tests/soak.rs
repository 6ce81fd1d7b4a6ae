//! Full load beside a reader that sleeps on its snapshot, in a process of its own: its memory is
//! measured.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]
#![allow(clippy::print_stderr, reason = "the figures")]

mod hammering;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hammering::{begin, hammer, state};
use nfos_state::AccessError;
use nfos_stm::FAILURES_BEFORE_GATE;

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn sleep_until_each_has_done(more: u64, bursts: &[AtomicU64; 3]) {
    let reach = bursts.each_ref().map(|count| count.load(Ordering::Relaxed) + more);
    while (0..3).any(|i| bursts[i].load(Ordering::Relaxed) < reach[i]) {
        std::thread::sleep(Duration::from_millis(1));
    }
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
    let (mut told_in_a_row, mut as_elder) = (0, 0);
    std::thread::scope(|scope| {
        for (participant, bursts) in bursts.iter().enumerate() {
            let (worker, stop) = (state.worker(participant), &stop);
            scope.spawn(move || hammer(worker, vector, LENGTH, stop, bursts));
        }
        while rounds < 10 || Instant::now() < until {
            begin(&mut reader, 0);
            (0..LENGTH).for_each(|index| _ = reader.vector_read(vector, index));
            // Behind the gate it would wait for writers that wait for it.
            let is_elder = told_in_a_row == FAILURES_BEFORE_GATE;
            if !is_elder {
                sleep_until_each_has_done(BURSTS, &bursts);
            }
            let late =
                (0..LENGTH).try_for_each(|index| reader.vector_read(vector, index).map(drop));
            assert!(matches!(late, Ok(()) | Err(AccessError::RunAgain)), "{late:?}");
            let commit = reader.commit(1);
            let is_told = commit.conflict.is_some_and(|conflict| conflict.cause.id() == "S1");
            assert_eq!(late.is_err(), commit.committed == 0);
            assert!(!(is_elder && is_told), "an elder lost its snapshot");
            told += u64::from(is_told);
            told_in_a_row = if is_told { told_in_a_row + 1 } else { 0 };
            as_elder += u64::from(is_elder);
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
         that its snapshot was too old, and got through as an elder {as_elder} times; memory \
         {warm_kib} KiB when warm, {greatest_kib} KiB at most afterwards"
    );
    assert!(told > 0, "the reader always found its snapshot");
    assert!(greatest_kib < warm_kib + 4_096, "from {warm_kib} to {greatest_kib} KiB");
}
