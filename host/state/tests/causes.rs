//! Every row of the table, provoked: an observer, and a mutator that commits in between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nfos_state::{Merge, ObjectId, Place, SetOutcome, Settings, State, Worker};

struct Pair {
    state: Arc<State>,
    observer: Option<Worker>,
    mutator: Option<Worker>,
    vector: ObjectId,
    map: ObjectId,
    ids: ObjectId,
    object: ObjectId,
}

impl Pair {
    fn new() -> Self {
        let state = State::new(Settings {
            participants: 2,
            burst_max: 32,
            memory_bytes_max: 1 << 20,
            seed: 5,
        });
        Self {
            vector: state.open_vector("v", 2).unwrap(),
            map: state.open_map("m", 2, 4).unwrap(),
            ids: state.open_allocator("a", 4, 0).unwrap(),
            object: state.open_distributed("d", &[Merge::Sum], 0).unwrap(),
            observer: Some(state.worker(0)),
            mutator: Some(state.worker(1)),
            state,
        }
    }

    /// Commits `before`, then runs `observes` with `changes` committed in between. The id and text
    /// of the conflict, if there is one.
    fn provoke(
        mut self,
        before: impl Fn(&Self, &mut Worker),
        observes: impl Fn(&Self, &mut Worker),
        changes: impl Fn(&Self, &mut Worker),
    ) -> Option<(&'static str, String)> {
        let mut observer = self.observer.take().unwrap();
        let mut mutator = self.mutator.take().unwrap();
        let run = |worker: &mut Worker, event: &dyn Fn(&mut Worker)| {
            worker.begin_burst();
            assert!(worker.begin_event(1_000));
            event(worker);
            worker.commit(1)
        };
        assert_eq!(run(&mut observer, &|worker| before(&self, worker)).committed, 1);
        observer.begin_burst();
        assert!(observer.begin_event(1_000));
        observes(&self, &mut observer);
        observer.vector_add(self.vector, 1, 0, 1).unwrap();
        assert_eq!(run(&mut mutator, &|worker| changes(&self, worker)).committed, 1);
        let conflict = observer.commit(1).conflict?;
        let causes = self.state.causes(&());
        assert_eq!((causes.len(), causes[0].aborts), (1, 1));
        assert_eq!(causes[0].id, conflict.cause.id());
        Some((conflict.cause.id(), causes[0].cause.clone()))
    }
}

