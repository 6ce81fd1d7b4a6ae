//! The array. Parallelized: flows are the worker's own, and elements are atomic integers that are
//! added to.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nfos::hash;
use nfos::prelude::Packet;

use crate::flows::{Flows, Tuple, five_tuple, key_of};
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential, Worker};

const ELEMENTS: usize = 10_000;
const SEQUENCE: u64 = 10_000;
const SEED: u64 = 42;
const WORK: u32 = 100;

/// The flows' places in the sequence, which is the same for all.
#[derive(Debug)]
struct Walks {
    flows: Flows<Tuple, u64>,
    sequence: Arc<[u32]>,
}

impl Walks {
    fn new(settings: &Settings, sequence: &Arc<[u32]>) -> Self {
        Self { flows: Flows::new(settings.packet_sets), sequence: Arc::clone(sequence) }
    }

    /// The element of a packet.
    #[inline]
    fn step(&mut self, packet: &mut Packet<'_>) -> Result<usize, Reason> {
        let mut ip = packet.ipv4().map_err(|_| Reason("no_handler"))?;
        let tuple = five_tuple(&mut ip).map_err(|_| Reason("no_handler"))?;
        let key = key_of(tuple, 0);
        let place = if let Some(entry) = self.flows.get_mut(&key) {
            entry.value += 1;
            entry.value - 1
        } else if self.flows.is_full() {
            return Err(Reason("packet_set_table_full"));
        } else {
            self.flows.insert(key, 1, u64::MAX);
            0
        };
        compute(WORK);
        let at = hash(0, &tuple).wrapping_add(place) % SEQUENCE;
        Ok(self.sequence[at as usize] as usize)
    }
}

/// Spends the time of `steps` multiplications, one after the other.
fn compute(steps: u32) {
    let odd = 0x9e37_79b9_7f4a_7c15_u64;
    black_box((0..steps).fold(black_box(1_u64), |value, _| value.wrapping_mul(odd)));
}

/// The array, for one worker.
#[derive(Debug)]
pub struct Array {
    walks: Walks,
    elements: Vec<u64>,
    writes: bool,
}

impl Array {
    /// One of zeros.
    pub fn new(settings: &Settings) -> Self {
        let sequence = draw(settings.array_exponent);
        let walks = Walks::new(settings, &sequence);
        Self { walks, elements: vec![0; ELEMENTS], writes: settings.array_writes }
    }
}

impl Sequential for Array {
    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, _: u64) -> Judged {
        let element = &mut self.elements[self.walks.step(packet)?];
        match self.writes {
            true => *element += 1,
            false => _ = black_box(*element),
        }
        Ok(Outcome::Send(packet.port() ^ 1))
    }

    fn glance(&self, _: &mut Packet<'_>, _: u64) -> Option<Judged> {
        None
    }

    fn counted(&self) -> Vec<u64> {
        self.elements.clone()
    }
}

struct ArrayWorker {
    walks: Walks,
    elements: Arc<[AtomicU64]>,
    writes: bool,
}

/// The workers.
pub(crate) fn workers(count: usize, settings: &Settings) -> Vec<Box<dyn Worker>> {
    let sequence = draw(settings.array_exponent);
    let elements: Arc<[_]> = (0..ELEMENTS).map(|_| AtomicU64::new(0)).collect();
    let worker = || ArrayWorker {
        walks: Walks::new(settings, &sequence),
        elements: Arc::clone(&elements),
        writes: settings.array_writes,
    };
    (0..count).map(|_| Box::new(worker()) as Box<dyn Worker>).collect()
}

impl Worker for ArrayWorker {
    fn tick(&mut self, _: u64) {}

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, _: u64) -> Judged {
        let element = &self.elements[self.walks.step(packet)?];
        match self.writes {
            true => _ = element.fetch_add(1, Ordering::Relaxed),
            false => _ = black_box(element.load(Ordering::Relaxed)),
        }
        Ok(Outcome::Send(packet.port() ^ 1))
    }

    fn counted(&self) -> Vec<u64> {
        self.elements.iter().map(|element| element.load(Ordering::Relaxed)).collect()
    }
}

/// Elements by their rank's weight, in the guest's order: splitmix64, Fisher and Yates.
fn draw(exponent: f64) -> Arc<[u32]> {
    let mut state = SEED;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut order: Vec<u32> = (0..ELEMENTS as u32).collect();
    for last in (1..ELEMENTS).rev() {
        order.swap(last, ((u128::from(random()) * (last as u128 + 1)) >> 64) as usize);
    }
    let mut total = 0.0;
    let weights = (1..=ELEMENTS).map(|rank| (rank as f64).powf(-exponent));
    let until: Vec<f64> = weights.map(|weight| (total += weight, total).1).collect();
    let mut element = |_| {
        let at = (random() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        order[until.partition_point(|&end| end <= at).min(ELEMENTS - 1)]
    };
    (0..SEQUENCE).map(&mut element).collect()
}
