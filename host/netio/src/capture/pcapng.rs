//! The pcapng format (IETF draft-ietf-opsawg-pcapng): blocks, each with its type and its length at
//! both ends. Read are section headers, interface descriptions and the three kinds of packet
//! blocks; all others are passed over.

use super::error::{CaptureError, CaptureFault, LinkType};
use super::reader::{ByteOrder, Head, fill_packet};
use super::source::{Filled, Source};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// Interface descriptions are small; one beyond this is damaged.
const DESCRIPTION_BYTES_MAX: usize = 16 * 1024;
const INTERFACES_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_length: u32,
    units: TimeUnits,
    offset_s: i64,
}

/// A block whose type and length have been read.
#[derive(Clone, Copy)]
struct Block {
    at: u64,
    kind: u32,
    /// Bytes between its head and its trailing length.
    body: u64,
}

impl Pcapng {
    /// The first four bytes: a section header's type, the same in both byte orders.
    pub(super) const MAGIC: [u8; 4] = SECTION.to_be_bytes();

    /// Reads the first section header, whose type has been read.
    pub(super) fn open(source: &mut Source) -> Result<Self, CaptureError> {
        let mut pcapng = Self { order: ByteOrder::Little, interfaces: Vec::new() };
        let mut length = [0; 4];
        if source.fill(&mut length)? != Filled::Whole {
            return Err(source.fail(CaptureFault::NotACapture));
        }
        pcapng.section(source, 0, length)?;
        Ok(pcapng)
    }

    /// Reads up to the next packet, and that into the buffer.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        packet: u64,
        buffer: &mut [u8],
    ) -> Result<Option<Head>, CaptureError> {
        loop {
            let at = source.at();
            let mut head = [0; 8];
            match source.fill(&mut head)? {
                Filled::Whole => {}
                Filled::Nothing => return Ok(None),
                Filled::Part => return Err(source.fail(CaptureFault::Truncated { packet, at })),
            }
            let kind = self.order.u32(&head, 0);
            if kind == SECTION {
                self.section(source, at, [head[4], head[5], head[6], head[7]])?;
                continue;
            }
            let length = self.order.u32(&head, 4);
            let block = Block { at, kind, body: body_length(source, at, length)? };
            match kind {
                INTERFACE => self.interface(source, block)?,
                OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    return self.packet(source, block, packet, buffer).map(Some);
                }
                _ => {
                    self.whole(source, packet, at, |source| source.skip(block.body))?;
                    self.trailer(source, block)?;
                }
            }
        }
    }

    /// A section header: from here on numbers are in its byte order, and interfaces count anew.
    fn section(
        &mut self,
        source: &mut Source,
        at: u64,
        length: [u8; 4],
    ) -> Result<(), CaptureError> {
        let mut head = [0; 16];
        if source.fill(&mut head)? != Filled::Whole {
            return Err(damaged(source, at, "its section header is cut off"));
        }
        self.order = match head.first_chunk() {
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => ByteOrder::Big,
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => ByteOrder::Little,
            _ => return Err(damaged(source, at, "its byte-order mark is neither order's")),
        };
        if self.order.u16(&head, 4) != 1 {
            return Err(damaged(source, at, "its version is not 1"));
        }
        self.interfaces.clear();
        let body = body_length(source, at, self.order.u32(&length, 0))?;
        let Some(rest) = body.checked_sub(16) else {
            return Err(damaged(source, at, "its section header is too short"));
        };
        if source.skip(rest)? != Filled::Whole {
            return Err(damaged(source, at, "its section header is cut off"));
        }
        self.trailer(source, Block { at, kind: SECTION, body })
    }

    fn interface(&mut self, source: &mut Source, block: Block) -> Result<(), CaptureError> {
        let at = block.at;
        let mut body = [0; DESCRIPTION_BYTES_MAX];
        let Some(body) = body.get_mut(..block.body as usize).filter(|body| body.len() >= 8) else {
            return Err(damaged(source, at, "an interface description of this length cannot be"));
        };
        if source.fill(body)? != Filled::Whole {
            return Err(damaged(source, at, "its interface description is cut off"));
        }
        if self.interfaces.len() == INTERFACES_MAX {
            return Err(damaged(source, at, "it is one interface too many"));
        }
        let mut interface = Interface {
            link: LinkType(self.order.u16(body, 0).into()),
            snap_length: self.order.u32(body, 4),
            units: TimeUnits::MICROSECONDS,
            offset_s: 0,
        };
        self.options(&body[8..], &mut interface);
        self.interfaces.push(interface);
        self.trailer(source, block)
    }

    /// Takes in the options that matter. A list that breaks off ends there.
    fn options(&self, mut options: &[u8], interface: &mut Interface) {
        while let Some((head, rest)) = options.split_first_chunk::<4>() {
            let (code, length) = (self.order.u16(head, 0), usize::from(self.order.u16(head, 2)));
            let Some(value) = rest.get(..length) else { return };
            match (code, value) {
                (0, _) => return,
                (OPTION_TIME_RESOLUTION, [units]) => interface.units = TimeUnits::new(*units),
                (OPTION_TIME_OFFSET, [_, _, _, _, _, _, _, _]) => {
                    let (a, b) = (self.order.u32(value, 0), self.order.u32(value, 4));
                    let (high, low) = if self.order == ByteOrder::Big { (a, b) } else { (b, a) };
                    interface.offset_s = (u64::from(high) << 32 | u64::from(low)) as i64;
                }
                _ => {}
            }
            options = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        }
    }

    fn packet(
        &self,
        source: &mut Source,
        block: Block,
        packet: u64,
        buffer: &mut [u8],
    ) -> Result<Head, CaptureError> {
        let at = block.at;
        let fixed = if block.kind == SIMPLE_PACKET { 4 } else { 20 };
        let mut head = [0; 20];
        if block.body < fixed {
            return Err(damaged(source, at, "it is too short for a packet"));
        }
        let fixed_part = &mut head[..fixed as usize];
        self.whole(source, packet, at, |source| source.fill(fixed_part))?;
        let number = |at| self.order.u32(&head, at);
        let index = match block.kind {
            SIMPLE_PACKET => 0,
            OLD_PACKET => usize::from(self.order.u16(&head, 0)),
            _ => number(0) as usize,
        };
        let Some(interface) = self.interfaces.get(index) else {
            return Err(damaged(source, at, "its interface is not described before it"));
        };
        if interface.link != LinkType::ETHERNET {
            return Err(source.fail(CaptureFault::LinkType(interface.link)));
        }
        let (timestamp_ns, captured, wire_length) = if block.kind == SIMPLE_PACKET {
            let cut = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
            (0, number(0).min(cut), number(0))
        } else {
            let ticks = u64::from(number(4)) << 32 | u64::from(number(8));
            (interface.nanoseconds(ticks), number(12), number(16))
        };
        let Some(rest) = (block.body - fixed).checked_sub(captured.into()) else {
            return Err(damaged(source, at, "its packet is longer than the block"));
        };
        let length = fill_packet(source, packet, at, captured, buffer)?;
        self.whole(source, packet, at, |source| source.skip(rest))?;
        self.trailer(source, block)?;
        Ok(Head { timestamp_ns, wire_length, length })
    }

    /// Does a step that must find all its bytes.
    fn whole(
        &self,
        source: &mut Source,
        packet: u64,
        at: u64,
        step: impl FnOnce(&mut Source) -> Result<Filled, CaptureError>,
    ) -> Result<(), CaptureError> {
        match step(source)? {
            Filled::Whole => Ok(()),
            _ => Err(source.fail(CaptureFault::Truncated { packet, at })),
        }
    }

    /// The length at a block's end must be that at its beginning.
    fn trailer(&self, source: &mut Source, block: Block) -> Result<(), CaptureError> {
        let mut length = [0; 4];
        if source.fill(&mut length)? != Filled::Whole {
            return Err(damaged(source, block.at, "it is cut off"));
        }
        match u64::from(self.order.u32(&length, 0)) == block.body + 12 {
            true => Ok(()),
            false => Err(damaged(source, block.at, "the lengths at its two ends differ")),
        }
    }
}