fn id_of(conflict: Option<(&'static str, String)>) -> Option<&'static str> {
    conflict.map(|(id, _)| id)
}

const NOTHING: fn(&Pair, &mut Worker) = |_, _| {};

fn set(key: &'static [u8]) -> impl Fn(&Pair, &mut Worker) {
    move |pair, worker| {
        assert_eq!(worker.map_set(pair.map, key, [7; 6]), Ok(SetOutcome::Ok));
    }
}

fn remove(key: &'static [u8]) -> impl Fn(&Pair, &mut Worker) {
    move |pair, worker| {
        worker.map_remove(pair.map, key).unwrap();
    }
}

fn get(key: &'static [u8]) -> impl Fn(&Pair, &mut Worker) {
    move |pair, worker| {
        worker.map_get(pair.map, key).unwrap();
    }
}

#[test]
fn vector_conflicts_are_those_of_the_table() {
    let read = |pair: &Pair, worker: &mut Worker| {
        worker.vector_read(pair.vector, 0).unwrap();
    };
    let write = |index| {
        move |pair: &Pair, worker: &mut Worker| {
            worker.vector_write(pair.vector, index, [1; 6]).unwrap();
        }
    };
    let add = |pair: &Pair, worker: &mut Worker| worker.vector_add(pair.vector, 0, 0, 1).unwrap();
    let conflict = Pair::new().provoke(NOTHING, read, write(0));
    let text = "an element of v was read here and rewritten elsewhere";
    assert_eq!(conflict, Some(("V1", text.into())));
    assert_eq!(id_of(Pair::new().provoke(NOTHING, read, add)), Some("V2"));
    assert_eq!(Pair::new().provoke(NOTHING, read, write(1)), None);
    assert_eq!(Pair::new().provoke(NOTHING, write(0), write(0)), None);
    assert_eq!(Pair::new().provoke(NOTHING, add, write(0)), None);
}

#[test]
fn map_conflicts_are_those_of_the_table() {
    assert_eq!(id_of(Pair::new().provoke(set(b"k"), get(b"k"), set(b"k"))), Some("M1"));
    assert_eq!(id_of(Pair::new().provoke(set(b"k"), get(b"k"), remove(b"k"))), Some("M2"));
    assert_eq!(id_of(Pair::new().provoke(NOTHING, get(b"k"), set(b"k"))), Some("M3"));
    assert_eq!(id_of(Pair::new().provoke(NOTHING, remove(b"k"), set(b"k"))), Some("M4"));
    assert_eq!(id_of(Pair::new().provoke(set(b"k"), remove(b"k"), remove(b"k"))), Some("M4"));
    let two = |pair: &Pair, worker: &mut Worker| {
        set(b"k")(pair, worker);
        set(b"l")(pair, worker);
    };
    let full = |pair: &Pair, worker: &mut Worker| {
        assert_eq!(worker.map_set(pair.map, b"n", [0; 6]), Ok(SetOutcome::Full));
    };
    assert_eq!(id_of(Pair::new().provoke(two, full, remove(b"k"))), Some("M5"));
    // A map of two keys has one bucket.
    assert_eq!(Pair::new().provoke(set(b"k"), get(b"k"), set(b"l")), None);
    assert_eq!(Pair::new().provoke(NOTHING, get(b"k"), set(b"l")), None);
    assert_eq!(Pair::new().provoke(set(b"l"), get(b"k"), remove(b"l")), None);
    assert_eq!(Pair::new().provoke(set(b"k"), remove(b"k"), set(b"k")), None);
    assert_eq!(Pair::new().provoke(NOTHING, set(b"k"), set(b"k")), None);
    assert_eq!(Pair::new().provoke(two, full, set(b"k")), None);
}

/// The first id is held until 900, so it has run out at 1,000; the second until 5,000.
fn two_leases(pair: &Pair, worker: &mut Worker) {
    assert!(worker.begin_event(800));
    assert_eq!(worker.allocate(pair.ids, 100), Ok(Some(0)));
    assert_eq!(worker.allocate(pair.ids, 4_200), Ok(Some(1)));
}

fn lease_conflict(
    observes: impl Fn(&Pair, &mut Worker),
    changes: impl Fn(&Pair, &mut Worker),
) -> Option<&'static str> {
    let mut pair = Pair::new();
    let mut worker = pair.observer.take().unwrap();
    worker.begin_burst();
    two_leases(&pair, &mut worker);
    assert_eq!(worker.commit(1).committed, 1);
    pair.observer = Some(worker);
    id_of(pair.provoke(NOTHING, observes, changes))
}

#[test]
fn allocator_conflicts_are_those_of_the_table() {
    let free = |id| move |p: &Pair, w: &mut Worker| w.free(p.ids, id).unwrap();
    let refresh =
        |id| move |p: &Pair, w: &mut Worker| assert_eq!(w.refresh(p.ids, id, 50), Ok(true));
    let is_live = |id| {
        move |p: &Pair, w: &mut Worker| {
            w.is_live(p.ids, id).unwrap();
        }
    };
    let expired =
        |p: &Pair, w: &mut Worker| assert_eq!(w.next_expired(p.ids).unwrap().unwrap().id, 0);
    let allocate = |p: &Pair, w: &mut Worker| assert!(w.allocate(p.ids, 9).unwrap().is_some());
    let exhaust = |p: &Pair, w: &mut Worker| while w.allocate(p.ids, 9).unwrap().is_some() {};
    assert_eq!(lease_conflict(refresh(1), free(1)), Some("A2"));
    assert_eq!(lease_conflict(expired, refresh(0)), Some("A3"));
    assert_eq!(lease_conflict(expired, free(0)), Some("A4"));
    assert_eq!(lease_conflict(free(0), free(0)), Some("A4"));
    assert_eq!(lease_conflict(is_live(1), free(1)), Some("A5"));
    assert_eq!(lease_conflict(is_live(0), refresh(0)), Some("A5"));
    assert_eq!(lease_conflict(exhaust, free(1)), Some("A1"));
    assert_eq!(lease_conflict(refresh(1), refresh(1)), None);
    assert_eq!(lease_conflict(is_live(1), refresh(1)), None);
    assert_eq!(lease_conflict(is_live(0), free(0)), None);
    assert_eq!(lease_conflict(allocate, allocate), None);
    assert_eq!(lease_conflict(allocate, free(1)), None);
    assert_eq!(lease_conflict(free(0), refresh(0)), None);
    // What the event itself has refreshed is not due, whoever refreshes it too.
    let refreshed = |p: &Pair, w: &mut Worker| {
        assert_eq!(w.refresh(p.ids, 0, 50), Ok(true));
        assert_eq!(w.next_expired(p.ids), Ok(None));
    };
    assert_eq!(lease_conflict(refreshed, refresh(0)), None);
    assert_eq!(lease_conflict(refreshed, free(0)), Some("A2"));
}

#[test]
fn distributed_conflicts_are_those_of_the_table() {
    let read = |pair: &Pair, worker: &mut Worker| {
        worker.distributed_read(pair.object).unwrap();
    };
    let update = |pair: &Pair, worker: &mut Worker| {
        worker.distributed_update(pair.object, 0, 1).unwrap();
    };
    assert_eq!(id_of(Pair::new().provoke(NOTHING, read, update)), Some("D1"));
    assert_eq!(Pair::new().provoke(NOTHING, update, update), None);
    assert_eq!(Pair::new().provoke(NOTHING, read, read), None);
}

#[test]
fn a_change_hidden_behind_a_later_one_of_its_commit_gives_its_own_cause() {
    let all_held = |p: &Pair, w: &mut Worker| {
        (0..4).for_each(|_| assert!(w.allocate(p.ids, 0).unwrap().is_some()));
        assert_eq!(w.map_set(p.map, b"old", [1; 6]), Ok(SetOutcome::Ok));
        assert_eq!(w.map_set(p.map, b"too", [1; 6]), Ok(SetOutcome::Ok));
    };
    let again = |p: &Pair, w: &mut Worker| {
        w.free(p.ids, 0).unwrap();
        assert_eq!(w.allocate(p.ids, 500), Ok(Some(0)));
        assert_eq!(w.refresh(p.ids, 0, 900), Ok(true));
        assert_eq!(w.map_remove(p.map, b"old"), Ok(true));
        assert_eq!(w.map_set(p.map, b"new", [2; 6]), Ok(SetOutcome::Ok));
    };
    let of_lease = Pair::new().provoke(all_held, |p, w| w.free(p.ids, 0).unwrap(), again);
    assert_eq!(of_lease.unwrap().0, "A5");
    let of_key = |p: &Pair, w: &mut Worker| assert!(w.map_get(p.map, b"old").unwrap().is_some());
    assert_eq!(Pair::new().provoke(all_held, of_key, again).unwrap().0, "M2");
}

/// The ids that it finds in nobody's hands are those of a newer state than the one it sees.
#[test]
fn an_event_that_sees_an_old_state_is_told_what_made_it_old_and_of_no_shortage() {
    let mut pair = Pair::new();
    let [mut observer, mut mutator] = [pair.observer.take().unwrap(), pair.mutator.take().unwrap()];
    let begin = |worker: &mut Worker| {
        worker.begin_burst();
        assert!(worker.begin_event(1_000));
    };
    begin(&mut mutator);
    (0..4).for_each(|_| assert!(mutator.allocate(pair.ids, 10).unwrap().is_some()));
    assert_eq!(mutator.commit(1).committed, 1);
    begin(&mut observer);
    observer.vector_read(pair.vector, 0).unwrap();
    begin(&mut mutator);
    mutator.vector_write(pair.vector, 0, [9; 6]).unwrap();
    mutator.free(pair.ids, 2).unwrap();
    assert_eq!(mutator.commit(1).committed, 1);
    // There is one, but at the snapshot it was held.
    assert_eq!(observer.allocate(pair.ids, 10), Ok(None));
    let conflict = observer.commit(1).conflict.unwrap();
    assert_eq!((conflict.cause.id(), conflict.place), ("V1", Place::Element(0)));
}
