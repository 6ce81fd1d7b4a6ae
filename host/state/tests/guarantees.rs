//! What network functions are promised, one test for each promise. Interleavings that matter are
//! made by hand, with the workers of several participants on one thread.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nfos_state::{Cell, Merge, ObjectId, SetOutcome, Settings, State, Worker};

fn state(participants: usize) -> Arc<State> {
    State::new(Settings { participants, burst_max: 32, memory_bytes_max: 32 << 20, seed: 3 })
}

fn workers(state: &Arc<State>, count: usize) -> Vec<Worker> {
    (0..count).map(|participant| state.worker(participant)).collect()
}

fn begin(worker: &mut Worker, now_ns: u64) {
    worker.begin_burst();
    assert!(worker.begin_event(now_ns));
}

/// Runs one event until it commits.
fn run<T>(worker: &mut Worker, now_ns: u64, mut event: impl FnMut(&mut Worker) -> T) -> T {
    loop {
        begin(worker, now_ns);
        let result = event(worker);
        if worker.commit(1).committed == 1 {
            return result;
        }
    }
}

#[test]
fn write_skew_is_impossible() {
    let state = state(2);
    let vector = state.open_vector("on duty", 2).unwrap();
    let mut both = workers(&state, 2);
    run(&mut both[0], 0, |w| (0..2).for_each(|i| w.vector_write(vector, i, [1; 6]).unwrap()));
    // Each leaves if the other stays.
    for (me, worker) in both.iter_mut().enumerate() {
        begin(worker, 0);
        let others = worker.vector_read(vector, 1 - me as u32).unwrap();
        assert_eq!(others[0], 1);
        worker.vector_write(vector, me as u32, [0; 6]).unwrap();
    }
    let [first, second] = [both[0].commit(1), both[1].commit(1)];
    assert_eq!((first.committed, second.committed), (1, 0));
    assert_eq!(second.conflict.unwrap().cause.id(), "V1");
    assert_eq!(run(&mut both[1], 0, |w| w.vector_read(vector, 0).unwrap()[0]), 0);
}

#[test]
fn read_only_never_aborts() {
    let state = state(2);
    let vector = state.open_vector("v", 4).unwrap();
    let map = state.open_map("m", 4, 8).unwrap();
    let mut both = workers(&state, 2);
    let [reader, writer] = &mut both[..] else { unreachable!() };
    for round in 1..200 {
        reader.begin_burst();
        for event in 0..4 {
            assert!(reader.begin_event(round));
            let first = reader.vector_read(vector, 0).unwrap()[0];
            let absent = reader.map_get(map, b"k").unwrap().is_none();
            run(writer, round, |w| {
                (0..4).for_each(|i| w.vector_write(vector, i, [round * 4 + event; 6]).unwrap());
                w.map_set(map, b"k", [round; 6]).unwrap();
            });
            assert_eq!(reader.vector_read(vector, 3).unwrap()[0], first);
            assert_eq!(reader.map_get(map, b"k").unwrap().is_none(), absent);
        }
        assert_eq!((reader.commit(4).committed, reader.burst_limit()), (4, 32));
        run(writer, round, |w| w.map_remove(map, b"k").unwrap());
    }
    assert_eq!(state.causes(&()), []);
}

#[test]
fn own_last_commit_is_visible() {
    let state = state(2);
    let vector = state.open_vector("v", 1).unwrap();
    let mut worker = state.worker(0);
    for round in 0..10_000 {
        let before = run(&mut worker, 0, |w| {
            let mut cell = w.vector_read(vector, 0).unwrap();
            cell[0] += 1;
            w.vector_write(vector, 0, cell).unwrap();
            cell[0] - 1
        });
        assert_eq!(before, round);
    }
}

#[test]
fn merged_value_of_an_aborted_run_is_never_served() {
    let state = state(3);
    let object = state.open_distributed("d", &[Merge::Sum], 1_000_000).unwrap();
    let vector = state.open_vector("v", 1).unwrap();
    let mut all = workers(&state, 3);
    let [first, second, third] = &mut all[..] else { unreachable!() };
    begin(first, 10);
    first.distributed_update(object, 0, 1_000).unwrap();
    assert_eq!(first.distributed_read(object).unwrap()[0], 1_000);
    first.vector_read(vector, 0).unwrap();
    run(second, 10, |w| w.vector_write(vector, 0, [1; 6]).unwrap());
    assert_eq!(first.commit(1).committed, 0);
    assert_eq!(run(third, 11, |w| w.distributed_read(object).unwrap()[0]), 0);
    // That run was committed, so its value is served now, within the staleness and not beyond.
    run(second, 12, |w| w.distributed_update(object, 0, 5).unwrap());
    assert_eq!(run(second, 1_000_011, |w| w.distributed_read(object).unwrap()[0]), 0);
    assert_eq!(run(second, 1_000_012, |w| w.distributed_read(object).unwrap()[0]), 5);
}

