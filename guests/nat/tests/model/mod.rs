//! NAT once more, for tests: from its specification, on raw bytes and standard collections.
//!
//! Which external endpoint a mapping gets is not specified. The model takes the first free one,
//! unless the test tells it which one the network function chose: that must then be free.

mod frame;

use std::collections::VecDeque;

use nfos::testing::{Arrival, Fate, Model};

use frame::{Edit, Packet};

const MILLISECOND: u64 = 1_000_000;
const LAN: u16 = 0;
const WAN: u16 = 1;

/// An address with a port or an identifier.
pub(crate) type Endpoint = (u32, u16);

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: u32,
    pub(crate) addresses: u32,
    pub(crate) ports: (u16, u16),
    pub(crate) udp_ns: u64,
    pub(crate) tcp_transitory_ns: u64,
    pub(crate) tcp_established_ns: u64,
    pub(crate) icmp_ns: u64,
    pub(crate) interval_ns: u64,
    pub(crate) inbound_refresh: bool,
    pub(crate) hold_ns: u64,
    /// Of port 0, of port 1, and of the next hop behind port 1.
    pub(crate) macs: [Option<[u8; 6]>; 3],
}

/// Few endpoints and short timeouts, so that everything comes up.
#[allow(dead_code, reason = "of the tests that share this model some ask")]
pub(crate) const TIGHT: [(&str, &str); 7] = [
    ("external_addresses", "2"),
    ("port_first", "3000"),
    ("port_last", "3002"),
    ("udp_timeout_s", "3"),
    ("tcp_transitory_timeout_s", "2"),
    ("tcp_established_timeout_s", "6"),
    ("icmp_timeout_s", "2"),
];

impl Settings {
    /// What [`TIGHT`] says.
    #[allow(dead_code, reason = "of the tests that share this model some ask")]
    pub(crate) fn tight() -> Self {
        let second_ns = 1_000 * MILLISECOND;
        Self {
            address: 0xCB00_7101,
            addresses: 2,
            ports: (3_000, 3_002),
            udp_ns: 3 * second_ns,
            tcp_transitory_ns: 2 * second_ns,
            tcp_established_ns: 6 * second_ns,
            icmp_ns: 2 * second_ns,
            interval_ns: second_ns,
            inbound_refresh: false,
            hold_ns: 0,
            macs: [None; 3],
        }
    }
}

pub(crate) struct NatModel {
    settings: Settings,
    pub(crate) mappings: Vec<Mapping>,
    /// External endpoints that nobody has, by protocol.
    free: Vec<(u8, VecDeque<Endpoint>)>,
    /// Those that rest until some time.
    resting: Vec<(u8, Endpoint, u64)>,
    next_tick_ns: u64,
    /// What the network function chose for the mapping that comes next.
    pub(crate) chosen: Option<Endpoint>,
}

#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) protocol: u8,
    pub(crate) inside: Endpoint,
    pub(crate) outside: Endpoint,
    mac: [u8; 6],
    deadline_ns: u64,
    /// The last refresh that was not skipped.
    refreshed_ns: u64,
    inbound: bool,
    closing: bool,
}

impl NatModel {
    pub(crate) fn new(settings: Settings) -> Self {
        let addresses = settings.address..settings.address + settings.addresses;
        let (first, last) = settings.ports;
        let all: VecDeque<_> =
            addresses.flat_map(|address| (first..=last).map(move |port| (address, port))).collect();
        Self {
            settings,
            mappings: Vec::new(),
            free: [1, 6, 17].map(|protocol| (protocol, all.clone())).into(),
            resting: Vec::new(),
            next_tick_ns: 0,
            chosen: None,
        }
    }

    fn timeout_ns(&self, protocol: u8) -> u64 {
        match protocol {
            6 => self.settings.tcp_transitory_ns,
            17 => self.settings.udp_ns,
            _ => self.settings.icmp_ns,
        }
    }

    fn is_external(&self, address: u32) -> bool {
        let Settings { address: first, addresses, .. } = self.settings;
        (first..first + addresses).contains(&address)
    }

