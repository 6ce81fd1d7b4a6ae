//! Packets in buffers of DPDK's, owned: who drops one gives its buffer back.

use std::ptr::NonNull;
use std::slice;

/// Packets of one call of a driver.
pub(super) const BURST_MAX: usize = 32;

/// A packet, in one buffer or several.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Packet(NonNull<dpdk_sys::rte_mbuf>);

// SAFETY: a packet has one owner, and its pool takes it back from any thread.
unsafe impl Send for Packet {}

impl Packet {
    /// A packet from its pointer, unless that is null.
    ///
    /// # Safety
    /// The pointer is null or a packet whose only owner the caller is.
    pub(super) unsafe fn from_raw(pointer: *mut dpdk_sys::rte_mbuf) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    #[inline]
    pub(super) fn header(&self) -> &dpdk_sys::rte_mbuf {
        // SAFETY: a packet's header is valid while it is owned.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(super) fn header_mut(&mut self) -> &mut dpdk_sys::rte_mbuf {
        // SAFETY: as above, and `&mut self` is the only way to it.
        unsafe { self.0.as_mut() }
    }

    /// Its bytes if they lie in one buffer. A length that its buffer does not have, as some drivers
    /// let pass, is none.
    #[inline]
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        let header = self.header();
        if header.nb_segs == 1 { segment(header) } else { None }
    }

    /// Appends the bytes of all its buffers; false if one has a length that cannot be.
    #[cold]
    pub(super) fn append_to(&self, bytes: &mut Vec<u8>) -> bool {
        let mut next = Some(self.header());
        while let Some(header) = next {
            let Some(part) = segment(header) else { return false };
            bytes.extend_from_slice(part);
            // SAFETY: the buffers of one packet are linked, the last one to null, and are valid
            // while the first is.
            next = unsafe { header.next.as_ref() };
        }
        true
    }

    /// Makes it a packet of these bytes, which its buffer has room for; false if it has not. For a
    /// packet that is as its pool gave it.
    #[inline]
    pub(super) fn load(&mut self, bytes: &[u8]) -> bool {
        let header = self.header_mut();
        let (Ok(length), offset) = (u16::try_from(bytes.len()), header.data_off) else {
            return false;
        };
        if usize::from(offset) + bytes.len() > usize::from(header.buf_len) {
            return false;
        }
        // SAFETY: the buffer has `buf_len` bytes from `buf_addr`, of which those to be written are
        // a part, as was just checked; `bytes` lie elsewhere, since the packet is owned.
        unsafe {
            let start = header.buf_addr.cast::<u8>().add(usize::from(offset));
            start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        header.data_len = length;
        header.pkt_len = length.into();
        true
    }

    /// Adds buffers behind its own; all as a loaded packet of one buffer each.
    #[cold]
    pub(super) fn chain(&mut self, further: Vec<Self>) {
        let (mut length, mut count) = (0, 0);
        let mut next: *mut dpdk_sys::rte_mbuf = std::ptr::null_mut();
        for packet in further.into_iter().rev() {
            let mut pointer = packet.0;
            // From here on it belongs to the packet that it follows.
            std::mem::forget(packet);
            // SAFETY: it was owned until now and is reachable by `pointer` alone.
            let header = unsafe { pointer.as_mut() };
            header.next = next;
            length += u32::from(header.data_len);
            count += 1;
            next = pointer.as_ptr();
        }
        let header = self.header_mut();
        header.next = next;
        header.nb_segs += count;
        header.pkt_len += length;
    }
}

/// The bytes in one buffer.
#[inline]
fn segment(header: &dpdk_sys::rte_mbuf) -> Option<&[u8]> {
    let (offset, length) = (usize::from(header.data_off), usize::from(header.data_len));
    if offset + length > usize::from(header.buf_len) {
        return None;
    }
    // SAFETY: the buffer has `buf_len` bytes from `buf_addr`, all made at start-up, and the part
    // lies within, as was just checked. It is not written while the packet is borrowed.
    Some(unsafe { slice::from_raw_parts(header.buf_addr.cast::<u8>().add(offset), length) })
}

