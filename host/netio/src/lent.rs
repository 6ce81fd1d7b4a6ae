//! Buffers of devices that frames may hold. Without devices there are none.

#[cfg(feature = "dpdk")]
pub(crate) use crate::dpdk::Whole as Lent;

/// A buffer that is not the frame's own.
#[cfg(not(feature = "dpdk"))]
#[derive(Debug)]
pub(crate) enum Lent {}

#[cfg(not(feature = "dpdk"))]
impl Lent {
    pub(crate) fn bytes(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match *self {}
    }

    pub(crate) fn headroom(&self) -> usize {
        match *self {}
    }

    pub(crate) fn resize_front(
        &mut self,
        _old_length: usize,
        _new: &[u8],
    ) -> Result<(), crate::frame::TooLong> {
        match *self {}
    }
}
