//! The order in which packet sets were last seen: a doubly linked list through the entries. Idle
//! time is one for all sets, so the order of last use is the order of expiry.

use super::index::NONE;

/// The list, in links that the entries keep. Entry numbers start at 1; the links of [`NONE`] close
/// the list to a ring: the oldest is younger than it, and the youngest older.
pub(crate) trait Order {
    /// The neighbour seen before, or [`NONE`].
    fn older(&self, entry: u32) -> u32;
    /// The neighbour seen after, or [`NONE`].
    fn younger(&self, entry: u32) -> u32;
    /// Sets it.
    fn set_older(&mut self, entry: u32, older: u32);
    /// Sets it.
    fn set_younger(&mut self, entry: u32, younger: u32);

    /// The entry that was not seen for the longest time, or [`NONE`].
    #[inline(always)]
    fn oldest(&self) -> u32 {
        self.younger(NONE)
    }

    /// Makes an entry that is not in the list the youngest.
    #[inline(always)]
    fn push_youngest(&mut self, entry: u32) {
        let before = self.older(NONE);
        self.link(before, entry);
        self.link(entry, NONE);
    }

    /// Puts an entry that was removed as the oldest back there.
    fn push_oldest(&mut self, entry: u32) {
        let behind = self.younger(NONE);
        self.link(entry, behind);
        self.link(NONE, entry);
    }

    /// Takes an entry out.
    #[inline(always)]
    fn remove(&mut self, entry: u32) {
        let (older, younger) = (self.older(entry), self.younger(entry));
        self.link(older, younger);
    }

    /// Makes an entry of the list the youngest.
    #[inline(always)]
    fn touch(&mut self, entry: u32) {
        self.remove(entry);
        self.push_youngest(entry);
    }

    /// Makes two entries neighbours.
    #[inline(always)]
    fn link(&mut self, older: u32, younger: u32) {
        self.set_younger(older, younger);
        self.set_older(younger, older);
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

    fn drain(entries: &mut Entries) -> Vec<u32> {
        let mut found = Vec::new();
        while entries.oldest() != NONE {
            found.push(entries.oldest());
            entries.remove(entries.oldest());
        }
        found
    }

    #[test]
    fn entries_leave_in_the_order_of_their_last_touch() {
        let mut entries = Entries(vec![(0, 0); 5]);
        for entry in 1..5 {
            entries.push_youngest(entry);
        }
        entries.touch(1);
        entries.touch(3);
        entries.touch(3);
        assert_eq!(drain(&mut entries), [2, 4, 1, 3]);
        assert!(drain(&mut entries).is_empty());
    }

    #[test]
    fn an_entry_put_back_is_the_oldest_again() {
        let mut entries = Entries(vec![(0, 0); 4]);
        for entry in 1..4 {
            entries.push_youngest(entry);
        }
        entries.remove(1);
        entries.remove(2);
        entries.push_oldest(2);
        entries.push_oldest(1);
        assert_eq!(drain(&mut entries), [1, 2, 3]);
    }
}
