//! Threads that append, write and read, and the record of it in the checker's words.
//!
//! A list is a cell with up to 24 elements of 16 bits. When it has [`LIST_FULL`] it is left and its
//! slot goes on with a fresh cell, since a checker needs many appends to few lists at a time. Each
//! place in a burst is a process of its own: the transactions of a burst are under way together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use adya::history::{Interner, Mop, Op, OpType, ReadValue, Scalar};
use adya::{History, Workload};
use nfos_stm::{CellId, Memory, Mutator, Observer, Payload, Transaction};

use crate::plain::Plain;
use crate::watch::{EndsAll, Watch};

/// Elements with which a list is left; a transaction may still add a few.
const LIST_FULL: usize = 20;
const CELLS: u32 = 1 << 16;
/// Places of a burst.
const PLACES: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) threads: usize,
    pub(crate) burst_max: usize,
    /// Lists or registers in use at a time.
    pub(crate) slots: usize,
    pub(crate) seed: u64,
    pub(crate) bursts: usize,
    pub(crate) workload: Workload,
}

pub(crate) struct Recorded {
    pub(crate) history: History,
    pub(crate) stood: u64,
    pub(crate) failed: u64,
}

/// An operation with its result.
#[derive(Clone, Debug)]
enum Did {
    Append(u32, u64),
    Write(u32, u64),
    ReadList(u32, Vec<u64>),
    Read(u32, u64),
}

/// One line of the history.
struct Line {
    at: u64,
    process: i64,
    kind: OpType,
    did: Vec<Did>,
}

struct Shared {
    config: Config,
    first: CellId,
    /// The number of the next line.
    at: AtomicU64,
    /// The cell that each slot uses.
    keys: Vec<AtomicU32>,
    next_key: AtomicU32,
}

pub(crate) fn record(config: Config) -> Recorded {
    let memory = Arc::new(Memory::new(config.threads, u64::from(CELLS) * 64));
    let first = memory.reserve(u64::from(CELLS)).unwrap();
    let shared = Shared {
        config,
        first,
        at: AtomicU64::new(0),
        keys: (0..config.slots as u32).map(AtomicU32::new).collect(),
        next_key: AtomicU32::new(config.slots as u32),
    };
    let name = format!("{config:?}; again with NFOS_SEED={}", config.seed);
    let (watch, done) = (Watch::new(&name), AtomicUsize::new(0));
    let lines: Vec<Line> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..config.threads)
            .map(|participant| {
                let tx = Transaction::new(memory.clone(), participant, config.burst_max);
                let thread = Thread::new(tx, &shared);
                let (watch, done) = (&watch, &done);
                scope.spawn(move || {
                    let _ends_all = EndsAll(watch);
                    let lines = thread.run(watch);
                    done.fetch_add(1, Ordering::SeqCst);
                    lines
                })
            })
            .collect();
        watch.until(|| done.load(Ordering::SeqCst) == config.threads);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    in_words_of_the_checker(lines)
}

struct Thread<'a> {
    tx: Transaction<()>,
    shared: &'a Shared,
    random: u64,
    /// Makes values that nobody else writes.
    values: u64,
    lines: Vec<Line>,
}

impl<'a> Thread<'a> {
    fn new(tx: Transaction<()>, shared: &'a Shared) -> Self {
        let random = shared.config.seed << 20 | tx.participant() as u64;
        Self { tx, shared, random, values: 0, lines: Vec::new() }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }

    fn run(mut self, watch: &Watch<'_>) -> Vec<Line> {
        for _ in 0..self.shared.config.bursts {
            if self.below(8) == 0 {
                self.tx.idle();
            }
            self.burst();
            watch.progress();
        }
        self.tx.idle();
        self.lines
    }

    fn line(&mut self, place: usize, kind: OpType, did: Vec<Did>) {
        let process = (self.tx.participant() * PLACES + place) as i64;
        let at = self.shared.at.fetch_add(1, Ordering::SeqCst);
        self.lines.push(Line { at, process, kind, did });
    }

    fn burst(&mut self) {
        let limit = self.tx.burst_limit();
        for place in 0..limit {
            self.line(place, OpType::Invoke, Vec::new());
        }
        self.tx.begin_burst();
        let mut ran = Vec::new();
        while ran.len() < limit && self.tx.begin_event() {
            ran.push(self.event());
        }
        let committed = self.tx.commit(ran.len(), &mut Plain).committed;
        ran.resize(limit, Vec::new());
        for (place, did) in ran.into_iter().enumerate() {
            let kind = if place < committed { OpType::Ok } else { OpType::Fail };
            self.line(place, kind, did);
        }
    }

