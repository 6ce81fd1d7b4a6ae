//! What one participant sees, against collections of the standard library, with bursts cut short
//! at random points.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap};

use nfos_state::{
    AccessError, Cell, Hashing, Merge, ObjectId, SetOutcome, Settings, State, Worker,
};

const SETTINGS: Settings =
    Settings { participants: 1, burst_max: 32, memory_bytes_max: 64 << 20, seed: 1 };

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}

/// Bursts of random events; `event` runs one operation on state and model. Bursts are cut at a
/// random event, from which on the model forgets.
fn cut_at_random<M: Clone>(
    worker: &mut Worker,
    mut model: M,
    bursts: u64,
    mut event: impl FnMut(&mut Worker, &mut M, &mut Random, u64),
) -> M {
    let mut random = Random(0x5eed_5eed);
    let (mut cut, mut whole) = (0, 0);
    for burst in 0..bursts {
        let events = 1 + random.below(16) as usize;
        let end = random.below(2 * events as u64) as usize;
        worker.begin_burst();
        let (mut running, mut kept) = (model.clone(), model.clone());
        for number in 0..events {
            if number == end {
                kept = running.clone();
            }
            assert!(worker.begin_event(burst * 1_000));
            for _ in 0..1 + random.below(3) {
                event(worker, &mut running, &mut random, burst * 1_000);
            }
        }
        let commit = worker.commit(end);
        assert_eq!((commit.committed, commit.conflict), (end.min(events), None));
        if end >= events {
            whole += 1;
            model = running;
        } else {
            cut += 1;
            model = kept;
        }
    }
    assert!(cut > bursts / 10 && whole > bursts / 10);
    model
}

fn cell(value: u64) -> Cell {
    [value, !value, 0, value << 1, 7, value.rotate_left(9)]
}

#[test]
fn a_vector_is_an_array() {
    let state = State::new(SETTINGS);
    let vector = state.open_vector("v", 20).unwrap();
    let mut worker = state.worker(0);
    cut_at_random(&mut worker, vec![[0; 6]; 20], 20_000, |worker, model, random, _| {
        let index = random.below(20) as u32;
        match random.below(3) {
            0 => assert_eq!(worker.vector_read(vector, index), Ok(model[index as usize])),
            1 => {
                model[index as usize] = cell(random.next());
                worker.vector_write(vector, index, model[index as usize]).unwrap();
            }
            _ => {
                let (word, delta) = (random.below(6) as u8, random.next() as i64);
                let place = &mut model[index as usize][usize::from(word)];
                *place = place.wrapping_add(delta as u64);
                worker.vector_add(vector, index, word, delta).unwrap();
            }
        }
    });
}

fn key_bytes(number: u64, key_size: u32) -> Vec<u8> {
    let length = 1 + (number as usize * 7) % key_size as usize;
    let mut bytes = vec![(number >> 3) as u8; length];
    bytes[0] = number as u8;
    bytes
}

/// All entries, each of which must come once.
fn entries(worker: &mut Worker, map: ObjectId) -> HashMap<Vec<u8>, Cell> {
    let (mut entries, mut place) = (HashMap::new(), 0);
    while let Some(entry) = worker.map_next(map, place).unwrap() {
        let key = entry.key[..entry.key_length as usize].to_vec();
        assert!(entry.key[key.len()..].iter().all(|&byte| byte == 0));
        assert_eq!(entries.insert(key, entry.value), None, "an entry came twice");
        place = entry.next;
    }
    entries
}

fn map_agrees(capacity: u32, key_size: u32, keys: u64) {
    let state = State::new(SETTINGS);
    let map = state.open_map("m", capacity, key_size).unwrap();
    let mut worker = state.worker(0);
    let mut outcomes = [0u64; 7];
    let model: HashMap<Vec<u8>, Cell> = HashMap::new();
    cut_at_random(&mut worker, model, 20_000, |worker, model, random, _| {
        let key = key_bytes(random.below(keys), key_size);
        match random.below(16) {
            8 => {
                outcomes[6] += 1;
                assert_eq!(worker.map_len(map), Ok(model.len() as u32));
                assert_eq!(entries(worker, map), *model);
            }
            0..8 => {
                let value = cell(random.next());
                let room = model.len() < capacity as usize || model.contains_key(&key);
                let expected = if room { SetOutcome::Ok } else { SetOutcome::Full };
                assert_eq!(worker.map_set(map, &key, value), Ok(expected));
                outcomes[usize::from(room)] += 1;
                if room {
                    model.insert(key, value);
                }
            }
            9..12 => {
                let value = worker.map_get(map, &key).unwrap();
                outcomes[2 + usize::from(value.is_some())] += 1;
                assert_eq!(value, model.get(&key).copied());
            }
            _ => {
                let removed = worker.map_remove(map, &key).unwrap();
                outcomes[4 + usize::from(removed)] += 1;
                assert_eq!(removed, model.remove(&key).is_some());
            }
        }
    });
    assert!(outcomes.iter().all(|&n| n > 100), "{outcomes:?}");
}

