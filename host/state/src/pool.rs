//! Interchangeable numbers in first-in-first-out queues, one queue for each participant.
//!
//! A pool holds what the committed state leaves free: ids of an allocator, slots of a map. Which of
//! them a transaction gets is not part of any promise, so taking one needs no transaction: it is
//! out of circulation from then on, goes back if the run that took it is thrown away, and stays
//! away if it commits; a number that a transaction gives up comes in after its commit. So none is
//! ever handed out twice. Whether *nothing at all* is left is another question, and a transactional
//! one: structures keep a count for that, in cells.
//!
//! Each participant takes from its own queue and gives to it. Who finds it dry takes half of the
//! fullest other queue, at most [`THEFT_MAX`] at once, so that one theft serves many takings. Who
//! has few left does so at the end of a burst, before a handler needs it, if another has twice as
//! many.

use nfos_sync::atomic::{AtomicU32, AtomicU64, Ordering};
use nfos_sync::{Bug, Lock, Padded, seeded};

/// No number.
pub(crate) const NIL: u32 = u32::MAX;

/// The most numbers below which a participant looks for more ahead of need.
const LOW_WATER_MAX: u32 = 64;

/// The most numbers that one theft moves.
const THEFT_MAX: u32 = 512;

#[derive(Debug)]
struct Queue {
    head: u32,
    tail: u32,
}

#[derive(Debug)]
struct Shard {
    queue: Lock<Queue>,
    /// Changed under the lock, read as a hint without it.
    length: AtomicU32,
    /// What its participant has stolen; written by it alone.
    in_need: AtomicU64,
    ahead: AtomicU64,
    stolen: AtomicU64,
}

/// What moved between queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thefts {
    /// Thefts by participants that had nothing left.
    pub(crate) in_need: u64,
    /// Thefts ahead of need.
    pub(crate) ahead: u64,
    /// Numbers moved.
    pub(crate) stolen: u64,
}

#[derive(Debug)]
pub(crate) struct Pool {
    shards: Box<[Padded<Shard>]>,
    /// The next number in the same queue; guarded by that queue's lock.
    next: Box<[AtomicU32]>,
    /// Whose queue is shorter looks for more.
    low_water: u32,
}

impl Pool {
    /// The numbers below `count`, dealt out evenly, remainder included.
    pub(crate) fn new(count: u32, participants: usize) -> Self {
        let pool = Self {
            shards: (0..participants)
                .map(|_| {
                    let queue = Lock::new(Queue { head: NIL, tail: NIL });
                    let counter = || AtomicU64::new(0);
                    Padded(Shard {
                        queue,
                        length: AtomicU32::new(0),
                        in_need: counter(),
                        ahead: counter(),
                        stolen: counter(),
                    })
                })
                .collect(),
            next: (0..count).map(|_| AtomicU32::new(NIL)).collect(),
            low_water: (count / (4 * participants as u32)).min(LOW_WATER_MAX),
        };
        for number in 0..count {
            pool.give(
                (u64::from(number) * participants as u64 / u64::from(count)) as usize,
                number,
            );
        }
        pool
    }

    /// Puts a number at the end of a participant's queue.
    pub(crate) fn give(&self, participant: usize, number: u32) {
        self.give_all(participant, std::iter::once(number));
    }

    /// Puts numbers at the end of a participant's queue, in one go.
    pub(crate) fn give_all(&self, participant: usize, numbers: impl Iterator<Item = u32>) {
        let shard = &self.shards[participant];
        let mut queue = shard.queue.lock();
        for number in numbers {
            self.next[number as usize].store(NIL, Ordering::Relaxed);
            self.append(&mut queue, number, number);
            shard.grow(1);
        }
    }

    /// Puts a number that was not used after all back to the front.
    pub(crate) fn give_back(&self, participant: usize, number: u32) {
        let shard = &self.shards[participant];
        let mut queue = shard.queue.lock();
        self.next[number as usize].store(queue.head, Ordering::Relaxed);
        queue.head = number;
        if queue.tail == NIL {
            queue.tail = number;
        }
        shard.grow(1);
    }

    /// Takes a number, from the own queue or the fullest other.
    #[inline]
    pub(crate) fn take(&self, participant: usize) -> Option<u32> {
        let shard = &self.shards[participant];
        if shard.length.load(Ordering::Relaxed) > 0 {
            let mut queue = shard.queue.lock();
            if queue.head != NIL {
                return Some(self.pop(shard, &mut queue));
            }
        }
        self.steal(participant)
    }

