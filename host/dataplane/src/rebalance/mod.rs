//! Entries of the steering table that move from loaded workers to others while a run goes on, with
//! the packet sets behind them.
//!
//! The state of a packet set lies with its worker and is not synchronised, so an entry moves at a
//! point where neither worker has a packet of its sets in hand. Nobody is stopped for that:
//!
//! 1. *Prepare.* The worker that an entry goes to keeps packets of it back from now on; the one
//!    that has it looks for its sets, a slice of its table between two bursts.
//! 2. *Change.* The control loop changes the table, and every port [follows](nfos_netio::Resteer).
//! 3. *Drain.* The worker that had the entry takes from its queues what lay there, and handles it.
//!    After that nothing of the entry comes to it.
//! 4. *Hand over.* It takes the sets out of its table and sends them, some between two bursts:
//!    keys, states, and when each was last seen.
//! 5. *Take in.* The other one takes them into its table and then handles the packets that it kept
//!    back, before any that came later.
//!
//! So packets of one set are handled in the order in which they came, each after what the one
//! before it left; that holds for orphans of the entry too. A packet that is kept back arrives, as
//! far as its time goes, when it is handled: until then it is under way, as in a lane. A set ends
//! when its idle time is over, at whichever worker it is then, or where it comes to.
//!
//! A worker that is held up makes the move wait, and nobody else but the packets kept back for it;
//! beyond some hundreds these are lost, under a reason of their own. A run that ends in between
//! drops what was kept back.
//!
//! The idea is that of RSS++ (Barbette et al., CoNEXT 2019), which migrates per-bucket flow tables
//! between cores.

mod control;
mod messages;
mod mover;
mod policy;

pub(crate) use control::Control;
pub(crate) use mover::Mover;

use crate::counters::Counter;
use crate::definitions::StoredKeys;
use nfos_netio::{Port, Steering};
use std::sync::Arc;
use std::time::Duration;

/// Whether entries of the steering table move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// None.
    Never,
    /// Those of workers that have more packets than others, over live ports that can follow.
    WhenSkewed {
        /// How often loads are looked at; more than 0.
        interval: Duration,
    },
    /// Any, without need: for tests that want many to.
    AtRandom {
        /// The least time between two moves; more than 0.
        interval: Duration,
        /// What random numbers start from.
        seed: u64,
    },
}

impl Default for Rebalance {
    /// When skewed, looked at every second.
    fn default() -> Self {
        Self::WhenSkewed { interval: Duration::from_secs(1) }
    }
}

/// What moved so far. Written by the control loop alone.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// How often something did.
    pub moves: Counter,
    /// Entries.
    pub entries: Counter,
    /// Sets behind them.
    pub sets: Counter,
    /// Packets that were kept back for their sets, and handled.
    pub parked: Counter,
}

/// Both ends of rebalancing: the control loop's and each worker's.
pub(crate) struct Ends {
    /// The control loop's.
    pub control: Option<Control>,
    /// By worker.
    pub movers: Vec<Option<Mover>>,
    /// What the operator should know.
    pub remark: Option<String>,
}

/// Prepares rebalancing, if it is asked for and every port can follow.
pub(crate) fn ends(
    how: Rebalance,
    steering: &Steering,
    ports: &mut [Box<dyn Port>],
    moves: &Arc<Moves>,
) -> Ends {
    let workers = steering.workers();
    let none =
        |remark| Ends { control: None, movers: (0..workers).map(|_| None).collect(), remark };
    if how == Rebalance::Never || workers == 1 {
        return none(None);
    }
    let (follow, stay): (Vec<_>, Vec<_>) =
        ports.iter_mut().map(|port| (port.id(), port.resteer().is_some())).partition(|of| of.1);
    if let (false, Some((port, _))) = (follow.is_empty(), stay.first()) {
        let why = "has dealt out its packets already, so no entry of the steering table moves";
        return none(Some(format!("port {port} {why}")));
    }
    if follow.is_empty() {
        return none(None);
    }
    let (answers, heard) = crossbeam_channel::unbounded();
    let orders: Vec<_> = (0..workers).map(|_| crossbeam_channel::unbounded()).collect();
    let peers: Vec<_> = orders.iter().map(|(to, _)| to.clone()).collect();
    let mover = |(index, (_, orders)): (usize, &(_, crossbeam_channel::Receiver<_>))| {
        Some(Mover::new(mover::Parts {
            index,
            steering: steering.clone(),
            keys: StoredKeys::new(steering.classifier().definitions()),
            orders: orders.clone(),
            peers: peers.clone(),
            answers: answers.clone(),
        }))
    };
    let movers = orders.iter().enumerate().map(mover).collect();
    let control = Control::new(steering, how, orders, heard, Arc::clone(moves));
    let remark = match how {
        Rebalance::WhenSkewed { interval } => Some(format!(
            "steering: packet sets move away from a worker with a fifth more packets than others, \
             looked at every {interval:?}"
        )),
        Rebalance::Never | Rebalance::AtRandom { .. } => None,
    };
    Ends { control: Some(control), movers, remark }
}
