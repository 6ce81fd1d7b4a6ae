//! A distributed object: one cell for each participant, updated on its own and read merged.
//!
//! An update commutes and observes nothing. A *merging* read observes all parts. With a staleness
//! the merged value is shared: it lies beside the cells with the event time *before* its snapshot
//! was taken, and a read that finds it young enough is served and observes nothing. Only committed
//! runs publish, and the later time wins.
//!
//! The least is kept as the greatest of the complement, so that a part of zeroes is neutral for
//! every merge.

use nfos_stm::{CellId, Memory, MemoryFull, Mutator, Observer, Operation};
use nfos_sync::atomic::{AtomicU64, Ordering, fence};
use nfos_sync::{Bug, Lock, Padded, seeded};

use crate::conflict::Place;
use crate::effects::{Effects, Merged, Tx};
use crate::error::AccessError;
use crate::rules::{MutatorKind, ObserverKind};
use crate::tallies::Tally;
use crate::worker::word_by_word;
use crate::{Cell, Merge};

#[derive(Debug)]
pub(crate) struct Distributed {
    pub(crate) object: u16,
    /// None: the network function merges.
    pub(crate) merges: Box<[Merge]>,
    pub(crate) staleness_ns: u64,
    pub(crate) parts: CellId,
    pub(crate) published: Padded<Published>,
    /// In simulations of the original: each participant's own copy of a merged value.
    copies: Option<Box<[Copied]>>,
}

/// A merged value with the time of its merge, of one participant.
type Copied = Lock<Option<(u64, Cell)>>;

impl Distributed {
    pub(crate) fn open(
        memory: &Memory,
        object: u16,
        merges: &[Merge],
        staleness_ns: u64,
    ) -> Result<Self, MemoryFull> {
        let parts = memory.reserve(memory.participants() as u64)?;
        Ok(Self {
            object,
            merges: merges.into(),
            staleness_ns,
            parts,
            published: Padded(Published::default()),
            copies: None,
        })
    }

    /// The same with the structures of the original: nobody is served what another has merged.
    pub(crate) fn with_copies(self, participants: usize) -> Self {
        Self { copies: Some((0..participants).map(|_| Copied::default()).collect()), ..self }
    }

    pub(crate) fn place(&self, cell: CellId) -> Place {
        Place::Part(cell.raw().wrapping_sub(self.parts.raw()))
    }

    pub(crate) fn update(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        word: u8,
        operand: i64,
    ) -> Result<(), AccessError> {
        let merge = self.merges.get(usize::from(word)).ok_or(AccessError::NoSuchWord(word))?;
        let own = self.parts.offset(effects.me as u32);
        let mutator = Mutator { object: self.object, kind: MutatorKind::Update as u8 };
        let operation = (merge.operation(), merge.stored(operand as u64));
        Ok(tx.update(own, mutator, usize::from(word), operation, effects)?)
    }

    /// What `then` makes of the merged value: see
    /// [`Worker::vector_read_then`](crate::Worker::vector_read_then).
    #[inline(always)]
    pub(crate) fn read<T>(
        &self,
        tx: &mut Tx,
        effects: &mut Effects,
        then: impl FnOnce(&Cell) -> T,
    ) -> Result<T, AccessError> {
        if let Some(value) = self.glance(tx, effects) {
            return Ok(then(&value));
        }
        let value = self.read_or_merge(tx, effects)?;
        Ok(then(&word_by_word(&value)))
    }

    /// The usual case of a stale read: a value that is young enough, of a state that the snapshot
    /// has reached.
    #[inline(always)]
    fn glance(&self, tx: &Tx, effects: &Effects) -> Option<Cell> {
        if self.staleness_ns == 0 || self.copies.is_some() {
            return None;
        }
        let published = self.published.read()?;
        let age_ns = effects.now_ns.saturating_sub(published.time_ns);
        let is_young = age_ns <= self.staleness_ns || seeded(Bug::StaleReadTooOld);
        let is_reached = published.as_of? <= tx.snapshot() || seeded(Bug::StaleReadUnreached);
        (is_young && is_reached).then_some(published.value)
    }