impl Interface {
    /// Times before 1970 count as its beginning.
    fn nanoseconds(&self, ticks: u64) -> u64 {
        let since = self.units.nanoseconds(ticks) as i128;
        let all = since + i128::from(self.offset_s) * 1_000_000_000;
        u64::try_from(all.max(0)).unwrap_or(u64::MAX)
    }
}

/// Ticks per second, from the option `if_tsresol`.
#[derive(Clone, Copy, Debug)]
struct TimeUnits(u8);

impl TimeUnits {
    const MICROSECONDS: Self = Self(6);

    fn new(option: u8) -> Self {
        Self(option)
    }

    fn nanoseconds(self, ticks: u64) -> u64 {
        let exponent = u32::from(self.0 & 0x7f);
        let ticks_ns = u128::from(ticks) * 1_000_000_000;
        let per_second = match self.0 & 0x80 {
            0 => 10u128.checked_pow(exponent),
            _ => 1u128.checked_shl(exponent),
        };
        // More ticks per second than fit 128 bits make every time that 64 bits can hold 0.
        per_second.map_or(0, |per_second| u64::try_from(ticks_ns / per_second).unwrap_or(u64::MAX))
    }
}

fn body_length(source: &Source, at: u64, length: u32) -> Result<u64, CaptureError> {
    match length {
        12.. if length.is_multiple_of(4) => Ok(u64::from(length) - 12),
        _ => Err(damaged(source, at, "its length is no multiple of 4 from 12 on")),
    }
}

fn damaged(source: &Source, at: u64, what: &'static str) -> CaptureError {
    source.fail(CaptureFault::Block { at, what })
}
