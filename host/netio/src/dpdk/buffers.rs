//! Packet buffers: a pool of DPDK's, in hugepages or over ordinary memory.
//!
//! A buffer goes where its packet goes: into frames, and into other devices. Whether the last one
//! is back nobody can tell while threads use the pool, so a pool is never freed: once its device is
//! gone, it waits for the next device that needs one like it.
//!
//! Without hugepages DPDK gives each buffer of its own memory a whole page, all at one offset into
//! it, which halves the rate. There, the buffers lie in one piece of ordinary memory, and only
//! their headers in DPDK's.

use super::device::DESCRIPTORS;
use super::eal::{Eal, errno};
use super::error::{Error, Step};
use super::packet::{Burst, Packet};
use crate::steering::spread::LANE;
use nfos_sync::atomic::{AtomicU64, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};
use std::sync::Mutex;

/// Free buffers that a registered thread keeps to itself.
const CACHE: u32 = 256;
/// Buffers without which no device starts.
const BUFFERS_MIN: u32 = 2047;
const PAGE: usize = 4096;
const HUGE_PAGE: usize = 2 << 20;
/// Buffers in the frames of a worker: the packets of a burst and those that it has not taken yet.
const HELD: u32 = 1024;
/// Any memory node.
const SOCKET_ANY: c_int = -1;

/// Pools without a device.
static IDLE: Mutex<Vec<&'static Pool>> = Mutex::new(Vec::new());

/// Buffers of devices that are gone which are not back: in frames, or lost.
pub fn buffers_astray() -> u64 {
    IDLE.lock().expect(INTACT).iter().map(|pool| u64::from(pool.in_use())).sum()
}

const INTACT: &str = "nothing panics with this lock";

/// What pools differ in.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// How many buffers it has.
    count: u32,
    /// Bytes that each holds behind its headroom.
    room: usize,
    /// A memory node, or −1.
    socket: c_int,
}

impl Kind {
    fn serves(self, wanted: Self) -> bool {
        self.count >= wanted.count && (self.room, self.socket) == (wanted.room, wanted.socket)
    }
}

/// A pool.
#[derive(Debug)]
struct Pool {
    pool: NonNull<dpdk_sys::rte_mempool>,
    kind: Kind,
    /// Where the buffers lie, unless in DPDK's memory.
    outside: Option<Outside>,
}

// SAFETY: a pool may be used by all threads at once; that is what it is for. The pointer is not
// changed after `new`.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Buffers that are not in the pool. Exact while nobody uses it.
    fn in_use(&self) -> u32 {
        // SAFETY: pools are never freed.
        unsafe { dpdk_sys::rte_mempool_in_use_count(self.pool.as_ptr()) }
    }
}

/// The pool of a device.
#[derive(Debug)]
pub(super) struct Buffers(&'static Pool);

impl Buffers {
    /// A pool of `count` buffers, or of half of that and so on where the memory does not suffice.
    /// Each has room for `room` bytes behind the headroom. `socket` is a memory node, or −1.
    pub(super) fn new(eal: &Eal, count: u32, room: usize, socket: c_int) -> Result<Self, Error> {
        let mut kind = Kind { count: count.max(BUFFERS_MIN), room, socket };
        let mut idle = IDLE.lock().expect(INTACT);
        if let Some(index) = idle.iter().position(|pool| pool.kind.serves(kind)) {
            return Ok(Self(idle.swap_remove(index)));
        }
        drop(idle);
        loop {
            match Self::of_kind(eal, kind) {
                Err(_) if kind.count / 2 >= BUFFERS_MIN => kind.count /= 2,
                outcome => return outcome,
            }
        }
    }

    fn of_kind(eal: &Eal, kind: Kind) -> Result<Self, Error> {
        let Kind { count, room, socket } = kind;
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
                // buffers of `size`, and lives as long as the pool: for ever.
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
        Ok(Self(Box::leak(Box::new(Pool { pool, kind, outside }))))
    }

    /// Bytes that a buffer holds behind its headroom.
    pub(super) fn room(&self) -> usize {
        self.0.kind.room
    }

    /// Whether they lie in memory that DPDK has not made.
    #[inline]
    pub(super) fn are_outside(&self) -> bool {
        self.0.outside.is_some()
    }

    /// For a device's receive queue.
    pub(super) fn as_ptr(&self) -> *mut dpdk_sys::rte_mempool {
        self.0.pool.as_ptr()
    }

    /// Fills a burst with `count` empty packets; with none if there are not as many.
    #[inline]
    pub(super) fn fill(&self, burst: &mut Burst, count: usize) -> bool {
        burst.fill(count, |slots, count| {
            // SAFETY: the pool is valid, and there are `count` slots for pointers, see
            // `Burst::fill`.
            let outcome = unsafe { dpdk_sys::nfos_alloc_bulk(self.0.pool.as_ptr(), slots, count) };
            if outcome == 0 { count as usize } else { 0 }
        }) == count
    }

    /// An empty packet.
    pub(super) fn take(&self) -> Option<Packet> {
        // SAFETY: the pool is valid; the answer is null or a packet that nobody else has.
        unsafe { Packet::from_raw(dpdk_sys::nfos_alloc(self.0.pool.as_ptr())) }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        IDLE.lock().expect(INTACT).push(self.0);
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
/// enough for what the frames of workers and the caches of their threads hold besides.
pub(super) fn buffers_for(rx: u16, tx: u16, workers: u16) -> u32 {
    let descriptors = u32::from(DESCRIPTORS) * (u32::from(rx) + u32::from(tx));
    let lanes = if workers > 1 { u32::from(rx) * u32::from(workers) * LANE as u32 } else { 0 };
    let held = u32::from(workers + 1) * (CACHE * 3 / 2 + HELD);
    // One less than a power of two is what the ring below a pool holds.
    ((descriptors + lanes + held).next_power_of_two() * 2 - 1).clamp(8191, (1 << 19) - 1)
}
