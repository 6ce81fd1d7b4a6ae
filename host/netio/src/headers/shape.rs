//! What a frame is, as far as a key must know: which layers are in order, and where the transport
//! header begins.

use super::{TCP, UDP, ethernet, ipv4, ipv6, tcp, udp};

/// There is an Ethernet header.
pub(crate) const ETHERNET: u8 = 1;
/// Untagged IPv4 in order.
pub(crate) const IPV4: u8 = 2;
/// Untagged IPv6 in order, no extension header before the transport.
pub(crate) const IPV6: u8 = 4;
/// [`IPV4`], no fragment, with TCP or UDP in order.
pub(crate) const IPV4_PORTS: u8 = 8;
/// [`IPV6`], with TCP or UDP in order.
pub(crate) const IPV6_PORTS: u8 = 16;

/// What a frame is. Whoever reads a header relies on its bit in `layers`: then all bytes of
/// it are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bits of [`ETHERNET`] and the others.
    pub(crate) layers: u8,
    /// The IP protocol number; 0 without IP.
    pub(crate) protocol: u8,
    /// Where the transport header begins in the frame; at least 34 if a bit of ports is set.
    pub(crate) transport: u16,
}

/// Looks at a frame. Never reads beyond it, and never fails: what is not in order has no bit.
#[inline]
pub(crate) fn shape(frame: &[u8]) -> Shape {
    let Some(ethernet) = ethernet::View::new_checked(frame) else {
        return Shape { layers: 0, protocol: 0, transport: 0 };
    };
    let ip = match ethernet.ether_type() {
        ethernet::IPV4 => shape_ipv4(ethernet.payload()),
        ethernet::IPV6 => shape_ipv6(ethernet.payload()),
        _ => None,
    };
    ip.unwrap_or(Shape { layers: ETHERNET, protocol: 0, transport: 0 })
}

#[inline]
fn shape_ipv4(packet: &[u8]) -> Option<Shape> {
    let ip = ipv4::View::new_checked(packet)?;
    let protocol = ip.protocol();
    let ports = !ip.is_fragment() && ports_in_order(protocol, ip.payload());
    Some(Shape {
        layers: ETHERNET | IPV4 | if ports { IPV4_PORTS } else { 0 },
        protocol,
        transport: (ethernet::HEADER + ip.header_length()) as u16,
    })
}

#[inline]
fn shape_ipv6(packet: &[u8]) -> Option<Shape> {
    let ip = ipv6::View::new_checked(packet)?;
    let protocol = ip.next_header();
    if ipv6::is_extension(protocol) {
        return None;
    }
    let ports = ports_in_order(protocol, ip.payload());
    Some(Shape {
        layers: ETHERNET | IPV6 | if ports { IPV6_PORTS } else { 0 },
        protocol,
        transport: (ethernet::HEADER + ipv6::HEADER) as u16,
    })
}

#[inline]
fn ports_in_order(protocol: u8, payload: &[u8]) -> bool {
    match protocol {
        TCP => tcp::View::new_checked(payload).is_some(),
        UDP => udp::View::new_checked(payload).is_some(),
        _ => false,
    }
}
