//! Collecting header fields into words, compiled.
//!
//! A list of fields is turned into *pieces*: runs of header bytes that lie behind one another both
//! in the frame and in one word of the key. Source and destination address of IPv4 become one
//! piece, the two ports another. Each piece is one 8-byte load, a rotation and a mask. The load
//! *ends* where the piece ends (or begins where the frame does), so that it stays within headers
//! that the frame's shape has proved to be there. The usual list of all, the 5-tuple of IPv4, needs
//! no pieces.

use crate::headers::ethernet;
use crate::headers::shape::Plain;
use crate::key::WORDS;
use crate::rules::{Field, Layer};

/// Where a piece's offset counts from: the frame, or 8 bytes before the transport header. As a mask
/// for the place of the latter.
const FRAME: u16 = 0;
const BEFORE_TRANSPORT: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Which bits of the word it gives.
    mask: u64,
    base: u16,
    load: u16,
    rotate: u8,
}

/// A compiled list of fields: the pieces of each word.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    words: [Box<[Piece]>; WORDS],
    byte_count: u8,
    five_tuple: Option<FiveTuple>,
}

/// Addresses, ports and protocol of IPv4, in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FiveTuple {
    /// By how many bits the addresses are rotated, and twice the ports: 0 puts the source first, 32
    /// the destination. A number and no branch, since packets of both directions take turns.
    turn: u32,
}

impl FiveTuple {
    fn of(layer: Layer, fields: &[Field]) -> Option<Self> {
        use Field::{DestinationAddress, DestinationPort, Protocol, SourceAddress, SourcePort};
        let turn = match (layer, fields) {
            (
                Layer::Ipv4,
                [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol],
            ) => 0,
            (
                Layer::Ipv4,
                [DestinationAddress, SourceAddress, DestinationPort, SourcePort, Protocol],
            ) => 32,
            _ => return None,
        };
        Some(Self { turn })
    }

    /// The two words of the key; `None` if the frame ends before.
    #[inline(always)]
    fn collect(self, frame: &[u8], transport: u16) -> Option<[u64; 2]> {
        let header: &[u8; ADDRESSES + 8] = frame.first_chunk()?;
        let ports = *frame.get(transport.into()..)?.first_chunk()?;
        Some(self.words(u64::from_be_bytes(*header.last_chunk()?), ports, header[PROTOCOL]))
    }

    /// The same of a frame whose ports follow the addresses.
    #[inline(always)]
    pub(crate) fn collect_plain(self, Plain { header, protocol }: Plain<'_>) -> [u64; 2] {
        let (addresses, ports) = header[ADDRESSES..].split_at(8);
        let addresses = addresses.first_chunk().expect("eight bytes");
        let ports = ports.first_chunk().expect("four more");
        self.words(u64::from_be_bytes(*addresses), *ports, protocol)
    }

    #[inline(always)]
    fn words(self, addresses: u64, ports: [u8; 4], protocol: u8) -> [u64; 2] {
        let ports = u64::from(u32::from_be_bytes(ports).rotate_left(self.turn / 2)) << 32;
        [addresses.rotate_left(self.turn), ports | u64::from(protocol) << 24]
    }
}

/// Where the addresses of IPv4 and its protocol lie in a frame.
const ADDRESSES: usize = ethernet::HEADER + 12;
const PROTOCOL: usize = ethernet::HEADER + 9;

impl Gather {
    /// Compiles a list of fields that the layer has, of at most `KEY_BYTES_MAX` bytes in all.
    pub(crate) fn new(layer: Layer, fields: &[Field]) -> Self {
        let sources: Vec<Source> =
            fields.iter().flat_map(|field| field_sources(layer, *field)).collect();
        let mut words = sources.chunks(8).map(compile_word);
        Self {
            words: std::array::from_fn(|_| words.next().unwrap_or_default()),
            byte_count: sources.len() as u8,
            five_tuple: FiveTuple::of(layer, fields),
        }
    }

