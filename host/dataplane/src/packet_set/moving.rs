//! Packet sets on their way from one worker's table to another's.
//!
//! Which sets are to go is found in two steps, so that nobody is held up by the size of a table: a
//! survey looks at all entries in slices, between bursts, while packets still come; what is
//! inserted meanwhile is noted. When the last packet of the sets has come, only those found are
//! looked at again, and taken out, in slices too ([`Table::take_out`]).

use super::table::{Stage, Table};
use crate::packet_set::index::Links;
use crate::packet_set::lru::Order;

/// Sets in the order of their last use: keys, states and all that a table knows of them.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// When each was last seen, its hash, and where its words are.
    sets: Vec<(u64, u32, u32)>,
    /// Key and state of each.
    words: Vec<u64>,
}

impl Moved {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }

    fn push(&mut self, hash: u32, seen_ns: u64, key: &[u64], state: &[u64]) {
        self.sets.push((seen_ns, hash, self.words.len() as u32));
        self.words.extend_from_slice(key);
        self.words.extend_from_slice(state);
    }
}

impl Table {
    /// Begins to note what is inserted.
    pub(crate) fn begin_survey(&mut self) {
        self.inserted = Some(Vec::new());
    }

    /// Looks at up to `count` entries from `next` on and appends those whose key is `wanted` to
    /// `found`; where to go on, or `None` at the end. An entry that is no set any more may be among
    /// them.
    pub(crate) fn survey(
        &self,
        next: u32,
        count: u32,
        wanted: impl Fn(&[u64]) -> bool,
        found: &mut Vec<u32>,
    ) -> Option<u32> {
        let end = next.saturating_add(count).min(self.entries.count());
        let is_wanted = |entry: &u32| wanted(self.entries.key_and_state(*entry).0);
        found.extend((next.max(1)..end).filter(is_wanted));
        (end < self.entries.count()).then_some(end)
    }

    /// Ends the survey: what was inserted since it began counts as found.
    pub(crate) fn end_survey(&mut self, found: &mut Vec<u32>) {
        found.extend(self.inserted.take().unwrap_or_default());
    }

    /// Takes sets out that the survey found, `count` at most, as far as they are sets still, and
    /// puts each into one of `moved`: the one that `to` names for its key, if any. To be called
    /// between bursts.
    pub(crate) fn take_out(
        &mut self,
        found: &mut Vec<u32>,
        count: usize,
        moved: &mut [Moved],
        to: impl Fn(&[u64]) -> Option<usize>,
    ) {
        for entry in found.drain(found.len().saturating_sub(count)..) {
            let (key, state) = self.entries.key_and_state(entry);
            let Some(to) = to(key) else { continue };
            // A second time, or after its end, it is in no chain.
            if !self.index.holds(entry, &self.entries) {
                continue;
            }
            assert_eq!(self.entries.stage(entry), Stage::Live, "nothing is open between bursts");
            moved[to].push(self.entries.hash(entry), self.entries.last_seen_ns(entry), key, state);
            self.remove(entry);
        }
        moved.iter_mut().for_each(|moved| moved.sets.sort_unstable());
    }

