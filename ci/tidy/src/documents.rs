//! Links lead somewhere, measurements stand beside the command that repeats them, and the causes
//! of conflicts are all told.

use std::path::Path;

use crate::{File, Finding};

/// Units in which nobody writes anything but a measurement.
const UNITS: [&str; 5] = ["ns", "Mpps", "kpps", "pps", "×"];

/// How the commands begin that measure.
const COMMANDS: [&str; 4] = ["cargo ", "nfos-host ", "nfos-bench", "ci/"];

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

/// The page for authors has every cause of conflict with what relaxes it, in the words of the
/// rules table, whose lines are `ID: "…"` and `=> "…";`.
pub fn causes(rules: &File, page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut id = "";
    for (number, line) in rules.lines() {
        let line = line.trim();
        match line.split_once(": \"") {
            Some((name, _)) if name.len() == 2 => id = name,
            _ => {}
        }
        let Some(recipe) = line.strip_prefix("=> \"").and_then(|r| r.strip_suffix("\";")) else {
            continue;
        };
        let row = |line: &str| line.starts_with(&format!("| {id} |")) && line.contains(recipe);
        if !page.lines().any(|(_, line)| row(line)) {
            findings.push(rules.finding(number, format!("{} has no row for {id}", page.path)));
        }
    }
    findings
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
    fn a_cause_without_its_row_is_found() {
        let rules = File::new("r.rs", "    V1: \"it was\"\n        => \"do less\";\n");
        let found = |page| causes(&rules, &File::new("p.md", page)).len();
        assert_eq!(found("| V1 | read | written | do less |"), 0);
        assert_eq!(found("| V1 | read | written | do more |"), 1);
        assert_eq!(found("| V2 | read | written | do less |"), 1);
    }

    #[test]
    fn what_a_fenced_command_printed_is_no_claim() {
        assert_eq!(found("```\n$ nfos-host run\n\n12 ns\n```"), 0);
        assert_eq!(found("```\n\n12 ns\n```\nnfos-host run"), 1);
    }
}
