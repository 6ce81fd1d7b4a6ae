//! Goes through all interleavings of many small programs: none goes wrong, and with a rule left out
//! one does.
//!
//! `NFOS_PROGRAMS` says how many programs of each kind, `NFOS_STATES` after how many states one is
//! cut off.

#![cfg(nfos_models)]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nfos_stm_models::judge::is_right;
use nfos_stm_models::program::{Op, Program};
use nfos_stm_models::state::{State, step};
use nfos_sync::Bug;
use stateright::{Checker, Model, Property};

struct Protocol {
    program: Program,
    gap: Option<Bug>,
}

impl Protocol {
    fn successors<'a>(&'a self, state: &'a State) -> impl Iterator<Item = Option<State>> + 'a {
        (0..self.program.threads.len() as u8)
            .map(|thread| step(&self.program, self.gap, state, thread))
    }
}

impl Model for Protocol {
    type State = State;
    type Action = u8;

    fn init_states(&self) -> Vec<State> {
        vec![State::initial(&self.program)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<u8>) {
        if state.wrong.is_none() {
            actions.extend(0..self.program.threads.len() as u8);
        }
    }

    fn next_state(&self, state: &State, thread: u8) -> Option<State> {
        step(&self.program, self.gap, state, thread)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("right", |model: &Self, state| {
            let stuck = model.successors(state).all(|next| next.is_none());
            is_right(&model.program, state, stuck)
        })]
    }
}

#[derive(Default)]
struct Count {
    programs: AtomicU64,
    complete: AtomicU64,
    states: AtomicU64,
}

/// Goes through one program; the threads' order on a way to what is wrong, if anything is.
fn explore(
    program: &Program,
    gap: Option<Bug>,
    states_max: usize,
    count: &Count,
) -> Option<Vec<u8>> {
    let model = Protocol { program: program.clone(), gap };
    // Cut off by states that it has met, be it again.
    let checker = model.checker().target_state_count(states_max).spawn_dfs().join();
    let states = checker.unique_state_count();
    count.programs.fetch_add(1, Relaxed);
    count.complete.fetch_add(u64::from(checker.state_count() < states_max), Relaxed);
    count.states.fetch_add(states as u64, Relaxed);
    checker.discovery("right").map(|path| path.into_actions())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Each of the programs on one of two threads; what is wrong stops the test.
fn all_are_right(
    name: &str,
    programs: Range<u64>,
    gap: Option<Bug>,
    program: impl Fn(u64) -> Program + Sync,
) {
    let (count, next) = (Count::default(), AtomicU64::new(programs.start));
    let states_max = number("NFOS_STATES", 4_000_000) as usize;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Relaxed)
                    && seed < programs.end
                {
                    let program = program(seed);
                    let wrong = explore(&program, gap, states_max, &count);
                    assert_eq!(wrong, None, "{name}: program {seed}: {program:?}");
                }
            });
        }
    });
    let Count { programs, complete, states } = count;
    let (programs, complete) = (programs.into_inner(), complete.into_inner());
    let states = states.into_inner();
    println!("models: {name}: {programs} programs, {complete} to the end, {states} states");
    assert!(complete > 0 && states > 1_000, "hardly anything was gone through");
}

#[test]
fn bursts_of_two_threads_are_right() {
    let programs = number("NFOS_PROGRAMS", 60);
    all_are_right("bursts of two threads", 0..programs, None, |seed| Program::random(seed, 2, 2));
}

#[test]
fn longer_bursts_of_two_threads_are_right() {
    let programs = number("NFOS_PROGRAMS", 60) / 2;
    all_are_right("longer bursts", 0..programs, None, |seed| Program::random(seed, 2, 3));
}

#[test]
fn events_of_three_threads_are_right() {
    let programs = number("NFOS_PROGRAMS", 60) / 20;
    all_are_right("events of three threads", 0..programs, None, |seed| Program::random(seed, 3, 1));
}

#[test]
fn scarce_history_is_right() {
    let programs = number("NFOS_PROGRAMS", 60) / 2;
    all_are_right("scarce history", 0..programs, None, |seed| Program {
        lines: 1,
        ..Program::random(seed, 2, 2)
    });
}

#[test]
fn elders_do_not_fail() {
    let programs = number("NFOS_PROGRAMS", 60) / 2;
    all_are_right("elders", 0..programs, None, |seed| Program {
        failures: 2,
        ..Program::random(seed, 2, 2)
    });
}

#[test]
fn keys_of_two_threads_are_right() {
    let programs = number("NFOS_PROGRAMS", 60) / 2;
    all_are_right("keys", 0..programs, None, |seed| Program::random_on_keys(seed, 2, 2));
}

#[test]
fn keys_of_three_threads_are_right() {
    let programs = number("NFOS_PROGRAMS", 60) / 20;
    all_are_right("keys of three threads", 0..programs, None, |seed| {
        Program::random_on_keys(seed, 3, 1)
    });
}

