//! The state as plain collections, and the replay of one event on it.

use std::collections::{BTreeMap, HashMap};

use nfos_state::{Cell, SetOutcome};

use crate::driver::Config;
use crate::program::{Op, entry_digest};

#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) elements: Vec<Cell>,
    pub(crate) keys: HashMap<u16, Cell>,
    /// With a refresh interval the host may skip a refresh or not, so that a deadline is only known
    /// to lie between two times.
    pub(crate) deadlines: BTreeMap<u32, (u64, u64)>,
    pub(crate) updates: u64,
    map_capacity: usize,
    ids: usize,
    refresh_interval_ns: u64,
}

/// Whether a run stood: one that did not may have been told that something ran short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Committed,
    Failed,
}

impl Model {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            elements: vec![[0; 6]; config.elements as usize],
            keys: HashMap::new(),
            deadlines: BTreeMap::new(),
            updates: 0,
            map_capacity: config.map_capacity as usize,
            ids: config.ids as usize,
            refresh_interval_ns: config.refresh_interval_ns,
        }
    }

    /// Runs an operation; `false` if its result was another.
    pub(crate) fn agrees(&mut self, op: &Op, now_ns: u64, run: Run) -> bool {
        match *op {
            Op::Read(index, value) => self.elements[index as usize] == value,
            Op::Write(index, value) => {
                self.elements[index as usize] = value;
                true
            }
            Op::Add(index, word, delta) => {
                let place = &mut self.elements[index as usize][usize::from(word)];
                *place = place.wrapping_add(delta as u64);
                true
            }
            Op::Get(key, value) => self.keys.get(&key).copied() == value,
            Op::Set(key, value, outcome) => {
                let room = self.keys.contains_key(&key) || self.keys.len() < self.map_capacity;
                if outcome == SetOutcome::Ok {
                    self.keys.insert(key, value);
                }
                room == (outcome == SetOutcome::Ok) || run == Run::Failed
            }
            Op::Remove(key, present) => self.keys.remove(&key).is_some() == present,
            Op::Length(length) => self.keys.len() == length as usize,
            Op::Passed(key) => self.keys.contains_key(&key),
            Op::Entries(count, digest) => {
                let digests = self.keys.iter().map(|(key, value)| entry_digest(*key, value));
                self.keys.len() == count as usize && digests.fold(0, |a, b| a ^ b) == digest
            }
            Op::Update | Op::UpdateStale => {
                self.updates += 1;
                true
            }
            Op::Merge(value) => value == [self.updates, self.updates, 0, 0, 0, 0],
            // At most this much; how little is checked by time.
            Op::MergeStale(value) => value[0] == value[1] && value[0] <= self.updates,
            _ => self.agrees_on_leases(op, now_ns, run),
        }
    }

    fn agrees_on_leases(&mut self, op: &Op, now_ns: u64, run: Run) -> bool {
        match *op {
            Op::Allocate(duration, Some(id)) => {
                let deadline = now_ns + duration;
                self.deadlines.insert(id, (deadline, deadline)).is_none()
            }
            Op::Allocate(_, None) => self.deadlines.len() == self.ids || run == Run::Failed,
            Op::Refresh(id, duration, held) => {
                let interval = self.refresh_interval_ns;
                let lease = self.deadlines.get_mut(&id);
                let was_held = lease.is_some();
                if let Some((least, most)) = lease {
                    let skipped = interval > 0 && *most + interval >= now_ns + duration;
                    *least = (*least).max(now_ns + duration - if skipped { interval } else { 0 });
                    *most = (*most).max(now_ns + duration);
                }
                was_held == held
            }
            Op::Free(id, held) => self.deadlines.remove(&id).is_some() == held,
            Op::IsLive(id, live) => {
                let lease = self.deadlines.get(&id);
                lease.is_some_and(
                    |&(least, most)| if live { most >= now_ns } else { least < now_ns },
                ) || (lease.is_none() && !live)
            }
            Op::NextExpired(Some(expired)) => {
                let at = expired.deadline_ns;
                let lease = self.deadlines.insert(expired.id, (at, at));
                at < now_ns && lease.is_some_and(|(least, most)| (least..=most).contains(&at))
            }
            // Another participant may have the entry in hand.
            Op::NextExpired(None) => true,
            _ => unreachable!("not about leases"),
        }
    }
}