#[test]
fn a_map_is_a_hash_map_of_exact_capacity() {
    map_agrees(100, 13, 150);
    map_agrees(3, 64, 8);
    map_agrees(1, 1, 3);
    map_agrees(40, 41, 60);
}

#[test]
fn what_one_changes_while_going_through_a_map_comes_at_most_once() {
    let state = State::new(SETTINGS);
    let map = state.open_map("m", 64, 8).unwrap();
    let mut worker = state.worker(0);
    worker.begin_burst();
    assert!(worker.begin_event(0));
    for key in 0..20u8 {
        assert_eq!(worker.map_set(map, &[key], [0; 6]), Ok(SetOutcome::Ok));
    }
    assert_eq!(worker.commit(1).committed, 1);
    // Half of the keys are in the state, half are this burst's own.
    worker.begin_burst();
    assert!(worker.begin_event(0));
    for key in 20..40u8 {
        assert_eq!(worker.map_set(map, &[key], [0; 6]), Ok(SetOutcome::Ok));
    }
    let (mut seen, mut place) = ([0; 40], 0);
    while let Some(entry) = worker.map_next(map, place).unwrap() {
        let key = entry.key[0];
        seen[usize::from(key)] += 1;
        // Every key that comes by is set again, its neighbour is removed.
        assert_eq!(worker.map_set(map, &[key], [9; 6]), Ok(SetOutcome::Ok));
        worker.map_remove(map, &[key ^ 1]).unwrap();
        place = entry.next;
    }
    assert!(seen.iter().all(|&times| times <= 1), "{seen:?}");
    assert_eq!(seen.iter().sum::<i32>(), 20, "one of each two neighbours: {seen:?}");
    assert_eq!(worker.map_len(map), Ok(20));
    assert_eq!(worker.map_next(map, u64::MAX).unwrap(), None);
    assert_eq!(worker.commit(1).committed, 1);
}

#[test]
fn a_large_map_with_few_keys_is_gone_through_in_one_event() {
    let state = State::new(Settings { memory_bytes_max: 256 << 20, ..SETTINGS });
    let map = state.open_map("m", 1 << 20, 8).unwrap();
    let mut worker = state.worker(0);
    worker.begin_burst();
    assert!(worker.begin_event(0));
    assert_eq!(worker.map_set(map, b"only", [3; 6]), Ok(SetOutcome::Ok));
    assert_eq!(worker.commit(1).committed, 1);
    worker.begin_burst();
    assert!(worker.begin_event(0));
    let found = entries(&mut worker, map);
    assert_eq!(found, HashMap::from([(b"only".to_vec(), [3; 6])]));
    assert_eq!(worker.commit(1).committed, 1);
}

