//! ICMP errors of NAT's own: what a host of the LAN is told when its packet cannot be sent on.
//!
//! *Administratively prohibited* where no external endpoint is left (RFC 5508 REQ-8), *time
//! exceeded* where no hop is (RFC 792). RFC 1812 §4.3.2 says about what none is sent: about another
//! error, later fragments, and what was not from one host to one host. How many there are is
//! limited without a clock that all workers would write: each takes a lease of a second.

use nfos::prelude::*;
use nfos::wire::checksum;

use crate::{LAN, Reason};

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const ICMP_HEADER: usize = 8;
/// Bytes of the packet that caused it that an error quotes: what NAT sees of it at most.
const QUOTED_MAX: usize = 128;
const HOPS: u8 = 64;
/// Precedence 6, internetwork control (RFC 1812 §4.3.2.5).
const TYPE_OF_SERVICE: u8 = 0xc0;

/// How errors are sent.
pub(crate) struct Errors {
    source: Ipv4Addr,
    /// One for each that may be sent in a second.
    permits: Allocator,
}

impl Errors {
    /// With `source` as the address that they come from, and at most so many per second.
    pub(crate) fn open(source: Ipv4Addr, per_second: u32) -> Self {
        Self { source, permits: Allocator::open("icmp_errors", per_second, Duration::ZERO) }
    }

    /// Gives permits back whose second is over.
    pub(crate) fn expire(&self, most: u32) {
        for _ in 0..most {
            let Some(expired) = self.permits.next_expired() else { return };
            self.permits.free(expired.id);
        }
    }

    /// Tells the sender of a packet from the LAN why it is dropped, if that is something to tell.
    pub(crate) fn tell(&self, packet: &mut Packet, dropped: Dropped) {
        let kind = if dropped == Reason::NoFreePort.into() {
            (Icmp::UNREACHABLE, 13)
        } else if dropped == FrameReason::TtlExpired.into() {
            (Icmp::TIME_EXCEEDED, 0)
        } else {
            return;
        };
        if is_worth_an_error(packet) && self.permits.allocate(Duration::from_secs(1)).is_some() {
            self.send(packet, kind);
        }
    }

    fn send(&self, packet: &Packet, (kind, code): (u8, u8)) {
        let about = packet.bytes();
        let total = usize::from(u16::from_be_bytes([about[ETHERNET + 2], about[ETHERNET + 3]]));
        let quoted = &about[ETHERNET..about.len().min(ETHERNET + total.min(QUOTED_MAX))];
        let mut frame = [0; ETHERNET + IPV4 + ICMP_HEADER + QUOTED_MAX];
        let length = ETHERNET + IPV4 + ICMP_HEADER + quoted.len();
        // Back to whom it came from.
        frame[..6].copy_from_slice(&about[6..12]);
        frame[6..12].copy_from_slice(&about[..6]);
        frame[12..14].copy_from_slice(&about[12..14]);
        let ip = &mut frame[ETHERNET..ETHERNET + IPV4];
        (ip[0], ip[1], ip[8], ip[9]) = (0x45, TYPE_OF_SERVICE, HOPS, ICMP);
        ip[2..4].copy_from_slice(&((length - ETHERNET) as u16).to_be_bytes());
        ip[12..16].copy_from_slice(&self.source.octets());
        ip[16..20].copy_from_slice(&about[ETHERNET + 12..ETHERNET + 16]);
        let sum = checksum::finish(checksum::sum(ip, 0));
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let icmp = &mut frame[ETHERNET + IPV4..length];
        (icmp[0], icmp[1]) = (kind, code);
        icmp[ICMP_HEADER..].copy_from_slice(quoted);
        let sum = checksum::finish(checksum::sum(icmp, 0));
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        send(LAN, &frame[..length]);
    }
}

/// Whether a packet is one that an error may be about. It has an IPv4 header that is in order.
fn is_worth_an_error(packet: &mut Packet) -> bool {
    let Ok(ethernet) = packet.ethernet() else { return false };
    if ethernet.destination().is_group() {
        return false;
    }
    let Ok(mut ip) = packet.ipv4() else { return false };
    let (from, to) = (ip.source(), ip.destination());
    let from_one = !(from.is_unspecified() || from.is_loopback() || is_many(from));
    let is_error = ip.protocol() == ICMP && !ip.icmp().is_ok_and(|icmp| !icmp.is_error());
    from_one && !is_many(to) && !is_error && !ip.is_fragment()
}

fn is_many(address: Ipv4Addr) -> bool {
    address.is_multicast() || address.is_broadcast()
}
