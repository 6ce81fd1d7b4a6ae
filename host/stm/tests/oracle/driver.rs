//! Threads that run bursts and log them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use nfos_stm::{CellId, Failure, Memory, Transaction};

use crate::program::{AtLeast, Op, Plain, Random, run_event};
use crate::replay::{Report, replay};
use crate::watch::{EndsAll, Watch};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    /// Bursts of each thread.
    pub(crate) bursts: usize,
    pub(crate) burst_max: usize,
    pub(crate) cells: u32,
    /// One operation in so many yields first; 0: none.
    pub(crate) yields: u64,
    /// One burst in so many begins with no active snapshot.
    pub(crate) idles: u64,
}

/// Place in the serial order: timestamp; updates before what only read that state; index.
pub(crate) type Place = (u64, bool, usize);

pub(crate) struct Committed {
    pub(crate) place: Place,
    pub(crate) participant: u16,
    pub(crate) ops: Vec<Op>,
}

/// The events of a burst from its first writer on, of which the last ones did not stand.
pub(crate) struct Failed {
    pub(crate) snapshot: u64,
    pub(crate) events: Vec<Vec<Op>>,
    pub(crate) failure: Failure,
    /// What the event that the record names had logged.
    pub(crate) observed: Vec<Op>,
    /// The timestamp that the prefix before it committed at.
    pub(crate) committed_at: Option<u64>,
}

#[derive(Default)]
pub(crate) struct History {
    pub(crate) committed: Vec<Committed>,
    pub(crate) failed: Vec<Failed>,
    pub(crate) runs_max: u32,
    pub(crate) failures_max: u32,
    pub(crate) prefixes: u64,
}

pub(crate) fn run(config: Config) -> Report {
    let memory = Arc::new(Memory::new(config.threads, 1 << 20));
    let first = memory.reserve(u64::from(config.cells)).unwrap();
    let name = format!("{config:?}; again with NFOS_SEED={}", config.seed);
    let (watch, finished, done) = (Watch::new(&name), AtomicU64::new(0), AtomicUsize::new(0));
    let shared = Shared { first, config, watch: &watch, finished: &finished };
    let histories: Vec<History> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..config.threads)
            .map(|participant| {
                let tx = Transaction::new(memory.clone(), participant, config.burst_max);
                let random = Random(config.seed << 20 | participant as u64);
                let thread = Thread { tx, shared, random, history: History::default() };
                let done = &done;
                scope.spawn(move || {
                    let _ends_all = EndsAll(shared.watch);
                    let history = thread.run();
                    done.fetch_add(1, Ordering::SeqCst);
                    history
                })
            })
            .collect();
        watch.until(|| done.load(Ordering::SeqCst) == config.threads);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let _ends_all = EndsAll(&watch);
    replay(&config, histories)
}

#[derive(Clone, Copy)]
struct Shared<'a> {
    first: CellId,
    config: Config,
    watch: &'a Watch<'a>,
    /// The greatest timestamp of a commit that has returned.
    finished: &'a AtomicU64,
}

struct Thread<'a> {
    tx: Transaction<AtLeast>,
    shared: Shared<'a>,
    random: Random,
    history: History,
}

/// An event that has not committed.
struct Event {
    seed: u64,
    runs: u32,
}

impl Thread<'_> {
    fn run(mut self) -> History {
        let mut waiting: VecDeque<Event> = VecDeque::new();
        let mut bursts = 0;
        while bursts < self.shared.config.bursts || !waiting.is_empty() {
            bursts += 1;
            if self.random.below(self.shared.config.idles) == 0 {
                self.tx.idle();
            }
            let limit = self.tx.burst_limit();
            while bursts <= self.shared.config.bursts && waiting.len() < limit {
                waiting.push_back(Event { seed: self.random.next(), runs: 0 });
            }
            self.burst(&mut waiting, limit);
            self.shared.watch.progress();
        }
        self.tx.idle();
        self.history
    }

    fn burst(&mut self, waiting: &mut VecDeque<Event>, limit: usize) {
        let returned = self.shared.finished.load(Ordering::SeqCst);
        self.tx.begin_burst();
        let mut ran: Vec<Vec<Op>> = Vec::new();
        for event in waiting.iter_mut().take(limit) {
            if !self.tx.begin_event() {
                break;
            }
            event.runs += 1;
            ran.push(Vec::new());
            let log = ran.last_mut().unwrap();
            let place = (self.shared.first, &self.shared.config);
            let ended = run_event(&mut self.tx, place, event.seed, log);
            assert!(ended, "history is longer than any of these programs");
        }
        let wrote = (0..ran.len()).position(|event| self.tx.wrote(event));
        let first_writer = wrote.unwrap_or(usize::MAX);
        let outcome = self.tx.commit(ran.len(), &mut Plain);
        self.history.failures_max = self.history.failures_max.max(self.tx.failures());
        assert_eq!(outcome.failure.is_some(), outcome.committed < ran.len());
        if let Some(failure) = outcome.failure {
            assert!(outcome.committed >= first_writer, "a read-only event aborted");
            self.log_failed(&ran, first_writer, failure);
        }
        assert!(self.tx.snapshot_of(0) >= returned, "against real time");
        self.finish(waiting, ran, (first_writer, outcome.committed));
    }

    fn log_failed(&mut self, ran: &[Vec<Op>], first_writer: usize, failure: Failure) {
        let snapshot = self.tx.snapshot_of(ran.len() - 1);
        self.history.failed.push(Failed {
            snapshot,
            events: ran[first_writer..].to_vec(),
            failure,
            observed: ran[failure.event].clone(),
            committed_at: self.tx.committed_at(),
        });
    }

    fn finish(
        &mut self,
        waiting: &mut VecDeque<Event>,
        ran: Vec<Vec<Op>>,
        (first_writer, committed): (usize, usize),
    ) {
        let timestamp = self.tx.committed_at();
        assert_eq!(timestamp.is_some(), committed > first_writer);
        self.shared.finished.fetch_max(timestamp.unwrap_or(0), Ordering::SeqCst);
        let is_prefix = timestamp.is_some() && committed < ran.len();
        self.history.prefixes += u64::from(is_prefix);
        for (index, ops) in ran.into_iter().take(committed).enumerate() {
            let event = waiting.pop_front().unwrap();
            self.history.runs_max = self.history.runs_max.max(event.runs);
            let place = match timestamp {
                Some(timestamp) if index >= first_writer => (timestamp, false, index),
                _ => (self.tx.snapshot_of(index), true, index),
            };
            let participant = self.tx.participant() as u16;
            self.history.committed.push(Committed { place, participant, ops });
        }
    }
}
