//! The table and what happens: every pair of it is made, on one subject and on two, and must have
//! the cause that the table gives it, or none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nfos_state::rules::{
    MUTATORS, MutatorKind, OBSERVERS, OPERATIONS, ObserverKind, Rule, Subject, rule,
};
use nfos_state::{Merge, ObjectId, SetOutcome, Settings, State, Worker};

/// The time at which lease 0 has run out, and lease 1 has not.
const NOW_NS: u64 = 1_000;
/// A free id, and not the first that the mutator is given.
const FREE: u32 = 7;

/// Two workers and structures in the state that an observer of one kind finds interesting.
struct Stage {
    observer: Worker,
    mutator: Worker,
    things: Things,
}

#[derive(Clone, Copy)]
struct Things {
    vector: ObjectId,
    map: ObjectId,
    full: ObjectId,
    ids: ObjectId,
    none_left: ObjectId,
    merged: ObjectId,
    parts: ObjectId,
    /// Which key, element or lease the operation is about.
    subject: Which,
}

#[derive(Clone, Copy, PartialEq)]
enum Which {
    Same,
    Other,
}

impl Things {
    fn element(&self) -> u32 {
        u32::from(self.subject == Which::Other)
    }

    /// A key that is there at first.
    fn present(&self) -> &'static [u8] {
        if self.subject == Which::Same { b"there" } else { b"also there" }
    }

    /// A key that is not.
    fn absent(&self) -> &'static [u8] {
        if self.subject == Which::Same { b"not there" } else { b"not there either" }
    }
}

fn stage() -> Stage {
    let state =
        State::new(Settings { participants: 2, burst_max: 32, memory_bytes_max: 1 << 20, seed: 5 });
    let things = Things {
        vector: state.open_vector("v", 3).unwrap(),
        map: state.open_map("m", 8, 16).unwrap(),
        full: state.open_map("full", 2, 16).unwrap(),
        ids: state.open_allocator("a", 8, 0).unwrap(),
        none_left: state.open_allocator("none", 2, 0).unwrap(),
        merged: state.open_distributed("d", &[Merge::Sum], 0).unwrap(),
        parts: state.open_parts("p", 0).unwrap(),
        subject: Which::Same,
    };
    let (mut observer, mutator) = (state.worker(0), state.worker(1));
    observer.begin_burst();
    assert!(observer.begin_event(800));
    for key in [b"there".as_slice(), b"also there"] {
        for map in [things.map, things.full] {
            assert_eq!(observer.map_set(map, key, [1; 6]), Ok(SetOutcome::Ok));
        }
    }
    // Lease 0 runs out at 900, the next three do not; the other four are free.
    for duration in [100, 4_200, 4_200, 4_200] {
        observer.allocate(things.ids, duration).unwrap().unwrap();
    }
    for _ in 0..2 {
        observer.allocate(things.none_left, 4_200).unwrap().unwrap();
    }
    assert_eq!(observer.commit(1).committed, 1);
    Stage { observer, mutator, things }
}

