//! NAT: how packets are translated, over any table of mappings; and the table for one worker.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use nfos::prelude::{FrameReason, MacAddress, Packet};

use super::message::{Endpoint, External, Message, NO_MAPPING, OF_TCP, Segment, Times, place_of};
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential};

const LAN: u16 = 0;
const WAN: u16 = 1;
pub(crate) const PERIOD_NS: u64 = 1_000_000;

/// A table of mappings.
pub(crate) trait Mappings {
    /// The external endpoint of an internal one that has just sent something.
    fn map(
        &mut self,
        protocol: usize,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
        now_ns: u64,
    ) -> Result<u32, Reason>;

    /// Who is behind an external endpoint that the WAN has just sent something to.
    fn receive(
        &mut self,
        protocol: usize,
        id: u32,
        segment: Segment,
    ) -> Result<(Endpoint, MacAddress), Reason>;

    /// The external endpoint of an internal one.
    fn of_inside(&self, protocol: usize, inside: Endpoint) -> Option<u32>;

    /// Who is behind an external endpoint.
    fn behind(&self, protocol: usize, id: u32) -> Result<(Endpoint, MacAddress), Reason>;
}

/// Translates a packet.
#[inline]
pub(crate) fn translate(
    mappings: &mut impl Mappings,
    external: &External,
    packet: &mut Packet<'_>,
    now_ns: u64,
) -> Judged {
    let from_lan = packet.port() == LAN;
    let mac = packet.ethernet()?.source();
    let mut ip = packet.ipv4()?;
    let message = Message::read(&mut ip)?;
    let to_us = external.covers(ip.destination());
    if !from_lan && !to_us {
        return Err(Reason("not_for_us"));
    }
    if message.is_error {
        return error(mappings, external, packet, to_us);
    }
    let protocol = message.protocol;
    if !from_lan {
        let destination = message.destination.ok_or(NO_MAPPING)?;
        let id = external.id(destination).ok_or(Reason("not_for_us"))?;
        let (inside, host) = mappings.receive(protocol, id, message.segment)?;
        ip.decrement_ttl()?;
        ip.set_destination(inside.address);
        ip.transport()?.set_destination_port(inside.port);
        return to_lan(packet, host);
    }
    let source = message.source.ok_or(FrameReason::UnsupportedProtocol)?;
    let behind = |endpoint| external.id(endpoint).ok_or(NO_MAPPING);
    let hairpin = match to_us {
        true => {
            let id = message.destination.ok_or(NO_MAPPING).and_then(behind)?;
            Some(mappings.behind(protocol, id)?)
        }
        false => None,
    };
    let outside =
        external.endpoint(mappings.map(protocol, source, mac, message.segment, now_ns)?);
    ip.decrement_ttl()?;
    ip.set_source(outside.address);
    ip.transport()?.set_source_port(outside.port);
    match hairpin {
        None => Ok(Outcome::Send(WAN)),
        Some((inside, host)) => {
            ip.set_destination(inside.address);
            ip.transport()?.set_destination_port(inside.port);
            to_lan(packet, host)
        }
    }
}

#[inline]
fn to_lan(packet: &mut Packet<'_>, host: MacAddress) -> Judged {
    packet.ethernet()?.set_destination(host);
    Ok(Outcome::Send(LAN))
}

/// An ICMP error, and the packet that it quotes.
#[cold]
fn error(
    mappings: &impl Mappings,
    external: &External,
    packet: &mut Packet<'_>,
    to_us: bool,
) -> Judged {
    let from_lan = packet.port() == LAN;
    if from_lan && to_us {
        return Err(NO_MAPPING);
    }
    let mut ip = packet.ipv4()?;
    let mut quoted = ip.icmp()?.into_quotation()?;
    let protocol = place_of(quoted.protocol()).ok_or(NO_MAPPING)?;
    if from_lan {
        let port = quoted.destination_port().ok_or(NO_MAPPING)?;
        let inside = Endpoint { address: quoted.destination(), port };
        let id = mappings.of_inside(protocol, inside).ok_or(NO_MAPPING)?;
        let outside = external.endpoint(id);
        quoted.set_destination(outside.address);
        quoted.set_destination_port(outside.port);
        ip.decrement_ttl()?;
        ip.set_source(outside.address);
        return Ok(Outcome::Send(WAN));
    }
    let port = quoted.source_port().ok_or(NO_MAPPING)?;
    let id = external.id(Endpoint { address: quoted.source(), port }).ok_or(NO_MAPPING)?;
    let (inside, host) = mappings.behind(protocol, id)?;
    quoted.set_source(inside.address);
    quoted.set_source_port(inside.port);
    ip.decrement_ttl()?;
    ip.set_destination(inside.address);
    to_lan(packet, host)
}

