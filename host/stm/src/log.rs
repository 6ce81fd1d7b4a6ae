//! A log of fixed room: adding an entry is a comparison and the stores.

#![allow(unsafe_code, reason = "entries are written to room that is not yet in use")]

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Entries, oldest first, in room that was made once. It dereferences to a slice.
#[derive(Debug)]
pub(crate) struct Log<T: Copy> {
    /// Where the next entry goes; all before it, from `first` on, are entries.
    next: NonNull<T>,
    /// Behind the last place that there is room for and that may be used.
    end: NonNull<T>,
    first: NonNull<T>,
    room: usize,
}

// SAFETY: a log is nothing but the owner of its entries.
unsafe impl<T: Copy + Send> Send for Log<T> {}
// SAFETY: as above; a shared log gives shared entries.
unsafe impl<T: Copy + Sync> Sync for Log<T> {}

impl<T: Copy> Log<T> {
    /// An empty one with room for so many entries.
    pub(crate) fn new(room: usize) -> Self {
        const { assert!(size_of::<T>() > 0, "an entry has bytes") };
        let mut entries = ManuallyDrop::new(Vec::<T>::with_capacity(room));
        let first = NonNull::new(entries.as_mut_ptr()).expect("a vector's is never null");
        let room = entries.capacity();
        // SAFETY: the vector has this much room.
        let end = unsafe { first.add(room) };
        Self { next: first, end, first, room }
    }

    /// How many entries there may be, as far as there is room.
    pub(crate) fn limit(&mut self, length: usize) {
        let length = length.clamp(self.len(), self.room);
        // SAFETY: the log has at least this much room.
        self.end = unsafe { self.first.add(length) };
    }

    /// Has room for at least so many entries, and lets them be used.
    #[cold]
    pub(crate) fn grow(&mut self, room: usize) {
        if room > self.room {
            let mut larger = Self::new(room.next_power_of_two());
            for &entry in self.iter() {
                let fits = larger.push(entry);
                debug_assert!(fits, "there is more room than before");
            }
            *self = larger;
        }
        self.limit(self.room);
    }

    /// Adds an entry, or answers `false`: there is no room.
    #[inline(always)]
    #[must_use]
    pub(crate) fn push(&mut self, entry: T) -> bool {
        self.push_with(|| entry)
    }

    /// The same of an entry that is made where it will lie.
    #[inline(always)]
    #[must_use]
    pub(crate) fn push_with(&mut self, make: impl FnOnce() -> T) -> bool {
        if self.next == self.end {
            return false;
        }
        // SAFETY: `next` is before `end`, so it is a place of this log, and not in use.
        unsafe {
            self.next.write(make());
            self.next = self.next.add(1);
        }
        true
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.next = self.first;
    }

    /// Forgets all but the oldest.
    pub(crate) fn truncate(&mut self, length: usize) {
        if length < self.len() {
            // SAFETY: so many places, and more, are in use.
            self.next = unsafe { self.first.add(length) };
        }
    }

    /// Forgets all but the newest.
    pub(crate) fn keep_last(&mut self, length: usize) {
        let from = self.len().saturating_sub(length);
        self.copy_within(from.., 0);
        self.truncate(length);
    }
}

impl<T: Copy> Deref for Log<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: neither leaves the log, `next` is not before `first`, and all places between them
        // hold entries.
        unsafe {
            let length = self.next.offset_from_unsigned(self.first);
            std::slice::from_raw_parts(self.first.as_ptr(), length)
        }
    }
}

impl<T: Copy> DerefMut for Log<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for the shared slice; the log is borrowed for as long.
        unsafe {
            let length = self.next.offset_from_unsigned(self.first);
            std::slice::from_raw_parts_mut(self.first.as_ptr(), length)
        }
    }
}

impl<T: Copy> Drop for Log<T> {
    fn drop(&mut self) {
        // SAFETY: the room came from a vector with this much, which is freed only here; entries
        // are `Copy` and need no drop.
        drop(unsafe { Vec::from_raw_parts(self.first.as_ptr(), 0, self.room) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_what_was_added_until_there_is_no_room() {
        let mut log = Log::new(4);
        assert!(log.is_empty());
        for entry in 0..4u16 {
            assert!(log.push(entry));
        }
        assert!(!log.push(9));
        assert_eq!(*log, [0, 1, 2, 3]);
        log.keep_last(3);
        assert_eq!(*log, [1, 2, 3]);
        log.truncate(2);
        log[0] = 7;
        assert!(log.push(5) && log.push(6) && !log.push(9));
        assert_eq!(*log, [7, 2, 5, 6]);
        log.keep_last(9);
        log.truncate(9);
        assert_eq!(log.len(), 4);
        log.clear();
        assert_eq!(*log, []);
    }

    #[test]
    fn a_log_has_the_room_that_it_is_let_have() {
        let mut log = Log::new(4);
        log.limit(1);
        assert!(log.push(1u64) && !log.push(9));
        log.limit(0);
        assert!(!log.push(9));
        log.limit(9);
        assert!(log.push(2) && log.push(3) && log.push(4) && !log.push(9));
        log.grow(5);
        assert!(log.push(5) && *log == [1, 2, 3, 4, 5]);
        log.limit(5);
        assert!(!log.push(9));
        log.grow(6);
        assert!(log.push(6));
    }
}
