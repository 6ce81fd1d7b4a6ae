//! Settling, copying, history, validation.

use nfos_sync::Bug;

use crate::execute::look;
use crate::map::{BUCKET, slot_of};
use crate::state::{At, Observed, Phase, Purpose, Step, Version, Word};

/// What a version is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A read, which is observed, and for which the snapshot may move.
    Read,
    /// A read of an event that is stale or doomed.
    Old,
    /// A read that nobody observes, which no rule allows.
    Blind,
    /// A look at the map that is not observed as such.
    Peek,
    /// A validation.
    Validate,
    /// A look of a validation at the bucket, for a predicate.
    Presence,
}

/// The next step of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the steps are told where they are taken")]
pub enum Part {
    Load,
    Phase(Word),
    Again(Word, Phase),
    Wait(Word, Phase),
    Installed(Word),
    Copy(Word),
    CopyRest(Word, Version),
    Check(Word, Version),
    Line(Version),
    LineRest(Version, Version),
    LineCheck(Version, Version),
}

/// Looking for the newest version of a cell up to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "as the sentence above says")]
pub struct Find {
    pub cell: u8,
    pub bound: u8,
    pub why: Why,
    pub part: Part,
}

impl Step<'_> {
    pub(crate) fn find(&mut self, find: Find) -> bool {
        let cell = self.state.cells[usize::from(find.cell)];
        let to = |part| At::Find(Find { part, ..find });
        match find.part {
            Part::Load => self.load(find, cell.word),
            Part::Phase(word) => {
                let owner = word.owner.expect("only a held cell is settled");
                let phase = self.state.threads[usize::from(owner)].phase;
                self.go(to(Part::Again(word, phase)))
            }
            Part::Again(word, phase) => {
                if cell.word != word && !self.lacks(Bug::WordNotReloaded) {
                    return self.go(to(Part::Load));
                }
                self.by_phase(find, word, phase)
            }
            Part::Wait(word, phase) => {
                let owner = usize::from(word.owner.expect("only a held cell is settled"));
                let moved = cell.word != word || self.state.threads[owner].phase != phase;
                moved && self.go(to(Part::Load))
            }
            Part::Installed(word) => cell.word != word && self.go(to(Part::Load)),
            Part::Copy(word) => {
                let words = [cell.version.words[0], 0];
                let version = Version { timestamp: word.timestamp, words, ..cell.version };
                self.go(to(Part::CopyRest(word, version)))
            }
            Part::CopyRest(word, mut version) => {
                version.words[1] = cell.version.words[1];
                self.go(to(Part::Check(word, version)))
            }
            Part::Check(word, version) => {
                let same = (cell.word.timestamp, cell.word.installing)
                    == (word.timestamp, word.installing);
                if !same && !self.lacks(Bug::CopyNotRechecked) {
                    return self.go(to(Part::Load));
                }
                self.have(find, version)
            }
            Part::Line(_) | Part::LineRest(..) | Part::LineCheck(..) => self.walk(find),
        }
    }

    fn load(&mut self, find: Find, word: Word) -> bool {
        if find.why == Why::Validate {
            let seen = self.observation().seen;
            let held = word.owner.is_none_or(|owner| owner == self.me);
            if held && word.timestamp == seen && !word.installing {
                return self.holds();
            }
        }
        match word.owner {
            Some(owner) if owner != self.me => {
                self.go(At::Find(Find { part: Part::Phase(word), ..find }))
            }
            _ => self.settled(find, word),
        }
    }

    fn by_phase(&mut self, find: Find, word: Word, phase: Phase) -> bool {
        let validates = matches!(find.why, Why::Validate | Why::Presence);
        let ignored = |rule, of_validation| self.lacks(rule) && validates == of_validation;
        let waits = match phase {
            Phase::Drawing => !self.lacks(Bug::DrawingIgnored),
            Phase::Drawn(timestamp) if timestamp <= find.bound => {
                if ignored(Bug::ValidatorFailsOnDrawn, true) {
                    self.wrong("an abort without a committed culprit");
                    return self.fails();
                }
                !ignored(Bug::ReaderIgnoresDrawn, false)
                    && !ignored(Bug::ValidatorIgnoresDrawn, true)
            }
            _ => false,
        };
        if waits {
            return self.go(At::Find(Find { part: Part::Wait(word, phase), ..find }));
        }
        self.settled(find, word)
    }

    fn settled(&mut self, find: Find, word: Word) -> bool {
        if word.timestamp > find.bound && find.why == Why::Read {
            return self.go(At::ExtendClock(find.cell));
        }
        let part = if word.installing { Part::Installed(word) } else { Part::Copy(word) };
        self.go(At::Find(Find { part, ..find }))
    }

    /// A copy is whole; it may be too new.
    fn have(&mut self, find: Find, version: Version) -> bool {
        if version.timestamp > find.bound {
            return self.go(At::Find(Find { part: Part::Line(version), ..find }));
        }
        let newest = matches!(find.part, Part::Check(..));
        match find.why {
            Why::Validate => {}
            Why::Presence => return self.presence(version),
            Why::Peek => return self.peeked(find.cell, version, newest),
            _ if self.is_on_key() => return self.has_slot(find.cell, version, find.why),
            _ => return self.found(find.cell, version, find.why),
        }
        let seen = self.observation().seen;
        if version.timestamp == seen {
            return self.holds();
        }
        if version.timestamp < seen {
            self.wrong("an abort by a version that is older than what was seen");
        }
        match self.observation().what {
            Observed::Version => self.fails(),
            Observed::Absent(_) => self.presence(version),
            Observed::Present(_) => self.go(look(BUCKET, find.bound, Why::Presence)),
        }
    }

    /// Whether a predicate holds with this bucket.
    fn presence(&mut self, bucket: Version) -> bool {
        let holds = match self.observation().what {
            Observed::Version => unreachable!("only a predicate looks for a key"),
            Observed::Absent(key) => slot_of(bucket.words[0], key).is_none(),
            Observed::Present(key) => slot_of(bucket.words[0], key).is_some(),
        };
        if holds { self.holds() } else { self.fails() }
    }

    fn walk(&mut self, find: Find) -> bool {
        let to = |part| At::Find(Find { part, ..find });
        let (newer, copied) = match find.part {
            Part::Line(newer) => (newer, newer),
            Part::LineRest(newer, copied) | Part::LineCheck(newer, copied) => (newer, copied),
            _ => unreachable!("a walk reads lines"),
        };
        let (thread, line) = newer.replaced;
        let owner = &self.state.threads[usize::from(thread)];
        let stored = owner.lines[usize::from(line)];
        match find.part {
            Part::Line(_) => {
                let copied = Version { words: [stored.words[0], 0], ..stored };
                self.go(to(Part::LineRest(newer, copied)))
            }
            Part::LineRest(..) => {
                let words = [copied.words[0], stored.words[1]];
                self.go(to(Part::LineCheck(newer, Version { words, ..copied })))
            }
            _ if owner.overrun >= newer.timestamp && !self.lacks(Bug::OverrunUnchecked) => {
                if matches!(find.why, Why::Validate | Why::Presence) {
                    self.mine().lost = true;
                    return self.fails();
                }
                self.lose(find.cell)
            }
            _ if copied.timestamp >= newer.timestamp => {
                self.wrong("a link into a line that was reused");
                self.go(At::Done)
            }
            _ => self.have(find, copied),
        }
    }

    fn observation(&self) -> crate::state::Observation {
        self.own().observations[usize::from(self.own().validation.0)]
    }

    fn holds(&mut self) -> bool {
        self.mine().validation.0 += 1;
        self.validate_next()
    }

    /// Goes on to the next observation, or to what the validation was for.
    pub(crate) fn validate_next(&mut self) -> bool {
        let own = self.own();
        let (index, bound, purpose) = own.validation;
        match (own.observations.get(usize::from(index)), purpose) {
            (Some(next), Purpose::Extend(_)) => self.go(look(next.cell, bound, Why::Validate)),
            (Some(next), Purpose::Commit) if next.event < own.end => {
                self.go(look(next.cell, bound, Why::Validate))
            }
            (_, Purpose::Extend(cell)) => self.go(At::ExtendStore(cell)),
            (_, Purpose::Commit) => self.validated(),
        }
    }

    fn fails(&mut self) -> bool {
        let failed = self.observation();
        match self.own().validation.2 {
            Purpose::Extend(cell) => self.not_extended(cell, failed),
            Purpose::Commit => {
                let me = self.mine();
                (me.end, me.failed_on) = (failed.event, Some(failed.cell));
                me.doomed = Some(failed.event);
                self.validated()
            }
        }
    }
}