#[test]
fn a_merged_value_has_all_that_stood_at_its_time() {
    let state = state(3);
    let object = state.open_distributed("d", &[Merge::Sum], 100).unwrap();
    let vector = state.open_vector("v", 1).unwrap();
    let mut all = workers(&state, 3);
    let [first, second, third] = &mut all[..] else { unreachable!() };
    begin(first, 1_000);
    first.vector_read(vector, 0).unwrap();
    // Stands after the first one's snapshot, before the event that reads.
    run(second, 1_010, |w| w.distributed_update(object, 0, 5).unwrap());
    assert!(first.begin_event(1_020));
    assert_eq!(first.distributed_read(object).unwrap()[0], 5);
    assert_eq!(first.commit(2).committed, 2);
    // Served what the first one merged, within the staleness of 1,020 but not of 1,010.
    run(second, 1_030, |w| w.distributed_update(object, 0, 5).unwrap());
    assert_eq!(run(third, 1_115, |w| w.distributed_read(object).unwrap()[0]), 5);
}

#[test]
fn mutators_never_conflict() {
    let state = state(3);
    let vector = state.open_vector("v", 1).unwrap();
    let map = state.open_map("m", 8, 8).unwrap();
    let allocator = state.open_allocator("a", 30, 0).unwrap();
    let object = state.open_distributed("d", &[Merge::Sum], 0).unwrap();
    let mut all = workers(&state, 3);
    let lease = run(&mut all[0], 0, |w| w.allocate(allocator, 100).unwrap().unwrap());
    for round in 0..20 {
        for (me, worker) in all.iter_mut().enumerate() {
            begin(worker, round);
            worker.vector_add(vector, 0, 1, 1).unwrap();
            worker.map_set(map, b"same", [me as u64; 6]).unwrap();
            worker.map_set(map, &[me as u8], [0; 6]).unwrap();
            worker.refresh(allocator, lease, 100).unwrap();
            worker.distributed_update(object, 0, 1).unwrap();
            if round < 3 {
                assert!(worker.allocate(allocator, 1).unwrap().is_some());
            }
            if round % 2 == 0 {
                worker.vector_write(vector, 0, [round; 6]).unwrap();
            }
        }
        for worker in all.iter_mut().rev() {
            assert_eq!(worker.commit(1).committed, 1);
        }
    }
    assert_eq!(state.causes(&()), []);
    assert_eq!(run(&mut all[1], 20, |w| w.distributed_read(object).unwrap()[0]), 60);
    assert_eq!(run(&mut all[1], 20, |w| w.vector_read(vector, 0).unwrap()[1]), 21);
    assert_eq!(run(&mut all[1], 119, |w| w.is_live(allocator, lease)), Ok(true));
    assert_eq!(run(&mut all[1], 120, |w| w.is_live(allocator, lease)), Ok(false));
    assert_eq!(run(&mut all[1], 0, |w| w.map_get(map, b"same").unwrap()), Some([0; 6]));
}

/// What one does to a map, with a value.
type Move<'a> = &'a dyn Fn(&mut Worker, ObjectId, Cell);