/// Who is behind an external endpoint.
#[derive(Debug)]
struct Inside {
    used: bool,
    inbound: bool,
    closing: bool,
    endpoint: Endpoint,
    mac: MacAddress,
    end_ns: AtomicU64,
    refreshed_ns: AtomicU64,
}

/// The mappings of one protocol.
#[derive(Debug)]
struct Table {
    ids: HashMap<u64, u32, RandomState>,
    inside: Vec<Inside>,
    free: VecDeque<u32>,
    ends: BinaryHeap<Reverse<(u64, u32)>>,
    protocol: usize,
    times: Times,
}

/// NAT, for one worker.
#[derive(Debug)]
pub struct Nat {
    external: External,
    tables: Tables,
    due_ns: Option<u64>,
}

#[derive(Debug)]
struct Tables([Table; 3]);

impl Nat {
    /// One without mappings.
    pub fn new(settings: &Settings) -> Self {
        let external = External::new(settings);
        let times = Times::new(settings);
        let table = |protocol| Table::new(external.count(), protocol, times);
        Self { external, tables: Tables([0, 1, 2].map(table)), due_ns: None }
    }
}

impl Table {
    fn new(count: u32, protocol: usize, times: Times) -> Self {
        let nobody = |_| Inside {
            used: false,
            inbound: false,
            closing: false,
            endpoint: Endpoint::of_key(0),
            mac: MacAddress::new([0; 6]),
            end_ns: AtomicU64::new(0),
            refreshed_ns: AtomicU64::new(0),
        };
        Self {
            ids: HashMap::with_capacity_and_hasher(count as usize, RandomState::default()),
            inside: (0..count).map(nobody).collect(),
            free: (0..count).collect(),
            ends: BinaryHeap::new(),
            protocol,
            times,
        }
    }

    /// Renews or ends the mapping whose time was over first; whether there was one.
    fn run_out(&mut self, now_ns: u64) -> bool {
        while let Some(&Reverse((noted_ns, id))) = self.ends.peek() {
            if noted_ns >= now_ns {
                return false;
            }
            self.ends.pop();
            let inside = &mut self.inside[id as usize];
            let end_ns = inside.end_ns.load(Ordering::Relaxed);
            if end_ns >= now_ns || end_ns != noted_ns {
                self.ends.push(Reverse((end_ns, id)));
                continue;
            }
            let idle_ns = now_ns - inside.refreshed_ns.load(Ordering::Relaxed);
            let open = self.protocol == OF_TCP && inside.inbound && !inside.closing;
            if open && idle_ns < self.times.established_ns + self.times.interval_ns {
                let slice_ns = self.times.timeout_ns[OF_TCP] - self.times.interval_ns;
                inside.end_ns.store(now_ns + slice_ns, Ordering::Relaxed);
                self.ends.push(Reverse((now_ns + slice_ns, id)));
            } else {
                inside.used = false;
                self.ids.remove(&inside.endpoint.key());
                self.free.push_back(id);
            }
            return true;
        }
        false
    }

