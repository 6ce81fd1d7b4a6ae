//! No memory is allocated once the workers exist.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use nfos_state::{Merge, SetOutcome, Settings, State};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator, with the arguments as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn transaction_path_does_not_allocate() {
    let state = State::new(Settings {
        participants: 2,
        burst_max: 32,
        memory_bytes_max: 16 << 20,
        seed: 1,
    });
    let vector = state.open_vector("v", 1_000).unwrap();
    let map = state.open_map("m", 500, 16).unwrap();
    let ids = state.open_allocator("a", 300, 0).unwrap();
    let object = state.open_distributed("d", &[Merge::Sum], 50).unwrap();
    let (mut worker, mut writer) = (state.worker(0), state.worker(1));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let (mut conflicts, mut full) = (0, 0);
    for round in 0..3_000u64 {
        worker.begin_burst();
        let mut ran = 0;
        while ran < worker.burst_limit() && worker.begin_event(round) {
            let random = (round * 64 + ran as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let (index, key) = ((random >> 40) as u32 % 1_000, (random >> 30 & 1_023) as u16);
            let cell = worker.vector_read(vector, index).unwrap();
            worker.vector_write(vector, index, cell.map(|word| word.wrapping_add(1))).unwrap();
            worker.vector_add(vector, index / 2, 0, 1).unwrap();
            worker.map_get(map, &key.to_le_bytes()).unwrap();
            if worker.map_set(map, &key.to_le_bytes(), cell).unwrap() == SetOutcome::Full {
                full += 1;
                worker.map_remove(map, &(key ^ 1).to_le_bytes()).unwrap();
            }
            worker.allocate(ids, 1).unwrap();
            while let Some(expired) = worker.next_expired(ids).unwrap() {
                worker.free(ids, expired.id).unwrap();
            }
            worker.distributed_update(object, 0, 1).unwrap();
            worker.distributed_read(object).unwrap();
            ran += 1;
        }
        writer.begin_burst();
        assert!(writer.begin_event(round));
        writer.vector_write(vector, (round * 7 % 1_000) as u32, [round; 6]).unwrap();
        assert_eq!(writer.commit(1).committed, 1);
        conflicts += u64::from(worker.commit(ran).conflict.is_some());
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    assert!(conflicts > 0 && full > 0, "{conflicts} conflicts, {full} times full");
}
