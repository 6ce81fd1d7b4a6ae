//! Frames that are free: made once, taken and given back, never freed while packets flow. A frame
//! that is free holds no buffer of a device.
//!
//! Last in, first out: the frame given back last is the one most likely still in the cache.

use crate::frame::Frame;

/// A stock of free frames of one owner.
#[derive(Debug)]
pub struct Pool {
    free: Vec<Frame>,
    bytes_max: usize,
}

impl Pool {
    /// A pool of `frames` frames, each with room for `bytes_max` bytes.
    ///
    /// Allocates all of them, so that no later call does.
    pub fn new(frames: usize, bytes_max: usize) -> Self {
        Self { free: Frame::many(frames, bytes_max), bytes_max }
    }

    /// Makes room to be given `frames` frames more than the pool was made with. For start-up, where
    /// frames of other pools end up in this one.
    pub fn reserve(&mut self, frames: usize) {
        self.free.reserve_exact(frames);
    }

    /// A free frame, or none. Its content is arbitrary.
    #[inline]
    pub fn take(&mut self) -> Option<Frame> {
        self.free.pop()
    }

    /// Appends free frames to a vector, of which there are as many. Their content is arbitrary.
    #[cfg(feature = "dpdk")]
    #[inline]
    pub(crate) fn take_all(&mut self, count: usize, frames: &mut Vec<Frame>) {
        frames.extend(self.free.drain(self.free.len() - count..));
    }

    /// Takes back all frames of a vector that hold nothing of others, leaving it empty.
    #[cfg(feature = "dpdk")]
    #[inline]
    pub(crate) fn give_bare(&mut self, frames: &mut Vec<Frame>) {
        debug_assert!(!frames.iter().any(|frame| frame.is_lent()), "buffers were taken out");
        self.free.append(frames);
    }

    /// Takes a frame back. Allocates only beyond the number of frames made or
    /// [reserved](Self::reserve).
    #[inline]
    pub fn give(&mut self, mut frame: Frame) {
        frame.release();
        self.free.push(frame);
    }

    /// Takes back all frames of a vector, leaving it empty with its room.
    #[inline]
    pub fn give_all(&mut self, frames: &mut Vec<Frame>) {
        frames.iter_mut().for_each(|frame| frame.release());
        self.free.append(frames);
    }

    /// How many frames are free.
    #[inline]
    pub fn len(&self) -> usize {
        self.free.len()
    }

    /// Whether none is.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Bytes that each frame made by this pool has room for.
    #[inline]
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_what_it_was_made_with_and_what_came_back() {
        let mut pool = Pool::new(2, 100);
        let first = pool.take().unwrap();
        assert!(first.capacity() >= 100);
        let second = pool.take().unwrap();
        assert!(pool.take().is_none() && pool.is_empty());
        pool.give(first);
        assert_eq!(pool.len(), 1);
        let mut rest = vec![second];
        pool.give_all(&mut rest);
        assert!(rest.is_empty());
        assert_eq!((pool.len(), pool.bytes_max()), (2, 100));
    }
}
