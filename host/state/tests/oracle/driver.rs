//! Threads that run, and the replay.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nfos_records::CauseCount;
use nfos_state::Place::Unknown;
use nfos_state::{Conflict, SetOutcome, Settings, State, Worker};
use nfos_stm::FAILURES_BEFORE_GATE;
use nfos_sync::{limit, thread};

use crate::certify::{Abort, Certified, Changes, certify};
use crate::falsify::{Falsifier, Refused};
use crate::model::{Model, Run};
use crate::program::{
    Drawn, Objects, Op, Random, STALENESS_NS, finds_each_once, key_bytes, run_event,
};
use crate::shortage::{Hands, InHand, Moments, Stolen};
#[cfg(not(nfos_shuttle))]
use crate::watch::{EndsAll, Watch};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    /// Bursts of each thread.
    pub(crate) bursts: usize,
    pub(crate) burst_max: usize,
    pub(crate) elements: u32,
    pub(crate) keys: u16,
    pub(crate) map_capacity: u32,
    pub(crate) ids: u32,
    pub(crate) refresh_interval_ns: u64,
    /// One operation in so many yields first; 0: none.
    pub(crate) yields: u64,
}

/// Bursts in which no thread can use up its history.
pub(crate) const SHORT: usize = 400;

/// What must come up at least once where contention is made.
pub(crate) const OUTCOMES: [&str; 17] = [
    "hit",
    "miss",
    "set",
    "full",
    "removed",
    "not there",
    "counted",
    "gone through",
    "allocated",
    "none left",
    "refreshed",
    "not held",
    "freed",
    "live",
    "dead",
    "expired",
    "failed attempt",
];

/// Place in the serial order: timestamp; updates before what only read that state; index.
type Place = (u64, bool, usize);

pub(crate) struct Committed {
    pub(crate) place: Place,
    pub(crate) participant: u16,
    pub(crate) now_ns: u64,
    /// The clock of the events when the commit had returned.
    returned_ns: u64,
    pub(crate) ops: Vec<Op>,
}

/// The events of a burst from its first writer on, of which the last ones did not stand.
struct Failed {
    snapshot: u64,
    events: Vec<Ran>,
}

/// An event as it ran.
#[derive(Clone, Debug)]
struct Ran {
    now_ns: u64,
    ops: Vec<Op>,
    when: (u64, u64),
}

#[derive(Default)]
struct History {
    committed: Vec<Committed>,
    failed: Vec<Failed>,
    aborts: Vec<Abort>,
    hands: Vec<Hands>,
    runs_max: u32,
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    pub(crate) causes: Vec<CauseCount>,
    pub(crate) committed: u64,
    /// Aborts with a certificate, by [`Certified`].
    pub(crate) certified: [u64; 3],
    /// False certificates that were refused.
    pub(crate) refused: Refused,
    /// Keys of slots that the replay found out as they were recorded.
    pub(crate) found_out: u64,
    pub(crate) runs_max: u32,
}

pub(crate) fn run(config: Config) -> Report {
    let state = State::new(Settings {
        // The last thread looks for leases in all wheels.
        participants: config.threads,
        burst_max: config.burst_max,
        memory_bytes_max: limit(16 << 20, 32 << 10) as u64,
        seed: config.seed,
    });
    let objects = Objects::open(&state, &config);
    let shared = Shared::default();
    #[cfg(not(nfos_shuttle))]
    let name = format!("{config:?}; again with NFOS_SEED={}", config.seed);
    #[cfg(not(nfos_shuttle))]
    let (watch, done) = (Watch::new(&name), AtomicU64::new(0));
    let (histories, mut workers): (Vec<History>, Vec<Worker>) = thread::scope(|scope| {
        let threads: Vec<_> = (0..config.threads)
            .map(|participant| {
                let thread = Thread::new(&state, participant, objects, config, &shared);
                #[cfg(not(nfos_shuttle))]
                let (watch, done) = (&watch, &done);
                scope.spawn(move || {
                    #[cfg(not(nfos_shuttle))]
                    let _ends_all = EndsAll(watch);
                    let ran = thread.run(&|| {
                        #[cfg(not(nfos_shuttle))]
                        watch.progress();
                    });
                    #[cfg(not(nfos_shuttle))]
                    done.fetch_add(1, Ordering::SeqCst);
                    ran
                })
            })
            .collect();
        #[cfg(not(nfos_shuttle))]
        watch.until(|| done.load(Ordering::SeqCst) == config.threads as u64);
        threads.into_iter().map(|thread| thread.join().expect("a thread ends well")).collect()
    });
    let bound = config.burst_max as u32 - 1 + FAILURES_BEFORE_GATE + 1;
    let runs_max = histories.iter().map(|history| history.runs_max).max().unwrap_or(0);
    assert!(runs_max <= bound, "an event ran {runs_max} times");
    let mut report = Report { causes: state.causes(&()), runs_max, ..Report::default() };
    #[cfg(not(nfos_shuttle))]
    let _ends_all = EndsAll(&watch);
    let model = replay(&config, histories, &mut report);
    check_final_state(workers.last_mut().expect("threads ran"), &objects, &config, &model);
    report
}

