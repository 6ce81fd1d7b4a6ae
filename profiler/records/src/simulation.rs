//! What `nfos-host simulate` foretells: everything in it is simulated.
//!
//! Times are in nanoseconds of virtual time unless said otherwise. `docs/simulate.md` says what is
//! modelled and what is not.

use serde::{Deserialize, Serialize};

/// The version of this schema: raised whenever a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// How a network function would scale.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// [`SCHEMA`].
    pub schema: u32,
    /// True: nothing here was measured on as many cores.
    pub simulated: bool,
    /// The network function's name.
    pub nf: String,
    /// `ours`, or `original`: that of the NFOS prototype.
    pub protocol: String,
    /// Of the traffic's order, of ties and of the scatter of costs.
    pub seed: u64,
    /// By port, as the operator wrote it.
    pub ports: Vec<String>,
    /// Million packets per second that each port hands over at most; none: as many as are taken.
    pub port_limit_mpps: Option<f64>,
    /// Whether workers go through the traffic together, each at the share that steering sends it.
    #[serde(default)]
    pub in_step: bool,
    /// Events of a burst at most; 0 in files of hosts that did not write it.
    #[serde(default)]
    pub burst_max: u64,
    /// Packets of each point.
    pub packets: u64,
    /// Packets before them that are not counted.
    pub warm_up: u64,
    /// Parameters that do not have their default.
    pub parameters: Vec<Setting>,
    /// What things cost.
    pub costs: Costs,
    /// One, or one for each value of a parameter.
    pub curves: Vec<Curve>,
}

impl Simulation {
    /// How packets came and events were grouped, in words: a line for each that is known.
    pub fn ways(&self) -> impl Iterator<Item = String> {
        let in_step =
            self.in_step.then(|| "workers in step: at this rate nothing is lost".to_owned());
        let bursts = (self.burst_max > 0).then(|| format!("bursts of up to {}", self.burst_max));
        in_step.into_iter().chain(bursts)
    }
}

/// A parameter's value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name, as `--set` takes it.
    pub name: String,
    /// Its value, as `--set` takes it.
    pub value: String,
}

/// What things cost on one core, and between two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// The machine's.
    pub machine: MachineCosts,
    /// The network function's.
    pub function: FunctionCosts,
}

/// What is the same for all network functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineCosts {
    /// The day of the measurement, in UTC.
    pub date: String,
    /// Moving a cache line from one core to another.
    pub transfer_ns: f64,
}

/// What one core takes for a network function under its traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionCosts {
    /// The day of the measurement, in UTC.
    pub date: String,
    /// Receiving and transmitting a packet.
    pub port_ns: f64,
    /// Making a burst, whatever it has.
    pub compose_burst_ns: f64,
    /// For each of its events.
    pub compose_event_ns: f64,
    /// Entering the guest, and the commit, whatever the burst has.
    pub burst_ns: f64,
    /// An event in the guest with its share of the commit, by kind: first packet of a set, packet,
    /// end of a set, orphan packet, period.
    pub event_ns: [f64; 5],
    /// Letting a burst happen, whatever it has.
    pub settle_burst_ns: f64,
    /// For each of its events.
    pub settle_event_ns: f64,
}

/// Throughput and its reasons over numbers of cores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What was tried; none: nothing was.
    pub setting: Option<Setting>,
    /// By number of cores.
    pub points: Vec<Point>,
}

/// One number of cores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Workers, each on a core of its own.
    pub cores: u64,
    /// Million packets per second.
    pub mpps: f64,
    /// The same if a transfer of a cache line cost twice as much.
    pub mpps_low: f64,
    /// The same if it cost half as much.
    pub mpps_high: f64,
    /// Runs of events that were thrown away, of all.
    pub aborted_share: f64,
    /// Bursts that did not commit as a whole, of all.
    pub failing_bursts_share: f64,
    /// Runs for each event that stood.
    pub runs_per_event: f64,
    /// Events of a burst.
    pub burst_mean: f64,
    /// Where the workers' time went.
    pub time: TimeShares,
    /// Why runs were thrown away, most first.
    pub causes: Vec<Cause>,
    /// Packets that were counted.
    pub packets: u64,
    /// Virtual time that they took.
    pub span_ns: u64,
}

/// Shares of the workers' time, which add up to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeShares {
    /// Runs that stood, and what goes with them.
    pub work: f64,
    /// Runs that were thrown away.
    pub wasted: f64,
    /// Cache lines on their way.
    pub transfers: f64,
    /// Cells that another commit held.
    pub locks: f64,
    /// The counter that timestamps come from.
    pub clock: f64,
    /// Waiting rooms.
    pub rooms: f64,
    /// The gate.
    pub gate: f64,
    /// Nothing to do.
    pub idle: f64,
}

/// A pair of operations that get into each other's way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The structure.
    pub object: String,
    /// The id of the cause in the rules table.
    pub id: String,
    /// The operation that ran in vain.
    pub observer: String,
    /// The operation that was first; empty if something was short.
    pub mutator: String,
    /// Runs that it failed.
    pub aborts: u64,
    /// Of all that failed.
    pub share: f64,
    /// What happened.
    pub text: String,
    /// What relaxes it.
    pub recipe: String,
    /// Parameters that relax it.
    pub relaxed_by: Vec<String>,
}
