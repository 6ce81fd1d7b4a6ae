//! From a profile to what there is to say of it. The numbers of text, page and JSON are these.

use std::collections::BTreeMap;

use nfos_records::ParameterAdvice;
use nfos_records::profile::{self as records, Profile};
use serde::Serialize;

use crate::load::{Heavy, Remark, Worker, heaviest, imbalance, recipe_for, remarks, workers};
use crate::numbers::{plain, share};
use crate::sources::Sources;

/// What there is to say of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The schema of the profile.
    pub schema: u32,
    /// The network function's name.
    pub nf: String,
    /// Of its file.
    pub digest: String,
    /// What ran it.
    pub engine: String,
    /// Parameters with other values than their defaults, `name=value`.
    pub parameters: Vec<String>,
    /// How long it ran.
    pub elapsed_ns: u64,
    /// Packets received.
    pub received: u64,
    /// Packets per second.
    pub per_second: f64,
    /// Runs of events, those thrown away included.
    pub runs: u64,
    /// Runs thrown away.
    pub aborts: u64,
    /// Of all runs.
    pub aborts_percent: f64,
    /// Conflicts; each throws away the rest of its burst.
    pub conflicts: u64,
    /// Conflicts that are in no cause, for want of room.
    pub conflicts_rest: u64,
    /// Time of runs thrown away.
    pub wasted_ns: u64,
    /// Of the time that workers were busy.
    pub wasted_percent: f64,
    /// Most conflicts first.
    pub causes: Vec<Cause>,
    /// Most conflicts first.
    pub lines: Vec<Line>,
    /// Conflicts whose line is not known.
    pub unattributed: u64,
    /// By worker number, without the control loop.
    pub workers: Vec<Worker>,
    /// Packets of the busiest worker over the mean.
    pub imbalance: f64,
    /// What to do about it, if anything.
    pub imbalance_recipe: Option<String>,
    /// The packet sets that brought most packets, most first.
    pub heaviest: Vec<Heavy>,
    /// What slowed workers down without making any of them run again, most first.
    pub remarks: Vec<Remark>,
    /// By handler.
    pub handlers: Vec<records::Handler>,
    /// Events by how often they ran, once first.
    pub attempts: Vec<u64>,
    /// Events that ran alone because they had failed too often.
    pub gate_entries: u64,
    /// The structures.
    pub objects: Vec<Object>,
    /// The course of the run.
    pub course: Vec<Point>,
    /// Whether lines are known; else functions, if anything.
    pub has_lines: bool,
    /// How it was recorded.
    pub method: records::Method,
}

/// Conflicts of one cause on one structure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cause {
    /// Of the rules table.
    pub id: String,
    /// The structure's name.
    pub object: String,
    /// What it is.
    pub object_kind: String,
    /// What happened.
    pub text: String,
    /// What relaxes it.
    pub recipe: String,
    /// The parameters that do.
    pub relaxed_by: Vec<ParameterAdvice>,
    /// How many.
    pub conflicts: u64,
    /// Of all conflicts.
    pub percent: f64,
    /// Time of the runs thrown away for it.
    pub wasted_ns: u64,
    /// Of all time wasted.
    pub wasted_percent: f64,
    /// Who met whom, most first.
    pub pairs: Vec<Pair>,
    /// Where in the structure, most first.
    pub places: Vec<Place>,
    /// Elsewhere in the structure.
    pub other_places_percent: f64,
}

impl Cause {
    /// What was in the way where no operation of another worker was.
    pub(crate) fn without_mutator(&self) -> &'static str {
        match self.id.as_str() {
            "S1" => "it ran for so long that what it had read was no longer kept",
            _ => "events under way on other workers held what was left",
        }
    }
}

/// Two operations that met.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pair {
    /// How often.
    pub conflicts: u64,
    /// Of its cause.
    pub percent: f64,
    /// Who ran in vain.
    pub observer: Side,
    /// Who was first.
    pub mutator: Option<Side>,
}

