//! NAT, parallelized: internal endpoints in a lock-free map, who is behind an external one in
//! atomics, free external endpoints in a pool for each worker.
//!
//! A mapping is two words: the internal endpoint with its flags, and its time. Who ends a mapping
//! takes its time away with a compare-and-swap, and who prolongs one does so with another, so that
//! a packet either keeps a mapping or finds it gone. Packets of one internal endpoint meet one
//! worker, but nothing relies on it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use nfos::prelude::{MacAddress, Packet};

use super::message::{Endpoint, External, NO_MAPPING, OF_TCP, Segment, Times};
use super::nat::{Mappings, PERIOD_NS, translate};
use crate::settings::Settings;
use crate::worker::{Judged, Reason, Worker};

const USED: u64 = 1 << 48;
const INBOUND: u64 = 1 << 49;
const CLOSING: u64 = 1 << 50;
const KEY: u64 = USED - 1;
/// The time of a mapping that is gone.
const GONE: u64 = 0;

/// What is behind an external endpoint.
#[derive(Debug, Default)]
struct Inside {
    /// Endpoint and flags.
    word: AtomicU64,
    mac: AtomicU64,
    end_ns: AtomicU64,
    refreshed_ns: AtomicU64,
}

/// A worker's free endpoints and the ends of its mappings, of one protocol.
#[derive(Debug, Default)]
struct Stock {
    free: VecDeque<u32>,
    ends: BinaryHeap<Reverse<(u64, u32)>>,
}

#[derive(Debug)]
struct Table {
    ids: papaya::HashMap<u64, u32, RandomState>,
    inside: Vec<Inside>,
    stocks: Vec<Mutex<Stock>>,
    protocol: usize,
    times: Times,
}

#[derive(Debug)]
struct Shared {
    external: External,
    tables: [Table; 3],
}

struct NatWorker {
    own: Own,
    due_ns: Option<u64>,
}

/// The tables as one worker uses them.
struct Own {
    shared: Arc<Shared>,
    index: usize,
}

/// The workers.
pub(crate) fn workers(count: usize, settings: &Settings) -> Vec<Box<dyn Worker>> {
    let external = External::new(settings);
    let times = Times::new(settings);
    let tables = [0, 1, 2].map(|protocol| Table::new(&external, count, protocol, times));
    let shared = Arc::new(Shared { external, tables });
    let worker =
        |index| NatWorker { own: Own { shared: Arc::clone(&shared), index }, due_ns: None };
    (0..count).map(|index| Box::new(worker(index)) as Box<dyn Worker>).collect()
}

