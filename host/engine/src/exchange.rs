//! A burst on its way into a guest and back, independent of how either side stores it.
//!
//! The dataplane implements [`Exchange`] over its packets and packet-set states; an engine gives it
//! the guest's buffers to fill and, afterwards, what the guest returned. Bytes are copied once in
//! each direction, straight between the packet buffer and the guest's memory.

use crate::fault::GuestFault;
use crate::services::Services;

/// Which handler an event is for; `types.event-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// The first packet of a packet set.
    InitPacketSet = 0,
    /// A packet of a set that has state.
    Packet = 1,
    /// The end of an idle set.
    ExpiredPacketSet = 2,
    /// A packet that fits no definition.
    OrphanPacket = 3,
    /// A period has passed.
    Periodic = 4,
}

/// An event without a predecessor in its burst.
pub const NO_PREVIOUS: u32 = u32::MAX;

/// One event of a burst; `types.event`, laid out as the canonical ABI has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// Which handler it is for.
    pub kind: EventKind,
    /// Ingress port, or index of the period.
    pub port: u16,
    /// Where the frame lies in `frames`.
    pub frame_offset: u32,
    /// Bytes of the frame there.
    pub frame_length: u32,
    /// Bytes of the frame on the wire.
    pub wire_length: u32,
    /// Where the state lies in `states`.
    pub state_offset: u32,
    /// The last earlier event of the same set, or [`NO_PREVIOUS`].
    pub previous: u32,
}

/// Bytes of an [`Event`] in guest memory.
pub const EVENT_SIZE: usize = 24;

impl Event {
    /// The event as the canonical ABI lays it out.
    #[inline]
    pub fn to_bytes(&self) -> [u8; EVENT_SIZE] {
        let words = [
            self.kind as u32 | u32::from(self.port) << 16,
            self.frame_offset,
            self.frame_length,
            self.wire_length,
            self.state_offset,
            self.previous,
        ];
        let mut bytes = [0; EVENT_SIZE];
        for (at, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *at = word.to_le_bytes();
        }
        bytes
    }

    /// Where the frame lies and how long it is, of an event as the canonical ABI lays it out.
    #[inline]
    pub fn frame_in(bytes: &[u8; EVENT_SIZE]) -> (u32, u32) {
        (word(bytes, 4), word(bytes, 8))
    }

    /// The offset of the state alone, of an event as the canonical ABI lays it out.
    #[inline]
    pub fn state_offset_in(bytes: &[u8; EVENT_SIZE]) -> u32 {
        word(bytes, 16)
    }

    /// Reads an event as the canonical ABI lays it out: what the guest's side does.
    ///
    /// # Errors
    /// [`GuestFault::BadValue`] for a kind that does not exist.
    #[inline]
    pub fn load(from: &[u8; EVENT_SIZE]) -> Result<Self, GuestFault> {
        let kind = match from[0] {
            0 => EventKind::InitPacketSet,
            1 => EventKind::Packet,
            2 => EventKind::ExpiredPacketSet,
            3 => EventKind::OrphanPacket,
            4 => EventKind::Periodic,
            _ => return Err(GuestFault::BadValue("an event kind that does not exist")),
        };
        let (frame_offset, frame_length) = Self::frame_in(from);
        Ok(Self {
            kind,
            port: u16::from_le_bytes([from[2], from[3]]),
            frame_offset,
            frame_length,
            wire_length: word(from, 12),
            state_offset: Self::state_offset_in(from),
            previous: word(from, 20),
        })
    }
}

/// What becomes of a packet; `types.action` with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Dropped, for the reason of this index.
    Drop(u16),
    /// Leaves through this port.
    Send(u16),
    /// Leaves through every port but its own.
    Flood,
    /// Ends here.
    Consume,
}

/// Whether a first packet's set gets state; `types.registration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It does not.
    None,
    /// If there is room.
    Optional,
    /// Or the packet is dropped.
    Required,
}

/// The answer to one event; `types.verdict`. Its numbers are the guest's: only their *types* have
/// been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the packet.
    pub action: Action,
    /// Whether its set gets state.
    pub registration: Registration,
    /// Where the frame lies in the returned frames.
    pub frame_offset: u32,
    /// Bytes of it there.
    pub frame_length: u32,
}

/// Bytes of a [`Verdict`] in guest memory.
pub const VERDICT_SIZE: usize = 12;

impl Verdict {
    /// Where the frame lies and how long it is, of a verdict as the canonical ABI lays it out.
    #[inline]
    pub fn frame_in(bytes: &[u8; VERDICT_SIZE]) -> (u32, u32) {
        (word(bytes, 4), word(bytes, 8))
    }

    /// The port of a verdict that sends the frame from where its event had it, and registers
    /// nothing: what most verdicts do.
    #[inline]
    pub fn sends_in_place(bytes: &[u8; VERDICT_SIZE], event: &[u8; EVENT_SIZE]) -> Option<u16> {
        let is_plain = (bytes[0], bytes[1]) == (1, 0) && bytes[4..12] == event[4..12];
        is_plain.then_some(Self::target_in(bytes))
    }

    /// The port or the reason of a verdict as the canonical ABI lays it out.
    #[inline]
    pub fn target_in(bytes: &[u8; VERDICT_SIZE]) -> u16 {
        u16::from_le_bytes([bytes[2], bytes[3]])
    }

    /// Reads a verdict as the canonical ABI lays it out.
    ///
    /// # Errors
    /// [`GuestFault::BadValue`] for an action or a registration that does not exist.
    #[inline]
    pub fn load(from: &[u8; VERDICT_SIZE]) -> Result<Self, GuestFault> {
        let target = Self::target_in(from);
        let action = match from[0] {
            0 => Action::Drop(target),
            1 => Action::Send(target),
            2 => Action::Flood,
            3 => Action::Consume,
            _ => return Err(GuestFault::BadValue("an action that does not exist")),
        };
        let registration = match from[1] {
            0 => Registration::None,
            1 => Registration::Optional,
            2 => Registration::Required,
            _ => return Err(GuestFault::BadValue("a registration that does not exist")),
        };
        let (frame_offset, frame_length) = Self::frame_in(from);
        Ok(Self { action, registration, frame_offset, frame_length })
    }
}

/// The word that begins at a byte.
#[inline(always)]
fn word<const SIZE: usize>(bytes: &[u8; SIZE], at: usize) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]))
}

/// The sizes of a burst's three buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Number of events.
    pub events: u32,
    /// Bytes of frames, headroom included.
    pub frames: u32,
    /// Bytes of states.
    pub states: u32,
}

/// A burst that a guest is to handle, with the services `S` that the guest reaches.
pub trait Exchange<S: Services> {
    /// How large it is. Constant until [`Self::accept`].
    fn layout(&self) -> Layout;

    /// Writes the burst. The slices have exactly the sizes of the layout; their content is
    /// arbitrary, and what is not written stays what it was.
    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], states: &mut [u8]);

    /// Takes what the guest returned: as many verdicts as it gave, and its two buffers, which have
    /// the sizes of the layout. The burst's transaction is decided here, with `services`, so that
    /// only bytes of events that stand are copied out of the guest.
    ///
    /// # Errors
    /// [`GuestFault::BadOutcome`] or [`GuestFault::BadValue`], naming the rule that a verdict
    /// breaks.
    fn accept(
        &mut self,
        services: &mut S,
        verdicts: &[[u8; VERDICT_SIZE]],
        frames: &[u8],
        states: &[u8],
    ) -> Result<(), GuestFault>;
}