    #[inline]
    fn refresh(&self, id: u32, now_ns: u64) {
        let inside = &self.inside[id as usize];
        let end_ns = now_ns + self.times.granted_ns(self.protocol);
        if end_ns >= inside.end_ns.load(Ordering::Relaxed) + self.times.interval_ns {
            inside.end_ns.store(end_ns, Ordering::Relaxed);
            inside.refreshed_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    #[cold]
    fn begin(
        &mut self,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
        now_ns: u64,
    ) -> Result<u32, Reason> {
        let _ = self.run_out(now_ns) && self.run_out(now_ns);
        let id = self.free.pop_front().ok_or(Reason("no_free_port"))?;
        let end_ns = now_ns + self.times.granted_ns(self.protocol);
        self.inside[id as usize] = Inside {
            used: true,
            inbound: false,
            closing: segment == Segment::Ends,
            endpoint: source,
            mac,
            end_ns: AtomicU64::new(end_ns),
            refreshed_ns: AtomicU64::new(now_ns),
        };
        self.ids.insert(source.key(), id);
        self.ends.push(Reverse((end_ns, id)));
        Ok(id)
    }
}

#[inline]
fn closes(segment: Segment, before: bool) -> bool {
    match segment {
        Segment::Ends => true,
        Segment::Lives => false,
        Segment::Silent => before,
    }
}

impl Mappings for Tables {
    #[inline]
    fn map(
        &mut self,
        protocol: usize,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
        now_ns: u64,
    ) -> Result<u32, Reason> {
        let table = &mut self.0[protocol];
        let Some(&id) = table.ids.get(&source.key()) else {
            return table.begin(source, mac, segment, now_ns);
        };
        table.refresh(id, now_ns);
        let inside = &mut table.inside[id as usize];
        inside.mac = mac;
        inside.closing = closes(segment, inside.closing);
        Ok(id)
    }

    #[inline]
    fn receive(
        &mut self,
        protocol: usize,
        id: u32,
        segment: Segment,
    ) -> Result<(Endpoint, MacAddress), Reason> {
        let inside = &mut self.0[protocol].inside[id as usize];
        if !inside.used {
            return Err(NO_MAPPING);
        }
        inside.inbound = true;
        inside.closing = closes(segment, inside.closing);
        Ok((inside.endpoint, inside.mac))
    }

    fn of_inside(&self, protocol: usize, inside: Endpoint) -> Option<u32> {
        self.0[protocol].ids.get(&inside.key()).copied()
    }

    fn behind(&self, protocol: usize, id: u32) -> Result<(Endpoint, MacAddress), Reason> {
        let inside = &self.0[protocol].inside[id as usize];
        if inside.used { Ok((inside.endpoint, inside.mac)) } else { Err(NO_MAPPING) }
    }
}

/// The mappings behind a shared lock: what would change one is refused.
struct Seen<'a>(&'a Tables);

/// That a glance was not enough.
const LOOK_AGAIN: Reason = Reason("look_again");

impl Mappings for Seen<'_> {
    #[inline]
    fn map(
        &mut self,
        protocol: usize,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
        now_ns: u64,
    ) -> Result<u32, Reason> {
        let table = &self.0.0[protocol];
        let id = *table.ids.get(&source.key()).ok_or(LOOK_AGAIN)?;
        let inside = &table.inside[id as usize];
        if inside.mac != mac || closes(segment, inside.closing) != inside.closing {
            return Err(LOOK_AGAIN);
        }
        table.refresh(id, now_ns);
        Ok(id)
    }

    #[inline]
    fn receive(
        &mut self,
        protocol: usize,
        id: u32,
        segment: Segment,
    ) -> Result<(Endpoint, MacAddress), Reason> {
        let inside = &self.0.0[protocol].inside[id as usize];
        if !inside.used {
            return Err(NO_MAPPING);
        }
        if !inside.inbound || closes(segment, inside.closing) != inside.closing {
            return Err(LOOK_AGAIN);
        }
        Ok((inside.endpoint, inside.mac))
    }

    fn of_inside(&self, protocol: usize, inside: Endpoint) -> Option<u32> {
        self.0.of_inside(protocol, inside)
    }

    fn behind(&self, protocol: usize, id: u32) -> Result<(Endpoint, MacAddress), Reason> {
        self.0.behind(protocol, id)
    }
}

impl Sequential for Nat {
    fn is_due(&self, now_ns: u64) -> bool {
        self.due_ns.is_none_or(|due_ns| due_ns <= now_ns)
    }

    fn tick(&mut self, now_ns: u64) {
        let mut due_ns = self.due_ns.unwrap_or(now_ns + PERIOD_NS);
        while due_ns <= now_ns {
            for table in &mut self.tables.0 {
                while table.run_out(due_ns) {}
            }
            let ends = self.tables.0.iter().filter_map(|table| table.ends.peek());
            let soonest_ns = ends.map(|Reverse((end_ns, _))| *end_ns).min();
            // Nothing happens until then.
            let next_ns = soonest_ns.map_or(now_ns, |soonest_ns| soonest_ns.min(now_ns));
            due_ns += PERIOD_NS * (next_ns.saturating_sub(due_ns) / PERIOD_NS).max(1);
        }
        self.due_ns = Some(due_ns);
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        translate(&mut self.tables, &self.external, packet, now_ns)
    }

    #[inline]
    fn glance(&self, packet: &mut Packet<'_>, now_ns: u64) -> Option<Judged> {
        match translate(&mut Seen(&self.tables), &self.external, packet, now_ns) {
            Err(LOOK_AGAIN) => None,
            judged => Some(judged),
        }
    }

    fn counted(&self) -> Vec<u64> {
        self.tables.0.iter().map(|table| table.ids.len() as u64).collect()
    }
}
