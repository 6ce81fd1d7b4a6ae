//! From what the workers handed in, the conflicts and the counters to one [`Profile`].

use std::collections::{BTreeMap, HashMap};

use hdrhistogram::Histogram;
use nfos_engine::exchange::EventKind;
use nfos_engine::{CallSite, Site};
use nfos_records::profile::{
    self as records, Conflict, EXAMPLES_MAX, Example, Function, Handler, HeavySet, Interval,
    Method, Object, PlaceCount, Profile, Share, Side,
};
use nfos_records::{Remark, Summary};
use nfos_state::rules::Particulars;
use nfos_state::{ConflictCount, ConflictKind, ConflictSample, Conflicts, ObjectShape, Place};

use super::uses::{OPERATIONS, Operation, Use};
use super::{Recorded, times::RUNS_MAX};
use crate::factory::Locator;
use crate::origin::EventOrigin;

/// Most places of one kind of conflict.
const PLACES_MAX: usize = 16;

/// What a profile says of the run besides what was recorded.
pub(crate) struct Facts {
    /// The network function.
    pub function: Function,
    /// How to find its source lines.
    pub locator: Locator,
    /// The structures.
    pub objects: Vec<ObjectShape>,
    /// By participant: the most packets that waited.
    pub queue_max: Vec<u64>,
    /// The course of the run.
    pub intervals: Vec<Interval>,
    /// What slowed workers down.
    pub remarks: Vec<Remark>,
}

/// The profile of a run that is over.
pub(crate) fn profile(
    facts: Facts,
    summary: Summary,
    recorded: &[Recorded],
    conflicts: &Conflicts,
) -> Profile {
    let mut builder = Builder::new(&facts.objects, &facts.locator, recorded);
    let (told, examples) = builder.conflicts(&summary, conflicts);
    let objects = builder.objects();
    let mut function = facts.function;
    function.has_lines = builder.sites.iter().any(|site| site.line > 0);
    let mut workers = vec![records::Worker::default(); facts.queue_max.len()];
    for (worker, queue_max) in workers.iter_mut().zip(facts.queue_max) {
        worker.queue_max = queue_max;
    }
    for one in recorded {
        workers[one.worker].busy_ns = one.times.busy_ns;
        workers[one.worker].wasted_ns = one.times.wasted_ns;
        workers[one.worker].gate_entries = one.gate_entries;
    }
    Profile {
        schema: records::SCHEMA,
        function,
        method: method(recorded, conflicts),
        summary,
        objects,
        handlers: handlers(recorded),
        conflicts: told,
        examples,
        sites: builder.sites.iter().map(site).collect(),
        workers,
        attempts: attempts(recorded),
        remarks: facts.remarks,
        heaviest: recorded.iter().flat_map(heaviest).collect(),
        intervals: facts.intervals,
    }
}

fn method(recorded: &[Recorded], conflicts: &Conflicts) -> Method {
    let sum = |of: fn(&Recorded) -> u64| recorded.iter().map(of).sum();
    Method {
        conflicts_lost: conflicts.lost,
        samples: conflicts.samples.len() as u64,
        samples_replaced: conflicts.samples_replaced,
        sites_captured: sum(|one| one.uses.captured),
        sites_missed: sum(|one| one.uses.missed),
        capture_ns: sum(|one| one.uses.capture_ns()),
    }
}

fn site(site: &Site) -> records::Site {
    records::Site {
        file: site.file.clone(),
        line: site.line,
        column: site.column,
        function: site.function.clone(),
    }
}

fn attempts(recorded: &[Recorded]) -> Vec<u64> {
    let mut attempts: Vec<u64> = (0..RUNS_MAX)
        .map(|runs| recorded.iter().map(|one| one.times.attempts[runs]).sum())
        .collect();
    let used = attempts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    attempts.truncate(used);
    attempts
}

