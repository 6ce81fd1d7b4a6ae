//! What a frame is, as far as a key must know: which layers are in order, and where the transport
//! header begins.

use super::{TCP, UDP, be16, ethernet, ipv4, ipv6, tcp, udp};

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
#[inline(always)]
pub(crate) fn shape(frame: &[u8]) -> Shape {
    match plain(frame, WITH_PORTS) {
        Some(Plain { protocol, .. }) => {
            let layers = ETHERNET | IPV4 | IPV4_PORTS;
            Shape { layers, protocol, transport: PLAIN_TRANSPORT as u16 }
        }
        None => shape_by_layers(frame),
    }
}

/// Where the transport header begins behind an IPv4 header without options.
const PLAIN_TRANSPORT: usize = ethernet::HEADER + ipv4::HEADER;

/// Bits of the protocols that have ports.
const WITH_PORTS: u64 = 1 << TCP | 1 << UDP;

/// What nearly all frames are: TCP or UDP in order, in an IPv4 packet that is in order, has no
/// options and is no fragment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a> {
    /// The headers, up to and with the ports.
    pub(crate) header: &'a [u8; PLAIN_TRANSPORT + 4],
    pub(crate) protocol: u8,
}

/// A frame as a plain one of a protocol whose bit is in `protocols`, if it is that: a few
/// comparisons instead of three views.
#[inline(always)]
pub(crate) fn plain(frame: &[u8], protocols: u64) -> Option<Plain<'_>> {
    const IP: usize = ethernet::HEADER;
    // In one load each: the Ethernet type, and version and header length of IP; and all of the
    // fragmentation field but `DF`.
    const START: u32 = u32::from_ne_bytes([0x08, 0x00, 0x45, 0]);
    const START_MASK: u32 = u32::from_ne_bytes([0xff, 0xff, 0xff, 0]);
    const FRAGMENT_MASK: u16 = 0x3fff_u16.to_be();
    let header: &[u8; PLAIN_TRANSPORT + 4] = frame.first_chunk()?;
    let start = u32::from_ne_bytes(*header[IP - 2..].first_chunk()?);
    let fragment = u16::from_ne_bytes(*header[IP + 6..].first_chunk()?);
    let (total_length, protocol) = (be16(header, IP + 2), header[IP + 9]);
    // A total length below that of the header is a payload of none.
    let payload = frame.get(PLAIN_TRANSPORT..IP + usize::from(total_length))?;
    let fits = protocol < 64 && protocols & WITH_PORTS & 1 << protocol != 0;
    let is_plain = start & START_MASK == START && fragment & FRAGMENT_MASK == 0 && fits;
    (is_plain && lengths_in_order(protocol == TCP, payload)).then_some(Plain { header, protocol })
}

#[inline(never)]
fn shape_by_layers(frame: &[u8]) -> Shape {
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
#[inline(always)]
fn ports_in_order(protocol: u8, payload: &[u8]) -> bool {
    let is_tcp = protocol == TCP;
    (is_tcp | (protocol == UDP)) & lengths_in_order(is_tcp, payload)
}

/// The same of a payload that begins with one or the other.
#[inline(always)]
fn lengths_in_order(is_tcp: bool, payload: &[u8]) -> bool {
    // The least length, where the header's own length stands, and its unit.
    let (least, at) = if is_tcp { (tcp::HEADER, 12) } else { (udp::HEADER, 4) };
    let Some(field) = payload.get(at..at + 2).and_then(|field| field.first_chunk()) else {
        return false;
    };
    let field = usize::from(u16::from_be_bytes(*field));
    let claimed = if is_tcp { field >> 12 << 2 } else { field };
    (claimed >= least) & (claimed <= payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TCP or UDP packet in IPv4, 60 bytes long, with bytes changed at some places.
    fn changed(protocol: u8, changes: &[(usize, u8)]) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0]);
        frame[17] = 46;
        frame[23] = protocol;
        match protocol {
            TCP => frame[46] = 0x50,
            _ => frame[39] = 26,
        }
        for &(at, byte) in changes {
            frame[at] = byte;
        }
        frame
    }

    #[test]
    fn a_plain_frame_has_the_shape_that_its_layers_have() {
        let (mut plains, mut others) = (0, 0);
        for protocol in [TCP, UDP, 1, 41] {
            for at in 12..48 {
                for byte in 0..=255 {
                    let frame = changed(protocol, &[(at, byte), (58, 1)]);
                    for length in [frame.len(), 54, 46, 42, 41, 20] {
                        let frame = &frame[..length];
                        assert_eq!(shape(frame), shape_by_layers(frame), "{frame:x?}");
                        *if plain(frame, WITH_PORTS).is_some() {
                            &mut plains
                        } else {
                            &mut others
                        } += 1;
                    }
                }
            }
        }
        assert!(plains > 1_000 && others > 1_000, "{plains} {others}");
    }

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