/// Programs that show what random ones show late.
fn telling(gap: Bug) -> Vec<Program> {
    let (r, w) = (Op::Read, Op::Write);
    let program = |threads, burst, lines, failures| Program {
        cells: 2,
        map: None,
        lines,
        burst,
        failures,
        threads,
    };
    match gap {
        Bug::UnorderedWaiting => vec![program(
            vec![
                vec![vec![w(0, 1), w(1, 2)]],
                vec![vec![w(1, 3), w(0, 4)]],
                vec![vec![w(0, 5), w(1, 6)]],
            ],
            1,
            2,
            0,
        )],
        Bug::GateWithoutDrain => {
            vec![program(vec![vec![vec![r(0), w(1, 1)]], vec![vec![w(0, 3)]]], 1, 2, 2)]
        }
        Bug::SnapshotBeforePublication | Bug::ReclaimedEarly => vec![program(
            vec![
                vec![vec![w(0, 1), w(1, 2)], vec![w(1, 3)], vec![w(0, 4)]],
                vec![vec![r(1), r(0)]],
            ],
            1,
            4,
            0,
        )],
        // Of three versions the reader wants the first, whose line is used again.
        Bug::OverrunUnchecked => vec![program(
            vec![
                vec![vec![w(0, 1), w(1, 2)], vec![w(0, 3)], vec![w(0, 4)]],
                vec![vec![r(1), r(0)]],
            ],
            1,
            1,
            0,
        )],
        _ => Vec::new(),
    }
}

/// Some program on cells goes wrong without it.
fn a_rule_is_needed(gap: Bug) {
    let random = (0..200).map(|seed| Program { lines: 3, ..Program::random(seed, 2, 2) });
    one_goes_wrong(gap, telling(gap).into_iter().chain(random));
}

/// The same on keys.
fn a_rule_of_maps_is_needed(gap: Bug) {
    one_goes_wrong(gap, (0..400).map(|seed| Program::random_on_keys(seed, 2, 2)));
}

fn one_goes_wrong(gap: Bug, programs: impl Iterator<Item = Program>) {
    let states_max = number("NFOS_STATES", 4_000_000) as usize;
    let count = Count::default();
    let mut wrong = programs.filter_map(|program| explore(&program, Some(gap), states_max, &count));
    let found = wrong.next();
    drop(wrong);
    let (programs, states) = (count.programs.into_inner(), count.states.into_inner());
    let steps = found.as_ref().map_or(0, Vec::len);
    println!(
        "models: without {gap:?} program {programs} goes wrong in {steps} steps, {states} states"
    );
    assert!(found.is_some(), "no program goes wrong without {gap:?}");
}

/// Where every copy is checked against the word, as here and in the code, a holder that went on
/// between the loads of word and phase has changed the timestamp, or has installed nothing.
#[test]
fn the_word_need_not_be_loaded_again_where_copies_are_checked() {
    let programs = number("NFOS_PROGRAMS", 60) / 2;
    let gap = Some(Bug::WordNotReloaded);
    all_are_right("word not loaded again", 0..programs, gap, |seed| Program::random(seed, 2, 3));
}

macro_rules! gaps {
    ($needed:ident, $($name:ident: $gap:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            $needed(Bug::$gap);
        })*
    };
}

gaps! {
    a_rule_of_maps_is_needed,
    gap_23_miss_observed: MissNotObserved,
    gap_24_upsert_looks_again: UpsertDoesNotLookAgain,
    gap_35_known_slot_checked: KnownSlotNotChecked,
    gap_36_resolved_anew_after_a_retake: RetakenNotResolvedAnew,
    gap_37_given_back_before_a_retake: AcquireWaits,
}

gaps! {
    a_rule_is_needed,
    gap_01_validation: NoValidation,
    gap_02_validation_after_the_draw: ValidationBeforeDraw,
    gap_03_waiting_for_who_draws: DrawingIgnored,
    gap_04_reader_waits_for_smaller_timestamps: ReaderIgnoresDrawn,
    gap_05_validator_waits_for_smaller_timestamps: ValidatorIgnoresDrawn,
    gap_06_validator_does_not_fail_on_them: ValidatorFailsOnDrawn,
    gap_08_installing: NoInstalling,
    gap_09_copy_checked: CopyNotRechecked,
    gap_11_history_before_the_overwrite: HistoryAfterOverwrite,
    gap_12_idle_after_the_installs: IdleBeforeInstall,
    gap_13_snapshot_after_its_publication: SnapshotBeforePublication,
    gap_14_reclaimed_in_time: ReclaimedEarly,
    gap_15_extension_validates: ExtensionUnchecked,
    gap_16_observations_kept: ObservationsDropped,
    gap_17_prefix_as_of_its_end: PrefixWithLaterValues,
    gap_18_operations_on_the_newest: OperationOnSnapshot,
    gap_19_waiting_in_order: UnorderedWaiting,
    gap_20_gate_drains: GateWithoutDrain,
    gap_22_overrun_checked: OverrunUnchecked,
}