/// One of the two.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Side {
    /// The operation, with how it went.
    pub operation: String,
    /// In which handler.
    pub handler: String,
    /// From where, most first.
    pub lines: Vec<Where>,
    /// Whether the lines are those of the conflicts themselves.
    pub exact: bool,
}

/// A line of source with its share.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Where {
    /// As the compiler named it, without what is the same everywhere; may be empty.
    pub file: String,
    /// 0: unknown.
    pub line: u32,
    /// The function; may be empty.
    pub function: String,
    /// The line itself, if its file was found.
    pub source: Option<String>,
    /// Of this side.
    pub percent: f64,
}

impl Where {
    /// The place in a line.
    pub(crate) fn place(&self) -> String {
        match (self.file.is_empty(), self.function.is_empty()) {
            (true, true) => "an unknown place".to_owned(),
            (true, false) => self.function.clone(),
            (false, true) => format!("{}:{}", self.file, self.line),
            (false, false) => format!("{}:{} in {}", self.file, self.line, self.function),
        }
    }
}

/// Conflicts of one place in a structure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Place {
    /// An element, key, lease or part.
    pub place: String,
    /// Of its cause.
    pub percent: f64,
}

/// Conflicts of one line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    /// Where.
    pub at: Where,
    /// The file as the profile names it.
    pub full_name: String,
    /// Conflicts in which it ran in vain.
    pub observed: f64,
    /// Conflicts in which it was first.
    pub changed: f64,
}

impl Line {
    /// Conflicts in which it had a part.
    pub(crate) fn weight(&self) -> f64 {
        self.observed + self.changed
    }
}

/// A structure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Object {
    /// Its name.
    pub name: String,
    /// Its kind and sizes.
    pub shape: String,
    /// Uses.
    pub operations: u64,
    /// Conflicts on it.
    pub conflicts: u64,
}

/// A stretch of the run, all workers together.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Point {
    /// When it began.
    pub start_ns: u64,
    /// How long it was.
    pub span_ns: u64,
    /// Packets per second.
    pub per_second: f64,
    /// Aborts of all runs.
    pub aborts_percent: f64,
    /// Events for each burst.
    pub burst: f64,
    /// Packets that waited at its end.
    pub queue: u64,
}

impl Report {
    /// Of a profile.
    pub(crate) fn new(profile: &Profile, sources: &Sources) -> Self {
        let summary = &profile.summary;
        let aborts: u64 = summary.workers.iter().map(|worker| worker.aborts).sum();
        let events: u64 = summary.workers.iter().map(|worker| worker.events).sum();
        let counted: u64 = profile.conflicts.iter().map(|conflict| conflict.aborts).sum();
        let wasted_ns: u64 = profile.workers.iter().map(|worker| worker.wasted_ns).sum();
        let workers = workers(profile);
        let busy_ns: u64 = workers.iter().map(|worker| worker.busy_ns).sum();
        let imbalance = imbalance(&workers);
        let heaviest = heaviest(profile, &workers);
        let names = Names::new(profile, sources);
        let (lines, unattributed) = lines(profile, &names);
        Self {
            schema: profile.schema,
            nf: plain(&profile.function.name),
            digest: profile.function.digest.clone(),
            engine: profile.function.engine.clone(),
            parameters: changed_parameters(profile),
            elapsed_ns: summary.elapsed_ns,
            received: summary.received,
            per_second: per_second(summary.received, summary.elapsed_ns),
            runs: events + aborts,
            aborts,
            aborts_percent: share(aborts as f64, (events + aborts) as f64),
            conflicts: counted + profile.method.conflicts_lost,
            conflicts_rest: profile.method.conflicts_lost,
            wasted_ns,
            wasted_percent: share(wasted_ns as f64, busy_ns as f64).min(100.0),
            causes: causes(profile, &names),
            lines,
            unattributed,
            imbalance_recipe: recipe_for(imbalance, &workers, &heaviest),
            heaviest,
            remarks: remarks(profile),
            imbalance,
            workers,
            handlers: profile.handlers.clone(),
            attempts: profile.attempts.clone(),
            gate_entries: profile.workers.iter().map(|worker| worker.gate_entries).sum(),
            objects: objects(profile),
            course: profile.intervals.iter().map(point).collect(),
            has_lines: profile.function.has_lines,
            method: profile.method.clone(),
        }
    }
}

