//! The pcap format (IETF draft-ietf-opsawg-pcap): a head of 24 bytes, then records of 16 bytes and
//! the packet.

use super::error::{CaptureError, CaptureFault, LinkType};
use super::reader::{ByteOrder, Head, fill_packet};
use super::source::{Filled, Source};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// How a file's numbers are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    order: ByteOrder,
    ns_per_fraction: u64,
}

impl Pcap {
    /// What the first four bytes of a pcap file say; none if it is no such file.
    pub(super) fn of_magic(magic: [u8; 4]) -> Option<Self> {
        [ByteOrder::Big, ByteOrder::Little].into_iter().find_map(|order| {
            let ns_per_fraction = match order.u32(&magic, 0) {
                MICROSECONDS => 1_000,
                NANOSECONDS => 1,
                _ => return None,
            };
            Some(Self { order, ns_per_fraction })
        })
    }

    /// Reads the rest of the head.
    pub(super) fn open(self, source: &mut Source) -> Result<Self, CaptureError> {
        let mut head = [0; 20];
        if source.fill(&mut head)? != Filled::Whole {
            return Err(source.fail(CaptureFault::NotACapture));
        }
        let (major, minor) = (self.order.u16(&head, 0), self.order.u16(&head, 2));
        if major != 2 {
            return Err(source.fail(CaptureFault::Version(major, minor)));
        }
        // The upper half says whether frames end in a check sequence; the lower is the link type.
        let link = LinkType(self.order.u32(&head, 16) & 0xffff);
        match link {
            LinkType::ETHERNET => Ok(self),
            other => Err(source.fail(CaptureFault::LinkType(other))),
        }
    }

    /// Reads the next record, its packet into the buffer.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        packet: u64,
        buffer: &mut [u8],
    ) -> Result<Option<Head>, CaptureError> {
        let at = source.at();
        let mut head = [0; 16];
        match source.fill(&mut head)? {
            Filled::Whole => {}
            Filled::Nothing => return Ok(None),
            Filled::Part => return Err(source.fail(CaptureFault::Truncated { packet, at })),
        }
        let number = |at| self.order.u32(&head, at);
        let length = fill_packet(source, packet, at, number(8), buffer)?;
        let fraction_ns = u64::from(number(4)) * self.ns_per_fraction;
        Ok(Some(Head {
            timestamp_ns: u64::from(number(0)) * 1_000_000_000 + fraction_ns,
            wire_length: number(12),
            length,
        }))
    }
}
