//! A packet: the bytes of a frame, where and when they arrived, and room to grow at the front.
//!
//! A frame has a buffer of its own, one allocation that lives as long as the frame. The bytes start
//! [`HEADROOM`] bytes into it, on a cache line of their own, so that a header that becomes longer
//! (a tunnel) moves only its own start, and what lies behind the header never moves. A frame that
//! came from a device holds the device's buffer instead, which goes on with it: to the device that
//! it leaves through, or back. Frames are made at start-up (see [`Pool`](crate::Pool)) and handed
//! from owner to owner. What is known of a frame beside its bytes, its [`Descriptor`], lies on a
//! cache line of its own, so that a frame is a pointer: on its way from port to port it changes
//! hands half a dozen times.

use crate::id::PortId;
use crate::lent::Lent;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes in front of a loaded frame that it may grow into.
pub const HEADROOM: usize = 128;

/// The longest frame there is: an Ethernet header and 65,535 bytes of payload.
pub const FRAME_BYTES_MAX: usize = 14 + 65_535;

const CACHE_LINE: usize = 64;

/// The bytes do not fit into the frame's buffer; the frame is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes do not fit where there is room for {room}")]
pub struct TooLong {
    /// Bytes that were to be stored.
    pub bytes: usize,
    /// Bytes there was room for.
    pub room: usize,
}

/// Copies bytes to where there is room for exactly as many.
///
/// Most frames are short, and to call what finds the best way to copy them takes longer than two
/// overlapping pieces that the compiler knows the size of.
///
/// # Panics
/// If the slices differ in length.
#[inline(always)]
pub fn copy_short(to: &mut [u8], from: &[u8]) {
    let copied = match to.len() {
        32..=64 => copy_in_two::<32>(to, from),
        // Such as the header of a frame.
        8..=16 => copy_in_two::<8>(to, from),
        _ => false,
    };
    if !copied {
        to.copy_from_slice(from);
    }
}

/// Copies from once to twice `PIECE` bytes; whether it did.
#[inline(always)]
fn copy_in_two<const PIECE: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<PIECE>(), from.last_chunk::<PIECE>())
    else {
        return false;
    };
    let same = to.len() == from.len();
    if same {
        to[..PIECE].copy_from_slice(first);
        let behind = to.len() - PIECE;
        to[behind..].copy_from_slice(last);
    }
    same
}

/// An owned packet with room for a fixed number of bytes.
pub struct Frame(Box<Descriptor>);

/// What is known of a frame beside its bytes; reached through the frame.
#[repr(align(64))]
pub struct Descriptor {
    buffer: Box<[u8]>,
    /// Where its bytes are, if not in `buffer`.
    lent: Option<Lent>,
    /// What came with the packet; free to read and to set.
    pub timestamp_ns: u64,
    /// Its place in the order of arrival, as its port counts.
    pub sequence: u64,
    /// Bytes of the frame on the wire, without the frame check sequence. More than
    /// [`Self::bytes`] holds where a capture cut the frame.
    pub wire_length: u32,
    length: u32,
    /// How often whoever has it has tried to handle it: 0 when it is loaded, and free to set.
    pub tries: u32,
    /// The port it came from.
    pub port: PortId,
    start: u16,
    /// `start` of a frame just loaded: the first cache line after the headroom.
    origin: u16,
}

impl Deref for Frame {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.0
    }
}

impl DerefMut for Frame {
    #[inline]
    fn deref_mut(&mut self) -> &mut Descriptor {
        &mut self.0
    }
}

impl Frame {
    /// An empty frame with room for `bytes_max` bytes behind the headroom.
    ///
    /// Allocates: for start-up only. `bytes_max` is at most [`FRAME_BYTES_MAX`]; more is cut to it.
    pub fn new(bytes_max: usize) -> Self {
        let mut frame = Self::without_room();
        frame.make_room(bytes_max);
        frame
    }

    /// A frame with no room at all.
    fn without_room() -> Self {
        Self(Box::new(Descriptor {
            buffer: Box::default(),
            lent: None,
            timestamp_ns: 0,
            sequence: 0,
            wire_length: 0,
            length: 0,
            tries: 0,
            port: PortId::new(0),
            start: 0,
            origin: 0,
        }))
    }

    /// As many frames as [`Self::new`] makes one, with their descriptors together: those of a burst
    /// lie on one page, and not each on the page that its buffer begins on.
    pub(crate) fn many(frames: usize, bytes_max: usize) -> Vec<Self> {
        let mut frames: Vec<Self> = (0..frames).map(|_| Self::without_room()).collect();
        frames.iter_mut().for_each(|frame| frame.make_room(bytes_max));
        frames
    }
}

impl Descriptor {
    fn make_room(&mut self, bytes_max: usize) {
        let bytes_max = bytes_max.min(FRAME_BYTES_MAX);
        self.buffer = vec![0; CACHE_LINE - 1 + HEADROOM + bytes_max].into_boxed_slice();
        let past_line = (self.buffer.as_ptr().addr() + HEADROOM) % CACHE_LINE;
        let to_line = (CACHE_LINE - past_line) % CACHE_LINE;
        self.origin = u16::try_from(HEADROOM + to_line).expect("both are below 2^15");
        self.start = self.origin;
    }

