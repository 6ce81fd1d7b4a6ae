//! Links lead somewhere, and measurements stand beside the command that repeats them.

use std::path::Path;

use crate::{File, Finding};

/// Units in which nobody writes anything but a measurement.
const UNITS: [&str; 5] = ["ns", "Mpps", "kpps", "pps", "×"];

/// How the commands begin that measure.
const COMMANDS: [&str; 6] =
    ["cargo ", "nfos-host ", "nfos-bench", "ci/", "bash bench/", "python3 bench/"];

/// A relative link leads to a file or a folder.
pub fn links(root: &Path, file: &File) -> Vec<Finding> {
    if !file.is(&[".md"]) {
        return Vec::new();
    }
    let folder = root.join(&file.path);
    let folder = folder.parent().unwrap_or(root);
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        for target in link_targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                findings
                    .push(file.finding(number, format!("links to {target}, which is not there")));
            }
        }
    }
    findings
}

fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// A paragraph with a number before one of the units above has a command in it.
///
/// What counts as a paragraph: lines up to an empty one, or a whole fenced block, which may show
/// the command and what it printed.
pub fn measurements(file: &File) -> Vec<Finding> {
    if !file.is(&[".md"]) {
        return Vec::new();
    }
    paragraphs(file)
        .into_iter()
        .filter(|(_, text)| has_measurement(text) && !COMMANDS.iter().any(|c| text.contains(c)))
        .map(|(number, _)| file.finding(number, "measured, but by no command in the paragraph"))
        .collect()
}

fn paragraphs(file: &File) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let (mut fenced, mut within) = (false, false);
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            within &= fenced;
        } else if line.trim().is_empty() && !fenced {
            within = false;
            continue;
        }
        match all.last_mut().filter(|_| within) {
            Some((_, text)) => {
                text.push('\n');
                text.push_str(line);
            }
            None => all.push((number, line.to_owned())),
        }
        within = true;
    }
    all
}

fn has_measurement(text: &str) -> bool {
    let words: Vec<&str> = text.split([' ', '\n', '|', '(', ')', ',', ';', ':']).collect();
    let is_unit = |word: &str| UNITS.contains(&word.trim_end_matches(['.', '*']));
    let is_number = |word: &str| {
        let digits = word.trim_start_matches(['~', '≤', '≥', '<', '>', '*']);
        digits.starts_with(|c: char| c.is_ascii_digit())
    };
    let apart = words.windows(2).any(|pair| is_number(pair[0]) && is_unit(pair[1]));
    let joined = words.iter().any(|word| {
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
        unit.len() < word.len() && is_unit(unit)
    });
    apart || joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        measurements(&File::new("a.md", text)).len()
    }

    #[test]
    fn a_dead_link_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dead = File::new("src/a.md", "\nsee [this](lib.rs), [that](gone.rs#there)");
        let findings = links(root, &dead);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains("a.md:2: links to gone.rs"));
        assert!(links(root, &File::new("a.md", "[a](https://example.org) [b](#b)")).is_empty());
    }

    #[test]
    fn a_measurement_without_its_command_is_found() {
        for claim in ["takes 12 ns", "**15 Mpps**", "18× faster", "| a | 3.5 ns |", "at 2 Mpps."] {
            assert_eq!(found(claim), 1, "{claim}");
            assert_eq!(found(&format!("{claim}\nby `cargo bench`")), 0, "{claim}");
            assert_eq!(found(&format!("{claim}\n\nby `cargo bench`")), 1, "{claim}");
        }
        assert_eq!(found("a frame of 64 bytes, a quantum of 1 ms, in seconds"), 0);
    }

    #[test]
    fn what_a_fenced_command_printed_is_no_claim() {
        assert_eq!(found("```\n$ nfos-host run\n\n12 ns\n```"), 0);
        assert_eq!(found("```\n\n12 ns\n```\nnfos-host run"), 1);
    }
}
