//! What slows workers down without making any of them run again is counted, and done ahead of need
//! where it can be.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nfos_records::ContentionCount;
use nfos_state::{Merge, ObjectId, SetOutcome, Settings, State, Worker};

fn state(participants: usize) -> Arc<State> {
    State::new(Settings { participants, burst_max: 8, memory_bytes_max: 8 << 20, seed: 4 })
}

fn begin(worker: &mut Worker, now_ns: u64) {
    worker.begin_burst();
    assert!(worker.begin_event(now_ns));
}

fn commit(worker: &mut Worker) {
    assert_eq!(worker.commit(1).committed, 1);
}

#[test]
fn an_absent_key_whose_bucket_gets_another_is_avoided_and_counted() {
    let state = state(2);
    // One bucket.
    let map = state.open_map("m", 2, 4).unwrap();
    let vector = state.open_vector("v", 1).unwrap();
    let [mut a, mut b] = [0, 1].map(|participant| state.worker(participant));
    begin(&mut a, 0);
    assert_eq!(a.map_get(map, b"k"), Ok(None));
    a.vector_add(vector, 0, 0, 1).unwrap();
    begin(&mut b, 0);
    assert_eq!(b.map_set(map, b"l", [1; 6]), Ok(SetOutcome::Ok));
    commit(&mut b);
    commit(&mut a);
    assert_eq!(state.causes(&()), []);
    let avoided = ContentionCount { avoided: 1, ..ContentionCount::named("m") };
    assert_eq!(state.contention(), [avoided]);
}

/// A worker that allocates, one id an event, out of 256 for two.
fn allocations(count: usize) -> ContentionCount {
    let state = state(2);
    let ids = state.open_allocator("ids", 256, 0).unwrap();
    let mut worker = state.worker(0);
    for _ in 0..count {
        begin(&mut worker, 0);
        assert!(worker.allocate(ids, 1).unwrap().is_some());
        commit(&mut worker);
    }
    let mut contention = state.contention();
    contention.pop().unwrap_or_else(|| ContentionCount::named("ids"))
}

#[test]
fn ids_are_fetched_before_a_handler_finds_none_left() {
    // The worker's own half, down to an eighth of all: nothing moves.
    assert_eq!(allocations(96), ContentionCount::named("ids"));
    let first = allocations(97);
    assert_eq!((first.thefts, first.thefts_ahead, first.stolen), (0, 1, 64));
    // All of them: in the end there is nobody left who has twice as many.
    let all = allocations(256);
    assert!(all.thefts_ahead >= 3 && all.thefts <= 6, "{all:?}");
}

#[test]
fn every_pool_that_a_burst_took_from_is_filled_ahead() {
    let state = state(2);
    let names = ["first", "second"];
    let ids = names.map(|name| state.open_allocator(name, 256, 0).unwrap());
    let mut worker = state.worker(0);
    for _ in 0..97 {
        begin(&mut worker, 0);
        for ids in ids {
            assert!(worker.allocate(ids, 1).unwrap().is_some());
        }
        commit(&mut worker);
    }
    let ahead: Vec<_> = state.contention().into_iter().map(|one| one.thefts_ahead).collect();
    assert_eq!(ahead, [1, 1]);
}

#[test]
fn no_id_is_handed_out_twice_and_none_is_lost_while_ids_are_fetched() {
    for (participants, capacity) in [(3, 100), (8, 5), (4, 1_021)] {
        let state = state(participants);
        let ids = state.open_allocator("ids", capacity, 0).unwrap();
        let held = std::sync::Mutex::new(std::collections::HashSet::new());
        std::thread::scope(|scope| {
            for me in 0..participants {
                let (state, held) = (&state, &held);
                scope.spawn(move || {
                    let mut worker = state.worker(me);
                    for round in 0..1_800 {
                        begin(&mut worker, 0);
                        let id = worker.allocate(ids, 1).unwrap();
                        if worker.commit(1).committed == 0 {
                            continue;
                        }
                        let Some(id) = id else { continue };
                        assert!(held.lock().unwrap().insert(id), "{id} is held twice");
                        if round % 3 > 0 {
                            assert!(held.lock().unwrap().remove(&id));
                            free(&mut worker, ids, id);
                        }
                    }
                });
            }
        });
        assert_eq!(held.lock().unwrap().len(), capacity as usize, "{participants} participants");
    }
}

fn free(worker: &mut Worker, ids: ObjectId, id: u32) {
    loop {
        begin(worker, 0);
        worker.free(ids, id).unwrap();
        if worker.commit(1).committed == 1 {
            return;
        }
    }
}

#[test]
fn an_object_is_merged_ahead_at_half_its_staleness_and_no_handler_merges_again() {
    let state = state(2);
    let object = state.open_distributed("d", &[Merge::Sum, Merge::Min], 100).unwrap();
    let [mut a, mut b] = [0, 1].map(|participant| state.worker(participant));
    let mut last = [0; 6];
    for time in 1_000..2_000 {
        begin(&mut b, time);
        b.distributed_update(object, 0, 1).unwrap();
        b.distributed_update(object, 1, time as i64).unwrap();
        commit(&mut b);
        begin(&mut a, time);
        last = a.distributed_read(object).unwrap();
        // A part of one's own makes it a writer that would observe what it merges.
        a.distributed_update(object, 0, 1).unwrap();
        commit(&mut a);
        let all = 2 * (time - 1_000) + 1;
        assert!(last[0] <= all && last[0] + 2 * 100 >= all, "{last:?} at {time}");
    }
    assert_eq!(last[1], 1_000);
    let [count] = &state.contention()[..] else { panic!("{:?}", state.contention()) };
    assert_eq!(count.merges, 1, "the first read finds nothing");
    // At 51, 102, 153, …
    assert_eq!(count.merges_ahead, 19);
    assert_eq!(state.causes(&()), []);
}

#[test]
fn an_object_that_nobody_reads_is_not_merged() {
    let state = state(1);
    let object = state.open_distributed("d", &[Merge::Sum], 10).unwrap();
    let mut worker = state.worker(0);
    for time in 0..100 {
        begin(&mut worker, time);
        worker.distributed_update(object, 0, 1).unwrap();
        commit(&mut worker);
    }
    assert_eq!(state.contention(), []);
}
