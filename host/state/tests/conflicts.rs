//! What the record of an abort tells: both operations, both events, where, and when.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nfos_state::rules::{Cause, MutatorKind, ObserverKind};
use nfos_state::{Conflict, Merge, ObjectId, Place, Settings, State, Worker};

const OBSERVER: u8 = 0x41;
const MUTATOR: u8 = 0x62;

/// Runs an event of worker 0 that `observes`, with an event of worker 2 that `changes` committed
/// in between.
fn conflict(
    open: impl Fn(&State) -> ObjectId,
    before: impl Fn(&mut Worker, ObjectId),
    observes: impl Fn(&mut Worker, ObjectId),
    changes: impl Fn(&mut Worker, ObjectId),
) -> Conflict {
    let state =
        State::new(Settings { participants: 3, burst_max: 32, memory_bytes_max: 1 << 20, seed: 5 });
    let object = open(&state);
    let counter = state.open_vector("counter", 1).unwrap();
    let (mut observer, mut mutator) = (state.worker(0), state.worker(2));
    let run = |worker: &mut Worker, event: &dyn Fn(&mut Worker, ObjectId)| {
        worker.begin_burst();
        assert!(worker.begin_event(1_000));
        worker.set_origin(MUTATOR);
        event(worker, object);
        assert_eq!(worker.commit(1).committed, 1);
    };
    run(&mut observer, &before);
    observer.begin_burst();
    assert!(observer.begin_event(1_000));
    observer.set_origin(0x9f);
    assert!(observer.begin_event(1_000));
    observer.set_origin(OBSERVER);
    observes(&mut observer, object);
    observer.vector_add(counter, 0, 0, 1).unwrap();
    run(&mut mutator, &changes);
    let commit = observer.commit(2);
    observer.waste(77);
    let conflict = commit.conflict.unwrap();
    assert_eq!((commit.committed, conflict.event, conflict.object), (1, 1, object));
    assert_eq!((conflict.origin, conflict.failures), (OBSERVER, 1));
    if let Some(change) = conflict.change {
        assert_eq!((change.participant, change.origin), (2, MUTATOR));
        assert!(change.seen <= conflict.snapshot && conflict.snapshot < change.committed);
    }
    let kept = state.conflicts();
    assert_eq!((kept.counts.len(), kept.counts[0].aborts, kept.counts[0].wasted_ns), (1, 1, 77));
    assert_eq!(kept.counts[0].kind, conflict.kind());
    assert_eq!(kept.samples[0].conflict, conflict);
    assert_eq!((kept.samples[0].participant, kept.samples[0].now_ns), (0, 1_000));
    conflict
}

fn operations(conflict: &Conflict) -> (ObserverKind, Option<MutatorKind>) {
    (conflict.observer, conflict.change.map(|change| change.mutator))
}

fn key(conflict: &Conflict) -> &[u8] {
    match &conflict.place {
        Place::Key(key) => key.as_bytes(),
        other => panic!("{other:?} is no key"),
    }
}

#[test]
fn a_vectors_conflict_names_the_element() {
    let conflict = conflict(
        |state| state.open_vector("v", 100).unwrap(),
        |_, _| {},
        |worker, v| _ = worker.vector_read(v, 42).unwrap(),
        |worker, v| worker.vector_write(v, 42, [1; 6]).unwrap(),
    );
    assert_eq!(conflict.place, Place::Element(42));
    let both = (ObserverKind::VectorRead, Some(MutatorKind::VectorWrite));
    assert_eq!((conflict.cause, operations(&conflict)), (Cause::V1, both));
}