/// Makes the observation of a kind, in the way that the mutator can end, if it can.
fn observe(kind: ObserverKind, mutator: MutatorKind, worker: &mut Worker, at: &Things) {
    use ObserverKind::*;
    match kind {
        VectorRead => _ = worker.vector_read(at.vector, 0).unwrap(),
        MapHit => assert!(worker.map_get(at.map, b"there").unwrap().is_some()),
        MapMiss => assert!(worker.map_get(at.map, b"not there").unwrap().is_none()),
        MapRemove => {
            let key: &[u8] = if mutator == MutatorKind::MapSet { b"not there" } else { b"there" };
            worker.map_remove(at.map, key).unwrap();
        }
        MapFull => assert_eq!(worker.map_set(at.full, b"more", [0; 6]), Ok(SetOutcome::Full)),
        MapIterate => {
            let mut place = 0;
            while let Some(entry) = worker.map_next(at.map, place).unwrap() {
                place = entry.next;
            }
        }
        MapLength => assert_eq!(worker.map_len(at.map), Ok(2)),
        Allocate => assert!(worker.allocate(at.ids, 50).unwrap().is_some()),
        AllocateNone => assert!(worker.allocate(at.none_left, 50).unwrap().is_none()),
        Refresh if mutator == MutatorKind::Allocate => {
            assert_eq!(worker.refresh(at.ids, FREE, 50), Ok(false));
        }
        Refresh => assert_eq!(worker.refresh(at.ids, 1, 50), Ok(true)),
        // The fault of a guest, unless it runs again.
        Free if mutator == MutatorKind::Allocate => {
            worker.free(at.ids, FREE).unwrap_err();
        }
        Free => worker.free(at.ids, 1).unwrap(),
        IsLive => {
            let id = match mutator {
                MutatorKind::Allocate => FREE,
                MutatorKind::Refresh => 0,
                _ => 1,
            };
            worker.is_live(at.ids, id).unwrap();
        }
        NextExpired => assert_eq!(worker.next_expired(at.ids).unwrap().unwrap().id, 0),
        MergingRead => _ = worker.distributed_read(at.merged).unwrap(),
        OwnPart => _ = worker.own_part(at.parts).unwrap(),
    }
}

/// Makes the change of a kind, to what the observer has looked at or to something else.
fn change(kind: MutatorKind, observer: ObserverKind, worker: &mut Worker, at: &Things) {
    use MutatorKind::*;
    let full = observer == ObserverKind::MapFull;
    let map = if full { at.full } else { at.map };
    // What NextExpired and a lease that has run out are about.
    let expired = observer == ObserverKind::NextExpired
        || (observer == ObserverKind::IsLive && kind == Refresh);
    let lease = match (expired, at.subject) {
        (true, Which::Same) => 0,
        (false, Which::Same) => 1,
        (_, Which::Other) => 2,
    };
    match kind {
        VectorWrite => worker.vector_write(at.vector, at.element(), [7; 6]).unwrap(),
        VectorAdd => worker.vector_add(at.vector, at.element(), 0, 1).unwrap(),
        // A present key, unless its insertion is what can be observed.
        MapSet => {
            let inserts = matches!(observer, ObserverKind::MapMiss | ObserverKind::MapRemove);
            let key = if inserts { at.absent() } else { at.present() };
            assert_eq!(worker.map_set(map, key, [7; 6]), Ok(SetOutcome::Ok));
        }
        // A remove changes the count as well, unless of what is not there.
        MapRemove => {
            use ObserverKind::{MapFull, MapLength, MapMiss};
            let absent = matches!(observer, MapFull | MapLength | MapMiss);
            let key = if absent { at.absent() } else { at.present() };
            worker.map_remove(map, key).unwrap();
        }
        MapShrink if full => assert_eq!(worker.map_remove(map, b"there"), Ok(true)),
        MapShrink => assert_eq!(worker.map_remove(map, b"also there"), Ok(true)),
        // A full map grows when something else goes.
        MapGrow if full => {
            assert_eq!(worker.map_remove(map, b"there"), Ok(true));
            assert_eq!(worker.map_set(map, b"unrelated", [7; 6]), Ok(SetOutcome::Ok));
        }
        MapGrow => {
            assert_eq!(worker.map_set(map, b"unrelated", [7; 6]), Ok(SetOutcome::Ok));
        }
        // Of which id is unspecified, so all are taken to meet the one observed; an allocation
        // where none is left follows a free.
        Allocate if observer == ObserverKind::AllocateNone => {
            worker.free(at.none_left, 0).unwrap();
            assert!(worker.allocate(at.none_left, 50).unwrap().is_some());
        }
        Allocate => {
            let mut take = || worker.allocate(at.ids, 50).unwrap();
            match at.subject {
                Which::Same => while take().expect("a free id") != FREE {},
                Which::Other => assert!(take().is_some_and(|id| id != FREE)),
            }
        }
        Refresh if observer == ObserverKind::AllocateNone => {
            assert_eq!(worker.refresh(at.none_left, 0, 9_000), Ok(true));
        }
        Refresh => assert_eq!(worker.refresh(at.ids, lease, 9_000), Ok(true)),
        Free if observer == ObserverKind::AllocateNone => worker.free(at.none_left, 0).unwrap(),
        Free if observer == ObserverKind::Allocate => worker.free(at.ids, 3).unwrap(),
        Free => worker.free(at.ids, lease).unwrap(),
        Update if observer == ObserverKind::OwnPart => {
            worker.set_part(at.parts, [3; 6]).unwrap();
        }
        Update => worker.distributed_update(at.merged, 0, 1).unwrap(),
    }
}

