//! A burst's transaction begins with the first operation, and one that touches nothing leaves no
//! trace: not in its snapshot, not in history, not in what follows a failure.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nfos_state::{Commit, Settings, State, Worker};
use nfos_sync::Arc;

fn state() -> Arc<State> {
    State::new(Settings { participants: 2, burst_max: 8, memory_bytes_max: 1 << 20, seed: 1 })
}

const DONE: Commit = Commit { committed: 1, conflict: None };

/// One burst of one event, which stands.
fn commit_one(worker: &mut Worker, event: impl FnOnce(&mut Worker)) {
    begin_one(worker);
    event(worker);
    assert_eq!(worker.commit(1), DONE);
}

fn begin_one(worker: &mut Worker) {
    worker.begin_burst();
    assert!(worker.begin_event(1));
}

#[test]
fn a_snapshot_is_taken_when_it_is_first_needed() {
    let state = state();
    let vector = state.open_vector("v", 4).unwrap();
    let (mut late, mut other) = (state.worker(0), state.worker(1));
    begin_one(&mut late);
    late.set_origin(7);
    assert!(late.pass_events(2));
    commit_one(&mut other, |other| other.vector_add(vector, 0, 0, 5).unwrap());
    assert!(late.begin_event(2));
    assert_eq!(late.vector_read(vector, 0).unwrap()[0], 5);
    // From here on it has one.
    assert!(!late.pass_events(1));
    commit_one(&mut other, |other| other.vector_add(vector, 0, 0, 5).unwrap());
    late.vector_write(vector, 1, [9; 6]).unwrap();
    let commit = late.commit(4);
    assert_eq!(commit.committed, 3, "the events before it touched nothing");
    assert_eq!(commit.conflict.unwrap().event, 3);
}

#[test]
fn the_event_that_begins_it_is_known_by_its_origin() {
    let state = state();
    let vector = state.open_vector("v", 4).unwrap();
    let (mut late, mut other) = (state.worker(0), state.worker(1));
    begin_one(&mut late);
    late.set_origin(7);
    late.vector_read(vector, 0).unwrap();
    late.vector_write(vector, 1, [1; 6]).unwrap();
    commit_one(&mut other, |other| {
        other.set_origin(3);
        other.vector_write(vector, 0, [2; 6]).unwrap();
    });
    let conflict = late.commit(1).conflict.unwrap();
    assert_eq!((conflict.origin, conflict.change.unwrap().origin), (7, 3));
}

#[test]
fn after_a_failure_a_burst_that_touches_nothing_ends_the_turn() {
    let state = state();
    let vector = state.open_vector("v", 4).unwrap();
    let (mut late, mut other) = (state.worker(0), state.worker(1));
    for worker in [&mut late, &mut other] {
        begin_one(worker);
        worker.vector_read(vector, 0).unwrap();
        worker.vector_write(vector, 0, [3; 6]).unwrap();
    }
    assert_eq!(other.commit(1), DONE);
    assert_eq!(late.commit(1).committed, 0);
    assert_eq!(late.burst_limit(), 1);
    begin_one(&mut late);
    assert!(!late.is_doomed());
    assert_eq!(late.commit(1), DONE);
    assert!(late.burst_limit() > 1);
    // Had it kept its turn, this one would wait for it for ever.
    for worker in [&mut other, &mut late] {
        begin_one(worker);
        worker.vector_read(vector, 0).unwrap();
        worker.vector_write(vector, 0, [4; 6]).unwrap();
    }
    assert_eq!(late.commit(1), DONE);
    assert_eq!(other.commit(1).committed, 0);
    commit_one(&mut other, |other| other.vector_write(vector, 0, [5; 6]).unwrap());
}

#[test]
fn bursts_that_touch_nothing_count_by_their_events() {
    let state = state();
    let vector = state.open_vector("v", 4).unwrap();
    let (mut late, mut other) = (state.worker(0), state.worker(1));
    for worker in [&mut other, &mut late] {
        begin_one(worker);
        worker.vector_read(vector, 0).unwrap();
        worker.vector_write(vector, 0, [3; 6]).unwrap();
    }
    assert_eq!(other.commit(1), DONE);
    assert_eq!(late.commit(1).committed, 0);
    commit_one(&mut late, |_| ());
    let limit = late.burst_limit();
    assert!(limit < 8, "the burst that failed has halved it");
    // Without events there was nothing that could have met a conflict.
    for _ in 0..16 {
        late.begin_burst();
        assert_eq!(late.commit(0).committed, 0);
    }
    assert_eq!(late.burst_limit(), limit);
    // An event has met none, though it touched nothing.
    commit_one(&mut late, |_| ());
    assert_eq!(late.burst_limit(), limit + 1);
}

#[test]
fn what_touches_nothing_keeps_no_history() {
    let state = state();
    let vector = state.open_vector("v", 1).unwrap();
    let (mut idle, mut writer) = (state.worker(0), state.worker(1));
    commit_one(&mut idle, |idle| _ = idle.vector_read(vector, 0).unwrap());
    assert!(state.oldest_snapshot().is_some());
    commit_one(&mut idle, |_| ());
    assert_eq!(state.oldest_snapshot(), None);
    assert_eq!(idle.committed_at(), None);
    commit_one(&mut writer, |writer| writer.vector_write(vector, 0, [1; 6]).unwrap());
    assert!(writer.committed_at().is_some());
    commit_one(&mut writer, |_| ());
    assert_eq!(writer.committed_at(), None, "that was the burst before");
}