#[test]
fn a_key_set_where_it_was_seen_is_set_wherever_it_went() {
    let keys: [&[u8]; 3] = [b"a", b"b", b"c"];
    // What another does between the run that sees the key and its commit.
    let moves: [Move; 4] = [
        &|_, _, _| {},
        &|w, map, value| assert_eq!(w.map_set(map, b"a", value), Ok(SetOutcome::Ok)),
        &|w, map, _| assert_eq!(w.map_remove(map, b"a"), Ok(true)),
        // The second key comes into a slot of its own, the third into that of the first.
        &|w, map, value| {
            assert_eq!(w.map_remove(map, b"a"), Ok(true));
            assert_eq!(w.map_set(map, b"b", value), Ok(SetOutcome::Ok));
            w.commit(1);
            begin(w, 0);
            assert_eq!(w.map_set(map, b"c", value), Ok(SetOutcome::Ok));
        },
    ];
    for (number, other) in moves.into_iter().enumerate() {
        let state = state(2);
        let map = state.open_map("m", 3, 4).unwrap();
        let [mut setter, mut mover] = [0, 1].map(|participant| state.worker(participant));
        run(&mut setter, 0, |w| w.map_set(map, b"a", [1; 6])).unwrap();
        begin(&mut setter, 0);
        assert_eq!(setter.map_set(map, b"a", [2; 6]), Ok(SetOutcome::Ok));
        run(&mut mover, 0, |w| other(w, map, [3; 6]));
        let commit = setter.commit(1);
        assert_eq!((commit.committed, commit.conflict), (1, None), "{number}");
        let found = keys.map(|key| run(&mut mover, 0, |w| w.map_get(map, key)).unwrap());
        let others = (number == 3).then_some([3; 6]);
        assert_eq!(found, [Some([2; 6]), others, others], "{number}");
        let length = run(&mut mover, 0, |w| w.map_len(map));
        assert_eq!(length, Ok(if number == 3 { 3 } else { 1 }), "{number}");
    }
}

#[test]
fn what_a_burst_sets_a_key_to_stands_event_by_event() {
    let state = state(2);
    let (map, vector) = (state.open_map("m", 4, 8).unwrap(), state.open_vector("v", 1).unwrap());
    let mut both = workers(&state, 2);
    run(&mut both[0], 0, |w| w.map_set(map, b"k", [9; 6]).unwrap());
    both[0].begin_burst();
    for event in 0..3 {
        assert!(both[0].begin_event(0));
        if event == 2 {
            both[0].vector_read(vector, 0).unwrap();
        }
        both[0].map_set(map, b"k", [event; 6]).unwrap();
    }
    run(&mut both[1], 0, |w| w.vector_write(vector, 0, [1; 6]).unwrap());
    assert_eq!(both[0].commit(3).committed, 2);
    assert_eq!(run(&mut both[1], 0, |w| w.map_get(map, b"k").unwrap()), Some([1; 6]));
}

#[test]
fn capacity_is_exact_on_any_number_of_workers() {
    for (participants, capacity) in [(1, 1), (1, 100), (3, 1), (8, 3), (8, 100), (23, 7)] {
        for taking in [1, participants] {
            let state = state(participants);
            let map = state.open_map("m", capacity, 4).unwrap();
            let allocator = state.open_allocator("a", capacity, 0).unwrap();
            let mut all = workers(&state, participants);
            for number in 0..capacity {
                let worker = &mut all[number as usize % taking];
                let set = run(worker, 0, |w| w.map_set(map, &number.to_le_bytes(), [0; 6]));
                assert_eq!(set, Ok(SetOutcome::Ok));
                assert!(run(worker, 0, |w| w.allocate(allocator, 1)).unwrap().is_some());
            }
            for worker in &mut all {
                let set = run(worker, 0, |w| w.map_set(map, b"more", [0; 6]));
                assert_eq!(set, Ok(SetOutcome::Full));
                assert_eq!(run(worker, 0, |w| w.allocate(allocator, 1)), Ok(None));
                let set = run(worker, 0, |w| w.map_set(map, &0u32.to_le_bytes(), [1; 6]));
                assert_eq!(set, Ok(SetOutcome::Ok));
            }
            assert_eq!(state.causes(&()), []);
        }
    }
}

#[test]
fn allocation_fails_only_when_nothing_is_left_anywhere() {
    let state = state(8);
    let allocator = state.open_allocator("a", 64, 0).unwrap();
    let mut all = workers(&state, 8);
    for round in 0..20 {
        let greedy = round % 8;
        let ids: Vec<u32> = (0..64)
            .map(|_| run(&mut all[greedy], 0, |w| w.allocate(allocator, 1)).unwrap().unwrap())
            .collect();
        assert_eq!(run(&mut all[greedy], 0, |w| w.allocate(allocator, 1)), Ok(None));
        for (number, id) in ids.into_iter().enumerate() {
            let other = &mut all[(number + round) % 8];
            run(other, 0, |w| w.free(allocator, id)).unwrap();
        }
    }
}

