//! Buckets of a map: short lists of references, in cells.
//!
//! A bucket holds five references and a link to an overflow cell of the same form. References fill
//! a chain without holes: an insertion goes to the end, a removal moves the last reference into its
//! place and gives back an overflow cell that becomes empty. So all chains together never need more
//! than a fifth as many overflow cells as there are keys. Who changes a chain holds its bucket.
//!
//! A reference has 32 bits of the key's hash beside the slot's number, so that a search reads the
//! key of a slot hardly ever in vain.

use nfos_stm::{CellId, WORDS};

use crate::Cell;
use crate::effects::Tx;
use crate::key::{Key, Sought};

/// References of a chain cell; the word behind them is the link.
pub(crate) const REFERENCES: usize = WORDS - 1;

/// The cells of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) buckets: CellId,
    bucket_mask: u64,
    overflow: CellId,
    pub(crate) overflow_cells: u32,
    slots: CellId,
    key_cells: u32,
    /// Cells of a slot.
    stride: u32,
    pub(crate) counts: CellId,
}

/// What a search reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A bucket or overflow cell.
    Chain,
    /// A slot's key cell.
    Key,
}

/// What a look at one chain cell and one key cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// The key is in this slot, whose value is in this cell.
    Found { slot: u32, value: CellId },
    /// The chain is this cell, of this timestamp, and has no reference to the key.
    Absent { bucket: CellId, seen: u64 },
}

/// What a look at one chain cell says of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Referred {
    /// If the key is there, it is in this slot, whose value and key are in these cells.
    To { slot: u32, value: CellId, key: CellId },
    /// As [`Glance::Absent`].
    Absent { bucket: CellId, seen: u64 },
}

/// Where a key's reference is, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// There it is.
    Found { cell: CellId, position: usize, slot: u32 },
    /// The chain ends in this cell, with so many references in it.
    Absent { last: CellId, used: usize },
}

impl Layout {
    /// Cells for `capacity` keys: buckets, overflow cells, slots and counts.
    pub(crate) fn cells(capacity: u32, key_size: u32, participants: usize) -> u64 {
        let layout = Self::new(CellId::from_raw(0), capacity, key_size);
        let slots = u64::from(capacity) * u64::from(layout.stride);
        layout.bucket_mask + 1 + u64::from(layout.overflow_cells) + slots + participants as u64
    }

    pub(crate) fn new(first: CellId, capacity: u32, key_size: u32) -> Self {
        let buckets = capacity.div_ceil(2).next_power_of_two();
        let overflow = first.offset(buckets);
        // Some beyond a fifth, for cells on their way back.
        let overflow_cells = capacity / REFERENCES as u32 + 64;
        let slots = overflow.offset(overflow_cells);
        let key_cells = Key::cells(key_size);
        let stride = 1 + key_cells;
        let counts = slots.offset(capacity.wrapping_mul(stride));
        let bucket_mask = u64::from(buckets) - 1;
        let buckets = first;
        Self { buckets, bucket_mask, overflow, overflow_cells, slots, key_cells, stride, counts }
    }

    /// Cells of a slot's key.
    pub(crate) fn key_cells(&self) -> u32 {
        self.key_cells
    }

    #[inline(always)]
    pub(crate) fn bucket(&self, key: &Key) -> CellId {
        self.bucket_of(key.hash)
    }

    #[inline(always)]
    fn bucket_of(&self, hash: u64) -> CellId {
        self.buckets.offset((hash & self.bucket_mask) as u32)
    }

    /// How many buckets there are.
    pub(crate) fn bucket_count(&self) -> u32 {
        self.bucket_mask as u32 + 1
    }

    /// The bucket of a number.
    pub(crate) fn bucket_at(&self, number: u32) -> CellId {
        self.buckets.offset(number)
    }

    /// The slot that a reference leads to.
    pub(crate) fn slot_of(reference: u64) -> u32 {
        reference as u32 - 1
    }

    /// The key cells of a slot.
    pub(crate) fn key_cells_of(&self, slot: u32) -> impl Iterator<Item = CellId> {
        let value = self.value(slot);
        (0..self.key_cells).map(move |cell| value.offset(1 + cell))
    }

    #[inline(always)]
    pub(crate) fn value(&self, slot: u32) -> CellId {
        self.slots.offset(slot * self.stride)
    }

    /// The slot's key cells with what they hold for `key`.
    pub(crate) fn cells_of_key(
        &self,
        slot: u32,
        key: &Key,
    ) -> impl Iterator<Item = (CellId, Cell)> {
        let value = self.value(slot);
        (0..self.key_cells).map(move |cell| (value.offset(1 + cell), key.cell(cell)))
    }

    /// Looks for a key; `read` gives a cell's content as of one state.
    #[inline]
    pub(crate) fn search<E>(
        &self,
        key: &Key,
        read: &mut impl FnMut(Part, CellId) -> Result<Cell, E>,
    ) -> Result<Search, E> {
        let mut cell = self.bucket(key);
        loop {
            let content = read(Part::Chain, cell)?;
            for (position, &reference) in content[..REFERENCES].iter().enumerate() {
                if reference == 0 {
                    return Ok(Search::Absent { last: cell, used: position });
                }
                if reference >> 32 == key.hash >> 32 {
                    let slot = Self::slot_of(reference);
                    if self.slot_holds(slot, key, read)? {
                        return Ok(Search::Found { cell, position, slot });
                    }
                }
            }
            match self.link(&content) {
                Some(next) => cell = next,
                None => return Ok(Search::Absent { last: cell, used: REFERENCES }),
            }
        }
    }

