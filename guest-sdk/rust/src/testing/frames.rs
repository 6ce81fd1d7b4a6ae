//! Frames for tests, with every length and checksum right.

use std::net::Ipv4Addr;

use crate::packet_sets::{ICMP, TCP, UDP};
use crate::wire::checksum::{finish, sum};

/// The two ends of a conversation, seen from the sender of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Who sends.
    pub source: (Ipv4Addr, u16),
    /// Who receives.
    pub destination: (Ipv4Addr, u16),
}

impl Flow {
    /// From `source` to `destination`.
    pub const fn new(source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16)) -> Self {
        Self { source, destination }
    }

    /// The other direction.
    #[must_use]
    pub const fn answer(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

/// An Ethernet frame between two fixed stations.
pub fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 packet with a time to live of 64.
pub fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0x12, 0x34, 0, 0, 64, protocol, 0, 0]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(payload);
    let mut frame = ethernet(0x0800, &packet);
    fix_ipv4_checksum(&mut frame);
    frame
}

/// A TCP segment with these control bits.
pub fn tcp(flow: Flow, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports(flow);
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    let check = transport_checksum(flow, TCP, &segment);
    segment[16..18].copy_from_slice(&check.to_be_bytes());
    ipv4(flow.source.0, flow.destination.0, TCP, &segment)
}

/// A UDP datagram.
pub fn udp(flow: Flow, payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports(flow);
    datagram.extend(((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let check = match transport_checksum(flow, UDP, &datagram) {
        0 => 0xffff,
        check => check,
    };
    datagram[6..8].copy_from_slice(&check.to_be_bytes());
    ipv4(flow.source.0, flow.destination.0, UDP, &datagram)
}

/// An ICMP message of this type and code, with the second half of its header and its payload.
pub fn icmp(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    (message_type, code): (u8, u8),
    rest: [u8; 4],
    payload: &[u8],
) -> Vec<u8> {
    let mut message = vec![message_type, code, 0, 0];
    message.extend(rest);
    message.extend(payload);
    let check = finish(sum(&message, 0));
    message[2..4].copy_from_slice(&check.to_be_bytes());
    ipv4(source, destination, ICMP, &message)
}

/// An ICMP error of this type and code about a packet, of which it quotes what `frame` has behind
/// its Ethernet header.
pub fn icmp_error(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    kind: (u8, u8),
    frame: &[u8],
) -> Vec<u8> {
    icmp(source, destination, kind, [0; 4], &frame[14..])
}

/// The frame with another time to live.
#[must_use]
pub fn with_ttl(mut frame: Vec<u8>, ttl: u8) -> Vec<u8> {
    frame[22] = ttl;
    fix_ipv4_checksum(&mut frame);
    frame
}

/// The frame with another flags-and-fragment-offset word: 0x2000 is a first fragment.
#[must_use]
pub fn with_fragment(mut frame: Vec<u8>, word: u16) -> Vec<u8> {
    frame[20..22].copy_from_slice(&word.to_be_bytes());
    fix_ipv4_checksum(&mut frame);
    frame
}

/// The frame of UDP without a checksum.
#[must_use]
pub fn without_udp_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    frame[40..42].fill(0);
    frame
}

/// The frame with an 802.1Q tag.
#[must_use]
pub fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let mut tagged = frame[..12].to_owned();
    tagged.extend([0x81, 0x00]);
    tagged.extend(vlan.to_be_bytes());
    tagged.extend(&frame[12..]);
    tagged
}

/// The frame padded to `length` bytes, as short packets are on a wire.
#[must_use]
pub fn padded(mut frame: Vec<u8>, length: usize) -> Vec<u8> {
    frame.resize(length.max(frame.len()), 0);
    frame
}

/// Computes the checksum of the IPv4 header anew.
pub fn fix_ipv4_checksum(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let end = 14 + usize::from(frame[14] & 0x0f) * 4;
    let check = finish(sum(&frame[14..end], 0));
    frame[24..26].copy_from_slice(&check.to_be_bytes());
}

/// The checksum that a TCP segment or UDP datagram should have; its own field must be 0.
pub fn transport_checksum(flow: Flow, protocol: u8, transport: &[u8]) -> u16 {
    let addresses = sum(&flow.destination.0.octets(), sum(&flow.source.0.octets(), 0));
    finish(sum(transport, addresses + u64::from(protocol) + transport.len() as u64))
}

fn ports(flow: Flow) -> Vec<u8> {
    [flow.source.1.to_be_bytes(), flow.destination.1.to_be_bytes()].concat()
}
