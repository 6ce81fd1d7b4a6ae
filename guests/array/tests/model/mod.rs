//! The benchmark once more, for tests: from its specification, on raw bytes and standard
//! collections, with the sequence drawn by the standard library's powers.

use std::collections::HashMap;

use nfos::testing::{Arrival, Fate, Model};

pub(crate) struct ArrayModel {
    access: &'static str,
    capacity: usize,
    sequence: Vec<usize>,
    packets: HashMap<[u8; 13], u64>,
    pub(crate) elements: Vec<u64>,
}

impl ArrayModel {
    pub(crate) fn new(
        elements: usize,
        exponent: f64,
        access: &'static str,
        seed: u64,
        capacity: usize,
    ) -> Self {
        let sequence = sequence(elements, exponent, seed);
        let (packets, elements) = (HashMap::new(), vec![0; elements]);
        Self { access, capacity, sequence, packets, elements }
    }

    pub(crate) fn flows(&self) -> usize {
        self.packets.len()
    }
}

impl Model for ArrayModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        let Some(tuple) = five_tuple(&arrival.frame) else { return Fate::dropped("no_handler") };
        let is_new = !self.packets.contains_key(&tuple);
        if is_new && self.packets.len() == self.capacity {
            return Fate::dropped("packet_set_table_full");
        }
        let counter = self.packets.entry(tuple).or_default();
        let place = fnv_and_splitmix(&tuple).wrapping_add(*counter) % 10_000;
        *counter += 1;
        let writes = match self.access {
            "read" => false,
            "write-per-flow" => is_new,
            _ => true,
        };
        self.elements[self.sequence[place as usize]] += u64::from(writes);
        Fate::Sent(arrival.port ^ 1, arrival.frame.clone())
    }
}

/// 10,000 ranks with a weight of rank^−exponent, each standing for an element of a shuffled order.
fn sequence(elements: usize, exponent: f64, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        splitmix(state)
    };
    let mut order: Vec<usize> = (0..elements).collect();
    for last in (1..elements).rev() {
        let other = ((u128::from(random()) * (last as u128 + 1)) >> 64) as usize;
        order.swap(last, other);
    }
    let weights: Vec<f64> = (1..=elements).map(|rank| (rank as f64).powf(-exponent)).collect();
    let total: f64 = weights.iter().sum();
    let mut until = 0.0;
    let until: Vec<f64> = weights
        .iter()
        .map(|weight| {
            until += weight;
            until
        })
        .collect();
    (0..10_000)
        .map(|_| {
            let at = (random() >> 11) as f64 / 2.0_f64.powi(53) * total;
            order[until.partition_point(|&end| end <= at).min(elements - 1)]
        })
        .collect()
}

fn splitmix(mut mixed: u64) -> u64 {
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn fnv_and_splitmix(tuple: &[u8; 13]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in [0; 8].iter().chain(tuple) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    splitmix(hash)
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
    let header = |at: usize| usize::from(payload[at] / 16) * 4;
    let is_whole = match protocol {
        6 => payload.len() >= 20 && (20..=payload.len()).contains(&header(12)),
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
