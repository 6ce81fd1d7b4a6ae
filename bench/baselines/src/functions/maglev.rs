//! The balancer, for one worker, and what both versions have in common.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use foldhash::fast::RandomState;
use nfos::hash;
use nfos::prelude::{Ipv4, MacAddress, Packet, TCP, UDP};

use crate::flows::{Flows, Tuple, five_tuple, key_of};
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential};

const PERIOD_NS: u64 = 100_000_000;
const VIPS: [(Ipv4Addr, u8); 2] =
    [(Ipv4Addr::new(118, 0, 0, 1), 1), (Ipv4Addr::new(118, 0, 0, 2), 2)];
const VIP_PORTS: [u16; 2] = [80, 443];
const BACKENDS_MAX: usize = 32;
const TABLE_SIZE: u32 = 65_537;
const REFRESH_NS: u64 = 1_000_000_000;
const NOBODY: u8 = u8::MAX;

/// A slot of the table, and who has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) live: bool,
    pub(crate) incarnation: u32,
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: MacAddress,
    pub(crate) port: u16,
    pub(crate) end_ns: u64,
}

const FREE: Slot = Slot {
    live: false,
    incarnation: 0,
    address: Ipv4Addr::UNSPECIFIED,
    mac: MacAddress::new([0; 6]),
    port: 0,
    end_ns: 0,
};

/// Backends, by slot and by address, and the table.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) slots: Vec<Slot>,
    by_address: HashMap<Ipv4Addr, u8, RandomState>,
    pub(crate) table: Vec<u8>,
    changed: bool,
    due_ns: Option<u64>,
    timeout_ns: u64,
}

/// What a flow remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) slot: u8,
    pub(crate) incarnation: u32,
}

/// What a client's packet asks for.
pub(crate) struct Request {
    pub(crate) key: Tuple,
    dscp: u8,
    pub(crate) at: usize,
}

/// What arrived.
pub(crate) enum Arrived {
    Request(Request),
    Heartbeat(Ipv4Addr, MacAddress),
}

/// Reads a packet by the frame rules. What is no request is dropped only after its flow, if it
/// has one, has been prolonged: that is `Err` with the flow.
#[inline]
pub(crate) fn read(packet: &mut Packet<'_>) -> Result<Arrived, (Option<Tuple>, Reason)> {
    let is_wan = packet.port().is_multiple_of(2);
    let none = |reason: nfos::prelude::FrameReason| (None, Reason::from(reason));
    let mac = packet.ethernet().map_err(none)?.source();
    let mut ip = packet.ipv4().map_err(none)?;
    if !ip.is_fragment() && ![TCP, UDP].contains(&ip.protocol()) {
        return Err((None, Reason("unsupported_protocol")));
    }
    let tuple = five_tuple(&mut ip).map_err(none)?;
    if !is_wan {
        let source = ip.source();
        return match source.octets()[0] {
            10 => Ok(Arrived::Heartbeat(source, mac)),
            _ => Err((None, Reason("not_backend"))),
        };
    }
    let key = key_of(tuple, 0);
    let some = |reason: Reason| (Some(key), reason);
    ip.hops().map_err(|reason| some(reason.into()))?;
    let port = u16::from_be_bytes([tuple[10], tuple[11]]);
    let vip = VIPS.iter().find(|(vip, _)| *vip == ip.destination());
    match vip.filter(|_| VIP_PORTS.contains(&port)) {
        None => Err(some(Reason("not_vip"))),
        Some(&(_, dscp)) => {
            let at = (hash(0, &tuple) % u64::from(TABLE_SIZE)) as usize;
            Ok(Arrived::Request(Request { key, dscp, at }))
        }
    }
}

/// Rewrites a packet for a backend.
#[inline]
pub(crate) fn forward(packet: &mut Packet<'_>, request: &Request, backend: &Slot) -> Judged {
    let mut ip: Ipv4<'_> = packet.ipv4()?;
    ip.decrement_ttl()?;
    ip.set_dscp(request.dscp);
    ip.set_destination(backend.address);
    packet.ethernet()?.set_destination(backend.mac);
    Ok(Outcome::Send(backend.port))
}

