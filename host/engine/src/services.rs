//! The trait through which a guest reaches the host: all that an engine knows of state, and all
//! that state knows of engines.
//!
//! One method per import of the contract (`wit/`), same names, same promises. Arguments come
//! straight from the guest: an implementation checks them and answers [`GuestFault`] for those
//! that break the contract, which ends the guest's run.

use crate::fault::GuestFault;
use crate::site::CallSite;
use std::ops::Range;

/// Six words of aggregate state; `types.cell` of the contract.
pub type Cell = [u64; 6];

/// A resource handle of the guest. The services choose its number at `open`; a guest may name any.
pub type Handle = u32;

/// What an import answers, or why the guest must stop.
pub type Answer<T> = Result<T, GuestFault>;

/// How a word of a distributed object is merged; `distributed-object.merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Merge {
    /// Added, modulo 2^64.
    Sum,
    /// The greatest, unsigned.
    Max,
    /// The least, unsigned.
    Min,
    /// The union of bits.
    Or,
}

/// How `hash-map.set` ended; `hash-map.set-outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOutcome {
    /// The key has the value.
    Ok,
    /// The key was absent and there is no room.
    Full,
}

/// How a map hashes its keys; `hash-map.hashing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// With a secret.
    Keyed,
    /// Alike in every run.
    Plain,
}

/// The most bytes of a map's key.
pub const KEY_BYTES_MAX: usize = 64;

/// An entry of a map; `hash-map.entry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// The key, padded with zeroes.
    pub key: [u8; KEY_BYTES_MAX],
    /// Bytes of the key.
    pub key_length: u32,
    /// The value.
    pub value: Cell,
    /// Where to go on.
    pub next: u64,
}

/// A lease whose deadline has passed; `allocator.expired-lease`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiredLease {
    /// The id.
    pub id: u32,
    /// Nanoseconds of the guest's clock.
    pub deadline: u64,
}

/// `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something is wrong.
    Error,
    /// Something may be wrong.
    Warning,
    /// Worth knowing.
    Information,
    /// Worth knowing to who looks for it.
    Detail,
}

/// A parameter's value; `types.value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Unsigned(u64),
    /// Yes or no.
    Boolean(bool),
    /// A string.
    Text(String),
}

