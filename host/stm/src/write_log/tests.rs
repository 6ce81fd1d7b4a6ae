//! The log as of savepoints, truncated, rewound, and with more in it than its index has room for.

use super::*;
use crate::cell::WORDS;

const BY: Mutator = Mutator { object: 1, kind: 2 };

fn cell(raw: u32) -> CellId {
    CellId::from_raw(raw)
}

fn at(event: usize) -> Begun {
    Begun::of(event)
}

/// Buffers a value, however much there is.
fn replace(log: &mut WriteLog, raw: u32, event: usize, word: u64) {
    log.replace_or_begin(cell(raw), at(event), BY, &[word; WORDS], || {});
}

fn operate(log: &mut WriteLog, event: usize, word: usize, by: (Operation, u64)) -> bool {
    match log.operate(cell(3), at(event), BY, word, by) {
        Put::Done | Put::First => true,
        Put::Refused => false,
        Put::NoRoom => panic!("there is room"),
    }
}

#[test]
fn a_cell_can_be_had_as_of_every_savepoint() {
    let payload_as_of = |end| {
        let mut log = WriteLog::new();
        assert!(operate(&mut log, 0, 0, (Operation::Add, 5)));
        replace(&mut log, 3, 2, 9);
        assert!(operate(&mut log, 4, 1, (Operation::Max, 11)));
        log.keep_before(end);
        log.latest(cell(3)).map(|write| write.apply(&[100; WORDS])[..2].to_vec())
    };
    assert_eq!(payload_as_of(0), None);
    assert_eq!(payload_as_of(1), Some(vec![105, 100]));
    assert_eq!(payload_as_of(3), Some(vec![9, 9]));
    assert_eq!(payload_as_of(5), Some(vec![9, 11]));
}

#[test]
fn a_truncated_log_is_as_it_was_at_the_savepoint() {
    let mut log = WriteLog::new();
    replace(&mut log, 1, 0, 1);
    replace(&mut log, 2, 3, 2);
    replace(&mut log, 1, 3, 3);
    log.truncate(2);
    assert_eq!(log.latest(cell(1)).unwrap().words, [1; WORDS]);
    assert!(log.latest(cell(2)).is_none());
    replace(&mut log, 5, 1, 5);
    replace(&mut log, 2, 1, 6);
    assert_eq!(log.latest(cell(2)).unwrap().words, [6; WORDS]);
    assert_eq!(log.targets.len(), 3);
}

#[test]
fn a_log_that_was_rewound_is_as_it_was_at_the_mark_however_often() {
    let mut log = WriteLog::new();
    replace(&mut log, 1, 0, 1);
    log.target_or_insert(cell(2), at(0)).unwrap();
    for round in 0..1_000 {
        let mark = log.mark();
        for raw in 1..40 {
            replace(&mut log, raw, 1, round);
        }
        assert_eq!(log.latest(cell(2)).unwrap().words, [round; WORDS]);
        log.rewind(mark);
        assert_eq!(log.latest(cell(1)).unwrap().words, [1; WORDS]);
        assert!(log.latest(cell(2)).is_none() && log.has(cell(2)) && !log.has(cell(3)));
        assert_eq!(log.targets.len(), 2);
    }
}

#[test]
fn operations_of_two_kinds_on_one_word_are_refused() {
    let mut log = WriteLog::new();
    assert!(operate(&mut log, 0, 0, (Operation::Add, 5)));
    assert!(!operate(&mut log, 0, 0, (Operation::Max, 5)));
    assert!(operate(&mut log, 0, 1, (Operation::Max, 5)));
}

#[test]
fn stamps_begin_anew_and_take_no_earlier_burst_for_their_own() {
    let mut log = WriteLog::new();
    for burst in 0..100_000u32 {
        let distinct = if burst % 9_000 == 0 { 1_000 } else { 1 };
        for raw in 0..distinct {
            assert!(log.target(cell(raw * 64)).is_none(), "{burst}");
            replace(&mut log, raw * 64, 0, burst.into());
            replace(&mut log, raw * 64, 1, burst.into());
        }
        assert_eq!(log.targets.len(), distinct as usize);
        log.clear();
    }
}

#[test]
fn the_index_grows_and_forgets_earlier_bursts() {
    let mut log = WriteLog::new();
    let cells = limit(5_000, 500) as u32;
    for burst in 0..3 {
        for raw in 0..cells {
            replace(&mut log, raw * 64, 0, u64::from(raw) + burst);
        }
        assert_eq!(log.targets.len(), cells as usize);
        assert_eq!(log.latest(cell(64 * 321)).unwrap().words[0], 321 + burst);
        assert!(log.latest(cell(1)).is_none());
        log.clear();
        assert!(log.latest(cell(64)).is_none());
    }
}

#[test]
fn a_full_log_takes_no_operation_that_would_lengthen_it_but_a_commit_has_room() {
    let mut log = WriteLog::new();
    let operate = |log: &mut WriteLog, raw, event| loop {
        match log.operate(cell(raw), at(event), BY, 0, (Operation::Add, 1)) {
            Put::NoRoom if log.make_room() => {}
            put => return put,
        }
    };
    let cells = WriteLog::EXECUTING as u32 / 2;
    for event in 0..2 {
        for raw in 0..cells {
            assert!(operate(&mut log, raw, event) != Put::NoRoom, "{event} {raw}");
        }
    }
    let first = |log: &WriteLog| log.latest(cell(7)).unwrap().apply(&[100; WORDS])[0];
    assert!(operate(&mut log, 7, 2) == Put::NoRoom);
    assert_eq!((first(&log), log.writes.len()), (102, WriteLog::EXECUTING));
    // An entry that the event has is only changed.
    assert!(operate(&mut log, 7, 1) == Put::Done);
    assert_eq!(first(&log), 103);
    // What the commit does instead.
    log.replace_or_begin(cell(7), at(2), BY, &[104; WORDS], || panic!("it had a target"));
    assert_eq!((first(&log), log.writes.len()), (104, WriteLog::EXECUTING + 1));
}