fn heaviest(recorded: &Recorded) -> Vec<HeavySet> {
    let of = |(set, key, packets)| HeavySet { worker: recorded.worker, set, key, packets };
    recorded.heavy.heaviest(records::HEAVIEST_MAX).into_iter().map(of).collect()
}

fn handlers(recorded: &[Recorded]) -> Vec<Handler> {
    let of_kind = |kind: usize| {
        let all = || recorded.iter().map(move |one| &one.times.handlers[kind]);
        let commits = all().map(|handler| handler.commits).sum();
        let retries = all().map(|handler| handler.retries).sum();
        let latency = histogram(all().map(|handler| &handler.latency));
        Handler {
            name: handler_name(kind as u8 + 1).to_owned(),
            commits,
            retries,
            time: histogram(all().map(|handler| &handler.time)),
            latency: (latency.count > 0).then_some(latency),
        }
    };
    (0..5).map(of_kind).filter(|handler| handler.commits + handler.retries > 0).collect()
}

fn histogram<'a>(of: impl Iterator<Item = &'a Histogram<u64>>) -> records::Histogram {
    let mut sum: Option<Histogram<u64>> = None;
    for one in of {
        match &mut sum {
            None => sum = Some(one.clone()),
            Some(sum) => sum.add(one).expect("all have the same bounds"),
        }
    }
    let Some(sum) = sum.filter(|sum| !sum.is_empty()) else {
        return records::Histogram::default();
    };
    records::Histogram {
        count: sum.len(),
        mean_ns: sum.mean() as u64,
        p50_ns: sum.value_at_quantile(0.5),
        p90_ns: sum.value_at_quantile(0.9),
        p99_ns: sum.value_at_quantile(0.99),
        p999_ns: sum.value_at_quantile(0.999),
        max_ns: sum.max(),
    }
}

/// The contract's name of a handler, by the number of an [`EventOrigin`].
fn handler_name(number: u8) -> &'static str {
    match EventOrigin::kind_of(number) {
        None => "init or exit",
        Some(EventKind::InitPacketSet) => "init-packet-set",
        Some(EventKind::Packet) => "packet",
        Some(EventKind::ExpiredPacketSet) => "expired-packet-set",
        Some(EventKind::OrphanPacket) => "orphan-packet",
        Some(EventKind::Periodic) => "periodic",
    }
}

/// Weights by site, all workers together.
type Weights<K> = HashMap<K, BTreeMap<usize, u64>>;

struct Builder<'a> {
    shapes: &'a [ObjectShape],
    sites: Vec<Site>,
    by_use: Weights<Use>,
    /// The same by worker.
    by_worker: Weights<(usize, Use)>,
    by_conflict: Weights<ConflictKind>,
    counts: BTreeMap<Use, u64>,
}

impl<'a> Builder<'a> {
    fn new(shapes: &'a [ObjectShape], locator: &Locator, recorded: &[Recorded]) -> Self {
        let mut builder = Self {
            shapes,
            sites: Vec::new(),
            by_use: HashMap::new(),
            by_worker: HashMap::new(),
            by_conflict: HashMap::new(),
            counts: BTreeMap::new(),
        };
        for one in recorded {
            builder.add(one, locator);
        }
        builder
    }

    fn add(&mut self, one: &Recorded, locator: &Locator) {
        let mut calls = vec![CallSite::default(); one.uses.sites.len()];
        one.uses.sites.iter().for_each(|(call, number)| calls[*number] = *call);
        let mut numbers = Vec::with_capacity(calls.len());
        for site in locator(&calls) {
            // Several calls may come from one line.
            let known = self.sites.iter().position(|known| *known == site);
            numbers.push(known.unwrap_or(self.sites.len()));
            if known.is_none() {
                self.sites.push(site);
            }
        }
        for ((used, number), weight) in &one.uses.by_use {
            let number = numbers[*number];
            *self.by_use.entry(*used).or_default().entry(number).or_default() += weight;
            let of_worker = self.by_worker.entry((one.worker, *used)).or_default();
            *of_worker.entry(number).or_default() += weight;
        }
        for ((kind, number), weight) in &one.uses.by_conflict {
            let of_kind = self.by_conflict.entry(*kind).or_default();
            *of_kind.entry(numbers[*number]).or_default() += weight;
        }
        for (used, count) in one.uses.counts() {
            *self.counts.entry(used).or_default() += count;
        }
    }

