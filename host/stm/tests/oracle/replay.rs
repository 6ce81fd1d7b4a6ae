//! The replay, and the certificates of aborts.

use std::fmt;

use nfos_stm::{FAILURES_BEFORE_GATE, Payload, Reason};

use crate::driver::{Committed, Config, Failed, History};
use crate::program::{ASK, AtLeast, OBJECT, Op, READ, UPDATE, WRITE};

/// What the programs came to.
#[derive(Clone, Debug, Default)]
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
    pub(crate) wrong: Wrong,
}

/// What must not be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrong {
    pub(crate) reads: u64,
    pub(crate) reads_of_failed: u64,
    pub(crate) uncertified: u64,
    pub(crate) elders_that_failed: u64,
    /// The first of all.
    pub(crate) first: Option<String>,
}

impl Wrong {
    fn note(&mut self, what: impl FnOnce() -> String) -> u64 {
        self.first.get_or_insert_with(what);
        1
    }
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
        self.wrong.reads += other.wrong.reads;
        self.wrong.reads_of_failed += other.wrong.reads_of_failed;
        self.wrong.uncertified += other.wrong.uncertified;
        self.wrong.elders_that_failed += other.wrong.elders_that_failed;
        self.wrong.first = self.wrong.first.take().or_else(|| other.wrong.first.clone());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certified = self.certified_plain + self.certified_predicates;
        write!(
            f,
            "{} events replayed, {} of them read-only; {} failed attempts replayed at their \
             snapshots; {certified} aborts certified, {} of predicates; {} prefixes committed; at \
             most {} runs and {} failures in a row of an event; wrong: {} reads, {} reads of \
             failed attempts, {} aborts uncertified, {} elders that failed",
            self.committed,
            self.read_only,
            self.failed_attempts,
            self.certified_predicates,
            self.prefixes,
            self.runs_max,
            self.failures_max,
            self.wrong.reads,
            self.wrong.reads_of_failed,
            self.wrong.uncertified,
            self.wrong.elders_that_failed
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

    fn install(&mut self, cell: u32, mut version: Version) {
        let versions = &mut self.0[cell as usize];
        // Events of one commit make one version; what replaced it is what it is known by.
        if versions.last().unwrap().timestamp == version.timestamp {
            let replaced = versions.pop().is_some_and(|before| before.kind == WRITE);
            version.kind = if replaced { WRITE } else { version.kind };
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
    let runs_bound = config.burst_max as u32 - 1 + FAILURES_BEFORE_GATE + 1;
    if report.runs_max > runs_bound || report.failures_max > FAILURES_BEFORE_GATE {
        let (runs, failures) = (report.runs_max, report.failures_max);
        let what = || format!("an event ran {runs} times and failed {failures} times in a row");
        report.wrong.elders_that_failed += report.wrong.note(what);
    }
    committed.sort_by_key(|event| event.place);
    let mut model = Model::new(config.cells);
    for event in &committed {
        replay_event(&mut model, event, &mut report.wrong);
        report.committed += 1;
        report.read_only += u64::from(event.place.1);
    }
    for attempt in &failed {
        let mut state = model.at(attempt.snapshot);
        for op in attempt.events.iter().flatten() {
            if !agrees(op, &mut state) {
                let what = || format!("{op:?} of a failed attempt at {}", attempt.snapshot);
                report.wrong.reads_of_failed += report.wrong.note(what);
            }
        }
        report.failed_attempts += 1;
        if let Err(why) = certify(&model, attempt, &mut report) {
            let what =
                || format!("uncertified: {why}: {:?} of {:?}", attempt.failure, attempt.observed);
            report.wrong.uncertified += report.wrong.note(what);
        }
    }
    report
}

fn replay_event(model: &mut Model, event: &Committed, wrong: &mut Wrong) {
    let mut state: Vec<Payload> =
        (0..model.0.len() as u32).map(|c| model.newest(c).payload).collect();
    for op in &event.ops {
        if !agrees(op, &mut state) {
            wrong.reads += wrong.note(|| format!("{op:?} of {:?}", event.place));
        }
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
fn certify(model: &Model, attempt: &Failed, report: &mut Report) -> Result<(), &'static str> {
    let Reason::Observed { observer, mutator, participant, seen, changed, .. } =
        attempt.failure.reason
    else {
        return Err("history is longer than any of these programs");
    };
    if seen >= changed {
        return Err("the change is not newer than what was seen");
    }
    if attempt.committed_at.is_some_and(|timestamp| changed >= timestamp) {
        return Err("the change is newer than the commit");
    }
    let observations = attempt.observed.iter().filter_map(|op| match *op {
        Op::Read(cell, _) if observer.kind == READ => Some((cell, None)),
        Op::Ask(cell, predicate) if observer.kind == ASK => Some((cell, Some(predicate))),
        Op::Update(cell, ..) if observer.kind == UPDATE => Some((cell, None)),
        _ => None,
    });
    let mut of_cell = observations.filter(|(cell, _)| *cell == attempt.failure.cell.raw());
    let ended_by = of_cell.find_map(|(cell, predicate): (u32, Option<AtLeast>)| {
        let versions = &model.0[cell as usize];
        let at = versions.iter().position(|version| version.timestamp == seen)?;
        let past = versions[at + 1..].iter().position(|version| version.timestamp == changed)?;
        let [before, ending] = versions[at + past..][..2] else { return None };
        let held = |v: &Version| predicate.map_or(v.timestamp == seen, |p| p.holds(&v.payload));
        let named = (ending.participant, ending.kind) == (participant, mutator.kind);
        (named && held(&before) && !held(&ending)).then_some((predicate, past as u64))
    });
    let (predicate, past) = ended_by.ok_or("no committed version is so and ended it")?;
    if (observer.object, mutator.object) != (OBJECT, OBJECT) {
        return Err("of another object");
    }
    report.avoided += past;
    report.certified_predicates += u64::from(predicate.is_some());
    report.certified_plain += u64::from(predicate.is_none());
    Ok(())
}