    fn free_of(&mut self, protocol: u8) -> &mut VecDeque<Endpoint> {
        let free = self.free.iter_mut().find(|(of, _)| *of == protocol);
        &mut free.expect("one of three").1
    }

    /// Every millisecond what has run out goes.
    fn tick(&mut self, now_ns: u64) {
        if self.next_tick_ns == 0 {
            self.next_tick_ns = now_ns + MILLISECOND;
        }
        while self.next_tick_ns <= now_ns {
            for protocol in [1, 6, 17] {
                while self.run_out(protocol, self.next_tick_ns) {}
            }
            let deadlines = self.mappings.iter().map(|mapping| mapping.deadline_ns);
            let soonest = deadlines.chain(self.resting.iter().map(|resting| resting.2)).min();
            // Nothing happens until then.
            let next = soonest.map_or(now_ns, |soonest| soonest.min(now_ns));
            let idle = next.saturating_sub(self.next_tick_ns) / MILLISECOND;
            self.next_tick_ns += MILLISECOND * idle.max(1);
        }
    }

    /// Renews or ends the lease that ran out first, if one has.
    fn run_out(&mut self, protocol: u8, now_ns: u64) -> bool {
        let mappings = (0..).zip(&self.mappings).filter(|(_, one)| one.protocol == protocol);
        let mapping = mappings.map(|(at, one)| (one.deadline_ns, one.outside, Some(at)));
        let resting = self.resting.iter().filter(|one| one.0 == protocol);
        let resting = resting.map(|one| (one.2, one.1, None));
        let Some((deadline_ns, outside, at)) = mapping.chain(resting).min() else { return false };
        if deadline_ns >= now_ns {
            return false;
        }
        let Some(at) = at else {
            self.resting.retain(|one| (one.0, one.1) != (protocol, outside));
            self.free_of(protocol).push_back(outside);
            return true;
        };
        let Settings { tcp_transitory_ns, tcp_established_ns, interval_ns, .. } = self.settings;
        let mapping: &mut Mapping = &mut self.mappings[at];
        let idle_ns = now_ns - mapping.refreshed_ns;
        let open = mapping.protocol == 6 && mapping.inbound && !mapping.closing;
        if open && idle_ns < tcp_established_ns + interval_ns {
            mapping.deadline_ns = now_ns + tcp_transitory_ns - interval_ns;
        } else {
            self.mappings.remove(at);
            match self.settings.hold_ns {
                0 => self.free_of(protocol).push_back(outside),
                hold_ns => self.resting.push((protocol, outside, now_ns + hold_ns + interval_ns)),
            }
        }
        true
    }

    fn refresh(&mut self, at: usize, now_ns: u64) {
        let interval_ns = self.settings.interval_ns;
        let deadline_ns = now_ns + self.timeout_ns(self.mappings[at].protocol) + interval_ns;
        if deadline_ns >= self.mappings[at].deadline_ns + interval_ns {
            self.mappings[at].deadline_ns = deadline_ns;
            self.mappings[at].refreshed_ns = now_ns;
        }
    }