/// What threads share beside the state.
struct Shared {
    clock: AtomicU64,
    /// The greatest timestamp of a commit that has returned.
    finished: AtomicU64,
    moments: Moments,
}

impl Default for Shared {
    fn default() -> Self {
        let (clock, finished) = (AtomicU64::new(1_000), AtomicU64::new(0));
        Self { clock, finished, moments: Moments::default() }
    }
}

struct Thread<'a> {
    worker: Worker,
    participant: u16,
    objects: Objects,
    config: Config,
    shared: &'a Shared,
    random: Random,
    history: History,
}

/// An event that has not committed.
struct Event {
    seed: u64,
    now_ns: u64,
    runs: u32,
}

impl<'a> Thread<'a> {
    fn new(
        state: &Arc<State>,
        participant: usize,
        objects: Objects,
        config: Config,
        shared: &'a Shared,
    ) -> Self {
        let random = Random(config.seed << 20 | participant as u64);
        let worker = state.worker(participant);
        let (participant, history) = (participant as u16, History::default());
        Self { worker, participant, objects, config, shared, random, history }
    }

    fn run(mut self, progress: &dyn Fn()) -> (History, Worker) {
        let mut waiting: VecDeque<Event> = VecDeque::new();
        let mut bursts = 0;
        while bursts < self.config.bursts || !waiting.is_empty() {
            bursts += 1;
            if self.random.below(50) == 0 {
                self.worker.idle();
            }
            let limit = self.worker.burst_limit();
            while bursts <= self.config.bursts && waiting.len() < limit {
                let now_ns = self.shared.clock.fetch_add(1, Ordering::SeqCst);
                waiting.push_back(Event { seed: self.random.next(), now_ns, runs: 0 });
            }
            self.burst(&mut waiting, limit);
            progress();
        }
        self.worker.idle();
        (self.history, self.worker)
    }

    fn burst(&mut self, waiting: &mut VecDeque<Event>, limit: usize) {
        let returned = self.shared.finished.load(Ordering::SeqCst);
        let mut hands = self.begin_burst();
        let mut ran: Vec<Ran> = Vec::new();
        let mut broken_off = None;
        for event in waiting.iter_mut().take(limit) {
            let began = self.shared.moments.next();
            if !self.worker.begin_event(event.now_ns) {
                break;
            }
            event.runs += 1;
            let mut ops = Vec::new();
            let seed = (event.seed, event.now_ns);
            broken_off = run_event(&mut self.worker, &self.objects, &self.config, seed, &mut ops);
            assert!(finds_each_once(&ops), "a lease is found twice: {ops:?}");
            let when = (began, self.shared.moments.next());
            ran.push(Ran { now_ns: event.now_ns, ops, when });
            if broken_off.is_some() {
                assert!(!self.worker.observations_hold());
                break;
            }
        }
        let wrote: Vec<bool> = (0..ran.len()).map(|event| self.worker.wrote(event)).collect();
        let first_writer = wrote.iter().position(|&wrote| wrote).unwrap_or(usize::MAX);
        let mut in_hand = self.in_hand(returned);
        let commit = self.worker.commit(ran.len());
        self.bound_last_abort(ran.len());
        self.end_burst((&mut hands, &mut in_hand), &ran, broken_off);
        self.history.hands.push(hands);
        assert_eq!(commit.conflict.is_some(), commit.committed < ran.len());
        if let Some(conflict) = commit.conflict {
            let shortage = matches!(conflict.cause.id(), "A1" | "M6" | "S1");
            assert!(commit.committed >= first_writer || shortage, "a read-only event aborted");
            self.log_failed(&ran, first_writer, (conflict, broken_off, in_hand));
        }
        assert!(ran.is_empty() || self.worker.snapshot_of(0) >= returned, "against real time");
        self.finish(waiting, ran, (first_writer, commit.committed));
    }

    fn begin_burst(&mut self) -> Hands {
        let (participant, queued) = (self.participant, self.shared.moments.next());
        let entries = self.worker.gate_entries();
        let stolen = self.stolen();
        self.worker.begin_burst();
        let is_elder = self.worker.gate_entries() > entries;
        let when = (self.shared.moments.next(), u64::MAX);
        Hands { participant, when, queued, is_elder, stolen, ..Hands::default() }
    }