#[test]
fn a_maps_conflict_names_the_key_present_or_absent() {
    // A key in one cell, and one in two.
    for (size, name) in [(13, &b"thirteen byte"[..]), (64, &[0xa5; 50][..])] {
        let open = |state: &State| state.open_map("m", 100, size).unwrap();
        let set = |worker: &mut Worker, m| _ = worker.map_set(m, name, [7; 6]).unwrap();
        let get = |worker: &mut Worker, m| _ = worker.map_get(m, name).unwrap();
        let remove = |worker: &mut Worker, m| assert!(worker.map_remove(m, name).unwrap());
        let hit = conflict(open, set, get, set);
        assert_eq!((hit.cause, key(&hit)), (Cause::M1, name));
        let removed = conflict(open, set, get, remove);
        assert_eq!((removed.cause, key(&removed)), (Cause::M2, name));
        let miss = conflict(open, |_, _| {}, get, set);
        assert_eq!((miss.cause, key(&miss)), (Cause::M3, name));
        assert_eq!(operations(&miss), (ObserverKind::MapMiss, Some(MutatorKind::MapSet)));
        let twice = conflict(open, set, remove, remove);
        assert_eq!((twice.cause, key(&twice)), (Cause::M4, name));
    }
}

/// Runs an event of worker 0 that `observes`, and events of workers 1 and 2 in between; whose the
/// change was that it is told of.
fn blamed(
    state: &Arc<State>,
    observes: impl Fn(&mut Worker),
    changes: [&dyn Fn(&mut Worker); 2],
) -> Option<u16> {
    let counter = state.open_vector("counter", 1).unwrap();
    let mut workers = [0, 1, 2].map(|participant| state.worker(participant));
    let [observer, others @ ..] = &mut workers;
    observer.begin_burst();
    assert!(observer.begin_event(1_000));
    observes(observer);
    observer.vector_add(counter, 0, 0, 1).unwrap();
    for (worker, changes) in others.iter_mut().zip(changes) {
        worker.begin_burst();
        assert!(worker.begin_event(1_000));
        changes(worker);
        assert_eq!(worker.commit(1).committed, 1);
    }
    let change = observer.commit(1).conflict.and_then(|conflict| conflict.change);
    change.map(|change| change.participant)
}

fn with_keys(seed: u64, keys: u8) -> (Arc<State>, ObjectId) {
    let settings = Settings { participants: 4, burst_max: 32, memory_bytes_max: 1 << 20, seed };
    let state = State::new(settings);
    let map = state.open_map("m", 64, 4).unwrap();
    let mut worker = state.worker(3);
    worker.begin_burst();
    assert!(worker.begin_event(1_000));
    (0..keys).for_each(|key| _ = worker.map_set(map, &[key], [7; 6]).unwrap());
    assert_eq!(worker.commit(1).committed, 1);
    worker.idle();
    (state, map)
}

#[test]
fn who_removed_a_key_is_blamed_although_it_had_moved() {
    for (removed, expected) in [(true, Some(2)), (false, None)] {
        let (state, m) = with_keys(5, 1);
        let remove = |worker: &mut Worker| assert!(worker.map_remove(m, &[0]).unwrap());
        let moves = |worker: &mut Worker| {
            remove(worker);
            _ = worker.map_set(m, &[0], [8; 6]).unwrap();
        };
        let last: &dyn Fn(&mut Worker) = if removed { &remove } else { &moves };
        assert_eq!(blamed(&state, remove, [&moves, last]), expected);
    }
}

#[test]
fn who_removed_a_key_is_blamed_and_not_who_did_before_the_snapshot_moved() {
    let (state, m) = with_keys(5, 1);
    let vector = state.open_vector("v", 2).unwrap();
    let mut workers = [0, 1, 2].map(|participant| state.worker(participant));
    let [observer, first, second] = &mut workers;
    let run = |worker: &mut Worker, event: &dyn Fn(&mut Worker)| {
        worker.begin_burst();
        assert!(worker.begin_event(1_000));
        event(worker);
        assert_eq!(worker.commit(1).committed, 1);
    };
    let remove = |worker: &mut Worker| assert!(worker.map_remove(m, &[0]).unwrap());
    observer.begin_burst();
    assert!(observer.begin_event(1_000));
    remove(observer);
    // It is there again, in another slot, when the snapshot moves.
    run(first, &remove);
    run(first, &|worker| {
        _ = worker.map_set(m, &[0], [8; 6]).unwrap();
        worker.vector_write(vector, 0, [1; 6]).unwrap();
    });
    assert_eq!(observer.vector_read(vector, 0), Ok([1; 6]));
    run(second, &remove);
    let conflict = observer.commit(1).conflict.unwrap();
    let change = conflict.change.unwrap();
    assert_eq!((conflict.cause, key(&conflict), change.participant), (Cause::M4, &[0][..], 2));
    assert!(conflict.snapshot < change.committed, "{conflict:?}");
}

