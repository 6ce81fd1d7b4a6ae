//! Going through a map, one entry at a time.
//!
//! A place is a bucket and a position in its chain; behind the last bucket come the burst's own
//! insertions, by the number of the action that was the first on the key. Values are read as any
//! version is. Chains and keys are not observed one by one, or a large map with few keys would fill
//! the log: whoever changes any of them changes a count of free slots, and these are observed, once
//! in an event.

use nfos_stm::{CellId, WORDS};

use crate::chain::{Layout, REFERENCES};
use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::key::Key;
use crate::map::Map;
use crate::rules::ObserverKind;
use crate::{Cell, MapEntry};

/// Where an entry is to be looked for.
#[derive(Clone, Copy, Debug)]
struct Place {
    bucket: u32,
    position: u32,
}

impl Place {
    fn unpack(at: u64) -> Self {
        Self { bucket: (at >> 32) as u32, position: at as u32 }
    }

    fn pack(self) -> u64 {
        u64::from(self.bucket) << 32 | u64::from(self.position)
    }
}

impl Map {
    /// The first entry at or behind a place.
    pub(crate) fn next(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        at: u64,
    ) -> Result<Option<MapEntry>, AccessError> {
        let this = Some((self.object, tx.event()));
        if effects.gone_through != this {
            self.observe_chains(tx, effects)?;
            effects.gone_through = this;
        }
        let mut place = Place::unpack(at);
        while place.bucket < self.layout.bucket_count() {
            let Some(slot) = self.slot_at(tx, place)? else {
                place = Place { bucket: place.bucket + 1, position: 0 };
                continue;
            };
            place.position += 1;
            if let Some(entry) = self.entry_of(tx, effects, slot, place)? {
                return Ok(Some(entry));
            }
        }
        self.next_inserted(tx, effects, place)
    }

    /// Observes that no key is inserted or removed.
    fn observe_chains(&self, tx: &mut Tx, effects: &Effects) -> Result<(), AccessError> {
        let observer = self.observer(ObserverKind::MapIterate);
        for participant in 0..tx.participants() as u32 {
            tx.read(self.layout.counts.offset(participant), observer, effects)?;
        }
        Ok(())
    }

    /// The slot at a position of a chain.
    fn slot_at(&self, tx: &mut Tx, place: Place) -> Result<Option<u32>, AccessError> {
        let observer = self.observer(ObserverKind::MapIterate);
        let mut cell: Option<CellId> = Some(self.layout.bucket_at(place.bucket));
        let mut position = place.position as usize;
        while let Some(chained) = cell {
            let (content, _): (Cell, _) = tx.peek(chained, observer)?;
            if position < REFERENCES {
                let reference = content[position];
                return Ok((reference != 0).then(|| Layout::slot_of(reference)));
            }
            position -= REFERENCES;
            cell = self.layout.link(&content);
        }
        Ok(None)
    }

    /// The entry in a slot, as the burst has left it; none: it has removed it.
    fn entry_of(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        slot: u32,
        behind: Place,
    ) -> Result<Option<MapEntry>, AccessError> {
        let observer = self.observer(ObserverKind::MapIterate);
        let mut cells = [[0; WORDS]; 2];
        for (place, cell) in cells.iter_mut().zip(self.layout.key_cells_of(slot)) {
            (*place, _) = tx.peek(cell, observer)?;
        }
        let (key, key_length) = Key::bytes_of(&cells);
        let entry = |value| Some(MapEntry { key, key_length, value, next: behind.pack() });
        if !effects.overlay.actions.is_empty() {
            let bytes = &key[..key_length as usize];
            let named = Key::new(self.hasher.hash(bytes), bytes);
            if let Some(action) = effects.overlay.latest(&effects.keys, self.object, &named) {
                return Ok(action.value.and_then(entry));
            }
        }
        Ok(entry(tx.read(self.layout.value(slot), observer, effects)?))
    }

    /// The next key that the burst has inserted.
    fn next_inserted(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        mut place: Place,
    ) -> Result<Option<MapEntry>, AccessError> {
        while let Some(&action) = effects.overlay.actions.get(place.position as usize) {
            place.position += 1;
            if action.map != self.object || !action.first {
                continue;
            }
            let named = *effects.keys.key(action.key);
            let latest = effects.overlay.latest(&effects.keys, self.object, &named);
            let Some(value) = latest.and_then(|action| action.value) else { continue };
            if self.find(tx, effects, &named, ObserverKind::MapMiss)?.is_none() {
                let (key, key_length) = named.bytes();
                return Ok(Some(MapEntry { key, key_length, value, next: place.pack() }));
            }
        }
        Ok(None)
    }
}
