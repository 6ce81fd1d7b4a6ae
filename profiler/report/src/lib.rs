//! Reports of profiles: why a network function does not scale, where in its source, and what to
//! change.
//!
//! | module | |
//! |---|---|
//! | `report` | from a profile to ranked causes, lines, load and course |
//! | `load` | who had how much of it, and what slowed workers down |
//! | `sources` | the network function's source, found by the names in its debug information |
//! | `text`, `html`, `charts` | the report for a terminal and for a browser |
//! | `difference` | what a change between two runs did |
//! | `numbers` | numbers as humans read them |

mod charts;
mod difference;
#[cfg(test)]
mod example;
mod html;
mod load;
mod numbers;
mod report;
mod sources;
mod text;

use std::path::PathBuf;

use nfos_records::profile::Profile;

use crate::sources::Sources;

/// The report of one run.
#[derive(Debug)]
pub struct Report {
    report: report::Report,
    sources: Sources,
}

impl Report {
    /// Of a profile, with the source that is found in these folders.
    #[must_use]
    pub fn of(profile: &Profile, folders: &[PathBuf]) -> Self {
        let sources = Sources::find(profile, folders);
        Self { report: report::Report::new(profile, &sources), sources }
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        text::text(&self.report)
    }

    /// For a browser: one page that needs nothing else.
    #[must_use]
    pub fn page(&self) -> String {
        html::page(&self.report, &self.sources)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.report).expect("numbers and names") + "\n"
    }
}

/// What changed from one run to another.
#[must_use]
pub fn difference(before: &Profile, after: &Profile) -> String {
    let of = |profile: &Profile| report::Report::new(profile, &Sources::default());
    difference::difference((&of(before), before), (&of(after), after))
}