    #[inline(never)]
    fn read_or_merge(&self, tx: &mut Tx, effects: &mut Effects) -> Result<Cell, AccessError> {
        if let Some(copies) = &self.copies {
            return self.read_copy(&copies[effects.me], tx, effects);
        }
        if let Some(value) = self.shared(tx, effects) {
            return Ok(value);
        }
        let value = self.merge(tx, effects)?;
        effects.state.tallies[effects.me].count(self.object, Tally::Merged);
        if self.staleness_ns > 0 {
            effects.follow(self.object);
        }
        self.share(tx, effects, value);
        Ok(value)
    }

    /// As the original does: also a run that is thrown away renews the copy.
    fn read_copy(
        &self,
        copy: &Copied,
        tx: &mut Tx,
        effects: &Effects,
    ) -> Result<Cell, AccessError> {
        let mut copy = copy.lock();
        if let Some((time_ns, value)) = *copy
            && self.staleness_ns > 0
            && effects.now_ns.saturating_sub(time_ns) <= self.staleness_ns
        {
            return Ok(value);
        }
        let value = self.merge(tx, effects)?;
        effects.state.tallies[effects.me].count(self.object, Tally::Merged);
        *copy = Some((effects.now_ns, value));
        Ok(value)
    }

    /// At the beginning of a burst: merges and publishes if the published value has passed half of
    /// its age and nobody else has begun to. Reads a state that stands and observes nothing, so no
    /// handler runs again for it.
    pub(crate) fn merge_ahead(&self, tx: &mut Tx, effects: &Effects) {
        let now_ns = effects.now_ns;
        let begun_ns = self.published.ahead_ns.load(Ordering::Relaxed);
        if now_ns <= self.merge_due_ns() {
            return;
        }
        let claimed = self.published.ahead_ns.compare_exchange(
            begun_ns,
            now_ns,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        // The time of this event came before the snapshot that is taken here.
        if claimed.is_err() || !tx.extend(effects) {
            return;
        }
        let (view, mut merged) = (tx.view(), [0; 6]);
        for participant in 0..tx.participants() as u32 {
            let Some(part) = view.read(self.parts.offset(participant)) else { return };
            self.fold(&mut merged, &part);
        }
        let (object, time_ns, as_of) = (self.object, now_ns, Some(tx.snapshot()));
        let value = self.unfold(merged);
        self.publish(&Merged { object, time_ns, as_of, value }, None);
        effects.state.tallies[effects.me].count(self.object, Tally::MergedAhead);
    }

    /// Up to when nobody need merge ahead; it only grows.
    pub(crate) fn merge_due_ns(&self) -> u64 {
        let begun_ns = self.published.ahead_ns.load(Ordering::Relaxed);
        let newest_ns = self.published.time_ns.load(Ordering::Relaxed).max(begun_ns);
        newest_ns.saturating_add(self.staleness_ns / 2)
    }

    fn fold(&self, merged: &mut Cell, part: &Cell) {
        for (word, merge) in self.merges.iter().enumerate() {
            merged[word] = merge.operation().apply(merged[word], part[word]);
        }
    }

    fn unfold(&self, mut merged: Cell) -> Cell {
        for (word, merge) in self.merges.iter().enumerate() {
            merged[word] = merge.stored(merged[word]);
        }
        merged
    }

    /// The published value if it may be served. If not, parts that are read from now on are those
    /// of a snapshot that was taken after the time of this event.
    pub(crate) fn shared(&self, tx: &mut Tx, effects: &Effects) -> Option<Cell> {
        if self.staleness_ns == 0 {
            return None;
        }
        let value = self.young_enough(tx, effects);
        if value.is_none() && !tx.is_stale() && !seeded(Bug::MergedOlderThanItsTime) {
            tx.extend(effects);
        }
        value
    }

    /// Publishes a merged value when the event commits.
    pub(crate) fn share(&self, tx: &Tx, effects: &mut Effects, value: Cell) {
        if self.staleness_ns > 0 && !tx.is_stale() {
            let own = tx.has_pending(self.parts.offset(effects.me as u32));
            let as_of = (!own).then(|| tx.snapshot());
            let (object, time_ns) = (self.object, effects.now_ns);
            effects.merged(tx.event(), Merged { object, time_ns, as_of, value });
        }
    }

    /// The published value, unless it is too old, or younger than a snapshot that cannot move.
    fn young_enough(&self, tx: &mut Tx, effects: &Effects) -> Option<Cell> {
        let published = self.published.read()?;
        if effects.now_ns.saturating_sub(published.time_ns) > self.staleness_ns {
            return None;
        }
        let as_of = published.as_of?;
        let reached = as_of <= tx.snapshot() || (!tx.is_stale() && tx.extend(effects));
        (reached && as_of <= tx.snapshot()).then_some(published.value)
    }

    fn merge(&self, tx: &mut Tx, effects: &Effects) -> Result<Cell, AccessError> {
        let observer = Observer { object: self.object, kind: ObserverKind::MergingRead as u8 };
        let mut merged = [0; 6];
        for participant in 0..tx.participants() as u32 {
            let part = tx.read(self.parts.offset(participant), observer, effects)?;
            self.fold(&mut merged, &part);
        }
        Ok(self.unfold(merged))
    }

    /// Makes a committed run's merged value known.
    pub(crate) fn publish(&self, merged: &Merged, timestamp: Option<u64>) {
        let as_of = merged.as_of.or(timestamp);
        self.published.write(&Merged { as_of, ..*merged });
    }
}

impl Merge {
    fn operation(self) -> Operation {
        match self {
            Self::Sum => Operation::Add,
            Self::Max | Self::Min => Operation::Max,
            Self::Or => Operation::Or,
        }
    }

