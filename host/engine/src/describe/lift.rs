//! From the types generated of the contract to those of this crate.

use crate::bindings::exports::nfos::nf::handlers as from;
use crate::bindings::nfos::nf::types;
use crate::description::{
    Constraint, Description, Field, Layer, PacketSet, Parameter, Relaxation, Rule, Setting,
};
use crate::exchange::EventKind;
use crate::services::Value;

pub(super) fn description(from: from::Description) -> Description {
    Description {
        name: from.name,
        summary: from.summary,
        ports: from.ports,
        handles: from.handles.into_iter().map(event_kind).collect(),
        packet_sets: from.packet_sets.into_iter().map(packet_set).collect(),
        orphans: from.orphans.into_iter().map(rule).collect(),
        state_size: from.state_size,
        window: from.window,
        headroom: from.headroom,
        parameters: from.parameters.into_iter().map(parameter).collect(),
        drop_reasons: from.drop_reasons,
        events: from.events,
    }
}

fn packet_set(from: types::PacketSet) -> PacketSet {
    PacketSet { name: from.name, rules: from.rules.into_iter().map(rule).collect() }
}

fn rule(from: types::Rule) -> Rule {
    Rule {
        ports: from.ports,
        layer: layer(from.layer),
        protocols: from.protocols,
        key: from.key.into_iter().map(field).collect(),
        symmetric: from.symmetric,
    }
}

fn parameter(from: types::Parameter) -> Parameter {
    Parameter {
        name: from.name,
        help: from.help,
        default: value(from.default),
        constraint: match from.constraint {
            types::Constraint::Any => Constraint::Any,
            types::Constraint::Range((least, greatest)) => Constraint::Range(least, greatest),
            types::Constraint::Choices(choices) => Constraint::Choices(choices),
        },
        relaxes: from.relaxes.into_iter().map(relaxation).collect(),
    }
}

fn relaxation(from: types::Relaxation) -> Relaxation {
    let setting = match from.setting {
        types::Setting::Capacity => Setting::Capacity,
        types::Setting::Duration => Setting::Duration,
        types::Setting::RefreshInterval => Setting::RefreshInterval,
        types::Setting::Staleness => Setting::Staleness,
        types::Setting::WriteInterval => Setting::WriteInterval,
        types::Setting::Method => Setting::Method,
    };
    Relaxation { setting, structure: from.structure }
}

fn value(from: types::Value) -> Value {
    match from {
        types::Value::Unsigned(number) => Value::Unsigned(number),
        types::Value::Boolean(yes) => Value::Boolean(yes),
        types::Value::Text(text) => Value::Text(text),
    }
}

fn event_kind(from: types::EventKind) -> EventKind {
    match from {
        types::EventKind::InitPacketSet => EventKind::InitPacketSet,
        types::EventKind::Packet => EventKind::Packet,
        types::EventKind::ExpiredPacketSet => EventKind::ExpiredPacketSet,
        types::EventKind::OrphanPacket => EventKind::OrphanPacket,
        types::EventKind::Periodic => EventKind::Periodic,
    }
}

fn layer(from: types::Layer) -> Layer {
    match from {
        types::Layer::Ethernet => Layer::Ethernet,
        types::Layer::Ipv4 => Layer::Ipv4,
        types::Layer::Ipv6 => Layer::Ipv6,
    }
}

fn field(from: types::Field) -> Field {
    match from {
        types::Field::SourceMac => Field::SourceMac,
        types::Field::DestinationMac => Field::DestinationMac,
        types::Field::SourceAddress => Field::SourceAddress,
        types::Field::DestinationAddress => Field::DestinationAddress,
        types::Field::Protocol => Field::Protocol,
        types::Field::SourcePort => Field::SourcePort,
        types::Field::DestinationPort => Field::DestinationPort,
    }
}
