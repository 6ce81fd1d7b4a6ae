//! The commutative operations.

/// What an update does to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// Adds, modulo 2^64.
    Add = 1,
    /// Keeps the greater, unsigned.
    Max,
    /// Keeps the lesser, unsigned.
    Min,
    /// Unites the bits.
    Or,
}

impl Operation {
    /// The word after the operation.
    #[inline(always)]
    #[must_use]
    pub fn apply(self, word: u64, operand: u64) -> u64 {
        match self {
            Self::Add => word.wrapping_add(operand),
            Self::Max => word.max(operand),
            Self::Min => word.min(operand),
            Self::Or => word | operand,
        }
    }
}
