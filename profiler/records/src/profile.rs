//! The profile of one run: what `nfos-host run --profile` writes and `nfos-profile` reads.
//!
//! Times are in nanoseconds of the host's clock and counts since the start, unless said otherwise.
//! `docs/profile.md` describes the file.

use serde::{Deserialize, Serialize};

use crate::run::{Remark, Summary};

/// The version of this schema: raised whenever a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// Everything that was recorded of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What ran.
    pub function: Function,
    /// How it was recorded.
    pub method: Method,
    /// The account of all packets, and the causes with their recipes.
    pub summary: Summary,
    /// The structures, in the order of their opening.
    pub objects: Vec<Object>,
    /// The handlers that ran.
    pub handlers: Vec<Handler>,
    /// Conflicts by kind, most aborts first.
    pub conflicts: Vec<Conflict>,
    /// Some conflicts in full, at most [`EXAMPLES_MAX`].
    pub examples: Vec<Example>,
    /// Places in the network function's source that others refer to by index.
    pub sites: Vec<Site>,
    /// By worker number; the control loop is the last.
    pub workers: Vec<Worker>,
    /// Events that stood, by how often they ran: the first number is of those that ran once.
    pub attempts: Vec<u64>,
    /// The course of the run, at most [`INTERVALS_MAX`].
    pub intervals: Vec<Interval>,
    /// The packet sets that brought most packets, by worker, most first: at most
    /// [`HEAVIEST_MAX`] each.
    #[serde(default)]
    pub heaviest: Vec<HeavySet>,
    /// What slowed workers down without making any of them run again.
    #[serde(default)]
    pub remarks: Vec<Remark>,
}

/// Most packet sets that are told of each worker.
pub const HEAVIEST_MAX: usize = 8;

/// Most conflicts that are told in full.
pub const EXAMPLES_MAX: usize = 256;

/// Most stretches that a run is divided into.
pub const INTERVALS_MAX: usize = 240;

/// The network function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file, in hexadecimal; empty if it was compiled in.
    pub digest: String,
    /// The engine that ran it.
    pub engine: String,
    /// Its parameters with the values of the run.
    pub parameters: Vec<Parameter>,
    /// Whether its code says which lines it came from.
    pub has_lines: bool,
}

/// A parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, as `--set` takes it.
    pub name: String,
    /// What it says of itself.
    pub about: String,
    /// Its value in this run.
    pub value: String,
    /// Its value if nobody sets it.
    pub default: String,
    /// Structures whose conflicts it relaxes.
    #[serde(default)]
    pub relaxes: Vec<String>,
}

/// How the run was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// Conflicts are counted one by one; those of kinds for which there was no room are here.
    pub conflicts_lost: u64,
    /// Conflicts of which a sample is left, with weights that make up for the others.
    pub samples: u64,
    /// Samples that newer ones have replaced.
    pub samples_replaced: u64,
    /// Call sites that were looked up.
    pub sites_captured: u64,
    /// Conflicts whose own call site was looked for when the event ran again, and not met.
    pub sites_missed: u64,
    /// Time that looking call sites up took.
    pub capture_ns: u64,
}

/// A structure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// As given at `open`.
    pub name: String,
    /// `vector`, `hash-map`, `allocator` or `distributed-object`.
    pub kind: String,
    /// Its sizes, in words.
    pub shape: String,
    /// What was done with it.
    pub operations: Vec<Operation>,
}

/// Uses of one operation in one handler, runs that were thrown away included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The operation's name in the contract.
    pub name: String,
    /// The handler's name in the contract.
    pub handler: String,
    /// How often.
    pub count: u64,
    /// Where from, with weights; learnt from the first uses and a sample.
    pub sites: Vec<Share>,
}

/// A part of something that happened at one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Index into the profile's sites.
    pub site: usize,
    /// Of the sum of weights beside it.
    pub weight: u64,
}

/// A handler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// Its name in the contract.
    pub name: String,
    /// Runs that stood.
    pub commits: u64,
    /// Runs that were thrown away because of a conflict.
    pub retries: u64,
    /// How long its events took in the guest and at the commit: bursts divided by their events.
    pub time: Histogram,
    /// From the packet's arrival at the worker to the release of its effects; live ports only.
    pub latency: Option<Histogram>,
}

