//! What an event does to the structures. The transaction of a burst begins with the first of these.

use super::Worker;
use crate::error::AccessError;
use crate::object::ObjectId;
use crate::{Cell, ExpiredLease, MapEntry, SetOutcome};

/// A copy in words, so that what the usual way of a read and others have in common is registers.
#[inline(always)]
pub(crate) fn word_by_word(value: &Cell) -> Cell {
    std::array::from_fn(|word| value[word])
}

impl Worker {
    /// The element `index` of a vector. Observes its version.
    ///
    /// # Errors
    /// Unknown object, another kind, index out of range, log limit; as of all operations here.
    #[inline(always)]
    pub fn vector_read(&mut self, object: ObjectId, index: u32) -> Result<Cell, AccessError> {
        self.vector_read_then(object, index, |value| *value)
    }

    /// What `then` makes of an element: otherwise as [`Self::vector_read`]. Handed over rather than
    /// answered: a result of several kinds takes the value through memory, there in words and back
    /// in larger pieces, which wait for the stores.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn vector_read_then<T>(
        &mut self,
        object: ObjectId,
        index: u32,
        then: impl FnOnce(&Cell) -> T,
    ) -> Result<T, AccessError> {
        if let Some((vector, cell)) = self.handles.element(object, index) {
            let reader = vector.reader;
            let is_changed = !self.tx.only_reads() && {
                self.run();
                self.tx.has_changed(cell)
            };
            if !is_changed && let Some(value) = self.tx.read_unchanged(cell, reader) {
                return Ok(then(&value));
            }
        }
        let value = self.vector_read_otherwise(object, index)?;
        Ok(then(&word_by_word(&value)))
    }

    #[inline(never)]
    fn vector_read_otherwise(&mut self, object: ObjectId, index: u32) -> Result<Cell, AccessError> {
        self.run();
        let vector = self.handles.vector(&self.state.objects, object)?;
        vector.read(&mut self.tx, &self.effects, index)
    }

    /// Replaces the element `index`. Observes nothing.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn vector_write(
        &mut self,
        object: ObjectId,
        index: u32,
        value: Cell,
    ) -> Result<(), AccessError> {
        self.run();
        let Some((vector, cell)) = self.handles.element(object, index) else {
            let vector = self.handles.vector(&self.state.objects, object)?;
            return vector.write(&mut self.tx, vector.element(index)?, value);
        };
        vector.write(&mut self.tx, cell, value)
    }

    /// Adds to a word of the element `index`, modulo 2^64. Observes nothing and commutes.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; no such word.
    #[inline(always)]
    pub fn vector_add(
        &mut self,
        object: ObjectId,
        index: u32,
        word: u8,
        delta: i64,
    ) -> Result<(), AccessError> {
        self.run();
        let Some((vector, cell)) = self.handles.element(object, index) else {
            let vector = self.handles.vector(&self.state.objects, object)?;
            return vector.add(&mut self.tx, &self.effects, (vector.element(index)?, word), delta);
        };
        vector.add(&mut self.tx, &self.effects, (cell, word), delta)
    }

    /// The value of a key. Observes this key alone.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; key too long.
    #[inline(always)]
    pub fn map_get(&mut self, object: ObjectId, key: &[u8]) -> Result<Option<Cell>, AccessError> {
        self.map_get_then(object, key, |value| value.copied())
    }

    /// What `then` makes of the value of a key, or of none: otherwise as [`Self::map_get`], and as
    /// [`Self::vector_read_then`] does.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    #[inline(always)]
    pub fn map_get_then<T>(
        &mut self,
        object: ObjectId,
        key: &[u8],
        then: impl FnOnce(Option<&Cell>) -> T,
    ) -> Result<T, AccessError> {
        self.run();
        if let Some(map) = self.handles.known_map(object)
            && let Some(value) = map.get_settled(&mut self.tx, &mut self.effects, key)
        {
            return Ok(then(value.as_ref()));
        }
        let value = self.map_get_otherwise(object, key)?;
        Ok(then(value.as_ref().map(word_by_word).as_ref()))
    }

    #[inline(never)]
    fn map_get_otherwise(
        &mut self,
        object: ObjectId,
        key: &[u8],
    ) -> Result<Option<Cell>, AccessError> {
        self.handles.map(&self.state.objects, object)?.get(&mut self.tx, &mut self.effects, key)
    }

    /// Gives the key a value, whether or not it had one. Observes nothing unless the map is full.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    #[inline(always)]
    pub fn map_set(
        &mut self,
        object: ObjectId,
        key: &[u8],
        value: Cell,
    ) -> Result<SetOutcome, AccessError> {
        self.run();
        self.handles.map(&self.state.objects, object)?.set(
            &mut self.tx,
            &mut self.effects,
            key,
            value,
        )
    }

    /// Removes the key; whether it was present, which it observes.
    ///
    /// # Errors
    /// As [`Self::map_get`].
    #[inline(always)]
    pub fn map_remove(&mut self, object: ObjectId, key: &[u8]) -> Result<bool, AccessError> {
        self.run();
        self.handles.map(&self.state.objects, object)?.remove(&mut self.tx, &mut self.effects, key)
    }

    /// How many keys the map has. Observes every insertion and removal.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    pub fn map_len(&mut self, object: ObjectId) -> Result<u32, AccessError> {
        self.run();
        self.handles.map(&self.state.objects, object)?.len(&mut self.tx, &mut self.effects)
    }

    /// The first entry at or behind a place, 0 at first and then [`MapEntry::next`]; in one event,
    /// each entry once. Observes what it comes by.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    pub fn map_next(&mut self, object: ObjectId, at: u64) -> Result<Option<MapEntry>, AccessError> {
        self.run();
        self.handles.map(&self.state.objects, object)?.next(&mut self.tx, &mut self.effects, at)
    }

    /// Takes a free id for `duration_ns` from now on; none if none is left anywhere, or if the
    /// event is doomed.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn allocate(
        &mut self,
        object: ObjectId,
        duration_ns: u64,
    ) -> Result<Option<u32>, AccessError> {
        self.run();
        let allocator = self.handles.allocator(&self.state.objects, object)?;
        allocator.allocate(&mut self.tx, &mut self.effects, duration_ns)
    }

    /// Keeps a lease for `duration_ns` from now on at least; whether the id was held.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; id out of range.
    #[inline(always)]
    pub fn refresh(
        &mut self,
        object: ObjectId,
        id: u32,
        duration_ns: u64,
    ) -> Result<bool, AccessError> {
        self.run();
        if let Some(allocator) = self.handles.known_allocator(object)
            && let Some(held) =
                allocator.refresh_settled(&mut self.tx, &self.effects, id, duration_ns)
        {
            return Ok(held);
        }
        let allocator = self.handles.allocator(&self.state.objects, object)?;
        allocator.refresh(&mut self.tx, &self.effects, id, duration_ns)
    }

    /// Gives an id back.
    ///
    /// # Errors
    /// As [`Self::refresh`]; the id is not held.
    #[inline(always)]
    pub fn free(&mut self, object: ObjectId, id: u32) -> Result<(), AccessError> {
        self.run();
        self.handles.allocator(&self.state.objects, object)?.free(
            &mut self.tx,
            &mut self.effects,
            id,
        )
    }

    /// Whether the id is held and its deadline has not passed.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    #[inline(always)]
    pub fn is_live(&mut self, object: ObjectId, id: u32) -> Result<bool, AccessError> {
        self.run();
        self.handles.allocator(&self.state.objects, object)?.is_live(
            &mut self.tx,
            &self.effects,
            id,
        )
    }

    /// One lease whose deadline has passed, each at most once in a burst. Workers see the leases
    /// that they took; the last participant, the control loop, sees all.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline]
    pub fn next_expired(&mut self, object: ObjectId) -> Result<Option<ExpiredLease>, AccessError> {
        self.run();
        self.handles
            .allocator(&self.state.objects, object)?
            .next_expired(&mut self.tx, &mut self.effects)
    }

    /// Updates a word of this participant's part. Observes nothing and commutes.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; a word without a merge.
    #[inline(always)]
    pub fn distributed_update(
        &mut self,
        object: ObjectId,
        word: u8,
        operand: i64,
    ) -> Result<(), AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_merges()?;
        distributed.update(&mut self.tx, &self.effects, word, operand)
    }

    /// The merged value: a shared one if it is within the staleness, which observes nothing;
    /// otherwise all parts are observed and merged.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn distributed_read(&mut self, object: ObjectId) -> Result<Cell, AccessError> {
        self.distributed_read_then(object, |value| *value)
    }

    /// What `then` makes of the merged value: otherwise as [`Self::distributed_read`], and as
    /// [`Self::vector_read_then`] does.
    ///
    /// # Errors
    /// As [`Self::vector_read`].
    #[inline(always)]
    pub fn distributed_read_then<T>(
        &mut self,
        object: ObjectId,
        then: impl FnOnce(&Cell) -> T,
    ) -> Result<T, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_merges()?;
        distributed.read(&mut self.tx, &mut self.effects, then)
    }

    /// How many parts a distributed object of parts has.
    ///
    /// # Errors
    /// As [`Self::vector_read`]; an object with declared merges, as for all that follow.
    pub fn parts(&mut self, object: ObjectId) -> Result<u32, AccessError> {
        self.run();
        self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        Ok(self.tx.participants() as u32)
    }

    /// The part `index`. Observes it.
    ///
    /// # Errors
    /// As [`Self::parts`]; index out of range.
    pub fn part(&mut self, object: ObjectId, index: u32) -> Result<Cell, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.part(&mut self.tx, &self.effects, index)
    }

    /// This participant's part.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn own_part(&mut self, object: ObjectId) -> Result<Cell, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.own_part(&mut self.tx, &self.effects)
    }

    /// Replaces this participant's part. Observes nothing.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn set_part(&mut self, object: ObjectId, value: Cell) -> Result<(), AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.set_part(&mut self.tx, &self.effects, value)
    }

    /// The published value, if it is within the staleness. Observes nothing; if there is none,
    /// parts read from now on are young enough to be published.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn published(&mut self, object: ObjectId) -> Result<Option<Cell>, AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        Ok(distributed.shared(&mut self.tx, &self.effects))
    }

    /// Publishes a value merged of the parts once the event has committed.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn publish(&mut self, object: ObjectId, value: Cell) -> Result<(), AccessError> {
        self.run();
        let distributed = self.handles.distributed(&self.state.objects, object)?.of_parts()?;
        distributed.share(&self.tx, &mut self.effects, value);
        Ok(())
    }
}