impl Membership {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            slots: vec![FREE; BACKENDS_MAX],
            by_address: HashMap::default(),
            table: vec![NOBODY; TABLE_SIZE as usize],
            changed: false,
            due_ns: None,
            timeout_ns: settings.maglev_backend_ns,
        }
    }

    /// The backend that the table has for a flow, if it lives.
    #[inline]
    pub(crate) fn choose(&self, request: &Request) -> Result<Binding, Reason> {
        let slot = self.table[request.at];
        match self.slots.get(usize::from(slot)) {
            Some(backend) if backend.live => Ok(Binding { slot, incarnation: backend.incarnation }),
            _ => Err(Reason("no_backend")),
        }
    }

    /// The backend of a binding, if it is the one that it was.
    #[inline]
    pub(crate) fn bound(&self, binding: Binding) -> Option<&Slot> {
        let slot = &self.slots[usize::from(binding.slot)];
        (slot.live && slot.incarnation == binding.incarnation).then_some(slot)
    }

    /// Takes note of a heartbeat; whether packets will see a difference.
    pub(crate) fn heartbeat(
        &mut self,
        address: Ipv4Addr,
        mac: MacAddress,
        port: u16,
        now_ns: u64,
    ) -> bool {
        let end_ns = now_ns + self.timeout_ns;
        if let Some(&at) = self.by_address.get(&address) {
            let slot = &mut self.slots[usize::from(at)];
            if end_ns.saturating_sub(slot.end_ns) >= REFRESH_NS {
                slot.end_ns = end_ns;
            }
            let moved = (slot.mac, slot.port) != (mac, port);
            (slot.mac, slot.port) = (mac, port);
            return moved;
        }
        let Some(at) = self.slots.iter().position(|slot| !slot.live) else { return false };
        let incarnation = self.slots[at].incarnation.wrapping_add(1);
        self.slots[at] = Slot { live: true, incarnation, address, mac, port, end_ns };
        self.by_address.insert(address, at as u8);
        self.changed = true;
        true
    }

    pub(crate) fn is_due(&self, now_ns: u64) -> bool {
        self.due_ns.is_none_or(|due_ns| due_ns <= now_ns)
    }

    /// When the next period is due; 0 before the first.
    pub(crate) fn due_ns(&self) -> u64 {
        self.due_ns.unwrap_or(0)
    }

    /// The periods up to now; whether packets will see a difference.
    pub(crate) fn tick(&mut self, now_ns: u64) -> bool {
        let (mut due_ns, mut rebuilt) = (self.due_ns.unwrap_or(now_ns + PERIOD_NS), false);
        while due_ns <= now_ns {
            for slot in self.slots.iter_mut().filter(|slot| slot.live && slot.end_ns < due_ns) {
                slot.live = false;
                self.by_address.remove(&slot.address);
                self.changed = true;
            }
            if std::mem::take(&mut self.changed) {
                self.rebuild();
                rebuilt = true;
            }
            due_ns += PERIOD_NS;
        }
        self.due_ns = Some(due_ns);
        rebuilt
    }

    /// Backends take turns by address, each claiming its next preference that is free.
    fn rebuild(&mut self) {
        self.table.fill(NOBODY);
        let live = (0_u8..).zip(&self.slots).filter(|(_, slot)| slot.live);
        let mut live: Vec<_> = live.map(|(at, slot)| (slot.address, at)).collect();
        live.sort_unstable();
        let below = |seed, address: Ipv4Addr, size: u32| {
            (hash(seed, &address.octets()) % u64::from(size)) as u32
        };
        let turn = |(address, at)| {
            (at, below(1, address, TABLE_SIZE), below(2, address, TABLE_SIZE - 1) + 1)
        };
        let mut turns: Vec<(u8, u32, u32)> = live.into_iter().map(turn).collect();
        let count = turns.len();
        for filled in 0..if count > 0 { self.table.len() } else { 0 } {
            let (slot, next, skip) = &mut turns[filled % count];
            while self.table[*next as usize] != NOBODY {
                *next = (*next + *skip) % TABLE_SIZE;
            }
            self.table[*next as usize] = *slot;
        }
    }
}

/// The balancer.
#[derive(Debug)]
pub struct Maglev {
    flows: Flows<Tuple, Binding>,
    membership: Membership,
    idle_ns: u64,
}

impl Maglev {
    /// One without backends.
    pub fn new(settings: &Settings) -> Self {
        Self {
            flows: Flows::new(settings.packet_sets),
            membership: Membership::new(settings),
            idle_ns: settings.maglev_idle_ns,
        }
    }

    #[inline]
    fn prolong(&self, flow: Option<Tuple>, now_ns: u64) {
        if let Some(entry) = flow.and_then(|flow| self.flows.get(&flow)) {
            entry.set_end_ns(now_ns + self.idle_ns);
        }
    }
}

impl Sequential for Maglev {
    fn is_due(&self, now_ns: u64) -> bool {
        self.flows.is_due(now_ns) || self.membership.is_due(now_ns)
    }

    fn tick(&mut self, now_ns: u64) {
        self.flows.expire(now_ns, usize::MAX, |_| {});
        self.membership.tick(now_ns);
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let request = match read(packet) {
            Ok(Arrived::Request(request)) => request,
            Ok(Arrived::Heartbeat(address, mac)) => {
                self.membership.heartbeat(address, mac, packet.port(), now_ns);
                return Ok(Outcome::Consume);
            }
            Err((flow, reason)) => {
                self.prolong(flow, now_ns);
                return Err(reason);
            }
        };
        let end_ns = now_ns + self.idle_ns;
        let binding = match self.flows.get_mut(&request.key) {
            Some(entry) => {
                entry.set_end_ns(end_ns);
                if self.membership.bound(entry.value).is_none() {
                    entry.value = self.membership.choose(&request)?;
                }
                entry.value
            }
            None => {
                let binding = self.membership.choose(&request)?;
                if !self.flows.is_full() {
                    self.flows.insert(request.key, binding, end_ns);
                }
                binding
            }
        };
        forward(packet, &request, &self.membership.slots[usize::from(binding.slot)])
    }

    #[inline]
    fn glance(&self, packet: &mut Packet<'_>, now_ns: u64) -> Option<Judged> {
        match read(packet) {
            Ok(Arrived::Request(request)) => {
                let entry = self.flows.get(&request.key)?;
                let backend = self.membership.bound(entry.value)?;
                entry.set_end_ns(now_ns + self.idle_ns);
                Some(forward(packet, &request, backend))
            }
            Ok(Arrived::Heartbeat(..)) => None,
            Err((flow, reason)) => {
                self.prolong(flow, now_ns);
                Some(Err(reason))
            }
        }
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.flows.len() as u64]
    }
}