#[test]
fn who_inserted_a_key_is_blamed_wherever_in_its_chain_it_went() {
    const ABSENT: [u8; 1] = [200];
    // In some of these the chain of the key has two cells before.
    for seed in 0..256 {
        let (state, m) = with_keys(seed, 63);
        let misses = |worker: &mut Worker| assert!(worker.map_get(m, &ABSENT).unwrap().is_none());
        let inserts = |worker: &mut Worker| _ = worker.map_set(m, &ABSENT, [1; 6]).unwrap();
        let clears = |worker: &mut Worker| {
            (0..63).for_each(|key| assert!(worker.map_remove(m, &[key]).unwrap()));
        };
        assert_eq!(blamed(&state, misses, [&inserts, &clears]), Some(1), "seed {seed}");
    }
}

#[test]
fn a_conflict_of_who_went_through_a_map_names_the_key_that_was_set() {
    let open = |state: &State| state.open_map("m", 100, 8).unwrap();
    let set = |worker: &mut Worker, m| _ = worker.map_set(m, b"a", [7; 6]).unwrap();
    let go_through = |worker: &mut Worker, m| {
        let mut at = 0;
        while let Some(entry) = worker.map_next(m, at).unwrap() {
            at = entry.next;
        }
    };
    let value = conflict(open, set, go_through, set);
    assert_eq!((value.cause, key(&value)), (Cause::M7, &b"a"[..]));
    let insertion = conflict(open, |_, _| {}, go_through, set);
    assert_eq!((insertion.cause, insertion.place), (Cause::M7, Place::Room));
    let length = conflict(open, |_, _| {}, |worker, m| _ = worker.map_len(m).unwrap(), set);
    assert_eq!((length.cause, length.place), (Cause::M8, Place::Room));
}

#[test]
fn a_full_map_and_an_empty_allocator_say_that_it_is_about_room() {
    let full = conflict(
        |state| state.open_map("m", 1, 4).unwrap(),
        |worker, m| _ = worker.map_set(m, b"a", [7; 6]).unwrap(),
        |worker, m| _ = worker.map_set(m, b"b", [7; 6]).unwrap(),
        |worker, m| assert!(worker.map_remove(m, b"a").unwrap()),
    );
    assert_eq!((full.cause, full.place), (Cause::M5, Place::Room));
    let none = conflict(
        |state| state.open_allocator("a", 1, 0).unwrap(),
        |worker, a| assert!(worker.allocate(a, 9).unwrap().is_some()),
        |worker, a| assert!(worker.allocate(a, 9).unwrap().is_none()),
        |worker, a| worker.free(a, 0).unwrap(),
    );
    assert_eq!((none.cause, none.place), (Cause::A1, Place::Room));
}

#[test]
fn an_allocators_conflict_names_the_lease() {
    let conflict = conflict(
        |state| state.open_allocator("a", 8, 0).unwrap(),
        |worker, a| (0..8).for_each(|_| assert!(worker.allocate(a, 900).unwrap().is_some())),
        |worker, a| assert!(worker.refresh(a, 5, 50).unwrap()),
        |worker, a| worker.free(a, 5).unwrap(),
    );
    assert_eq!((conflict.cause, conflict.place), (Cause::A2, Place::Lease(5)));
}

#[test]
fn a_distributed_objects_conflict_names_whose_part_it_was() {
    let conflict = conflict(
        |state| state.open_distributed("d", &[Merge::Sum], 0).unwrap(),
        |_, _| {},
        |worker, d| _ = worker.distributed_read(d).unwrap(),
        |worker, d| worker.distributed_update(d, 0, 1).unwrap(),
    );
    assert_eq!((conflict.cause, conflict.place), (Cause::D1, Place::Part(2)));
}
