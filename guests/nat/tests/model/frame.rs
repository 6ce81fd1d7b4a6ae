//! What the model reads of a frame and changes in it, byte by byte.

use std::ops::Range;

use super::Endpoint;

/// Where things are in a frame, and what they say.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) protocol: u8,
    pub(crate) addresses: (u32, u32),
    /// Address and port; of ICMP only the one that the identifier belongs to.
    pub(crate) source: Option<Endpoint>,
    pub(crate) destination: Option<Endpoint>,
    pub(crate) source_mac: [u8; 6],
    pub(crate) is_error: bool,
    /// What a TCP segment says: it ends, it lives, or nothing.
    pub(crate) closing: Option<bool>,
    transport: usize,
    end: usize,
    quotation: Option<Quotation>,
}

/// A quoted packet.
#[derive(Clone, Debug)]
pub(crate) struct Quotation {
    pub(crate) protocol: u8,
    pub(crate) source: Option<Endpoint>,
    pub(crate) destination: Option<Endpoint>,
    header: usize,
    transport: usize,
    first: bool,
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn address(bytes: &[u8], at: usize) -> u32 {
    u32::from(half(bytes, at)) << 16 | u32::from(half(bytes, at + 2))
}

impl Packet {
    pub(crate) fn check(frame: &[u8]) -> Result<Self, &'static str> {
        if frame.len() < 14 {
            return Err("truncated");
        }
        if half(frame, 12) != 0x0800 {
            return Err("not_ipv4");
        }
        if frame.len() < 34 {
            return Err("malformed_ip");
        }
        let (header, total) = (usize::from(frame[14] & 15) * 4, usize::from(half(frame, 16)));
        if frame[14] >> 4 != 4 || header < 20 || total < header || frame.len() < 14 + total {
            return Err("malformed_ip");
        }
        if half(frame, 20) & 0x3fff != 0 {
            return Err("fragment");
        }
        let (transport, length, end) = (14 + header, total - header, 14 + total);
        let sound = match frame[23] {
            6 => {
                length >= 20
                    && (20..=length).contains(&(usize::from(frame[transport + 12] >> 4) * 4))
            }
            17 => length >= 8 && (8..=length).contains(&usize::from(half(frame, transport + 4))),
            1 => length >= 8,
            _ => true,
        };
        if !sound {
            return Err("malformed_l4");
        }
        if frame[22] < 2 {
            return Err("ttl_expired");
        }
        let (kind, sender, receiver) = (frame[23], address(frame, 26), address(frame, 30));
        let port = |offset: usize| half(frame, transport + offset);
        let (source, destination, is_error) = match (kind, frame.get(transport)) {
            (6 | 17, _) => (Some(port(0)), Some(port(2)), false),
            (1, Some(8)) => (Some(port(4)), None, false),
            (1, Some(0)) => (None, Some(port(4)), false),
            (1, Some(3 | 11 | 12)) => (None, None, true),
            _ => return Err("unsupported_protocol"),
        };
        let closing = (kind == 6).then(|| {
            let (flags, data) =
                (frame[transport + 13], usize::from(frame[transport + 12] >> 4) * 4);
            match flags {
                flags if flags & 0b101 != 0 => Some(true),
                flags if flags & 0b010 != 0 || length > data => Some(false),
                _ => None,
            }
        });
        Ok(Self {
            protocol: kind,
            addresses: (sender, receiver),
            source: source.map(|port| (sender, port)),
            destination: destination.map(|port| (receiver, port)),
            source_mac: frame[6..12].try_into().expect("six bytes"),
            is_error,
            closing: closing.flatten(),
            transport,
            end,
            quotation: is_error.then(|| Quotation::find(frame, transport + 8, end)).flatten(),
        })
    }

    pub(crate) fn quoted(&self) -> Result<&Quotation, &'static str> {
        self.quotation.as_ref().ok_or("malformed_l4")
    }
}

impl Quotation {
    fn find(frame: &[u8], header: usize, end: usize) -> Option<Self> {
        if end - header < 20 || frame[header] >> 4 != 4 || frame[header] & 15 < 5 {
            return None;
        }
        let transport = header + usize::from(frame[header] & 15) * 4;
        if end < transport + 8 {
            return None;
        }
        let first = half(frame, header + 6) & 0x1fff == 0;
        let (protocol, kind) = (frame[header + 9], frame[transport]);
        let (source, destination) = match protocol {
            _ if !first => (None, None),
            6 | 17 => (Some(0), Some(2)),
            1 if kind == 8 => (Some(4), None),
            1 if kind == 0 => (None, Some(4)),
            _ => (None, None),
        };
        let port = |offset: usize| half(frame, transport + offset);
        Some(Self {
            protocol,
            source: source.map(|offset| (address(frame, header + 12), port(offset))),
            destination: destination.map(|offset| (address(frame, header + 16), port(offset))),
            header,
            transport,
            first,
        })
    }
}

/// How a frame changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    macs: [Option<[u8; 6]>; 2],
    addresses: [Option<u32>; 2],
    ports: [Option<u16>; 2],
    quoted: [Option<Endpoint>; 2],
}

impl Edit {
    pub(crate) fn source(mut self, (address, port): Endpoint) -> Self {
        (self.addresses[0], self.ports[0]) = (Some(address), Some(port));
        self
    }

