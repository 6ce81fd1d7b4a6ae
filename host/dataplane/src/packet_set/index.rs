//! A hash index from keys to entries by linear hashing (Litwin, VLDB '80): the directory grows by
//! one bucket at a time, so no insertion pays for a whole rehash, and only the part of the
//! directory that the present number of sets needs is ever touched.
//!
//! Chains run through links that the entries keep; the index itself is the array of their heads.

/// No entry: the end of a chain.
pub(crate) const NONE: u32 = 0;

/// Buckets at the start; a power of two.
const BUCKETS_MIN: usize = 1024;

/// The chain links and hashes that the index needs of its entries. Entry numbers start at 1.
pub(crate) trait Links {
    /// The entry after this one in its chain, or [`NONE`].
    fn next(&self, entry: u32) -> u32;
    /// Sets it.
    fn set_next(&mut self, entry: u32, next: u32);
    /// The hash under which the entry was inserted.
    fn hash(&self, entry: u32) -> u32;
}

/// The heads of the chains.
#[derive(Debug)]
pub(crate) struct Index {
    heads: Vec<u32>,
    /// Buckets of the present round, a power of two; buckets below `split` are split already.
    round: usize,
    split: usize,
    entries: usize,
}

impl Index {
    /// An index that can hold `capacity` entries without allocating again.
    pub(crate) fn new(capacity: usize) -> Self {
        let buckets = capacity.next_power_of_two().max(BUCKETS_MIN);
        // Zeroed memory comes from the system untouched: pages are used as buckets are.
        let heads = vec![NONE; buckets];
        nfos_sync::prefer_huge_pages(&heads);
        Self { heads, round: BUCKETS_MIN, split: 0, entries: 0 }
    }

    /// The bucket of a hash.
    #[inline]
    fn bucket(&self, hash: u32) -> usize {
        let hash = hash as usize;
        let bucket = hash & (self.round - 1);
        if bucket < self.split { hash & (2 * self.round - 1) } else { bucket }
    }

    /// The first entry of the chain of a hash, or [`NONE`].
    #[inline]
    pub(crate) fn head(&self, hash: u32) -> u32 {
        self.head_in(self.bucket(hash) as u32)
    }

    /// The first entry in a bucket, or [`NONE`].
    #[inline]
    pub(crate) fn head_in(&self, bucket: u32) -> u32 {
        self.heads[bucket as usize]
    }

    /// Fetches the head of a hash's chain into the cache; in which bucket that is, until an entry
    /// is inserted.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u32) -> u32 {
        let bucket = self.bucket(hash);
        nfos_sync::prefetch_read(&self.heads[bucket]);
        bucket as u32
    }

    /// Inserts an entry at the head of its chain, so that it hides older ones of its key.
    pub(crate) fn insert(&mut self, entry: u32, links: &mut impl Links) {
        let bucket = self.bucket(links.hash(entry));
        links.set_next(entry, self.heads[bucket]);
        self.heads[bucket] = entry;
        self.entries += 1;
        if self.entries > self.round + self.split && 2 * self.round <= self.heads.len() {
            self.split_one(links);
        }
    }

    /// Removes an entry, which must be in the index.
    pub(crate) fn remove(&mut self, entry: u32, links: &mut impl Links) {
        let bucket = self.bucket(links.hash(entry));
        let next = links.next(entry);
        let mut at = self.heads[bucket];
        if at == entry {
            self.heads[bucket] = next;
        } else {
            while links.next(at) != entry {
                at = links.next(at);
                assert_ne!(at, NONE, "a removed entry is in its chain");
            }
            links.set_next(at, next);
        }
        self.entries -= 1;
    }

    /// Whether an entry, which may have been removed, is in the index.
    pub(crate) fn holds(&self, entry: u32, links: &impl Links) -> bool {
        let mut at = self.head(links.hash(entry));
        while at != NONE && at != entry {
            at = links.next(at);
        }
        at == entry
    }

    /// Splits the next bucket of the round between itself and its image in the next round. Keeps
    /// the order within each chain.
    fn split_one(&mut self, links: &mut impl Links) {
        let (low, high) = (self.split, self.split + self.round);
        let mut at = std::mem::replace(&mut self.heads[low], NONE);
        let mut tails = [NONE; 2];
        while at != NONE {
            let next = links.next(at);
            links.set_next(at, NONE);
            let upper = links.hash(at) as usize & self.round != 0;
            let tail = &mut tails[usize::from(upper)];
            if *tail == NONE {
                self.heads[if upper { high } else { low }] = at;
            } else {
                links.set_next(*tail, at);
            }
            *tail = at;
            at = next;
        }
        self.split += 1;
        if self.split == self.round {
            self.round *= 2;
            self.split = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entries(Vec<(u32, u32)>);

    impl Links for Entries {
        fn next(&self, entry: u32) -> u32 {
            self.0[entry as usize].0
        }
        fn set_next(&mut self, entry: u32, next: u32) {
            self.0[entry as usize].0 = next;
        }
        fn hash(&self, entry: u32) -> u32 {
            self.0[entry as usize].1
        }
    }

    fn chain(index: &Index, entries: &Entries, hash: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut at = index.head(hash);
        while at != NONE {
            if entries.hash(at) == hash {
                found.push(at);
            }
            at = entries.next(at);
        }
        found
    }

    #[test]
    fn every_entry_is_found_while_the_directory_grows_and_after_removals() {
        const COUNT: u32 = 50_000;
        let hash = |i: u32| i.wrapping_mul(0x9E37_79B1) ^ (i >> 3);
        let mut entries = Entries((0..=COUNT).map(|i| (NONE, hash(i))).collect());
        let mut index = Index::new(COUNT as usize);
        for entry in 1..=COUNT {
            index.insert(entry, &mut entries);
        }
        for entry in 1..=COUNT {
            assert!(chain(&index, &entries, hash(entry)).contains(&entry), "{entry} inserted");
        }
        for entry in (1..=COUNT).filter(|e| e % 3 == 0) {
            index.remove(entry, &mut entries);
        }
        for entry in 1..=COUNT {
            let found = chain(&index, &entries, hash(entry)).contains(&entry);
            assert_eq!(found, entry % 3 != 0, "{entry} after removals");
        }
    }

    #[test]
    fn the_youngest_entry_of_a_hash_comes_first_also_after_a_split() {
        let mut entries = Entries(vec![(NONE, 7); 4000]);
        for (i, entry) in entries.0.iter_mut().enumerate().skip(3) {
            entry.1 = i as u32 * 64;
        }
        let mut index = Index::new(4000);
        index.insert(1, &mut entries);
        index.insert(2, &mut entries);
        for entry in 3..4000 {
            index.insert(entry, &mut entries);
        }
        assert_eq!(chain(&index, &entries, 7), [2, 1]);
    }
}
