//! What must hold at the end: replay in commit order gives what every event saw and what is left.

use crate::map::{self, CELLS, KEYS};
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
    let mut cells = plain(program);
    let mut versions = vec![(0, cells.clone())];
    let (stood, failed): (Vec<&Ran>, Vec<&Ran>) = state.ran.iter().partition(|ran| ran.stood);
    for ran in stood {
        if !run(program, ran, &mut cells) {
            return false;
        }
        versions.push((ran.place.0, cells.clone()));
    }
    let words = state.cells.iter().map(|cell| cell.version.words);
    let whole = words.clone().all(|words| words[0] == words[1]);
    let left: Vec<u8> = words.map(|words| words[0]).collect();
    let left = match program.map {
        None => Some(left),
        Some(_) => map::values(&left).map(|keys| [&keys, &left[usize::from(CELLS)..]].concat()),
    };
    whole && left == Some(cells) && sees_states(program, &failed, &versions)
}

/// Everything at first: the keys of the map, if there is one, then the other cells.
fn plain(program: &Program) -> Vec<u8> {
    match program.map {
        None => vec![0; usize::from(program.cells)],
        Some(_) => {
            let others = vec![0; usize::from(program.cells - CELLS)];
            [&map::initial(program.map)[..], &others].concat()
        }
    }
}

fn sees_states(program: &Program, failed: &[&Ran], versions: &[(u8, Vec<u8>)]) -> bool {
    failed.iter().all(|ran| {
        let at = versions.iter().rev().find(|version| version.0 <= ran.place.0);
        let mut cells = at.map(|version| version.1.clone()).unwrap_or_default();
        ran.place.2 > 0 || run(program, ran, &mut cells)
    })
}

impl Op {
    /// Where what it is on stands among everything.
    fn place(self, program: &Program) -> usize {
        let cells_from = if program.map.is_some() { CELLS - KEYS } else { 0 };
        usize::from(match self {
            Self::Get(key) | Self::Set(key, _) | Self::Remove(key) => key,
            Self::Read(cell) | Self::Write(cell, _) | Self::Add(cell, _) => cell - cells_from,
        })
    }
}

fn run(program: &Program, ran: &Ran, plain: &mut [u8]) -> bool {
    let mut results = ran.results.iter();
    for op in &program.threads[usize::from(ran.thread)][usize::from(ran.event)] {
        let place = &mut plain[op.place(program)];
        let result = match *op {
            Op::Write(_, value) | Op::Set(_, value) => {
                *place = value;
                continue;
            }
            Op::Add(_, value) => {
                *place = place.wrapping_add(value);
                continue;
            }
            Op::Read(_) | Op::Get(_) => *place,
            Op::Remove(_) => u8::from(std::mem::take(place) != 0),
        };
        match results.next() {
            Some(given) if *given != result => return false,
            // History was lost half-way.
            None => return !ran.stood,
            Some(_) => {}
        }
    }
    true
}
