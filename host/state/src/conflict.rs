//! Records of conflicts: what an abort is told as, and what is kept of all of them.
//!
//! Always on. An abort costs a look-up in a table of its participant's own and, for some, a
//! sample; nothing is written while nothing aborts. Both have a fixed size: kinds of conflicts
//! beyond the table are counted as *lost*, and the newest samples replace the oldest.
//!
//! Of each kind of conflict the first sixteen aborts are sampled, then every second, every fourth
//! and so on, so that rare kinds are not crowded out; a sample's weight says how many it stands
//! for.

use nfos_stm::Reservation;
use nfos_sync::atomic::{AtomicU64, Ordering};

use crate::object::ObjectId;
use crate::rules::{CAUSES, Cause, MUTATORS, MutatorKind, OBSERVERS, ObserverKind};

/// A key of a map, by value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyBytes {
    length: u8,
    bytes: [u8; KeyBytes::MAX],
}

impl KeyBytes {
    const MAX: usize = crate::key::KEY_BYTES_MAX;

    pub(crate) fn new(bytes: [u8; Self::MAX], length: u32) -> Self {
        Self { length: length.min(Self::MAX as u32) as u8, bytes }
    }

    fn from_words(length: u32, words: impl Iterator<Item = u64>) -> Self {
        let mut bytes = [0; Self::MAX];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        Self::new(bytes, length)
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.bytes.as_chunks().0.iter().map(|chunk| u64::from_le_bytes(*chunk))
    }

    /// The key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl std::fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x?}", self.as_bytes())
    }
}

/// Where in its structure a conflict happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// An element of a vector.
    Element(u32),
    /// A key of a map.
    Key(KeyBytes),
    /// An id of an allocator.
    Lease(u32),
    /// The part of a participant.
    Part(u32),
    /// How much is free.
    Room,
    /// It cannot be told any more.
    Unknown,
}

/// Why an event has to run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The structure.
    pub object: ObjectId,
    /// The row of the table.
    pub cause: Cause,
    /// How often the event has failed so far.
    pub failures: u32,
    /// The event's index in its burst.
    pub event: usize,
    /// What was said of the event with [`Worker::set_origin`](crate::Worker::set_origin).
    pub origin: u8,
    /// The operation that observed.
    pub observer: ObserverKind,
    /// Who changed what it had observed; none if a shortage or a lost snapshot was the reason.
    pub change: Option<Change>,
    /// Where.
    pub place: Place,
    /// The timestamp whose state the event saw.
    pub snapshot: u64,
    /// How many aborts the sample that was kept of this one stands for; 0: none was kept.
    pub weight: u64,
}

/// The change that ended an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The operation.
    pub mutator: MutatorKind,
    /// The participant.
    pub participant: u16,
    /// What was said of its event.
    pub origin: u8,
    /// The timestamp of the version that was observed.
    pub seen: u64,
    /// The timestamp of the commit that replaced it.
    pub committed: u64,
}

/// What conflicts of one kind have in common. Of an origin, its three top bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConflictKind {
    /// The structure.
    pub object: ObjectId,
    /// The row of the table.
    pub cause: Cause,
    /// The operation that observed.
    pub observer: ObserverKind,
    /// The event's origin.
    pub origin: u8,
    /// The operation that changed, and its event's origin.
    pub change: Option<(MutatorKind, u8)>,
}

impl Conflict {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ConflictKind {
        ConflictKind {
            object: self.object,
            cause: self.cause,
            observer: self.observer,
            origin: self.origin >> 5,
            change: self.change.map(|change| (change.mutator, change.origin >> 5)),
        }
    }
}

const NO_CHANGE: u64 = 0xff;

impl ConflictKind {
    /// Never 0.
    fn pack(&self) -> u64 {
        let (mutator, by) =
            self.change.map_or((NO_CHANGE, 0), |(mutator, origin)| (mutator as u64, origin.into()));
        1 << 63
            | u64::from(self.object.raw()) << 40
            | (self.cause as u64) << 32
            | (self.observer as u64) << 24
            | mutator << 16
            | u64::from(self.origin) << 8
            | by
    }

