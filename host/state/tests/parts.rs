//! Distributed objects whose parts the network function merges itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nfos_state::{AccessError, Cell, Merge, ObjectId, Settings, State, Worker};

const STALENESS_NS: u64 = 100;

fn state(participants: usize) -> (Arc<State>, ObjectId) {
    let settings = Settings { participants, burst_max: 8, memory_bytes_max: 1 << 20, seed: 1 };
    let state = State::new(settings);
    let object = state.open_parts("longest", STALENESS_NS).unwrap();
    (state, object)
}

fn begin(worker: &mut Worker, now_ns: u64) {
    worker.begin_burst();
    assert!(worker.begin_event(now_ns));
}

/// The greatest first word, with what belongs to it: what no merge of single words can give.
fn longest(worker: &mut Worker, object: ObjectId) -> (Cell, bool) {
    if let Some(published) = worker.published(object).unwrap() {
        return (published, false);
    }
    let parts = 0..worker.parts(object).unwrap();
    let merged = parts.map(|index| worker.part(object, index).unwrap()).max().unwrap();
    worker.publish(object, merged).unwrap();
    (merged, true)
}

fn set(worker: &mut Worker, object: ObjectId, now_ns: u64, value: Cell) {
    begin(worker, now_ns);
    worker.set_part(object, value).unwrap();
    assert_eq!(worker.own_part(object), Ok(value));
    assert_eq!(worker.commit(1).committed, 1);
}

#[test]
fn what_is_published_serves_all_workers_for_the_staleness() {
    let (state, object) = state(3);
    let [mut a, mut b, mut c] = [0, 1, 2].map(|participant| state.worker(participant));
    set(&mut a, object, 0, [5, 50, 0, 0, 0, 0]);
    set(&mut b, object, 0, [7, 70, 0, 0, 0, 0]);
    begin(&mut a, 10);
    assert_eq!(longest(&mut a, object), ([7, 70, 0, 0, 0, 0], true));
    assert_eq!(a.commit(1).committed, 1);
    set(&mut b, object, 20, [9, 90, 0, 0, 0, 0]);
    begin(&mut c, 110);
    assert_eq!(longest(&mut c, object), ([7, 70, 0, 0, 0, 0], false));
    assert_eq!(c.commit(1).committed, 1);
    begin(&mut c, 111);
    assert_eq!(longest(&mut c, object), ([9, 90, 0, 0, 0, 0], true));
    assert_eq!(c.commit(1).committed, 1);
}

#[test]
fn what_a_run_publishes_that_is_thrown_away_is_never_served() {
    let (state, object) = state(2);
    let [mut a, mut b] = [0, 1].map(|participant| state.worker(participant));
    begin(&mut a, 10);
    a.set_part(object, [8; 6]).unwrap();
    assert_eq!(longest(&mut a, object), ([8; 6], true));
    a.abandon();
    begin(&mut b, 20);
    assert_eq!(longest(&mut b, object), ([0; 6], true));
    assert_eq!(b.commit(1).committed, 1);
}

#[test]
fn a_part_that_was_read_and_changed_meanwhile_is_a_conflict() {
    let (state, object) = state(2);
    let [mut a, mut b] = [0, 1].map(|participant| state.worker(participant));
    begin(&mut a, 10);
    longest(&mut a, object);
    a.set_part(object, [1; 6]).unwrap();
    set(&mut b, object, 10, [2; 6]);
    let commit = a.commit(1);
    assert_eq!(commit.conflict.unwrap().cause.id(), "D1");
    let told = &state.causes(&())[0].cause;
    assert!(told.contains("longest was older than its staleness"), "{told}");
}

#[test]
fn the_two_sorts_of_distributed_objects_are_told_apart() {
    let (state, object) = state(2);
    let merged = state.open_distributed("sum", &[Merge::Sum], 0).unwrap();
    assert!(state.open_parts("sum", 0).is_err() && state.open_parts("longest", 7).is_err());
    assert_eq!(state.open_parts("longest", STALENESS_NS), Ok(object));
    let mut worker = state.worker(0);
    begin(&mut worker, 0);
    let other = |object| Err(AccessError::OtherMerge(object));
    assert_eq!(worker.distributed_read(object), other(object));
    assert_eq!(worker.distributed_update(object, 0, 1).map(|()| [0; 6]), other(object));
    assert_eq!(worker.own_part(merged), other(merged));
    assert_eq!(worker.part(merged, 0), other(merged));
    let beyond = AccessError::OutOfRange { index: 2, length: 2 };
    assert_eq!(worker.part(object, 2), Err(beyond));
    assert_eq!(worker.commit(1).committed, 1);
}
