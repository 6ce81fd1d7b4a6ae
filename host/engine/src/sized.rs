//! Buffers that grow to the largest burst and are kept.

/// The first `count` items of a buffer, which is made as large as that if it is not.
pub(crate) fn sized<T: Copy>(buffer: &mut Vec<T>, count: u32, item: T) -> &mut [T] {
    let count = count as usize;
    if buffer.len() < count {
        buffer.resize(count, item);
    }
    &mut buffer[..count]
}