    fn name_of(&self, object: u32) -> String {
        let shape = self.shapes.get(object as usize);
        shape.map_or_else(|| format!("object {object}"), |shape| shape.name.clone())
    }

    fn objects(&self) -> Vec<Object> {
        let object = |shape: &ObjectShape| {
            let of_object = self.counts.iter().filter(|(used, _)| used.object == shape.id.raw());
            let operations = of_object.map(|(used, count)| records::Operation {
                name: OPERATIONS[usize::from(used.operation)].name().to_owned(),
                handler: handler_name(used.handler).to_owned(),
                count: *count,
                sites: self.by_use.get(used).map(shares).unwrap_or_default(),
            });
            Object {
                name: shape.name.clone(),
                kind: kind_name(shape).to_owned(),
                shape: shape.shape.to_string(),
                operations: operations.collect(),
            }
        };
        self.shapes.iter().map(object).collect()
    }

    /// Conflicts by kind, and some in full.
    fn conflicts(
        &mut self,
        summary: &Summary,
        conflicts: &Conflicts,
    ) -> (Vec<Conflict>, Vec<Example>) {
        let mut by_kind: HashMap<ConflictKind, Vec<&ConflictSample>> = HashMap::new();
        for sample in &conflicts.samples {
            by_kind.entry(sample.conflict.kind()).or_default().push(sample);
        }
        let (mut told, mut examples) = (Vec::new(), Vec::new());
        for (number, count) in conflicts.counts.iter().enumerate() {
            let samples = by_kind.remove(&count.kind).unwrap_or_default();
            told.push(self.conflict(summary, count, &samples));
            let room = EXAMPLES_MAX.saturating_sub(examples.len()).min(PLACES_MAX);
            let newest = samples.len().saturating_sub(room);
            examples.extend(samples[newest..].iter().map(|sample| example(number, sample)));
        }
        (told, examples)
    }

    fn conflict(
        &self,
        summary: &Summary,
        count: &ConflictCount,
        samples: &[&ConflictSample],
    ) -> Conflict {
        let kind = &count.kind;
        let object = self.name_of(kind.object.raw());
        let id = kind.cause.id();
        let cause = summary.causes.iter().find(|cause| cause.id == id && cause.object == object);
        let of = Particulars { object: &object, ..Particulars::default() };
        let (places, other_places) = places(samples);
        Conflict {
            cause: id.to_owned(),
            text: cause.map_or_else(|| kind.cause.told(&of, &()), |cause| cause.cause.clone()),
            recipe: cause
                .map_or_else(|| kind.cause.advised(&of, &()), |cause| cause.recipe.clone()),
            observer: self.observer(kind),
            mutator: kind.change.map(|(mutator, handler)| {
                let operation = Operation::of_mutator(mutator);
                let side = self.side(kind.object.raw(), operation, "", handler);
                let used = Use { object: kind.object.raw(), operation: operation as u8, handler };
                match self.sites_of_changes(used, samples) {
                    sites if sites.is_empty() => side,
                    sites => Side { sites, ..side },
                }
            }),
            aborts: count.aborts,
            wasted_ns: count.wasted_ns,
            places,
            other_places,
            object: object.clone(),
        }
    }

    fn observer(&self, kind: &ConflictKind) -> Side {
        let (operation, detail) = Operation::of_observer(kind.observer);
        let learnt = self.side(kind.object.raw(), operation, detail, kind.origin);
        match self.by_conflict.get(kind) {
            Some(weights) => Side { sites: shares(weights), exact: true, ..learnt },
            None => learnt,
        }
    }

