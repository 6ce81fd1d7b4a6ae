//! Steering in software, without a thread of its own: whichever worker has time takes a burst from
//! where packets come from and hands each packet to the worker it belongs to.
//!
//! Each [`Source`] of a port stands behind a lock that is only tried: who gets it takes a burst,
//! finds each packet's worker and puts the packet in the lane from this source to that worker; who
//! does not get it need not, since somebody else is at it. A worker then takes its own packets out
//! of its lanes, those it has received itself included, so that packets of one set stay in the
//! order in which they came. A worker that is held up, by a guest that runs to its time limit for
//! instance, holds up nobody's reception but its own.
//!
//! A lane that is full loses packets, and counts them: its worker does not keep up.
//!
//! The same place counts the packets of each entry of the steering table, and whoever changes the
//! table passes each lock once ([`Spread`] as [`Resteer`]): from then on nobody steers by what was
//! there before.

use super::Steering;
use super::lane::{Lanes, Taking};
use crate::id::PortId;
use crate::port::{PortError, Resteer};
use crate::ring::Sender;
use nfos_sync::atomic::{AtomicU64, Ordering};
use nfos_sync::{Arc, Lock};

/// Packets that a lane holds.
pub(crate) const LANE: usize = 512;

/// Where packets come from that are steered in software, a receive queue for instance.
pub trait Source: Send {
    /// A packet on its way.
    type Packet: Send + std::fmt::Debug;

    /// Takes some packets, if there are some, and hands each over in its order, with the entry of
    /// its bytes.
    fn take(&mut self, entry: impl Fn(&[u8]) -> usize, each: impl FnMut(usize, Self::Packet));
}

/// A source, with a lane from it to each worker.
#[derive(Debug)]
struct Spreader<S: Source> {
    source: S,
    lanes: Vec<Sender<S::Packet>>,
}

/// The sources of one port, shared by all workers.
#[derive(Debug)]
pub struct Spread<S: Source> {
    port: PortId,
    steering: Steering,
    spreaders: Vec<Lock<Spreader<S>>>,
    /// By source: packets of each entry so far. Written with the source's lock held.
    loads: Vec<Box<[AtomicU64]>>,
    full: AtomicU64,
}

/// One worker's end.
#[derive(Debug)]
pub struct Share<S: Source> {
    worker: usize,
    spread: Arc<Spread<S>>,
    lanes: Lanes<S::Packet>,
}

impl<S: Source> Spread<S> {
    /// Shares the sources of a port among the workers that `steering` knows, one share for each.
    pub fn new(port: PortId, sources: Vec<S>, steering: &Steering) -> (Arc<Self>, Vec<Share<S>>) {
        let mut ends: Vec<_> = (0..steering.workers()).map(|_| Lanes::new()).collect();
        let spreaders = sources.into_iter().map(|source| {
            let lanes = ends.iter_mut().map(|end| end.add(LANE)).collect();
            Lock::new(Spreader { source, lanes })
        });
        let spreaders: Vec<_> = spreaders.collect();
        let none = || (0..steering.entries()).map(|_| AtomicU64::new(0)).collect();
        let spread = Arc::new(Self {
            port,
            steering: steering.clone(),
            loads: spreaders.iter().map(|_| none()).collect(),
            spreaders,
            full: AtomicU64::new(0),
        });
        let ends = ends.into_iter().enumerate();
        let share = |(worker, lanes)| Share { worker, spread: Arc::clone(&spread), lanes };
        let shares = ends.map(share).collect();
        (spread, shares)
    }

    /// Takes a burst from one source and spreads it, unless another worker does so now.
    #[inline]
    fn receive(&self, index: usize) {
        let Some(mut spreader) = self.spreaders[index].try_lock() else { return };
        let Spreader { source, lanes } = &mut *spreader;
        let loads = &self.loads[index];
        let mut full = 0;
        let entry = |bytes: &[u8]| self.steering.entry(self.port, bytes);
        source.take(entry, |entry, packet| {
            // Relaxed, and no read-modify-write: only who holds the lock writes, and a count
            // publishes nothing.
            let load = &loads[entry];
            load.store(load.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            let worker = self.steering.worker_at(entry);
            // What is given back is dropped, and with it goes its buffer.
            full += u64::from(lanes[worker].push(packet).is_err());
        });
        if full > 0 {
            // Relaxed: a number by itself, read in the end by who has joined the workers.
            self.full.fetch_add(full, Ordering::Relaxed);
        }
    }

    /// Packets for which the lane to their worker was full.
    pub fn full(&self) -> u64 {
        self.full.load(Ordering::Relaxed)
    }

    /// Packets in the lanes of shares that were given back: nobody will take them.
    pub fn left_behind(&self) -> u64 {
        let of_spreader = |spreader: &Lock<Spreader<S>>| {
            let spreader = spreader.lock();
            let abandoned = spreader.lanes.iter().filter(|lane| lane.is_abandoned());
            abandoned.map(|lane| (LANE - lane.room()) as u64).sum::<u64>()
        };
        self.spreaders.iter().map(of_spreader).sum()
    }
}

impl<S: Source> Resteer for Arc<Spread<S>> {
    /// Waits for whoever steers by what was in the table before: at most a burst for each source.
    fn follow(&mut self) -> Result<(), PortError> {
        for spreader in &self.spreaders {
            // Who held it before has put its packets into their lanes, which whoever hears of this
            // sees; who gets it after sees the table as it is now.
            drop(spreader.lock());
        }
        Ok(())
    }