/// Percentiles of a time in nanoseconds, within one per cent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// How many times were recorded.
    pub count: u64,
    /// Their mean.
    pub mean_ns: u64,
    /// Half were shorter.
    pub p50_ns: u64,
    /// 90 of 100 were shorter.
    pub p90_ns: u64,
    /// 99 of 100 were shorter.
    pub p99_ns: u64,
    /// 999 of 1,000 were shorter.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Conflicts of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The structure's name.
    pub object: String,
    /// The id of the cause in the rules table.
    pub cause: String,
    /// What happened.
    pub text: String,
    /// What relaxes it.
    pub recipe: String,
    /// Who ran in vain.
    pub observer: Side,
    /// Who changed what the observer had seen; none if a shortage was the reason.
    pub mutator: Option<Side>,
    /// How many runs were thrown away for it.
    pub aborts: u64,
    /// How long these runs took.
    pub wasted_ns: u64,
    /// Where in the structure, most first, with weights: at most 16.
    pub places: Vec<PlaceCount>,
    /// Weights of places that are left out.
    pub other_places: u64,
}

/// One side of a conflict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The operation's name in the contract.
    pub operation: String,
    /// How it went, if that makes a difference: `absent` for a `get` that found nothing.
    pub detail: String,
    /// The handler's name in the contract.
    pub handler: String,
    /// Where from, with weights, most first.
    pub sites: Vec<Share>,
    /// Whether the sites are those of the conflicts themselves; otherwise those that the handler
    /// uses this operation from.
    pub exact: bool,
}

/// How often a conflict happened at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceCount {
    /// `element 5`, `key 0a000001`, `lease 9`, `part of worker 3` or `room`.
    pub place: String,
    /// Of the weights of all places.
    pub weight: u64,
}

/// A conflict in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Index into the profile's conflicts.
    pub conflict: usize,
    /// The time of the event.
    pub now_ns: u64,
    /// How many conflicts it stands for.
    pub weight: u64,
    /// Where in the structure.
    pub place: String,
    /// The worker that ran in vain.
    pub worker: usize,
    /// The ingress port of its packet.
    pub port: Option<u16>,
    /// How often its event has failed, this time included.
    pub failures: u64,
    /// The worker that was first.
    pub by_worker: Option<usize>,
    /// The ingress port of that one's packet.
    pub by_port: Option<u16>,
    /// The logical time of the state that was seen.
    pub snapshot: u64,
    /// The logical time of the version that was observed.
    pub seen: u64,
    /// The logical time at which it was replaced.
    pub committed: u64,
}

/// A place in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    /// The file, as the compiler named it; empty without debug information.
    pub file: String,
    /// From 1; 0 without debug information.
    pub line: u32,
    /// From 1; 0 without debug information.
    pub column: u32,
    /// The function's name.
    pub function: String,
}

/// A worker, or the control loop, beyond its counters in the summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Time of bursts, from their start to the decision.
    pub busy_ns: u64,
    /// Time of runs that were thrown away.
    pub wasted_ns: u64,
    /// Most packets that waited at once.
    pub queue_max: u64,
    /// Events that ran alone because they had failed too often.
    pub gate_entries: u64,
}

/// A packet set that brought many packets, or what steers orphans together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeavySet {
    /// The worker that it belongs to.
    pub worker: usize,
    /// The name of its definition, or `orphan packets`.
    pub set: String,
    /// The fields of its key.
    pub key: String,
    /// How many packets, from a sample of one in 64.
    pub packets: u64,
}

/// A stretch of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// When it began.
    pub start_ns: u64,
    /// How long it was.
    pub span_ns: u64,
    /// By worker number; the control loop is the last.
    pub workers: Vec<WorkerInterval>,
}

/// What one worker did in a stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInterval {
    /// Packets received.
    pub packets: u64,
    /// Events whose run stood.
    pub events: u64,
    /// Bursts run.
    pub bursts: u64,
    /// Runs thrown away.
    pub aborts: u64,
    /// Time spent on bursts.
    pub busy_ns: u64,
    /// Packets that waited at the end of it.
    pub queue: u64,
}