    fn unpack(raw: u64) -> Self {
        let byte = |shift: u32| (raw >> shift & 0xff) as usize;
        Self {
            object: ObjectId::from_raw((raw >> 40) as u32 & 0xffff),
            cause: CAUSES[byte(32)],
            observer: OBSERVERS[byte(24)],
            origin: byte(8) as u8,
            change: MUTATORS.get(byte(16)).map(|mutator| (*mutator, byte(0) as u8)),
        }
    }
}

/// Aborts of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictCount {
    /// The kind.
    pub kind: ConflictKind,
    /// How many.
    pub aborts: u64,
    /// Time of the runs that were thrown away, as far as anybody [told](crate::Worker::waste).
    pub wasted_ns: u64,
}

/// One abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictSample {
    /// Who ran in vain.
    pub participant: usize,
    /// What happened.
    pub conflict: Conflict,
    /// The time of the event.
    pub now_ns: u64,
}

/// Everything that is kept of conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// By kind, summed over participants.
    pub counts: Vec<ConflictCount>,
    /// Oldest first by participant.
    pub samples: Vec<ConflictSample>,
    /// Samples that newer ones have replaced.
    pub samples_replaced: u64,
    /// Aborts of kinds for which the table had no room.
    pub lost: u64,
}

const SLOTS: usize = 1 << 15;
/// Kind, aborts, wasted nanoseconds.
const SLOT_WORDS: usize = 3;
const SAMPLES: usize = 4_096;
const SAMPLE_WORDS: usize = 16;
const PROBES_MAX: usize = 64;

/// What one participant keeps. Written by it alone; words are atomic so that anyone may read.
#[derive(Debug)]
pub(crate) struct ConflictLog {
    table: Reservation<AtomicU64>,
    samples: Reservation<AtomicU64>,
    sampled: AtomicU64,
    lost: AtomicU64,
    /// The slot of the last conflict + 1.
    last: AtomicU64,
}

fn add(counter: &AtomicU64, by: u64) -> u64 {
    // Relaxed: only the owner writes.
    let sum = counter.load(Ordering::Relaxed).wrapping_add(by);
    counter.store(sum, Ordering::Relaxed);
    sum
}