    /// What it is, if it is that.
    #[inline]
    pub(crate) fn five_tuple(&self) -> Option<FiveTuple> {
        self.five_tuple
    }

    /// How many bytes it collects.
    #[inline]
    pub(crate) fn byte_count(&self) -> u8 {
        self.byte_count
    }

    /// Collects the bytes of a frame whose transport header begins at `transport`. The last word
    /// is free. A byte that the frame does not have reads as part of a 0 word; none is missing
    /// where the rule's layer is in the frame's shape.
    #[inline(always)]
    pub(crate) fn collect(&self, frame: &[u8], transport: u16) -> [u64; WORDS + 1] {
        if let Some(five_tuple) = self.five_tuple
            && let Some([first, second]) = five_tuple.collect(frame, transport)
        {
            return [first, second, 0, 0, 0, 0, 0, 0];
        }
        // Both words have an index that the compiler knows, so that short keys stay in registers
        // on their way to where they are compared.
        let before_transport = transport.saturating_sub(8);
        let word = |index: usize| collect_word(&self.words[index], frame, before_transport);
        match self.byte_count {
            ..=16 => [word(0), word(1), 0, 0, 0, 0, 0, 0],
            _ => self.collect_long(frame, before_transport),
        }
    }

    /// The first two words of what it collects, all of it if that is at most 16 bytes.
    #[inline(always)]
    pub(crate) fn collect_short(&self, frame: &[u8], transport: u16) -> [u64; 2] {
        let before_transport = transport.saturating_sub(8);
        [0, 1].map(|index| collect_word(&self.words[index], frame, before_transport))
    }

    /// Collects by this list and by that of the other direction, and gives the smaller of both.
    #[inline(never)]
    pub(crate) fn collect_smaller(
        &self,
        reverse: &Self,
        frame: &[u8],
        transport: u16,
    ) -> [u64; WORDS + 1] {
        self.collect(frame, transport).min(reverse.collect(frame, transport))
    }

    #[inline(never)]
    fn collect_long(&self, frame: &[u8], before_transport: u16) -> [u64; WORDS + 1] {
        let mut words = [0; WORDS + 1];
        for (word, pieces) in words.iter_mut().zip(&self.words) {
            *word = collect_word(pieces, frame, before_transport);
        }
        words
    }
}

#[inline(always)]
fn collect_word(pieces: &[Piece], frame: &[u8], before_transport: u16) -> u64 {
    pieces.iter().fold(0, |word, piece| {
        let at = usize::from(piece.load) + usize::from(before_transport & piece.base);
        let loaded = match frame.get(at..at + 8).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => 0,
        };
        word | loaded.rotate_left(piece.rotate.into()) & piece.mask
    })
}

/// The pieces of a word of up to eight bytes.
fn compile_word(sources: &[Source]) -> Box<[Piece]> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(first) = sources.get(at) {
        let run = sources[at..].iter().enumerate();
        let length = run.take_while(|(i, source)| **source == first.plus(*i)).count();
        pieces.push(piece(*first, length, at));
        at += length;
    }
    pieces.into_boxed_slice()
}

/// One byte of a header: its base and its offset from there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Source {
    base: u16,
    offset: usize,
}

impl Source {
    fn plus(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes, ..self }
    }
}

fn field_sources(layer: Layer, field: Field) -> impl Iterator<Item = Source> {
    const IP: usize = ethernet::HEADER;
    let count = field.byte_count(layer).expect("rules are checked before they are compiled");
    let ipv6 = layer == Layer::Ipv6;
    let (base, offset) = match field {
        Field::DestinationMac => (FRAME, 0),
        Field::SourceMac => (FRAME, 6),
        Field::SourceAddress => (FRAME, IP + if ipv6 { 8 } else { 12 }),
        Field::DestinationAddress => (FRAME, IP + if ipv6 { 24 } else { 16 }),
        Field::Protocol => (FRAME, IP + if ipv6 { 6 } else { 9 }),
        Field::SourcePort => (BEFORE_TRANSPORT, 8),
        Field::DestinationPort => (BEFORE_TRANSPORT, 10),
    };
    (0..count).map(move |i| Source { base, offset: offset + i })
}

