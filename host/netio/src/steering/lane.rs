//! Lanes: the way of packets from where they are steered to their workers, which knows when
//! everything that was under way at some point has come out.
//!
//! A worker that is to give an entry of the steering table away must know when its last packet of
//! that entry has come. The table is changed first, and whoever steers is waited for; from then on
//! nothing of the entry goes into its lanes. What lies in them at that point is *behind*
//! ([`Lanes::begin_drain`]), and when as many packets have come out, it is over. That is exact, and
//! ends however many others come meanwhile.

use crate::ring::{Receiver, Sender, ring};

/// The lanes to one worker, one from each place where packets are steered.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    lanes: Vec<Lane<T>>,
    /// Packets behind, over all lanes.
    behind: usize,
}

#[derive(Debug)]
struct Lane<T> {
    receiver: Receiver<T>,
    /// Packets that lay in it when draining began, and still do.
    behind: usize,
}

impl<T> Lanes<T> {
    /// No lanes.
    pub(super) fn new() -> Self {
        Self { lanes: Vec::new(), behind: 0 }
    }

    /// Adds a lane for `capacity` packets, and gives its other end.
    pub(super) fn add(&mut self, capacity: usize) -> Sender<T> {
        let (sender, receiver) = ring(capacity);
        self.lanes.push(Lane { receiver, behind: 0 });
        sender
    }

    /// How many lanes there are.
    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Packets in all lanes now.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.receiver.len()).sum()
    }

    /// Up to `max` packets, and how many at most: fewer than asked for while it drains, and then
    /// all of them are to be taken.
    #[inline]
    pub(super) fn take(&mut self, max: usize) -> (usize, Taking<'_, T>) {
        if self.behind > 0 {
            return self.take_behind(max);
        }
        let mut lanes = self.lanes.iter_mut();
        (max, Taking { lane: lanes.next(), lanes })
    }

    /// The same from one lane that has packets behind. They are there, so as many come as are said
    /// to, and nothing is counted while they do.
    #[cold]
    fn take_behind(&mut self, max: usize) -> (usize, Taking<'_, T>) {
        let lane = self.lanes.iter_mut().find(|lane| lane.behind > 0);
        let lane = lane.expect("what is behind lies in some lane");
        let count = max.min(lane.behind);
        lane.behind -= count;
        self.behind -= count;
        (count, Taking { lane: Some(lane), lanes: [].iter_mut() })
    }

    /// What lies in the lanes now is behind.
    pub(super) fn begin_drain(&mut self) {
        for lane in &mut self.lanes {
            lane.behind = lane.receiver.len();
        }
        self.behind = self.lanes.iter().map(|lane| lane.behind).sum();
    }

    /// Whether all that was behind when draining began last has been taken.
    #[inline]
    pub(super) fn is_drained(&self) -> bool {
        self.behind == 0
    }
}

/// Packets on their way out of lanes, in the order of each lane.
#[derive(Debug)]
pub struct Taking<'a, T> {
    lane: Option<&'a mut Lane<T>>,
    lanes: std::slice::IterMut<'a, Lane<T>>,
}

impl<T> Iterator for Taking<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        loop {
            match self.lane.as_mut()?.receiver.pop() {
                Some(packet) => return Some(packet),
                None => self.lane = self.lanes.next(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(lanes: &mut Lanes<u32>, max: usize) -> Vec<u32> {
        let (count, taking) = lanes.take(max);
        taking.take(count).collect()
    }

    #[test]
    fn lanes_are_drained_when_what_lay_in_each_is_out_whatever_comes_meanwhile() {
        let mut lanes = Lanes::new();
        let mut ends = [lanes.add(8), lanes.add(8)];
        for packet in 0..3 {
            ends[0].push(packet).unwrap();
            ends[1].push(10 + packet).unwrap();
        }
        assert!(lanes.is_drained());
        lanes.begin_drain();
        ends[0].push(3).unwrap();
        assert_eq!(take(&mut lanes, 2), [0, 1]);
        assert_eq!(take(&mut lanes, 9), [2], "of one lane, and nothing newer");
        assert_eq!(take(&mut lanes, 2), [10, 11]);
        assert!(!lanes.is_drained());
        ends[1].push(13).unwrap();
        assert_eq!(take(&mut lanes, 9), [12]);
        assert!(lanes.is_drained());
        assert_eq!(take(&mut lanes, 9), [3, 13]);
        lanes.begin_drain();
        assert!(lanes.is_drained(), "nothing lay there");
        assert_eq!((lanes.waiting(), lanes.len()), (0, 2));
    }
}
