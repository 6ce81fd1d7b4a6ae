//! Checks of the source tree for what no compiler sees.
//!
//! A rule is a function from a [`File`], or from the whole [`Tree`], to [`Finding`]s. Each has a
//! test beside it on a text that breaks it, so that none of them is one that cannot fail;
//! `tests/tree.rs` holds the tree itself to all of them.
//!
//! | module | rules |
//! |---|---|
//! | [`text`] | length and width of files, what must not be left over, paths of one machine |
//! | [`rust`] | module docs, length of functions, tests that can fail, where `unsafe` may be |
//! | [`names`] | words that name nothing |
//! | [`layout`] | what each crate, each network function and each script has |
//! | [`documents`] | links lead somewhere, measurements stand beside their command |
//! | [`guarantees`] | each guarantee names tests that are there |

pub mod documents;
pub mod guarantees;
pub mod layout;
pub mod names;
pub mod rust;
pub mod text;

use std::fmt;
use std::path::{Path, PathBuf};

/// A text file of the tree.
#[derive(Clone, Debug)]
pub struct File {
    /// Relative to the root, with `/` between its parts.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// All text files of the project.
#[derive(Debug)]
pub struct Tree {
    /// Where it is.
    pub root: PathBuf,
    /// In order of their paths.
    pub files: Vec<File>,
}

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    what: String,
}

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", ".git", "captures", "node_modules"];

impl File {
    /// A file of this text, for tests.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether its name ends in one of these.
    pub fn is(&self, extensions: &[&str]) -> bool {
        extensions.iter().any(|extension| self.path.ends_with(extension))
    }

    /// The lines, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// A finding in the line `line` of it; 0: in all of it.
    pub fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

impl Tree {
    /// Reads the tree that this crate is part of.
    ///
    /// # Panics
    /// If a file cannot be read.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().expect("a crate lies where it was compiled");
        let mut files = Vec::new();
        collect(&root, &root, &mut files);
        files.sort_by(|a: &File, b: &File| a.path.cmp(&b.path));
        Self { root, files }
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files whose names end in one of these.
    pub fn with(&self, extensions: &'static [&str]) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is(extensions))
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    let entries = std::fs::read_dir(folder).expect("folders of the tree can be read");
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !FOREIGN.iter().any(|foreign| name == *foreign) {
                collect(root, &path, files);
            }
        // Captures are no text.
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root).expect("it was found below the root");
            files.push(File { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// All findings, one a line.
pub fn told(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n{finding}")).collect()
}