    /// What the burst has taken, before its commit.
    fn in_hand(&self, returned: u64) -> InHand {
        let ids = self.worker.in_hand_of(self.objects.allocator);
        let slots = self.worker.in_hand_of(self.objects.map).len();
        let committed = (self.shared.moments.next(), u64::MAX);
        InHand { participant: self.participant, committed, returned, ids, slots, ran: (0, 0) }
    }

    fn end_burst(
        &self,
        (hands, in_hand): (&mut Hands, &mut InHand),
        ran: &[Ran],
        broken_off: Option<Drawn>,
    ) {
        hands.when.1 = self.shared.moments.next();
        in_hand.committed.1 = hands.when.1;
        hands.ids.clone_from(&in_hand.ids);
        ran.iter().flat_map(|event| &event.ops).for_each(|op| hands.add(op));
        hands.slots += usize::from(broken_off.is_some_and(|op| matches!(op.choice, 7 | 8)));
        hands.stolen = self.stolen().since(hands.stolen);
    }

    fn stolen(&self) -> Stolen {
        let Objects { allocator, map, .. } = self.objects;
        Stolen { ids: self.worker.stolen_of(allocator), slots: self.worker.stolen_of(map) }
    }

    /// What made the last event fail had been committed when it ran again.
    fn bound_last_abort(&mut self, ran: usize) {
        if let Some(last) = self.history.aborts.last_mut()
            && ran > 0
        {
            last.not_after = last.not_after.min(self.worker.snapshot_of(0));
        }
    }

    fn log_failed(
        &mut self,
        ran: &[Ran],
        first_writer: usize,
        (conflict, broken_off, in_hand): (Conflict, Option<Drawn>, InHand),
    ) {
        let Ran { now_ns, ops, when } = ran[conflict.event].clone();
        let before = ran[..conflict.event].iter().flat_map(|event| &event.ops).copied().collect();
        self.history.aborts.push(Abort {
            reason: self.worker.failure().expect("there was a conflict").reason,
            objects: self.objects,
            now_ns,
            before,
            ops,
            // Only the last one that ran can have been broken off.
            broken_off: broken_off.filter(|_| conflict.event + 1 == ran.len()),
            committed_at: self.worker.committed_at(),
            not_after: u64::MAX,
            in_hand: InHand { ran: when, ..in_hand },
            conflict,
        });
        let snapshot = self.worker.snapshot_of(ran.len() - 1);
        if let Some(events) = ran.get(first_writer..) {
            self.history.failed.push(Failed { snapshot, events: events.to_vec() });
        }
    }

    fn finish(
        &mut self,
        waiting: &mut VecDeque<Event>,
        ran: Vec<Ran>,
        (first_writer, committed): (usize, usize),
    ) {
        let timestamp = self.worker.committed_at();
        assert_eq!(timestamp.is_some(), committed > first_writer);
        self.shared.finished.fetch_max(timestamp.unwrap_or(0), Ordering::SeqCst);
        let returned_ns = self.shared.clock.load(Ordering::SeqCst);
        for (index, Ran { now_ns, ops, .. }) in ran.into_iter().take(committed).enumerate() {
            let event = waiting.pop_front().expect("it ran");
            self.history.runs_max = self.history.runs_max.max(event.runs);
            let place = match timestamp {
                Some(timestamp) if index >= first_writer => (timestamp, false, index),
                _ => (self.worker.snapshot_of(index), true, index),
            };
            let participant = self.participant;
            self.history.committed.push(Committed { place, participant, now_ns, returned_ns, ops });
        }
    }
}

/// Runs all events on a model, in their order; returns it as it is at the end.
fn replay(config: &Config, histories: Vec<History>, report: &mut Report) -> Model {
    let (mut committed, mut failed, mut aborts) = (Vec::new(), Vec::new(), Vec::new());
    let mut hands = Vec::new();
    for history in histories {
        committed.extend(history.committed);
        failed.extend(history.failed);
        aborts.extend(history.aborts);
        hands.extend(history.hands);
    }
    committed.sort_by_key(|event| event.place);
    report.committed = committed.len() as u64;
    let changes = Changes::new(&committed, config, hands);
    let mut falsifier = Falsifier::default();
    for abort in &aborts {
        match certify(abort, &changes) {
            Ok(certified) => report.certified[certified as usize] += 1,
            Err(why) => panic!("uncertified: {why}: {abort:?}; {config:?}"),
        }
        falsifier.check(abort, &changes);
    }
    (report.refused, report.found_out) = (falsifier.refused, falsifier.found_out);
    let lost = report.certified[Certified::Lost as usize];
    // Under a checker history is so short that programs use it up.
    let is_short = cfg!(any(nfos_shuttle, miri));
    // What the event has found is kept for it, unless its burst's own commit used it up.
    let is_kept = |abort: &&Abort| abort.conflict.place == Unknown && abort.committed_at.is_none();
    let lost = lost + aborts.iter().filter(is_kept).count() as u64;
    assert!(
        lost == 0 || is_short || config.bursts > SHORT,
        "history is longer than these programs; {config:?}"
    );
    failed.sort_by_key(|attempt| attempt.snapshot);
    let freshness = Freshness::new(&committed);
    let mut model = Model::new(config);
    let mut failed = failed.into_iter().peekable();
    for event in &committed {
        while let Some(attempt) = failed.next_if(|attempt| attempt.snapshot < event.place.0) {
            replay_failed(&model, &attempt, config, report);
        }
        for op in &event.ops {
            let agrees = model.agrees(op, event.now_ns, Run::Committed);
            assert!(agrees, "{op:?} of {:?} at {}; {config:?}", event.place, event.now_ns);
            freshness.check(op, event.now_ns);
            report.count(op);
        }
    }
    for attempt in failed {
        replay_failed(&model, &attempt, config, report);
    }
    model
}

