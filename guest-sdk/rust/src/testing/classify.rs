//! Which packet set a frame belongs to, read from a description's rules.

use crate::contract::{Description, Field, Layer, Rule};
use crate::packet_sets::{TCP, UDP};
use crate::wire::Ethernet;

/// The number of the definition and the key.
pub(super) type SetKey = (usize, Vec<u8>);

pub(super) fn set_of(description: &Description, port: u16, frame: &[u8]) -> Option<SetKey> {
    let rules = |at: usize| description.packet_sets[at].rules.iter();
    let key = |at: usize| rules(at).find_map(|rule| key(rule, port, frame));
    (0..description.packet_sets.len()).find_map(|at| Some((at, key(at)?)))
}

fn key(rule: &Rule, port: u16, frame: &[u8]) -> Option<Vec<u8>> {
    if !rule.ports.is_empty() && !rule.ports.contains(&port) {
        return None;
    }
    let reads_ports =
        rule.key.iter().any(|field| matches!(field, Field::SourcePort | Field::DestinationPort));
    let fields = Fields::read(rule.layer, frame, reads_ports)?;
    if !rule.protocols.is_empty() && !rule.protocols.contains(&fields.protocol) {
        return None;
    }
    let turned = rule.symmetric && fields.destination_first();
    Some(rule.key.iter().flat_map(|&field| fields.bytes(field, turned)).collect())
}

struct Fields {
    macs: [Vec<u8>; 2],
    addresses: [Vec<u8>; 2],
    ports: [u16; 2],
    protocol: u8,
}

impl Fields {
    fn read(layer: Layer, frame: &[u8], reads_ports: bool) -> Option<Self> {
        let mut frame = frame.to_owned();
        let wire_length = frame.len();
        let ethernet = Ethernet::new_checked(&mut frame, wire_length).ok()?;
        let macs = [ethernet.source(), ethernet.destination()].map(|mac| mac.octets().to_vec());
        let mut fields = Self { macs, addresses: [vec![], vec![]], ports: [0; 2], protocol: 0 };
        match layer {
            Layer::Ethernet => {}
            Layer::Ipv4 => {
                let mut ip = ethernet.into_ipv4().ok()?;
                fields.addresses =
                    [ip.source(), ip.destination()].map(|address| address.octets().to_vec());
                fields.protocol = ip.protocol();
                if reads_ports {
                    fields.ports = ports(ip.protocol(), ip.transport().ok()?)?;
                }
            }
            Layer::Ipv6 => {
                let mut ip = ethernet.into_ipv6().ok()?;
                fields.addresses =
                    [ip.source(), ip.destination()].map(|address| address.octets().to_vec());
                fields.protocol = ip.next_header();
                if reads_ports {
                    fields.ports = ports(ip.next_header(), ip.transport().ok()?)?;
                }
            }
        }
        Some(fields)
    }

    fn destination_first(&self) -> bool {
        let end = |at: usize| (&self.addresses[at], self.ports[at], &self.macs[at]);
        end(1) < end(0)
    }

    fn bytes(&self, field: Field, turned: bool) -> Vec<u8> {
        let (from, to) = if turned { (1, 0) } else { (0, 1) };
        match field {
            Field::SourceMac => self.macs[from].clone(),
            Field::DestinationMac => self.macs[to].clone(),
            Field::SourceAddress => self.addresses[from].clone(),
            Field::DestinationAddress => self.addresses[to].clone(),
            Field::SourcePort => self.ports[from].to_be_bytes().to_vec(),
            Field::DestinationPort => self.ports[to].to_be_bytes().to_vec(),
            Field::Protocol => vec![self.protocol],
        }
    }
}

fn ports(protocol: u8, transport: crate::wire::Transport<'_>) -> Option<[u16; 2]> {
    use crate::wire::Transport;
    match transport {
        Transport::Tcp(tcp) if protocol == TCP => Some([tcp.source_port(), tcp.destination_port()]),
        Transport::Udp(udp) if protocol == UDP => Some([udp.source_port(), udp.destination_port()]),
        _ => None,
    }
}
