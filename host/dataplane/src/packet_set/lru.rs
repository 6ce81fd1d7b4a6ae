//! The order in which packet sets were last seen: a doubly linked list through the entries. Idle
//! time is one for all sets, so the order of last use is the order of expiry.

use super::index::NONE;

/// The list links that the order needs of its entries. Entry numbers start at 1; [`NONE`] has links
/// too, which mean nothing.
pub(crate) trait Order {
    /// The neighbour seen before, or [`NONE`].
    fn older(&self, entry: u32) -> u32;
    /// The neighbour seen after, or [`NONE`].
    fn younger(&self, entry: u32) -> u32;
    /// Sets it.
    fn set_older(&mut self, entry: u32, older: u32);
    /// Sets it.
    fn set_younger(&mut self, entry: u32, younger: u32);
}

/// The two ends.
#[derive(Debug, Default)]
pub(crate) struct Lru {
    oldest: u32,
    youngest: u32,
}

impl Lru {
    /// The entry that was not seen for the longest time, or [`NONE`].
    #[inline]
    pub(crate) fn oldest(&self) -> u32 {
        self.oldest
    }

    /// Makes an entry that is not in the list the youngest.
    #[inline]
    pub(crate) fn push_youngest(&mut self, entry: u32, order: &mut impl Order) {
        let older = std::mem::replace(&mut self.youngest, entry);
        order.set_older(entry, older);
        order.set_younger(entry, NONE);
        match older {
            NONE => self.oldest = entry,
            _ => order.set_younger(older, entry),
        }
    }

    /// Puts an entry that was removed as the oldest back there.
    pub(crate) fn push_oldest(&mut self, entry: u32, order: &mut impl Order) {
        let younger = std::mem::replace(&mut self.oldest, entry);
        order.set_older(entry, NONE);
        order.set_younger(entry, younger);
        match younger {
            NONE => self.youngest = entry,
            _ => order.set_older(younger, entry),
        }
    }

    /// Takes an entry out.
    #[inline]
    pub(crate) fn remove(&mut self, entry: u32, order: &mut impl Order) {
        let (older, younger) = (order.older(entry), order.younger(entry));
        match older {
            NONE => self.oldest = younger,
            _ => order.set_younger(older, younger),
        }
        match younger {
            NONE => self.youngest = older,
            _ => order.set_older(younger, older),
        }
    }

    /// Makes an entry of the list the youngest.
    #[inline]
    pub(crate) fn touch(&mut self, entry: u32, order: &mut impl Order) {
        if self.youngest != entry {
            self.remove(entry, order);
            self.push_youngest(entry, order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entries(Vec<(u32, u32)>);

    impl Order for Entries {
        fn older(&self, entry: u32) -> u32 {
            self.0[entry as usize].0
        }
        fn younger(&self, entry: u32) -> u32 {
            self.0[entry as usize].1
        }
        fn set_older(&mut self, entry: u32, older: u32) {
            self.0[entry as usize].0 = older;
        }
        fn set_younger(&mut self, entry: u32, younger: u32) {
            self.0[entry as usize].1 = younger;
        }
    }

    fn drain(lru: &mut Lru, entries: &mut Entries) -> Vec<u32> {
        let mut found = Vec::new();
        while lru.oldest() != NONE {
            found.push(lru.oldest());
            lru.remove(lru.oldest(), entries);
        }
        found
    }

    #[test]
    fn entries_leave_in_the_order_of_their_last_touch() {
        let mut entries = Entries(vec![(0, 0); 5]);
        let mut lru = Lru::default();
        for entry in 1..5 {
            lru.push_youngest(entry, &mut entries);
        }
        lru.touch(1, &mut entries);
        lru.touch(3, &mut entries);
        lru.touch(3, &mut entries);
        assert_eq!(drain(&mut lru, &mut entries), [2, 4, 1, 3]);
        assert!(drain(&mut lru, &mut entries).is_empty());
    }

    #[test]
    fn an_entry_put_back_is_the_oldest_again() {
        let mut entries = Entries(vec![(0, 0); 4]);
        let mut lru = Lru::default();
        for entry in 1..4 {
            lru.push_youngest(entry, &mut entries);
        }
        lru.remove(1, &mut entries);
        lru.remove(2, &mut entries);
        lru.push_oldest(2, &mut entries);
        lru.push_oldest(1, &mut entries);
        assert_eq!(drain(&mut lru, &mut entries), [1, 2, 3]);
    }
}