#[test]
fn an_id_freed_in_an_event_can_be_allocated_in_it() {
    let state = state(2);
    let allocator = state.open_allocator("a", 1, 0).unwrap();
    let map = state.open_map("m", 1, 4).unwrap();
    let mut worker = state.worker(0);
    run(&mut worker, 0, |w| w.allocate(allocator, 5).unwrap().unwrap());
    run(&mut worker, 0, |w| w.map_set(map, b"old", [1; 6]).unwrap());
    for round in 1..50u64 {
        run(&mut worker, round * 10, |w| {
            let expired = w.next_expired(allocator).unwrap().unwrap();
            w.free(allocator, expired.id).unwrap();
            assert_eq!(w.allocate(allocator, 5), Ok(Some(expired.id)));
            assert_eq!(w.allocate(allocator, 5), Ok(None));
            let (old, new) = if round % 2 == 1 { (b"old", b"new") } else { (b"new", b"old") };
            assert_eq!(w.map_remove(map, old), Ok(true));
            assert_eq!(w.map_set(map, new, [round; 6]), Ok(SetOutcome::Ok));
            assert_eq!(w.map_set(map, old, [round; 6]), Ok(SetOutcome::Full));
        });
    }
    assert_eq!(state.causes(&()), []);
}

#[test]
fn control_participant_uses_every_structure() {
    let state = state(3);
    let vector = state.open_vector("v", 1).unwrap();
    let map = state.open_map("m", 2, 4).unwrap();
    let allocator = state.open_allocator("a", 2, 0).unwrap();
    let object = state.open_distributed("d", &[Merge::Sum], 0).unwrap();
    let mut control = state.worker(2);
    run(&mut control, 0, |w| {
        w.vector_write(vector, 0, [1; 6]).unwrap();
        assert_eq!(w.map_set(map, b"k", [1; 6]), Ok(SetOutcome::Ok));
        assert!(w.allocate(allocator, 9).unwrap().is_some());
        w.distributed_update(object, 0, 4).unwrap();
    });
    run(&mut control, 10, |w| {
        assert_eq!(w.vector_read(vector, 0), Ok([1; 6]));
        assert_eq!(w.map_get(map, b"k"), Ok(Some([1; 6])));
        assert_eq!(w.distributed_read(object).unwrap()[0], 4);
        assert_eq!(w.next_expired(allocator).unwrap().unwrap().deadline_ns, 9);
    });
}

#[test]
fn expired_lease_is_found_and_reused() {
    let state = state(3);
    let allocator = state.open_allocator("a", 3, 0).unwrap();
    let mut all = workers(&state, 3);
    let [first, second, control] = &mut all[..] else { unreachable!() };
    let id = run(first, 1_000, |w| w.allocate(allocator, 500).unwrap().unwrap());
    assert_eq!(run(control, 1_500, |w| w.next_expired(allocator)), Ok(None));
    run(first, 1_200, |w| assert_eq!(w.refresh(allocator, id, 500), Ok(true)));
    assert_eq!(run(control, 1_501, |w| w.next_expired(allocator)), Ok(None));
    // Others' leases are for the control loop; one in the hand of a run that fails comes back.
    assert_eq!(run(second, 1_701, |w| w.next_expired(allocator)), Ok(None));
    begin(first, 1_701);
    assert!(first.next_expired(allocator).unwrap().is_some());
    assert_eq!(first.next_expired(allocator), Ok(None));
    first.abandon();
    let expired = run(control, 1_701, |w| {
        let expired = w.next_expired(allocator).unwrap().unwrap();
        w.free(allocator, expired.id).unwrap();
        expired
    });
    assert_eq!((expired.id, expired.deadline_ns), (id, 1_700));
    assert_eq!(run(control, 9_999, |w| w.next_expired(allocator)), Ok(None));
    let again: Vec<_> = (0..3).map(|_| run(second, 2_000, |w| w.allocate(allocator, 1))).collect();
    assert!(again.iter().all(|id| id.as_ref().unwrap().is_some()), "{again:?}");
}