/// The cause of a pair: an observation, and the change committed in between.
fn made(observer: ObserverKind, mutator: MutatorKind, subject: Which) -> Rule {
    let Stage { observer: mut first, mutator: mut second, mut things } = stage();
    things.subject = subject;
    first.begin_burst();
    assert!(first.begin_event(NOW_NS));
    observe(observer, mutator, &mut first, &things);
    // An event that only observes never runs again.
    first.vector_add(things.vector, 2, 0, 1).unwrap();
    second.begin_burst();
    assert!(second.begin_event(NOW_NS));
    change(mutator, observer, &mut second, &things);
    assert_eq!(second.commit(1).committed, 1, "{mutator:?}");
    first.commit(1).conflict.map_or(Rule::Never, |conflict| Rule::Conflict(conflict.cause))
}

#[test]
fn every_pair_of_the_table_has_its_cause_or_none() {
    let (mut never, mut conflicts) = (0, 0);
    for (&observer, &mutator) in pairs() {
        let expected = rule(observer, mutator);
        assert_eq!(made(observer, mutator, Which::Same), expected, "{observer:?} × {mutator:?}");
        match expected {
            Rule::Never => never += 1,
            Rule::Conflict(_) => conflicts += 1,
        }
    }
    assert!(never > 10 && conflicts > 15, "{never} pairs never conflict, {conflicts} do");
}

#[test]
fn no_pair_on_different_subjects_conflicts() {
    for (&observer, &mutator) in pairs() {
        if observer.subject() != Subject::Whole {
            let outcome = made(observer, mutator, Which::Other);
            assert_eq!(outcome, Rule::Never, "{observer:?} × {mutator:?}");
        }
    }
}

/// All pairs within a structure.
fn pairs() -> impl Iterator<Item = (&'static ObserverKind, &'static MutatorKind)> {
    let all = OBSERVERS.iter().flat_map(|observer| MUTATORS.iter().map(move |m| (observer, m)));
    all.filter(|(observer, mutator)| observer.structure() == mutator.structure())
}

#[test]
fn every_pair_of_operations_has_an_id_with_both_texts_or_never_conflicts() {
    let mut conflicts = 0;
    for first in OPERATIONS {
        for second in OPERATIONS {
            for cause in first.conflicts_with(second) {
                conflicts += 1;
                assert!(!cause.text().is_empty() && !cause.recipe().is_empty());
                assert_eq!(first.structure, second.structure);
            }
        }
    }
    assert!(conflicts > 30, "{conflicts}");
}

const THREADS: usize = 8;
const ROUNDS: u64 = 2_000;

/// Eight threads that run `event`, with their number and round; nothing may run again.
fn nobody_runs_again(
    open: impl Fn(&State) -> ObjectId,
    event: impl Fn(&mut Worker, ObjectId, usize, u64) + Sync,
) {
    let state = State::new(Settings {
        participants: THREADS,
        burst_max: 32,
        memory_bytes_max: 8 << 20,
        seed: 6,
    });
    let object = open(&state);
    std::thread::scope(|scope| {
        for me in 0..THREADS {
            let (state, event) = (&state, &event);
            scope.spawn(move || {
                rounds(state, me, &mut |worker, round| {
                    event(worker, object, me, round);
                })
            });
        }
    });
    assert_eq!(state.causes(&()), []);
}