fn per_second(count: u64, ns: u64) -> f64 {
    if ns > 0 { count as f64 * 1e9 / ns as f64 } else { 0.0 }
}

fn changed_parameters(profile: &Profile) -> Vec<String> {
    let parameters = profile.function.parameters.iter();
    let changed = parameters.filter(|parameter| parameter.value != parameter.default);
    changed.map(|parameter| plain(&format!("{}={}", parameter.name, parameter.value))).collect()
}

/// Sites as they are shown.
struct Names<'a> {
    profile: &'a Profile,
    sources: &'a Sources,
    /// Bytes of the folder that all files lie in, to leave out.
    prefix: usize,
}

impl<'a> Names<'a> {
    fn new(profile: &'a Profile, sources: &'a Sources) -> Self {
        let files =
            || profile.sites.iter().map(|site| site.file.as_str()).filter(|f| !f.is_empty());
        let mut common = files().next().unwrap_or_default();
        for file in files() {
            while !file.starts_with(common) {
                common = &common[..common.char_indices().next_back().map_or(0, |(at, _)| at)];
            }
        }
        // Names from where everything was built stay as they are, and so does `src/lib.rs`,
        // whatever it lies in.
        if !common.starts_with('/') {
            return Self { profile, sources, prefix: 0 };
        }
        let folder = common.rfind('/').map_or(0, |at| at + 1);
        let before = common[..folder].trim_end_matches('/');
        let prefix = match before.rsplit_once('/') {
            Some((outer, "src")) => outer.rfind('/').map_or(0, |at| at + 1),
            Some((outer, _)) => outer.len() + 1,
            None => 0,
        };
        Self { profile, sources, prefix }
    }

    fn at(&self, site: usize, percent: f64) -> Option<Where> {
        let site = self.profile.sites.get(site)?;
        Some(Where {
            file: plain(site.file.get(self.prefix..).unwrap_or_default()),
            line: site.line,
            function: plain(&site.function),
            source: self.sources.line(&site.file, site.line).map(plain),
            percent,
        })
    }

    fn side(&self, side: &records::Side) -> Side {
        let all: u64 = side.sites.iter().map(|share| share.weight).sum();
        let lines = side.sites.iter();
        let lines = lines.filter_map(|one| self.at(one.site, share(one.weight as f64, all as f64)));
        Side {
            operation: match side.detail.as_str() {
                "" => plain(&side.operation),
                detail => plain(&format!("{} ({detail})", side.operation)),
            },
            handler: plain(&side.handler),
            lines: lines.collect(),
            exact: side.exact,
        }
    }
}

fn causes(profile: &Profile, names: &Names<'_>) -> Vec<Cause> {
    let mut by_cause = BTreeMap::<(&str, &str), Vec<&records::Conflict>>::new();
    for conflict in &profile.conflicts {
        by_cause.entry((&conflict.cause, &conflict.object)).or_default().push(conflict);
    }
    let all: u64 = profile.conflicts.iter().map(|conflict| conflict.aborts).sum();
    let all = all + profile.method.conflicts_lost;
    let wasted: u64 = profile.conflicts.iter().map(|conflict| conflict.wasted_ns).sum();
    let mut causes: Vec<_> = by_cause
        .values()
        .map(|conflicts| cause(profile, names, conflicts, (all as f64, wasted as f64)))
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.conflicts));
    causes
}

