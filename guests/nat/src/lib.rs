//! Lets the hosts of a LAN share public addresses, as RFC 4787, 5382 and 5508 ask.
//!
//! Port 0 is the LAN, port 1 the WAN. The first packet from an internal endpoint gets it an
//! external one, the same for every destination, and whoever sends to that reaches it. Mappings
//! are shared by all packets, since the two directions of a conversation have no field in common:
//! there are no packet sets. What a mapping is and how long it lives is told in `state.rs`.

use nfos::prelude::*;

mod errors;
mod external;
mod message;
mod parameters;
mod state;

use errors::Errors;
use external::{Endpoint, External};
use message::{Message, Protocol, Segment};
pub use parameters::Parameters;
use state::{Inside, Mappings};

const LAN: u16 = 0;
const WAN: u16 = 1;

/// Mappings that end are looked for this often, for each protocol by itself.
const PERIOD: Duration = Duration::from_millis(1);
const EXPIRED_PER_PERIOD: u32 = 256;
/// And before each new mapping, so that under load the workers keep up by themselves.
const EXPIRED_PER_MAPPING: u32 = 2;

/// Why NAT drops, beside the frame rules.
#[derive(Reason)]
pub enum Reason {
    /// Nobody is behind the external endpoint.
    NoMapping,
    /// A packet from the WAN to another address or port than the external ones.
    NotForUs,
    /// Every external endpoint of the protocol is taken.
    NoFreePort,
}

/// The translator.
pub struct Nat {
    parameters: Parameters,
    external: External,
    /// By protocol.
    mappings: [Mappings; 3],
    /// If any are sent.
    errors: Option<Errors>,
}

#[nfos::export]
impl NetworkFunction for Nat {
    const PORTS: u16 = 2;
    /// An ICMP error with its quotation, all options included, has 162 bytes up to the last that
    /// is translated.
    const WINDOW: u32 = 162;
    type Parameters = Parameters;
    type Reason = Reason;

    /// What one endpoint sends meets one worker, which then has its mapping to itself.
    fn orphans() -> Vec<Rule> {
        let endpoint = [Field::SourceAddress, Field::SourcePort, Field::Protocol];
        vec![
            Rule::ipv4(endpoint).ports([LAN]).protocols([TCP, UDP]),
            Rule::ipv4([Field::SourceAddress, Field::Protocol]).ports([LAN]).protocols([ICMP]),
        ]
    }

    fn periods(&self) -> Vec<Duration> {
        vec![PERIOD; Protocol::ALL.len() + usize::from(self.errors.is_some())]
    }

    fn init(parameters: Parameters) -> Self {
        let external = parameters.external();
        let open = |protocol, name| Mappings {
            table: LeasedMap::open(name, external.count(), parameters.refresh_interval()),
            lifetime: parameters.lifetime(protocol),
        };
        let mappings = [
            open(Protocol::Tcp, "tcp_mappings"),
            open(Protocol::Udp, "udp_mappings"),
            open(Protocol::Icmp, "icmp_mappings"),
        ];
        let errors = parameters
            .errors_per_second()
            .map(|per_second| Errors::open(external.endpoint(0).address, per_second));
        Self { parameters, external, mappings, errors }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        if packet.port() != LAN {
            return self.inbound(packet);
        }
        let outcome = self.outbound(packet);
        // What is dropped for one of the reasons that are told is as it came.
        if let (Err(dropped), Some(errors)) = (&outcome, &self.errors) {
            errors.tell(packet, *dropped);
        }
        outcome
    }

    fn periodic(&self, period: usize) {
        match (self.mappings.get(period), &self.errors) {
            (Some(mappings), _) => mappings.expire(EXPIRED_PER_PERIOD),
            (None, Some(errors)) => errors.expire(EXPIRED_PER_PERIOD),
            (None, None) => {}
        }
    }
}

impl Nat {
    fn outbound(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let mac = packet.ethernet()?.source();
        let mut ip = packet.ipv4()?;
        let message = Message::read(&mut ip)?;
        if message.is_error {
            return self.outbound_error(packet);
        }
        let source = message.source.ok_or(FrameReason::UnsupportedProtocol)?;
        // Looked up first: a packet to nobody makes no mapping.
        let hairpin = match self.external.covers(ip.destination()) {
            true => Some(self.inside(message.protocol, message.destination)?),
            false => None,
        };
        let outside = self.map(message.protocol, source, mac, message.segment)?;
        ip.decrement_ttl()?;
        ip.set_source(outside.address);
        ip.transport()?.set_source_port(outside.port);
        match hairpin {
            None => self.send_to_wan(packet),
            Some(inside) => {
                ip.set_destination(inside.endpoint.address);
                ip.transport()?.set_destination_port(inside.endpoint.port);
                self.send_to_lan(packet, inside.mac)
            }
        }
    }

