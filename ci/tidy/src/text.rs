//! Length and width of files, what must not be left over, paths of one machine.

use crate::{File, Finding};

/// Files are split before they are longer.
const LINES_MAX: usize = 600;
/// Longer files, each with its reason.
const LONG: [(&str, &str); 0] = [];

const COLUMNS_MAX: usize = 100;

/// Words that promise work, written so that this file has none of them.
const LEFTOVERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("db", "g!("),
    concat!("for ", "now"),
];

/// Where the folders of one person or machine begin.
const HOMES: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// Sources written by hand.
const SOURCES: [&str; 4] = [".rs", ".sh", ".wit", "Cargo.toml"];

/// A source file is at most 600 lines long.
pub fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let excepted = LONG.iter().any(|(path, _)| *path == file.path);
    (file.is(&[".rs", ".sh", ".wit"]) && lines > LINES_MAX && !excepted)
        .then(|| file.finding(0, format!("{lines} lines; split it below {LINES_MAX}")))
}

/// A line of code is at most 100 characters wide.
pub fn width(file: &File) -> Vec<Finding> {
    if !file.is(&[".rs", ".sh", ".wit"]) {
        return Vec::new();
    }
    file.lines()
        .map(|(number, line)| (number, line.chars().count()))
        .filter(|(_, columns)| *columns > COLUMNS_MAX)
        .map(|(number, columns)| file.finding(number, format!("{columns} columns wide")))
        .collect()
}

/// Nothing is left for later.
pub fn leftovers(file: &File) -> Vec<Finding> {
    if !file.is(&SOURCES) && !file.is(&[".md"]) {
        return Vec::new();
    }
    containing(file, &LEFTOVERS, "says")
}

/// No path of one machine.
pub fn homes(file: &File) -> Vec<Finding> {
    containing(file, &HOMES, "names a folder of one machine,")
}

fn containing(file: &File, words: &[&str], what: &str) -> Vec<Finding> {
    let found = |(number, line): (usize, &str)| {
        let word = words.iter().find(|word| line.contains(*word))?;
        Some(file.finding(number, format!("{what} {word}")))
    };
    file.lines().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found_and_one_at_the_limit_is_not() {
        assert!(length(&File::new("a.rs", &"x\n".repeat(LINES_MAX))).is_none());
        assert!(length(&File::new("a.rs", &"x\n".repeat(LINES_MAX + 1))).is_some());
        assert!(length(&File::new("a.md", &"x\n".repeat(LINES_MAX + 1))).is_none());
    }

    #[test]
    fn width_is_counted_in_characters() {
        assert!(width(&File::new("a.sh", &"ä".repeat(COLUMNS_MAX))).is_empty());
        let found = width(&File::new("a.sh", &format!("\n{}", "ä".repeat(COLUMNS_MAX + 1))));
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("a.sh:2: 101 columns"));
    }

    #[test]
    fn leftovers_and_homes_are_found() {
        for word in LEFTOVERS {
            assert_eq!(leftovers(&File::new("a.rs", &format!("// {word} x)"))).len(), 1);
        }
        for home in HOMES {
            assert_eq!(homes(&File::new("a.md", &format!("see {home}me"))).len(), 1);
        }
        assert!(leftovers(&File::new("a.rs", "fn settled() {}")).is_empty());
    }
}
