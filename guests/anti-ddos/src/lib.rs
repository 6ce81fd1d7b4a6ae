//! Notices floods of flows that have one packet each (the paper's listing 2, after NFF-Go's
//! example).
//!
//! Packets pass from port 0 to port 1 and back, unchanged. Two numbers are kept over all flows:
//! how many there are, and how many of them have had one packet only. When most of them have, as
//! with a flood of SYNs from made-up addresses, an alarm is on. Every first packet of a flow
//! changes both numbers and judges by both: on many cores it reads what all the others write, and
//! the staleness says how old what it reads may be.

use nfos::prelude::*;

mod state;

use state::{Alarm, Counters, Flow};

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// How many microseconds old the numbers may be by which a first packet is judged.
    #[range(0..=1_000_000)]
    #[relaxes(staleness = "counters")]
    staleness_us: u64,
    /// There is an attack when flows of one packet are more than this share of all flows.
    #[default(80)]
    #[range(0..=100)]
    threshold_percent: u64,
    /// How many flows there must be before they can be an attack.
    #[default(100)]
    flows_min: u64,
    /// What an attack leads to.
    #[default(Action::Alarm)]
    action: Action,
    /// Milliseconds without a packet after which a flow is over.
    #[default(6_000)]
    #[range(1..=86_400_000)]
    idle_timeout_ms: u64,
}

/// What an attack leads to.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The events alone.
    Alarm,
    /// First packets of flows are dropped. A second one passes, as one that is sent again does.
    DropNew,
}

/// Why the detector drops.
#[derive(Reason)]
pub enum Reason {
    /// The first packet of a flow during an attack.
    UnderAttack,
}

/// What it tells; the value is the number of flows.
#[derive(Event)]
pub enum Event {
    /// Flows of one packet have become too many.
    AttackStarted,
    /// They are no longer.
    AttackEnded,
}

/// The detector.
pub struct AntiDdos {
    parameters: Parameters,
    counters: Distributed<Counters>,
    alarm: Alarm,
}

#[nfos::export]
impl NetworkFunction for AntiDdos {
    const PORTS: u16 = 2;
    type Parameters = Parameters;
    type State = Flow;
    type Reason = Reason;
    type Event = Event;

    /// One direction each: an answer is another flow.
    fn packet_sets() -> Vec<PacketSet> {
        let flow = |port| Rule::ipv4(FIVE_TUPLE).ports([port]).protocols([TCP, UDP]);
        vec![
            PacketSet::new("flow_from_port0").rule(flow(0)),
            PacketSet::new("flow_from_port1").rule(flow(1)),
        ]
    }

    fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.parameters.idle_timeout_ms)
    }

    fn capacity(&self) -> u32 {
        1_048_576
    }

    fn init(parameters: Parameters) -> Self {
        let staleness = Duration::from_micros(parameters.staleness_us);
        let counters = Distributed::open("counters", staleness);
        Self { parameters, counters, alarm: Alarm::open() }
    }

    fn init_packet_set(&self, packet: &mut Packet, flow: &mut Flow) -> Verdict {
        flow.one_packet = true;
        self.counters.update(Counters::FLOWS, 1);
        self.counters.update(Counters::ONE_PACKET_FLOWS, 1);
        let counters = self.counters.read();
        let attack = self.is_attack(&counters);
        self.alarm.set(attack, counters.flows);
        let verdict = match self.parameters.action {
            Action::DropNew if attack => Verdict::drop(Reason::UnderAttack),
            _ => pass(packet),
        };
        verdict.register_if_room()
    }

    fn packet(&self, packet: &mut Packet, flow: &mut Flow) -> Verdict {
        if flow.one_packet {
            flow.one_packet = false;
            self.counters.update(Counters::ONE_PACKET_FLOWS, -1);
        }
        pass(packet)
    }

    fn expired_packet_set(&self, flow: &Flow) {
        self.counters.update(Counters::FLOWS, -1);
        if flow.one_packet {
            self.counters.update(Counters::ONE_PACKET_FLOWS, -1);
        }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        pass(packet)
    }
}

impl AntiDdos {
    fn is_attack(&self, counters: &Counters) -> bool {
        let Parameters { threshold_percent, flows_min, .. } = self.parameters;
        let share_is_above = counters.one_packet_flows * 100 > threshold_percent * counters.flows;
        counters.flows >= flows_min && share_is_above
    }
}

fn pass(packet: &Packet) -> Verdict {
    Verdict::send(packet.port() ^ 1)
}
