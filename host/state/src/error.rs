//! What can be wrong with an `open` or an operation.

use crate::object::{ObjectId, ObjectKind, Shape};
use nfos_stm::Refused;

/// Why a structure cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The name is taken by another shape.
    #[error("`{name}` is open as {open} and cannot be opened as {asked}")]
    OtherShape {
        /// The name.
        name: String,
        /// What it is.
        open: Shape,
        /// What was asked for.
        asked: Shape,
    },
    /// A size out of its range.
    #[error("`{name}`: {what} is {value}, but must be from {least} to {greatest}")]
    BadSize {
        /// The structure's name.
        name: String,
        /// Which size.
        what: &'static str,
        /// What was asked for.
        value: u64,
        /// The least that would do.
        least: u64,
        /// The most that would do.
        greatest: u64,
    },
    /// Beyond the memory limit.
    #[error("`{name}` needs {wanted} bytes of state, of which {left} are left under the limit")]
    MemoryLimit {
        /// The structure's name.
        name: String,
        /// Bytes it needs.
        wanted: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// Too many structures.
    #[error("`{name}` would be structure number {} of at most {limit}", limit + 1)]
    TooMany {
        /// The structure's name.
        name: String,
        /// How many there may be.
        limit: usize,
    },
}

/// Why an operation has no answer. All but [`Self::RunAgain`] are faults of the guest, if the run
/// [holds](crate::Worker::observations_hold).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// No structure has this number.
    #[error("no structure has the handle {}", .0.raw())]
    UnknownObject(ObjectId),
    /// It is of another kind.
    #[error("handle {} is not {asked}", .object.raw())]
    WrongKind {
        /// The structure.
        object: ObjectId,
        /// What the operation is for.
        asked: ObjectKind,
    },
    /// An index beyond a vector's end, or an id beyond an allocator's capacity.
    #[error("{index} is out of range: there are {length}")]
    OutOfRange {
        /// What was asked for.
        index: u32,
        /// Indices are below this.
        length: u32,
    },
    /// A word that the cell does not have.
    #[error("there is no word {0}")]
    NoSuchWord(u8),
    /// A key beyond the map's key size.
    #[error("a key of {length} bytes is longer than the {key_size} of the map")]
    KeyTooLong {
        /// Bytes of the key.
        length: usize,
        /// The most that the map takes.
        key_size: u32,
    },
    /// Parts of an object whose merges are declared, or the merged value of one whose are not.
    #[error("handle {} is a distributed object of the other sort", .0.raw())]
    OtherMerge(ObjectId),
    /// An id that nobody holds cannot be freed.
    #[error("id {0} is not held")]
    NotHeld(u32),
    /// The burst observes or writes more than its log holds.
    #[error("the transaction is too large: its log is full")]
    LogFull,
    /// The event is doomed and its snapshot is gone: nothing is wrong with it, it runs again.
    #[error("the event runs again")]
    RunAgain,
}

impl From<Refused> for AccessError {
    #[cold]
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::LogFull => Self::LogFull,
            Refused::RunAgain => Self::RunAgain,
        }
    }
}