    pub(crate) fn destination(mut self, (address, port): Endpoint) -> Self {
        (self.addresses[1], self.ports[1]) = (Some(address), Some(port));
        self
    }

    pub(crate) fn source_address(mut self, address: u32) -> Self {
        self.addresses[0] = Some(address);
        self
    }

    pub(crate) fn destination_address(mut self, address: u32) -> Self {
        self.addresses[1] = Some(address);
        self
    }

    pub(crate) fn quoted_source(mut self, endpoint: Endpoint) -> Self {
        self.quoted[0] = Some(endpoint);
        self
    }

    pub(crate) fn quoted_destination(mut self, endpoint: Endpoint) -> Self {
        self.quoted[1] = Some(endpoint);
        self
    }

    pub(crate) fn sender(mut self, mac: Option<[u8; 6]>) -> Self {
        self.macs[1] = mac;
        self
    }

    pub(crate) fn receiver(mut self, mac: [u8; 6]) -> Self {
        self.macs[0] = Some(mac);
        self
    }

    pub(crate) fn next_hop(mut self, mac: Option<[u8; 6]>) -> Self {
        self.macs[0] = self.macs[0].or(mac);
        self
    }

    /// The frame so changed, a hop further, with each checksum as right or wrong as it was.
    pub(crate) fn apply(&self, packet: &Packet, before: &[u8]) -> Vec<u8> {
        let mut frame = before.to_owned();
        for (at, mac) in [0, 6].into_iter().zip(self.macs) {
            mac.inspect(|mac| frame[at..at + 6].copy_from_slice(mac));
        }
        frame[22] -= 1;
        let ports = if packet.protocol == 1 { [4, 4] } else { [0, 2] };
        for (side, offset) in ports.into_iter().enumerate() {
            put_address(&mut frame, 26 + 4 * side, self.addresses[side]);
            put_port(&mut frame, packet.transport + offset, self.ports[side]);
        }
        if let Some(quotation) = &packet.quotation {
            self.quote(quotation, before, &mut frame, packet.end);
        }
        carry(before, &mut frame, 24, [0..0, 14..packet.transport]);
        let at = packet.transport + checksum_offset(packet.protocol);
        let end = match packet.protocol {
            17 => packet.transport + usize::from(half(before, packet.transport + 4)),
            _ => packet.end,
        };
        let covered = match packet.protocol {
            1 => [0..0, packet.transport..end],
            _ => [26..34, packet.transport..end],
        };
        carry_transport(before, &mut frame, packet.protocol, at, covered);
        frame
    }

    fn quote(&self, quotation: &Quotation, before: &[u8], frame: &mut [u8], end: usize) {
        let Quotation { header, transport, protocol, first, .. } = *quotation;
        let offsets = if protocol == 1 { [4, 4] } else { [0, 2] };
        for (side, offset) in offsets.into_iter().enumerate() {
            put_address(frame, header + 12 + 4 * side, self.quoted[side].map(|one| one.0));
            put_port(frame, transport + offset, self.quoted[side].map(|one| one.1));
        }
        carry(before, frame, header + 10, [0..0, header..transport]);
        let at = transport + checksum_offset(protocol);
        if first && at + 2 <= end {
            // Of what is covered only this can have changed.
            let covered = match protocol {
                1 => [0..0, transport + 4..transport + 8],
                _ => [header + 12..header + 20, transport..transport + 4],
            };
            carry_transport(before, frame, protocol, at, covered);
        }
    }
}

fn checksum_offset(protocol: u8) -> usize {
    match protocol {
        6 => 16,
        17 => 6,
        _ => 2,
    }
}

fn put_address(frame: &mut [u8], at: usize, address: Option<u32>) {
    address.inspect(|address| frame[at..at + 4].copy_from_slice(&address.to_be_bytes()));
}

fn put_port(frame: &mut [u8], at: usize, port: Option<u16>) {
    port.inspect(|port| frame[at..at + 2].copy_from_slice(&port.to_be_bytes()));
}

fn carry_transport(
    before: &[u8],
    frame: &mut [u8],
    protocol: u8,
    at: usize,
    covered: [Range<usize>; 2],
) {
    if protocol == 17 && half(before, at) == 0 {
        return;
    }
    carry(before, frame, at, covered);
    if protocol == 17 && half(frame, at) == 0 {
        frame[at..at + 2].fill(0xff);
    }
}

/// Moves the checksum at `at` by as much as the sum of what it covers has moved, modulo 65,535.
/// A right checksum so stays right, and a wrong one stays wrong.
fn carry(before: &[u8], frame: &mut [u8], at: usize, covered: [Range<usize>; 2]) {
    let sum = |bytes: &[u8]| -> u64 {
        let ranges = covered.iter().map(|range| &bytes[range.clone()]);
        let words = ranges.flat_map(|range| range.chunks(2));
        words.map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0))).sum()
    };
    let stored = u64::from(!half(before, at));
    // The checksum itself is among what is summed, but the same in both.
    let moved = (stored + sum(frame) + 0xffff * sum(before) - sum(before)) % 0xffff;
    let complement = if moved == 0 { 0xffff } else { moved as u16 };
    frame[at..at + 2].copy_from_slice(&(!complement).to_be_bytes());
}