    /// The usual case of [`Self::search`]: looks at one chain cell and at most one key cell, as
    /// they are committed. `None`: it takes more than that.
    #[inline(always)]
    pub(crate) fn glance(&self, tx: &Tx, key: &impl Sought) -> Option<Glance> {
        match self.referred(tx, key.hash())? {
            Referred::To { slot, value, key: place } => {
                key.is_committed(tx, place)?.then_some(Glance::Found { slot, value })
            }
            Referred::Absent { bucket, seen } => Some(Glance::Absent { bucket, seen }),
        }
    }

    /// The first half of that: which slot one chain cell refers to for a hash, if any. `None`: it
    /// does not tell, or a key takes more than one cell.
    #[inline(always)]
    pub(crate) fn referred(&self, tx: &Tx, hash: u64) -> Option<Referred> {
        let bucket = self.bucket_of(hash);
        let (content, seen) = tx.peek_committed(bucket)?;
        let Some(slot) = Self::candidate(&content, hash)? else {
            return Some(Referred::Absent { bucket, seen });
        };
        let value = self.value(slot);
        (self.key_cells == 1).then_some(Referred::To { slot, value, key: value.offset(1) })
    }

    /// The slot that a chain's first cell refers to for a hash, if any. `None`: it does not tell.
    #[inline(always)]
    fn candidate(content: &Cell, hash: u64) -> Option<Option<u32>> {
        // Where in the cell the reference is nobody can foretell, so no branch asks: without the
        // tag it is the least, since all others have something left of theirs.
        let tag = hash >> 32 << 32;
        // By pairs, since each comparison waits for those before it.
        let [first, second, third, fourth, last, _] = content.map(|reference| reference ^ tag);
        let least = first.min(second).min(third.min(fourth)).min(last);
        // A tag of zeros looks like no reference, and that is less than any.
        let slot = least.wrapping_sub(1);
        if slot < u64::from(u32::MAX) {
            return Some(Some(slot as u32));
        }
        (least != 0 && content[REFERENCES] == 0).then_some(None)
    }

    #[inline(always)]
    fn slot_holds<E>(
        &self,
        slot: u32,
        key: &Key,
        read: &mut impl FnMut(Part, CellId) -> Result<Cell, E>,
    ) -> Result<bool, E> {
        for cell in 0..self.key_cells {
            let content = read(Part::Key, self.value(slot).offset(1 + cell))?;
            if !key.is_in(cell, &content) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The chain cell behind one with this content.
    #[inline(always)]
    pub(crate) fn link(&self, content: &Cell) -> Option<CellId> {
        let number = (content[REFERENCES] as u32).checked_sub(1)?;
        Some(self.overflow.offset(number))
    }

    /// Puts a reference at the end of a chain, or says that the last cell is full.
    pub(crate) fn append(content: &mut Cell, used: usize, key: &Key, slot: u32) -> bool {
        if used == REFERENCES {
            return false;
        }
        content[used] = key.hash >> 32 << 32 | u64::from(slot + 1);
        true
    }

    /// How many references a chain cell has. `None`: as many as there is room for.
    #[inline(always)]
    pub(crate) fn used(content: &Cell) -> Option<usize> {
        content[..REFERENCES].iter().position(|&reference| reference == 0)
    }

    pub(crate) fn set_link(content: &mut Cell, overflow: Option<u32>) {
        content[REFERENCES] = overflow.map_or(0, |number| u64::from(number) + 1);
    }

    /// The overflow cell of a number.
    pub(crate) fn overflow(&self, number: u32) -> CellId {
        self.overflow.offset(number)
    }

    /// Takes the last reference out of a chain cell: it and how many are left.
    pub(crate) fn pop(content: &mut Cell) -> (u64, usize) {
        let used = Self::used(content).unwrap_or(REFERENCES);
        let last = used.checked_sub(1).expect("a chain has no empty overflow cell");
        (std::mem::take(&mut content[last]), last)
    }

    /// The number of the linked overflow cell.
    pub(crate) fn link_number(content: &Cell) -> Option<u32> {
        (content[REFERENCES] as u32).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_cell_tells_the_slot_of_a_hash_or_that_there_is_none_or_neither() {
        let reference = |tag: u64, slot: u64| tag << 32 | (slot + 1);
        let mut content = [0; WORDS];
        assert_eq!(Layout::candidate(&content, 7 << 32), Some(None));
        // As no reference looks: which of them it is takes a search.
        assert_eq!(Layout::candidate(&content, 0xffff_ffff), None);
        for position in 0..REFERENCES {
            let tag = position as u64;
            content[position] = reference(tag, 10 * tag);
            for found in 1..=tag {
                let slot = Some(10 * found as u32);
                assert_eq!(Layout::candidate(&content, found << 32 | 99), Some(slot));
            }
            assert_eq!(Layout::candidate(&content, (tag + 1) << 32), Some(None));
        }
        assert_eq!(Layout::candidate(&content, 0), Some(Some(0)));
        content[3] = reference(u64::from(u32::MAX), u64::from(u32::MAX) - 1);
        assert_eq!(Layout::candidate(&content, u64::MAX), Some(Some(u32::MAX - 1)));
        content[REFERENCES] = 1;
        assert_eq!(Layout::candidate(&content, 9 << 32), None);
        assert_eq!(Layout::candidate(&content, 2 << 32), Some(Some(20)));
    }
}
