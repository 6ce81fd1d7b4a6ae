//! What NAT reads of a packet, and which endpoints are external.

use std::net::Ipv4Addr;

use nfos::prelude::{FrameReason, ICMP, Ipv4, TCP, TcpFlags, Transport, UDP};

use crate::settings::Settings;
use crate::worker::Reason;

/// An address with a port, or with the identifier of an echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
}

impl Endpoint {
    #[inline]
    pub(crate) fn key(self) -> u64 {
        u64::from(self.address.to_bits()) << 16 | u64::from(self.port)
    }

    #[inline]
    pub(crate) fn of_key(key: u64) -> Self {
        Self { address: Ipv4Addr::from_bits((key >> 16) as u32), port: key as u16 }
    }
}

/// What a segment says of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Ends,
    Lives,
    Silent,
}

/// TCP, UDP or ICMP by their place in arrays.
#[inline]
pub(crate) fn place_of(protocol: u8) -> Option<usize> {
    match protocol {
        TCP => Some(0),
        UDP => Some(1),
        ICMP => Some(2),
        _ => None,
    }
}

/// Of [`place_of`] TCP.
pub(crate) const OF_TCP: usize = 0;

/// The headers of a packet that NAT knows.
pub(crate) struct Message {
    pub(crate) protocol: usize,
    pub(crate) source: Option<Endpoint>,
    pub(crate) destination: Option<Endpoint>,
    pub(crate) segment: Segment,
    pub(crate) is_error: bool,
}

impl Message {
    #[inline]
    pub(crate) fn read(ip: &mut Ipv4<'_>) -> Result<Self, FrameReason> {
        let (hops, source, destination) = (ip.hops(), ip.source(), ip.destination());
        let protocol = place_of(ip.protocol());
        let transport = match ip.transport() {
            Err(FrameReason::UnsupportedProtocol) => None,
            transport => Some(transport?),
        };
        hops?;
        let (Some(protocol), Some(transport)) = (protocol, transport) else {
            return Err(FrameReason::UnsupportedProtocol);
        };
        let endpoint = |address, port: Option<u16>| port.map(|port| Endpoint { address, port });
        let message = Self {
            protocol,
            source: endpoint(source, transport.source_port()),
            destination: endpoint(destination, transport.destination_port()),
            segment: segment(&transport),
            is_error: matches!(&transport, Transport::Icmp(icmp) if icmp.is_error()),
        };
        match message.source.or(message.destination) {
            None if !message.is_error => Err(FrameReason::UnsupportedProtocol),
            _ => Ok(message),
        }
    }
}

#[inline]
fn segment(transport: &Transport<'_>) -> Segment {
    let Transport::Tcp(tcp) = transport else { return Segment::Silent };
    let flags = tcp.flags();
    if flags.has(TcpFlags::FIN) || flags.has(TcpFlags::RST) {
        Segment::Ends
    } else if flags.has(TcpFlags::SYN) || tcp.payload_length() > 0 {
        Segment::Lives
    } else {
        Segment::Silent
    }
}

/// The external endpoints, numbered from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct External {
    address: u32,
    addresses: u32,
    port_first: u16,
    ports: u32,
}

impl External {
    pub(crate) fn new(settings: &Settings) -> Self {
        let (port_first, port_last) = settings.nat_ports;
        Self {
            address: Ipv4Addr::new(203, 0, 113, 1).to_bits(),
            addresses: settings.nat_addresses,
            port_first,
            ports: u32::from(port_last - port_first) + 1,
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.addresses * self.ports
    }

    #[inline]
    pub(crate) fn covers(&self, address: Ipv4Addr) -> bool {
        address.to_bits().wrapping_sub(self.address) < self.addresses
    }

    #[inline]
    pub(crate) fn endpoint(&self, id: u32) -> Endpoint {
        Endpoint {
            address: Ipv4Addr::from_bits(self.address + id / self.ports),
            port: self.port_first + (id % self.ports) as u16,
        }
    }

    #[inline]
    pub(crate) fn id(&self, endpoint: Endpoint) -> Option<u32> {
        let port = u32::from(endpoint.port.checked_sub(self.port_first)?);
        let address = endpoint.address.to_bits().wrapping_sub(self.address);
        (address < self.addresses && port < self.ports).then(|| address * self.ports + port)
    }
}

/// Timeouts by protocol; a refresh by less than the interval is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) timeout_ns: [u64; 3],
    pub(crate) established_ns: u64,
    pub(crate) interval_ns: u64,
}

impl Times {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            timeout_ns: [settings.nat_tcp_transitory_ns, settings.nat_udp_ns, settings.nat_icmp_ns],
            established_ns: settings.nat_tcp_established_ns,
            interval_ns: 1_000_000_000,
        }
    }

    #[inline]
    pub(crate) fn granted_ns(&self, protocol: usize) -> u64 {
        self.timeout_ns[protocol] + self.interval_ns
    }
}

/// Why nobody was found.
pub(crate) const NO_MAPPING: Reason = Reason("no_mapping");
