//! Workers that write as fast as they can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nfos_state::{ObjectId, Settings, State, Worker};

pub(crate) fn state(participants: usize) -> Arc<State> {
    State::new(Settings { participants, burst_max: 32, memory_bytes_max: 32 << 20, seed: 5 })
}

pub(crate) fn begin(worker: &mut Worker, now_ns: u64) {
    worker.begin_burst();
    assert!(worker.begin_event(now_ns));
}

/// Writes elements at random until it is told to stop, and counts its bursts.
pub(crate) fn hammer(
    mut worker: Worker,
    vector: ObjectId,
    length: u32,
    stop: &AtomicBool,
    bursts: &AtomicU64,
) {
    let mut random = worker.burst_limit() as u32 + 0x9e37_79b9;
    while !stop.load(Ordering::Relaxed) {
        worker.begin_burst();
        let mut events = 0;
        while events < worker.burst_limit() && worker.begin_event(0) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            worker.vector_write(vector, random % length, [random.into(); 6]).unwrap();
            events += 1;
        }
        worker.commit(events);
        bursts.fetch_add(1, Ordering::Relaxed);
    }
    worker.idle();
}
