//! What an event is, in the byte that a conflict names it by.

use nfos_engine::exchange::EventKind;

/// The bits of the port.
const PORT: u8 = 0x1f;

/// Where an event came from: its kind, if it is one of a burst, and its ingress port, if it has a
/// packet and the port is below 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventOrigin {
    /// None: `init` or `exit`.
    pub kind: Option<EventKind>,
    /// None: no packet, or a port beyond.
    pub port: Option<u16>,
}

/// In the order of their numbers.
const KINDS: [EventKind; 5] = [
    EventKind::InitPacketSet,
    EventKind::Packet,
    EventKind::ExpiredPacketSet,
    EventKind::OrphanPacket,
    EventKind::Periodic,
];

impl EventOrigin {
    /// In one byte, the kind in the three top bits.
    #[inline]
    pub(crate) fn pack(self) -> u8 {
        let kind = self.kind.map_or(0, |kind| kind as u8 + 1);
        kind << 5 | self.port.map_or(PORT, |port| port.min(PORT.into()) as u8)
    }

    /// From that byte.
    pub(crate) fn unpack(raw: u8) -> Self {
        Self {
            kind: Self::kind_of(raw >> 5),
            port: Some(raw & PORT).filter(|p| *p < PORT).map(u16::from),
        }
    }

    /// From the three top bits.
    pub(crate) fn kind_of(number: u8) -> Option<EventKind> {
        KINDS.get(usize::from(number).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_survives_packing() {
        for kind in KINDS.map(Some).into_iter().chain([None]) {
            for port in [None, Some(0), Some(30)] {
                let origin = EventOrigin { kind, port };
                assert_eq!(EventOrigin::unpack(origin.pack()), origin);
            }
        }
        let far = EventOrigin { kind: None, port: Some(60) };
        assert_eq!(EventOrigin::unpack(far.pack()).port, None);
    }
}
