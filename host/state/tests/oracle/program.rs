//! Random events.

use nfos_state::{AccessError, Cell, ExpiredLease, ObjectId, SetOutcome, State, Worker};

use crate::driver::Config;

pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// An operation with its result.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Read(u32, Cell),
    Write(u32, Cell),
    Add(u32, u8, i64),
    Get(u16, Option<Cell>),
    Set(u16, Cell, SetOutcome),
    Remove(u16, bool),
    Length(u32),
    /// A key that was there on the way through the map.
    Passed(u16),
    /// How many entries there are, and a digest of them.
    Entries(u32, u64),
    Allocate(u64, Option<u32>),
    Refresh(u32, u64, bool),
    Free(u32, bool),
    IsLive(u32, bool),
    NextExpired(Option<ExpiredLease>),
    Update,
    Merge(Cell),
    UpdateStale,
    MergeStale(Cell),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Objects {
    pub(crate) vector: ObjectId,
    pub(crate) map: ObjectId,
    pub(crate) allocator: ObjectId,
    pub(crate) fresh: ObjectId,
    pub(crate) stale: ObjectId,
}

impl Objects {
    pub(crate) fn open(state: &State, config: &Config) -> Self {
        use nfos_state::Merge::Sum;
        let ids = state.open_allocator("ids", config.ids, config.refresh_interval_ns);
        Self {
            vector: state.open_vector("elements", config.elements).unwrap(),
            map: state.open_map("keys", config.map_capacity, 16).unwrap(),
            allocator: ids.unwrap(),
            fresh: state.open_distributed("fresh", &[Sum, Sum], 0).unwrap(),
            stale: state.open_distributed("stale", &[Sum, Sum], STALENESS_NS).unwrap(),
        }
    }
}

pub(crate) const STALENESS_NS: u64 = 30;

pub(crate) fn key_bytes(key: u16) -> [u8; 5] {
    let [low, high] = key.to_le_bytes();
    [low, 1, high, 2, 3]
}

/// Of an entry of the map; the exclusive or over all tells sets of entries apart.
pub(crate) fn entry_digest(key: u16, value: &Cell) -> u64 {
    value.iter().fold(u64::from(key), |digest, word| Random(digest ^ word).next())
}

/// What an operation is drawn with, all before it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    pub(crate) choice: u64,
    pub(crate) index: u32,
    pub(crate) key: u16,
    pub(crate) id: u32,
    duration: u64,
    value: Cell,
}

impl Drawn {
    fn new(config: &Config, random: &mut Random, (choice, now_ns): (u64, u64)) -> Self {
        Self {
            choice,
            index: random.below(u64::from(config.elements)) as u32,
            key: random.below(u64::from(config.keys)) as u16,
            id: random.below(u64::from(config.ids)) as u32,
            duration: random.below(60),
            value: [random.next(), now_ns, 0, 1, 2, random.next()],
        }
    }

    /// One that does what a logged operation did, or, if `moved`, is about something else; none of
    /// those that are about nothing in particular.
    pub(crate) fn like(op: &Op, moved: bool) -> Option<Self> {
        let other = Self { choice: 5, index: 0, key: 0, id: 0, duration: 0, value: [0; 6] };
        Some(match *op {
            Op::Read(at, _) => Self { choice: 0, index: at ^ u32::from(moved), ..other },
            Op::Get(at, _) => Self { choice: 1, key: at ^ u16::from(moved), ..other },
            Op::IsLive(at, _) => Self { choice: 2, id: at ^ u32::from(moved), ..other },
            Op::Remove(at, _) => Self { choice: 9, key: at ^ u16::from(moved), ..other },
            Op::Refresh(at, ..) => Self { choice: 11, id: at ^ u32::from(moved), ..other },
            Op::Free(at, _) => Self { choice: 12, id: at ^ u32::from(moved), ..other },
            Op::NextExpired(Some(_)) | Op::Entries(..) if moved => other,
            Op::NextExpired(Some(_)) => Self { choice: 14, ..other },
            Op::Entries(..) => Self { choice: 16, ..other },
            _ => return None,
        })
    }