fn cause(
    profile: &Profile,
    names: &Names<'_>,
    conflicts: &[&records::Conflict],
    (all, wasted): (f64, f64),
) -> Cause {
    let first = conflicts[0];
    let count: u64 = conflicts.iter().map(|conflict| conflict.aborts).sum();
    let wasted_ns: u64 = conflicts.iter().map(|conflict| conflict.wasted_ns).sum();
    let object = profile.objects.iter().find(|object| object.name == first.object);
    let told = profile.summary.causes.iter();
    let told = told.clone().find(|told| told.id == first.cause && told.object == first.object);
    let (places, other_places_percent) = places(conflicts);
    let mut pairs: Vec<_> = conflicts
        .iter()
        .map(|conflict| Pair {
            conflicts: conflict.aborts,
            percent: share(conflict.aborts as f64, count as f64),
            observer: names.side(&conflict.observer),
            mutator: conflict.mutator.as_ref().map(|side| names.side(side)),
        })
        .collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.conflicts));
    Cause {
        id: plain(&first.cause),
        object: plain(&first.object),
        object_kind: object.map_or_else(String::new, |object| plain(&object.kind)),
        text: plain(&first.text),
        recipe: plain(&first.recipe),
        relaxed_by: told.map(|told| told.relaxed_by.clone()).unwrap_or_default(),
        conflicts: count,
        percent: share(count as f64, all),
        wasted_ns,
        wasted_percent: share(wasted_ns as f64, wasted),
        pairs,
        places,
        other_places_percent,
    }
}

/// Places of several kinds of conflicts together, each kind as heavy as its conflicts are many.
fn places(conflicts: &[&records::Conflict]) -> (Vec<Place>, f64) {
    let mut weights = BTreeMap::<&str, f64>::new();
    let (mut all, mut other) = (0.0, 0.0);
    for conflict in conflicts {
        let sampled: u64 = conflict.places.iter().map(|place| place.weight).sum();
        let each = conflict.aborts as f64 / (sampled + conflict.other_places).max(1) as f64;
        for place in &conflict.places {
            *weights.entry(&place.place).or_default() += place.weight as f64 * each;
        }
        other += conflict.other_places as f64 * each;
        all += (sampled + conflict.other_places) as f64 * each;
    }
    let mut places: Vec<_> = weights
        .into_iter()
        .map(|(place, weight)| Place { place: plain(place), percent: share(weight, all) })
        .collect();
    places.sort_by(|a, b| b.percent.total_cmp(&a.percent));
    (places, share(other, all))
}

/// Conflicts by line, of both sides, and those of which the observer's line is not known.
fn lines(profile: &Profile, names: &Names<'_>) -> (Vec<Line>, u64) {
    let mut by_site = BTreeMap::<(&str, u32, &str), (usize, f64, f64)>::new();
    let mut unattributed = profile.method.conflicts_lost;
    for conflict in &profile.conflicts {
        let mut add = |side: &records::Side, of: fn(&mut (usize, f64, f64)) -> &mut f64| {
            let all: u64 = side.sites.iter().map(|share| share.weight).sum();
            for one in &side.sites {
                let Some(site) = profile.sites.get(one.site) else { continue };
                let key = (site.file.as_str(), site.line, site.function.as_str());
                let entry = by_site.entry(key).or_insert((one.site, 0.0, 0.0));
                *of(entry) += conflict.aborts as f64 * one.weight as f64 / all.max(1) as f64;
            }
        };
        add(&conflict.observer, |entry| &mut entry.1);
        if let Some(mutator) = &conflict.mutator {
            add(mutator, |entry| &mut entry.2);
        }
        if conflict.observer.sites.is_empty() {
            unattributed += conflict.aborts;
        }
    }
    let all: f64 = profile.conflicts.iter().map(|conflict| conflict.aborts as f64).sum();
    let line = |(site, observed, changed): (usize, f64, f64)| {
        let full_name = profile.sites.get(site)?.file.clone();
        Some(Line { at: names.at(site, share(observed, all))?, full_name, observed, changed })
    };
    let mut lines: Vec<_> = by_site.into_values().filter_map(line).collect();
    lines.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
    (lines, unattributed)
}

