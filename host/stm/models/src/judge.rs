//! What must hold at the end: replay in commit order gives what every event saw and what is left.

use crate::program::{Op, Program};
use crate::state::{At, Ran, State};

/// Whether nothing has gone wrong so far; a state from which no thread can go on must be an end.
#[must_use]
pub fn is_right(program: &Program, state: &State, stuck: bool) -> bool {
    state.wrong.is_none() && (!stuck || (is_over(state) && replays(program, state)))
}

fn is_over(state: &State) -> bool {
    state.threads.iter().all(|thread| thread.at == At::Done)
}

/// Runs the events that stood one after the other; those that failed saw the state at their
/// snapshot and what came before them in their burst.
fn replays(program: &Program, state: &State) -> bool {
    let mut cells = vec![0u8; usize::from(program.cells)];
    let mut versions = vec![(0, cells.clone())];
    let (stood, failed): (Vec<&Ran>, Vec<&Ran>) = state.ran.iter().partition(|ran| ran.stood);
    for ran in stood {
        if !run(program, ran, &mut cells) {
            return false;
        }
        versions.push((ran.place.0, cells.clone()));
    }
    let left = state.cells.iter().map(|cell| cell.version.words);
    left.eq(cells.iter().map(|&value| [value; 2])) && sees_states(program, &failed, &versions)
}

fn sees_states(program: &Program, failed: &[&Ran], versions: &[(u8, Vec<u8>)]) -> bool {
    failed.iter().all(|ran| {
        let at = versions.iter().rev().find(|version| version.0 <= ran.place.0);
        let mut cells = at.map(|version| version.1.clone()).unwrap_or_default();
        ran.place.2 > 0 || run(program, ran, &mut cells)
    })
}

fn run(program: &Program, ran: &Ran, cells: &mut [u8]) -> bool {
    let mut results = ran.results.iter();
    for op in &program.threads[usize::from(ran.thread)][usize::from(ran.event)] {
        match *op {
            Op::Write(cell, value) => cells[usize::from(cell)] = value,
            Op::Add(cell, value) => {
                let place = &mut cells[usize::from(cell)];
                *place = place.wrapping_add(value);
            }
            Op::Read(cell) => match results.next() {
                Some(result) if *result != cells[usize::from(cell)] => return false,
                // History was lost half-way.
                None if !ran.stood => return true,
                None => return false,
                Some(_) => {}
            },
        }
    }
    true
}
