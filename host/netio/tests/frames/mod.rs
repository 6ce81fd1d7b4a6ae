//! Hand-made frames for the tests: every header by its bytes.

#![allow(dead_code, reason = "each test binary uses some of it")]

use nfos_netio::{Field, KeyRule, Layer, SetRules};

/// 10.0.0.1:4660 → 198.51.100.2:80, TCP, 4 bytes of payload, 2 of padding.
pub(crate) const TCP4: [u8; 60] = [
    0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, // Ethernet
    0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 198, 51, 100, 2, // IPv4
    0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0, // TCP
    1, 2, 3, 4, 0xee, 0xee,
];

/// The answer to [`TCP4`].
pub(crate) const TCP4_BACK: [u8; 60] = [
    0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00, // Ethernet
    0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 2, 10, 0, 0, 1, // IPv4
    0, 80, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0, // TCP
    1, 2, 3, 4, 0xee, 0xee,
];

/// 10.0.0.1:4660 → 198.51.100.2:53, UDP without payload, nothing behind it.
pub(crate) const UDP4: [u8; 42] = [
    0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, // Ethernet
    0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 198, 51, 100, 2, // IPv4
    0x12, 0x34, 0, 53, 0, 8, 0, 0, // UDP
];

/// The same behind four bytes of options.
pub(crate) const UDP4_OPTIONS: [u8; 46] = [
    0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, // Ethernet
    0x46, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 198, 51, 100, 2, // IPv4
    1, 1, 1, 0, // no operation, end of options
    0x12, 0x34, 0, 53, 0, 8, 0, 0, // UDP
];

/// 2001:db8::1 → 2001:db8::2, UDP, ports 4660 and 53.
pub(crate) const UDP6: [u8; 62] = [
    0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x86, 0xdd, // Ethernet
    0x60, 0, 0, 0, 0, 8, 17, 64, // IPv6
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, //
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, //
    0x12, 0x34, 0, 53, 0, 8, 0, 0, // UDP
];

/// An ARP request.
pub(crate) const ARP: [u8; 42] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
    0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0,
    2, // ARP
];

/// [`UDP4`] with a VLAN tag.
pub(crate) const VLAN: [u8; 46] = {
    let mut frame = [0; 46];
    let mut at = 0;
    while at < 46 {
        frame[at] = match at {
            0..12 => UDP4[at],
            12 => 0x81,
            13 => 0,
            14 | 15 => 7,
            _ => UDP4[at - 4],
        };
        at += 1;
    }
    frame
};

/// One of each kind.
pub(crate) const ALL: [&[u8]; 7] = [&TCP4, &TCP4_BACK, &UDP4, &UDP4_OPTIONS, &UDP6, &ARP, &VLAN];

/// A frame with one byte changed.
pub(crate) fn with(frame: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at] = byte;
    frame
}

/// A rule without symmetry.
pub(crate) fn rule(ports: &[u16], layer: Layer, protocols: &[u8], key: &[Field]) -> KeyRule {
    KeyRule {
        ports: ports.to_vec(),
        layer,
        protocols: protocols.to_vec(),
        key: key.to_vec(),
        symmetric: false,
    }
}

/// Source and destination, then the protocol.
pub(crate) const FORTH: [Field; 5] = [
    Field::SourceAddress,
    Field::DestinationAddress,
    Field::SourcePort,
    Field::DestinationPort,
    Field::Protocol,
];

/// Destination and source, then the protocol.
pub(crate) const BACK: [Field; 5] = [
    Field::DestinationAddress,
    Field::SourceAddress,
    Field::DestinationPort,
    Field::SourcePort,
    Field::Protocol,
];

/// The firewall's sessions: oriented by ingress port.
pub(crate) fn sessions() -> SetRules {
    SetRules {
        name: "sessions".to_string(),
        rules: vec![
            rule(&[0], Layer::Ipv4, &[6, 17], &FORTH),
            rule(&[1], Layer::Ipv4, &[6, 17], &BACK),
        ],
    }
}
