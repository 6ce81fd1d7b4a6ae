//! `simulate` and `calibrate` as an operator uses them: where results and costs are kept.

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use support::{file, guest, host, stderr, stdout};

/// Simulates the smallest network function for a short while, with further options.
fn simulate(costs: &Path, options: &[&str]) -> Output {
    let mut command =
        host(["simulate", "--cores", "1,2", "--packets", "500", "--no-band", "--json"]);
    command.arg("--nf").arg(guest("counter")).arg("--costs").arg(costs).args(options);
    command.output().expect("the command is built")
}

/// Where there is no file of costs yet.
fn fresh(name: &str) -> PathBuf {
    let costs = file(name, "");
    std::fs::remove_file(&costs).expect("it was just made");
    costs
}

#[test]
fn a_page_or_profile_that_cannot_be_written_is_refused_before_anything_is_measured() {
    for option in ["--html", "--profile"] {
        for place in ["no/such/folder/file", "."] {
            let costs = fresh("unused-costs.json");
            let output = simulate(&costs, &[option, place]);
            let message = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{option} {place}: {message}");
            assert!(message.starts_with(&format!("error: {option} {place}: cannot be written: ")));
            assert_eq!((message.lines().count(), stdout(&output).as_str()), (1, ""), "{message}");
            assert!(!costs.exists(), "{option} {place}: costs were measured in vain");
        }
    }
}

#[test]
fn a_page_is_written_where_it_can_be() {
    let page = file("curves.html", "what was there before");
    let output = simulate(&fresh("page-costs.json"), &["--html", page.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = std::fs::read_to_string(page).expect("it was written");
    assert!(page.contains("counter") && page.contains("simulated"), "{page}");
}

#[test]
fn a_file_of_costs_that_cannot_be_written_is_refused() {
    let in_a_file = file("no-folder", "").join("costs.json");
    let output = simulate(&in_a_file, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("--costs "), "{}", stderr(&output));
}

#[test]
fn costs_are_kept_and_measured_anew_for_another_build_with_a_word_on_why() {
    let costs = fresh("kept-costs.json");
    let read = || std::fs::read_to_string(&costs).expect("costs were written");
    let run = || {
        let output = simulate(&costs, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (stderr(&output), stdout(&output), read())
    };
    let (said, first, kept) = run();
    assert_eq!(said, "");
    assert_eq!(run(), (String::new(), first, kept.clone()), "the second run measures nothing");

    let version = env!("CARGO_PKG_VERSION");
    let host = kept.split('"').find(|word| word.starts_with(&format!("{version} ")));
    let host = host.expect("the build is beside its costs");
    // No measurement comes to a burst of that many nanoseconds.
    let planted = |build: &str| {
        let kept = kept.replace(host, build);
        let marked = kept.replace("\"burst_ns\": ", "\"burst_ns\": 123456789");
        assert!(marked != kept, "{kept}");
        std::fs::write(&costs, marked).expect("it was written before");
    };
    for (build, why) in [
        (format!("{version} 0000"), "another build of this version"),
        ("0.0.9 0000".to_owned(), "version 0.0.9"),
        (String::new(), "a host that did not name itself"),
    ] {
        planted(&build);
        let (said, _, kept) = run();
        let word = |what: &str| {
            format!(
                "warning: costs of {what} are measured anew: those known were measured by {why}\n"
            )
        };
        assert_eq!(said, word("this machine") + &word("counter"));
        assert!(kept.contains(host) && !kept.contains("123456789"), "{kept}");
    }
}
