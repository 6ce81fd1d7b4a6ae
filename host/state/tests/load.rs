//! What is promised under load: large transactions, a slow one among many quick ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the figures")]

mod hammering;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hammering::{begin, hammer, state};
use nfos_state::Merge;
use nfos_stm::FAILURES_BEFORE_GATE;

#[test]
fn an_event_that_reads_much_beside_seven_writers_finishes_within_its_bound_each_time() {
    const LENGTH: u32 = 300;
    const ROUNDS: u32 = 300;
    let state = state(8);
    let vector = state.open_vector("read whole", LENGTH).unwrap();
    let own = state.open_vector("own", 1).unwrap();
    let (stop, bursts) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut slow = state.worker(7);
    let (mut runs, mut runs_max) = (0, 0);
    std::thread::scope(|scope| {
        for participant in 0..7 {
            let (worker, stop, bursts) = (state.worker(participant), &stop, &bursts);
            scope.spawn(move || hammer(worker, vector, LENGTH, stop, bursts));
        }
        for _ in 0..ROUNDS {
            let mut of_this = 0;
            loop {
                of_this += 1;
                begin(&mut slow, 0);
                let read = (0..LENGTH).try_for_each(|index| {
                    if index % 100 == 50 {
                        std::thread::yield_now();
                    }
                    slow.vector_read(vector, index).map(drop)
                });
                if read.is_ok() {
                    slow.vector_write(own, 0, [1; 6]).unwrap();
                }
                if slow.commit(1).committed == 1 {
                    break;
                }
            }
            runs += of_this;
            runs_max = runs_max.max(of_this);
        }
        stop.store(true, Ordering::Relaxed);
    });
    eprintln!("{ROUNDS} events ran {runs} times, one at most {runs_max} times");
    assert!(runs_max <= FAILURES_BEFORE_GATE + 1, "an event ran {runs_max} times");
    assert!(runs > ROUNDS, "there was no contention");
}

#[test]
fn a_burst_of_32_events_with_two_merging_reads_of_23_workers_each_commits() {
    let state = state(23);
    let objects = ["a", "b"].map(|name| state.open_distributed(name, &[Merge::Sum], 0).unwrap());
    let mut worker = state.worker(22);
    worker.begin_burst();
    for event in 0..32 {
        assert!(worker.begin_event(event));
        for object in objects {
            worker.distributed_update(object, 0, 1).unwrap();
            assert_eq!(worker.distributed_read(object).unwrap()[0], event + 1);
        }
    }
    assert_eq!(worker.commit(32).committed, 32);
}

#[test]
fn ten_thousand_leases_end_in_one_transaction() {
    const LEASES: u32 = 10_000;
    let state = state(2);
    let allocator = state.open_allocator("ids", LEASES, 0).unwrap();
    let (mut worker, mut control) = (state.worker(0), state.worker(1));
    for _ in 0..LEASES {
        begin(&mut worker, 0);
        assert!(worker.allocate(allocator, 10).unwrap().is_some());
        assert_eq!(worker.commit(1).committed, 1);
    }
    begin(&mut control, 11);
    let mut ended = 0;
    while let Some(expired) = control.next_expired(allocator).unwrap() {
        control.free(allocator, expired.id).unwrap();
        ended += 1;
    }
    assert_eq!((ended, control.commit(1).committed), (LEASES, 1));
    begin(&mut worker, 12);
    assert!(worker.allocate(allocator, 10).unwrap().is_some());
}

#[test]
fn a_lease_that_ran_out_is_found_again_by_a_run_that_is_a_retry() {
    let state = state(2);
    let allocator = state.open_allocator("ids", 1, 0).unwrap();
    let vector = state.open_vector("contended", 1).unwrap();
    let (mut other, mut control) = (state.worker(0), state.worker(1));
    begin(&mut control, 0);
    let id = control.allocate(allocator, 10).unwrap().unwrap();
    assert_eq!(control.commit(1).committed, 1);
    for run in 0..5 {
        begin(&mut control, 11);
        control.vector_read(vector, 0).unwrap();
        let expired = control.next_expired(allocator).unwrap().unwrap();
        assert_eq!((expired.id, expired.deadline_ns), (id, 10));
        control.free(allocator, expired.id).unwrap();
        if run < 4 {
            begin(&mut other, 11);
            other.vector_write(vector, 0, [run; 6]).unwrap();
            assert_eq!(other.commit(1).committed, 1);
        }
        assert_eq!(control.commit(1).committed, usize::from(run == 4));
    }
    begin(&mut other, 12);
    assert_eq!(other.allocate(allocator, 1), Ok(Some(id)));
}
