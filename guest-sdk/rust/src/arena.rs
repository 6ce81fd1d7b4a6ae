//! The allocator of a guest: a mark that moves up, and back to where `init` left it.
//!
//! Nothing that a handler allocates outlives its burst, so nothing is freed one by one: after a
//! burst the mark returns to where it was when `init` ended. The host writes the arguments of
//! `handle` before it runs, so the way back is in the function that the host calls once it has
//! read the result; arguments that lie in the room for them are not here, and the way back is
//! before the next burst.
//!
//! A block that ends at the mark grows, shrinks and is freed in place, which makes a `Vec` that
//! is filled alone as cheap as an array.

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 1 << 16;
/// Memory grows by at least this many pages: 1 MiB.
const PAGES_MIN: usize = 16;

/// Relaxed everywhere: a guest has one thread, and the atomics are there for their interior
/// mutability alone.
struct Arena {
    next: AtomicUsize,
    end: AtomicUsize,
    mark: AtomicUsize,
}

#[global_allocator]
static ARENA: Arena =
    Arena { next: AtomicUsize::new(0), end: AtomicUsize::new(0), mark: AtomicUsize::new(0) };

/// Keeps for good what has been allocated until now.
pub(crate) fn mark() {
    ARENA.mark.store(ARENA.next.load(Relaxed), Relaxed);
}

/// Forgets what has been allocated since [`mark`].
pub(crate) fn reset() {
    ARENA.next.store(ARENA.mark.load(Relaxed), Relaxed);
}

impl Arena {
    #[cold]
    #[inline(never)]
    fn grow(&self, end: usize) -> bool {
        let have = self.end.load(Relaxed);
        let pages = (end - have).div_ceil(PAGE).max(PAGES_MIN);
        if core::arch::wasm32::memory_grow::<0>(pages) == usize::MAX {
            return false;
        }
        self.end.store(have + pages * PAGE, Relaxed);
        true
    }

    #[cold]
    #[inline(never)]
    fn start(&self) -> usize {
        unsafe extern "C" {
            static __heap_base: u8;
        }
        self.end.store(core::arch::wasm32::memory_size::<0>() * PAGE, Relaxed);
        (&raw const __heap_base) as usize
    }

    /// Moves the mark to `end`, or answers that there is no memory.
    #[inline]
    fn advance(&self, end: usize) -> bool {
        if end > self.end.load(Relaxed) && !self.grow(end) {
            return false;
        }
        self.next.store(end, Relaxed);
        true
    }
}

// SAFETY: blocks are handed out in ascending order between `__heap_base` and the end of memory,
// so no two overlap. `reset` forgets blocks that nobody uses any more: it is called between
// bursts, and what a handler leaves behind is scratch by the contract.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let next = match self.next.load(Relaxed) {
            0 => self.start(),
            next => next,
        };
        let at = (next + layout.align() - 1) & !(layout.align() - 1);
        match at.checked_add(layout.size()) {
            Some(end) if self.advance(end) => at as *mut u8,
            _ => core::ptr::null_mut(),
        }
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let last = at as usize + layout.size() == self.next.load(Relaxed);
        if last {
            return match (at as usize).checked_add(size) {
                Some(end) if self.advance(end) => at,
                _ => core::ptr::null_mut(),
            };
        }
        if size <= layout.size() {
            return at;
        }
        // SAFETY: `size` is above the old size, so not 0, and the caller vouches that it does not
        // overflow; the new block is fresh, and both are at least `layout.size()` long.
        unsafe {
            let to = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !to.is_null() {
                core::ptr::copy_nonoverlapping(at, to, layout.size());
            }
            to
        }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if at as usize + layout.size() == self.next.load(Relaxed) {
            self.next.store(at as usize, Relaxed);
        }
    }
}