    /// Going through a map observes all of it: now and then is enough.
    pub(crate) fn goes_through(&self) -> bool {
        self.choice == 16 && self.index.is_multiple_of(4)
    }
}

/// Whether an event has found no lease twice that had run out.
pub(crate) fn finds_each_once(ops: &[Op]) -> bool {
    let found = |op: &Op| if let Op::NextExpired(found) = op { *found } else { None };
    let mut ids: Vec<u32> = ops.iter().filter_map(found).map(|expired| expired.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    ids.len() == count
}

/// Runs the event of a seed and logs it; the operation at which its snapshot was lost, if one was,
/// so that it runs again. The same seed and results make the same event.
pub(crate) fn run_event(
    worker: &mut Worker,
    objects: &Objects,
    config: &Config,
    (seed, now_ns): (u64, u64),
    log: &mut Vec<Op>,
) -> Option<Drawn> {
    let mut random = Random(seed);
    // Some events only read, some only change, most do both; some do nothing, so that a burst's
    // transaction begins behind them.
    let style = random.below(5);
    for _ in 0..random.below(5) {
        if config.yields > 0 && random.below(config.yields) == 0 {
            nfos_sync::thread::yield_now();
        }
        let choice = match style {
            0 => [0, 1, 2, 3, 4, 15, 16][random.below(7) as usize],
            1 => 5 + random.below(10),
            _ => random.below(17),
        };
        let drawn = Drawn::new(config, &mut random, (choice, now_ns));
        match run_op(worker, objects, &drawn, log) {
            Ok(op) => log.push(op),
            Err(AccessError::RunAgain) => return Some(drawn),
            Err(error) => panic!("{error}"),
        }
    }
    None
}

fn run_op(
    worker: &mut Worker,
    objects: &Objects,
    drawn: &Drawn,
    log: &mut Vec<Op>,
) -> Result<Op, AccessError> {
    let Drawn { choice, index, key, id, duration, value } = *drawn;
    let bytes = key_bytes(key);
    let Objects { vector, map, allocator, fresh, stale } = *objects;
    Ok(match choice {
        0 => Op::Read(index, worker.vector_read(vector, index)?),
        1 => Op::Get(key, worker.map_get(map, &bytes)?),
        2 => Op::IsLive(id, worker.is_live(allocator, id)?),
        3 => Op::Merge(worker.distributed_read(fresh)?),
        4 => Op::MergeStale(worker.distributed_read(stale)?),
        5 => {
            worker.vector_write(vector, index, value)?;
            Op::Write(index, value)
        }
        6 => {
            let word = (index % 6) as u8;
            worker.vector_add(vector, index, word, -3)?;
            Op::Add(index, word, -3)
        }
        7 | 8 => Op::Set(key, value, worker.map_set(map, &bytes, value)?),
        9 => Op::Remove(key, worker.map_remove(map, &bytes)?),
        10 => Op::Allocate(duration, worker.allocate(allocator, duration)?),
        11 => Op::Refresh(id, duration, worker.refresh(allocator, id, duration)?),
        12 => match worker.free(allocator, id) {
            Err(AccessError::NotHeld(_)) => Op::Free(id, false),
            freed => {
                freed?;
                Op::Free(id, true)
            }
        },
        13 => {
            for object in [fresh, stale] {
                worker.distributed_update(object, 0, 1)?;
                worker.distributed_update(object, 1, 1)?;
            }
            if index.is_multiple_of(2) { Op::Update } else { Op::UpdateStale }
        }
        16 if drawn.goes_through() => {
            let (mut count, mut digest, mut place) = (0, 0, 0);
            while let Some(entry) = worker.map_next(map, place)? {
                let [low, _, high, ..] = entry.key;
                let key = u16::from_le_bytes([low, high]);
                log.push(Op::Passed(key));
                count += 1;
                digest ^= entry_digest(key, &entry.value);
                place = entry.next;
            }
            Op::Entries(count, digest)
        }
        15 | 16 => Op::Length(worker.map_len(map)?),
        _ => Op::NextExpired(worker.next_expired(allocator)?),
    })
}
