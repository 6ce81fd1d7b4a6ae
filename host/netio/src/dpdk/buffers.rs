//! Packet buffers: a pool of DPDK's, in hugepages or over ordinary memory.
//!
//! Without hugepages DPDK gives each buffer of its own memory a whole page, all at one offset into
//! it, which halves the rate. There, the buffers lie in one piece of ordinary memory, and only
//! their headers in DPDK's.

use super::device::DESCRIPTORS;
use super::eal::{Eal, errno};
use super::error::{Error, Step};
use super::packet::{BURST_MAX, Burst, Packet};
use super::spread::LANE;
use nfos_sync::atomic::{AtomicU64, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};

/// Free buffers that a registered thread keeps to itself.
const CACHE: u32 = 256;
/// Buffers without which no device starts.
const BUFFERS_MIN: u32 = 2047;
const PAGE: usize = 4096;
const HUGE_PAGE: usize = 2 << 20;
/// Any memory node.
const SOCKET_ANY: c_int = -1;

/// Buffers that were in use when their pool had to go: always 0, or there is a defect.
static LEAKED: AtomicU64 = AtomicU64::new(0);

/// Buffers lost by all pools that are gone. 0, unless there is a defect.
pub fn buffers_leaked() -> u64 {
    LEAKED.load(Ordering::Relaxed)
}

/// A pool.
#[derive(Debug)]
pub(super) struct Buffers {
    pool: NonNull<dpdk_sys::rte_mempool>,
    room: usize,
    /// Where the buffers lie, unless in DPDK's memory.
    _outside: Option<Outside>,
}

// SAFETY: a pool may be used by all threads at once; that is what it is for. The pointer is not
// changed after `new`.
unsafe impl Send for Buffers {}
// SAFETY: as above.
unsafe impl Sync for Buffers {}

impl Buffers {
    /// A pool of `count` buffers, or of half of that and so on where the memory does not suffice.
    /// Each has room for `room` bytes behind the headroom. `socket` is a memory node, or −1.
    pub(super) fn new(eal: &Eal, count: u32, room: usize, socket: c_int) -> Result<Self, Error> {
        let mut count = count.max(BUFFERS_MIN);
        loop {
            match Self::of_count(eal, count, room, socket) {
                Err(_) if count / 2 >= BUFFERS_MIN => count /= 2,
                outcome => return outcome,
            }
        }
    }

