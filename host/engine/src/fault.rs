//! What a guest can do wrong while it runs, each with the name it is counted under.

use std::fmt;

/// Why a guest's run ended before it was done. Never the host's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestFault {
    /// It executed `unreachable`, divided by zero, overran its stack or reached beyond its memory.
    /// With Wasmtime's words for it.
    Trap(String),
    /// It panicked: a trap after `fault.report`, with that message.
    Panic(String),
    /// It ran longer than the time limit.
    TimeLimit,
    /// It asked for memory beyond its limit, and then trapped.
    MemoryLimit,
    /// A pointer and a length that do not lie in its memory, or a misaligned pointer.
    BadPointer {
        /// The first byte.
        pointer: u32,
        /// Bytes from there on.
        length: u64,
    },
    /// The same, in the words of the component engine.
    BadMemory(String),
    /// A string that is not UTF-8, an enum out of range: a value that its type does not have.
    BadValue(&'static str),
    /// The same, or a handle it does not have, in the words of the component engine.
    BadForm(String),
    /// An outcome that breaks a rule of `types.outcome`; the rule.
    BadOutcome(String),
    /// An argument outside its range; which, and the range.
    BadArgument(String),
    /// A handle that no `open` answered, or that is of another structure.
    BadHandle(u32),
    /// An import called where it is not allowed; which, and where it is.
    OutOfTurn(&'static str),
    /// An interface that it may name and not call: one of WASI that is not granted; its name.
    Denied(String),
    /// A name that is open with another shape.
    ShapeMismatch(String),
    /// A limit of one event, of a burst or of the host's state was exceeded; which.
    Limit(String),
}

/// The name of a drop reason for a packet lost to a fault of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FaultReason {
    /// `guest_trap`
    Trap,
    /// `guest_panic`
    Panic,
    /// `guest_time_limit`
    TimeLimit,
    /// `guest_memory_limit`
    MemoryLimit,
    /// `guest_bad_pointer`
    BadPointer,
    /// `guest_bad_outcome`
    BadOutcome,
    /// `guest_bad_call`
    BadCall,
    /// `guest_limit`
    Limit,
}

impl FaultReason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Trap,
        Self::Panic,
        Self::TimeLimit,
        Self::MemoryLimit,
        Self::BadPointer,
        Self::BadOutcome,
        Self::BadCall,
        Self::Limit,
    ];

    /// The name that the summary counts it under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trap => "guest_trap",
            Self::Panic => "guest_panic",
            Self::TimeLimit => "guest_time_limit",
            Self::MemoryLimit => "guest_memory_limit",
            Self::BadPointer => "guest_bad_pointer",
            Self::BadOutcome => "guest_bad_outcome",
            Self::BadCall => "guest_bad_call",
            Self::Limit => "guest_limit",
        }
    }
}

impl GuestFault {
    /// The reason that a packet lost to this fault is counted under.
    pub fn reason(&self) -> FaultReason {
        match self {
            Self::Trap(_) => FaultReason::Trap,
            Self::Panic(_) => FaultReason::Panic,
            Self::TimeLimit => FaultReason::TimeLimit,
            Self::MemoryLimit => FaultReason::MemoryLimit,
            Self::BadPointer { .. } | Self::BadMemory(_) => FaultReason::BadPointer,
            Self::BadOutcome(_) => FaultReason::BadOutcome,
            Self::BadValue(_)
            | Self::BadForm(_)
            | Self::Denied(_)
            | Self::BadArgument(_)
            | Self::BadHandle(_)
            | Self::OutOfTurn(_)
            | Self::ShapeMismatch(_) => FaultReason::BadCall,
            Self::Limit(_) => FaultReason::Limit,
        }
    }
}

impl fmt::Display for GuestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(what) => write!(f, "trapped: {what}"),
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::TimeLimit => write!(f, "ran longer than the time limit"),
            Self::MemoryLimit => write!(f, "asked for memory beyond its limit"),
            Self::BadPointer { pointer, length } => {
                write!(f, "named {length} bytes at {pointer:#x}, which its memory does not have")
            }
            Self::BadMemory(what) => {
                write!(f, "named bytes which its memory does not have: {what}")
            }
            Self::BadForm(what) => write!(f, "passed what its type does not have: {what}"),
            Self::Denied(what) => {
                write!(f, "called {what}, which is not granted to a network function")
            }
            Self::BadValue(what) => write!(f, "passed {what}"),
            Self::BadOutcome(rule) => write!(f, "returned a bad outcome: {rule}"),
            Self::BadArgument(what) => write!(f, "passed a bad argument: {what}"),
            Self::BadHandle(handle) => write!(f, "used the handle {handle}, which it never got"),
            Self::OutOfTurn(what) => write!(f, "called an import out of turn: {what}"),
            Self::ShapeMismatch(what) => write!(f, "opened one name with two shapes: {what}"),
            Self::Limit(which) => write!(f, "exceeded a limit: {which}"),
        }
    }
}

impl std::error::Error for GuestFault {}
