//! One conversation, and its frames.

use super::random::Random;
use super::workload::{Protocols, Workload};
use crate::headers::{TCP, UDP, ethernet, ipv4, tcp, udp};

/// Hosts inside; flows beyond these share them, each with a port of its own.
const HOSTS: u64 = 65_536;
/// Ports that a flow inside may have, from 1,024 on.
const PORTS: u64 = 64_512;
const SERVICES: [u16; 8] = [443, 80, 53, 22, 123, 8080, 8443, 5060];

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From 10.0.0.0/8.
    Out,
    /// To it.
    Back,
}

/// Both ends of a conversation; no two of one workload have the same inner end and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    inner: ([u8; 4], u16),
    outer: ([u8; 4], u16),
    protocol: u8,
}

impl Flow {
    /// The flow of this number.
    ///
    /// Host `h` has the address 10.0.0.0 + 257 × (h + 1), which spreads hosts over the second and
    /// third byte; its k-th flow has the k-th port after a random one.
    pub(super) fn new(number: u64, workload: &Workload, seed: &Random) -> Self {
        let (host, nth) = (number % HOSTS, number / HOSTS);
        let inner_port = 1024 + (seed.fork(HOSTS + host).below(PORTS) + nth) % PORTS;
        let mut random = seed.fork(2 * HOSTS + number);
        let [_, a, b, c] = (257 * (host as u32 + 1)).to_be_bytes();
        let [d, e, f, ..] = random.next().to_be_bytes();
        let tcp = match workload.protocols {
            Protocols::Tcp => true,
            Protocols::Udp => false,
            Protocols::Mixed => (host + nth).is_multiple_of(2),
        };
        let service = SERVICES[random.below(SERVICES.len() as u64) as usize];
        Self {
            inner: ([10, a, b, c], inner_port as u16),
            outer: ([198, 18 + d % 2, e, f], service),
            protocol: if tcp { TCP } else { UDP },
        }
    }

    /// Writes a frame of `length` bytes, at least 60, that goes this way.
    pub(super) fn write(&self, direction: Direction, length: usize, frame: &mut Vec<u8>) {
        let ((source, source_port), (destination, destination_port)) = match direction {
            Direction::Out => (self.inner, self.outer),
            Direction::Back => (self.outer, self.inner),
        };
        frame.clear();
        frame.resize(length, 0);
        let (ethernet_header, packet) =
            frame.split_first_chunk_mut().expect("a frame of 60 bytes has a header");
        let link = ethernet::Repr {
            destination: mac(destination),
            source: mac(source),
            ether_type: ethernet::IPV4,
        };
        link.emit(ethernet_header);
        let (ip_header, segment) =
            packet.split_first_chunk_mut().expect("46 bytes hold an IPv4 header");
        let ip = ipv4::Repr {
            source,
            destination,
            protocol: self.protocol,
            ttl: 64,
            payload_length: segment.len() as u16,
        };
        ip.emit(ip_header);
        write_transport(&ip, [source_port, destination_port], segment);
    }
}

fn write_transport(ip: &ipv4::Repr, [source_port, destination_port]: [u16; 2], segment: &mut [u8]) {
    let pseudo_header = ip.pseudo_header();
    if ip.protocol == TCP {
        let (header, payload) =
            segment.split_first_chunk_mut().expect("26 bytes hold a TCP header");
        let repr = tcp::Repr {
            source_port,
            destination_port,
            sequence: 1,
            acknowledgement: 1,
            flags: tcp::ACK,
        };
        repr.emit(header, &pseudo_header, payload);
    } else {
        let (header, payload) =
            segment.split_first_chunk_mut().expect("26 bytes hold a UDP header");
        udp::Repr { source_port, destination_port }.emit(header, &pseudo_header, payload);
    }
}

/// Each host's own: locally administered, with its address in it.
fn mac([a, b, c, d]: [u8; 4]) -> [u8; 6] {
    [2, 0, a, b, c, d]
}
