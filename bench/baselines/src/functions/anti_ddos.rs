//! The detector of floods of one-packet flows.
//!
//! Parallelized: flows are the worker's own, and so is its part of both numbers, on a cache line of
//! its own. Who judges adds the parts up, or takes the sum it has if that is recent enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use nfos::prelude::Packet;

use crate::flows::{Flows, Tuple, five_tuple, key_of};
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential, Worker};

const THRESHOLD_PERCENT: i64 = 80;

/// Flows, and flows of one packet.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    flows: i64,
    one_packet: i64,
}

impl Numbers {
    fn is_attack(self, flows_min: i64) -> bool {
        self.flows >= flows_min && self.one_packet * 100 > THRESHOLD_PERCENT * self.flows
    }
}

/// The detector, for one worker; the flows remember whether they have had one packet.
#[derive(Debug)]
pub struct AntiDdos {
    flows: Flows<Tuple, bool>,
    numbers: Numbers,
    alarm: bool,
    alarms: u64,
    settings: Settings,
}

impl AntiDdos {
    /// One that has seen no flow.
    pub fn new(settings: &Settings) -> Self {
        Self {
            flows: Flows::new(settings.packet_sets),
            numbers: Numbers::default(),
            alarm: false,
            alarms: 0,
            settings: *settings,
        }
    }
}

/// The flow of a packet that has one.
#[inline]
fn flow(packet: &mut Packet<'_>) -> Option<Tuple> {
    let port = packet.port();
    let mut ip = packet.ipv4().ok()?;
    Some(key_of(five_tuple(&mut ip).ok()?, port))
}

impl Sequential for AntiDdos {
    fn is_due(&self, now_ns: u64) -> bool {
        self.flows.is_due(now_ns)
    }

    fn tick(&mut self, now_ns: u64) {
        let numbers = &mut self.numbers;
        self.flows.expire(now_ns, usize::MAX, |one_packet| {
            numbers.flows -= 1;
            numbers.one_packet -= i64::from(one_packet);
        });
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let passes = Ok(Outcome::Send(packet.port() ^ 1));
        let Some(key) = flow(packet) else { return passes };
        let end_ns = now_ns + self.settings.anti_ddos_idle_ns;
        if let Some(entry) = self.flows.get_mut(&key) {
            entry.set_end_ns(end_ns);
            self.numbers.one_packet -= i64::from(std::mem::take(&mut entry.value));
            return passes;
        }
        let Numbers { flows, one_packet } = self.numbers;
        let with_this = Numbers { flows: flows + 1, one_packet: one_packet + 1 };
        let attack = with_this.is_attack(self.settings.anti_ddos_flows_min);
        if !self.flows.is_full() {
            self.numbers = with_this;
            self.flows.insert(key, true, end_ns);
            self.alarms += u64::from(attack != self.alarm);
            self.alarm = attack;
        }
        match attack && self.settings.anti_ddos_drop_new {
            true => Err(Reason("under_attack")),
            false => passes,
        }
    }

    #[inline]
    fn glance(&self, packet: &mut Packet<'_>, now_ns: u64) -> Option<Judged> {
        let passes = Ok(Outcome::Send(packet.port() ^ 1));
        let Some(key) = flow(packet) else { return Some(passes) };
        let entry = self.flows.get(&key)?;
        if entry.value {
            return None;
        }
        entry.set_end_ns(now_ns + self.settings.anti_ddos_idle_ns);
        Some(passes)
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.numbers.flows as u64, self.numbers.one_packet as u64, self.alarms]
    }
}

/// A worker's part of the numbers, written by it alone; a line and the one that is fetched with it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Part {
    flows: AtomicI64,
    one_packet: AtomicI64,
}

#[derive(Debug)]
struct Shared {
    parts: Vec<Part>,
    alarm: AtomicBool,
    alarms: AtomicU64,
}

struct DetectorWorker {
    flows: Flows<Tuple, bool>,
    /// What the own part says.
    own: Numbers,
    /// The last sum, and when it was made.
    sum: Numbers,
    summed_ns: Option<u64>,
    index: usize,
    shared: Arc<Shared>,
    settings: Settings,
}

/// The workers.
pub(crate) fn workers(count: usize, settings: &Settings) -> Vec<Box<dyn Worker>> {
    let parts = (0..count).map(|_| Part::default()).collect();
    let shared = Arc::new(Shared { parts, alarm: false.into(), alarms: 0.into() });
    let worker = |index| DetectorWorker {
        flows: Flows::new(settings.packet_sets),
        own: Numbers::default(),
        sum: Numbers::default(),
        summed_ns: None,
        index,
        shared: Arc::clone(&shared),
        settings: *settings,
    };
    (0..count).map(|index| Box::new(worker(index)) as Box<dyn Worker>).collect()
}

impl DetectorWorker {
    #[inline]
    fn publish(&self) {
        let part = &self.shared.parts[self.index];
        part.flows.store(self.own.flows, Ordering::Relaxed);
        part.one_packet.store(self.own.one_packet, Ordering::Relaxed);
    }

    fn sum(&mut self, now_ns: u64) -> Numbers {
        let staleness_ns = self.settings.anti_ddos_staleness_ns;
        let recent = |at: u64| now_ns.saturating_sub(at) < staleness_ns;
        if !self.summed_ns.is_some_and(recent) {
            let parts = self.shared.parts.iter();
            self.sum = parts.fold(Numbers::default(), |sum, part| Numbers {
                flows: sum.flows + part.flows.load(Ordering::Relaxed),
                one_packet: sum.one_packet + part.one_packet.load(Ordering::Relaxed),
            });
            self.summed_ns = Some(now_ns);
        }
        self.sum
    }
}

impl Worker for DetectorWorker {
    fn tick(&mut self, now_ns: u64) {
        if self.flows.is_due(now_ns) {
            let own = &mut self.own;
            self.flows.expire(now_ns, usize::MAX, |one_packet| {
                own.flows -= 1;
                own.one_packet -= i64::from(one_packet);
            });
            self.publish();
        }
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let passes = Ok(Outcome::Send(packet.port() ^ 1));
        let Some(key) = flow(packet) else { return passes };
        let end_ns = now_ns + self.settings.anti_ddos_idle_ns;
        if let Some(entry) = self.flows.get_mut(&key) {
            entry.set_end_ns(end_ns);
            if std::mem::take(&mut entry.value) {
                self.own.one_packet -= 1;
                self.publish();
            }
            return passes;
        }
        let is_full = self.flows.is_full();
        if !is_full {
            self.own.flows += 1;
            self.own.one_packet += 1;
            self.flows.insert(key, true, end_ns);
            self.publish();
        }
        let attack = self.sum(now_ns).is_attack(self.settings.anti_ddos_flows_min);
        let alarm = &self.shared.alarm;
        if !is_full
            && alarm.load(Ordering::Relaxed) != attack
            && alarm.swap(attack, Ordering::Relaxed) != attack
        {
            self.shared.alarms.fetch_add(1, Ordering::Relaxed);
        }
        match attack && self.settings.anti_ddos_drop_new {
            true => Err(Reason("under_attack")),
            false => passes,
        }
    }

    fn counted(&self) -> Vec<u64> {
        let parts = &self.shared.parts;
        let sum = |of: fn(&Part) -> &AtomicI64| {
            parts.iter().map(|part| of(part).load(Ordering::Relaxed)).sum::<i64>() as u64
        };
        let alarms = self.shared.alarms.load(Ordering::Relaxed);
        vec![sum(|part| &part.flows), sum(|part| &part.one_packet), alarms]
    }
}
