//! Between the types generated of the contract and those of this crate.

use crate::bindings::exports::nfos::nf::handlers;
use crate::bindings::nfos::nf::{distributed_object, hash_map, log, types};
use crate::description::Configuration;
use crate::exchange::{EVENT_SIZE, Event, EventKind, Layout, VERDICT_SIZE};
use crate::fault::GuestFault;
use crate::services::{Cell, Hashing, LogLevel, MapEntry, Merge, Value};

/// `configuration.periods` has at most this many.
const PERIODS_MAX: usize = 16;

pub(super) fn event(from: &[u8; EVENT_SIZE]) -> Result<types::Event, GuestFault> {
    let event = Event::load(from)?;
    Ok(types::Event {
        kind: match event.kind {
            EventKind::InitPacketSet => types::EventKind::InitPacketSet,
            EventKind::Packet => types::EventKind::Packet,
            EventKind::ExpiredPacketSet => types::EventKind::ExpiredPacketSet,
            EventKind::OrphanPacket => types::EventKind::OrphanPacket,
            EventKind::Periodic => types::EventKind::Periodic,
        },
        port: event.port,
        frame_offset: event.frame_offset,
        frame_length: event.frame_length,
        wire_length: event.wire_length,
        state_offset: event.state_offset,
        previous: event.previous,
    })
}

/// A verdict as the canonical ABI lays it out: the form in which bursts take it.
pub(super) fn verdict(from: &types::Verdict) -> [u8; VERDICT_SIZE] {
    let action = match from.action {
        types::Action::Drop => 0,
        types::Action::Send => 1,
        types::Action::Flood => 2,
        types::Action::Consume => 3,
    };
    let registration = match from.registration {
        types::Registration::None => 0,
        types::Registration::Optional => 1,
        types::Registration::Required => 2,
    };
    let [t0, t1] = from.target.to_le_bytes();
    let [o0, o1, o2, o3] = from.frame_offset.to_le_bytes();
    let [l0, l1, l2, l3] = from.frame_length.to_le_bytes();
    [action, registration, t0, t1, o0, o1, o2, o3, l0, l1, l2, l3]
}

/// Checks that an outcome has buffers of the burst's sizes.
pub(super) fn check_sizes(outcome: &handlers::Outcome, layout: Layout) -> Result<(), GuestFault> {
    let (verdicts, frames, states) =
        (outcome.verdicts.len(), outcome.frames.len(), outcome.states.len());
    if verdicts > layout.events as usize {
        return Err(bad(format!("{verdicts} verdicts for {} events", layout.events)));
    }
    if frames != layout.frames as usize {
        return Err(bad(format!("`frames` has {frames} bytes, not {}", layout.frames)));
    }
    if states != layout.states as usize {
        return Err(bad(format!("`states` has {states} bytes, not {}", layout.states)));
    }
    Ok(())
}

pub(super) fn configuration(from: handlers::Configuration) -> Result<Configuration, GuestFault> {
    let handlers::Configuration { idle_timeout, packet_sets, periods } = from;
    if periods.len() > PERIODS_MAX {
        return Err(bad(format!("{} periods; at most {PERIODS_MAX}", periods.len())));
    }
    if periods.contains(&0) {
        return Err(bad("a period of 0 ns; at least 1".to_owned()));
    }
    Ok(Configuration { idle_timeout_ns: idle_timeout, packet_sets, periods_ns: periods })
}

pub(super) fn cell(from: types::Cell) -> Cell {
    let types::Cell { w0, w1, w2, w3, w4, w5 } = from;
    [w0, w1, w2, w3, w4, w5]
}

pub(super) fn lower_cell([w0, w1, w2, w3, w4, w5]: Cell) -> types::Cell {
    types::Cell { w0, w1, w2, w3, w4, w5 }
}

pub(super) fn hashing(from: hash_map::Hashing) -> Hashing {
    match from {
        hash_map::Hashing::Keyed => Hashing::Keyed,
        hash_map::Hashing::Plain => Hashing::Plain,
    }
}

pub(super) fn lower_entry(from: MapEntry) -> hash_map::Entry {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(from.key.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    let key = hash_map::Key { w0, w1, w2, w3, w4, w5, w6, w7, length: from.key_length };
    hash_map::Entry { key, value: lower_cell(from.value), next: from.next }
}

pub(super) fn lower_value(from: Value) -> types::Value {
    match from {
        Value::Unsigned(number) => types::Value::Unsigned(number),
        Value::Boolean(yes) => types::Value::Boolean(yes),
        Value::Text(text) => types::Value::Text(text),
    }
}

pub(super) fn log_level(from: log::Level) -> LogLevel {
    match from {
        log::Level::Error => LogLevel::Error,
        log::Level::Warning => LogLevel::Warning,
        log::Level::Information => LogLevel::Information,
        log::Level::Detail => LogLevel::Detail,
    }
}

pub(super) fn merge(from: distributed_object::Merge) -> Merge {
    match from {
        distributed_object::Merge::Sum => Merge::Sum,
        distributed_object::Merge::Max => Merge::Max,
        distributed_object::Merge::Min => Merge::Min,
        distributed_object::Merge::Or => Merge::Or,
    }
}

fn bad(rule: String) -> GuestFault {
    GuestFault::BadOutcome(rule)
}
