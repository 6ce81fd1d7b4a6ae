//! A hint to the kernel.

/// Bytes of a huge page. Where the machine has others, the hint says less or nothing.
const HUGE_PAGE: usize = 2 << 20;
const PAGE: usize = 4096;

/// Asks the kernel to back memory by huge pages where it can, for what is read at random from more
/// memory than the processor translates at once. To be called before the memory is first written.
/// `values` need not be initialised: their bytes are not looked at. A hint: it may do nothing.
#[allow(unsafe_code, reason = "advice on memory takes a raw pointer")]
pub fn prefer_huge_pages<T>(values: &[T]) {
    let bytes = size_of_val(values);
    if bytes < HUGE_PAGE {
        return;
    }
    let start = values.as_ptr().cast::<u8>();
    let skew = start.addr() % PAGE;
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: this advice changes no content and no access, of whatever memory. The range is that
    // of `values`, which is valid, with what precedes it in its first page.
    let _ = unsafe {
        // A kernel without huge pages refuses, and nothing is lost.
        rustix::mm::madvise(
            start.wrapping_sub(skew).cast_mut().cast(),
            bytes + skew,
            rustix::mm::Advice::LinuxHugepage,
        )
    };
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (start, skew);
}
