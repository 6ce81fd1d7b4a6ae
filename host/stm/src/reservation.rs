//! Large zeroed arrays that cost memory only where they are touched.
//!
//! The state's size is known only while structures are being opened, but a cell must be reachable
//! by its number alone, without a table in between, and must never move. So the whole permitted
//! size is reserved as address space at the start: the kernel backs a page when it is first
//! written.
//!
//! Under a model checker an atomic integer is more than its bytes: there, values are made one by
//! one, and a reservation is as large as it is asked to be.

#![allow(unsafe_code, reason = "allocation without initialising is the point of this module")]

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::Deref;
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
use std::ptr::NonNull;

use nfos_sync::Arc;
use nfos_sync::atomic::AtomicU64;

/// Types of which any number of zero bytes are a valid value, and which may be shared. The default
/// is that value.
///
/// # Safety
/// All-zero bytes must be a valid value, and the type must have no drop glue.
pub unsafe trait Zeroed: Default + Send + Sync {}

// SAFETY: an atomic integer has the layout of its integer, of which zero is a value.
unsafe impl Zeroed for AtomicU64 {}

/// A fixed-length array of zeroes at first. It dereferences to a slice; a clone is the same array.
#[derive(Debug)]
#[cfg(any(nfos_loom, nfos_shuttle))]
pub struct Reservation<T: Zeroed>(Arc<[T]>);

#[cfg(any(nfos_loom, nfos_shuttle))]
impl<T: Zeroed> Reservation<T> {
    /// Makes `length` values, at least one.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self((0..length.max(1)).map(|_| T::default()).collect())
    }
}

#[cfg(any(nfos_loom, nfos_shuttle))]
impl<T: Zeroed> Clone for Reservation<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(any(nfos_loom, nfos_shuttle))]
impl<T: Zeroed> Deref for Reservation<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

/// A fixed-length array of zeroes at first. It dereferences to a slice; a clone is the same array.
#[derive(Debug)]
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
pub struct Reservation<T: Zeroed> {
    first: NonNull<T>,
    length: usize,
    memory: Arc<Allocation>,
}

/// Memory that is freed with the last who has it.
#[derive(Debug)]
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
struct Allocation {
    base: NonNull<u8>,
    layout: Layout,
}

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
impl<T: Zeroed> Reservation<T> {
    /// Reserves room for `length` values, or as many as the machine grants: half, a quarter and so
    /// on. Ask [`Self::len`](slice::len).
    ///
    /// # Panics
    /// If not even one value is granted.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let mut length = length.max(1);
        loop {
            if let Some(reservation) = Self::exactly(length) {
                return reservation;
            }
            assert!(length > 1, "the machine grants no memory at all");
            length /= 2;
        }
    }

    fn exactly(length: usize) -> Option<Self> {
        // The allocator zeroes by hand, and so touches, what is aligned beyond its own granule:
        // hence a small alignment, and the first value moved up by hand.
        let bytes = length.checked_mul(size_of::<T>())?.checked_add(align_of::<T>())?;
        let layout = Layout::from_size_align(bytes, 8).ok()?;
        // SAFETY: the layout has at least `align_of::<T>()` bytes, so it is not empty.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let shift = base.as_ptr().align_offset(align_of::<T>());
        assert!(shift < align_of::<T>() || shift == 0, "a byte pointer can be aligned");
        // SAFETY: `shift` is less than the alignment, by which the allocation is larger than
        // `length` values.
        let first = unsafe { base.add(shift) }.cast();
        Some(Self { first, length, memory: Arc::new(Allocation { base, layout }) })
    }
}

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
impl<T: Zeroed> Clone for Reservation<T> {
    fn clone(&self) -> Self {
        Self { first: self.first, length: self.length, memory: self.memory.clone() }
    }
}

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
impl<T: Zeroed> Deref for Reservation<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `first` is aligned and `length` zeroed values lie behind it, valid by `Zeroed`;
        // they live as long as `self`, which shares in the memory, and none is handed out mutably.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.length) }
    }
}

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
// SAFETY: the memory is this value's, and nothing is done with it but to free it once.
unsafe impl Send for Allocation {}
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
// SAFETY: as above.
unsafe impl Sync for Allocation {}

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: `base` came from `alloc_zeroed` with this layout and is freed only here.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

#[cfg(not(any(nfos_loom, nfos_shuttle)))]
// SAFETY: the values are `Send + Sync` by `Zeroed`, and a reservation is nothing but their owner.
unsafe impl<T: Zeroed> Send for Reservation<T> {}
#[cfg(not(any(nfos_loom, nfos_shuttle)))]
// SAFETY: as above; a shared reservation gives shared values.
unsafe impl<T: Zeroed> Sync for Reservation<T> {}

#[cfg(all(test, not(any(nfos_loom, nfos_shuttle))))]
mod tests {
    use nfos_sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn values_are_zero_aligned_and_kept() {
        let values = Reservation::<crate::cell::Cell>::new(100);
        assert_eq!(values.len(), 100);
        assert_eq!(values.as_ptr().addr() % 64, 0);
        let words = Reservation::<AtomicU64>::new(3);
        words[2].store(7, Relaxed);
        assert_eq!([0, 1, 2].map(|i| words[i].load(Relaxed)), [0, 0, 7]);
    }

    #[test]
    fn a_reservation_larger_than_the_machine_is_cut_down() {
        let words = Reservation::<AtomicU64>::new(1 << 56);
        // The last word is written, so that the compiler cannot do without the memory.
        words[words.len() - 1].store(1, Relaxed);
        assert!(words.len() < 1 << 56 && words[words.len() - 1].load(Relaxed) == 1);
    }
}