    /// The bytes of the frame.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        if let Some(lent) = &self.lent {
            return lent.bytes();
        }
        let start = usize::from(self.start);
        &self.buffer[start..start + self.length as usize]
    }

    /// The bytes of the frame, to change in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if let Some(lent) = &mut self.lent {
            return lent.bytes_mut();
        }
        let start = usize::from(self.start);
        &mut self.buffer[start..start + self.length as usize]
    }

    /// How many bytes it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether it holds none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many bytes it can be loaded with.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buffer.len() - usize::from(self.origin)
    }

    /// How many bytes it can grow by at its front.
    #[inline]
    pub fn headroom(&self) -> usize {
        if let Some(lent) = &self.lent {
            return lent.headroom();
        }
        HEADROOM.saturating_sub(usize::from(self.origin - self.start.min(self.origin)))
            + usize::from(self.start.saturating_sub(self.origin))
    }

    /// Makes it the packet given, with all its headroom.
    ///
    /// Cost: one copy.
    ///
    /// # Errors
    /// [`TooLong`] if `bytes` are more than [`Self::capacity`].
    #[inline]
    pub fn load(
        &mut self,
        bytes: &[u8],
        port: PortId,
        wire_length: u32,
        timestamp_ns: u64,
        sequence: u64,
    ) -> Result<(), TooLong> {
        self.copy(bytes)?;
        self.arrive(port, wire_length, timestamp_ns, sequence);
        Ok(())
    }

    /// Makes its bytes a copy of these, with all its headroom.
    #[inline]
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let start = usize::from(self.origin);
        let room = self.buffer.len() - start;
        let Some(place) = self.buffer.get_mut(start..start + bytes.len()) else {
            return Err(TooLong { bytes: bytes.len(), room });
        };
        copy_short(place, bytes);
        self.lent = None;
        self.start = self.origin;
        self.length = bytes.len() as u32;
        Ok(())
    }

    /// Notes where and when its bytes arrived: nobody has tried to handle them.
    #[inline]
    pub(crate) fn arrive(
        &mut self,
        port: PortId,
        wire_length: u32,
        timestamp_ns: u64,
        sequence: u64,
    ) {
        self.tries = 0;
        self.port = port;
        self.wire_length = wire_length;
        self.timestamp_ns = timestamp_ns;
        self.sequence = sequence;
    }

    /// Makes its bytes those in a device's buffer, which it holds from here on; how many there are.
    /// It holds none yet.
    #[cfg(feature = "dpdk")]
    #[inline]
    pub(crate) fn hold(&mut self, lent: Lent) -> usize {
        debug_assert!(self.lent.is_none(), "a frame holds one buffer at a time");
        let length = lent.bytes().len();
        self.length = length as u32;
        // There is none to give back.
        std::mem::forget(self.lent.replace(lent));
        length
    }

    /// Whether it holds a device's buffer.
    #[cfg(feature = "dpdk")]
    #[inline]
    pub(crate) fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// The device's buffer, if it holds one; its bytes are arbitrary then, its length stays.
    #[cfg(feature = "dpdk")]
    #[inline]
    pub(crate) fn take_lent(&mut self) -> Option<Lent> {
        self.lent.take()
    }

    /// Gives back what it holds of others; its bytes are arbitrary then.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.lent = None;
    }

    /// Makes it a copy of another packet.
    ///
    /// # Errors
    /// As [`Self::load`].
    #[inline]
    pub fn load_from(&mut self, other: &Self) -> Result<(), TooLong> {
        self.load(other.bytes(), other.port, other.wire_length, other.timestamp_ns, other.sequence)
    }

    /// Replaces as many of its first bytes. Cost: one copy.
    ///
    /// # Panics
    /// If it holds fewer.
    #[inline]
    pub fn replace_bytes(&mut self, new: &[u8]) {
        copy_short(&mut self.bytes_mut()[..new.len()], new);
    }

    /// Replaces its first `old_length` bytes by `new`; the bytes behind them stay in place.
    ///
    /// A longer front grows into the headroom, a shorter one gives room back, and `wire_length`
    /// follows. An `old_length` beyond the frame means all of it. Cost: one copy of `new`.
    ///
    /// # Errors
    /// [`TooLong`] if the front would grow beyond the headroom.
    #[inline]
    pub fn replace_front(&mut self, old_length: usize, new: &[u8]) -> Result<(), TooLong> {
        let old_length = old_length.min(self.length as usize);
        if old_length == new.len() {
            self.replace_bytes(new);
            return Ok(());
        }
        self.resize_front(old_length, new)
    }

    fn resize_front(&mut self, old_length: usize, new: &[u8]) -> Result<(), TooLong> {
        match &mut self.lent {
            Some(lent) => lent.resize_front(old_length, new)?,
            None => self.resize_own_front(old_length, new)?,
        }
        self.length = (self.length as usize - old_length + new.len()) as u32;
        self.wire_length =
            (self.wire_length.saturating_sub(old_length as u32)).saturating_add(new.len() as u32);
        Ok(())
    }

    fn resize_own_front(&mut self, old_length: usize, new: &[u8]) -> Result<(), TooLong> {
        let behind = usize::from(self.start) + old_length;
        let first = usize::from(self.origin) - HEADROOM;
        let Some(start) = behind.checked_sub(new.len()).filter(|start| *start >= first) else {
            return Err(TooLong { bytes: new.len(), room: behind - first });
        };
        self.buffer[start..behind].copy_from_slice(new);
        // A front cut away from a frame of more than 65,535 bytes may start beyond 16 bits: then
        // the rest moves down, which no packet of a network does.
        match u16::try_from(start) {
            Ok(start) => self.start = start,
            Err(_) => {
                let end = usize::from(self.start) + self.length as usize;
                self.buffer.copy_within(start..end, self.origin.into());
                self.start = self.origin;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("port", &self.port)
            .field("sequence", &self.sequence)
            .field("timestamp_ns", &self.timestamp_ns)
            .field("wire_length", &self.wire_length)
            .field("bytes", &self.bytes())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortId = PortId::new(3);

    fn loaded(bytes: &[u8]) -> Frame {
        let mut frame = Frame::new(256);
        frame.load(bytes, PORT, bytes.len() as u32, 7, 9).unwrap();
        frame
    }

    #[test]
    fn a_frame_is_cheap_to_move() {
        assert_eq!(size_of::<Option<Frame>>(), size_of::<usize>());
        assert_eq!(size_of::<Descriptor>(), CACHE_LINE);
    }

    #[test]
    fn a_frame_begins_on_a_cache_line_and_keeps_what_it_was_loaded_with() {
        for _ in 0..50 {
            let frame = loaded(b"0123456789");
            assert_eq!(frame.bytes().as_ptr().addr() % CACHE_LINE, 0);
            assert_eq!(frame.bytes(), b"0123456789");
            assert_eq!((frame.port, frame.wire_length), (PORT, 10));
            assert_eq!((frame.timestamp_ns, frame.sequence), (7, 9));
            assert!(frame.capacity() >= 256);
            assert_eq!(frame.headroom(), HEADROOM);
        }
    }

    #[test]
    fn bytes_of_any_number_are_copied() {
        let from: Vec<u8> = (0..200).map(|i| i as u8).collect();
        for length in 0..200 {
            let mut to = vec![0xff; 202];
            copy_short(&mut to[1..=length], &from[..length]);
            assert_eq!((to[0], to[length + 1]), (0xff, 0xff), "{length}");
            assert_eq!(to[1..=length], from[..length], "{length}");
        }
    }

    #[test]
    #[should_panic(expected = "slice")]
    fn bytes_are_not_copied_to_where_there_is_other_room() {
        let mut to = [0; 40];
        copy_short(&mut to, &[0; 41]);
        assert_eq!(to, [0; 40], "never reached");
    }

    #[test]
    fn the_front_is_replaced_and_the_rest_stays() {
        let mut frame = loaded(b"0123456789");
        let rest = frame.bytes()[4..].as_ptr();
        frame.replace_front(4, b"abcd").unwrap();
        assert_eq!(frame.bytes(), b"abcd456789");
        frame.replace_front(4, b"tunnel:").unwrap();
        assert_eq!(frame.bytes(), b"tunnel:456789");
        assert_eq!((frame.wire_length, frame.headroom()), (13, HEADROOM - 3));
        assert_eq!(frame.bytes()[7..].as_ptr(), rest);
        frame.replace_front(7, b"").unwrap();
        assert_eq!(frame.bytes(), b"456789");
        assert_eq!((frame.wire_length, frame.headroom()), (6, HEADROOM + 4));
        assert_eq!(frame.bytes().as_ptr(), rest);
        frame.replace_front(usize::MAX, b"new").unwrap();
        assert_eq!(frame.bytes(), b"new");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut frame = loaded(b"0123456789");
        let room = frame.capacity();
        let long = vec![1; room + 1];
        assert_eq!(frame.load(&long, PORT, 0, 0, 0), Err(TooLong { bytes: room + 1, room }));
        let front = vec![1; HEADROOM + 3];
        let refused = Err(TooLong { bytes: HEADROOM + 3, room: HEADROOM + 2 });
        assert_eq!(frame.replace_front(2, &front), refused);
        assert_eq!(frame.bytes(), b"0123456789");
        frame.replace_front(3, &front).unwrap();
        assert_eq!(frame.headroom(), 0);
        assert_eq!(frame.bytes().len(), 10 + HEADROOM);
    }

    #[test]
    fn the_front_of_the_longest_frame_can_be_cut() {
        let mut frame = Frame::new(FRAME_BYTES_MAX);
        let bytes: Vec<u8> = (0..FRAME_BYTES_MAX).map(|i| i as u8).collect();
        frame.load(&bytes, PORT, bytes.len() as u32, 0, 0).unwrap();
        frame.replace_front(FRAME_BYTES_MAX - 5, b"").unwrap();
        assert_eq!(frame.bytes(), &bytes[FRAME_BYTES_MAX - 5..]);
        assert_eq!(frame.wire_length, 5);
    }
}
