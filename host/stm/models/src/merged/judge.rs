//! What must hold: each read gave what its place in the order says, or what was published not too
//! long before; and each update that stands is there once.

use super::{At, Given, Op, Program, State};

impl State {
    /// Whether nothing went wrong so far; and where no thread can go on, whether all are done, and
    /// reads gave what they should.
    #[must_use]
    pub fn is_right(&self, program: &Program, stuck: bool) -> bool {
        let done = self.threads.iter().all(|thread| thread.at == At::Done);
        self.wrong.is_none()
            && (!stuck || (done && self.has_all_updates(program) && self.gave_right(program)))
    }

    fn has_all_updates(&self, program: &Program) -> bool {
        self.parts.iter().zip(&program.threads).all(|(versions, events)| {
            let standing = events.iter().filter(|event| event.stands).flat_map(|event| &event.ops);
            let updates = standing.filter(|op| **op == Op::Update).count();
            versions.last().is_some_and(|version| usize::from(version.1) == updates)
        })
    }

    /// How many updates there are before a timestamp, or up to it.
    fn updates_before(&self, (timestamp, inclusive): (u8, bool)) -> u8 {
        let newest = |versions: &Vec<(u8, u8)>| {
            let of = |version: &&(u8, u8)| {
                version.0 < timestamp || (inclusive && version.0 == timestamp)
            };
            versions.iter().rev().find(of).map_or(0, |version| version.1)
        };
        self.parts.iter().map(newest).sum()
    }

    fn gave_right(&self, program: &Program) -> bool {
        self.ran.iter().all(|&(place, (thread, first), ref results)| {
            let events = &program.threads[usize::from(thread)][usize::from(first)..];
            let mut most = self.updates_before(place);
            events.iter().zip(results).all(|(event, (given, least))| {
                let reads = event.ops.iter().filter(|op| **op == Op::Read).count();
                reads == given.len() && gave(&event.ops, given, *least, &mut most)
            })
        })
    }
}

/// Whether the reads of an event gave what they should: what they merged, exactly that; what they
/// were served, no more, and not too little.
fn gave(ops: &[Op], given: &[Given], least: u8, most: &mut u8) -> bool {
    let mut given = given.iter();
    ops.iter().all(|op| match op {
        Op::Update => {
            *most += 1;
            true
        }
        Op::Read => given.next().is_some_and(|&(value, is_merged)| {
            value <= *most && value >= if is_merged { *most } else { least }
        }),
    })
}