    /// Takes in what another worker's table gave. There is an entry for every set that all workers
    /// may have together, so there is one for each of these.
    pub(crate) fn take_in(&mut self, moved: &Moved) {
        let entries = &mut self.entries;
        let anchor = self.adopted.anchor(|| entries.make_anchor());
        let mut seen = Vec::with_capacity(moved.len());
        for (seen_ns, hash, at) in &moved.sets {
            let words = &moved.words[*at as usize..];
            let entry = self.take_entry().expect("a table has an entry for every place there is");
            let (key, state) = words.split_at(self.key_words());
            self.entries.reset(entry, *hash, key, *seen_ns);
            let state_words = self.entries.key_and_state(entry).1.len();
            self.entries.set_state_words(entry, &state[..state_words]);
            let order = self.entries.order_mut();
            order.set_older(entry, anchor);
            order.set_younger(entry, anchor);
            self.index.insert(entry, &mut self.entries);
            self.confirm(entry);
            seen.push((*seen_ns, entry));
        }
        self.adopted.extend(seen.into_iter());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIMEOUT_NS: u64 = 1000;

    fn table(capacity: u32) -> Table {
        Table::new(capacity, 2, 20, TIMEOUT_NS)
    }

    fn hash(key: u64) -> u32 {
        (key % 5) as u32
    }

    fn find(table: &Table, key: u64) -> Option<u32> {
        table.find(hash(key), &[key, 1])
    }

    fn insert(table: &mut Table, key: u64, now_ns: u64) {
        let entry = table.insert(hash(key), &[key, 1], now_ns).expect("room");
        table.confirm(entry);
        table.store_state(entry, &[key as u8; 24]);
    }

    /// Takes the keys out of a table for which this holds, after a survey in small slices.
    fn take_out(table: &mut Table, goes: impl Fn(u64) -> bool) -> Moved {
        let (mut found, mut next) = (Vec::new(), Some(0));
        table.begin_survey();
        while let Some(from) = next {
            next = table.survey(from, 3, |key| goes(key[0]), &mut found);
        }
        table.end_survey(&mut found);
        let mut moved = [Moved::default()];
        while !found.is_empty() {
            table.take_out(&mut found, 2, &mut moved, |key| goes(key[0]).then_some(0));
        }
        let [moved] = moved;
        moved
    }

    #[test]
    fn sets_take_their_state_and_their_time_along() {
        let (mut from, mut to) = (table(8), table(8));
        for key in 0..6 {
            insert(&mut from, key, 10 * key);
        }
        insert(&mut to, 100, 25);
        let moved = take_out(&mut from, |key| key % 2 == 0);
        assert_eq!((moved.len(), from.live()), (3, 3));
        to.take_in(&moved);
        assert_eq!(to.live(), 4);
        let mut state = [0; 24];
        for key in 0..6 {
            assert_eq!(find(&from, key).is_some(), key % 2 == 1);
            if let Some(entry) = find(&to, key) {
                to.load_state(entry, &mut state);
                assert_eq!(state[..20], [key as u8; 20]);
            }
        }
        assert_eq!(to.deadline_ns(), Some(TIMEOUT_NS), "set 0 is the oldest");
    }

    #[test]
    fn what_is_inserted_during_a_survey_goes_too_and_what_has_ended_does_not() {
        let mut table = table(8);
        (0..3).for_each(|key| insert(&mut table, key, 5));
        table.begin_survey();
        let mut found = Vec::new();
        assert_eq!(table.survey(0, 99, |_| true, &mut found), None);
        table.remove(find(&table, 1).expect("inserted"));
        insert(&mut table, 7, 6);
        let mut moved = [Moved::default()];
        table.end_survey(&mut found);
        table.take_out(&mut found, 99, &mut moved, |_| Some(0));
        assert_eq!((moved[0].len(), table.live()), (3, 0));
        insert(&mut table, 8, 7);
        assert_eq!(take_out(&mut table, |_| false).len(), 0);
        assert_eq!(table.live(), 1);
    }

    #[test]
    fn a_table_that_takes_sets_in_holds_exactly_its_capacity() {
        let (mut from, mut to) = (table(3), table(3));
        (0..3).for_each(|key| insert(&mut from, key, 5));
        let moved = take_out(&mut from, |_| true);
        to.take_in(&moved);
        assert_eq!(to.insert(hash(9), &[9, 1], 6), None);
        (0..3).for_each(|key| insert(&mut from, key, 5));
        assert_eq!(from.insert(hash(9), &[9, 1], 6), None);
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Packet(u64),
        /// Of the keys of this remainder, to the other table.
        Move(u64),
        /// Ends what has run out; begun and restored before if asked for.
        Expire {
            restored: bool,
        },
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            8 => (0..24u64).prop_map(Operation::Packet),
            2 => (0..3u64).prop_map(Operation::Move),
            3 => any::<bool>().prop_map(|restored| Operation::Expire { restored }),
        ]
    }

    /// All sets that have run out, in the order in which they do.
    fn expire(table: &mut Table, now_ns: u64, restored: bool) -> Vec<(u64, u64)> {
        let mut ended = Vec::new();
        let begin = |table: &mut Table, ended: &mut Vec<(u64, u64)>| {
            let mut entries = Vec::new();
            ended.clear();
            while let Some((entry, deadline_ns)) = table.expired(now_ns) {
                let key = table.entries.key_and_state(entry).0[0];
                table.begin_expiry(entry);
                entries.push(entry);
                ended.push((deadline_ns, key));
            }
            entries
        };
        if restored {
            let entries = begin(table, &mut ended);
            entries.into_iter().rev().for_each(|entry| table.restore(entry));
        }
        begin(table, &mut ended).into_iter().for_each(|entry| table.remove(entry));
        ended
    }

    proptest! {
        /// Against a plain list of when each key was last seen.
        #[test]
        fn sets_end_exactly_when_they_run_out_wherever_they_went(
            operations in proptest::collection::vec((operation(), 0..120u64), 1..200),
        ) {
            let mut tables = [table(24), table(24)];
            let mut seen_ns = std::collections::BTreeMap::new();
            let mut home = [0usize; 3];
            let mut now_ns = 1;
            for (operation, later_ns) in operations {
                now_ns += later_ns;
                match operation {
                    Operation::Packet(key) => {
                        let table = &mut tables[home[key as usize % 3]];
                        match find(table, key) {
                            Some(entry) => table.touch(entry, now_ns),
                            None => insert(table, key, now_ns),
                        }
                        seen_ns.insert(key, now_ns);
                    }
                    Operation::Move(remainder) => {
                        let from = home[remainder as usize];
                        home[remainder as usize] = 1 - from;
                        let moved = take_out(&mut tables[from], |key| key % 3 == remainder);
                        tables[1 - from].take_in(&moved);
                    }
                    Operation::Expire { restored } => {
                        let mut ended = Vec::new();
                        for table in &mut tables {
                            let of_table = expire(table, now_ns, restored);
                            prop_assert!(of_table.is_sorted_by_key(|(at_ns, _)| *at_ns));
                            ended.extend(of_table);
                        }
                        ended.sort_unstable();
                        let is_over = |seen_ns: &u64| seen_ns + TIMEOUT_NS < now_ns;
                        let mut expected: Vec<_> = seen_ns.iter()
                            .filter(|(_, seen_ns)| is_over(seen_ns))
                            .map(|(key, seen_ns)| (seen_ns + TIMEOUT_NS, *key)).collect();
                        expected.sort_unstable();
                        prop_assert_eq!(ended, expected);
                        seen_ns.retain(|_, seen_ns| !is_over(seen_ns));
                    }
                }
                prop_assert_eq!(tables[0].live() + tables[1].live(), seen_ns.len());
            }
        }
    }
}