/// The piece that gives bytes `at` to `at + length` of a word.
fn piece(first: Source, length: usize, at: usize) -> Piece {
    let end = first.offset + length;
    let load = end.saturating_sub(8);
    let right = 8 * (load + 8 - end);
    let left = 8 * (8 - at - length);
    Piece {
        mask: u64::MAX >> (64 - 8 * length) << left,
        base: first.base,
        load: load as u16,
        rotate: ((64 + left - right) % 64) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Field::*;

    fn frame() -> Vec<u8> {
        (0..90).collect()
    }

    fn collect(layer: Layer, fields: &[Field], transport: u16) -> Vec<u8> {
        let gather = Gather::new(layer, fields);
        let words = gather.collect(&frame(), transport);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert!(bytes[usize::from(gather.byte_count())..].iter().all(|byte| *byte == 0));
        bytes[..usize::from(gather.byte_count())].to_vec()
    }

    #[test]
    fn fields_come_from_their_places_in_the_order_asked_for() {
        let five = [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
        assert_eq!(
            collect(Layer::Ipv4, &five, 34),
            [26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 23]
        );
        let other = [DestinationAddress, SourceAddress, DestinationPort, SourcePort, Protocol];
        assert_eq!(
            collect(Layer::Ipv4, &other, 74),
            [30, 31, 32, 33, 26, 27, 28, 29, 76, 77, 74, 75, 23]
        );
        assert_eq!(collect(Layer::Ethernet, &[SourceMac], 0), [6, 7, 8, 9, 10, 11]);
        assert_eq!(
            collect(Layer::Ethernet, &[DestinationMac, SourceMac], 0),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
        );
        let mut expected = vec![20];
        expected.extend(22..58);
        assert_eq!(
            collect(
                Layer::Ipv6,
                &[Protocol, SourceAddress, DestinationAddress, SourcePort, DestinationPort],
                54
            ),
            expected
        );
    }

    #[test]
    fn a_five_tuple_is_what_its_pieces_collect() {
        let five = [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
        let other = [DestinationAddress, SourceAddress, DestinationPort, SourcePort, Protocol];
        for fields in [five, other] {
            let short = Gather::new(Layer::Ipv4, &fields);
            let pieces = Gather { five_tuple: None, ..short.clone() };
            assert!(short.five_tuple.is_some());
            for transport in 34..80 {
                for length in [0, 20, 33, 34, 37, 38, 60, 90] {
                    let frame = &frame()[..length];
                    let there = length >= usize::from(transport) + 4;
                    let collected = short.collect(frame, transport);
                    assert!(!there || collected[1] >> 32 != 0);
                    assert_eq!(collected, pieces.collect(frame, transport), "{transport} {length}");
                }
            }
        }
        assert!(Gather::new(Layer::Ipv6, &five).five_tuple.is_none());
        assert!(Gather::new(Layer::Ipv4, &five[..4]).five_tuple.is_none());
    }

    #[test]
    fn neighbours_in_frame_and_word_are_one_load() {
        let five = [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
        let gather = Gather::new(Layer::Ipv4, &five);
        assert_eq!(gather.words.iter().map(|pieces| pieces.len()).sum::<usize>(), 3);
    }

    #[test]
    fn a_frame_that_ends_early_reads_as_nothing() {
        let gather = Gather::new(Layer::Ipv4, &[SourceAddress]);
        assert_eq!(gather.collect(&[1; 29], 0), [0; WORDS + 1]);
        assert_eq!(Gather::new(Layer::Ipv4, &[SourcePort]).collect(&[], 0), [0; WORDS + 1]);
    }
}
