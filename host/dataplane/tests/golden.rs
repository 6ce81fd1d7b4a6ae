//! Every golden capture of every network function of the repository, on one worker and on many,
//! on both engines:
//! the expected packets come from plain sequential models, never from the network functions.
//!
//! A case whose network function hands out what is not specified names the numbers of workers that
//! give its output.
//!
//! The frames that leave are compared with their time stamps and in their order. One worker must
//! give them exactly; so must more, since output is written in the order of arrival: that is more
//! than the same order within each packet set.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_engine::EngineChoice;
use support::golden::{cases, check, worker_counts};
use support::{guest_on, root};

#[test]
fn golden_captures_come_out_as_expected_on_any_number_of_workers() {
    let mut checked = 0;
    let mut folders: Vec<_> = std::fs::read_dir(root().join("guests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("golden").is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let engines = [EngineChoice::Automatic, EngineChoice::Component];
        let nfs = engines.map(|engine| guest_on(name, engine));
        for case in cases(&folder.join("golden")) {
            for workers in worker_counts(&case) {
                for nf in &nfs {
                    check(nf, &case, workers);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 4 * 4, "only {checked} runs");
}