#[test]
fn an_expired_lease_is_found_once_in_a_burst_whoever_takes_its_id_anew() {
    let state = state(2);
    let allocator = state.open_allocator("ids", 1, 0).unwrap();
    let mut both = workers(&state, 2);
    let [worker, control] = &mut both[..] else { unreachable!() };
    let id = run(worker, 0, |w| w.allocate(allocator, 10)).unwrap().unwrap();
    begin(control, 100);
    assert_eq!(control.next_expired(allocator).unwrap().unwrap().deadline_ns, 10);
    run(worker, 20, |w| {
        w.free(allocator, id).unwrap();
        assert_eq!(w.allocate(allocator, 10), Ok(Some(id)));
    });
    // The second tenure has run out as well, but this event sees the first.
    assert_eq!(control.next_expired(allocator), Ok(None));
    assert!(!control.is_doomed());
    assert_eq!(control.commit(1).committed, 1);
    let expired = run(control, 100, |w| w.next_expired(allocator).unwrap().unwrap());
    assert_eq!(expired.deadline_ns, 30);
}

#[test]
fn a_refresh_is_skipped_only_if_it_would_move_the_deadline_by_less_than_the_interval() {
    for (later_ns, deadline_ns) in [(99, 1_500), (100, 1_600), (101, 1_601)] {
        let state = state(1);
        let allocator = state.open_allocator("a", 1, 100).unwrap();
        let mut worker = state.worker(0);
        let id = run(&mut worker, 1_000, |w| w.allocate(allocator, 500).unwrap().unwrap());
        let refreshed = run(&mut worker, 1_000 + later_ns, |w| w.refresh(allocator, id, 500));
        assert_eq!(refreshed, Ok(true));
        let expired = run(&mut worker, 9_999, |w| w.next_expired(allocator).unwrap().unwrap());
        assert_eq!(expired.deadline_ns, deadline_ns, "{later_ns} ns later");
    }
}

#[test]
fn every_event_finishes_in_bounded_attempts() {
    const THREADS: usize = 23;
    const EVENTS: u64 = 2_000;
    let state = state(THREADS);
    let vector = state.open_vector("hot", 1).unwrap();
    let runs_max = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|participant| {
                let mut worker = state.worker(participant);
                scope.spawn(move || count_on(&mut worker, vector, EVENTS))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
    });
    assert!(runs_max <= 31 + 8 + 1, "an event ran {runs_max} times");
    assert!(!state.causes(&()).is_empty(), "there was no contention");
}

/// Counts in one cell; the most runs of an event.
fn count_on(worker: &mut Worker, vector: nfos_state::ObjectId, events: u64) -> u32 {
    let mut runs = [0u32; 32];
    let (mut done, mut runs_max) = (0, 0);
    while done < events {
        worker.begin_burst();
        let mut ran = 0;
        while ran < worker.burst_limit() && worker.begin_event(0) {
            let mut cell = worker.vector_read(vector, 0).unwrap();
            cell[0] += 1;
            worker.vector_write(vector, 0, cell).unwrap();
            if done % 7 == 0 {
                std::thread::yield_now();
            }
            runs[ran] += 1;
            ran += 1;
        }
        let committed = worker.commit(ran).committed;
        runs_max = runs_max.max(runs[..committed].iter().copied().max().unwrap_or(0));
        runs[..ran].rotate_left(committed);
        runs[ran - committed..].fill(0);
        done += committed as u64;
    }
    worker.idle();
    runs_max
}

#[test]
fn no_id_is_owned_twice() {
    let state = state(5);
    let allocator = state.open_allocator("a", 13, 0).unwrap();
    let owned: Vec<AtomicU32> = (0..13).map(|_| AtomicU32::new(0)).collect();
    std::thread::scope(|scope| {
        for participant in 0..5 {
            let (mut worker, owned) = (state.worker(participant), &owned);
            scope.spawn(move || {
                let mut mine = Vec::new();
                for round in 0..20_000u32 {
                    if round.wrapping_mul(0x9e37_79b9) >> 31 == 0 {
                        mine.extend(run(&mut worker, 0, |w| w.allocate(allocator, 1)).unwrap());
                        if let Some(&id) = mine.last() {
                            let before =
                                owned[id as usize].swap(participant as u32 + 1, Ordering::SeqCst);
                            assert!(before == 0 || before == participant as u32 + 1);
                        }
                    } else if let Some(id) = mine.pop() {
                        owned[id as usize].store(0, Ordering::SeqCst);
                        run(&mut worker, 0, |w| w.free(allocator, id)).unwrap();
                    }
                }
                while let Some(id) = mine.pop() {
                    owned[id as usize].store(0, Ordering::SeqCst);
                    run(&mut worker, 0, |w| w.free(allocator, id)).unwrap();
                }
                worker.idle();
            });
        }
    });
}
