//! The detector once more, for tests: from its specification, on raw bytes and standard
//! collections. It counts by looking at all flows anew each time.

use std::collections::HashMap;

use nfos::testing::{Arrival, Fate, Model};

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) threshold_percent: usize,
    pub(crate) flows_min: usize,
    pub(crate) drop_new: bool,
    pub(crate) idle_timeout_ns: u64,
    pub(crate) capacity: usize,
}

/// Ingress port, addresses, ports and protocol.
type Key = (u16, [u8; 13]);

struct Flow {
    packets: u64,
    last_ns: u64,
}

pub(crate) struct AntiDdosModel {
    settings: Settings,
    flows: HashMap<Key, Flow>,
    alarm: bool,
    pub(crate) starts: usize,
    pub(crate) ends: usize,
}

impl AntiDdosModel {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, flows: HashMap::new(), alarm: false, starts: 0, ends: 0 }
    }

    /// Flows, and flows of one packet.
    pub(crate) fn counters(&self) -> (usize, usize) {
        let one_packet = self.flows.values().filter(|flow| flow.packets == 1).count();
        (self.flows.len(), one_packet)
    }

    pub(crate) fn expire(&mut self, now_ns: u64) {
        let timeout_ns = self.settings.idle_timeout_ns;
        self.flows.retain(|_, flow| now_ns - flow.last_ns <= timeout_ns);
    }

    /// Whether there is an attack, if this first packet counts.
    fn judge(&mut self, key: Key, now_ns: u64) -> bool {
        self.flows.insert(key, Flow { packets: 1, last_ns: now_ns });
        let (flows, one_packet) = self.counters();
        let share = one_packet * 100 > self.settings.threshold_percent * flows;
        let attack = flows >= self.settings.flows_min && share;
        if self.flows.len() > self.settings.capacity {
            // No room: as if it had never been counted, but for the verdict.
            self.flows.remove(&key);
        } else if attack != self.alarm {
            self.alarm = attack;
            *(if attack { &mut self.starts } else { &mut self.ends }) += 1;
        }
        attack
    }
}

impl Model for AntiDdosModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        let Arrival { time_ns, port, frame } = arrival;
        self.expire(*time_ns);
        let passed = Fate::Sent(1 - port, frame.clone());
        let Some(tuple) = five_tuple(frame) else { return passed };
        let key = (*port, tuple);
        if let Some(flow) = self.flows.get_mut(&key) {
            flow.packets += 1;
            flow.last_ns = *time_ns;
            return passed;
        }
        match self.judge(key, *time_ns) && self.settings.drop_new {
            true => Fate::dropped("under_attack"),
            false => passed,
        }
    }
}

/// Of a whole TCP or UDP packet in untagged IPv4 that is no fragment.
fn five_tuple(frame: &[u8]) -> Option<[u8; 13]> {
    let half = |bytes: &[u8], at: usize| usize::from(bytes[at]) * 256 + usize::from(bytes[at + 1]);
    if frame.len() < 34 || half(frame, 12) != 0x0800 {
        return None;
    }
    let packet = &frame[14..];
    let (header, total) = (usize::from(packet[0] % 16) * 4, half(packet, 2));
    if packet[0] / 16 != 4 || header < 20 || header > total || total > packet.len() {
        return None;
    }
    if half(packet, 6) & 0x3fff != 0 {
        return None;
    }
    let (payload, protocol) = (&packet[header..total], packet[9]);
    let is_whole = match protocol {
        6 => {
            payload.len() >= 20
                && (20..=payload.len()).contains(&(usize::from(payload[12] / 16) * 4))
        }
        17 => payload.len() >= 8 && (8..=payload.len()).contains(&half(payload, 4)),
        _ => false,
    };
    if !is_whole {
        return None;
    }
    let mut tuple = [0; 13];
    tuple[..8].copy_from_slice(&packet[12..20]);
    tuple[8..12].copy_from_slice(&payload[..4]);
    tuple[12] = protocol;
    Some(tuple)
}
