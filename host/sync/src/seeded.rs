//! Bugs put in on purpose, to see whether the tests find them.
//!
//! Under `--cfg nfos_mutant` in `RUSTFLAGS`, and nowhere else, the environment variable
//! `NFOS_MUTANT` names one [`Bug`] by its number, and the code that it concerns goes wrong in that
//! way. A bug that no layer of the evidence finds is a hole in the evidence: `ci/mutants.sh` looks
//! for such. In every other build [`seeded`] is the constant `false`, and nothing is left of it.

/// The bugs, with the numbers by which they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// A commit does not validate what it observed.
    NoValidation = 1,
    /// A commit validates before it draws its timestamp.
    ValidationBeforeDraw = 2,
    /// Who meets a holder that is drawing does not wait.
    DrawingIgnored = 3,
    /// A reader does not wait for a holder with a timestamp in its snapshot.
    ReaderIgnoresDrawn = 4,
    /// A validator does not wait for a holder with a smaller timestamp.
    ValidatorIgnoresDrawn = 5,
    /// A validator takes such a holder for a conflict.
    ValidatorFailsOnDrawn = 6,
    /// The word is not loaded again after the holder's phase.
    WordNotReloaded = 7,
    /// An install does not mark the cell.
    NoInstalling = 8,
    /// A reader does not look at the word again after it copied a payload.
    CopyNotRechecked = 9,
    /// An install publishes without Release.
    WordRelaxed = 10,
    /// The replaced version gets into history after it was overwritten.
    HistoryAfterOverwrite = 11,
    /// A commit says that it is done before it installs.
    IdleBeforeInstall = 12,
    /// A snapshot is taken before it is published.
    SnapshotBeforePublication = 13,
    /// History is taken back one timestamp early.
    ReclaimedEarly = 14,
    /// A moving snapshot is not validated.
    ExtensionUnchecked = 15,
    /// Observations are forgotten where an event ends, whether or not the burst has written.
    ObservationsDropped = 16,
    /// A prefix is installed with what later events have written.
    PrefixWithLaterValues = 17,
    /// A commutative operation is applied to the snapshot's value.
    OperationOnSnapshot = 18,
    /// Cells are waited for in the order of their first write.
    UnorderedWaiting = 19,
    /// An elder does not wait for commits in flight.
    GateWithoutDrain = 20,
    /// An elder keeps its waiting room.
    RoomKeptAtGate = 21,
    /// A reader of history does not look whether it was overrun.
    OverrunUnchecked = 22,
    /// A key that was not there is not observed.
    MissNotObserved = 23,
    /// A commit does not look again for a key that it inserts.
    UpsertDoesNotLookAgain = 24,
    /// A theft leaves what it took with its owner.
    TheftLeavesTheLoot = 25,
    /// A refresh does not observe the tenure.
    RefreshIgnoresTenure = 26,
    /// "No id is left" looks at the own pool only.
    NoneLooksAtOwnPool = 27,
    /// A run that failed publishes its merged value.
    FailedRunPublishes = 28,
    /// A merged value is of a snapshot older than its time.
    MergedOlderThanItsTime = 29,
    /// Effects of an event that runs again are let out.
    EffectsOutliveRollback = 30,
    /// Of a packet set with several events in a burst that was broken off, the first one's state
    /// stays.
    UndoneInAscendingOrder = 31,
    /// An event that runs again draws other random numbers.
    OtherRandomOnRerun = 32,
    /// The record of an abort names the last writer.
    LastWriterBlamed = 33,
    /// Not a bug of ours: commits follow the protocol of the NFOS prototype.
    OriginalProtocol = 34,
    /// A commit does not look whether a slot still holds the key that the run saw in it.
    KnownSlotNotChecked = 35,
    /// Where a commit gave its cells back and took them again, what it had resolved before stays.
    RetakenNotResolvedAnew = 36,
    /// A commit that lacks a cell which it did not foresee waits for it and keeps all others.
    AcquireWaits = 37,
    /// A cell that the burst has changed is taken for one that it has not.
    OwnChangeUnseen = 38,
    /// The short way of a set does not compare the key of the slot that the run saw.
    KnownKeyNotCompared = 39,
    /// The short way of a set does not ask whether the slot was emptied.
    EmptiedSlotOverwritten = 40,
    /// The write log looks for a cell at one position of its index only.
    WriteIndexNotSearched = 41,
    /// A map action takes the first position of its index, whosever that is.
    ActionIndexNotSearched = 42,
    /// A glance at a map does not ask for the burst's own actions.
    GlanceMissesOwnActions = 43,
    /// A quick read does not ask for the burst's own writes.
    QuickReadMissesOwnWrites = 44,
    /// A stale read in line is served a state that its snapshot has not reached.
    StaleReadUnreached = 45,
    /// A stale read in line does not look how old the value is.
    StaleReadTooOld = 46,
    /// History uses its oldest segment again without a look at others' snapshots.
    SegmentTakenUnseen = 47,
    /// History gives up its oldest segment although some were never used.
    OverrunBeforeFresh = 48,
    /// What is in the write log's index when that grows is not put into the larger one.
    GrownIndexEmpty = 49,
    /// Every other theft gives up, whoever has something.
    TheftGivesUp = 50,
    /// A transaction that begins with its first operation forgets the events before.
    LateBeginForgets = 51,
    /// A snapshot that moves is taken for the one that the events before it ended with.
    EndSnapshotsForgotten = 52,
    /// A known slot is taken for as it was seen if it is older than the burst's last snapshot.
    KnownSlotOldSinceLast = 53,
    /// The first writer of a burst forgets what it has observed itself, with the events before it.
    FirstWriterForgets = 54,
    /// A key that the run found absent goes to the end of its bucket, whoever changed that since.
    EndTakenForSeen = 55,
    /// A key is read before the first look at its value.
    KeyReadBefore = 56,
    /// A burst that never began keeps history for the snapshot of the one before it.
    PassedKeepsHistory = 60,
    /// A burst that never began and had no event counts as one without a conflict.
    NoEventsCount = 61,
    /// An entry of a wheel stands for whatever lease the event sees of its id.
    EntryOfAnyTenure = 62,
}

/// Whether this bug is in.
#[inline(always)]
#[must_use]
pub fn seeded(bug: Bug) -> bool {
    cfg!(nfos_mutant) && chosen() == bug as u8
}

/// The number in the environment; 0: none.
#[cold]
fn chosen() -> u8 {
    static CHOSEN: std::sync::OnceLock<u8> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let number = std::env::var("NFOS_MUTANT").unwrap_or_default();
        number.parse().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bug_is_in_unless_it_is_asked_for() {
        assert_eq!(Bug::OriginalProtocol as u8, 34);
        assert!(cfg!(nfos_mutant) || !seeded(Bug::NoValidation));
    }
}
