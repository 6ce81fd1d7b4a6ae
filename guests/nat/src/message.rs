//! What NAT reads of a packet.

use nfos::prelude::*;

use crate::external::Endpoint;

/// What carries ports, or identifiers that NAT treats like ports (RFC 5508).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    /// Echo requests and their replies.
    Icmp,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Icmp];

    pub(crate) fn of(number: u8) -> Option<Self> {
        match number {
            TCP => Some(Self::Tcp),
            UDP => Some(Self::Udp),
            ICMP => Some(Self::Icmp),
            _ => None,
        }
    }
}

/// What a segment says of the connection it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// It ends: FIN or RST.
    Ends,
    /// It begins or goes on: SYN, or data.
    Lives,
    /// Nothing: a bare acknowledgment, or no segment of TCP at all.
    Silent,
}

/// The headers of a packet that is one NAT knows.
pub(crate) struct Message {
    pub(crate) protocol: Protocol,
    /// From where; of an ICMP message other than an echo request `None`.
    pub(crate) source: Option<Endpoint>,
    /// Where to; of an ICMP message other than an echo reply `None`.
    pub(crate) destination: Option<Endpoint>,
    pub(crate) segment: Segment,
    /// Whether it is an ICMP error, which quotes another packet.
    pub(crate) is_error: bool,
}

impl Message {
    /// Reads it by the frame rules, of which the time to live is the last.
    pub(crate) fn read(ip: &mut Ipv4) -> Result<Self, FrameReason> {
        let (hops, source, destination) = (ip.hops(), ip.source(), ip.destination());
        let protocol = Protocol::of(ip.protocol());
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
            segment: Segment::of(&transport),
            is_error: matches!(&transport, Transport::Icmp(icmp) if icmp.is_error()),
        };
        match message.source.or(message.destination) {
            None if !message.is_error => Err(FrameReason::UnsupportedProtocol),
            _ => Ok(message),
        }
    }
}

impl Segment {
    fn of(transport: &Transport) -> Self {
        let Transport::Tcp(tcp) = transport else { return Self::Silent };
        let flags = tcp.flags();
        if flags.has(TcpFlags::FIN) || flags.has(TcpFlags::RST) {
            Self::Ends
        } else if flags.has(TcpFlags::SYN) || tcp.payload_length() > 0 {
            Self::Lives
        } else {
            Self::Silent
        }
    }
}
