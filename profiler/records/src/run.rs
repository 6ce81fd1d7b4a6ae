//! The counters of one run: a [`Summary`] is taken for every refresh of the live view and once at
//! the end.
//!
//! Every packet that a port handed over ends in exactly one of sent, consumed and dropped:
//! `received = sent + consumed + dropped + in_flight`, and at the end nothing is in flight.

use serde::{Deserialize, Serialize};

/// The version of this schema: raised whenever a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// All counters of a run. Times are in nanoseconds, counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The network function's name.
    pub nf: String,
    /// `direct`, `component` or `native`.
    pub engine: String,
    /// Time since the first packet could arrive.
    pub elapsed_ns: u64,
    /// With capture ports: from the first time stamp to the last instant of trace time reached.
    pub trace_ns: Option<u64>,
    /// Packets that the ports handed over.
    pub received: u64,
    /// Of these: left through at least one port.
    pub sent: u64,
    /// Of these: ended in the network function.
    pub consumed: u64,
    /// Of these: dropped, for the reasons in `drops`.
    pub dropped: u64,
    /// Of these: still inside. 0 at the end.
    pub in_flight: u64,
    /// Dropped packets by reason, most first; reasons without a packet are left out.
    pub drops: Vec<DropCount>,
    /// Frames that left, which may be more than packets sent.
    pub frames: FrameCounters,
    /// By port number.
    pub ports: Vec<PortCounters>,
    /// By worker number; the control loop is the last.
    pub workers: Vec<WorkerCounters>,
    /// The packet-set table.
    pub packet_sets: SetCounters,
    /// What moved from worker to worker.
    #[serde(default)]
    pub steering: SteeringCounters,
    /// Why transactions failed, most first.
    pub causes: Vec<CauseCount>,
    /// What slowed workers down without making any of them run again; structures of which there is
    /// nothing to tell are left out.
    #[serde(default)]
    pub contention: Vec<ContentionCount>,
    /// Events that the network function emitted.
    pub events: Vec<EventCount>,
}

/// Packets dropped for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropCount {
    /// The reason's name.
    pub reason: String,
    /// Whether the network function decided it; otherwise the host did.
    pub by_nf: bool,
    /// How many.
    pub packets: u64,
}

/// Frames by where they came from: `forwarded + copies + generated = transmitted + refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameCounters {
    /// Received packets that were sent on, one frame each.
    pub forwarded: u64,
    /// Further copies of flooded packets.
    pub copies: u64,
    /// Made by the network function through `send`.
    pub generated: u64,
    /// Taken by the ports.
    pub transmitted: u64,
    /// Not taken: the port does not exist, the frame does not fit, or its queue stayed full.
    pub refused: u64,
    /// Of these the ones that were no received packet (a dropped packet is in `drops`), by reason.
    pub refusals: Vec<DropCount>,
}

/// One port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCounters {
    /// As the operator wrote it.
    pub spec: String,
    /// Frames it handed over.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Frames it took.
    pub transmitted: u64,
    /// Bytes of them.
    pub transmitted_bytes: u64,
    /// Frames it did not take.
    pub refused: u64,
    /// Frames that arrived and that it could not hand over: they are in no other count.
    pub missed: u64,
    /// Why frames were missed, as far as the port knows.
    #[serde(default)]
    pub losses: Vec<LossCount>,
}

/// Frames that a port could not hand over, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossCount {
    /// The reason's name.
    pub reason: String,
    /// How many.
    pub frames: u64,
}

/// One worker, or the control loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerCounters {
    /// Packets received.
    pub packets: u64,
    /// Events whose run stood.
    pub events: u64,
    /// Bursts run, re-runs included.
    pub bursts: u64,
    /// Runs of events that were thrown away because of a conflict.
    pub aborts: u64,
    /// Runs of events that ended in a fault of the guest.
    pub faults: u64,
    /// Instances made anew after a fault.
    pub instances_replaced: u64,
    /// Packet sets it holds now.
    pub packet_sets: u64,
    /// Time spent on bursts; the rest was spent waiting for packets.
    pub busy_ns: u64,
    /// How often the event that was run most often was run.
    pub runs_per_event_max: u64,
}

/// The packet-set table, over all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCounters {
    /// Room.
    pub capacity: u64,
    /// Sets it holds now.
    pub live: u64,
    /// Sets that got state.
    pub registered: u64,
    /// Sets that ended after their idle time.
    pub expired: u64,
    /// Registrations for which there was no room.
    pub refused: u64,
}

/// Entries of the steering table that moved from worker to worker while the run went on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteeringCounters {
    /// How often some moved, together.
    pub moves: u64,
    /// Entries that moved, over all moves.
    pub entries: u64,
    /// Packet sets that moved with them.
    pub packet_sets: u64,
    /// Packets that were kept back until their set had come, and handled then.
    pub packets_kept_back: u64,
}

/// Aborts of one cause on one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseCount {
    /// The id of the cause in the rules table, `V1` for instance.
    pub id: String,
    /// The structure's name, as given at `open`.
    pub object: String,
    /// What happened, in the network function's terms.
    pub cause: String,
    /// What relaxes it, with the parameters that do.
    pub recipe: String,
    /// These parameters; none: no parameter of this network function does.
    #[serde(default)]
    pub relaxed_by: Vec<ParameterAdvice>,
    /// How many runs were thrown away for it.
    pub aborts: u64,
}

/// What happened at one structure beside conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentionCount {
    /// The structure's name.
    pub object: String,
    /// Observations that still held although their cell had changed: an absent key whose bucket
    /// got another one, a lease that was refreshed.
    pub avoided: u64,
    /// Commits that had to wait for a cell which another held.
    pub waits: u64,
    /// Of these: for a lease that they refresh.
    pub lease_waits: u64,
    /// Times that a worker had no id or slot left and took some of another's.
    pub thefts: u64,
    /// Times that it did so before it had none left.
    pub thefts_ahead: u64,
    /// Ids or slots that were moved so.
    pub stolen: u64,
    /// Merges of all parts by a handler.
    pub merges: u64,
    /// Merges before a handler needed one.
    pub merges_ahead: u64,
}

impl ContentionCount {
    /// Nothing to tell of a structure.
    #[must_use]
    pub fn named(object: &str) -> Self {
        Self { object: object.to_owned(), ..Self::default() }
    }
}

/// What slowed workers down at one structure, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The structure's name.
    pub object: String,
    /// How often.
    pub times: u64,
    /// What happened each time.
    pub text: String,
    /// What relaxes it; empty: nothing is to be done.
    pub recipe: String,
    /// The parameters that do.
    pub relaxed_by: Vec<ParameterAdvice>,
}

/// A parameter that relaxes a conflict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterAdvice {
    /// Its name.
    pub name: String,
    /// Its value, as the operator would write it.
    pub current: String,
    /// The value to try next; none: it is at its end, or only its author can tell.
    pub suggested: Option<String>,
}

/// An event that the network function emits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCount {
    /// Its name.
    pub name: String,
    /// How often.
    pub count: u64,
    /// The value of the last one.
    pub last_value: u64,
}