impl ConflictLog {
    pub(crate) fn new() -> Self {
        Self {
            table: Reservation::new(SLOTS * SLOT_WORDS),
            samples: Reservation::new(SAMPLES * SAMPLE_WORDS),
            sampled: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }

    /// Counts a conflict of the event at `now_ns`, and marks it if a sample was kept.
    #[cold]
    pub(crate) fn note(&self, conflict: &mut Conflict, now_ns: u64) {
        let raw = conflict.kind().pack();
        let Some(slot) = self.slot(raw) else {
            self.last.store(0, Ordering::Relaxed);
            add(&self.lost, 1);
            return;
        };
        self.last.store(slot as u64 + 1, Ordering::Relaxed);
        let aborts = add(&self.table[slot * SLOT_WORDS + 1], 1);
        let weight = (aborts.next_power_of_two() / 16).max(1);
        if aborts.is_multiple_of(weight) {
            conflict.weight = weight;
            let number = add(&self.sampled, 1) - 1;
            let at = (number as usize % SAMPLES) * SAMPLE_WORDS;
            for (place, word) in
                self.samples[at..at + SAMPLE_WORDS].iter().zip(pack_sample(raw, conflict, now_ns))
            {
                place.store(word, Ordering::Relaxed);
            }
        }
    }

    /// Adds to the time that the last conflict cost.
    pub(crate) fn waste(&self, ns: u64) {
        if let Some(slot) = (self.last.load(Ordering::Relaxed) as usize).checked_sub(1) {
            add(&self.table[slot * SLOT_WORDS + 2], ns);
        }
    }

    fn slot(&self, raw: u64) -> Option<usize> {
        let home = (raw.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 49) as usize;
        for probe in 0..PROBES_MAX {
            let slot = (home + probe) % SLOTS;
            let kind = &self.table[slot * SLOT_WORDS];
            match kind.load(Ordering::Relaxed) {
                0 => {
                    kind.store(raw, Ordering::Relaxed);
                    return Some(slot);
                }
                found if found == raw => return Some(slot),
                _ => {}
            }
        }
        None
    }

    fn counts(&self) -> impl Iterator<Item = ConflictCount> {
        let word = |at: usize| self.table[at].load(Ordering::Relaxed);
        (0..SLOTS).map(move |slot| slot * SLOT_WORDS).filter(move |at| word(*at) != 0).map(
            move |at| ConflictCount {
                kind: ConflictKind::unpack(word(at)),
                aborts: word(at + 1),
                wasted_ns: word(at + 2),
            },
        )
    }

    fn samples(&self, participant: usize) -> impl Iterator<Item = ConflictSample> {
        let written = self.sampled.load(Ordering::Relaxed);
        (written.saturating_sub(SAMPLES as u64)..written).map(move |number| {
            let at = (number as usize % SAMPLES) * SAMPLE_WORDS;
            let words = std::array::from_fn(|i| self.samples[at + i].load(Ordering::Relaxed));
            unpack_sample(&words, participant)
        })
    }
}

fn pack_sample(kind: u64, conflict: &Conflict, now_ns: u64) -> [u64; SAMPLE_WORDS] {
    let (tag, number) = match conflict.place {
        Place::Element(index) => (0, index),
        Place::Key(key) => (1, key.length.into()),
        Place::Lease(id) => (2, id),
        Place::Part(participant) => (3, participant),
        Place::Room => (4, 0),
        Place::Unknown => (5, 0),
    };
    let (participant, origin, seen, committed) = conflict
        .change
        .map_or((0, 0, 0, 0), |by| (by.participant, by.origin, by.seen, by.committed));
    let mut words = [0; SAMPLE_WORDS];
    words[..8].copy_from_slice(&[
        kind,
        conflict.weight,
        tag << 32 | u64::from(number),
        u64::from(conflict.failures) << 32
            | u64::from(conflict.origin) << 24
            | u64::from(origin) << 16
            | u64::from(participant),
        conflict.snapshot,
        seen,
        committed,
        now_ns << 8 | conflict.event as u64 & 0xff,
    ]);
    if let Place::Key(key) = conflict.place {
        words[8..].iter_mut().zip(key.words()).for_each(|(place, word)| *place = word);
    }
    words
}

fn unpack_sample(words: &[u64; SAMPLE_WORDS], participant: usize) -> ConflictSample {
    let kind = ConflictKind::unpack(words[0]);
    let number = words[2] as u32;
    let place = match words[2] >> 32 {
        0 => Place::Element(number),
        1 => Place::Key(KeyBytes::from_words(number, words[8..].iter().copied())),
        2 => Place::Lease(number),
        3 => Place::Part(number),
        4 => Place::Room,
        _ => Place::Unknown,
    };
    let change = kind.change.map(|(mutator, _)| Change {
        mutator,
        participant: words[3] as u16,
        origin: (words[3] >> 16) as u8,
        seen: words[5],
        committed: words[6],
    });
    let conflict = Conflict {
        object: kind.object,
        cause: kind.cause,
        failures: (words[3] >> 32) as u32,
        event: (words[7] & 0xff) as usize,
        origin: (words[3] >> 24) as u8,
        observer: kind.observer,
        change,
        place,
        snapshot: words[4],
        weight: words[1],
    };
    ConflictSample { participant, conflict, now_ns: words[7] >> 8 }
}

/// What all participants keep, most frequent first. While they run on, a sample may be torn.
pub(crate) fn collect(logs: &[ConflictLog]) -> Conflicts {
    let mut conflicts = Conflicts::default();
    let mut sums = std::collections::BTreeMap::<u64, (u64, u64)>::new();
    for (participant, log) in logs.iter().enumerate() {
        for count in log.counts() {
            let sum = sums.entry(count.kind.pack()).or_default();
            *sum = (sum.0 + count.aborts, sum.1 + count.wasted_ns);
        }
        conflicts.samples.extend(log.samples(participant));
        conflicts.lost += log.lost.load(Ordering::Relaxed);
        let sampled = log.sampled.load(Ordering::Relaxed);
        conflicts.samples_replaced += sampled.saturating_sub(SAMPLES as u64);
    }
    let count = |(raw, (aborts, wasted_ns))| {
        let kind = ConflictKind::unpack(raw);
        ConflictCount { kind, aborts, wasted_ns }
    };
    conflicts.counts = sums.into_iter().map(count).collect();
    conflicts.counts.sort_by_key(|count| std::cmp::Reverse(count.aborts));
    conflicts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(object: u32, key: u64) -> Conflict {
        Conflict {
            object: ObjectId::from_raw(object),
            cause: Cause::M1,
            failures: 3,
            event: 31,
            origin: 0x43,
            observer: ObserverKind::MapHit,
            change: Some(Change {
                mutator: MutatorKind::MapSet,
                participant: 62,
                origin: 0x21,
                seen: 7,
                committed: 9,
            }),
            place: Place::Key(KeyBytes::from_words(5, [key].into_iter())),
            snapshot: 8,
            weight: 1,
        }
    }

    #[test]
    fn a_sample_is_read_as_it_was_noted() {
        let log = ConflictLog::new();
        let noted = [
            conflict(4_095, 0x006b_6a69_6867),
            Conflict { change: None, cause: Cause::S1, place: Place::Unknown, ..conflict(0, 1) },
            Conflict { place: Place::Element(u32::MAX), ..conflict(1, 1) },
            Conflict { place: Place::Lease(1 << 30), ..conflict(2, 1) },
            Conflict { place: Place::Part(63), ..conflict(3, 1) },
            Conflict { place: Place::Room, ..conflict(4, 1) },
        ];
        noted.iter().for_each(|one| log.note(&mut one.clone(), 1_000_000));
        let found: Vec<_> = log.samples(5).collect();
        assert_eq!(found.iter().map(|sample| sample.conflict).collect::<Vec<_>>(), noted);
        assert!(found.iter().all(|s| (s.participant, s.now_ns) == (5, 1_000_000)));
        let Place::Key(key) = found[0].conflict.place else { panic!("a key") };
        assert_eq!(key.as_bytes(), b"ghijk");
    }

    #[test]
    fn weights_sum_to_the_aborts_and_a_rare_kind_keeps_its_samples() {
        let log = ConflictLog::new();
        log.note(&mut conflict(2, 1), 0);
        (0..100_000).for_each(|_| log.note(&mut conflict(1, 1), 0));
        log.waste(50);
        let conflicts = collect(&[log]);
        assert_eq!(conflicts.counts[0].aborts, 100_000);
        assert_eq!((conflicts.counts[0].wasted_ns, conflicts.counts[1].wasted_ns), (50, 0));
        let of = |object| {
            let samples = conflicts.samples.iter();
            samples.filter(move |s| s.conflict.object == ObjectId::from_raw(object))
        };
        assert_eq!(of(2).count(), 1);
        let weights: u64 = of(1).map(|sample| sample.conflict.weight).sum();
        assert!((98_000..=100_016).contains(&weights) && of(1).count() < 200, "{weights}");
    }

    #[test]
    fn a_thousand_structures_with_all_causes_are_counted_apart() {
        let log = ConflictLog::new();
        for object in 0..1_000 {
            for &cause in CAUSES {
                log.note(&mut Conflict { cause, ..conflict(object, 1) }, 0);
            }
        }
        let conflicts = collect(&[log]);
        assert_eq!(conflicts.counts.len(), 1_000 * CAUSES.len());
        assert!(conflicts.counts.iter().all(|count| count.aborts == 1));
        assert_eq!(conflicts.lost, 0);
        assert!(conflicts.samples.len() == SAMPLES && conflicts.samples_replaced > 0);
    }

    #[test]
    fn what_finds_no_room_is_counted_as_lost() {
        let log = ConflictLog::new();
        for object in 0..4_096 {
            for origin in 0..16 {
                log.note(&mut Conflict { origin: origin << 4, ..conflict(object, 1) }, 0);
            }
        }
        let conflicts = collect(&[log]);
        let counted: u64 = conflicts.counts.iter().map(|count| count.aborts).sum();
        assert_eq!(counted + conflicts.lost, 4_096 * 16);
    }
}