fn objects(profile: &Profile) -> Vec<Object> {
    let object = |object: &records::Object| Object {
        name: plain(&object.name),
        shape: plain(&object.shape),
        operations: object.operations.iter().map(|operation| operation.count).sum(),
        conflicts: profile
            .conflicts
            .iter()
            .filter(|conflict| conflict.object == object.name)
            .map(|conflict| conflict.aborts)
            .sum(),
    };
    let mut objects: Vec<_> = profile.objects.iter().map(object).collect();
    objects.sort_by_key(|object| std::cmp::Reverse((object.conflicts, object.operations)));
    objects
}

fn point(interval: &records::Interval) -> Point {
    let sum =
        |of: fn(&records::WorkerInterval) -> u64| interval.workers.iter().map(of).sum::<u64>();
    let (events, aborts) = (sum(|worker| worker.events), sum(|worker| worker.aborts));
    Point {
        start_ns: interval.start_ns,
        span_ns: interval.span_ns,
        per_second: per_second(sum(|worker| worker.packets), interval.span_ns),
        aborts_percent: share(aborts as f64, (events + aborts) as f64),
        burst: (events + aborts) as f64 / sum(|worker| worker.bursts).max(1) as f64,
        queue: sum(|worker| worker.queue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use std::path::PathBuf;

    fn report() -> Report {
        let profile = example::profile();
        let sources = Sources::find(&profile, &[PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
        Report::new(&profile, &sources)
    }

    #[test]
    fn causes_are_ranked_and_shares_sum_to_all_with_the_rest() {
        let report = report();
        let ids: Vec<_> = report.causes.iter().map(|cause| cause.id.as_str()).collect();
        assert_eq!((ids, report.conflicts, report.conflicts_rest), (vec!["M1", "M3"], 100, 10));
        let shares: f64 = report.causes.iter().map(|cause| cause.percent).sum();
        assert!((shares + report.conflicts_rest as f64 - 100.0).abs() < 1e-9);
        let wasted = [&report.causes[0], &report.causes[1]].map(|cause| cause.wasted_percent);
        assert_eq!(wasted, [40.0, 60.0], "time may rank differently");
        let first = &report.causes[0];
        let places: f64 = first.places.iter().map(|place| place.percent).sum();
        assert_eq!(places + first.other_places_percent, 100.0);
        assert_eq!(first.relaxed_by[0].suggested.as_deref(), Some("1000"));
    }

    #[test]
    fn both_lines_of_a_pair_are_shown_with_their_text() {
        let pair = &report().causes[0].pairs[0];
        let (observer, mutator) = (&pair.observer.lines[0], pair.mutator.as_ref());
        assert_eq!(observer.place(), "report/src/example.rs:3 in packet");
        assert_eq!(observer.source.as_deref(), Some("use nfos_records::profile::{"));
        assert_eq!(mutator.map(|side| side.lines[0].line), Some(5));
        let lines = report().lines;
        let counts: Vec<_> = lines.iter().map(|line| (line.observed, line.changed)).collect();
        assert_eq!(counts, [(90.0, 0.0), (0.0, 90.0)]);
    }

    #[test]
    fn conflicts_without_a_line_are_told() {
        let mut profile = example::profile();
        profile.conflicts[1].observer.sites.clear();
        let report = Report::new(&profile, &Sources::default());
        assert_eq!(report.unattributed, 30 + 10);
    }

    #[test]
    fn a_thousand_structures_with_fifteen_causes_are_all_in_the_report() {
        let mut profile = example::profile();
        let one = profile.conflicts[0].clone();
        profile.conflicts = (0..15_000)
            .map(|number| records::Conflict {
                object: format!("object_{}", number / 15),
                cause: format!("C{}", number % 15),
                ..one.clone()
            })
            .collect();
        let report = Report::new(&profile, &Sources::default());
        assert_eq!(report.causes.len(), 15_000);
        assert_eq!(report.conflicts, 15_000 * 60 + 10);
        assert!(crate::html::page(&report, &Sources::default()).contains("14988 more causes"));
    }
}