    fn inbound(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let mut ip = packet.ipv4()?;
        let message = Message::read(&mut ip)?;
        if !self.external.covers(ip.destination()) {
            return Err(Reason::NotForUs.into());
        }
        if message.is_error {
            return self.inbound_error(packet);
        }
        // An echo request: we answer none, and know nobody to pass it on to.
        let destination = message.destination.ok_or(Reason::NoMapping)?;
        let id = self.external.id(destination).ok_or(Reason::NotForUs)?;
        let mappings = &self.mappings[message.protocol as usize];
        let mut inside = mappings.table.record(id);
        if !inside.used {
            return Err(Reason::NoMapping.into());
        }
        if self.parameters.inbound_refresh {
            mappings.table.refresh(id, mappings.lifetime.granted);
        }
        if inside.receives(message.protocol, message.segment) {
            mappings.table.write_record(id, &inside);
        }
        ip.decrement_ttl()?;
        ip.set_destination(inside.endpoint.address);
        ip.transport()?.set_destination_port(inside.endpoint.port);
        self.send_to_lan(packet, inside.mac)
    }

    /// An error about a packet that reached a host of the LAN. Errors neither make nor keep nor
    /// end a mapping (RFC 5508 REQ-5, REQ-6).
    fn outbound_error(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let mut ip = packet.ipv4()?;
        if self.external.covers(ip.destination()) {
            return Err(Reason::NoMapping.into());
        }
        let mut quoted = ip.icmp()?.into_quotation()?;
        let protocol = Protocol::of(quoted.protocol()).ok_or(Reason::NoMapping)?;
        let port = quoted.destination_port().ok_or(Reason::NoMapping)?;
        let endpoint = Endpoint { address: quoted.destination(), port };
        let found = self.mappings[protocol as usize].table.get(&endpoint);
        let outside = self.external.endpoint(found.ok_or(Reason::NoMapping)?.lease);
        quoted.set_destination(outside.address);
        quoted.set_destination_port(outside.port);
        ip.decrement_ttl()?;
        ip.set_source(outside.address);
        self.send_to_wan(packet)
    }

    /// An error about a packet that we had sent to the WAN (RFC 5508 REQ-4).
    fn inbound_error(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let mut ip = packet.ipv4()?;
        let mut quoted = ip.icmp()?.into_quotation()?;
        let protocol = Protocol::of(quoted.protocol()).ok_or(Reason::NoMapping)?;
        let address = quoted.source();
        let outside = quoted.source_port().map(|port| Endpoint { address, port });
        let inside = self.inside(protocol, outside)?;
        quoted.set_source(inside.endpoint.address);
        quoted.set_source_port(inside.endpoint.port);
        ip.decrement_ttl()?;
        ip.set_destination(inside.endpoint.address);
        self.send_to_lan(packet, inside.mac)
    }

    /// Who is behind an external endpoint.
    fn inside(&self, protocol: Protocol, outside: Option<Endpoint>) -> Result<Inside, Dropped> {
        let id = outside.and_then(|outside| self.external.id(outside)).ok_or(Reason::NoMapping)?;
        let inside = self.mappings[protocol as usize].table.record(id);
        match inside.used {
            true => Ok(inside),
            false => Err(Reason::NoMapping.into()),
        }
    }

    /// The external endpoint of an internal one that has just sent something: the one it has, or
    /// a new one.
    fn map(
        &self,
        protocol: Protocol,
        source: Endpoint,
        mac: MacAddress,
        segment: Segment,
    ) -> Result<Endpoint, Dropped> {
        let mappings = &self.mappings[protocol as usize];
        let (table, granted) = (&mappings.table, mappings.lifetime.granted);
        let id = if let Some(found) = table.get(&source) {
            table.refresh(found.lease, granted);
            let mut inside = table.record(found.lease);
            if inside.sends(mac, segment) {
                table.write_record(found.lease, &inside);
            }
            found.lease
        } else {
            mappings.expire(EXPIRED_PER_MAPPING);
            let inside = Inside::new(source, mac, segment);
            table.insert(&inside, (), granted).ok_or(Reason::NoFreePort)?
        };
        Ok(self.external.endpoint(id))
    }

    fn send_to_wan(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let mut ethernet = packet.ethernet()?;
        if let Some(own) = self.parameters.port1_mac {
            ethernet.set_source(own);
        }
        if let Some(next_hop) = self.parameters.port1_next_hop_mac {
            ethernet.set_destination(next_hop);
        }
        Ok(Verdict::send(WAN))
    }

    fn send_to_lan(&self, packet: &mut Packet, host: MacAddress) -> Result<Verdict, Dropped> {
        let mut ethernet = packet.ethernet()?;
        if let Some(own) = self.parameters.port0_mac {
            ethernet.set_source(own);
        }
        ethernet.set_destination(host);
        Ok(Verdict::send(LAN))
    }
}