    /// Where from the workers that were first use an operation, each as heavy as it was often so.
    fn sites_of_changes(&self, used: Use, samples: &[&ConflictSample]) -> Vec<Share> {
        let mut first = BTreeMap::<usize, u64>::new();
        for ConflictSample { conflict, .. } in samples {
            if let Some(change) = conflict.change {
                *first.entry(change.participant.into()).or_default() += conflict.weight;
            }
        }
        let mut weights = BTreeMap::<usize, f64>::new();
        for (worker, times) in first {
            let Some(sites) = self.by_worker.get(&(worker, used)) else { continue };
            let all: u64 = sites.values().sum();
            for (site, weight) in sites {
                let share = *weight as f64 / all.max(1) as f64;
                *weights.entry(*site).or_default() += times as f64 * share;
            }
        }
        // In thousandths, so that shares of one conflict are told apart.
        shares(&weights.iter().map(|(site, weight)| (*site, (weight * 1e3) as u64)).collect())
    }

    /// A side with the sites that its handler, or else any, uses the operation from.
    fn side(&self, object: u32, operation: Operation, detail: &str, handler: u8) -> Side {
        let used = |handler| Use { object, operation: operation as u8, handler };
        let any = || (0..8).find_map(|handler| self.by_use.get(&used(handler)));
        let weights = self.by_use.get(&used(handler)).or_else(any);
        Side {
            operation: operation.name().to_owned(),
            detail: detail.to_owned(),
            handler: handler_name(handler).to_owned(),
            sites: weights.map(shares).unwrap_or_default(),
            exact: false,
        }
    }
}

fn kind_name(shape: &ObjectShape) -> &'static str {
    match shape.shape.kind() {
        nfos_state::ObjectKind::Vector => "vector",
        nfos_state::ObjectKind::Map => "hash-map",
        nfos_state::ObjectKind::Allocator => "allocator",
        nfos_state::ObjectKind::Distributed => "distributed-object",
    }
}

/// Most first.
fn shares(weights: &BTreeMap<usize, u64>) -> Vec<Share> {
    let mut shares: Vec<_> =
        weights.iter().map(|(site, weight)| Share { site: *site, weight: *weight }).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.weight));
    shares
}

fn place(of: &Place) -> String {
    match of {
        Place::Element(index) => format!("element {index}"),
        Place::Key(key) => {
            let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("key {hex}")
        }
        Place::Lease(id) => format!("lease {id}"),
        Place::Part(participant) => format!("part of worker {participant}"),
        Place::Room => "room".to_owned(),
        Place::Unknown => "unknown".to_owned(),
    }
}

/// The most frequent places, and the weight of the others.
fn places(samples: &[&ConflictSample]) -> (Vec<PlaceCount>, u64) {
    let mut weights = HashMap::<Place, u64>::new();
    for sample in samples {
        *weights.entry(sample.conflict.place).or_default() += sample.conflict.weight;
    }
    let mut places: Vec<_> = weights
        .iter()
        .map(|(of, weight)| PlaceCount { place: place(of), weight: *weight })
        .collect();
    places.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.place.cmp(&b.place)));
    let rest = places.split_off(places.len().min(PLACES_MAX));
    (places, rest.iter().map(|place| place.weight).sum())
}

fn example(number: usize, sample: &ConflictSample) -> Example {
    let conflict = &sample.conflict;
    Example {
        conflict: number,
        now_ns: sample.now_ns,
        weight: conflict.weight,
        place: place(&conflict.place),
        worker: sample.participant,
        port: EventOrigin::unpack(conflict.origin).port(),
        failures: conflict.failures.into(),
        by_worker: conflict.change.map(|change| change.participant.into()),
        by_port: conflict.change.and_then(|change| EventOrigin::unpack(change.origin).port()),
        snapshot: conflict.snapshot,
        seen: conflict.change.map_or(0, |change| change.seen),
        committed: conflict.change.map_or(0, |change| change.committed),
    }
}