    /// At the end of a burst that took numbers: takes some of the fullest other queue if few are
    /// left. To be called while the burst's [reservations](nfos_stm::Transaction::reserve) stand,
    /// since what is on its way is in no queue.
    #[inline]
    pub(crate) fn refill(&self, participant: usize) {
        let own = self.shards[participant].length.load(Ordering::Relaxed);
        if own < self.low_water {
            self.steal_ahead(participant, own);
        }
    }

    #[cold]
    fn steal_ahead(&self, thief: usize, own: u32) {
        let length = |victim: usize| self.shards[victim].length.load(Ordering::Relaxed);
        let richest = (0..self.shards.len()).max_by_key(|&victim| length(victim));
        let Some(victim) = richest.filter(|&victim| length(victim) >= 2 * own.max(1)) else {
            return;
        };
        if victim != thief
            && let Some((first, last, count)) = self.cut(victim)
        {
            let shard = &self.shards[thief];
            add(&shard.ahead, 1);
            add(&shard.stolen, u64::from(count));
            let mut queue = shard.queue.lock();
            self.next[last as usize].store(NIL, Ordering::Relaxed);
            self.append(&mut queue, first, last);
            shard.grow(count);
        }
    }

    /// What moved between queues so far.
    pub(crate) fn thefts(&self) -> Thefts {
        let mut thefts = Thefts::default();
        for shard in &self.shards {
            thefts.in_need += shard.in_need.load(Ordering::Relaxed);
            thefts.ahead += shard.ahead.load(Ordering::Relaxed);
            thefts.stolen += shard.stolen.load(Ordering::Relaxed);
        }
        thefts
    }

    /// How many numbers a participant has moved into its queue so far.
    pub(crate) fn stolen_by(&self, participant: usize) -> u64 {
        self.shards[participant].stolen.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn pop(&self, shard: &Shard, queue: &mut Queue) -> u32 {
        let number = queue.head;
        queue.head = self.next[number as usize].load(Ordering::Relaxed);
        if queue.head == NIL {
            queue.tail = NIL;
        }
        shard.shrink(1);
        number
    }

    #[cold]
    fn steal(&self, thief: usize) -> Option<u32> {
        if seeded(Bug::TheftGivesUp) && self.shards[thief].in_need.load(Ordering::Relaxed) % 2 == 1
        {
            add(&self.shards[thief].in_need, 1);
            return None;
        }
        // Each round that takes nothing has met a queue that someone else emptied meanwhile.
        for _ in 0..2 * self.shards.len() {
            let length = |victim: usize| self.shards[victim].length.load(Ordering::Relaxed);
            let lengths = (0..self.shards.len()).map(|victim| (length(victim), victim));
            // Read once: that the longest is empty by now says nothing of the others.
            let (length, victim) = lengths.max()?;
            if length == 0 {
                return None;
            }
            if let Some((first, last, count)) = self.cut(victim) {
                add(&self.shards[thief].in_need, 1);
                add(&self.shards[thief].stolen, u64::from(count));
                return Some(self.keep_loot(thief, first, last, count));
            }
        }
        None
    }

    /// Cuts off the front half of a queue: its first and last number and how many they are.
    fn cut(&self, victim: usize) -> Option<(u32, u32, u32)> {
        let shard = &self.shards[victim];
        let mut queue = shard.queue.lock();
        let count = shard.length.load(Ordering::Relaxed).div_ceil(2).min(THEFT_MAX);
        let (first, mut last) = (queue.head, queue.head);
        if first == NIL {
            return None;
        }
        if seeded(Bug::TheftLeavesTheLoot) {
            return Some((first, first, 1));
        }
        for _ in 1..count {
            last = self.next[last as usize].load(Ordering::Relaxed);
        }
        queue.head = self.next[last as usize].load(Ordering::Relaxed);
        if queue.head == NIL {
            queue.tail = NIL;
        }
        shard.shrink(count);
        Some((first, last, count))
    }

    fn keep_loot(&self, thief: usize, first: u32, last: u32, count: u32) -> u32 {
        if count > 1 {
            let shard = &self.shards[thief];
            let mut queue = shard.queue.lock();
            let second = self.next[first as usize].load(Ordering::Relaxed);
            self.next[last as usize].store(NIL, Ordering::Relaxed);
            self.append(&mut queue, second, last);
            shard.grow(count - 1);
        }
        first
    }

    fn append(&self, queue: &mut Queue, first: u32, last: u32) {
        if queue.tail == NIL {
            queue.head = first;
        } else {
            self.next[queue.tail as usize].store(first, Ordering::Relaxed);
        }
        queue.tail = last;
    }
}

/// Adds to a counter with one writer.
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

impl Shard {
    fn grow(&self, by: u32) {
        self.length.store(self.length.load(Ordering::Relaxed) + by, Ordering::Relaxed);
    }

