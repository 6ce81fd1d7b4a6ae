//! A hint to the cache.

/// Asks for the line at the start of `value`, for reading. A hint: it may do nothing.
#[inline(always)]
#[allow(unsafe_code, reason = "the intrinsic takes a raw pointer")]
pub fn prefetch_read<T>(value: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads nothing that the program can see, and `value` is a valid address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = value;
}