fn replay_failed(model: &Model, attempt: &Failed, config: &Config, report: &mut Report) {
    let mut model = model.clone();
    *report.outcomes.entry("failed attempt").or_default() += 1;
    for Ran { now_ns, ops, .. } in &attempt.events {
        for op in ops {
            let agrees = model.agrees(op, *now_ns, Run::Failed);
            let Failed { snapshot, events } = attempt;
            assert!(agrees, "{op:?} of a failed attempt at {snapshot}: {events:?}; {config:?}");
        }
    }
}

/// How many updates a stale read must contain at least.
struct Freshness(Vec<u64>);

impl Freshness {
    fn new(committed: &[Committed]) -> Self {
        let is_update = |op: &&Op| matches!(op, Op::Update | Op::UpdateStale);
        let mut returned: Vec<u64> = committed
            .iter()
            .flat_map(|event| event.ops.iter().filter(is_update).map(|_| event.returned_ns))
            .collect();
        returned.sort_unstable();
        Self(returned)
    }

    /// Updates that had returned a staleness before the read's time are in it.
    fn check(&self, op: &Op, now_ns: u64) {
        if let Op::MergeStale(value) = op {
            let since = now_ns.saturating_sub(STALENESS_NS);
            let least = self.0.partition_point(|&returned| returned <= since) as u64;
            assert!(value[0] >= least, "a merged value of {value:?} is older than its staleness");
        }
    }
}

impl Report {
    fn count(&mut self, op: &Op) {
        let outcome = match op {
            Op::Get(_, Some(_)) => "hit",
            Op::Get(_, None) => "miss",
            Op::Set(_, _, SetOutcome::Ok) => "set",
            Op::Set(_, _, SetOutcome::Full) => "full",
            Op::Remove(_, true) => "removed",
            Op::Remove(_, false) => "not there",
            Op::Length(_) => "counted",
            Op::Entries(..) => "gone through",
            Op::Allocate(_, Some(_)) => "allocated",
            Op::Allocate(_, None) => "none left",
            Op::Refresh(_, _, true) => "refreshed",
            Op::Refresh(_, _, false) | Op::Free(_, false) => "not held",
            Op::Free(_, true) => "freed",
            Op::IsLive(_, true) => "live",
            Op::IsLive(_, false) => "dead",
            Op::NextExpired(Some(_)) => "expired",
            _ => return,
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}

fn check_final_state(worker: &mut Worker, objects: &Objects, config: &Config, model: &Model) {
    worker.begin_burst();
    assert!(worker.begin_event(u64::MAX >> 1));
    for (index, element) in (0..).zip(&model.elements) {
        assert_eq!(worker.vector_read(objects.vector, index), Ok(*element));
    }
    for key in 0..config.keys {
        let found = worker.map_get(objects.map, &key_bytes(key));
        assert_eq!(found, Ok(model.keys.get(&key).copied()));
    }
    let updates = [model.updates, model.updates, 0, 0, 0, 0];
    assert_eq!(worker.distributed_read(objects.fresh), Ok(updates));
    // What is left in the pools is exactly what nobody holds, and every lease is in a wheel.
    let left = std::iter::from_fn(|| worker.allocate(objects.allocator, 1).unwrap()).count();
    assert_eq!(left, config.ids as usize - model.deadlines.len());
    assert_eq!(worker.commit(1).committed, 1);
    worker.begin_burst();
    assert!(worker.begin_event(u64::MAX));
    let expired = std::iter::from_fn(|| worker.next_expired(objects.allocator).unwrap()).count();
    assert_eq!(expired, config.ids as usize);
    let room = (0..u16::MAX).take_while(|&key| {
        let set = worker.map_set(objects.map, &key_bytes(key ^ 0x8000), [0; 6]);
        set == Ok(SetOutcome::Ok)
    });
    assert_eq!(room.count(), config.map_capacity as usize - model.keys.len());
    worker.abandon();
}