/// What a guest may ask of the host.
///
/// One value serves one instance. Cost: every method but the `open`s may run once or more per
/// packet, and allocates nothing.
pub trait Services: Send + 'static {
    /// `burst.begin`: a savepoint, or `false` if the run of this event would be in vain.
    ///
    /// # Errors
    /// [`GuestFault::OutOfTurn`] unless called with 0, 1, 2, … within a burst.
    fn begin(&mut self, event: u32) -> Answer<bool>;

    /// [`Self::begin`] for each of these events, in order, up to the first that is in vain.
    ///
    /// # Errors
    /// As there.
    fn begin_all(&mut self, events: Range<u32>) -> Answer<bool> {
        for event in events {
            if !self.begin(event)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a guest may keep a record of its progress instead of calling `burst.begin`; the
    /// events are then begun late, several at once.
    fn reads_progress(&self) -> bool {
        true
    }

    /// Whether [`Self::begin`] would answer `false`, whatever the event. It becomes so only with
    /// the answer of an import.
    fn is_in_vain(&self) -> bool {
        false
    }

    /// `parameters.get`.
    ///
    /// # Errors
    /// Unknown name; outside `init`.
    fn parameter(&mut self, name: &str) -> Answer<Value>;

    /// `vector.open`.
    ///
    /// # Errors
    /// Outside `init`; another shape under this name; bad length; memory limit.
    fn open_vector(&mut self, name: &str, length: u32) -> Answer<Handle>;

    /// `vector.read`.
    ///
    /// # Errors
    /// Unknown handle; index out of range.
    fn vector_read(&mut self, vector: Handle, index: u32) -> Answer<Cell>;

    /// The same, with the element handed over before it is copied: what `then` makes of it.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    fn vector_read_then<T>(
        &mut self,
        vector: Handle,
        index: u32,
        then: impl FnOnce(&Cell) -> T,
    ) -> Answer<T>
    where
        Self: Sized,
    {
        self.vector_read(vector, index).map(|element| then(&element))
    }

    /// `vector.write`.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    fn vector_write(&mut self, vector: Handle, index: u32, value: Cell) -> Answer<()>;

    /// `vector.add`.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; no such word.
    fn vector_add(&mut self, vector: Handle, index: u32, word: u8, delta: i64) -> Answer<()>;

    /// `hash-map.open`.
    ///
    /// # Errors
    /// Outside `init`; another shape under this name; bad capacity or key size; memory limit.
    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> Answer<Handle>;

    /// `hash-map.open-with`.
    ///
    /// # Errors
    /// As [`Self::open_map`].
    fn open_map_with(
        &mut self,
        name: &str,
        capacity: u32,
        key_size: u32,
        hashing: Hashing,
    ) -> Answer<Handle>;

    /// `hash-map.get`.
    ///
    /// # Errors
    /// Unknown handle; key longer than the key size.
    fn map_get(&mut self, map: Handle, key: &[u8]) -> Answer<Option<Cell>>;

    /// The same, with the value handed over before it is copied: what `then` makes of it.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    #[inline(always)]
    fn map_get_then<T>(
        &mut self,
        map: Handle,
        key: &[u8],
        then: impl FnOnce(Option<&Cell>) -> T,
    ) -> Answer<T>
    where
        Self: Sized,
    {
        self.map_get(map, key).map(|value| then(value.as_ref()))
    }

    /// `hash-map.set`.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    fn map_set(&mut self, map: Handle, key: &[u8], value: Cell) -> Answer<SetOutcome>;

    /// `hash-map.remove`: whether the key was present.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    fn map_remove(&mut self, map: Handle, key: &[u8]) -> Answer<bool>;

    /// `hash-map.len`.
    ///
    /// # Errors
    /// Unknown handle.
    fn map_len(&mut self, map: Handle) -> Answer<u32>;

    /// `hash-map.next`: the first entry at or behind a place.
    ///
    /// # Errors
    /// Unknown handle; too many observations.
    fn map_next(&mut self, map: Handle, at: u64) -> Answer<Option<MapEntry>>;

    /// `allocator.open`.
    ///
    /// # Errors
    /// Outside `init`; another shape under this name; bad capacity; memory limit.
    fn open_allocator(
        &mut self,
        name: &str,
        capacity: u32,
        refresh_interval_ns: u64,
    ) -> Answer<Handle>;

    /// `allocator.allocate`.
    ///
    /// # Errors
    /// Unknown handle.
    fn allocate(&mut self, allocator: Handle, duration_ns: u64) -> Answer<Option<u32>>;

    /// `allocator.refresh`: whether the id was held.
    ///
    /// # Errors
    /// Unknown handle; id out of range.
    fn refresh(&mut self, allocator: Handle, id: u32, duration_ns: u64) -> Answer<bool>;

    /// `allocator.free`.
    ///
    /// # Errors
    /// Unknown handle; id out of range or not held.
    fn free(&mut self, allocator: Handle, id: u32) -> Answer<()>;

    /// `allocator.is-live`.
    ///
    /// # Errors
    /// Unknown handle; id out of range.
    fn is_live(&mut self, allocator: Handle, id: u32) -> Answer<bool>;

    /// `allocator.next-expired`.
    ///
    /// # Errors
    /// Unknown handle.
    fn next_expired(&mut self, allocator: Handle) -> Answer<Option<ExpiredLease>>;

    /// `distributed-object.open`.
    ///
    /// # Errors
    /// Outside `init`; another shape under this name; no merge or more than six.
    fn open_distributed(
        &mut self,
        name: &str,
        merges: &[Merge],
        staleness_ns: u64,
    ) -> Answer<Handle>;

    /// `distributed-object.update`.
    ///
    /// # Errors
    /// Unknown handle; a word without a merge.
    fn distributed_update(&mut self, object: Handle, word: u8, operand: i64) -> Answer<()>;

    /// `distributed-object.read`.
    ///
    /// # Errors
    /// Unknown handle.
    fn distributed_read(&mut self, object: Handle) -> Answer<Cell>;

    /// The same, with the value handed over before it is copied: what `then` makes of it.
    ///
    /// # Errors
    /// As [`Self::distributed_read`].
    #[inline(always)]
    fn distributed_read_then<T>(
        &mut self,
        object: Handle,
        then: impl FnOnce(&Cell) -> T,
    ) -> Answer<T>
    where
        Self: Sized,
    {
        self.distributed_read(object).map(|value| then(&value))
    }

    /// `distributed-object.open-parts`.
    ///
    /// # Errors
    /// Outside `init`; another shape under this name.
    fn open_parts(&mut self, name: &str, staleness_ns: u64) -> Answer<Handle>;

    /// `distributed-object.parts`.
    ///
    /// # Errors
    /// Unknown handle, or one of [`Self::open_distributed`]; so with all that follow.
    fn parts(&mut self, object: Handle) -> Answer<u32>;

    /// `distributed-object.part`.
    ///
    /// # Errors
    /// As [`Self::parts`]; index out of range.
    fn part(&mut self, object: Handle, index: u32) -> Answer<Cell>;

    /// `distributed-object.own-part`.
    ///
    /// # Errors
    /// As [`Self::parts`].
    fn own_part(&mut self, object: Handle) -> Answer<Cell>;

    /// `distributed-object.set-part`.
    ///
    /// # Errors
    /// As [`Self::parts`].
    fn set_part(&mut self, object: Handle, value: Cell) -> Answer<()>;

    /// `distributed-object.published`.
    ///
    /// # Errors
    /// As [`Self::parts`].
    fn published(&mut self, object: Handle) -> Answer<Option<Cell>>;

    /// `distributed-object.publish`.
    ///
    /// # Errors
    /// As [`Self::parts`].
    fn publish(&mut self, object: Handle, value: Cell) -> Answer<()>;

    /// `send.send`.
    ///
    /// # Errors
    /// Outside `handle` and `exit`; too many or too much in one event.
    fn send(&mut self, port: u16, frame: &[u8]) -> Answer<()>;

    /// `clock.now`.
    ///
    /// # Errors
    /// None; an answer like the others.
    fn now(&mut self) -> Answer<u64>;

    /// `random.next`.
    ///
    /// # Errors
    /// None; an answer like the others.
    fn random(&mut self) -> Answer<u64>;

    /// `log.write`. The engine has checked that the bytes are UTF-8.
    ///
    /// # Errors
    /// Too much in one event.
    fn log(&mut self, level: LogLevel, message: &str) -> Answer<()>;

    /// Whether the call site of the import that was just answered is wanted: [`Self::site`] is
    /// called next then.
    fn wants_site(&self) -> bool {
        false
    }

    /// The call site of the import that was just answered.
    fn site(&mut self, site: CallSite) {
        let _ = site;
    }

    /// `event.emit`.
    ///
    /// # Errors
    /// No such event; too many in one event of the burst.
    fn emit(&mut self, event: u32, value: u64) -> Answer<()>;
}
