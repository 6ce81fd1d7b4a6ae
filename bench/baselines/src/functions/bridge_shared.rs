//! The bridge, parallelized: stations in a lock-free map, their port and time in atomics. Readers
//! take no lock, and a frame writes only if its station moved or is to be renewed. New stations
//! and the ends of old ones, both rare, go through a mutex.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use nfos::prelude::Packet;

use super::bridge::{EXPIRE_MAX, PERIOD_NS, addresses, decide, number};
use crate::settings::Settings;
use crate::worker::{Judged, Worker};

#[derive(Debug)]
struct Station {
    port: AtomicU16,
    end_ns: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    stations: papaya::HashMap<u64, Station, RandomState>,
    known: AtomicUsize,
    ends: Mutex<BinaryHeap<Reverse<(u64, u64)>>>,
    /// When stations are next removed; 0 before the first packet.
    due_ns: AtomicU64,
    capacity: usize,
    ageing_ns: u64,
    refresh_ns: u64,
}

struct BridgeWorker(Arc<Shared>);

/// The workers.
pub(crate) fn workers(count: usize, settings: &Settings) -> Vec<Box<dyn Worker>> {
    let capacity = settings.bridge_capacity;
    let shared = Arc::new(Shared {
        stations: papaya::HashMap::with_capacity_and_hasher(capacity, RandomState::default()),
        known: AtomicUsize::new(0),
        ends: Mutex::new(BinaryHeap::with_capacity(capacity)),
        due_ns: AtomicU64::new(0),
        capacity,
        ageing_ns: settings.bridge_ageing_ns,
        refresh_ns: settings.bridge_refresh_ns,
    });
    (0..count).map(|_| Box::new(BridgeWorker(Arc::clone(&shared))) as Box<dyn Worker>).collect()
}

impl Shared {
    #[cold]
    fn insert(&self, mac: u64, port: u16, end_ns: u64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if self.known.load(Ordering::Relaxed) == self.capacity {
            return;
        }
        let station = Station { port: AtomicU16::new(port), end_ns: AtomicU64::new(end_ns) };
        if self.stations.pin().try_insert(mac, station).is_ok() {
            self.known.fetch_add(1, Ordering::Relaxed);
            ends.push(Reverse((end_ns, mac)));
        }
    }

    #[cold]
    fn expire(&self, due_ns: u64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let stations = self.stations.pin();
        let mut taken = 0;
        while taken < EXPIRE_MAX && ends.peek().is_some_and(|Reverse((end, _))| *end < due_ns) {
            let Some(Reverse((_, mac))) = ends.pop() else { return };
            let Some(station) = stations.get(&mac) else { continue };
            let end_ns = station.end_ns.load(Ordering::Relaxed);
            if end_ns >= due_ns {
                ends.push(Reverse((end_ns, mac)));
            } else {
                stations.remove(&mac);
                self.known.fetch_sub(1, Ordering::Relaxed);
                taken += 1;
            }
        }
    }
}

impl Worker for BridgeWorker {
    fn tick(&mut self, now_ns: u64) {
        let shared = &self.0;
        let mut due_ns = shared.due_ns.load(Ordering::Relaxed);
        if due_ns == 0 {
            let first = now_ns + PERIOD_NS;
            due_ns = match shared.due_ns.compare_exchange(
                0,
                first,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => first,
                Err(other) => other,
            };
        }
        // Whoever moves the time on does the work of the period.
        while due_ns <= now_ns {
            let next = due_ns + PERIOD_NS;
            match shared.due_ns.compare_exchange(due_ns, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => {
                    shared.expire(due_ns);
                    due_ns = next;
                }
                Err(other) => due_ns = other,
            }
        }
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let shared = &*self.0;
        let ingress = packet.port();
        let (source, destination) = addresses(packet)?;
        let end_ns = now_ns + shared.ageing_ns;
        let stations = shared.stations.pin();
        match stations.get(&number(source)) {
            Some(station) => {
                if station.port.load(Ordering::Relaxed) != ingress {
                    station.port.store(ingress, Ordering::Relaxed);
                }
                let before_ns = station.end_ns.load(Ordering::Relaxed);
                if end_ns.saturating_sub(before_ns) >= shared.refresh_ns {
                    station.end_ns.store(end_ns, Ordering::Relaxed);
                }
            }
            None => shared.insert(number(source), ingress, end_ns),
        }
        let known = stations.get(&number(destination));
        decide(known.map(|station| station.port.load(Ordering::Relaxed)), ingress)
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.0.known.load(Ordering::Relaxed) as u64]
    }
}
