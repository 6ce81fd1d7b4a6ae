//! What others offer: maps without transactions, a transactional memory, and one lock for all.

use std::hint::black_box;
use std::sync::Mutex;

use foldhash::fast::RandomState;
use nfos_rounds::{Subject, aside};
use stm::TVar;

use crate::draws::Draws;
use crate::ours::{BURST_MAX, RUN, next_value};
use crate::{KEY_BYTES, Value, key};

type Key = [u8; KEY_BYTES];

/// A concurrent map.
pub trait Map: Sync + Sized {
    /// Its name.
    const NAME: &'static str;
    /// One with so much room.
    fn with_capacity(capacity: usize) -> Self;
    /// The value of a key.
    fn get(&self, key: &Key) -> Option<Value>;
    /// Gives a key a value.
    fn set(&self, key: Key, value: Value);
    /// Takes a key out.
    fn remove(&self, key: &Key) -> bool;
}

/// `papaya`.
pub type Papaya = papaya::HashMap<Key, Value, RandomState>;
/// `scc`.
pub type Scc = scc::HashMap<Key, Value, RandomState>;
/// `dashmap`.
pub type Dash = dashmap::DashMap<Key, Value, RandomState>;

impl Map for Papaya {
    const NAME: &'static str = "papaya";

    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }

    #[inline]
    fn get(&self, key: &Key) -> Option<Value> {
        self.pin().get(key).copied()
    }

    #[inline]
    fn set(&self, key: Key, value: Value) {
        self.pin().insert(key, value);
    }

    #[inline]
    fn remove(&self, key: &Key) -> bool {
        self.pin().remove(key).is_some()
    }
}

impl Map for Scc {
    const NAME: &'static str = "scc";

    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }

    #[inline]
    fn get(&self, key: &Key) -> Option<Value> {
        self.read_sync(key, |_, value| *value)
    }

    #[inline]
    fn set(&self, key: Key, value: Value) {
        self.upsert_sync(key, value);
    }

    #[inline]
    fn remove(&self, key: &Key) -> bool {
        self.remove_sync(key).is_some()
    }
}

impl Map for Dash {
    const NAME: &'static str = "dashmap";

    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }

    #[inline]
    fn get(&self, key: &Key) -> Option<Value> {
        Self::get(self, key).map(|value| *value)
    }

    #[inline]
    fn set(&self, key: Key, value: Value) {
        self.insert(key, value);
    }

    #[inline]
    fn remove(&self, key: &Key) -> bool {
        Self::remove(self, key).is_some()
    }
}

/// What is done with a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapUse {
    /// Values of keys that are there.
    Hit,
    /// Keys that are not there.
    Miss,
    /// New values for keys that are there.
    Set,
    /// New keys.
    Insert,
    /// Keys go.
    Remove,
}

/// The subject of a map with a key for each element.
pub fn map_subject<'a, M: Map + 'a>(what: MapUse, elements: u32, mut draws: Draws) -> Subject<'a> {
    let map = M::with_capacity(2 * elements as usize);
    (0..elements).for_each(|element| map.set(*key(element), [u64::from(element); 6]));
    let new = elements..elements + RUN as u32;
    Box::new(move || {
        let insert = || new.clone().for_each(|element| map.set(*key(element), [1; 6]));
        let remove = || new.clone().for_each(|element| assert!(map.remove(key(element))));
        match what {
            MapUse::Hit => (0..RUN).for_each(|_| {
                black_box(map.get(key(draws.draw())));
            }),
            MapUse::Miss => (0..RUN).for_each(|_| {
                black_box(map.get(key(elements + draws.draw())));
            }),
            MapUse::Set => (0..RUN).for_each(|_| map.set(*key(draws.draw()), [2; 6])),
            MapUse::Insert => {
                insert();
                aside(remove);
            }
            MapUse::Remove => {
                aside(insert);
                remove();
            }
        }
        RUN as u64
    })
}

/// What is done with an element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayUse {
    /// It is read.
    Read,
    /// It is written.
    Write,
    /// It is read, and written as its value demands.
    ReadWrite,
}

/// The subject of bursts on variables of the crate `stm`, each burst one transaction.
pub fn stm_subject<'a>(
    what: ArrayUse,
    burst: usize,
    elements: u32,
    mut draws: Draws,
) -> Subject<'a> {
    let cells: Vec<TVar<Value>> = (0..elements).map(|_| TVar::new([0; 6])).collect();
    Box::new(move || {
        let mut drawn = [0; BURST_MAX];
        for _ in 0..RUN / burst {
            drawn[..burst].fill_with(|| draws.draw());
            stm::atomically(|transaction| {
                for &element in &drawn[..burst] {
                    let cell = &cells[element as usize];
                    match what {
                        ArrayUse::Read => {
                            black_box(cell.read(transaction)?);
                        }
                        ArrayUse::Write => cell.write(transaction, [1; 6])?,
                        ArrayUse::ReadWrite => {
                            let value = cell.read(transaction)?;
                            cell.write(transaction, next_value(value))?;
                        }
                    }
                }
                Ok(())
            });
        }
        RUN as u64
    })
}

/// The subject of an array under one lock, which each event takes.
pub fn mutex_subject<'a>(what: ArrayUse, elements: u32, mut draws: Draws) -> Subject<'a> {
    let cells = Mutex::new(vec![[0; 6]; elements as usize]);
    Box::new(move || {
        for _ in 0..RUN {
            let mut cells = cells.lock().expect("nobody panics with it");
            let cell = &mut cells[draws.draw() as usize];
            match what {
                ArrayUse::Read => {
                    black_box(*cell);
                }
                ArrayUse::Write => *cell = [1; 6],
                ArrayUse::ReadWrite => *cell = next_value(*cell),
            }
        }
        RUN as u64
    })
}
