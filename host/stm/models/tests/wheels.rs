//! Goes through all orders of operations on small timer wheels: nothing is late, early or lost, and
//! with a rule left out something is.

#![cfg(nfos_models)]

use nfos_stm_models::wheel::{Action, Gap, Program, State, step};
use stateright::{Checker, Model, Property};

struct Run {
    program: Program,
    gap: Option<Gap>,
}

impl Model for Run {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::initial(&self.program)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_right() {
            actions.extend(state.actions(&self.program));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(step(&self.program, self.gap, state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("right", |_, state: &State| state.is_right())]
    }
}

/// Wheels whose levels have two slots or four, with ticks of one instant or two. Where not every
/// instant is one, there is one before and behind each turn of a level.
fn programs() -> Vec<Program> {
    let all = |end| (0..end).collect::<Vec<u8>>();
    let turns = vec![0, 3, 4, 5, 15, 16, 20, 21, 32, 63];
    [
        (1, 1, 2, 3, all(8)),
        (1, 1, 3, 2, all(16)),
        (0, 2, 2, 2, all(16)),
        (0, 1, 4, 2, all(16)),
        (0, 2, 3, 3, turns),
    ]
    .map(|(tick, digit, levels, ids, instants)| Program { tick, digit, levels, ids, instants })
    .into()
}

/// The states of one wheel, and the way to what is wrong, if anything is.
fn explore(program: Program, gap: Option<Gap>) -> (usize, Option<Vec<Action>>) {
    let checker = Run { program, gap }.checker().spawn_bfs().join();
    let wrong = checker.discovery("right").map(|path| path.into_actions());
    (checker.unique_state_count(), wrong)
}

#[test]
fn wheels_are_right() {
    let (programs, mut states) = (programs(), 0);
    for program in &programs {
        let (gone_through, wrong) = explore(program.clone(), None);
        assert_eq!(wrong, None, "{program:?}");
        states += gone_through;
    }
    println!("models: wheels: {} programs to the end, {states} states", programs.len());
}

/// Some wheel goes wrong without the rule.
fn a_rule_is_needed(gap: Gap) {
    let mut wheels = (1..).zip(programs());
    let found = wheels.find_map(|(number, program)| {
        explore(program, Some(gap)).1.map(|wrong| (number, wrong.len()))
    });
    let (number, steps) = found.unwrap_or_else(|| panic!("no wheel goes wrong without {gap:?}"));
    println!("models: without {gap:?} wheel {number} goes wrong in {steps} steps");
}

macro_rules! gaps {
    ($($name:ident: $gap:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            a_rule_is_needed(Gap::$gap);
        })*
    };
}

gaps! {
    wheels_turn: TickNotMoved,
    wheels_turn_slot_by_slot: TickMovedToNow,
    wheels_slots_come_down: ComeDownForgotten,
    wheels_slots_come_down_whole: NextReadLate,
    wheels_slots_come_down_once: ComeDownMarked,
    wheels_emptied_slots: EmptiedMarked,
    wheels_slots_in_use: LinkedUnmarked,
    wheels_levels_of_digits: LevelByDistance,
    wheels_what_has_passed_is_present: PassedAsItWas,
    wheels_digits_above: DigitsAboveForgotten,
    wheels_lowest_level_first: HighestFirst,
    wheels_within_a_tick: TickIsPast,
    wheels_all_of_a_tick: OnlyFirstOfTick,
    wheels_heads_told: HeadNotTold,
    wheels_next_told: NextNotTold,
    wheels_heads_leave: HeadKept,
    wheels_put_back_by_tenure: PutBackAnyway,
    wheels_put_back_where_due: PutBackAsItWas,
}