    fn add_loads(&self, loads: &mut [u64]) {
        for of_source in &self.loads {
            for (sum, load) in loads.iter_mut().zip(of_source) {
                *sum += load.load(Ordering::Relaxed);
            }
        }
    }
}

impl<S: Source> Share<S> {
    /// Up to `max` packets of this worker, and how many at most, fewer while it drains: as many are
    /// to be taken as there are.
    #[inline]
    pub fn receive(&mut self, max: usize) -> (usize, Taking<'_, S::Packet>) {
        if self.lanes.waiting() < max {
            let sources = self.lanes.len();
            for source in 0..sources {
                // Each begins elsewhere, so that they meet less often.
                self.spread.receive((source + self.worker) % sources);
            }
        }
        self.lanes.take(max)
    }

    /// See [`Queue::begin_drain`](crate::Queue::begin_drain).
    pub fn begin_drain(&mut self) {
        self.lanes.begin_drain();
    }

    /// See [`Queue::is_drained`](crate::Queue::is_drained).
    pub fn is_drained(&self) -> bool {
        self.lanes.is_drained()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classifier::Classifier;
    use nfos_sync::atomic::AtomicBool;
    use nfos_sync::thread;

    const PORT: PortId = PortId::new(0);
    const SETS: usize = 16;
    const MOVES: usize = if cfg!(miri) { 3 } else { 200 };

    /// Numbers packets of one set after the other.
    #[derive(Debug)]
    struct Numbers {
        next: u64,
        frames: Vec<[u8; 14]>,
    }

    impl Source for Numbers {
        type Packet = u64;

        fn take(&mut self, entry: impl Fn(&[u8]) -> usize, mut each: impl FnMut(usize, u64)) {
            for _ in 0..4 {
                each(entry(&self.frames[self.next as usize % SETS]), self.next);
                self.next += 1;
            }
        }
    }

    fn frames() -> Vec<[u8; 14]> {
        (0..SETS as u8).map(|set| std::array::from_fn(|at| set * at as u8)).collect()
    }

    /// After an entry was moved and its worker's lanes were drained, no packet of it comes there.
    #[test]
    fn nothing_of_an_entry_comes_to_a_worker_that_has_drained_after_the_table_was_followed() {
        let steering = Steering::new(Classifier::new(&[], &[]).unwrap(), 2).unwrap();
        let entries: Vec<_> = frames().iter().map(|frame| steering.entry(PORT, frame)).collect();
        let sources = vec![Numbers { next: 0, frames: frames() }];
        let (mut spread, shares) = Spread::new(PORT, sources, &steering);
        // By worker: the entry that it is to give away, and those that it has given.
        let asked = [(); 2].map(|()| Lock::new(None::<usize>));
        let flags = || (0..steering.entries()).map(|_| AtomicBool::new(false)).collect::<Vec<_>>();
        let gone = [flags(), flags()];
        let (late, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let work = |mut share: Share<Numbers>| {
            let (worker, mut giving) = (share.worker, None);
            while !stop.load(Ordering::Acquire) {
                let (count, packets) = share.receive(7);
                for packet in packets.take(count) {
                    let entry = entries[packet as usize % SETS];
                    if gone[worker][entry].load(Ordering::Relaxed) {
                        late.store(true, Ordering::Relaxed);
                    }
                }
                if let Some(entry) = asked[worker].lock().take() {
                    share.begin_drain();
                    giving = Some(entry);
                }
                if let Some(entry) = giving.take_if(|_| share.is_drained()) {
                    gone[worker][entry].store(true, Ordering::Release);
                }
            }
        };
        thread::scope(|scope| {
            shares.into_iter().for_each(|share| _ = scope.spawn(|| work(share)));
            for entry in entries.iter().cycle().take(MOVES) {
                let from = steering.worker_at(*entry);
                // Seen by whoever takes a packet that was steered by the table of below.
                gone[1 - from][*entry].store(false, Ordering::Relaxed);
                steering.assign(*entry, 1 - from);
                spread.follow().unwrap();
                *asked[from].lock() = Some(*entry);
                while !gone[from][*entry].load(Ordering::Acquire) {
                    thread::yield_now();
                }
            }
            stop.store(true, Ordering::Release);
        });
        assert!(!late.load(Ordering::Relaxed));
        let mut loads = vec![0; steering.entries()];
        spread.add_loads(&mut loads);
        let taken = spread.spreaders[0].lock().source.next;
        assert_eq!(loads.iter().sum::<u64>(), taken, "every packet counts for an entry");
        assert!(spread.full() + spread.left_behind() <= taken);
    }
}
