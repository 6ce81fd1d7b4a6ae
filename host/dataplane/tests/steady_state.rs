//! After start-up the worker loop allocates nothing: two runs that differ only in how many packets
//! they handle allocate exactly as often.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::Launch;
use nfos_sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::{assert_adds_up, guest};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The thread that sets up and shows counters, as often as time allows: not a worker.
    static IS_OPERATOR: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    if !IS_OPERATOR.get() {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

#[allow(unsafe_code, reason = "an allocator that counts")]
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a run of that many rounds, and packets it received.
fn allocations(name: &str, rounds: u64) -> (u64, u64) {
    let nf = guest(name);
    let spec = format!("synthetic:flows=512,packets=2048,repeat={rounds}");
    let launch = Launch {
        ports: vec![spec.parse().unwrap(); 2],
        pin: false,
        packet_sets: Some(4096),
        ..Launch::default()
    };
    IS_OPERATOR.set(true);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let summary = nfos_dataplane::run(&nf, &launch, &AtomicBool::new(false), &mut |_| {});
    let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let summary = summary.unwrap();
    assert_adds_up(&summary);
    assert!(summary.sent > summary.received / 2, "{name}: {:?}", summary.drops);
    (count, summary.received)
}

#[test]
fn the_worker_loop_allocates_nothing_after_start_up() {
    for name in ["firewall", "policer", "counter"] {
        // Once without counting: what is made at first use is not the worker loop's either.
        allocations(name, 10);
        let (few, few_packets) = allocations(name, 10);
        let (many, many_packets) = allocations(name, 90);
        assert_eq!(many_packets, 9 * few_packets);
        assert_eq!(few, many, "{name}: {few} allocations, and {many} for 9 times the packets");
    }
}
