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

/// Whether a payload begins with a TCP or UDP header in order: what the views of
/// [`super::tcp`] and [`super::udp`] check, without a branch on the protocol, since a
/// mixture of both is what no branch predictor can foresee.
#[inline]
fn ports_in_order(protocol: u8, payload: &[u8]) -> bool {
    let is_tcp = protocol == TCP;
    // The least length, where the header's own length stands, and its unit.
    let (least, at) = if is_tcp { (tcp::HEADER, 12) } else { (udp::HEADER, 4) };
    let Some(field) = payload.get(at..at + 2).and_then(|field| field.first_chunk()) else {
        return false;
    };
    let field = usize::from(u16::from_be_bytes(*field));
    let claimed = if is_tcp { field >> 12 << 2 } else { field };
    (is_tcp | (protocol == UDP)) & (claimed >= least) & (claimed <= payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_in_order_exactly_where_the_views_say_so() {
        let mut in_order = 0;
        for length in 0..48 {
            for field in (0..=0xffffu16).step_by(7) {
                let mut payload = vec![0; length];
                for at in [4, 12] {
                    if let Some(place) = payload.get_mut(at..at + 2) {
                        place.copy_from_slice(&((field % 60) | (field & 0xf000)).to_be_bytes());
                    }
                }
                let is_tcp = tcp::View::new_checked(&payload).is_some();
                let is_udp = udp::View::new_checked(&payload).is_some();
                assert_eq!(ports_in_order(TCP, &payload), is_tcp, "{payload:x?}");
                assert_eq!(ports_in_order(UDP, &payload), is_udp, "{payload:x?}");
                assert!(!ports_in_order(1, &payload));
                in_order += u32::from(is_tcp) + u32::from(is_udp);
            }
        }
        assert!(in_order > 1000);
    }
}