    /// A word as a part holds it, and back.
    fn stored(self, word: u64) -> u64 {
        if self == Self::Min { !word } else { word }
    }
}

/// A merged value with its time, under a sequence lock of its own.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// Odd while it is being written; 0: there is none.
    sequence: AtomicU64,
    time_ns: AtomicU64,
    /// The event time of the last merge ahead that somebody has begun; not under the lock.
    ahead_ns: AtomicU64,
    as_of: AtomicU64,
    value: [AtomicU64; 6],
}

impl Published {
    #[inline(always)]
    fn read(&self) -> Option<Merged> {
        // Acquire: pairs with the Release at the end of `write`.
        let sequence = self.sequence.load(Ordering::Acquire);
        if sequence == 0 || sequence & 1 != 0 {
            return None;
        }
        let merged = Merged {
            object: 0,
            time_ns: self.time_ns.load(Ordering::Relaxed),
            as_of: Some(self.as_of.load(Ordering::Relaxed)),
            value: std::array::from_fn(|i| self.value[i].load(Ordering::Relaxed)),
        };
        // Acquire: pairs with the Release fence in `write`.
        fence(Ordering::Acquire);
        (self.sequence.load(Ordering::Relaxed) == sequence).then_some(merged)
    }

    /// Writes it, unless a later one is there or being written.
    fn write(&self, merged: &Merged) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let odd = sequence | 1;
        if sequence == odd
            || (sequence != 0 && self.time_ns.load(Ordering::Relaxed) >= merged.time_ns)
            || self
                .sequence
                .compare_exchange(sequence, odd, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        fence(Ordering::Release);
        self.time_ns.store(merged.time_ns, Ordering::Relaxed);
        self.as_of.store(merged.as_of.unwrap_or(u64::MAX), Ordering::Relaxed);
        for (place, word) in self.value.iter().zip(merged.value) {
            place.store(word, Ordering::Relaxed);
        }
        self.sequence.store(sequence + 2, Ordering::Release);
    }
}