    fn behind(&self, protocol: u8, outside: Option<Endpoint>) -> Result<usize, &'static str> {
        let is_it = |one: &Mapping| one.protocol == protocol && Some(one.outside) == outside;
        self.mappings.iter().position(is_it).ok_or("no_mapping")
    }

    fn of_inside(&self, protocol: u8, inside: Option<Endpoint>) -> Option<usize> {
        let is_it = |one: &Mapping| one.protocol == protocol && Some(one.inside) == inside;
        self.mappings.iter().position(is_it)
    }

    fn map(&mut self, packet: &Packet, now_ns: u64) -> Result<usize, &'static str> {
        let (protocol, inside) = (packet.protocol, packet.source);
        if let Some(at) = self.of_inside(protocol, inside) {
            self.refresh(at, now_ns);
            return Ok(at);
        }
        let _ = self.run_out(protocol, now_ns) && self.run_out(protocol, now_ns);
        let chosen = self.chosen;
        let free = self.free_of(protocol);
        let at = match chosen {
            _ if free.is_empty() => return Err("no_free_port"),
            None => 0,
            Some(chosen) => {
                free.iter().position(|&one| one == chosen).expect("what was chosen is free")
            }
        };
        let outside = free.remove(at).expect("it is there");
        let deadline_ns = now_ns + self.timeout_ns(protocol) + self.settings.interval_ns;
        self.mappings.push(Mapping {
            protocol,
            inside: inside.expect("whoever sends has an endpoint"),
            outside,
            mac: [0; 6],
            deadline_ns,
            refreshed_ns: now_ns,
            inbound: false,
            closing: false,
        });
        Ok(self.mappings.len() - 1)
    }

    fn outbound(&mut self, packet: &Packet, now_ns: u64) -> Result<(u16, Edit), &'static str> {
        let to_us = self.is_external(packet.addresses.1);
        if packet.is_error {
            if to_us {
                return Err("no_mapping");
            }
            let quoted = packet.quoted()?;
            let at = self.of_inside(quoted.protocol, quoted.destination).ok_or("no_mapping")?;
            let outside = self.mappings[at].outside;
            let edit = Edit::default().source_address(outside.0).quoted_destination(outside);
            return Ok((WAN, edit));
        }
        if packet.source.is_none() {
            return Err("unsupported_protocol");
        }
        let target = match to_us {
            true => Some(self.behind(packet.protocol, packet.destination)?),
            false => None,
        };
        let target = target.map(|at| self.mappings[at].clone());
        let at = self.map(packet, now_ns)?;
        let mapping = &mut self.mappings[at];
        mapping.mac = packet.source_mac;
        mapping.closing = packet.closing.unwrap_or(mapping.closing);
        let edit = Edit::default().source(mapping.outside);
        Ok(match target {
            None => (WAN, edit),
            Some(target) => (LAN, edit.destination(target.inside).receiver(target.mac)),
        })
    }

    fn inbound(&mut self, packet: &Packet, now_ns: u64) -> Result<(u16, Edit), &'static str> {
        if !self.is_external(packet.addresses.1) {
            return Err("not_for_us");
        }
        if packet.is_error {
            let quoted = packet.quoted()?;
            let at = self.behind(quoted.protocol, quoted.source)?;
            let Mapping { inside, mac, .. } = self.mappings[at];
            let edit = Edit::default().destination_address(inside.0).quoted_source(inside);
            return Ok((LAN, edit.receiver(mac)));
        }
        let (first, last) = self.settings.ports;
        match packet.destination {
            None => return Err("no_mapping"),
            Some((_, port)) if !(first..=last).contains(&port) => return Err("not_for_us"),
            Some(_) => {}
        }
        let at = self.behind(packet.protocol, packet.destination)?;
        if self.settings.inbound_refresh {
            self.refresh(at, now_ns);
        }
        let mapping = &mut self.mappings[at];
        mapping.inbound = true;
        mapping.closing = packet.closing.unwrap_or(mapping.closing);
        Ok((LAN, Edit::default().destination(mapping.inside).receiver(mapping.mac)))
    }

    fn translate(&mut self, arrival: &Arrival) -> Result<Fate, &'static str> {
        let Arrival { time_ns, port, frame } = arrival;
        self.tick(*time_ns);
        let packet = Packet::check(frame)?;
        let (egress, edit) = match *port {
            LAN => self.outbound(&packet, *time_ns)?,
            _ => self.inbound(&packet, *time_ns)?,
        };
        let [own0, own1, next_hop] = self.settings.macs;
        let edit = match egress {
            LAN => edit.sender(own0),
            _ => edit.sender(own1).next_hop(next_hop),
        };
        Ok(Fate::Sent(egress, edit.apply(&packet, frame)))
    }
}

impl Model for NatModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        self.translate(arrival).unwrap_or_else(Fate::dropped)
    }

    /// On more, an external endpoint depends on who gets there first.
    fn workers(&self) -> &'static [u32] {
        &[1]
    }
}