impl Drop for Packet {
    fn drop(&mut self) {
        // SAFETY: the packet is owned, and nothing reaches it after this.
        unsafe { dpdk_sys::nfos_free(self.0.as_ptr()) }
    }
}

/// Up to [`BURST_MAX`] packets.
#[derive(Debug)]
pub(super) struct Burst {
    /// The first `len` are packets. An option of a packet is a pointer that may be null, so
    /// drivers read and write here.
    packets: [Option<Packet>; BURST_MAX],
    len: usize,
}

const _: () = assert!(size_of::<Option<Packet>>() == size_of::<*mut dpdk_sys::rte_mbuf>());

impl Burst {
    pub(super) fn new() -> Self {
        Self { packets: [const { None }; BURST_MAX], len: 0 }
    }

    /// Gives what it holds back and lets `driver` write up to `count` packets; how many it wrote.
    /// `driver` gets that many slots, and answers how many, from the first, it has filled with
    /// packets that nobody else has.
    #[inline]
    pub(super) fn fill(
        &mut self,
        count: usize,
        driver: impl FnOnce(*mut *mut dpdk_sys::rte_mbuf, u32) -> usize,
    ) -> usize {
        self.clear();
        let count = count.min(BURST_MAX);
        self.len = driver(self.packets.as_mut_ptr().cast(), count as u32).min(count);
        self.len
    }

    /// Fills it with up to `count` packets that `next` gives; how many it gave.
    #[inline]
    pub(super) fn fill_with(
        &mut self,
        count: usize,
        mut next: impl FnMut() -> Option<Packet>,
    ) -> usize {
        self.clear();
        let mut len = 0;
        for slot in &mut self.packets[..count.min(BURST_MAX)] {
            let Some(packet) = next() else { break };
            // There was none.
            std::mem::forget(slot.replace(packet));
            len += 1;
        }
        self.len = len;
        len
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One of them, if there are as many.
    #[inline]
    pub(super) fn packet(&self, index: usize) -> Option<&Packet> {
        self.packets[..self.len].get(index)?.as_ref()
    }

    /// Takes the last one out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Packet> {
        self.len = self.len.checked_sub(1)?;
        self.packets[self.len].take()
    }

    /// Takes all packets out, in order.
    #[inline]
    pub(super) fn drain(&mut self, each: impl FnMut(Packet)) {
        let len = std::mem::take(&mut self.len);
        self.packets[..len].iter_mut().filter_map(Option::take).for_each(each);
    }

    /// Lets `driver` take packets from the first on; how many it took; the rest stay. `driver` gets
    /// the slots and how many there are, and answers how many it owns now.
    #[inline]
    pub(super) fn hand_over(
        &mut self,
        driver: impl FnOnce(*mut *mut dpdk_sys::rte_mbuf, u16) -> u16,
    ) -> usize {
        let taken = driver(self.packets.as_mut_ptr().cast(), self.len as u16);
        let taken = usize::from(taken).min(self.len);
        // They are the driver's: forgotten, not dropped.
        self.packets[..taken].iter_mut().for_each(|slot| std::mem::forget(slot.take()));
        if taken < self.len {
            self.packets[..self.len].rotate_left(taken);
        }
        self.len -= taken;
        taken
    }

    /// Gives all buffers back.
    #[inline]
    pub(super) fn clear(&mut self) {
        let len = std::mem::take(&mut self.len);
        if len == 0 {
            return;
        }
        // SAFETY: the slots are null or packets that this burst owns, and are made null below.
        unsafe { dpdk_sys::nfos_free_bulk(self.packets.as_mut_ptr().cast(), len as u32) }
        self.packets[..len].iter_mut().for_each(|slot| std::mem::forget(slot.take()));
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        self.clear();
    }
}
