//! The order in which packet sets were last seen: a doubly linked list through the entries. Idle
//! time is one for all sets, so the order of last use is the order of expiry.

use super::index::NONE;

/// The list links that the order needs of its entries. Entry numbers start at 1.
pub(crate) trait Order {
    /// (older, younger) neighbours.
    fn neighbours(&self, entry: u32) -> (u32, u32);
    /// Sets both.
    fn set_neighbours(&mut self, entry: u32, older: u32, younger: u32);
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
        self.link(self.youngest, entry, NONE, order);
    }

    /// Puts an entry that was removed as the oldest back there.
    pub(crate) fn push_oldest(&mut self, entry: u32, order: &mut impl Order) {
        self.link(NONE, entry, self.oldest, order);
    }

    /// Takes an entry out.
    #[inline]
    pub(crate) fn remove(&mut self, entry: u32, order: &mut impl Order) {
        let (older, younger) = order.neighbours(entry);
        self.join(older, younger, order);
    }

    /// Makes an entry of the list the youngest.
    #[inline]
    pub(crate) fn touch(&mut self, entry: u32, order: &mut impl Order) {
        if self.youngest != entry {
            self.remove(entry, order);
            self.push_youngest(entry, order);
        }
    }

    fn link(&mut self, older: u32, entry: u32, younger: u32, order: &mut impl Order) {
        order.set_neighbours(entry, older, younger);
        self.set_younger(older, entry, order);
        self.set_older(younger, entry, order);
    }

    fn join(&mut self, older: u32, younger: u32, order: &mut impl Order) {
        self.set_younger(older, younger, order);
        self.set_older(younger, older, order);
    }

    fn set_younger(&mut self, of: u32, younger: u32, order: &mut impl Order) {
        if of == NONE {
            self.oldest = younger;
        } else {
            let (older, _) = order.neighbours(of);
            order.set_neighbours(of, older, younger);
        }
    }

    fn set_older(&mut self, of: u32, older: u32, order: &mut impl Order) {
        if of == NONE {
            self.youngest = older;
        } else {
            let (_, younger) = order.neighbours(of);
            order.set_neighbours(of, older, younger);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entries(Vec<(u32, u32)>);

    impl Order for Entries {
        fn neighbours(&self, entry: u32) -> (u32, u32) {
            self.0[entry as usize]
        }
        fn set_neighbours(&mut self, entry: u32, older: u32, younger: u32) {
            self.0[entry as usize] = (older, younger);
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
