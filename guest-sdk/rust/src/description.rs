//! What a network function says of itself, gathered for the host.

use crate::clock::nanoseconds;
use crate::contract::{Configuration, Description, EventKind};
use crate::function::NetworkFunction;
use crate::layout::Stored;
use crate::packet_sets::{PacketSet, Rule};
use crate::parameters::Parameters;
use crate::reasons::{Event, FrameReason, Reason};

const KINDS: [EventKind; 5] = [
    EventKind::InitPacketSet,
    EventKind::Packet,
    EventKind::ExpiredPacketSet,
    EventKind::OrphanPacket,
    EventKind::Periodic,
];

pub(crate) fn of<N: NetworkFunction>() -> Description {
    let handled = |kind: &EventKind| N::HANDLES.has(*kind as u8);
    Description {
        name: N::NAME.to_owned(),
        summary: N::SUMMARY.to_owned(),
        ports: N::PORTS,
        handles: KINDS.into_iter().filter(handled).collect(),
        packet_sets: N::packet_sets().into_iter().map(PacketSet::into_contract).collect(),
        orphans: N::orphans().into_iter().map(Rule::into_contract).collect(),
        state_size: N::State::SIZE as u32,
        window: N::WINDOW,
        headroom: N::HEADROOM,
        parameters: N::Parameters::describe(),
        drop_reasons: names(&FrameReason::NAMES).chain(names(N::Reason::NAMES)).collect(),
        events: names(N::Event::NAMES).collect(),
    }
}

pub(crate) fn configuration<N: NetworkFunction>(function: &N) -> Configuration {
    Configuration {
        idle_timeout: nanoseconds(function.idle_timeout()),
        packet_sets: function.capacity(),
        periods: function.periods().into_iter().map(nanoseconds).collect(),
    }
}

fn names(names: &[&'static str]) -> impl Iterator<Item = String> {
    names.iter().map(|&name| name.to_owned())
}