    fn event(&mut self) -> Vec<Did> {
        let (count, only_reads) = (1 + self.below(4), self.below(4) == 0);
        let mut did = Vec::new();
        for _ in 0..count {
            if self.below(8) == 0 {
                std::thread::yield_now();
            }
            let slot = self.below(self.shared.config.slots as u64) as usize;
            let reads = only_reads || self.below(2) == 0;
            let key = self.shared.keys[slot].load(Ordering::Relaxed);
            match self.shared.config.workload {
                Workload::ListAppend => did.push(self.list(slot, key, reads)),
                Workload::RwRegister => self.register(key, reads, &mut did),
            }
        }
        did
    }

    fn read(&mut self, key: u32) -> Payload {
        let observer = Observer { object: 0, kind: 0 };
        let cell = self.shared.first.offset(key);
        self.tx.read(cell, observer, &Plain).expect("history and logs are long enough")
    }

    fn write(&mut self, key: u32, payload: Payload) {
        let cell = self.shared.first.offset(key);
        let mutator = Mutator { object: 0, kind: 0 };
        self.tx.write(cell, mutator, payload).expect("logs are long enough");
    }

    fn list(&mut self, slot: usize, key: u32, reads: bool) -> Did {
        let mut payload = self.read(key);
        let elements = elements(&payload);
        if reads || elements.len() >= LIST_FULL {
            if elements.len() >= LIST_FULL && self.shared.keys[slot].load(Ordering::Relaxed) == key
            {
                let fresh = self.shared.next_key.fetch_add(1, Ordering::Relaxed);
                assert!(fresh < CELLS, "there are cells for every list");
                self.shared.keys[slot].store(fresh, Ordering::Relaxed);
            }
            return Did::ReadList(key, elements);
        }
        // Not zero, and not another's, as long as a list is in use.
        self.values = self.values % 0xfff + 1;
        let value = (self.tx.participant() as u64) << 12 | self.values;
        payload[elements.len() / 4] |= value << (16 * (elements.len() % 4));
        self.write(key, payload);
        Did::Append(key, value)
    }

    /// Reads before it writes.
    fn register(&mut self, key: u32, reads: bool, did: &mut Vec<Did>) {
        let value = self.read(key)[0];
        did.push(Did::Read(key, value));
        if !reads {
            self.values += 1;
            let value = self.values << 8 | (self.tx.participant() as u64 + 1);
            self.write(key, [value; 6]);
            did.push(Did::Write(key, value));
        }
    }
}

fn elements(payload: &Payload) -> Vec<u64> {
    let element = |i: usize| payload[i / 4] >> (16 * (i % 4)) & 0xffff;
    (0..24).map(element).take_while(|&element| element != 0).collect()
}

fn in_words_of_the_checker(mut lines: Vec<Line>) -> Recorded {
    lines.sort_by_key(|line| line.at);
    let count = |kind| lines.iter().filter(|line| line.kind == kind).count() as u64;
    let (stood, failed) = (count(OpType::Ok), count(OpType::Fail));
    let mut interner = Interner::default();
    let mut id = |number: u64| interner.intern(Scalar::Int(number as i64));
    let mut word = |did: &Did| match did {
        Did::Append(key, value) => Mop::Append { key: id((*key).into()), value: id(*value) },
        Did::Write(key, value) => Mop::Write { key: id((*key).into()), value: id(*value) },
        Did::ReadList(key, list) => {
            let list = list.iter().map(|&element| id(element)).collect();
            Mop::Read { key: id((*key).into()), value: ReadValue::List(list) }
        }
        Did::Read(key, 0) => Mop::Read { key: id((*key).into()), value: ReadValue::Nil },
        Did::Read(key, value) => {
            Mop::Read { key: id((*key).into()), value: ReadValue::Scalar(id(*value)) }
        }
    };
    let ops = (0..)
        .zip(&lines)
        .map(|(index, line)| Op {
            index,
            kind: line.kind,
            process: Some(line.process),
            value: line.did.iter().map(&mut word).collect(),
            time: None,
        })
        .collect();
    Recorded { history: History::from_ops(ops, interner), stood, failed }
}