fn rounds(state: &Arc<State>, me: usize, event: &mut dyn FnMut(&mut Worker, u64)) {
    let mut worker = state.worker(me);
    for round in 0..ROUNDS {
        worker.begin_burst();
        for number in 0..4 {
            assert!(worker.begin_event(10_000 + round * 4 + number));
            event(&mut worker, round * 4 + number);
            if number.is_multiple_of(2) {
                std::thread::yield_now();
            }
        }
        assert_eq!(worker.commit(4).committed, 4);
    }
}

#[test]
fn vectors_without_a_common_element_read_and_written_never_conflict() {
    let open = |state: &State| state.open_vector("v", 64).unwrap();
    nobody_runs_again(open, |worker, vector, me, round| {
        let own = 32 + me as u32;
        let read = worker.vector_read(vector, own).unwrap();
        worker.vector_write(vector, own, [read[0] + 1; 6]).unwrap();
        worker.vector_write(vector, (round % 4) as u32, [round; 6]).unwrap();
        worker.vector_add(vector, 4 + (round % 4) as u32, 1, 1).unwrap();
    });
}

#[test]
fn maps_with_keys_of_ones_own_observed_never_conflict() {
    // Two buckets for all keys: absences are looked up again and again.
    let open = |state: &State| state.open_map("m", 4_000, 8).unwrap();
    nobody_runs_again(open, |worker, map, me, round| {
        let key = |number: u64| [me as u8, number as u8, 1];
        assert!(worker.map_get(map, &key(99)).unwrap().is_none());
        let own = key(round % 8);
        let was_there = worker.map_get(map, &own).unwrap().is_some();
        assert_eq!(worker.map_remove(map, &own), Ok(was_there));
        if !was_there {
            assert_eq!(worker.map_set(map, &own, [round; 6]), Ok(SetOutcome::Ok));
        }
        let shared = [200, (round % 8) as u8];
        assert_eq!(worker.map_set(map, &shared, [round; 6]), Ok(SetOutcome::Ok));
    });
}

#[test]
fn leases_of_ones_own_and_refreshes_of_any_never_conflict() {
    let open = |state: &State| state.open_allocator("a", 4_096, 0).unwrap();
    nobody_runs_again(open, |worker, ids, _, _| {
        let own = worker.allocate(ids, 1_000).unwrap().unwrap();
        assert_eq!(worker.is_live(ids, own), Ok(true));
        assert_eq!(worker.refresh(ids, own, 2_000), Ok(true));
        worker.free(ids, own).unwrap();
    });
    let taken = std::sync::Barrier::new(THREADS);
    nobody_runs_again(open, |worker, ids, me, round| {
        // The first event of thread 0 takes id 0, which is the first of its pool.
        if round == 0 && me == 0 {
            assert_eq!(worker.allocate(ids, 1 << 40), Ok(Some(0)));
        } else if round == 4 {
            taken.wait();
        }
        // Since the barrier its commit is in every snapshot.
        if round >= 8 {
            assert_eq!(worker.refresh(ids, 0, 1 << 40), Ok(true));
            assert_eq!(worker.is_live(ids, 0), Ok(true));
        }
    });
}

#[test]
fn distributed_updates_stale_reads_and_own_parts_never_conflict() {
    let open = |state: &State| state.open_distributed("d", &[Merge::Sum], u64::MAX).unwrap();
    nobody_runs_again(open, |worker, object, _, round| {
        worker.distributed_update(object, 0, 1).unwrap();
        // The first read of all may merge, and then writes nothing beside it.
        if round > 0 {
            worker.distributed_update(object, 0, -1).unwrap();
        }
    });
    let open = |state: &State| state.open_parts("p", 0).unwrap();
    nobody_runs_again(open, |worker, object, _, round| {
        let own = worker.own_part(object).unwrap();
        assert_eq!(own[0], round);
        worker.set_part(object, [own[0] + 1; 6]).unwrap();
    });
}
