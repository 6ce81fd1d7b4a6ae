//! A table whose entries end when their time is over.
//!
//! A map of the standard library, and a heap of ends: what is on top of the heap may have been
//! prolonged since, and then goes back with its new end. So an entry costs the heap something when
//! it begins and about once per timeout, and prolonging it is one store, which may happen behind a
//! shared lock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use nfos::prelude::{FrameReason, Ipv4, TCP, UDP};

/// Addresses, ports and protocol of a packet, and 16 bits beside.
pub type Tuple = u128;

/// The 5-tuple of a TCP or UDP packet that is in order, as 13 bytes.
///
/// # Errors
/// As the frame rules order them.
#[inline]
pub fn five_tuple(ip: &mut Ipv4<'_>) -> Result<[u8; 13], FrameReason> {
    if !ip.is_fragment() && ![TCP, UDP].contains(&ip.protocol()) {
        return Err(FrameReason::UnsupportedProtocol);
    }
    ip.five_tuple()
}

/// A 5-tuple and 16 bits beside as a key.
#[inline]
pub fn key_of(tuple: [u8; 13], beside: u16) -> Tuple {
    let mut bytes = [0; 16];
    bytes[..13].copy_from_slice(&tuple);
    bytes[13..15].copy_from_slice(&beside.to_be_bytes());
    u128::from_be_bytes(bytes)
}

/// An entry.
#[derive(Debug)]
pub struct Entry<V> {
    /// What is kept.
    pub value: V,
    end_ns: AtomicU64,
}

impl<V> Entry<V> {
    /// When it ends.
    #[inline]
    pub fn end_ns(&self) -> u64 {
        self.end_ns.load(Ordering::Relaxed)
    }

    /// Lets it end later, or sooner.
    #[inline]
    pub fn set_end_ns(&self, end_ns: u64) {
        self.end_ns.store(end_ns, Ordering::Relaxed);
    }
}

/// The table.
#[derive(Debug)]
pub struct Flows<K, V> {
    entries: HashMap<K, Entry<V>, RandomState>,
    ends: BinaryHeap<Reverse<(u64, K)>>,
    capacity: usize,
}

impl<K: Copy + Eq + Hash + Ord, V> Flows<K, V> {
    /// A table with so much room, made at once.
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::with_capacity_and_hasher(capacity, RandomState::default()),
            ends: BinaryHeap::with_capacity(capacity),
            capacity,
        }
    }

    /// An entry, whatever its end.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// An entry to be changed.
    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut Entry<V>> {
        self.entries.get_mut(key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.entries.len() == self.capacity
    }

    /// Puts an entry in; the key must be new, and there must be room.
    pub fn insert(&mut self, key: K, value: V, end_ns: u64) {
        self.entries.insert(key, Entry { value, end_ns: AtomicU64::new(end_ns) });
        self.ends.push(Reverse((end_ns, key)));
    }

    /// Whether some entry may have ended before `now_ns`.
    #[inline]
    pub fn is_due(&self, now_ns: u64) -> bool {
        self.ends.peek().is_some_and(|Reverse((end_ns, _))| *end_ns < now_ns)
    }

    /// Takes out up to `most` entries that ended before `now_ns`, in the order of their ends.
    pub fn expire(&mut self, now_ns: u64, most: usize, mut ended: impl FnMut(V)) {
        let mut taken = 0;
        while taken < most && self.is_due(now_ns) {
            let Some(Reverse((_, key))) = self.ends.pop() else { return };
            let Some(entry) = self.entries.get(&key) else { continue };
            if entry.end_ns() >= now_ns {
                self.ends.push(Reverse((entry.end_ns(), key)));
            } else if let Some(entry) = self.entries.remove(&key) {
                ended(entry.value);
                taken += 1;
            }
        }
    }
}
