//! What an event is, in the byte that a conflict names it by.

use nfos_engine::exchange::EventKind;

/// The bits of the port.
const PORT: u8 = 0x1f;

/// Where an event came from: its kind, if it is one of a burst, and its ingress port, if it has a
/// packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventOrigin {
    /// The kind's number and 1; 0: `init` or `exit`.
    kind: u8,
    /// As many as it can be: no packet, or a port from 31 on if it was packed.
    port: u16,
}

/// In the order of their numbers.
const KINDS: [EventKind; 5] = [
    EventKind::InitPacketSet,
    EventKind::Packet,
    EventKind::ExpiredPacketSet,
    EventKind::OrphanPacket,
    EventKind::Periodic,
];

impl Default for EventOrigin {
    /// Of an event of which nothing is said.
    fn default() -> Self {
        Self { kind: 0, port: u16::MAX }
    }
}

impl EventOrigin {
    /// Of an event of a burst.
    #[inline(always)]
    pub(crate) fn new(kind: EventKind, port: Option<u16>) -> Self {
        Self { kind: kind as u8 + 1, port: port.unwrap_or(u16::MAX) }
    }

    /// In one byte, the kind in the three top bits.
    #[inline(always)]
    pub(crate) fn pack(self) -> u8 {
        self.kind << 5 | self.port.min(PORT.into()) as u8
    }

    /// From that byte.
    pub(crate) fn unpack(raw: u8) -> Self {
        let port = Some(raw & PORT).filter(|port| *port < PORT);
        Self { kind: raw >> 5, port: port.map_or(u16::MAX, u16::from) }
    }

    /// The ingress port, if it is known.
    pub(crate) fn port(self) -> Option<u16> {
        (self.port != u16::MAX).then_some(self.port)
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
        for kind in KINDS {
            for port in [None, Some(0), Some(30)] {
                let origin = EventOrigin::new(kind, port);
                let packed = origin.pack();
                assert_eq!(EventOrigin::unpack(packed), origin);
                assert_eq!((origin.port(), EventOrigin::kind_of(packed >> 5)), (port, Some(kind)));
            }
        }
        let none = EventOrigin::default().pack();
        assert_eq!(
            (EventOrigin::unpack(none).port(), EventOrigin::kind_of(none >> 5)),
            (None, None)
        );
        let far = EventOrigin::new(EventKind::Packet, Some(60));
        assert_eq!(EventOrigin::unpack(far.pack()).port(), None);
    }
}
