//! A description laid out as the canonical ABI has it, written independently of the engine.

use nfos_engine::description::{Constraint, Description, PacketSet, Parameter, Relaxation, Rule};
use nfos_engine::services::Value;

/// The description at the address `base`: its record first, then what its lists point to.
pub fn description(from: &Description, base: u32) -> Vec<u8> {
    let mut heap = Heap { base, bytes: vec![0; 80] };
    let mut record = Vec::new();
    heap.text(&mut record, &from.name);
    heap.text(&mut record, &from.summary);
    record.extend(from.ports.to_le_bytes());
    record.extend([0; 2]);
    heap.list(&mut record, 1, &from.handles, |_, to, kind| to.push(*kind as u8));
    heap.list(&mut record, 4, &from.packet_sets, packet_set);
    heap.list(&mut record, 4, &from.orphans, rule);
    record.extend([from.state_size, from.window, from.headroom].map(u32::to_le_bytes).concat());
    heap.list(&mut record, 8, &from.parameters, parameter);
    heap.list(&mut record, 4, &from.drop_reasons, |heap, to, name| heap.text(to, name));
    heap.list(&mut record, 4, &from.events, |heap, to, name| heap.text(to, name));
    assert_eq!(record.len(), 80);
    heap.bytes[..80].copy_from_slice(&record);
    heap.bytes
}

fn packet_set(heap: &mut Heap, to: &mut Vec<u8>, from: &PacketSet) {
    heap.text(to, &from.name);
    heap.list(to, 4, &from.rules, rule);
}

fn rule(heap: &mut Heap, to: &mut Vec<u8>, from: &Rule) {
    heap.list(to, 2, &from.ports, |_, to, port| to.extend(port.to_le_bytes()));
    to.extend([from.layer as u8, 0, 0, 0]);
    heap.list(to, 1, &from.protocols, |_, to, protocol| to.push(*protocol));
    heap.list(to, 1, &from.key, |_, to, field| to.push(*field as u8));
    to.extend([from.symmetric.into(), 0, 0, 0]);
}

fn parameter(heap: &mut Heap, to: &mut Vec<u8>, from: &Parameter) {
    heap.text(to, &from.name);
    heap.text(to, &from.help);
    let mut payload = Vec::new();
    let case = match &from.default {
        Value::Unsigned(number) => {
            payload.extend(number.to_le_bytes());
            0
        }
        Value::Boolean(yes) => {
            payload.push((*yes).into());
            1
        }
        Value::Text(text) => {
            heap.text(&mut payload, text);
            2
        }
    };
    variant(to, case, payload, 8);
    let mut payload = Vec::new();
    let case = match &from.constraint {
        Constraint::Any => 0,
        Constraint::Range(least, greatest) => {
            payload.extend([least, greatest].map(|n| n.to_le_bytes()).concat());
            1
        }
        Constraint::Choices(choices) => {
            heap.list(&mut payload, 4, choices, |heap, to, choice| heap.text(to, choice));
            2
        }
    };
    variant(to, case, payload, 16);
    heap.list(to, 4, &from.relaxes, |heap, to, Relaxation { setting, structure }| {
        to.extend([*setting as u8, 0, 0, 0]);
        heap.text(to, structure);
    });
}

fn variant(to: &mut Vec<u8>, case: u8, mut payload: Vec<u8>, size: usize) {
    payload.resize(size, 0);
    to.extend([case, 0, 0, 0, 0, 0, 0, 0]);
    to.extend(payload);
}

struct Heap {
    base: u32,
    bytes: Vec<u8>,
}

impl Heap {
    fn text(&mut self, to: &mut Vec<u8>, text: &str) {
        self.place(to, 1, text.as_bytes(), text.len());
    }

    fn list<T>(
        &mut self,
        to: &mut Vec<u8>,
        align: usize,
        items: &[T],
        mut lower: impl FnMut(&mut Self, &mut Vec<u8>, &T),
    ) {
        let mut bytes = Vec::new();
        for item in items {
            lower(self, &mut bytes, item);
        }
        self.place(to, align, &bytes, items.len());
    }

    fn place(&mut self, to: &mut Vec<u8>, align: usize, bytes: &[u8], count: usize) {
        let start = (self.base as usize + self.bytes.len()).next_multiple_of(align);
        self.bytes.resize(start - self.base as usize, 0);
        self.bytes.extend(bytes);
        to.extend(u32::try_from(start).unwrap().to_le_bytes());
        to.extend(u32::try_from(count).unwrap().to_le_bytes());
    }
}
