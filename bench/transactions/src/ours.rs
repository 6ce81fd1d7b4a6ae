//! The aggregate state, with one object of each kind, and workers that run bursts on it.

use nfos_rounds::Subject;
use nfos_state::{Merge, ObjectId, Settings, State, Worker};

use crate::draws::Draws;
use crate::{Value, key};

/// Events of one run of a subject.
pub const RUN: usize = 1_024;

/// Events of the longest burst.
pub const BURST_MAX: usize = 32;

/// The structures, by number.
#[derive(Clone, Copy, Debug)]
pub struct Objects {
    /// A vector of the elements.
    pub vector: ObjectId,
    /// A map with a key for each element, and room for as many again.
    pub map: ObjectId,
    /// An allocator of twice as many ids.
    pub ids: ObjectId,
    /// A distributed object that is merged for each read.
    pub exact: ObjectId,
    /// One whose merged value may be an hour old.
    pub stale: ObjectId,
}

/// A worker, and what it works on.
#[derive(Debug)]
pub struct Bed {
    /// The worker.
    pub worker: Worker,
    /// The structures.
    pub objects: Objects,
    now_ns: u64,
}

impl Bed {
    /// As many workers of one state.
    pub fn several(workers: usize, elements: u32, burst_max: usize) -> Vec<Self> {
        let state = State::new(Settings {
            participants: workers,
            burst_max,
            memory_bytes_max: 64 << 20,
            seed: 1,
        });
        let hour_ns = 3_600_000_000_000;
        let opened = "the structures fit the memory";
        let objects = Objects {
            vector: state.open_vector("vector", elements).expect(opened),
            map: state.open_map("map", 2 * elements, crate::KEY_BYTES as u32).expect(opened),
            ids: state.open_allocator("ids", 2 * elements, 0).expect(opened),
            exact: state.open_distributed("exact", &[Merge::Sum], 0).expect(opened),
            stale: state.open_distributed("stale", &[Merge::Sum], hour_ns).expect(opened),
        };
        let bed = |worker| Self { worker: state.worker(worker), objects, now_ns: 1 };
        let mut beds: Vec<Self> = (0..workers).map(bed).collect();
        beds[0].fill(elements);
        beds
    }

    /// One worker alone.
    pub fn alone(elements: u32, burst_max: usize) -> Self {
        Self::several(1, elements, burst_max).remove(0)
    }

    fn fill(&mut self, elements: u32) {
        for element in 0..elements {
            let objects = self.objects;
            self.burst(1, |worker| {
                let value = [u64::from(element); 6];
                worker.map_set(objects.map, key(element), value).expect("there is room");
                worker.allocate(objects.ids, 1 << 50).expect("an allocator").expect("an id");
                worker.distributed_read(objects.stale).expect("an object");
            });
        }
    }

    /// One burst of as many of these events; how many of them committed.
    #[inline(always)]
    pub fn burst(&mut self, events: usize, mut event: impl FnMut(&mut Worker)) -> usize {
        self.now_ns += 1_000;
        self.worker.begin_burst();
        for _ in 0..events {
            if !self.worker.begin_event(self.now_ns) {
                break;
            }
            event(&mut self.worker);
        }
        self.worker.commit(events).committed
    }

    /// The subject of bursts of `burst` events, each with an element of its own.
    pub fn subject<'a>(
        mut self,
        burst: usize,
        mut draws: Draws,
        mut event: impl FnMut(&mut Worker, &Objects, u32) + 'a,
    ) -> Subject<'a> {
        let objects = self.objects;
        Box::new(move || {
            for _ in 0..RUN / burst {
                self.burst(burst, |worker| event(worker, &objects, draws.draw()));
            }
            RUN as u64
        })
    }
}

/// A value that depends on the one before.
#[inline(always)]
pub fn next_value(mut value: Value) -> Value {
    value[0] = value[0].wrapping_add(1);
    value
}