#[test]
fn a_map_may_hash_alike_in_every_run() {
    let order = |seed, hashing| {
        let state = State::new(Settings { seed, ..SETTINGS });
        let map = state.open_map_with("m", (64, 8), hashing).unwrap();
        assert!(state.open_map_with("m", (64, 8), other(hashing)).is_err());
        let mut worker = state.worker(0);
        worker.begin_burst();
        assert!(worker.begin_event(0));
        for key in 0..32u8 {
            assert_eq!(worker.map_set(map, &[key], [0; 6]), Ok(SetOutcome::Ok));
        }
        assert_eq!(worker.commit(1).committed, 1);
        worker.begin_burst();
        assert!(worker.begin_event(0));
        let mut place = 0;
        std::iter::from_fn(|| {
            let entry = worker.map_next(map, place).unwrap()?;
            place = entry.next;
            Some(entry.key[0])
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(order(1, Hashing::Plain), order(2, Hashing::Plain));
    assert_ne!(order(1, Hashing::Keyed), order(2, Hashing::Keyed));
    assert_eq!(order(1, Hashing::Keyed), order(1, Hashing::Keyed));
}

fn other(hashing: Hashing) -> Hashing {
    match hashing {
        Hashing::Keyed => Hashing::Plain,
        Hashing::Plain => Hashing::Keyed,
    }
}

#[derive(Clone, Default)]
struct Leases {
    deadlines: BTreeMap<u32, u64>,
}

#[test]
fn an_allocator_is_a_set_of_leases() {
    let state = State::new(SETTINGS);
    let allocator = state.open_allocator("a", 12, 0).unwrap();
    let mut worker = state.worker(0);
    let mut outcomes = [0u64; 9];
    cut_at_random(&mut worker, Leases::default(), 30_000, |worker, model, random, now| {
        let id = random.below(12) as u32;
        let duration = random.below(20_000);
        match random.below(6) {
            0 | 1 => match worker.allocate(allocator, duration).unwrap() {
                Some(id) => {
                    outcomes[0] += 1;
                    assert_eq!(model.deadlines.insert(id, now + duration), None);
                }
                None => {
                    outcomes[1] += 1;
                    assert_eq!(model.deadlines.len(), 12);
                }
            },
            2 => {
                let held = worker.refresh(allocator, id, duration).unwrap();
                outcomes[2 + usize::from(held)] += 1;
                let lease = model.deadlines.get_mut(&id);
                assert_eq!(held, lease.is_some());
                if let Some(deadline) = lease {
                    *deadline = (*deadline).max(now + duration);
                }
            }
            3 => match worker.free(allocator, id) {
                Ok(()) => {
                    outcomes[4] += 1;
                    assert!(model.deadlines.remove(&id).is_some());
                }
                Err(error) => {
                    outcomes[5] += 1;
                    assert_eq!(error, AccessError::NotHeld(id));
                    assert!(!model.deadlines.contains_key(&id));
                }
            },
            4 => {
                let live = worker.is_live(allocator, id).unwrap();
                outcomes[6] += 1;
                assert_eq!(live, model.deadlines.get(&id).is_some_and(|&d| d >= now));
            }
            _ => match worker.next_expired(allocator).unwrap() {
                Some(expired) => {
                    outcomes[7] += 1;
                    assert_eq!(model.deadlines.get(&expired.id), Some(&expired.deadline_ns));
                    assert!(expired.deadline_ns < now);
                    if random.below(4) > 0 {
                        worker.free(allocator, expired.id).unwrap();
                        model.deadlines.remove(&expired.id);
                    }
                }
                None => outcomes[8] += 1,
            },
        }
    });
    assert!(outcomes.iter().all(|&n| n > 100), "{outcomes:?}");
}

#[test]
fn a_distributed_object_merges_each_word_by_its_rule() {
    let state = State::new(SETTINGS);
    let merges = [Merge::Sum, Merge::Max, Merge::Min, Merge::Or];
    let object = state.open_distributed("d", &merges, 0).unwrap();
    let mut worker = state.worker(0);
    let start: Cell = [0, 0, u64::MAX, 0, 0, 0];
    cut_at_random(&mut worker, start, 10_000, |worker, model, random, _| {
        let (word, operand) = (random.below(4) as u8, random.next() >> random.below(60));
        if random.below(2) == 0 {
            assert_eq!(worker.distributed_read(object), Ok(*model));
            return;
        }
        worker.distributed_update(object, word, operand as i64).unwrap();
        let place = &mut model[usize::from(word)];
        *place = match merges[usize::from(word)] {
            Merge::Sum => place.wrapping_add(operand),
            Merge::Max => (*place).max(operand),
            Merge::Min => (*place).min(operand),
            Merge::Or => *place | operand,
        };
    });
}

#[test]
fn what_a_guest_names_is_checked() {
    let state = State::new(SETTINGS);
    let vector = state.open_vector("v", 3).unwrap();
    let map = state.open_map("m", 3, 4).unwrap();
    let allocator = state.open_allocator("a", 3, 0).unwrap();
    let object = state.open_distributed("d", &[Merge::Sum], 0).unwrap();
    let mut worker = state.worker(0);
    worker.begin_burst();
    assert!(worker.begin_event(0));
    let unknown = ObjectId::from_raw(77);
    assert_eq!(worker.vector_read(unknown, 0), Err(AccessError::UnknownObject(unknown)));
    let huge = ObjectId::from_raw(u32::MAX);
    assert_eq!(worker.allocate(huge, 0), Err(AccessError::UnknownObject(huge)));
    assert!(matches!(worker.vector_read(map, 0), Err(AccessError::WrongKind { .. })));
    assert!(matches!(worker.map_get(object, b"k"), Err(AccessError::WrongKind { .. })));
    let beyond = Err(AccessError::OutOfRange { index: 3, length: 3 });
    assert_eq!(worker.vector_write(vector, 3, [0; 6]), beyond);
    assert_eq!(worker.vector_add(vector, 0, 6, 1), Err(AccessError::NoSuchWord(6)));
    assert_eq!(worker.free(allocator, 3), beyond);
    assert_eq!(worker.free(allocator, 0), Err(AccessError::NotHeld(0)));
    assert_eq!(worker.distributed_update(object, 1, 1), Err(AccessError::NoSuchWord(1)));
    let long = AccessError::KeyTooLong { length: 5, key_size: 4 };
    assert_eq!(worker.map_set(map, b"12345", [0; 6]), Err(long));
    assert!(worker.observations_hold());
    assert_eq!(worker.commit(1).committed, 1);
}

#[test]
fn opening_again_needs_the_same_shape_and_says_both() {
    let state = State::new(SETTINGS);
    let vector = state.open_vector("x", 3).unwrap();
    assert_eq!(state.open_vector("x", 3), Ok(vector));
    let error = state.open_map("x", 4, 8).unwrap_err().to_string();
    assert_eq!(
        error,
        "`x` is open as a vector of 3 cells and cannot be opened as a map of 4 keys of up to 8 \
         bytes"
    );
    assert!(state.open_vector("empty", 0).is_err());
    assert!(state.open_map("wide", 4, 65).is_err());
    assert!(state.open_distributed("none", &[], 0).is_err());
    let error = state.open_vector("huge", u32::MAX).unwrap_err().to_string();
    assert!(error.contains("`huge` needs 274877906880 bytes of state"), "{error}");
    assert_eq!(state.objects().len(), 1);
    assert_eq!(state.objects()[0].bytes, 192);
}

#[test]
fn a_thousand_structures_can_be_open() {
    let state = State::new(SETTINGS);
    for number in 0..1_000 {
        state.open_vector(&format!("v{number}"), 1).unwrap();
    }
    assert_eq!(state.objects().len(), 1_000);
}

#[test]
fn a_transaction_beyond_the_log_is_refused_and_the_next_one_runs() {
    let state = State::new(SETTINGS);
    let vector = state.open_vector("v", 100_000).unwrap();
    let mut worker = state.worker(0);
    worker.begin_burst();
    assert!(worker.begin_event(0));
    let refused = (0..100_000).find_map(|i| worker.vector_write(vector, i, [1; 6]).err());
    assert_eq!(refused, Some(AccessError::LogFull));
    assert!(worker.observations_hold());
    worker.abandon();
    worker.begin_burst();
    assert!(worker.begin_event(0));
    let refused = (0..100_000).find_map(|i| worker.vector_read(vector, i).err());
    assert_eq!(refused, Some(AccessError::LogFull));
    worker.abandon();
    worker.begin_burst();
    assert!(worker.begin_event(0));
    assert_eq!(worker.vector_read(vector, 7), Ok([0; 6]));
    assert_eq!(worker.commit(1).committed, 1);
}

#[test]
fn init_may_open_its_first_structure_within_the_burst() {
    let state = State::new(SETTINGS);
    let mut worker = state.worker(0);
    worker.begin_burst();
    assert!(worker.begin_event(5));
    let vector = state.open_vector("v", 1).unwrap();
    worker.vector_write(vector, 0, [9; 6]).unwrap();
    assert!(worker.wrote(0));
    assert_eq!(worker.commit(1).committed, 1);
    worker.begin_burst();
    assert!(worker.begin_event(6));
    assert_eq!(worker.vector_read(vector, 0), Ok([9; 6]));
    assert_eq!(worker.commit(1).committed, 1);
}
