//! The order in which the packets of a run took effect, for tests that replay it.
//!
//! What workers do at once happens in one order all the same: that of the commits. An event that
//! belongs to a commit stands at its timestamp; one that only read stands behind everything of the
//! timestamp whose state it saw. Whoever handles the packets one after the other in this order must
//! get what the run gave.

use crate::burst::Ending;
use crate::reasons::DropReason;
use nfos_engine::description::Description;
use nfos_engine::exchange::Action;
use nfos_netio::Frame;
use nfos_state::Position;
use nfos_sync::{Arc, Lock};

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It left through this port with these bytes.
    Sent(u16, Vec<u8>),
    /// It left through all ports but its own.
    Flooded(Vec<u8>),
    /// It was dropped, for this reason.
    Dropped(String),
    /// The network function kept it.
    Consumed,
}

/// A packet that is done with.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Where it stands among all.
    pub position: Position,
    /// When it was handled; breaks ties between packets that saw the same state.
    pub now_ns: u64,
    /// Which worker handled it.
    pub worker: usize,
    /// How many packets that worker had finished before.
    pub number: u64,
    /// How many packets had arrived before it, over all ports.
    pub arrival: u64,
    /// What became of it.
    pub fate: Fate,
}

/// The packets of a run, as each worker finished them.
#[derive(Debug)]
pub struct CommitLog {
    drop_reasons: Vec<String>,
    packets: Lock<Vec<Committed>>,
}

impl CommitLog {
    /// An empty one, for a run of the network function with this description.
    #[must_use]
    pub fn new(description: &Description) -> Self {
        Self { drop_reasons: description.drop_reasons.clone(), packets: Lock::new(Vec::new()) }
    }

    /// All packets, in an order in which handling them one by one gives the same.
    #[must_use]
    pub fn in_order(&self) -> Vec<Committed> {
        let mut packets = self.packets.lock().clone();
        packets.sort_by_key(|one| (one.position, one.now_ns, one.worker, one.number));
        packets
    }
}

/// A worker's pen.
#[derive(Debug)]
pub(crate) struct Scribe {
    log: Arc<CommitLog>,
    worker: usize,
    number: u64,
}

impl Scribe {
    pub(crate) fn new(log: Arc<CommitLog>, worker: usize) -> Self {
        Self { log, worker, number: 0 }
    }

    /// Notes what became of a packet.
    pub(crate) fn note(&mut self, position: Position, frame: &Frame, now_ns: u64, ending: Ending) {
        let dropped = |reason: DropReason| {
            Fate::Dropped(DropReason::name(reason.index(), &self.log.drop_reasons).0.to_owned())
        };
        let fate = match ending {
            Ending::Again => return,
            Ending::Stands(Action::Send(port)) => Fate::Sent(port, frame.bytes().to_vec()),
            Ending::Stands(Action::Flood) => Fate::Flooded(frame.bytes().to_vec()),
            Ending::Stands(Action::Consume) => Fate::Consumed,
            Ending::Stands(Action::Drop(reason)) => dropped(DropReason::of_nf(reason)),
            Ending::Dropped(reason) => dropped(reason),
        };
        let (worker, number, arrival) = (self.worker, self.number, frame.sequence);
        self.number += 1;
        let committed = Committed { position, now_ns, worker, number, arrival, fate };
        self.log.packets.lock().push(committed);
    }
}
