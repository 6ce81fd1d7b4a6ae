//! Collecting header fields into words, compiled.
//!
//! A list of fields is turned into *pieces*: runs of header bytes that lie behind one another both
//! in the frame and in one word of the key. Source and destination address of IPv4 become one
//! piece, the two ports another. Each piece is one 8-byte load, a shift, a mask and a shift. The
//! load *ends* where the piece ends (or begins where the frame does), so that it stays within
//! headers that the frame's shape has proved to be there.

use crate::headers::{ethernet, ipv6};
use crate::key::WORDS;
use crate::rules::{Field, Layer};

/// Where a piece's offset counts from: the frame, or 8 bytes before the transport header.
const FRAME: u8 = 0;
const BEFORE_TRANSPORT: u8 = 1;

#[derive(Clone, Copy, Debug)]
struct Piece {
    mask: u64,
    base: u8,
    load: u8,
    right: u8,
    left: u8,
    word: u8,
}

/// A compiled list of fields.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    pieces: Box<[Piece]>,
    byte_count: u8,
}

impl Gather {
    /// Compiles a list of fields that the layer has, of at most `KEY_BYTES_MAX` bytes in all.
    pub(crate) fn new(layer: Layer, fields: &[Field]) -> Self {
        let sources: Vec<Source> =
            fields.iter().flat_map(|field| field_sources(layer, *field)).collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < sources.len() {
            let in_word = 8 - at % 8;
            let run = sources[at..]
                .iter()
                .take(in_word)
                .enumerate()
                .take_while(|(i, source)| **source == sources[at].plus(*i))
                .count();
            pieces.push(piece(sources[at], run, at));
            at += run;
        }
        Self { pieces: pieces.into_boxed_slice(), byte_count: sources.len() as u8 }
    }

    /// How many bytes it collects.
    #[inline]
    pub(crate) fn byte_count(&self) -> u8 {
        self.byte_count
    }

    /// Collects the bytes of a frame whose transport header begins at `transport`. The last word
    /// is free. A byte that the frame does not have reads as part of a 0 word; none is missing
    /// where the rule's layer is in the frame's shape.
    #[inline]
    pub(crate) fn collect(&self, frame: &[u8], transport: u16) -> [u64; WORDS + 1] {
        let bases = [0, usize::from(transport).saturating_sub(8)];
        let mut words = [0; WORDS + 1];
        for piece in &self.pieces {
            let at = bases[usize::from(piece.base & 1)] + usize::from(piece.load);
            let loaded = load(frame, at);
            let value = (loaded >> (piece.right & 63)) & piece.mask;
            words[usize::from(piece.word) & WORDS] |= value << (piece.left & 63);
        }
        words
    }
}

#[inline]
fn load(frame: &[u8], at: usize) -> u64 {
    match frame.get(at..at + 8).and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => 0,
    }
}

/// One byte of a header: its base and its offset from there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Source {
    base: u8,
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

fn piece(first: Source, length: usize, at: usize) -> Piece {
    const { assert!(ethernet::HEADER + ipv6::HEADER < 256) };
    let end = first.offset + length;
    let load = end.saturating_sub(8);
    Piece {
        mask: u64::MAX >> (64 - 8 * length),
        base: first.base,
        load: load as u8,
        right: (8 * (load + 8 - end)) as u8,
        left: (8 * (8 - at % 8 - length)) as u8,
        word: (at / 8) as u8,
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
    fn neighbours_in_frame_and_word_are_one_load() {
        let five = [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
        assert_eq!(Gather::new(Layer::Ipv4, &five).pieces.len(), 3);
    }

    #[test]
    fn a_frame_that_ends_early_reads_as_nothing() {
        let gather = Gather::new(Layer::Ipv4, &[SourceAddress]);
        assert_eq!(gather.collect(&[1; 29], 0), [0; WORDS + 1]);
        assert_eq!(Gather::new(Layer::Ipv4, &[SourcePort]).collect(&[], 0), [0; WORDS + 1]);
    }
}
