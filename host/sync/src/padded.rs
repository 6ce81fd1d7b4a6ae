//! Values that share no cache line with their neighbours.

use std::ops::{Deref, DerefMut};

/// A value on 128 bytes of its own: two lines, because processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Padded<T>(pub T);

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Padded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_two_lines_apart() {
        let pair = [Padded(1u8), Padded(2u8)];
        let distance = (&raw const pair[1]).addr() - (&raw const pair[0]).addr();
        assert_eq!((distance, (&raw const pair[0]).addr() % 128), (128, 0));
    }
}