fn lock(stock: &Mutex<Stock>) -> MutexGuard<'_, Stock> {
    stock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn packed(mac: MacAddress) -> u64 {
    let [a, b, c, d, e, f] = mac.octets();
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

fn unpacked(mac: u64) -> MacAddress {
    let [_, _, a, b, c, d, e, f] = mac.to_be_bytes();
    MacAddress::new([a, b, c, d, e, f])
}

#[inline]
fn heard(word: u64, segment: Segment) -> u64 {
    match segment {
        Segment::Ends => word | CLOSING,
        Segment::Lives => word & !CLOSING,
        Segment::Silent => word,
    }
}

impl Inside {
    /// Endpoint and MAC address of one mapping, and its word.
    #[inline]
    fn read(&self) -> Option<(u64, MacAddress)> {
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word & USED == 0 {
                return None;
            }
            let mac = self.mac.load(Ordering::Acquire);
            if self.word.load(Ordering::Relaxed) & KEY == word & KEY {
                return Some((word, unpacked(mac)));
            }
        }
    }

    /// Sets flags of the mapping whose word was read; nothing if it is another by now.
    #[inline]
    fn change(&self, mut word: u64, change: impl Fn(u64) -> u64) {
        let key = word & KEY;
        while word & USED != 0 && word & KEY == key && change(word) != word {
            let swap = self.word.compare_exchange_weak(
                word,
                change(word),
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match swap {
                Ok(_) => return,
                Err(other) => word = other,
            }
        }
    }
}

impl Table {
    fn new(external: &External, workers: usize, protocol: usize, times: Times) -> Self {
        let count = external.count();
        let share = |index: usize| {
            let free = (0..count).filter(|id| *id as usize % workers == index);
            Mutex::new(Stock { free: free.collect(), ends: BinaryHeap::new() })
        };
        Self {
            ids: papaya::HashMap::with_capacity_and_hasher(count as usize, RandomState::default()),
            inside: (0..count).map(|_| Inside::default()).collect(),
            stocks: (0..workers).map(share).collect(),
            protocol,
            times,
        }
    }

    /// Prolongs a mapping; whether it is still there.
    #[inline]
    fn refresh(&self, id: u32, now_ns: u64) -> bool {
        let inside = &self.inside[id as usize];
        let mut before_ns = inside.end_ns.load(Ordering::Relaxed);
        let end_ns = now_ns + self.times.granted_ns(self.protocol);
        while before_ns != GONE && end_ns >= before_ns + self.times.interval_ns {
            let swap = inside.end_ns.compare_exchange_weak(
                before_ns,
                end_ns,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            match swap {
                Ok(_) => {
                    inside.refreshed_ns.store(now_ns, Ordering::Relaxed);
                    return true;
                }
                Err(other) => before_ns = other,
            }
        }
        before_ns != GONE
    }

    /// Renews or ends the worker's mapping whose time was over first; whether there was one.
    fn run_out(&self, stock: &mut Stock, now_ns: u64) -> bool {
        while let Some(&Reverse((noted_ns, id))) = stock.ends.peek() {
            if noted_ns >= now_ns {
                return false;
            }
            stock.ends.pop();
            let inside = &self.inside[id as usize];
            let end_ns = inside.end_ns.load(Ordering::Acquire);
            if end_ns >= now_ns || end_ns != noted_ns {
                stock.ends.push(Reverse((end_ns, id)));
                continue;
            }
            let word = inside.word.load(Ordering::Acquire);
            let idle_ns = now_ns - inside.refreshed_ns.load(Ordering::Relaxed);
            let open = self.protocol == OF_TCP && word & (INBOUND | CLOSING) == INBOUND;
            let renews = open && idle_ns < self.times.established_ns + self.times.interval_ns;
            let slice_ns = self.times.timeout_ns[OF_TCP] - self.times.interval_ns;
            let next_ns = if renews { now_ns + slice_ns } else { GONE };
            let swap = inside.end_ns.compare_exchange(
                end_ns,
                next_ns,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            match swap {
                Ok(_) if renews => stock.ends.push(Reverse((next_ns, id))),
                Ok(_) => {
                    inside.word.store(0, Ordering::Release);
                    self.ids.pin().remove(&(word & KEY));
                    stock.free.push_back(id);
                }
                Err(prolonged_ns) => {
                    stock.ends.push(Reverse((prolonged_ns, id)));
                    continue;
                }
            }
            return true;
        }
        false
    }

    /// A free endpoint: of the worker's own, or half of what the first other has that has any.
    fn take(&self, own: &mut Stock, index: usize) -> Option<u32> {
        if own.free.is_empty() {
            // Never waits for another that waits for this one.
            let others = (0..self.stocks.len()).filter(|other| *other != index);
            for mut other in others.filter_map(|other| self.stocks[other].try_lock().ok()) {
                let kept = other.free.len() / 2;
                own.free = other.free.split_off(kept);
                if !own.free.is_empty() {
                    break;
                }
            }
        }
        own.free.pop_front()
    }

    #[cold]
    fn begin(
        &self,
        index: usize,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
        now_ns: u64,
    ) -> Result<u32, Reason> {
        let mut stock = lock(&self.stocks[index]);
        let _ = self.run_out(&mut stock, now_ns) && self.run_out(&mut stock, now_ns);
        let id = self.take(&mut stock, index).ok_or(Reason("no_free_port"))?;
        let ids = self.ids.pin();
        let end_ns = now_ns + self.times.granted_ns(self.protocol);
        let inside = &self.inside[id as usize];
        inside.mac.store(packed(mac), Ordering::Relaxed);
        inside.refreshed_ns.store(now_ns, Ordering::Relaxed);
        inside.end_ns.store(end_ns, Ordering::Relaxed);
        inside.word.store(heard(USED | source.key(), segment), Ordering::Release);
        if let Err(taken) = ids.try_insert(source.key(), id) {
            let other = *taken.current;
            inside.word.store(0, Ordering::Release);
            inside.end_ns.store(GONE, Ordering::Relaxed);
            stock.free.push_front(id);
            return Ok(other);
        }
        stock.ends.push(Reverse((end_ns, id)));
        Ok(id)
    }
}

impl Mappings for Own {
    #[inline]
    fn map(
        &mut self,
        protocol: usize,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
        now_ns: u64,
    ) -> Result<u32, Reason> {
        let table = &self.shared.tables[protocol];
        loop {
            let Some(id) = table.ids.pin().get(&source.key()).copied() else {
                return table.begin(self.index, source, mac, segment, now_ns);
            };
            if !table.refresh(id, now_ns) {
                // Whoever ended it is about to take it out of the map.
                std::hint::spin_loop();
                continue;
            }
            let inside = &table.inside[id as usize];
            if inside.mac.load(Ordering::Relaxed) != packed(mac) {
                inside.mac.store(packed(mac), Ordering::Release);
            }
            let word = inside.word.load(Ordering::Acquire);
            inside.change(word, |word| heard(word, segment));
            return Ok(id);
        }
    }

    #[inline]
    fn receive(
        &mut self,
        protocol: usize,
        id: u32,
        segment: Segment,
    ) -> Result<(Endpoint, MacAddress), Reason> {
        let inside = &self.shared.tables[protocol].inside[id as usize];
        let (word, mac) = inside.read().ok_or(NO_MAPPING)?;
        inside.change(word, |word| heard(word, segment) | INBOUND);
        Ok((Endpoint::of_key(word & KEY), mac))
    }

    fn of_inside(&self, protocol: usize, inside: Endpoint) -> Option<u32> {
        self.shared.tables[protocol].ids.pin().get(&inside.key()).copied()
    }

    fn behind(&self, protocol: usize, id: u32) -> Result<(Endpoint, MacAddress), Reason> {
        let inside = &self.shared.tables[protocol].inside[id as usize];
        let (word, mac) = inside.read().ok_or(NO_MAPPING)?;
        Ok((Endpoint::of_key(word & KEY), mac))
    }
}

impl Worker for NatWorker {
    fn tick(&mut self, now_ns: u64) {
        let mut due_ns = self.due_ns.unwrap_or(now_ns + PERIOD_NS);
        if due_ns > now_ns {
            self.due_ns = Some(due_ns);
            return;
        }
        let tables = &self.own.shared.tables;
        while due_ns <= now_ns {
            let mut soonest_ns = now_ns;
            for table in tables {
                let mut stock = lock(&table.stocks[self.own.index]);
                while table.run_out(&mut stock, due_ns) {}
                if let Some(Reverse((end_ns, _))) = stock.ends.peek() {
                    soonest_ns = soonest_ns.min(*end_ns);
                }
            }
            due_ns += PERIOD_NS * (soonest_ns.saturating_sub(due_ns) / PERIOD_NS).max(1);
        }
        self.due_ns = Some(due_ns);
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let external = self.own.shared.external;
        translate(&mut self.own, &external, packet, now_ns)
    }

    fn counted(&self) -> Vec<u64> {
        self.own.shared.tables.iter().map(|table| table.ids.len() as u64).collect()
    }
}
