//! How many packet sets there may be, over all workers together.
//!
//! One counter would be exact but a line that every new flow of every worker writes. So a worker
//! takes places in small lots and keeps them in a `spare` of its own, and who finds the common
//! pool empty takes from the spares of others. A registration therefore fails only when no place
//! is left anywhere, on any number of workers and for any capacity. The one exception lasts some
//! nanoseconds: places in the hand of a worker that is moving a lot are in neither.

use nfos_sync::Padded;
use nfos_sync::atomic::{AtomicU64, Ordering};

/// Places moved at a time.
const LOT: u64 = 32;

/// The places of all workers.
#[derive(Debug)]
pub(crate) struct Capacity {
    total: u64,
    common: Padded<AtomicU64>,
    spares: Box<[Padded<AtomicU64>]>,
}

impl Capacity {
    /// `total` places for `workers` workers.
    pub(crate) fn new(total: u64, workers: usize) -> Self {
        Self {
            total,
            common: Padded(AtomicU64::new(total)),
            spares: (0..workers).map(|_| Padded(AtomicU64::new(0))).collect(),
        }
    }

    /// All places, taken or not.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Takes a place for `worker`; `false` if none is left anywhere.
    ///
    /// Cost: usually one read-modify-write of a line that is the worker's own.
    pub(crate) fn take(&self, worker: usize) -> bool {
        if take_up_to(&self.spares[worker], 1) == 1 {
            return true;
        }
        let lot = take_up_to(&self.common, LOT);
        if lot > 0 {
            // Relaxed: a place is a number, nothing is published with it.
            self.spares[worker].fetch_add(lot - 1, Ordering::Relaxed);
            return true;
        }
        self.spares.iter().any(|spare| take_up_to(spare, 1) == 1)
    }

    /// Gives a place back.
    pub(crate) fn give(&self, worker: usize) {
        let spare = self.spares[worker].fetch_add(1, Ordering::Relaxed) + 1;
        if spare > 2 * LOT {
            let lot = take_up_to(&self.spares[worker], LOT);
            self.common.fetch_add(lot, Ordering::Relaxed);
        }
    }
}

/// Takes up to `most` from a counter; answers how many.
fn take_up_to(counter: &AtomicU64, most: u64) -> u64 {
    let taken = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |have| {
        (have > 0).then(|| have - have.min(most))
    });
    taken.map_or(0, |had| had.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_exact_on_any_number_of_workers() {
        for workers in [1, 2, 7, 23] {
            for total in [1, 5, 31, 32, 33, 1000] {
                let capacity = Capacity::new(total, workers);
                let mut owners = Vec::new();
                for turn in 0.. {
                    let worker = turn % workers;
                    if !capacity.take(worker) {
                        break;
                    }
                    owners.push(worker);
                }
                assert_eq!(owners.len() as u64, total, "{workers} workers");
                for owner in owners {
                    capacity.give(owner);
                }
                let again = (0..=total).filter(|_| capacity.take(0)).count() as u64;
                assert_eq!(again, total, "{workers} workers, second time");
            }
        }
    }

    #[test]
    fn a_worker_without_places_takes_the_spare_of_another() {
        let capacity = Capacity::new(10, 2);
        assert!(capacity.take(0), "the lot of ten is now worker 0's");
        assert_eq!((0..20).filter(|_| capacity.take(1)).count(), 9);
    }
}
