//! The counters of all workers as one [`Summary`].

use crate::advice::Advice;
use crate::counters::{Counter, Counters};
use crate::reasons::DropReason;
use crate::rebalance::Moves;
use nfos_records::{
    CauseCount, DropCount, EventCount, FrameCounters, PortCounters, SetCounters, SteeringCounters,
    Summary, WorkerCounters,
};
use std::sync::Arc;

/// What a summary is made from; the counters by participant, the control loop last.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// The network function's name.
    pub nf: String,
    /// The engine's name.
    pub engine: String,
    /// By participant.
    pub counters: Vec<Arc<Counters>>,
    /// By port, as the operator wrote it.
    pub ports: Vec<String>,
    /// Of the description.
    pub drop_reasons: Vec<String>,
    /// Of the description.
    pub events: Vec<String>,
    /// Room for packet sets.
    pub capacity: u64,
    /// Which parameters relax conflicts.
    pub advice: Advice,
    /// Entries of the steering table that moved.
    pub moves: Arc<Moves>,
}

impl Sources {
    fn sum(&self, of: impl Fn(&Counters) -> &Counter) -> u64 {
        self.counters.iter().map(|counters| of(counters).value()).sum()
    }

    /// All counters as they are now.
    pub(crate) fn summary(
        &self,
        elapsed_ns: u64,
        trace_ns: Option<u64>,
        causes: Vec<CauseCount>,
    ) -> Summary {
        let received = self.sum(|c| &c.packets);
        let sent = self.sum(|c| &c.sent);
        let consumed = self.sum(|c| &c.consumed);
        let dropped = self.counters.iter().map(|c| c.dropped()).sum();
        Summary {
            schema: nfos_records::run::SCHEMA,
            nf: self.nf.clone(),
            engine: self.engine.clone(),
            elapsed_ns,
            trace_ns,
            received,
            sent,
            consumed,
            dropped,
            // Workers count on while this is read: a live view may be a few packets off.
            in_flight: received.saturating_sub(sent + consumed + dropped),
            drops: self.by_reason(|c| &c.drops),
            frames: self.frames(sent),
            ports: self.ports(),
            workers: self.counters.iter().map(|counters| worker(counters)).collect(),
            packet_sets: SetCounters {
                capacity: self.capacity,
                live: self.sum(|c| &c.sets_live),
                registered: self.sum(|c| &c.sets_registered),
                expired: self.sum(|c| &c.sets_expired),
                refused: self.sum(|c| &c.sets_refused),
            },
            steering: SteeringCounters {
                moves: self.moves.moves.value(),
                entries: self.moves.entries.value(),
                packet_sets: self.moves.sets.value(),
                packets_kept_back: self.moves.parked.value(),
            },
            causes,
            contention: Vec::new(),
            events: self.events(),
        }
    }

    fn by_reason(&self, of: impl Fn(&Counters) -> &Box<[Counter]>) -> Vec<DropCount> {
        let mut counts: Vec<_> = (0..DropReason::count(self.drop_reasons.len()))
            .map(|index| {
                let (reason, by_nf) = DropReason::name(index, &self.drop_reasons);
                let packets = self.counters.iter().map(|c| of(c)[index].value()).sum();
                DropCount { reason: reason.to_owned(), by_nf, packets }
            })
            .filter(|count| count.packets > 0)
            .collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.packets));
        counts
    }

    fn frames(&self, sent: u64) -> FrameCounters {
        let transmit_refused = DropReason::from(crate::reasons::HostReason::TransmitRefused);
        let refusals = self.by_reason(|c| &c.refusals);
        let refused_packets: u64 =
            self.counters.iter().map(|c| c.drops[transmit_refused.index()].value()).sum();
        let refused_further: u64 = refusals.iter().map(|count| count.packets).sum();
        let transmitted = self
            .counters
            .iter()
            .flat_map(|c| c.ports.iter())
            .map(|port| port.transmitted.value())
            .sum();
        FrameCounters {
            forwarded: sent + refused_packets,
            copies: self.sum(|c| &c.copies),
            generated: self.sum(|c| &c.generated),
            transmitted,
            refused: refused_packets + refused_further,
            refusals,
        }
    }

    fn ports(&self) -> Vec<PortCounters> {
        let of_port = |port: usize| {
            let sum = |of: fn(&crate::counters::PortCounters) -> &Counter| {
                self.counters.iter().map(|c| of(&c.ports[port]).value()).sum()
            };
            PortCounters {
                spec: self.ports[port].clone(),
                received: sum(|p| &p.received),
                received_bytes: sum(|p| &p.received_bytes),
                transmitted: sum(|p| &p.transmitted),
                transmitted_bytes: sum(|p| &p.transmitted_bytes),
                refused: sum(|p| &p.refused),
                missed: 0,
                losses: Vec::new(),
            }
        };
        (0..self.ports.len()).map(of_port).collect()
    }

    fn events(&self) -> Vec<EventCount> {
        let of_event = |(index, name): (usize, &String)| EventCount {
            name: name.clone(),
            count: self.counters.iter().map(|c| c.emissions[index].count.value()).sum(),
            last_value: self
                .counters
                .iter()
                .map(|c| &c.emissions[index])
                .filter(|emission| emission.count.value() > 0)
                .map(|emission| emission.last_value.value())
                .next_back()
                .unwrap_or(0),
        };
        self.events.iter().enumerate().map(of_event).collect()
    }
}

fn worker(counters: &Counters) -> WorkerCounters {
    WorkerCounters {
        packets: counters.packets.value(),
        events: counters.events.value(),
        bursts: counters.bursts.value(),
        aborts: counters.aborts.value(),
        faults: counters.faults.value(),
        instances_replaced: counters.instances_replaced.value(),
        packet_sets: counters.sets_live.value(),
        busy_ns: counters.busy_ns.value(),
        runs_per_event_max: counters.runs_per_event_max.value(),
    }
}