    fn of_count(eal: &Eal, count: u32, room: usize, socket: c_int) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = CString::new(format!("nfos-{number}")).expect("no NUL");
        let size = u16::try_from(dpdk_sys::RTE_PKTMBUF_HEADROOM as usize + room)
            .map_err(|_| Error::new(Step::Pool, 22))?;
        let outside = match eal.is_huge() {
            true => None,
            false => Some(Outside::new(count as usize * usize::from(size))?),
        };
        let pool = match &outside {
            // SAFETY: EAL runs, as `eal` shows; the name ends in NUL and is copied.
            None => unsafe {
                dpdk_sys::rte_pktmbuf_pool_create(name.as_ptr(), count, CACHE, 0, size, socket)
            },
            Some(outside) => {
                let memory = dpdk_sys::rte_pktmbuf_extmem {
                    buf_ptr: outside.start.as_ptr().cast(),
                    buf_iova: outside.start.as_ptr() as u64,
                    buf_len: outside.layout.size(),
                    elt_size: size,
                };
                // SAFETY: as above; `memory` is valid, writable and large enough for `count`
                // buffers of `size`, and lives longer than the pool: both are of this struct.
                unsafe {
                    dpdk_sys::rte_pktmbuf_pool_create_extbuf(
                        name.as_ptr(),
                        count,
                        CACHE,
                        0,
                        size,
                        SOCKET_ANY,
                        &raw const memory,
                        1,
                    )
                }
            }
        };
        let pool = NonNull::new(pool).ok_or_else(|| Error::new(Step::Pool, errno()))?;
        Ok(Self { pool, room, _outside: outside })
    }

    /// Bytes that a buffer holds behind its headroom.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Buffers that are not in the pool.
    pub(super) fn in_use(&self) -> u32 {
        // SAFETY: the pool is valid as long as `self`.
        unsafe { dpdk_sys::rte_mempool_in_use_count(self.pool.as_ptr()) }
    }

    /// For a device's receive queue.
    pub(super) fn as_ptr(&self) -> *mut dpdk_sys::rte_mempool {
        self.pool.as_ptr()
    }

    /// Fills a burst with `count` empty packets; with none if there are not as many.
    #[inline]
    pub(super) fn fill(&self, burst: &mut Burst, count: usize) -> bool {
        burst.fill(count, |slots, count| {
            // SAFETY: the pool is valid, and there are `count` slots for pointers, see
            // `Burst::fill`.
            let outcome = unsafe { dpdk_sys::nfos_alloc_bulk(self.pool.as_ptr(), slots, count) };
            if outcome == 0 { count as usize } else { 0 }
        }) == count
    }

    /// An empty packet.
    pub(super) fn take(&self) -> Option<Packet> {
        // SAFETY: the pool is valid; the answer is null or a packet that nobody else has.
        unsafe { Packet::from_raw(dpdk_sys::nfos_alloc(self.pool.as_ptr())) }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        let in_use = self.in_use();
        if in_use == 0 {
            // SAFETY: no buffer is in use, and the device that had the pool is gone: it holds it.
            unsafe { dpdk_sys::rte_mempool_free(self.pool.as_ptr()) }
        } else {
            // Somebody may still write there, so the memory stays.
            LEAKED.fetch_add(in_use.into(), Ordering::Relaxed);
            std::mem::forget(self._outside.take());
        }
    }
}

/// Memory that DPDK has not made, and knows.
#[derive(Debug)]
struct Outside {
    start: NonNull<u8>,
    layout: Layout,
}

impl Outside {
    fn new(bytes: usize) -> Result<Self, Error> {
        // Aligned so that the kernel can use large pages by itself.
        let layout = Layout::from_size_align(bytes.next_multiple_of(PAGE), HUGE_PAGE)
            .map_err(|_| Error::new(Step::Memory, 12))?;
        // SAFETY: the layout has a size, since a pool has buffers.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        // SAFETY: the range is valid, aligned to pages and ours. Without addresses for devices,
        // since only devices without DMA are driven without hugepages.
        let outcome = unsafe {
            dpdk_sys::rte_extmem_register(
                start.as_ptr().cast(),
                layout.size(),
                ptr::null_mut(),
                0,
                PAGE,
            )
        };
        if outcome != 0 {
            let error = Error::new(Step::Memory, errno());
            // SAFETY: it was allocated with this layout, and DPDK did not take it.
            unsafe { dealloc(start.as_ptr(), layout) }
            return Err(error);
        }
        Ok(Self { start, layout })
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // SAFETY: it was registered with this length by `new`.
        let outcome = unsafe {
            dpdk_sys::rte_extmem_unregister(self.start.as_ptr().cast(), self.layout.size())
        };
        if outcome == 0 {
            // SAFETY: it was allocated with this layout, and DPDK does not know it any more.
            unsafe { dealloc(self.start.as_ptr(), self.layout) }
        }
    }
}

/// Buffers that a device may hold at once, with its queues and the lanes to its workers full, and
/// enough for what workers and the caches of their threads hold besides.
pub(super) fn buffers_for(rx: u16, tx: u16, workers: u16) -> u32 {
    let descriptors = u32::from(DESCRIPTORS) * (u32::from(rx) + u32::from(tx));
    let lanes = if workers > 1 { u32::from(rx) * u32::from(workers) * LANE as u32 } else { 0 };
    let held = u32::from(workers + 1) * (CACHE * 3 / 2 + 2 * BURST_MAX as u32);
    // One less than a power of two is what the ring below a pool holds.
    ((descriptors + lanes + held).next_power_of_two() * 2 - 1).clamp(8191, (1 << 19) - 1)
}
