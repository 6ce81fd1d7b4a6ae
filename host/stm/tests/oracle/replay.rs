//! The replay, and the certificates of aborts.

use std::fmt;

use nfos_stm::{FAILURES_BEFORE_GATE, Payload, Reason};

use crate::driver::{Committed, Config, Failed, History};
use crate::program::{ASK, AtLeast, OBJECT, Op, READ, UPDATE, WRITE};

/// What the programs came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) committed: u64,
    pub(crate) read_only: u64,
    pub(crate) failed_attempts: u64,
    pub(crate) prefixes: u64,
    pub(crate) certified_plain: u64,
    pub(crate) certified_predicates: u64,
    /// Commits past a predicate's cell, between seeing it and being aborted, that left it true.
    pub(crate) avoided: u64,
    pub(crate) runs_max: u32,
    pub(crate) failures_max: u32,
}

impl Report {
    pub(crate) fn add(&mut self, other: &Self) {
        self.committed += other.committed;
        self.read_only += other.read_only;
        self.failed_attempts += other.failed_attempts;
        self.prefixes += other.prefixes;
        self.certified_plain += other.certified_plain;
        self.certified_predicates += other.certified_predicates;
        self.avoided += other.avoided;
        self.runs_max = self.runs_max.max(other.runs_max);
        self.failures_max = self.failures_max.max(other.failures_max);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certified = self.certified_plain + self.certified_predicates;
        write!(
            f,
            "{} events replayed, {} of them read-only; {} failed attempts replayed at their \
             snapshots; {certified} aborts certified, {} of predicates, 0 uncertified; {} prefixes \
             committed; at most {} runs and {} failures in a row of an event",
            self.committed,
            self.read_only,
            self.failed_attempts,
            self.certified_predicates,
            self.prefixes,
            self.runs_max,
            self.failures_max
        )
    }
}

/// One version of a cell.
#[derive(Clone, Copy, Debug)]
struct Version {
    timestamp: u64,
    participant: u16,
    kind: u8,
    payload: Payload,
}

/// All versions of all cells, oldest first.
struct Model(Vec<Vec<Version>>);

impl Model {
    fn new(cells: u32) -> Self {
        let zero = Version { timestamp: 0, participant: 0, kind: 0, payload: [0; 6] };
        Self(vec![vec![zero]; cells as usize])
    }

    fn newest(&self, cell: u32) -> Version {
        *self.0[cell as usize].last().unwrap()
    }

    /// The state at a timestamp, without what came later.
    fn at(&self, timestamp: u64) -> Vec<Payload> {
        let newest = |versions: &Vec<Version>| {
            let end = versions.partition_point(|version| version.timestamp <= timestamp);
            versions[end - 1].payload
        };
        self.0.iter().map(newest).collect()
    }

    fn install(&mut self, cell: u32, version: Version) {
        let versions = &mut self.0[cell as usize];
        // Events of one commit make one version.
        if versions.last().unwrap().timestamp == version.timestamp {
            versions.pop();
        }
        versions.push(version);
    }
}

/// Runs an operation on a state; `false` if it read something else.
fn agrees(op: &Op, state: &mut [Payload]) -> bool {
    match *op {
        Op::Read(cell, payload) => state[cell as usize] == payload,
        Op::Ask(cell, predicate) => predicate.holds(&state[cell as usize]),
        Op::Write(cell, payload) => {
            state[cell as usize] = payload;
            true
        }
        Op::Update(cell, word, operation, operand) => {
            let place = &mut state[cell as usize][word];
            *place = operation.apply(*place, operand);
            true
        }
    }
}

pub(crate) fn replay(config: &Config, histories: Vec<History>) -> Report {
    let mut report = Report::default();
    let (mut committed, mut failed) = (Vec::new(), Vec::new());
    for history in histories {
        report.runs_max = report.runs_max.max(history.runs_max);
        report.failures_max = report.failures_max.max(history.failures_max);
        report.prefixes += history.prefixes;
        committed.extend(history.committed);
        failed.extend(history.failed);
    }
    let bound = config.burst_max as u32 - 1 + FAILURES_BEFORE_GATE + 1;
    assert!(report.runs_max <= bound, "an event ran {} times", report.runs_max);
    committed.sort_by_key(|event| event.place);
    let mut model = Model::new(config.cells);
    for event in &committed {
        replay_event(&mut model, event);
        report.committed += 1;
        report.read_only += u64::from(event.place.1);
    }
    for attempt in &failed {
        let mut state = model.at(attempt.snapshot);
        for op in attempt.events.iter().flatten() {
            assert!(agrees(op, &mut state), "{op:?} of a failed attempt at {}", attempt.snapshot);
        }
        report.failed_attempts += 1;
        certify(&model, attempt, &mut report);
    }
    report
}

fn replay_event(model: &mut Model, event: &Committed) {
    let mut state: Vec<Payload> =
        (0..model.0.len() as u32).map(|c| model.newest(c).payload).collect();
    for op in &event.ops {
        assert!(agrees(op, &mut state), "{op:?} of {:?}", event.place);
        let (cell, kind) = match *op {
            Op::Write(cell, _) => (cell, WRITE),
            Op::Update(cell, ..) => (cell, UPDATE),
            Op::Read(..) | Op::Ask(..) => continue,
        };
        let (timestamp, participant) = (event.place.0, event.participant);
        let payload = state[cell as usize];
        model.install(cell, Version { timestamp, participant, kind, payload });
    }
}

/// Whether an abort names a committed version, newer than what the event saw, that ended what it
/// had observed: the version before it still had it so.
fn certify(model: &Model, attempt: &Failed, report: &mut Report) {
    let Reason::Observed { observer, mutator, participant, seen, changed } = attempt.failure.reason
    else {
        panic!("history is longer than any of these programs: {:?}", attempt.failure);
    };
    assert!(seen < changed, "uncertified: not newer than what was seen: {:?}", attempt.failure);
    let before_commit = attempt.committed_at.is_none_or(|timestamp| changed < timestamp);
    assert!(before_commit, "uncertified: newer than the commit: {:?}", attempt.failure);
    let observations: Vec<(u32, Option<AtLeast>)> = attempt
        .observed
        .iter()
        .filter_map(|op| match *op {
            Op::Read(cell, _) if observer.kind == READ => Some((cell, None)),
            Op::Ask(cell, predicate) if observer.kind == ASK => Some((cell, Some(predicate))),
            Op::Update(cell, ..) if observer.kind == UPDATE => Some((cell, None)),
            _ => None,
        })
        .filter(|(cell, _)| *cell == attempt.failure.cell.raw())
        .collect();
    let ended_by = observations.iter().find_map(|&(cell, predicate)| {
        let versions = &model.0[cell as usize];
        let at = versions.iter().position(|version| version.timestamp == seen)?;
        let past = versions[at + 1..].iter().position(|version| version.timestamp == changed)?;
        let [before, ending] = versions[at + past..][..2] else { return None };
        let held = |v: &Version| predicate.map_or(v.timestamp == seen, |p| p.holds(&v.payload));
        let named = (ending.participant, ending.kind) == (participant, mutator.kind);
        (named && held(&before) && !held(&ending)).then_some((predicate, past as u64))
    });
    let Some((predicate, past)) = ended_by else {
        panic!("uncertified: {:?} of {observations:?}", attempt.failure);
    };
    assert_eq!((observer.object, mutator.object), (OBJECT, OBJECT));
    report.avoided += past;
    report.certified_predicates += u64::from(predicate.is_some());
    report.certified_plain += u64::from(predicate.is_none());
}