    fn shrink(&self, by: u32) {
        self.length.store(self.length.load(Ordering::Relaxed) - by, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_participant_gets_everything_exactly_once() {
        for (count, participants) in [(10, 3), (2, 8), (1, 1), (5_000, 4)] {
            let pool = Pool::new(count, participants);
            let mut taken: Vec<_> = std::iter::from_fn(|| pool.take(participants - 1)).collect();
            taken.sort_unstable();
            assert_eq!(taken, (0..count).collect::<Vec<_>>());
            pool.give(0, 0);
            assert_eq!((pool.take(participants - 1), pool.take(0)), (Some(0), None));
        }
    }

    #[test]
    fn one_theft_takes_from_the_fullest_and_serves_many_takings() {
        let pool = Pool::new(300, 3);
        let length = |participant: usize| pool.shards[participant].length.load(Ordering::Relaxed);
        (0..100).for_each(|_| assert!(pool.take(0).is_some()));
        (0..40).for_each(|_| assert!(pool.take(1).is_some()));
        assert_eq!([length(0), length(1), length(2)], [0, 60, 100]);
        assert!(pool.take(0).is_some());
        assert_eq!([length(0), length(1), length(2)], [49, 60, 50]);
        (0..49).for_each(|_| assert!(pool.take(0).is_some()));
        assert_eq!([length(0), length(1), length(2)], [0, 60, 50]);
    }

    #[test]
    fn queues_are_first_in_first_out_and_unused_numbers_go_to_the_front() {
        let pool = Pool::new(3, 1);
        let first = pool.take(0).unwrap();
        pool.give(0, first);
        assert_eq!(pool.take(0), Some(1));
        pool.give_back(0, 1);
        assert_eq!([pool.take(0), pool.take(0), pool.take(0)], [Some(1), Some(2), Some(0)]);
        pool.give_back(0, 2);
        pool.give(0, 1);
        assert_eq!([pool.take(0), pool.take(0), pool.take(0)], [Some(2), Some(1), None]);
    }

    #[test]
    fn few_numbers_are_refilled_from_the_fullest_queue_if_that_has_twice_as_many() {
        let pool = Pool::new(64, 2);
        let take = |participant, count| {
            (0..count).for_each(|_| _ = pool.take(participant).unwrap());
        };
        let lengths = || [0, 1].map(|i: usize| pool.shards[i].length.load(Ordering::Relaxed));
        // Eight or more are enough.
        take(0, 24);
        pool.refill(0);
        assert_eq!(pool.thefts(), Thefts::default());
        take(0, 1);
        pool.refill(0);
        assert_eq!(pool.thefts(), Thefts { in_need: 0, ahead: 1, stolen: 16 });
        assert_eq!(lengths(), [23, 16]);
        // Nobody has twice as many as 7.
        take(0, 16);
        take(1, 4);
        pool.refill(0);
        assert_eq!((lengths(), pool.thefts().ahead), ([7, 12], 1));
        // A theft in need is told apart, and nothing is lost.
        take(0, 8);
        assert_eq!((pool.thefts().in_need, lengths().iter().sum::<u32>()), (1, 11));
        assert_eq!(std::iter::from_fn(|| pool.take(1)).count(), 11);
    }

    #[test]
    fn threads_never_hold_a_number_together() {
        let pool = Pool::new(64, 4);
        let held: Vec<AtomicU32> = (0..64).map(|_| AtomicU32::new(0)).collect();
        std::thread::scope(|scope| {
            for me in 0..4 {
                let (pool, held) = (&pool, &held);
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    for round in 0..20_000u32 {
                        if round.wrapping_mul(0x9e37_79b9) >> 31 == 0 {
                            mine.extend(pool.take(me).inspect(|&number| {
                                assert_eq!(held[number as usize].swap(1, Ordering::AcqRel), 0);
                            }));
                            pool.refill(me);
                        } else if let Some(number) = mine.pop() {
                            held[number as usize].store(0, Ordering::Release);
                            pool.give(me, number);
                        }
                    }
                    for number in mine {
                        pool.give(me, number);
                    }
                });
            }
        });
        assert_eq!(std::iter::from_fn(|| pool.take(0)).count(), 64);
    }
}
