//! Single-producer single-consumer rings between threads, in bursts.
//!
//! A thin layer over `rtrb`: what goes through is up to the user (frames, and markers between
//! them, as one enum). Nothing allocates after [`ring`]; neither end ever waits.

use rtrb::{Consumer, Producer, RingBuffer};

/// A ring with room for `capacity` messages, at least one.
pub fn ring<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (producer, consumer) = RingBuffer::new(capacity.max(1));
    (Sender { producer }, Receiver { consumer })
}

/// The end that puts messages in.
#[derive(Debug)]
pub struct Sender<T> {
    producer: Producer<T>,
}

impl<T> Sender<T> {
    /// Puts one message in, or gives it back if the ring is full.
    ///
    /// # Errors
    /// The message, if there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), T> {
        self.producer.push(message).map_err(|rtrb::PushError::Full(message)| message)
    }

    /// Moves messages from the front of `messages` into the ring, as many as fit, and says how
    /// many. The others stay, in order.
    #[inline]
    pub fn push_burst(&mut self, messages: &mut Vec<T>) -> usize {
        let count = messages.len().min(self.producer.slots());
        match self.producer.write_chunk_uninit(count) {
            Ok(chunk) => chunk.fill_from_iter(messages.drain(..count)),
            Err(_) => 0,
        }
    }

    /// How many messages fit now. Only grows until this end puts some in.
    #[inline]
    pub fn room(&self) -> usize {
        self.producer.slots()
    }

    /// Whether the other end is gone: nothing put in will be read.
    #[inline]
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }
}

/// The end that takes messages out.
#[derive(Debug)]
pub struct Receiver<T> {
    consumer: Consumer<T>,
}

impl<T> Receiver<T> {
    /// Takes one message out.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.consumer.pop().ok()
    }

    /// Appends up to `max` messages to `messages`, in order, and says how many. Allocates only if
    /// `messages` lacks the room.
    #[inline]
    pub fn pop_burst(&mut self, messages: &mut Vec<T>, max: usize) -> usize {
        let count = self.consumer.slots().min(max);
        let Ok(chunk) = self.consumer.read_chunk(count) else { return 0 };
        messages.extend(chunk);
        count
    }

    /// How many messages are there now. Only grows until this end takes some out.
    #[inline]
    pub fn len(&self) -> usize {
        self.consumer.slots()
    }

    /// Whether none is there now.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.consumer.is_empty()
    }

    /// Whether the other end is gone: once it is, what [`Self::len`] counts is all there ever is.
    #[inline]
    pub fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use nfos_sync::limit;

    use super::*;

    const MESSAGES: u32 = limit(20_000, 40) as u32;

    #[test]
    fn a_burst_goes_in_as_far_as_there_is_room_and_comes_out_in_order() {
        let (mut sender, mut receiver) = ring(4);
        let mut messages: Vec<u32> = (0..6).collect();
        assert_eq!(sender.push_burst(&mut messages), 4);
        assert_eq!(messages, [4, 5]);
        assert_eq!(sender.push_burst(&mut messages), 0);
        assert_eq!(sender.push(9), Err(9));
        let mut out = Vec::new();
        assert_eq!(receiver.pop_burst(&mut out, 3), 3);
        assert_eq!(sender.room(), 3);
        assert_eq!(sender.push_burst(&mut messages), 2);
        assert_eq!(receiver.pop(), Some(3));
        assert_eq!(receiver.pop_burst(&mut out, 10), 2);
        assert_eq!(out, [0, 1, 2, 4, 5]);
        assert!(receiver.is_empty());
    }

    #[test]
    fn an_end_that_is_gone_is_noticed_and_loses_nothing_sent_before() {
        let (mut sender, mut receiver) = ring(2);
        sender.push(1).unwrap();
        drop(sender);
        assert!(receiver.is_abandoned());
        assert_eq!((receiver.len(), receiver.pop(), receiver.pop()), (1, Some(1), None));
        let (sender, receiver) = ring::<u8>(1);
        drop(receiver);
        assert!(sender.is_abandoned());
    }

    #[test]
    fn a_ring_carries_every_message_once_between_threads() {
        let (mut sender, mut receiver) = ring(8);
        let producer = std::thread::spawn(move || {
            let mut pending = Vec::new();
            let mut next = 0u32;
            while next < MESSAGES || !pending.is_empty() {
                while pending.len() < 5 && next < MESSAGES {
                    pending.push(next);
                    next += 1;
                }
                if sender.push_burst(&mut pending) == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut all = Vec::new();
        while all.len() < MESSAGES as usize {
            if receiver.pop_burst(&mut all, 32) == 0 {
                std::thread::yield_now();
            }
        }
        producer.join().unwrap();
        assert!(all.iter().copied().eq(0..MESSAGES));
    }
}
